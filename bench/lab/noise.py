"""Was the machine ours while we measured? Three measures, over the time of one row: steal (the hypervisor gave our CPUs to others),
CPU time that was busy but not ours, and the load when it began. The counters of /proc/stat are the machine's, not the container's.
"""
from __future__ import annotations

import os
import resource
import time
from dataclasses import dataclass

# A fiftieth of the time stolen moves a p99 and hardly a p50; a twentieth moves both.
STEAL_MAX = 0.02
# Of one CPU: a compiler takes a whole one; sshd, journald and this program's kernel threads together take less than this.
OTHERS_MAX = 0.15


@dataclass
class Moment:
    at: float
    busy_s: float  # all CPUs, without idle, iowait and steal
    steal_s: float
    ours_s: float  # this process and its ended children


def parse_stat(text: str, ticks: int) -> tuple[float, float]:
    """Busy and stolen seconds out of /proc/stat. guest time is in user already."""
    values = [int(word) / ticks for word in text.splitlines()[0].split()[1:]]
    user, nice, system, _idle, _iowait, irq, softirq, steal = values[:8]
    return user + nice + system + irq + softirq, steal


def now() -> Moment:
    with open("/proc/stat", encoding="ascii") as file:
        busy, steal = parse_stat(file.read(), os.sysconf("SC_CLK_TCK"))
    ours = 0.0
    for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN):
        usage = resource.getrusage(who)
        ours += usage.ru_utime + usage.ru_stime
    return Moment(time.monotonic(), busy, steal, ours)


def reasons(before: Moment, after: Moment, cpus: int) -> list[str]:
    """Why not to believe what was measured between; empty = quiet. All children that worked in between must have been waited for."""
    took = max(after.at - before.at, 1e-3)
    found = []
    steal = (after.steal_s - before.steal_s) / took / cpus
    if steal > STEAL_MAX:
        found.append(f"{steal:.0%} of the CPUs was stolen (steal in /proc/stat; at most {STEAL_MAX:.0%})")
    others = ((after.busy_s - before.busy_s) - (after.ours_s - before.ours_s)) / took
    if others > OTHERS_MAX:
        found.append(f"other processes used {others:.2f} CPUs (/proc/stat less our own; at most {OTHERS_MAX})")
    return found
