"""What one warm GetToken costs, counted: these gate the tests."""
import os

from lab import counting
from lab.context import Context
from lab.figure import Figure

NAME = "counts"
ORDER = 5
WHY = "system calls (strace) and user instructions (callgrind) of a warm GetToken by a uid rule: alone, 16 pipelined, among 64; exact"

PIPELINE = 16
CROWD, CROWD_BATCHES = 64, 100
# recv and send, and what many share: less than half a call, as long as they wait together and by tens. Each by itself it is three.
CROWD_BAR = 2.5


def measure(context: Context) -> list[Figure]:
    batches = 400 if context.quick else 1000
    figures = []
    plain = "" if os.geteuid() == 0 else "; without root the caller has the daemon's own uid, and needs no rule"
    for name, depth, most in (("isolated", 1, 4), (f"{PIPELINE} pipelined", PIPELINE, 0.32)):
        calls = counting.system_calls(context, depth, batches)
        note = ", ".join(f"{call} {count:.2f}" for call, count in calls.items()) + plain
        figures.append(Figure(f"system calls a warm GetToken, {name}", "", counting.total(calls), bar=most, exact=True, note=note))
    calls = counting.system_calls(context, 1, CROWD_BATCHES, connections=CROWD)
    figures.append(Figure(f"system calls a warm GetToken, {CROWD} connections", "", counting.total(calls), bar=CROWD_BAR, exact=True,
                          note=", ".join(f"{call} {count:.2f}" for call, count in calls.items())))
    for name, depth, most in (("isolated", 1, 5000), (f"{PIPELINE} pipelined", PIPELINE, 2000)):
        count = counting.instructions(context, depth, batches)
        figures.append(Figure(f"user instructions a warm GetToken, {name}", "", count, bar=most, exact=True,
                              note=plain.lstrip("; ")))
    return figures
