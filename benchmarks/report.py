"""What was measured, as one table and a line for each bar (测量结果)."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from benchmarks.rounds import Ratio, Round, Subject
from tools.serve import padded

COLUMNS = (
    ("", 24),
    ("CPU 毫秒/个（中位，最小–最大）", 34),
    ("数据库", 10),
    ("个/秒（中位，最小–最大）", 28),
    ("p99 毫秒", 8),
)


@dataclass(frozen=True)
class Bar:
    """A bar and what was found. Only a `binding` one makes the run fail."""

    title: str
    wanted: str
    found: Ratio | str
    met: bool
    binding: bool = False

    def line(self) -> str:
        found = self.found
        if isinstance(found, Ratio):
            found = f"{found.middle:.2f}（{found.least:.2f}–{found.most:.2f}）"
        return (
            padded(self.title, 48)
            + padded(self.wanted, 26)
            + padded(found, 22)
            + ("达到" if self.met else "未达到")
        )


@dataclass
class Report:
    """Collects while the benchmarks run; `print` at the end."""

    subjects: list[Subject] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def pair(self, ours: Subject, floor: Subject) -> None:
        self.subjects += [ours, floor]

    def bar(self, bar: Bar) -> None:
        self.bars.append(bar)

    def note(self, text: str) -> None:
        self.notes.append(text)

    @property
    def failed(self) -> bool:
        return any(bar.binding and not bar.met for bar in self.bars)

    def print(self) -> None:
        print("".join(padded(title, width) for title, width in COLUMNS))
        for subject in self.subjects:
            print(
                "".join(
                    padded(cell, width) for cell, (_, width) in zip(_cells(subject), COLUMNS, strict=True)
                )
            )
        print()
        for bar in self.bars:
            print(bar.line())
        print()
        for note in self.notes:
            print(note)


def _cells(subject: Subject) -> tuple[str, ...]:
    def spread(values: list[float], digits: int) -> str:
        return f"{median(values):.{digits}f}（{min(values):.{digits}f}–{max(values):.{digits}f}）"

    rounds: list[Round] = subject.rounds
    return (
        subject.name,
        spread([r.cpu_ms for r in rounds], 3),
        f"{median(r.database_ms for r in rounds):.3f}" if subject.database else "—",
        spread([r.per_second for r in rounds], 0),
        f"{median(r.p99_ms for r in rounds):.0f}",
    )
