"""docs/performance.md: what stands between its markers is written from the figures; the rest is written by people. Pure but for files.

The figures are kept beside the charts, so that a row measured anew replaces its own and leaves the others.
"""
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from lab import charts, table
from lab.figure import Figure, from_json

BEGIN, END = "<!-- bench/run --docs writes from here", "<!-- to here -->"
CHARTS_FIRST = ("latency", "throughput", "storm", "memory", "start", "growth", "herd", "get")


class PageError(Exception):
    pass


def merge(old: list[Figure], new: list[Figure], rows: list[str]) -> list[Figure]:
    """The figures of the rows measured now replace what these rows had; in the order of the rows."""
    measured = {figure.row for figure in new}
    kept = [figure for figure in old if figure.row not in measured]
    order = {name: place for place, name in enumerate(rows)}
    return sorted([*kept, *new], key=lambda figure: order.get(figure.row, len(order)))


def between(page: str, text: str) -> str:
    """The page with what is between the markers replaced."""
    begin = page.find(BEGIN)
    end = page.find(END)
    if begin < 0 or end < begin:
        raise PageError(f"the page has no line that begins with {BEGIN!r} and a later {END!r}")
    begin = page.index("\n", begin) + 1
    return page[:begin] + text + page[end:]


def body(figures: list[Figure], drawn: list[str], about: dict[str, Any]) -> str:
    dates = sorted({figure.date for figure in figures if figure.date})
    when = " to ".join(dates[:: max(len(dates) - 1, 1)])
    machine = f"{about['cpus']} CPUs, Linux {about['kernel']}, {about['rounds']} rounds, {when}"
    notes = [f"- {figure.name}: {figure.note}\n" for figure in figures if figure.note]
    doubts = [f"- {figure.name}: {figure.verdict.partition(': ')[2]}\n" for figure in figures if figure.verdict.startswith("unbelievable")]
    parts = ["\n", table.markdown(figures), "\n", f"Measured on {machine}.\n"]
    if notes:
        parts += ["\n", *notes]
    if doubts:
        parts += ["\nNot to be believed, for the machine was not quiet:\n\n", *doubts]
    for name in drawn:
        title = charts.LOOKS[name].title if name in charts.LOOKS else name
        parts.append(f"\n![{title}](charts/{name}.svg)\n")
    return "".join(parts) + "\n"


def write_charts(figures: list[Figure], folder: Path) -> list[str]:
    """One SVG a chart; their names, the ones people look for first in front."""
    folder.mkdir(parents=True, exist_ok=True)
    found = charts.collect(figures)
    names = [name for name in CHARTS_FIRST if name in found] + sorted(name for name in found if name not in CHARTS_FIRST)
    for name in names:
        (folder / f"{name}.svg").write_text(charts.draw(name, found[name]), encoding="utf-8")
    return names


def load(file: Path) -> list[Figure]:
    return [from_json(one) for one in json.loads(file.read_text(encoding="utf-8"))["figures"]] if file.exists() else []


def write(docs: Path, figures: list[Figure], about: dict[str, Any], rows: list[str]) -> None:
    """The page, its charts and the figures that both were made of."""
    kept = docs / "charts" / "figures.json"
    figures = merge(load(kept), figures, rows)
    page = docs / "performance.md"
    text = page.read_text(encoding="utf-8")
    drawn = write_charts(figures, docs / "charts")
    page.write_text(between(text, body(figures, drawn, about)), encoding="utf-8")
    kept.write_text(json.dumps({**about, "figures": [figure.as_json() for figure in figures]}, indent=1) + "\n", encoding="utf-8")
