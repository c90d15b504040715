"""KillWorld with exact kills: before and after the K-th call of one system call in one thread of the daemon.

Each renewal starts cold (a look-up, a new connection, a handshake), so that every kill meets the same sequence. Which
calls there are is counted in some renewals first; what only some of them make is left out, since a kill there would
often not be met. A place that is not met is tried again.
"""
import contextlib
import time
from pathlib import Path
from typing import Any, NamedTuple

from harness.at_syscall import AtSyscall
from harness.clients import Clients
from harness.kill_world import Family, KillWorld
from harness.sanitizer import patient
from harness.varlink import Closed, Varlink

LISTINGS = 4
TRIES = 5
MEET_LIMIT_S = patient(1.0)
SETTLE_S = patient(0.06)  # what a renewal does after its answer: watchers, timers, the connection kept
# How often these are made depends on how threads and memory happened to meet: killed at, but not part of the total.
UNSTEADY = ("futex", "epoll_wait", "epoll_ctl", "madvise", "mmap", "mprotect", "munmap", "brk", "restart_syscall", "sched_yield")


class Point(NamedTuple):
    thread: str
    call: str
    k: int
    before: bool

    def __str__(self) -> str:
        return f"{self.thread}: {'before' if self.before else 'after'} {self.call} {self.k}"


class KillPoints(KillWorld):
    again_chance = 0.0
    what = KillWorld.persona  # its line in kill_points.txt

    def __init__(self, sim: Any, folder: Path, policy: str, seed: int) -> None:
        super().__init__(sim, folder, policy, seed)
        self.tracer = AtSyscall(self.daemon)
        self.point: Point | None = None
        self.met = False
        self.hit: list[Point] = []
        self.missed: list[Point] = []

    def cold(self) -> None:
        self.daemon.kill()
        self.daemon.start()
        self.tracer.attach()

    def begin(self, family: Family, watch: Varlink, admin: Varlink) -> None:
        """Both connections are accepted and have been served."""
        watch.send("WatchTokens", {"accounts": [family.account]}, more=True)
        watch.receive()
        admin.call("ListClients")

    # -- what there is --
    def renewal(self, family: Family) -> dict[tuple[str, str], int]:
        """The system calls of one renewal."""
        self.cold()
        with self.daemon.tokens() as watch, self.daemon.admin() as admin:
            self.begin(family, watch, admin)
            self.tracer.count()
            admin.call("RenewAccount", account=family.account)
            time.sleep(SETTLE_S)
            return self.tracer.counted()

    def points(self, family: Family) -> list[Point]:
        seen = [self.renewal(family) for _ in range(LISTINGS)]
        always = set.intersection(*(set(counts) for counts in seen))
        return [Point(thread, call, k, before) for thread, call in sorted(always)
                for k in range(1, min(counts[thread, call] for counts in seen) + 1) for before in (True, False)]

    # -- one kill --
    def kill_while_renewing(self, family: Family) -> float:
        assert self.point is not None
        self.cold()
        since = self.sim.state()["last_seq"]
        with self.daemon.tokens() as watch, self.daemon.admin() as admin:
            self.begin(family, watch, admin)
            self.tracer.kill_at(*self.point)
            with contextlib.suppress(Closed):  # a thread may wake for something else, and meet the point
                admin.send("RenewAccount", {"account": family.account})
            self.met = self.tracer.killed(MEET_LIMIT_S)
            self.kill()  # dead already if it was met
            killed_at = self.killed[-1]
            self.drain_watch(family, watch, killed_at)
            self.acknowledged(family, admin, killed_at, "")
        self.await_quiet(family, since)
        return killed_at

    def judge_loss(self, family: Family, state: str) -> None:
        super().judge_loss(family, state)
        if all(presented["ok"] for presented in self.presentations(family)):
            self.failures.append(f"{family.name}: {state}, though the provider refused nothing")

    def strike(self, family: Family, point: Point) -> Family:
        self.point = point
        for _ in range(TRIES):
            before = len(self.failures)
            family = self.cycle(family)
            self.failures[before:] = [f"{point}: {text}" for text in self.failures[before:]]
            if self.met:
                self.hit.append(point)
                return family
        self.missed.append(point)
        return family

    def sweep(self, most: int) -> list[Point]:
        """Kills at each point, or at `most` of them, evenly spread with the first and the last; all points there are."""
        self.daemon.start()
        try:
            family = self.new_family()
            every = self.points(family)
            chosen = every
            if 0 < most < len(every):
                chosen = [every[i * (len(every) - 1) // (most - 1)] for i in range(most)]
            for point in chosen:
                family = self.strike(family, point)
        finally:
            self.tracer.close()
            self.daemon.close()
        for family in self.families:
            self.judge_spending(family)
        for found in self.sim.check(ignore=["spent_after_delivered_success", "presented_after_refusal"]):
            self.failures.append(f"invariant {found}")
        return every


class ImmersveKillPoints(KillPoints):
    persona = what = "immersve"

    def client(self, folder: Path) -> str:
        return Clients(self.sim, folder).immersve("shop")
