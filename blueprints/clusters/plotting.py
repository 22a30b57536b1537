"""Where the marks of a symptom curve lie (曲线的坐标): plain numbers for the SVG, without a page and without a database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.symptom_weeks import Curve, Level, Point

LEFT, RIGHT, HEAD, FOOT = 44, 14, 20, 28
MARKS = 4
LABEL = 36  # how wide a written value is
STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True, slots=True)
class Dot:
    """One week: where it lies, what is written beside it."""

    x: float
    y: float
    point: Point
    level: Level
    label: str  # of the highest week, and of the last one that is over
    week: str  # below the axis; empty where there is no room


@dataclass(frozen=True, slots=True)
class Plot:
    width: int
    height: int
    base: float
    marks: tuple[tuple[float, str], ...]
    band: tuple[str, ...]  # the outlines of the usual band, as SVG paths
    line: str
    dots: tuple[Dot, ...]


def plot(curve: Curve, width: int, height: int) -> Plot:
    """A curve drawn into so many units. A week of too few people lies on the axis and breaks the line: its height is not told."""
    points, base = curve.points, height - FOOT
    rates = [None if one.hidden else curve.rate(one) for one in points]
    step = _step(
        max([0.0, *(r for r in rates if r is not None), *(p.high for p in points if p.high is not None)])
    )
    unit = (base - HEAD) / (step * MARKS)
    slot = (width - LEFT - RIGHT) / max(len(points) - 1, 1)
    every = next((n for n in (1, 2, 4, 8) if slot * n >= 40), 8)

    def x(n: int) -> float:
        return round(LEFT + slot * n, 1)

    def y(rate: float) -> float:
        return round(base - rate * unit, 1)

    highest = max(range(len(points)), key=lambda n: rates[n] or 0)
    if abs(highest - (len(points) - 2)) * slot < LABEL:  # their labels would touch
        highest = -1
    dots = []
    for n, (one, rate) in enumerate(zip(points, rates, strict=True)):
        if one.of == 0:
            continue
        level = curve.level(one)
        told = rate is not None and n in (len(points) - 2, highest)
        shown = (len(points) - 1 - n) % every == 0
        dots.append(
            Dot(
                x(n), y(rate or 0), one, level, f"{rate:.2f}" if told else "",
                f"{one.week_on.month}/{one.week_on.day}" if shown else "",
            )
        )  # fmt: skip
    return Plot(
        width, height, base, tuple((y(step * n), f"{step * n:g}") for n in range(MARKS + 1)),
        tuple(_band(points, x, y)), _line(rates, x, y), tuple(dots),
    )  # fmt: skip


def _step(most: float) -> float:
    """A round distance of marks, four of which reach the highest value."""
    power = 0.01
    while True:
        for one in STEPS:
            if one * power * MARKS >= most:
                return one * power
        power *= 10


def _line(rates: Sequence[float | None], x, y) -> str:
    drawn, pen = [], "M"
    for n, rate in enumerate(rates):
        if rate is None:
            pen = "M"
        else:
            drawn.append(f"{pen}{x(n)} {y(rate)}")
            pen = "L"
    return "".join(drawn)


def _band(points: Sequence[Point], x, y):
    """One outline for each run of weeks that have a usual band."""
    run: list[int] = []
    for n in range(len(points) + 1):
        if n < len(points) and points[n].high is not None:
            run.append(n)
        elif run:
            above = [f"{x(m)} {y(points[m].high or 0)}" for m in run]
            below = [f"{x(m)} {y(points[m].low or 0)}" for m in reversed(run)]
            yield f"M{'L'.join([*above, *below])}z"
            run = []
