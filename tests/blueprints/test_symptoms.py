"""The page of the symptom curves: who sees which areas, small numbers, its workbook."""

from __future__ import annotations

import io

import openpyxl
import pytest

from models.access import Post
from models.symptom_weeks import WEEK, Basis, SymptomWeek
from tests import make
from tests.forms import opened
from tests.models.test_symptom_weeks import THIS_WEEK


@pytest.fixture
def weeks(town):
    neighbour = make.enterprise(town.street, "邻居有限公司", at=town.other, short_name="邻居", initials="lj")
    third = make.enterprise(
        town.street, "第三家有限公司", at=town.building, short_name="第三家", initials="dsj"
    )
    for firm, place, ill in (
        (town.tenant, town.park, 20),
        (neighbour, town.other, 3),
        (third, town.building, 7),
    ):
        for back in range(12):
            row = SymptomWeek(
                week_on=THIS_WEEK - WEEK * back, due=1000, absent_ill=ill * (4 if back == 1 and ill == 20 else 1), watched=200,
                fever=1, symptoms=6, basis=Basis.REPORT,
            )  # fmt: skip
            row.stand(firm, place.id)
            make.save(row)
    return neighbour


def page_for(app, town, post, address="/symptoms"):
    return opened(make.sign_in(app.test_client(), town.officer(post)), address)


def test_the_task_force_sees_every_place_and_which_is_above_its_usual(app, town, weeks):
    page = page_for(app, town, Post.TASK_FORCE)
    assert town.park.name in page.text and town.other.name in page.text
    assert "高于平常" in page.text and "8.00" in page.text


def test_a_specialist_sees_the_own_place_alone(app, town, weeks):
    text = page_for(app, town, Post.SPECIALIST).text
    assert town.park.name in text and town.other.name not in text
    chosen = page_for(app, town, Post.SPECIALIST, f"/symptoms?area={town.other.id}").text
    assert town.other.name not in chosen


def test_fewer_than_five_are_told_on_no_page_and_in_no_workbook(app, town, weeks):
    page = page_for(app, town, Post.TASK_FORCE, f"/symptoms?area={town.other.id}")
    assert "少于5" in page.text and "0.30" not in page.text
    client = make.sign_in(app.test_client(), town.officer(Post.TASK_FORCE))
    book = openpyxl.load_workbook(io.BytesIO(client.get("/symptoms/export").data))
    rows = [row for row in book.active.iter_rows(min_row=4, values_only=True) if row[0] == town.other.name]
    assert len(rows) == 12 and {(row[3], row[5]) for row in rows} == {("少于5", None)}


def test_what_would_give_a_hidden_number_away_is_hidden_with_it(app, town, weeks):
    text = page_for(app, town, Post.TASK_FORCE, f"/symptoms?area={town.building.id}").text
    assert "不显示" in text and "0.70" not in text


def test_the_table_stands_beside_the_chart_and_a_made_up_address_shows_the_first(app, town, weeks):
    page = page_for(app, town, Post.UNIT_LIAISON, "/symptoms?measured=x&by=y&area=z")
    assert (
        "因病缺勤率" in page.text and page.html.count('<svg class="chart"') == 2 and "平常范围" in page.text
    )


def test_without_any_week_the_page_says_when_there_will_be_one(app, town):
    assert "还没有一周的数字" in page_for(app, town, Post.COMMUNITY_LIAISON).text


def test_the_menu_of_every_post_leads_there_and_is_no_longer_than_twelve(app, town, weeks):
    for post in (
        Post.SPECIALIST,
        Post.UNIT_LIAISON,
        Post.COMMUNITY_LIAISON,
        Post.TASK_FORCE,
        Post.HEALTH_MANAGER,
    ):
        page = page_for(app, town, post, "/clusters")
        assert page.link("聚集预警") == "/clusters"
