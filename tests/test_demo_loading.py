"""Filling an empty database with the demo: once, the same each time, without a thought for anybody's name."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from models import demo
from models.access import Post
from models.base import RuleBroken, db, local
from models.demo import crowd, people
from models.enterprises import Enterprise
from models.gate import CheckIn, Note, Reading
from models.judging import Verdict
from models.obligations import Obligation, Review, Status, status
from models.places import District, GateCode
from models.reports import ReportVersion
from tests import make
from tests.conftest import NOW, _empty

# what chance has drawn: all but numbers and sealed values
DRAWN = [c for c in CheckIn.__table__.columns if c.name not in ("id", "mobile", "answers", "earlier_id")]


def load(app, days=2, **options):
    site = app.extensions["site"]
    loaded = demo.load(db.session(), site.book, site.vault, site.now(), days=days, **options)
    db.session.commit()
    return loaded


def start_over(database):
    db.session.remove()
    _empty(database)


def main():
    return db.session.scalar(select(District).where(District.slug == "yunxi"))


def count(column, *conditions):
    return db.session.scalar(select(func.count(column)).where(*conditions))


def flask(app, *arguments):
    return app.test_cli_runner().invoke(args=["demo", *arguments])


def with_settings(app, **changes):
    site = app.extensions["site"]
    app.extensions["site"] = replace(site, settings=replace(site.settings, **changes))


@dataclass
class Loaded:
    """What a load of two days has drawn, but for numbers and sealed values."""

    rows: list[Any]
    codes: list[Any]
    notes: list[Any]

    @classmethod
    def of(cls, app, database, **options) -> Loaded:
        start_over(database)
        load(app, **options)
        return cls(
            rows=list(db.session.execute(select(*DRAWN).order_by(CheckIn.id))),
            codes=list(db.session.scalars(select(GateCode.code).order_by(GateCode.id))),
            notes=list(db.session.execute(select(Note.check_in_id, Note.outcome, Note.at).order_by(Note.id))),
        )


@pytest.fixture(scope="module")
def kept() -> dict[str, Loaded]:
    return {}


@pytest.fixture
def once(app, database, kept) -> Loaded:
    """A load like any other; made once for all who compare theirs with it."""
    if not kept:
        kept["once"] = Loaded.of(app, database)
    return kept["once"]


@pytest.mark.one_database
def test_a_name_has_no_part_in_what_happens(app, database, once, monkeypatch):
    """The same town with other names: the same visits, the same verdicts, the same notes."""
    monkeypatch.setattr(crowd, "draw_name", lambda rng: people.draw_name(rng)[::-1])
    other = Loaded.of(app, database)

    def happened(loaded):
        return [(r.nonce, r.verdict, r.reasons, r.marks, r.kind, r.handled_at) for r in loaded.rows]

    assert happened(other) == happened(once)
    assert [row.name for row in other.rows] != [row.name for row in once.rows]


@pytest.mark.one_database
def test_no_group_of_names_carries_the_bad_examples(app):
    """Over three weeks each group has its share of the cases, give or take 3 standard deviations."""
    load(app, days=demo.DAYS)
    looked_at = select(Note.check_in_id).union(select(Reading.check_in_id))
    case = CheckIn.verdict.in_([Verdict.REFUSED, Verdict.ATTENTION]) | CheckIn.id.in_(looked_at)
    names = Counter(db.session.scalars(select(CheckIn.name).where(CheckIn.district_id == main().id)))
    bad = Counter(db.session.scalars(select(CheckIn.name).where(CheckIn.district_id == main().id, case)))
    assert 0.01 < bad.total() / names.total() < 0.02
    groups = {
        "uncommon": lambda name: name in people.UNCOMMON,
        "compound": lambda name: name[:2] in people.COMPOUND_SURNAMES,
        "short": lambda name: len(name) == 2,
    }
    for group, belongs in groups.items():
        share = sum(n for name, n in names.items() if belongs(name)) / names.total()
        found = sum(n for name, n in bad.items() if belongs(name))
        expected, spread = bad.total() * share, (bad.total() * share * (1 - share)) ** 0.5
        assert expected > 5, group
        assert abs(found - expected) < 3 * spread, (group, found, expected)


@pytest.mark.one_database
def test_working_days_are_busy_and_the_peak_is_at_eight(app):
    load(app, days=8)
    days = dict(db.session.execute(select(CheckIn.day, func.count()).group_by(CheckIn.day)).all())
    today = local(NOW).date()
    assert set(days) == {today - timedelta(days=back) for back in range(8)}
    full = {day: number for day, number in days.items() if day != today}
    assert min(n for d, n in full.items() if d.weekday() < 5) > 2 * max(
        n for d, n in full.items() if d.weekday() >= 5
    )
    hours = Counter(db.session.scalars(select(CheckIn.hour).where(CheckIn.day < today)))
    assert hours.most_common(1)[0][0] == 8
    assert hours[12] > hours[11]


@pytest.mark.one_database
def test_the_same_seed_on_the_same_day_gives_the_same_rows(app, database, once):
    assert Loaded.of(app, database) == once
    assert Loaded.of(app, database, seed=7).rows != once.rows


@pytest.mark.one_database
def test_a_day_is_the_same_however_many_came_before_and_only_grows(app, database, once, at):
    def yesterday_and_today(loaded):
        since, here = local(NOW).date() - timedelta(days=1), main().id
        rows = [row for row in loaded.rows if row.day >= since and row.district_id == here]
        rows.sort(key=lambda row: row.day)  # paper is typed in when the day is over
        return [(row.nonce, row.name, row.occurred_at, row.gate_id, row.written) for row in rows]

    assert yesterday_and_today(Loaded.of(app, database, days=3)) == yesterday_and_today(once)
    at(NOW + timedelta(hours=3))
    later = yesterday_and_today(Loaded.of(app, database))
    before = yesterday_and_today(once)
    assert later[: len(before)] == before
    assert len(later) > len(before)


def test_the_command_fills_an_empty_database_once_and_says_whom_and_what_it_holds(app, monkeypatch):
    first = flask(app, "--days", "1")
    assert first.exit_code == 0, first.output
    assert demo.PASSWORD in first.output
    _says_who_signs_in_which_gates_open_and_where_places_are(app, monkeypatch)
    rows = count(CheckIn.id)
    again = flask(app)
    assert again.exit_code == 1
    assert "已经有数据" in again.output
    assert "Traceback" not in again.output
    kept = flask(app, "--if-empty")
    assert kept.exit_code == 0
    assert "没有改动" in kept.output
    assert (count(CheckIn.id), count(District.id)) == (rows, 2)
    # whoever is invited later is not told the password of the demo
    make.account(main(), Post.TASK_FORCE, main().id, username="later")
    told = demo.summary(db.session(), "http://127.0.0.1:8000")
    assert "later" not in {one["username"] for one in told["accounts"]}


def test_the_demo_is_not_poured_over_a_real_district(app):
    make.district()
    with pytest.raises(RuleBroken, match="已经有数据"):
        load(app)
    told = flask(app, "--json")
    assert told.exit_code == 1
    assert "没有演示数据" in told.output


def test_production_refuses_the_demo(app):
    with_settings(app, env="production")
    for arguments in ((), ("--if-empty",), ("--json",)):
        refused = flask(app, *arguments)
        assert refused.exit_code == 1
        assert "正式环境" in refused.output
    assert demo.is_empty(db.session())


def _says_who_signs_in_which_gates_open_and_where_places_are(app, monkeypatch):
    monkeypatch.setenv("PORT", "8123")
    printed = flask(app, "--json")
    assert printed.exit_code == 0, printed.output
    told = json.loads(printed.stdout)
    assert list(told) == ["accounts", "gates", "places"]
    assert {tuple(one) for one in told["accounts"]} == {("username", "password", "name", "post", "home")}
    assert {tuple(one) for one in told["gates"]} == {("code", "place", "gate", "url")}
    assert {tuple(one) for one in told["places"]} == {("id", "name", "url")}
    assert told["gates"][0] == {
        "code": "7K3MX9QPRD",
        "place": "云溪软件园B区",
        "gate": "东门2号口",
        "url": "http://127.0.0.1:8123/g/7K3MX9QPRD",
    }
    assert len(told["gates"]) == 44  # of 45 one is out of use
    posts = {post for one in told["accounts"] for post in one["post"].split("、")}
    assert posts == {post.label for post in Post}
    assert all(one["home"].startswith("/") for one in told["accounts"])
    with_settings(app, public_url="https://jkg.example/")
    assert json.loads(flask(app, "--json").stdout)["gates"][0]["url"] == "https://jkg.example/g/7K3MX9QPRD"


@pytest.mark.one_database
@pytest.mark.parametrize(
    "clock", ["2026-11-22T00:20:00+08:00", "2026-12-31T23:59:30+08:00", "2027-02-28T03:00:00+08:00"]
)
def test_it_loads_at_any_hour_of_any_day(app, at, clock):
    at(datetime.fromisoformat(clock))
    assert load(app, days=2)["accounts"] == 105
    now = datetime.fromisoformat(clock)
    returned = select(Obligation).join(Obligation.enterprise).where(Enterprise.short_name == "青禾生物")
    assert Status.RETURNED in {
        status(one, now) for one in db.session.scalars(returned)
    }  # always something to do
    waiting = count(Obligation.id, Obligation.review == Review.WAITING)
    assert waiting > 5
    assert db.session.scalar(select(func.max(ReportVersion.at))) <= now
    assert db.session.scalar(select(func.max(CheckIn.occurred_at))) <= datetime.fromisoformat(clock)


@pytest.mark.one_database
def test_one_day_alone_loads_a_minute_after_midnight(app, at):
    at(datetime.fromisoformat("2026-11-28T00:01:00+08:00"))
    assert load(app, days=1)["accounts"] == 105
