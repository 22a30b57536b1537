"""The scheme that a district follows (POL-1): read with its clauses, compared, adopted from a day on."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from models.access import Post
from models.audit import AuditLine
from models.base import db
from models.places import Adoption
from tests import make
from tests.browser import read
from tests.conftest import NOW
from tests.reader import words as text_of

TODAY, TOMORROW = date(2026, 11, 20), date(2026, 11, 21)


@pytest.fixture
def officer(client: FlaskClient, town: make.Town) -> FlaskClient:
    return make.sign_in(client, town.officer(Post.TASK_FORCE, name="程专班"))


def adopt(client: FlaskClient, scheme: str = make.LATER_SCHEME, from_on: str = "2026-11-21"):
    form = read(client.get("/schemes/adopt").data).form()
    return client.post("/schemes/adopt", data=form.data(scheme=scheme, from_on=from_on))


def adoptions() -> list[tuple[str, date]]:
    db.session.rollback()
    return [
        (a.scheme_key, a.from_on) for a in db.session.scalars(select(Adoption).order_by(Adoption.from_on))
    ]


def planned_one() -> Adoption:
    """The plan for tomorrow."""
    db.session.rollback()
    return db.session.scalars(select(Adoption).where(Adoption.from_on == TOMORROW)).one()


def test_the_scheme_in_force_shows_its_numbers_with_their_clauses(app, officer, town):
    page = read(officer.get("/schemes").data)
    assert page.h1 == "成都高新区企业首席健康官制度（2022年试行）"
    for words in (
        "2022年4月1日起采用",
        "37.3℃以上（含）",
        "低于35.5℃",
        "回看14天",
        "回看21天",
        "1–29人",
        "30–200人",
        "201–1000人",
        "1001人以上",
        "每周",
        "每天",
        "应急加问4项",
        "成高管办发〔2022〕14号 二（一）1",
    ):
        assert words in page.text, words


def test_a_citation_that_nobody_has_checked_is_not_printed(app, officer, town):
    policy = app.extensions["site"].book.get(make.SCHEME)
    assert not policy.thresholds.source.citable
    page = read(officer.get("/schemes").data)
    assert "出处未核对" in page.text
    assert "平台默认值" not in page.text


def test_two_packs_are_compared_key_by_key(officer, town):
    page = read(officer.get(f"/schemes/compare?old={make.SCHEME}&new={make.LATER_SCHEME}").data)
    assert (
        "《成都高新区企业首席健康官制度（2022年试行）》和《成都高新区深化企业首席健康官制度（2024年征求意见稿）》"
        in page.text
    )
    rows = [text_of(row).split("\n") for row in page.root.iter("tr")]
    assert ["施行日期", "前2022年3月23日", "后2024年2月1日"] in rows
    assert ["状态", "前试行", "后草案"] in rows
    assert ["常态：报送周期", "前每周", "后每月"] in rows
    same = read(officer.get(f"/schemes/compare?old={make.SCHEME}&new={make.SCHEME}").data)
    assert "两份方案相同" in same.text
    assert officer.get("/schemes/compare?old=nothing/2020-01-01&new=").status_code == 200
    part = officer.get(
        f"/schemes/compare?old={make.SCHEME}&new={make.SCHEME}", headers={"HX-Request": "true"}
    )
    assert "两份方案相同" in read(part.data, whole=False).text


def test_a_planned_adoption_begins_at_midnight_and_not_before(app, at, officer, town):
    site = app.extensions["site"]
    assert adopt(officer).status_code == 303
    stored = planned_one()
    assert stored.digest == site.book.get(make.LATER_SCHEME).digest
    page = read(officer.get("/schemes").data)
    assert "已定、还没有实行" in page.text
    assert "程专班" in page.text
    code = town.gate.code.code
    midnight = NOW.replace(hour=16, minute=0, second=0)
    assert site.gates.view(code, midnight - timedelta(seconds=1), fresh=True).policy.key == make.SCHEME
    assert site.gates.view(code, midnight, fresh=True).policy.key == make.LATER_SCHEME
    line = db.session.scalars(select(AuditLine).order_by(AuditLine.id.desc())).first()
    assert line.action == "policy:adopt"
    assert make.LATER_SCHEME in line.details


def test_adopting_from_today_holds_at_once(app, officer, town):
    gates, code = app.extensions["site"].gates, town.gate.code.code
    assert gates.view(code, NOW, fresh=True).policy.key == make.SCHEME
    assert adopt(officer, from_on="2026-11-20").status_code == 303
    assert gates.view(code, NOW, fresh=True).policy.key == make.LATER_SCHEME


@pytest.mark.parametrize(
    ("scheme", "from_on", "words"),
    [
        (make.LATER_SCHEME, "2026-11-19", "2026年11月19日已经过去"),
        (make.LATER_SCHEME, "昨天", "没有看懂“昨天”"),
        (make.LATER_SCHEME, "", "请填从哪天起采用"),
        ("", "2026-12-01", "请选择一份方案"),
        (make.SCHEME, "2026-12-01", "本来就在用这份方案"),
    ],
)
def test_a_date_that_cannot_be_is_refused_in_words(officer, town, scheme, from_on, words):
    answer = adopt(officer, scheme, from_on)
    assert answer.status_code == 422
    assert words in read(answer.data).text
    assert adoptions() == [(make.SCHEME, date(2022, 4, 1))]


def test_a_day_has_one_scheme(officer, town):
    assert adopt(officer).status_code == 303
    answer = adopt(officer)
    assert answer.status_code == 422
    assert "已经定了采用" in read(answer.data).text
    assert len(adoptions()) == 2


def test_a_plan_can_be_withdrawn_with_a_reason_until_its_day(at, officer, town):
    adopt(officer)
    planned = planned_one()
    path = f"/schemes/adoptions/{planned.id}/withdraw"
    form = read(officer.get(path).data).form()
    assert officer.post(path, data=form.data(reason="")).status_code == 422
    assert officer.post(path, data=form.data(reason="文件推迟印发")).status_code == 303
    assert adoptions() == [(make.SCHEME, date(2022, 4, 1))]
    assert (
        "文件推迟印发" in db.session.scalars(select(AuditLine.details).order_by(AuditLine.id.desc())).first()
    )

    adopt(officer)
    planned = planned_one()
    at(NOW + timedelta(days=1))
    make.sign_in(officer, town.officer(Post.TASK_FORCE))
    answer = officer.get(f"/schemes/adoptions/{planned.id}/withdraw")
    assert answer.status_code == 409
    assert "已经实行，不能撤回" in read(answer.data).text
    assert len(adoptions()) == 2


def test_a_pack_that_was_changed_after_its_adoption_is_shown(officer, town):
    adoption = db.session.scalars(select(Adoption)).one()
    assert "采用时不同" not in read(officer.get("/schemes").data).text
    adoption.digest = "0" * 64
    db.session.commit()
    assert "采用时不同" in read(officer.get("/schemes").data).text


def test_liaisons_read_and_only_the_task_force_adopts(app, town):
    for post in (Post.UNIT_LIAISON, Post.COMMUNITY_LIAISON):
        client = make.sign_in(app.test_client(), town.officer(post))
        assert "采用另一份方案" not in read(client.get("/schemes").data).text
        assert client.get("/schemes/adopt").status_code == 403
    assert make.sign_in(app.test_client(), town.officer(Post.SPECIALIST)).get("/schemes").status_code == 403


def test_another_district_s_plan_is_not_there(app, officer, town):
    adopt(officer)
    planned = planned_one()
    elsewhere = make.district("云麓新城", "luzhou")
    stranger = make.sign_in(app.test_client(), make.account(elsewhere, Post.TASK_FORCE))
    assert stranger.get(f"/schemes/adoptions/{planned.id}/withdraw").status_code == 404
    assert "还没有采用方案" in read(stranger.get("/schemes").data).text
