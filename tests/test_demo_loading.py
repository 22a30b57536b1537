"""Filling an empty database with the demo: once, the same each time, without a thought for anybody's name."""

import json
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta

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


@pytest.mark.one_database
def test_a_name_has_no_part_in_what_happens(app, database, monkeypatch):
    """The same town with other names: the same visits, the same verdicts, the same notes."""
    happened = (
        CheckIn.nonce,
        CheckIn.verdict,
        CheckIn.reasons,
        CheckIn.marks,
        CheckIn.kind,
        CheckIn.handled_at,
    )
    load(app)
    before = db.session.execute(select(CheckIn.name, *happened).order_by(CheckIn.id)).all()
    start_over(database)
    monkeypatch.setattr(crowd, "draw_name", lambda rng: people.draw_name(rng)[::-1])
    load(app)
    after = db.session.execute(select(CheckIn.name, *happened).order_by(CheckIn.id)).all()
    assert [row[1:] for row in before] == [row[1:] for row in after]
    assert [row.name for row in before] != [row.name for row in after]


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
def test_the_same_seed_on_the_same_day_gives_the_same_rows(app, database):
    def rows_of(**options):
        start_over(database)
        load(app, **options)
        rows = db.session.execute(select(*DRAWN).order_by(CheckIn.id)).all()
        codes = db.session.scalars(select(GateCode.code).order_by(GateCode.id)).all()
        notes = db.session.execute(select(Note.check_in_id, Note.outcome, Note.at).order_by(Note.id)).all()
        return rows, codes, notes

    once = rows_of()
    assert rows_of() == once
    assert rows_of(seed=7)[0] != once[0]


@pytest.mark.one_database
def test_a_day_is_the_same_however_many_came_before_and_only_grows(app, database, at):
    drawn = (CheckIn.nonce, CheckIn.name, CheckIn.occurred_at, CheckIn.gate_id, CheckIn.written)

    def yesterday_and_today(days):
        start_over(database)
        load(app, days=days)
        since = local(NOW).date() - timedelta(days=1)
        rows = select(*drawn).where(CheckIn.day >= since, CheckIn.district_id == main().id)
        return db.session.execute(
            rows.order_by(CheckIn.day, CheckIn.id)
        ).all()  # paper is typed in when the day is over

    once = yesterday_and_today(2)
    assert yesterday_and_today(3) == once
    at(NOW + timedelta(hours=3))
    later = yesterday_and_today(2)
    assert later[: len(once)] == once
    assert len(later) > len(once)


def test_the_command_fills_an_empty_database_once(app):
    first = flask(app, "--days", "1")
    assert first.exit_code == 0, first.output
    assert demo.PASSWORD in first.output
    rows = count(CheckIn.id)
    again = flask(app)
    assert again.exit_code == 1
    assert "已经有数据" in again.output
    assert "Traceback" not in again.output
    kept = flask(app, "--if-empty")
    assert kept.exit_code == 0
    assert "没有改动" in kept.output
    assert (count(CheckIn.id), count(District.id)) == (rows, 2)


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


def test_the_json_says_who_signs_in_which_gates_open_and_where_places_are(app, monkeypatch):
    monkeypatch.setenv("PORT", "8123")
    printed = flask(app, "--json", "--days", "1")
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


def test_whoever_is_invited_later_is_not_told_the_password_of_the_demo(app):
    load(app, days=1)
    make.account(main(), Post.TASK_FORCE, main().id, username="later")
    told = demo.summary(db.session(), "http://127.0.0.1:8000")
    assert "later" not in {one["username"] for one in told["accounts"]}


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
