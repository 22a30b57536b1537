"""Who is to be examined (谁该体检), and the copy of the occupational file."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models.access import Post
from models.archive import Employee
from models.audit import AuditLine, Result
from models.base import db
from models.health_file import CheckUp
from tests import make
from tests.conftest import NOW
from tests.forms import landed, opened, submit

TODAY = NOW.date()


@pytest.fixture
def chief(app, town):
    return make.sign_in(app.test_client(), town.officer(Post.CHIEF_HEALTH_OFFICER))


@pytest.fixture
def welder(town):
    return make.save(
        Employee(
            enterprise_id=town.tenant.id,
            name="周小满",
            initials="zxm",
            hazards="电焊烟尘",
            added_at=NOW,
            changed_at=NOW,
        )
    )


def examined(person, **facts):
    return make.save(
        CheckUp(employee_id=person.id, written_at=NOW, **{"kind": "periodic", "hazards": ""} | facts)
    )


def test_what_is_overdue_stands_first(town, chief, welder):
    examined(welder, done_on=TODAY - timedelta(364))
    late = make.save(
        Employee(
            enterprise_id=town.tenant.id,
            name="陈立",
            initials="cl",
            hazards="噪声",
            added_at=NOW,
            changed_at=NOW,
        )
    )
    examined(late, done_on=TODAY - timedelta(400))
    text = opened(chief, f"/enterprises/{town.tenant.id}/check-ups").text
    assert text.index("陈立") < text.index("周小满") and "已经过期1人次" in text


def test_a_list_of_nobody_says_so(town, chief):
    assert "两个月内没有到期的体检" in opened(chief, f"/enterprises/{town.tenant.id}/check-ups").text


def test_from_the_list_the_examination_is_put_on_file_and_the_person_is_off_it(town, chief, welder):
    examined(welder, done_on=TODAY - timedelta(400))
    page = opened(chief, f"/enterprises/{town.tenant.id}/check-ups")
    landed(chief, submit(chief, page.link("登记体检"), done_on=TODAY.isoformat()))
    row = db.session.scalars(select(CheckUp).order_by(CheckUp.id.desc())).first()
    assert (row.kind.value, row.hazards) == ("periodic", "电焊烟尘")
    assert "周小满" not in opened(chief, f"/enterprises/{town.tenant.id}/check-ups").text


def test_a_planned_examination_is_filled_in_where_it_stands(town, chief, welder):
    planned = examined(welder, kind="pre_post", due_on=TODAY - timedelta(1))
    page = opened(chief, f"/enterprises/{town.tenant.id}/check-ups")
    assert page.link("登记体检").endswith(f"/records/check-up/{planned.id}")
    landed(chief, submit(chief, page.link("登记体检"), done_on=TODAY.isoformat()))
    db.session.rollback()
    db.session.expire_all()
    assert planned.replaced_at is not None


@pytest.mark.parametrize("query", ["kind=leaving", "kind=x", "kind=%00", "enterprise_id=9"])
def test_a_kind_that_is_none_shows_all(town, chief, welder, query):
    text = opened(chief, f"/enterprises/{town.tenant.id}/check-ups?{query}").text
    assert ("周小满" in text) == (query != "kind=leaving")


def test_the_copy_of_the_file_is_a_pdf_and_kept(at, chief, welder):
    examined(welder, done_on=TODAY, result="未见异常")
    answer = chief.get(f"/employees/{welder.id}/occupational-file.pdf")
    assert answer.status_code == 200 and answer.data.startswith(b"%PDF")
    (line,) = db.session.scalars(select(AuditLine).where(AuditLine.action == "employee:reveal"))
    assert line.result is Result.SEEN and line.object_id == str(welder.id)
    at(NOW + timedelta(minutes=11))
    assert chief.get(f"/employees/{welder.id}/occupational-file.pdf").status_code == 303
