"""The table of figures, for a terminal and for the page. Pure."""
from __future__ import annotations

from lab.figure import Figure

COLUMNS = ("figure", "value", "floor", "ratio", "bar", "verdict")


def number(value: float | None) -> str:
    """Three digits that count, without an exponent: 0.312, 12.3, 264,000."""
    if value is None:
        return "-"
    if value == 0 or abs(value) >= 1000:
        return f"{value:,.0f}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:.{digits}f}"


def cells(figure: Figure) -> tuple[str, ...]:
    floor = "-" if figure.floor is None else f"{number(figure.floor)} {figure.unit} ({figure.floor_name})"
    sign = {"<=": "at most", ">=": "at least"}[figure.sense]
    bar = "-" if figure.bar is None else f"{sign} {number(figure.bar)}" + (
        " x" if figure.ratio is not None and not figure.bar_is_absolute else f" {figure.unit}".rstrip())
    ratio = "-" if figure.ratio is None else number(figure.ratio)
    verdict = figure.verdict.split(":")[0]
    return figure.name, f"{number(figure.value)} {figure.unit}".strip(), floor, ratio, bar, verdict


def text(figures: list[Figure]) -> str:
    rows = [COLUMNS, *(cells(figure) for figure in figures)]
    widths = [max(len(row[i]) for row in rows) for i in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines) + "\n"


def markdown(figures: list[Figure]) -> str:
    rows = [COLUMNS, tuple("---" for _ in COLUMNS), *(cells(figure) for figure in figures)]
    return "".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |\n" for row in rows)
