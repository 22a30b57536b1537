"""The roll-up of reports says what counting every obligation says, whatever has happened; the deadline's numbers stay as they were."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta

import pytest
from sqlalchemy import delete, func, select, text, update

from models import report_tally, tracking
from models.access import Post
from models.base import SHANGHAI, RuleBroken, db
from models.closures import Closure, closures_of
from models.enterprises import Premises
from models.ledger import recent
from models.obligations import Obligation, Rates, Review, rates
from models.places import ModeOrder
from models.report_tally import ReportShift, ReportTally
from models.reports import Source, alone, file, judge, unlock
from models.tracking import By, Ground, Only, Tally
from tests import make, towns
from tests.november import on
from tests.statements import statements_of


@pytest.fixture
def town(app, at) -> make.Town:
    at(on("01 08:00"))
    return towns.found(on("01 08:00"))


class Acts:
    """What people do with reports, drawn at random, through the rules themselves."""

    def __init__(self, town: make.Town, draw: random.Random, clock) -> None:
        self.town, self.draw, self.clock = town, draw, clock
        self.now, self.keys, self.stopped, self.resumed = on("16 08:00"), 0, 0, 0
        self.manager, self.liaison = town.officer(Post.HEALTH_MANAGER), town.officer(Post.UNIT_LIAISON)
        self.firms = [town.tenant] + [
            make.enterprise(
                town.street, f"企业{number}", at=draw.choice([town.park, town.building, town.other, None]),
                unit_id=draw.choice([town.unit.id, None]), community_id=draw.choice([town.community.id, None]),
                headcount=draw.choice([8, 45, 480]), sector=draw.choice([None, "other"]),
            )
            for number in range(6)
        ]  # fmt: skip
        self.orders: list[ModeOrder] = []

    def some(self) -> Obligation | None:
        one = self.draw.choice(self.firms)
        rows = [row for row in recent(db.session(), one.id, 6) if row.opens_at <= self.now]
        return alone(db.session(), self.draw.choice(rows)) if rows else None

    def step(self) -> None:
        act = self.draw.choice(
            [self.file] * 5
            + [self.judge] * 3
            + [self.excuse, self.unlock, self.move, self.close, self.switch, self.wait, self.wait, self.grow]
            + [self.stop, self.resume]
        )
        try:
            act()
            db.session.commit()
        except RuleBroken:
            db.session.rollback()

    def file(self) -> None:
        one = self.some()
        if one is None:
            return
        self.keys += 1
        zero = self.draw.random() < 0.4
        numbers = {
            "expected": 10,
            "present": 10 - self.keys % 3,
            "fever": 0 if zero else self.draw.choice([0, 0, 2]),
        }
        file(
            db.session(), one, numbers | {"visitors": self.keys}, archive={}, comments={},
            source=Source.ZERO if zero else Source.FORM, key=f"key{self.keys}",
            seen=one.version, reason="更正", now=self.now, by=self.manager,
        )  # fmt: skip

    def judge(self) -> None:
        one = self.some()
        if one is not None:
            verdict = self.draw.choice([Review.ACCEPTED, Review.RETURNED])
            judge(
                db.session(),
                one,
                verdict,
                seen=one.version,
                fields=["fever"],
                words="请核对",
                asked=["fever"],
                now=self.now,
                by=self.liaison,
            )

    def excuse(self) -> None:
        one = self.some()
        if one is not None:
            one.excuse("停业", now=self.now, by_id=self.liaison.id)

    def unlock(self) -> None:
        one = self.some()
        if one is not None:
            unlock(db.session(), one, "住院", self.now + timedelta(days=2), now=self.now, by=self.liaison)

    def move(self) -> None:
        one, to = self.draw.choice(self.firms), self.draw.choice([self.town.park, self.town.other])
        for seat in one.premises:
            if seat.until_at is None and seat.from_at < self.now:
                seat.until_at = self.now
        db.session.add(Premises(enterprise_id=one.id, place_id=to.id, from_at=self.now))
        self.tick()

    def close(self) -> None:
        one = self.draw.choice(self.firms)
        if one.closed_at is None:
            one.close(self.now.date() - timedelta(days=self.draw.choice([0, 1])), "注销", now=self.now)
        else:
            one.reopen()
        self.tick()

    def stop(self) -> None:
        one, first = self.draw.choice(self.firms), self.now.astimezone(SHANGHAI).date()
        first += timedelta(days=self.draw.choice([0, 0, 1, 4]))
        contact = make.account(self.town.district, Post.HEALTH_MANAGER, one.id)
        Closure.declare(
            db.session(), one, first_on=first, last_on=first + timedelta(days=self.draw.choice([0, 2, 9])),
            staff=self.draw.choice([0, 3]), contact_id=contact.id, reason="检修", now=self.now, by_id=contact.id,
        )  # fmt: skip
        self.stopped += 1
        db.session.commit()
        self.clock(self.now)  # at once: what it moves is not settled by a later pass

    def resume(self) -> None:
        today = self.now.astimezone(SHANGHAI).date()
        for one in [one for firm in self.firms for one in closures_of(db.session(), firm.id, today)]:
            if not one.is_open(today):
                continue
            if self.draw.random() < 0.5:
                one.object_to(db.session(), "还在生产", now=self.now, by=self.liaison)
            elif one.can_be_shortened(today):
                one.shorten(max(today, one.first_on), now=self.now)
            else:
                one.withdraw(now=self.now)
            self.resumed += 1
        db.session.commit()
        self.clock(self.now)

    def grow(self) -> None:
        self.draw.choice(self.firms).headcount = self.draw.choice([8, 45, 480])

    def switch(self) -> None:
        running = [order for order in self.orders if order.ended_at is None]
        if running and self.draw.random() < 0.7:
            running[0].end(reason="没有新的情况", now=self.now, by_id=None)
        else:
            scope, number = self.draw.choice(
                [
                    ("place", self.town.park.id),
                    ("community", self.town.community.id),
                    ("district", self.town.district.id),
                ]
            )
            self.orders.append(
                ModeOrder.open(
                    scope=scope, scope_id=number, district_id=self.town.district.id, name="应急响应", reason="输入病例", legal_basis="预案",
                    responsible="程远志", planned_end_on=date(2026, 12, 30), now=self.now, by_id=None,
                )
            )  # fmt: skip
            db.session.add(self.orders[-1])
        self.tick()

    def wait(self) -> None:
        self.now += timedelta(minutes=self.draw.choice([1, 90, 700, 1500]))
        self.tick()

    def tick(self) -> None:
        db.session.commit()
        if self.draw.random() < 0.8:
            self.clock(self.now)


def differences(town, grounds) -> list[str]:
    """Where roll-up and full count differ; empty where they agree, as they must."""
    session, found = db.session(), []
    session.rollback()
    ground = Ground(town.district.id, {})
    periods = tracking.history(session, ground, date(2027, 3, 1)) + tracking.history(
        session, ground, date(2026, 12, 20)
    )
    rows = session.execute(
        select(Obligation.mode, Obligation.first_on, Obligation.last_on).where(Obligation.live()).distinct()
    ).all()
    assert {(span.mode, span.first_on, span.last_on) for span, _ in periods} == {tuple(row) for row in rows}
    for span, tally in periods:
        for here in grounds:
            assert here.rolled(None)
            counted = tracking.counted_anew(session, here, span).get(0, Tally())
            if tracking.total(session, here, span) != counted:
                found.append(f"{span.title} {here.of}: {tracking.total(session, here, span)} {counted}")
            for by in By:
                if tracking.divided(session, here, span, by) != tracking.counted_anew(
                    session, here, span, by
                ):
                    found.append(f"{span.title} {here.of} {by}")
        if tally != tracking.total(session, ground, span):
            found.append(f"{span.title}: history")
        days = (
            (Obligation.first_on == span.first_on)
            & (Obligation.last_on == span.last_on)
            & (Obligation.mode == span.mode)
        )
        plain = rates(session, days, on("30 23:00") + timedelta(days=60)).get(None, Rates())
        if (plain.expected, plain.received, plain.on_time, plain.zero, plain.returned, plain.excused) != (
            tally.expected, tally.received, tally.on_time, tally.zero, tally.returned, tally.excused,
        ):  # fmt: skip
            found.append(f"{span.title}: rates")
    return found


def last_due(span) -> datetime:
    own = (
        Obligation.first_on == span.first_on,
        Obligation.last_on == span.last_on,
        Obligation.mode == span.mode,
    )
    return db.session.scalars(
        select(Obligation.due_at).where(Obligation.live(), *own).order_by(Obligation.due_at.desc()).limit(1)
    ).one()


def counted_as_they_move(town) -> None:
    """What puts a period right finds nothing to mend, and counting everything anew says the same."""
    for period in report_tally._moving(db.session(), on("16 08:00")):
        db.session.rollback()  # it wants a transaction of its own
        assert not report_tally.put_right(db.session(), *period), period


@pytest.mark.parametrize(
    "seed", [0, 1, *(pytest.param(seed, marks=pytest.mark.one_database) for seed in range(2, 6))]
)
def test_the_roll_up_is_a_full_count_after_any_sequence_of_acts(town, clock, seed):
    acts = Acts(town, random.Random(seed), clock)
    clock(acts.now)
    whole = Ground(town.district.id, {})
    grounds = [whole, whole.narrowed(By.STREET, town.street.id)]
    frozen: dict[str, Tally] = {}
    for number in range(60):
        acts.step()
        if number % 6 == 0:
            assert differences(town, grounds) == []
            for span, tally in tracking.history(db.session(), whole, date(2026, 12, 20)):
                # later orders may still cut what the tick has not divided; who is closed has a later deadline
                if last_due(span) < acts.now - timedelta(days=1):
                    before = frozen.setdefault(span.key, tally.at_deadline())
                    after = tally.at_deadline()
                    # who was closed by mistake comes back and owes what it missed; nothing that had come in changes
                    assert after.excused == before.excused
                    assert (after.received, after.zero, after.returned) == (
                        before.received,
                        before.zero,
                        before.returned,
                    )
            db.session.rollback()
    assert acts.stopped
    clock(acts.now + timedelta(minutes=2))
    assert db.session.scalar(select(func.count()).select_from(ReportShift)) == 0
    assert differences(town, grounds) == []
    counted_as_they_move(town)
    report_tally.count_all(db.session(), town.district.id)
    db.session.commit()
    assert differences(town, grounds) == []


def week(town, clock) -> tracking.Span:
    clock(on("16 08:00"))
    clock(on("20 09:00"))
    (found,) = tracking.history(db.session(), Ground(town.district.id, {}), date(2026, 11, 30))
    return found[0]


def filed(town, firm, at: str, source=Source.FORM, **numbers: int) -> Obligation:
    one = alone(db.session(), recent(db.session(), firm.id, 1)[0])
    people = town.officer(Post.HEALTH_MANAGER)
    file(
        db.session(), one, {"expected": 9, "present": 9, "fever": 0} | numbers, archive={}, comments={}, source=source,
        key=f"{firm.id} {at}",
        seen=one.version, reason="更正", now=on(at), by=people,
    )  # fmt: skip
    db.session.commit()
    return one


def test_what_comes_after_the_deadline_leaves_its_numbers_as_they_were(town, clock):
    firms = [
        town.tenant,
        *(make.enterprise(town.street, f"企业{number}", at=town.park) for number in range(4)),
    ]
    span = week(town, clock)
    liaison = town.officer(Post.UNIT_LIAISON)
    filed(town, firms[0], "22 09:00", Source.ZERO)
    returned = filed(town, firms[1], "22 10:00")
    judge(
        db.session(),
        returned,
        Review.RETURNED,
        seen=1,
        fields=["fever"],
        words="请核对",
        asked=["fever"],
        now=on("23 09:00"),
        by=liaison,
    )
    recent(db.session(), firms[2].id, 1)[0].excuse("停业", now=on("23 12:00"), by_id=liaison.id)
    db.session.commit()
    ground = Ground(town.district.id, {})
    before = tracking.total(db.session(), ground, span).at_deadline()
    assert (before.expected, before.received, before.zero, before.returned, before.excused) == (4, 2, 1, 1, 1)
    filed(town, firms[0], "23 12:01", fever=2)  # no zero report any more
    filed(town, firms[1], "23 12:02", visitors=1)  # mended
    filed(town, firms[3], "23 12:03")  # late
    recent(db.session(), firms[4].id, 1)[0].excuse("停工", now=on("24 09:00"), by_id=liaison.id)
    db.session.commit()
    now = tracking.total(db.session(), ground, span)
    assert now.at_deadline() == before
    assert (
        now.expected,
        now.received,
        now.late,
        now.zero,
        now.returned,
        now.excused,
        now.fever,
        now.fever_firms,
    ) == (3, 3, 1, 0, 0, 2, 2, 1)
    assert [
        sorted(
            row.enterprise.name
            for row in db.session.scalars(tracking.firms(db.session(), ground, span, only, at_deadline=True))
        )
        for only in (Only.MISSING, Only.ZERO, Only.RETURNED, Only.EXCUSED, Only.LATE)
    ] == [["企业2", "企业3"], ["云溪青禾生物科技股份有限公司"], ["企业0"], ["企业1"], []]


def test_every_number_is_as_many_enterprises_as_its_list_has(town, clock):
    acts = Acts(town, random.Random(11), clock)
    clock(acts.now)
    for _ in range(50):
        acts.step()
    clock(acts.now)
    grounds = [
        Ground(town.district.id, {}), Ground(town.district.id, {"unit": [town.unit.id]}),
        Ground(town.district.id, {"place": [town.park.id, town.building.id]}),
        Ground(town.district.id, {}, {By.PLACE: town.other.id}), Ground(town.district.id, {}, {By.UNIT: 0, By.STREET: town.street.id}),
    ]  # fmt: skip
    seen = 0
    for ground in grounds:
        for span, tally in tracking.history(db.session(), ground, date(2026, 12, 20)):
            for at_deadline in (False, True):
                numbers = tally.at_deadline() if at_deadline else tally
                for only in (None, *Only):
                    query = tracking.firms(db.session(), ground, span, only, at_deadline=at_deadline)
                    rows = db.session.scalars(query).all()
                    assert len(rows) == numbers.of(only), (ground, span.title, only, at_deadline)
                    seen += len(rows)
    assert seen > 50


def test_what_went_past_the_session_is_put_right_by_the_next_day_and_said(town, clock, caplog):
    span, ground = week(town, clock), Ground(town.district.id, {})
    db.session.execute(update(ReportTally).values(received=7))
    db.session.commit()
    clock(on("20 10:00"))
    assert tracking.total(db.session(), ground, span).received == 7
    clock(on("21 00:01"))
    assert tracking.total(db.session(), ground, span).received == 0
    assert "differed" in caplog.text
    caplog.clear()
    clock(on("22 00:01"))
    assert "differed" not in caplog.text
    db.session.execute(delete(ReportTally))
    report_tally.count_all(db.session(), town.district.id)
    db.session.commit()
    assert differences(town, [ground]) == []


def test_a_page_of_enterprises_asks_as_often_for_thirty_as_for_three(town, clock):
    for number in range(30):
        make.enterprise(town.street, f"企业{number}", at=town.park)
    span, ground = week(town, clock), Ground(town.district.id, {})
    rows = db.session.scalars(tracking.firms(db.session(), ground, span, Only.MISSING)).all()
    assert len(rows) == 31
    few = statements_of(lambda: tracking.lines(db.session(), rows[:3], on("20 09:00")))
    assert statements_of(lambda: tracking.lines(db.session(), rows, on("20 09:00"))) == few


def test_who_has_not_reported_is_found_in_order_by_an_index_of_its_own(town, clock):
    span, ground = week(town, clock), Ground(town.district.id, {})
    session, query = db.session(), tracking.firms(db.session(), ground, span, Only.MISSING).limit(50)
    literal = query.compile(db.engine, compile_kwargs={"literal_binds": True})
    if db.engine.dialect.name == "sqlite":
        plan = str(session.execute(text(f"EXPLAIN QUERY PLAN {literal}")).all())
        assert "TEMP B-TREE" not in plan
    else:
        for other in ("seqscan", "bitmapscan", "sort"):
            session.execute(text(f"SET LOCAL enable_{other} = off"))
        plan = str(session.execute(text(f"EXPLAIN {literal}")).all())
        assert "Sort" not in plan
    assert "ix_obligation_missing" in plan


def test_postgresql_expects_as_many_rows_of_a_period_as_there_are(town, clock):
    """Days and mode taken one by one would be expected together in one of a hundred rows."""
    if db.engine.dialect.name == "sqlite":
        pytest.skip("SQLite expects nothing of values")
    span, session = week(town, clock), db.session()
    names = [column.name for column in Obligation.__table__.columns if column.name != "id"]
    moved = {
        "first_on": "first_on - 7 * n",
        "last_on": "last_on - 7 * n",
        "voided_at": "made_at",
    }  # as many as one likes
    chosen = ", ".join(moved.get(name, name) for name in names)
    session.execute(
        text(
            f"INSERT INTO obligation ({', '.join(names)}) SELECT {chosen} "
            "FROM obligation, generate_series(0, 19) n, generate_series(1, 100)"
        )
    )
    session.execute(text("ANALYZE obligation"))
    there = session.scalar(select(func.count()).select_from(Obligation)) // 20
    days = select(Obligation).where(Obligation.first_on == span.first_on, Obligation.last_on == span.last_on)
    literal = days.compile(db.engine, compile_kwargs={"literal_binds": True})
    (plan,) = session.scalar(text(f"EXPLAIN (FORMAT JSON) {literal}"))
    assert plan["Plan"]["Plan Rows"] == pytest.approx(there, rel=0.5)


def test_reports_in_a_row_that_are_missing_are_counted(town, clock):
    order = ModeOrder.open(
        scope="district", scope_id=town.district.id, district_id=town.district.id, name="应急响应", reason="输入病例", legal_basis="预案",
        responsible="程远志", planned_end_on=date(2026, 12, 30), now=on("17 09:00"), by_id=None,
    )  # fmt: skip
    clock(on("16 08:00"))
    make.save(order)
    for day in ("17 09:01", "18 00:01", "19 00:01", "20 00:01"):
        clock(on(day))
    daily = next(one for one in recent(db.session(), town.tenant.id, 9) if one.first_on == date(2026, 11, 18))
    (line,) = tracking.lines(db.session(), [daily], on("19 12:00"))
    assert line.streak == 3  # the dailies of the 17th and 18th, and the week that was cut
