"""Rows that put the same load on the floor, the daemon and redis-server (where it is installed), in turn, and compare them.

The floor's replies and redis' values have 1.2 KB. A reply of the daemon holds its token twice (the token, and the header that is made of
it), so there are two daemons: one whose replies have 1.2 KB too, and one with tokens of 1 KB, whose replies have 2.3 KB.
"""
from __future__ import annotations

import contextlib
import statistics
from typing import Any, Sequence

from lab.context import Context
from lab.figure import Figure, Series, compared

LOAD_S = 0.5  # of one server in one round
ALIKE, LARGE = "daemon", "daemon, 1 KB tokens"
TOKEN_BYTES = {ALIKE: 493, LARGE: 1024}
Rounds = dict[str, list[dict[str, Any]]]


def measure_peers(context: Context, *, accounts: int, cpus: list[int], daemons: Sequence[str] = (ALIKE, LARGE), **load: Any) -> Rounds:
    """What each server did in each round; the servers on `cpus`."""
    with contextlib.ExitStack() as stack:
        servers: dict[str, tuple[str, Any]] = {"floor": ("floor", stack.enter_context(context.floor_server(cpus=cpus)))}
        for name in daemons:
            servers[name] = ("varlink", stack.enter_context(context.daemon(accounts, cpus=cpus, token_bytes=TOKEN_BYTES[name])))
        redis = context.redis_server(accounts, cpus=cpus)
        if redis is not None:
            servers["redis"] = ("resp", stack.enter_context(redis))
        lanes = {}
        for name, (protocol, server) in servers.items():
            context.load_server(server, protocol, accounts=accounts, seconds=0.1, **load)  # warms caches and connections up
            lanes[name] = lambda server=server, protocol=protocol: context.load_server(
                server, protocol, accounts=accounts, seconds=context.seconds(LOAD_S), **load)
        return context.interleaved(lanes)


def of(found: list[dict[str, Any]], key: str) -> list[float]:
    return [one[key] for one in found]


def against(name: str, key: str, unit: str, found: Rounds, *, floor_bar: float | None, redis_bar: float, sense: str) -> list[Figure]:
    """Each daemon against the floor and against redis; the note says what CPU time the servers spent, which no neighbour changes."""
    spent = ", ".join(f"{who} {statistics.median(of(rounds, 'cpu_us')):.2f} us" for who, rounds in found.items())
    note = f"server CPU a request: {spent}"
    figures = []
    for daemon in (who for who in TOKEN_BYTES if who in found):
        sort = "replies of 1.2 KB" if daemon == ALIKE else "1 KB tokens"
        ours = of(found[daemon], key)
        figures.append(compared(f"{name}, {sort}", unit, ours, of(found["floor"], key), bar=floor_bar, sense=sense, note=note))
        note = ""
        if "redis" in found:
            figures.append(compared(f"{name}, {sort}, against redis", unit, ours, of(found["redis"], key), bar=redis_bar, sense=sense,
                                    floor_name="redis"))
    return figures


def bars(chart: str, group: str, key: str, found: Rounds) -> list[Series]:
    """One bar for each server; without a group each stands for itself."""
    return [Series(chart, who, [(group or who, statistics.median(of(rounds, key)))], peer=who not in TOKEN_BYTES)
            for who, rounds in found.items()]


def throughput(name: str, found: Rounds, *, floor_bar: float | None, redis_bar: float) -> list[Figure]:
    figures = against(f"{name}, requests/s", "per_s", "/s", found, floor_bar=floor_bar, redis_bar=redis_bar, sense=">=")
    figures[0].series = bars("throughput", name, "per_s", found)
    return figures
