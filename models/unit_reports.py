"""What a unit, a community or a place reports upwards (上报): the period's sums of its enterprises, confirmed by whoever looks after
them, with a comment. Versions are only added to; what has changed since is shown beside what was said."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, ColumnElement, Enum, ForeignKey, Index, and_, func, select
from sqlalchemy.orm import Mapped, Session, aliased, joinedload, mapped_column, relationship

from . import tracking
from .accounts import SCOPE_MODELS, Account
from .base import Row, RuleBroken, local
from .obligations import Kind, Review, moment
from .policy.book import Book
from .policy.schema import Mode
from .tracking import Ground, Span, Tally

LONGEST_COMMENT = 500
SCOPES = ("unit", "community", "place")
LABELS = {
    "expected": "应报",
    "received": "已报",
    "on_time": "按时",
    "zero": "零报告",
    "returned": "退回",
    "excused": "豁免",
}


class UnitReport(Row):
    """One version of what was reported upwards of a period. Never changed, but for what the district said to it."""

    district_id: Mapped[int] = mapped_column(ForeignKey("district.id"))
    scope: Mapped[str]  # of SCOPES
    scope_id: Mapped[int]
    mode: Mapped[Mode] = mapped_column(
        Enum(Mode, native_enum=False, length=32, values_callable=lambda modes: [m.value for m in modes])
    )
    kind: Mapped[Kind]
    first_on: Mapped[date]
    last_on: Mapped[date]
    number: Mapped[int]
    counts: Mapped[dict[str, int]] = mapped_column(JSON)  # of enterprises: LABELS
    sums: Mapped[dict[str, int]] = mapped_column(JSON)  # of what they reported, by field
    comment: Mapped[str]
    at: Mapped[datetime]
    by_id: Mapped[int] = mapped_column(ForeignKey("account.id"))
    verdict: Mapped[Review]
    words: Mapped[str] = mapped_column(default="")
    judged_at: Mapped[datetime | None]
    judged_by_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))

    by: Mapped[Account] = relationship(foreign_keys=by_id)
    judged_by: Mapped[Account | None] = relationship(foreign_keys=judged_by_id)

    __table_args__ = (
        Index(
            "uq_unit_report_version", "district_id", "last_on", "first_on", "mode", "scope", "scope_id", "number", unique=True
        ),
    )  # fmt: skip

    @classmethod
    def within(cls, scope: str, ids: list[int]) -> ColumnElement[bool] | None:
        if scope == "district":
            return cls.district_id.in_(ids)
        return and_(cls.scope == scope, cls.scope_id.in_(ids)) if scope in SCOPES else None

    @property
    def title(self) -> str:
        return self.span.title

    @property
    def span(self) -> Span:
        return Span(self.mode, self.kind, self.first_on, self.last_on, self.at, self.at, self.at)

    def judge(self, newest: int, verdict: Review, words: str, *, now: datetime, by: Account) -> None:
        """The district takes it, or sends it back with a sentence. Nobody judges what they sent; an older version, nobody."""
        if self.by_id == by.id:
            raise RuleBroken("自己上报的，要由别人审核")
        if newest != self.number:
            raise RuleBroken(f"已经有第{newest}版，请看新的一版")
        if self.verdict is not Review.WAITING:
            raise RuleBroken(f"第{self.number}版{self.verdict.label}，不用再审核")
        if verdict is Review.RETURNED and not words.strip():
            raise RuleBroken("请写哪里不对、怎么改")
        self.verdict, self.words, self.judged_at, self.judged_by_id = (
            verdict,
            words.strip(),
            moment(now),
            by.id,
        )


@dataclass(frozen=True, slots=True)
class Sums:
    """What there is to be reported upwards at this moment."""

    counts: dict[str, int]
    sums: dict[str, int]

    @classmethod
    def of(cls, session: Session, ground: Ground, span: Span) -> Sums:
        """Added up from every report of the period that came in; who is excused or missing is in no sum."""
        tally = tracking.total(session, ground, span)
        added: Counter[str] = Counter()
        for figures in session.scalars(tracking.figures(ground, span)):
            added.update({key: number for key, number in (figures or {}).items() if isinstance(number, int)})
        return cls({name: getattr(tally, name) for name in LABELS}, dict(sorted(added.items())))

    @property
    def tally(self) -> Tally:
        return Tally(**self.counts)


def ground_of(session: Session, district_id: int, scope: str, scope_id: int) -> Ground:
    """What a unit, a community or a place with its buildings answers for."""
    if scope == "place":
        return Ground(district_id, {"place": tracking.with_buildings(session, [scope_id])})
    return Ground(district_id, {scope: [scope_id]})


def send_up(
    session: Session, district_id: int, scope: str, scope_id: int, span: Span, *, seen: int, comment: str, now: datetime, by: Account
) -> tuple[UnitReport, bool]:  # fmt: skip
    """Reports upwards, or corrects it; and whether that is a new version. The same numbers and words again are the version that there
    is. `seen` is the number of the version that the person had before them."""
    session.execute(
        select(SCOPE_MODELS[scope].id).where(SCOPE_MODELS[scope].id == scope_id).with_for_update()
    )
    ground = ground_of(session, district_id, scope, scope_id)
    found, last = Sums.of(session, ground, span), newest(session, district_id, scope, scope_id, span)
    same = last is not None and (last.counts, last.sums, last.comment) == (
        found.counts,
        found.sums,
        comment.strip(),
    )
    if last is not None and same and last.verdict is not Review.RETURNED:
        return last, False
    if found.tally.is_empty:
        raise RuleBroken("这一期没有要报的企业，不用上报")
    if not span.is_due(now) and found.tally.missing:
        at = local(span.due_at)
        raise RuleBroken(f"{at.month}月{at.day}日{at:%H:%M}截止以后，或者都报齐了，才能上报")
    if last is not None and seen != last.number:
        raise RuleBroken(f"{last.by.name}刚上报了第{last.number}版，请看过再更正")
    if last is not None and not comment.strip():
        raise RuleBroken("更正要写一句原因")
    if len(comment.strip()) > LONGEST_COMMENT:
        raise RuleBroken(f"说明不超过{LONGEST_COMMENT}个字")
    row = UnitReport(
        district_id=district_id, scope=scope, scope_id=scope_id, mode=span.mode, kind=span.kind, first_on=span.first_on,
        last_on=span.last_on, number=last.number + 1 if last else 1, counts=found.counts, sums=found.sums, comment=comment.strip(),
        at=moment(now), by_id=by.id, verdict=Review.WAITING,
    )  # fmt: skip
    session.add(row)
    session.flush()
    return row, True


def _of(district_id: int, span: Span) -> list[ColumnElement[bool]]:
    one = UnitReport
    return [
        one.district_id == district_id,
        one.last_on == span.last_on,
        one.first_on == span.first_on,
        one.mode == span.mode,
    ]


def versions(
    session: Session, district_id: int, scope: str, scope_id: int, span: Span
) -> Sequence[UnitReport]:
    """The newest first."""
    one = UnitReport
    return session.scalars(
        select(one)
        .where(*_of(district_id, span), one.scope == scope, one.scope_id == scope_id)
        .options(joinedload(one.by), joinedload(one.judged_by))
        .order_by(one.number.desc())
    ).all()


def newest(session: Session, district_id: int, scope: str, scope_id: int, span: Span) -> UnitReport | None:
    return next(iter(versions(session, district_id, scope, scope_id, span)), None)


def sent_of(session: Session, district_id: int, span: Span) -> Sequence[UnitReport]:
    """The newest version of everybody who has reported a period upwards."""
    one, later = UnitReport, aliased(UnitReport)
    newer = select(func.max(later.number)).where(
        later.district_id == one.district_id, later.last_on == one.last_on, later.first_on == one.first_on, later.mode == one.mode,
        later.scope == one.scope, later.scope_id == one.scope_id,
    )  # fmt: skip
    return session.scalars(
        select(one)
        .where(*_of(district_id, span), one.number == newer.correlate(one).scalar_subquery())
        .options(joinedload(one.by), joinedload(one.judged_by))
        .order_by(one.scope, one.scope_id)
    ).all()


@dataclass(frozen=True, slots=True)
class Drift:
    """A number that is another now than when it was reported upwards."""

    label: str
    said: int
    now: int


def drift(said: UnitReport, now: Sums, labels: dict[str, str]) -> list[Drift]:
    """What has changed since: reports that came, were corrected, excused."""
    found = [Drift(LABELS[name], said.counts.get(name, 0), now.counts[name]) for name in LABELS]
    found += [
        Drift(labels.get(key, key), said.sums.get(key, 0), now.sums.get(key, 0))
        for key in {**said.sums, **now.sums}
    ]
    return [one for one in found if one.said != one.now]


def labels_of(session: Session, book: Book, ground: Ground, span: Span) -> dict[str, str]:
    """What the fields of a period are called, in the order of the scheme."""
    keys = session.scalars(tracking.schemes(ground, span))
    return {one.key: one.label for key in sorted(keys) for one in book.get(key).asked_in(span.mode)}


def names_of(session: Session, reports: Iterable[UnitReport]) -> dict[tuple[str, int], str]:
    """Whose they are."""
    wanted: dict[str, set[int]] = {}
    for one in reports:
        wanted.setdefault(one.scope, set()).add(one.scope_id)
    found: dict[tuple[str, int], str] = {}
    for scope, ids in wanted.items():
        model: Any = SCOPE_MODELS[scope]
        found |= {
            (scope, row.id): row.name
            for row in session.execute(select(model.id, model.name).where(model.id.in_(ids)))
        }
    return found
