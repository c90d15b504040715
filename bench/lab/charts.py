"""The charts of the page, drawn from the series of figures: bars where a point's x is a word, lines where it is a number. Pure."""
from __future__ import annotations

from dataclasses import dataclass

from lab import svg
from lab.figure import Figure, Series


@dataclass
class Look:
    title: str
    y: str  # what the values are, with their unit
    x: str = ""
    relative: bool = False  # each group of bars as a share of its first bar, whose own value is written beside it


LOOKS = {
    "latency": Look("A warm GetToken on one connection, client and server on one CPU", "p50, microseconds"),
    "throughput": Look("Warm GetToken, requests a second beside the floor and redis GET", "share of the floor's requests/s",
                       relative=True),
    "storm": Look("Reads while 32 renewals with full TLS handshakes are in flight", "microseconds"),
    "get": Look("A whole process: spawn to exit", "microseconds"),
    "memory": Look("Memory of the daemon", "MiB", "accounts, tokens of 1 KB"),
    "start": Look("Start: from fork to the first answer", "seconds", "accounts, tokens of 1 KB"),
    "growth": Look("What grows with the number of accounts", "times the value at 1,000", "accounts"),
    "herd": Look("A herd: accounts still to be renewed after an outage", "accounts", "seconds since the provider is back"),
}
LEFT, RIGHT, TOP, LINES_TOP = 250, 90, 74, 96


def collect(figures: list[Figure]) -> dict[str, list[Series]]:
    """Series by chart; those of one label are one line, in the order they came."""
    charts: dict[str, dict[str, Series]] = {}
    for figure in figures:
        for one in figure.series:
            known = charts.setdefault(one.chart, {}).setdefault(one.label, Series(one.chart, one.label, [], one.peer))
            known.points += [point for point in one.points if point not in known.points]
    return {name: list(lines.values()) for name, lines in charts.items()}


def styles(series: list[Series]) -> dict[str, str]:
    peers, ours = iter(svg.PEERS * 4), iter(svg.MORE * 4)
    return {one.label: next(peers) if one.peer else next(ours) for one in series}


def draw(name: str, series: list[Series]) -> str:
    look = LOOKS.get(name, Look(name, ""))
    words = any(isinstance(x, str) for one in series for x, _ in one.points)
    return bars(look, series) if words else lines(look, series)


def bars(look: Look, series: list[Series]) -> str:
    groups = list(dict.fromkeys(str(x) for one in series for x, _ in one.points))
    style, bar, gap = styles(series), 20, 20
    values = {(str(x), one.label): y for one in series for x, y in one.points}
    base = {group: next((values[group, one.label] for one in series if (group, one.label) in values), 1.0) if look.relative else 1.0
            for group in groups}
    shown = {key: value / base[key[0]] for key, value in values.items()}
    scale = svg.Scale(svg.ticks(max(shown.values())), LEFT, svg.WIDTH - RIGHT)
    parts, y = svg.legend(16, 52, [(one.label, style[one.label]) for one in series]), TOP
    for group in groups:
        lanes = [one for one in series if (group, one.label) in values]
        parts.append(svg.text(LEFT - 10, y + len(lanes) * bar / 2 + 4, "" if lanes[0].label == group else group, anchor="end"))
        for one in lanes:
            end = scale.place(shown[group, one.label])
            if lanes[0].label == group or len(groups) > 1 and one.label == group:
                parts.append(svg.text(LEFT - 10, y + 14, one.label, anchor="end"))
            parts += [svg.rect(LEFT, y + 2, end - LEFT, bar - 4, style[one.label]),
                      svg.text(end + 6, y + 14, svg.short(values[group, one.label]), "quiet")]
            y += bar
        y += gap if len(lanes) > 1 else 4
    bottom = y - (gap if len(lanes) > 1 else 4) + 8
    grid = []
    for mark in scale.marks:
        grid += [svg.line(scale.place(mark), TOP - 4, scale.place(mark), bottom, "grid"),
                 svg.text(scale.place(mark), bottom + 18, svg.short(mark), "quiet", "middle")]
    return svg.document(bottom + 50, look.title, [*grid, svg.line(LEFT, TOP - 4, LEFT, bottom, "axis"), *parts,
                                                  svg.text((LEFT + svg.WIDTH - RIGHT) / 2, bottom + 40, look.y, "quiet", "middle")])


def lines(look: Look, series: list[Series]) -> str:
    left, bottom, style = 80, 350, styles(series)
    points = [(float(x), y) for one in series for x, y in one.points]
    xs, ys = [x for x, _ in points], [y for _, y in points]
    log_x, log_y = min(xs) > 0 and max(xs) / min(xs) > 50, min(ys) > 0 and max(ys) / min(ys) > 50
    across = svg.Scale(svg.log_ticks(min(xs), max(xs)) if log_x else svg.ticks(max(xs)), left, svg.WIDTH - 40, log_x)
    up = svg.Scale(svg.log_ticks(min(ys), max(ys)) if log_y else svg.ticks(max(ys)), bottom, LINES_TOP, log_y)
    parts = svg.legend(16, 52, [(one.label, style[one.label]) for one in series]) if len(series) > 1 else []
    for mark in up.marks:
        parts += [svg.line(left, up.place(mark), svg.WIDTH - 40, up.place(mark), "grid"),
                  svg.text(left - 8, up.place(mark) + 4, svg.short(mark), "quiet", "end")]
    for mark in across.marks:
        parts += [svg.line(across.place(mark), bottom, across.place(mark), bottom + 5, "axis"),
                  svg.text(across.place(mark), bottom + 20, svg.short(mark), "quiet", "middle")]
    parts.append(svg.line(left, bottom, svg.WIDTH - 40, bottom, "axis"))
    for one in series:
        places = [(across.place(float(x)), up.place(y)) for x, y in sorted((float(x), y) for x, y in one.points)]
        parts.append(f'<polyline class="line {style[one.label]}" points="' + " ".join(f"{x:.1f},{y:.1f}" for x, y in places) + '"/>')
        if len(places) > 20:
            continue
        for (x, y), (_, value) in zip(places, sorted((float(x), y) for x, y in one.points)):
            parts.append(f'<circle class="{style[one.label]}" cx="{x:.1f}" cy="{y:.1f}" r="3.5"/>')
            if len(series) == 1:
                parts.append(svg.text(x, y - 9, svg.short(value), "", "end" if x > svg.WIDTH - 90 else "middle"))
    parts += [svg.text((left + svg.WIDTH - 40) / 2, bottom + 44, look.x + (" (logarithmic)" if log_x else ""), "quiet", "middle"),
              svg.text(16, LINES_TOP - 16, look.y + (" (logarithmic)" if log_y else ""), "quiet")]
    return svg.document(bottom + 60, look.title, parts)
