"""Pieces of a chart in SVG: text, scales, ticks, and colours that hold in light and dark. Pure.

An SVG shown by <img> sees the reader's colour scheme through its own style sheet, so one file serves both.
"""
from __future__ import annotations

import math
from html import escape

WIDTH = 760
OURS, PEERS = "ours", ("peer0", "peer1", "peer2")
MORE = ("ours", "more1", "more2", "more3")  # lines of our own beside each other

STYLE = """<style>
.paper{fill:#ffffff} text{font-family:system-ui,-apple-system,"Segoe UI","DejaVu Sans",sans-serif;font-size:13px;fill:#1f2937}
.title{font-size:16px;font-weight:600} .quiet{fill:#4b5563} .grid{stroke:#d1d5db;stroke-width:1} .axis{stroke:#6b7280;stroke-width:1}
.ours{fill:#2563eb;stroke:#2563eb} .peer0{fill:#9ca3af;stroke:#9ca3af} .peer1{fill:#d97706;stroke:#d97706}
.peer2{fill:#0d9488;stroke:#0d9488} .more1{fill:#db2777;stroke:#db2777} .more2{fill:#059669;stroke:#059669}
.more3{fill:#7c3aed;stroke:#7c3aed} .line{fill:none;stroke-width:2.5} .bar{stroke:none}
@media (prefers-color-scheme: dark){.paper{fill:#0d1117} text{fill:#e5e7eb} .quiet{fill:#9ca3af} .grid{stroke:#30363d}
.axis{stroke:#8b949e} .ours{fill:#60a5fa;stroke:#60a5fa} .peer0{fill:#6b7280;stroke:#6b7280} .peer1{fill:#f59e0b;stroke:#f59e0b}
.peer2{fill:#2dd4bf;stroke:#2dd4bf} .more1{fill:#f472b6;stroke:#f472b6} .more2{fill:#34d399;stroke:#34d399}
.more3{fill:#a78bfa;stroke:#a78bfa} .line{fill:none}}
</style>"""


def document(height: float, title: str, parts: list[str]) -> str:
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}" '
            f'role="img" aria-label="{escape(title)}">\n{STYLE}\n<rect class="paper" width="{WIDTH}" height="{height:.0f}"/>\n'
            + "\n".join([text(16, 26, title, "title"), *parts]) + "\n</svg>\n")


def text(x: float, y: float, words: str, style: str = "", anchor: str = "start") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{style}" text-anchor="{anchor}">{escape(words)}</text>'


def rect(x: float, y: float, width: float, height: float, style: str) -> str:
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{max(width, 1):.1f}" height="{height:.1f}" rx="2" class="bar {style}"/>'


def line(x1: float, y1: float, x2: float, y2: float, style: str) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{style}"/>'


def legend(x: float, y: float, entries: list[tuple[str, str]]) -> list[str]:
    parts = []
    for label, style in entries:
        parts += [rect(x, y - 10, 14, 11, style), text(x + 20, y, label)]
        x += 44 + 7.2 * len(label)
    return parts


def short(value: float) -> str:
    """1200000 -> 1.2M; 0.31; 12.3."""
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def ticks(top: float, wanted: int = 5) -> list[float]:
    """From 0 past `top` in steps of 1, 2 or 5 times a power of ten."""
    if top <= 0:
        return [0.0, 1.0]
    rough = top / wanted
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    return [step * i for i in range(math.ceil(top / step - 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """The powers of ten around [low, high]."""
    first, last = math.floor(math.log10(low) + 1e-9), math.ceil(math.log10(high) - 1e-9)
    return [10.0 ** power for power in range(first, max(last, first + 1) + 1)]


class Scale:
    """From values to places, by the first and last tick."""

    def __init__(self, marks: list[float], begin: float, end: float, logarithmic: bool = False) -> None:
        self.marks, self.begin, self.end, self.logarithmic = marks, begin, end, logarithmic

    def place(self, value: float) -> float:
        low, high = self.marks[0], self.marks[-1]
        if self.logarithmic:
            share = math.log(max(value, low) / low) / math.log(high / low)
        else:
            share = (value - low) / (high - low)
        return self.begin + share * (self.end - self.begin)
