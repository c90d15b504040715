"""Rows that put the same load on the floor, the daemon and redis-server (where it is installed), in turn, and compare requests/s."""
from __future__ import annotations

import contextlib
import statistics
from typing import Any

from lab.context import Context
from lab.figure import Figure, Series, compared

LOAD_S = 0.5  # of one server in one round


def measure_peers(context: Context, *, accounts: int, cpus: list[int], **load: Any) -> dict[str, list[dict[str, Any]]]:
    """What each server did in each round; the server on `cpus`."""
    with contextlib.ExitStack() as stack:
        servers = {"floor": ("floor", stack.enter_context(context.floor_server(cpus=cpus))),
                   "daemon": ("varlink", stack.enter_context(context.daemon(accounts, cpus=cpus)))}
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


def throughput(name: str, found: dict[str, list[dict[str, Any]]], *, floor_bar: float | None, redis_bar: float) -> list[Figure]:
    """Requests/s against the floor and against redis, and the bars of the chart."""
    ours = of(found["daemon"], "per_s")
    spent = ", ".join(f"{who} {statistics.median(of(rounds, 'cpu_us')):.2f} us" for who, rounds in found.items())
    series = [Series("throughput", who, [(name, statistics.median(of(rounds, "per_s")))], peer=who != "daemon")
              for who, rounds in found.items()]
    figures = [compared(f"{name}, requests/s", "/s", ours, of(found["floor"], "per_s"), bar=floor_bar, sense=">=", series=series,
                        note=f"server CPU a request: {spent}")]
    if "redis" in found:
        figures.append(compared(f"{name}, requests/s, against redis", "/s", ours, of(found["redis"], "per_s"), bar=redis_bar,
                                sense=">=", floor_name="redis"))
    return figures
