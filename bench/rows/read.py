"""A game that reads its token each frame, through libtokenbroker's watched token."""
from lab.context import Context
from lab.figure import Figure
from lab.processes import Failed

NAME = "read"
ORDER = 60
WHY = "nanoseconds of a read of a watched token by libtokenbroker (tb_read), against a thread-cached pointer with a generation check"

BAR_NS = 5.0


def parse(text: str) -> list[tuple[str, int, float, float]]:
    """The table of client_read: what, threads, nanoseconds of the floor and of ours."""
    rows = []
    for line in text.splitlines()[1:]:
        words = line.split()
        if len(words) >= 5:
            rows.append((" ".join(words[:-4]), int(words[-4]), float(words[-3]), float(words[-2])))
    return rows


def measure(context: Context) -> list[Figure]:
    program = context.tool("client_read")
    rows = parse(context.processes.run([program, *(["1"] if context.quick else [])], timeout_s=120))
    if not rows:
        raise Failed("client_read printed no table")
    note = "medians of 7 interleaved rounds of 20 million reads, CPU time of the thread; the bar is nanoseconds"
    return [Figure(f"libtokenbroker read, {what}, {threads} thread{'s' * (threads > 1)}", "ns", ours, floor, ours / floor,
                   bar=BAR_NS, bar_is_absolute=True,
                   note="" if i else note)
            for i, (what, threads, floor, ours) in enumerate(rows)]
