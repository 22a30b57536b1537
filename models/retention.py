"""How long a district's check-ins, and what its enterprises keep of their people, may be kept on a given day (保存期限): by the
scheme of each row, but for what is held. What of the enterprises is due by these limits stands in `staff_retention`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import date, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Date, and_, case, func, literal, or_, select
from sqlalchemy.orm import Session, joinedload

from .gate import CheckIn
from .keeping import Hold
from .places import Adoption, Place
from .policy.book import Book
from .policy.schema import Policy, Retention

T: Any = CheckIn.__table__
ONE = timedelta(days=1)
NOWHERE = 0  # the number of no place


@dataclass(frozen=True, slots=True)
class Kept:
    """Days whose rows stay: of one place, or with None of the whole district."""

    place_id: int | None
    first: date
    last: date


# What enterprises keep of their people, by kind of record, and for how long: page, notice, record and log say it from here.
STAFF_RULES = {
    "follow_up": "健康跟进在恢复{health_days}天后销毁；{open_case_days}天没有进展的，按已结束算",
    "health_entry": "每日健康保存{health_days}天，因病的从恢复那天起算",
    "absence": "请假、排班在结束{health_days}天后销毁",
    "travel": "旅居在返回{health_days}天后销毁；没有填返回日期的，出发一年以后再算",
    "vaccination": "疫苗接种在职期间保存，离职{health_days}天后销毁",
    "check_up": "普通体检在职期间保存，离职{health_days}天后销毁",
    "employee_contact": "手机号、宿舍、班组和工作地点在离职{health_days}天后销毁",
    "employee": "离职人员的基本资料保存{leaver_days}天；接触过职业病危害因素的，连同职业健康检查保存{occupational_years}年",
    "contact": "联络记录保存{contact_log_days}天",
    "cluster_report": "疑似聚集报告的文字在结束{health_days}天后清空，只留数字和时间",
    "cluster_alert": "聚集提示的误报原因在处理{health_days}天后清空",
    "closure": "停产放假的原因和异议在结束{contact_log_days}天后清空，只留日期和人数",
    "plan": "年度计划和证明材料在年度结束后保存{plan_years}年",
    "letter": "责任书在到期、作废或被替代后保存{letter_years}年，连同签名、存证、签署链接、PDF和扫描件",
    "letter_signer": "签署人备案和授权书在停用或到期后保存{letter_years}年；还有责任书用到的，跟着责任书",
}


def staff_rules(retention: Retention) -> dict[str, str]:
    """The rules in words, by the days of a scheme."""
    days = {one.name: getattr(retention, one.name) for one in fields(retention)}
    return {kind: words.format(**days) for kind, words in STAFF_RULES.items()}


@dataclass(frozen=True, slots=True)
class Limits:
    """The last day on which something may have ended, whose rows go today. Of an entry it is the scheme that judged it that says,
    by key; of all else the scheme in force."""

    entry: Mapping[str, date]
    health: date  # recovered, returned, left
    case: date  # the last sign of life of an open case
    file: date  # left
    occupational: date  # left, and examined last
    contact: date
    plan: int  # the year
    letter: date  # expired, voided, superseded; an authority to sign: ended
    rules: Mapping[str, str]

    @classmethod
    def of(cls, in_force: Policy, schemes: Iterable[Policy], today: date) -> Limits:
        now = in_force.retention
        entries = {one.key: one for one in schemes}
        return cls(
            entry={key: today - timedelta(days=one.retention.health_days) for key, one in entries.items()},
            health=today - timedelta(days=now.health_days),
            case=today - timedelta(days=now.open_case_days),
            file=today - timedelta(days=now.leaver_days),
            occupational=years_before(today, now.occupational_years),
            contact=today - timedelta(days=now.contact_log_days),
            plan=today.year - 1 - now.plan_years,
            letter=years_before(today, now.letter_years),
            rules={
                kind: "；".join(
                    dict.fromkeys(f"《{one.title}》{staff_rules(one.retention)[kind]}" for one in said)
                )
                for kind, said in (
                    (kind, entries.values() if kind in BY_ENTRY else [in_force]) for kind in STAFF_RULES
                )
            },
        )

    @property
    def first_entry(self) -> date:
        """Up to this day every scheme lets an entry go, also one that is not in the book any more."""
        return min(self.entry.values())

    @property
    def last_entry(self) -> date:
        return max(self.entry.values())


BY_ENTRY = ("follow_up", "health_entry")  # the scheme stands in the entry


def years_before(today: date, years: int) -> date:
    """The same day so many years earlier; 29 February is then 28 February."""
    return today.replace(year=today.year - years, day=min(today.day, 28 if today.month == 2 else 31))


@dataclass(frozen=True, slots=True)
class Plan:
    """What of a district is to be destroyed on a day. `until` is by scheme the last day whose rows go."""

    district_id: int
    until: Mapping[str, date]
    kept: tuple[Kept, ...]
    rule: str
    staff: Limits | None = None  # None: of a log that is older than these rules

    @property
    def last(self) -> date:
        return max(self.until.values())

    @property
    def last_for_certain(self) -> date:
        """Up to this day every scheme lets go, also one that is not in the book any more."""
        return min(self.until.values())

    def holds(self, place_id: int, day: date) -> bool:
        """Whether the rows of this day are held: nobody may delete them, the visitor neither."""
        return any(k.first <= day <= k.last for k in self.kept if k.place_id in (None, place_id))

    def spans(self, place_id: int, last: date) -> Iterator[tuple[date, date]]:
        """The days up to `last` that nothing holds at this place, from the oldest on."""
        begin = date.min
        for kept in sorted((k.first, k.last) for k in self.kept if k.place_id in (None, place_id)):
            if begin < kept[0] <= last:
                yield begin, kept[0] - ONE
            begin = max(begin, min(kept[1], last) + ONE)
        if begin <= last:
            yield begin, last

    def due(self, place_id: int) -> ColumnElement[bool]:
        """The rows of a place that go. The days stand apart from the scheme, so that the index of place and day is used."""
        return self._due(T.c.place_id == place_id, place_id)

    def due_everywhere(self) -> ColumnElement[bool]:
        """The same of all places at once: those that a hold of their own keeps, and the others together."""
        held = self.held_places
        return or_(
            self._due(T.c.place_id.in_(self.other_places()), NOWHERE), *(self.due(one) for one in held)
        )

    @property
    def held_places(self) -> list[int]:
        """The places of which a hold keeps something that it does not keep everywhere."""
        return sorted({one.place_id for one in self.kept if one.place_id is not None})

    def other_places(self) -> Any:
        return select(Place.id).where(
            Place.district_id == self.district_id, Place.id.not_in(self.held_places)
        )

    def _due(self, at: ColumnElement[bool], place_id: int) -> ColumnElement[bool]:
        days = [T.c.day.between(*span) for span in self.spans(place_id, self.last)]
        last = case(
            *((T.c.scheme_key == key, literal(day, Date)) for key, day in self.until.items()),
            else_=literal(self.last_for_certain, Date),
        )
        return and_(at, or_(*days) if days else literal(False), T.c.day <= last)


def plan_of(
    session: Session, book: Book, district_id: int, today: date, *, but: Hold | None = None
) -> Plan | None:
    """The plan of today; None where the district has never adopted a scheme and so has no rows.

    A row is kept for the days of the scheme that judged it, in an emergency too: more needs a decision (PRIV-7), a Hold.
    `but`: as if this one had been lifted.
    """
    adopted = session.scalars(
        select(Adoption).where(Adoption.district_id == district_id, Adoption.from_on <= today)
    ).all()
    now_in_force = book.in_force(adopted, today)
    if now_in_force is None:
        return None
    schemes = {one.scheme_key: book.get(one.scheme_key) for one in adopted}
    rules = [f"《{one.title}》登记保存{one.retention.check_in_days}天" for one in schemes.values()]
    return Plan(
        district_id=district_id,
        until={key: today - timedelta(days=one.retention.check_in_days) for key, one in schemes.items()},
        kept=tuple(kept_days(session, district_id, today, now_in_force.retention.emergency_max_days, but)),
        rule="；".join(dict.fromkeys(rules)),
        staff=Limits.of(now_in_force, schemes.values(), today),
    )


def kept_days(
    session: Session, district_id: int, today: date, emergency_max_days: int, but: Hold | None = None
) -> Iterator[Kept]:
    """What the holds of a district keep today. A park's hold reaches its buildings."""
    holds = session.scalars(
        select(Hold)
        .where(Hold.district_id == district_id, Hold.holding(today))
        .options(joinedload(Hold.order))
        .order_by(Hold.id)
    ).all()
    found = [
        (hold, days) for hold in holds if hold is not but and (days := hold.days(today, emergency_max_days))
    ]
    inside = Place.within("place", [hold.place_id for hold, _ in found if hold.place_id is not None])
    assert inside is not None
    places = session.execute(select(Place.id, Place.parent_id).where(inside)).all()
    for hold, days in found:
        if hold.place_id is None:
            yield Kept(None, *days)
        for number, parent_id in places:
            if hold.place_id is not None and hold.place_id in (number, parent_id):
                yield Kept(number, *days)


def oldest_day(session: Session, district_id: int) -> date | None:
    """The day of the oldest row that a district still has; by the index of each place."""
    first = select(func.min(T.c.day)).where(T.c.place_id == Place.id).scalar_subquery()
    oldest = select(first.label("day")).where(Place.district_id == district_id).subquery()
    found: date | None = session.scalar(select(func.min(oldest.c.day)))
    return found
