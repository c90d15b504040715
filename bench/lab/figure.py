"""A figure: what a row measured, the floor it is held against, and the bar. Judging is pure; nothing here touches the machine.

A row is a module bench/rows/NAME.py with
    NAME     as in --only
    WHY      one sentence: what it measures
    ORDER    optional: its place in the table
    LIMIT_S  optional: the row is stopped after that many seconds (default 300)
    measure(context) -> list[Figure]
"""
from __future__ import annotations

import statistics
from dataclasses import asdict, dataclass, field
from typing import Any

# The middle half of a ratio's rounds lies within this share of its median, or the rounds disagree too much to be believed.
SPREAD_MAX = 0.20


@dataclass
class Series:
    """Points of one line (or one bar each) of a chart. charts.py knows the charts by name; an unknown one gets its own."""
    chart: str
    label: str
    points: list[tuple[float | str, float]]
    peer: bool = False  # the floor, or another server: drawn in the quiet colours


@dataclass
class Figure:
    name: str
    unit: str  # of value and floor
    value: float  # median over the rounds
    floor: float | None = None  # median over the same rounds; None: there is nothing to hold it against
    ratio: float | None = None  # median of value/floor inside each round; what the bar is about, if there is a floor
    bar: float | None = None  # None: reported, not judged
    bar_is_absolute: bool = False  # the bar is about the value although there is a ratio
    sense: str = "<="
    note: str = ""
    samples: list[float] = field(default_factory=list)  # of each round, what is judged: the ratio, or the value without a floor
    series: list[Series] = field(default_factory=list)
    floor_name: str = "floor"
    exact: bool = False  # a count: the same on any machine, noise or not
    verdict: str = ""  # set by bench/run
    row: str = ""  # set by bench/run
    date: str = ""  # set by bench/run

    def judged(self) -> float:
        return self.value if self.ratio is None or self.bar_is_absolute else self.ratio

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def from_json(values: dict[str, Any]) -> Figure:
    series = [Series(one["chart"], one["label"], [tuple(point) for point in one["points"]], one["peer"])
              for one in values["series"]]
    return Figure(**{**values, "series": series})


def compared(name: str, unit: str, ours: list[float], floors: list[float], **more: Any) -> Figure:
    """The figure of interleaved rounds: ours[i] and floors[i] are of the same round."""
    ratios = [value / floor for value, floor in zip(ours, floors, strict=True)]
    return Figure(name, unit, statistics.median(ours), statistics.median(floors), statistics.median(ratios),
                  samples=ratios, **more)


def spread(samples: list[float]) -> float:
    """The distance of the quartiles as a share of the median; 0 for fewer than three."""
    if len(samples) < 3:
        return 0.0
    low, middle, high = statistics.quantiles(samples, n=4, method="inclusive")
    return (high - low) / abs(middle) if middle else 0.0


def judge(figure: Figure, noise: list[str]) -> str:
    """met, missed, reported (no bar), or unbelievable: why. noise: what was wrong with the machine meanwhile."""
    if figure.bar is None:
        return "reported"
    reasons = [] if figure.exact else list(noise)
    wide = spread(figure.samples)
    if not figure.exact and wide > SPREAD_MAX:
        reasons.append(f"the middle half of the rounds spreads over {wide:.0%} of the median")
    good = figure.judged() <= figure.bar if figure.sense == "<=" else figure.judged() >= figure.bar
    if reasons:
        return "unbelievable: " + "; ".join(reasons)
    return "met" if good else "missed"
