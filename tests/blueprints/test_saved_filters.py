"""Saved filters of the enterprises: one's own, by name, at most twelve, and nothing kept but what the list knows."""

import pytest
from sqlalchemy import select

from blueprints.enterprises import portfolio
from models.access import Post
from models.audit import AuditLine
from models.base import db
from models.saved_filters import MOST, SavedFilter
from tests import make
from tests.reader import read
from tests.statements import asked_by

FILTERS = "/enterprises/filters"


@pytest.fixture
def liaison(app, town):
    return make.sign_in(app.test_client(), town.officer(Post.UNIT_LIAISON))


def naming(client, address):
    """The form on that page which asks for a name."""
    (form,) = [one for one in read(client.get(address).text).forms if "name" in one.fields]
    return form


def sent(client, address, **typed):
    return client.post(address, data=naming(client, address).data(**typed))


def save(client, query, **typed):
    return sent(client, f"{FILTERS}/new?{query}", **typed)


def kept():
    db.session.rollback()  # what others have saved since is to be seen
    return db.session.scalars(select(SavedFilter).order_by(SavedFilter.id)).all()


def test_the_present_filter_is_saved_under_its_own_words_and_stands_above_the_list_with_its_number(
    liaison, town
):
    page = read(liaison.get("/enterprises?lack=posts&q=青禾&page=3").text)
    (offer,) = [link.url for link in page.links if "/filters/new" in link.url]
    answer = sent(liaison, offer)
    assert answer.status_code == 303
    (one,) = kept()
    assert one.name == "青禾，缺岗位" and one.query == "q=%E9%9D%92%E7%A6%BE&lack=posts"
    page = read(liaison.get(answer.location).text)
    assert "已存为“青禾，缺岗位”" in page.text and "青禾，缺岗位 1" in page.text
    assert "存为常用筛选" not in page.text  # it is one already
    assert db.session.scalars(select(AuditLine.action)).all().count("filter:keep") == 1


def test_the_number_beside_a_filter_is_what_it_finds(liaison, town):
    make.enterprise(
        town.street, "松果餐饮店", unit_id=town.unit.id, short_name="松果", initials="sg", headcount=None
    )
    for query, name in (
        ("lack=headcount", "没填"), ("q=松果", "松果"), ("sort=name", "全按名"), ("q=没有", "无"),
        (f"street={town.street.id}", "本街"), (f"street={town.street.id}&lack=posts&q=青禾", "都要"),
    ):  # fmt: skip
        assert save(liaison, query, name=name).status_code == 303
    text = read(liaison.get("/enterprises").text).text
    for words in ("没填 1", "松果 1", "全按名 2", "无 0", "本街 2", "都要 1"):
        assert words in text


def test_many_filters_cost_one_query_more_than_none_and_a_wide_reach_goes_without_numbers(
    liaison, town, monkeypatch
):
    liaison.get("/enterprises")  # how many there are is in mind now
    none = len(asked_by(lambda: liaison.get("/enterprises")))
    for number in range(MOST):
        save(liaison, f"q=第{number}", name=f"第{number}个")
    assert len(asked_by(lambda: liaison.get("/enterprises"))) == none + 1
    assert "第3个 0" in read(liaison.get("/enterprises").text).text
    monkeypatch.setattr(portfolio, "COUNTED_UPTO", 0)
    assert "第3个 0" not in read(liaison.get("/enterprises").text).text
    assert len(asked_by(lambda: liaison.get("/enterprises"))) == none


def test_only_what_the_list_knows_is_kept(liaison, town):
    assert (
        save(liaison, "lack=posts&next=//evil&lack2=x&page=4&sort=made-up&street=x", name="x").status_code
        == 303
    )
    assert kept()[0].query == "lack=posts"


@pytest.mark.parametrize("query", ["", "sort=lacking", "lack=x", "q=%00", "street=-1"])
def test_a_filter_of_nothing_is_not_saved(liaison, query):
    page = read(liaison.get(f"{FILTERS}/new?{query}").text)
    assert "现在没有筛选" in page.text
    token = naming(liaison, f"{FILTERS}/new?lack=posts").fields["csrf_token"]
    answer = liaison.post(f"{FILTERS}/new?{query}", data={"csrf_token": token, "name": "空"})
    assert answer.status_code == 422 and "先筛选再存" in answer.text and not kept()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("", "请起个名字"),
        ("   ", "请起个名字"),
        ("长" * 21, "最多20个字"),
        ("有\u200b无", "看不见的符号"),
        ("已有", "已经有一个叫“已有”的"),
    ],
)  # fmt: skip
def test_a_name_that_will_not_do_is_told_beside_the_field_and_stays_typed(liaison, name, words):
    save(liaison, "lack=headcount", name="已有")
    answer = save(liaison, "lack=posts", name=name)
    assert answer.status_code == 422 and words in answer.text and len(kept()) == 1
    if name.strip():
        assert f'value="{name}"' in answer.text


def test_the_thirteenth_is_refused_until_one_is_deleted(liaison):
    for number in range(MOST):
        assert save(liaison, f"q=第{number}", name=f"第{number}个").status_code == 303
    answer = save(liaison, "lack=posts", name="再一个")
    assert answer.status_code == 422 and "最多存12个" in answer.text
    answer = sent_to_delete(liaison, kept()[0])
    assert answer.status_code == 303 and "已删除“第0个”" in liaison.get(answer.location).text
    assert save(liaison, "lack=posts", name="再一个").status_code == 303


def sent_to_delete(client, one):
    forms = read(client.get(FILTERS).text).forms
    (form,) = [form for form in forms if form.action.endswith(f"/{one.id}/delete")]
    return client.post(form.action, data=form.data())


def test_a_filter_is_renamed_but_not_to_the_name_of_another(liaison):
    for name in ("甲", "乙"):
        save(liaison, f"q={name}", name=name)
    first = kept()[0].id
    assert sent(liaison, f"{FILTERS}/{first}", name="甲").status_code == 303
    answer = sent(liaison, f"{FILTERS}/{first}", name="乙")
    assert answer.status_code == 422 and "已经有一个叫“乙”的" in answer.text
    assert sent(liaison, f"{FILTERS}/{first}", name="丙").status_code == 303
    assert [one.name for one in kept()] == ["丙", "乙"]
    text = read(liaison.get(FILTERS).text).text
    assert "丙" in text and "查找：甲" in text


def test_nobody_sees_renames_or_deletes_anothers(app, liaison, town):
    save(liaison, "lack=posts", name="周一早上看")
    number = kept()[0].id
    other = make.sign_in(app.test_client(), make.account(town.district, Post.UNIT_LIAISON, town.unit.id))
    assert "周一早上看" not in other.get("/enterprises").text + other.get(FILTERS).text
    assert other.get(f"{FILTERS}/{number}").status_code == 404
    token = naming(other, f"{FILTERS}/new?lack=posts").fields["csrf_token"]
    for address in (f"{FILTERS}/{number}", f"{FILTERS}/{number}/delete"):
        assert other.post(address, data={"csrf_token": token, "name": "我的"}).status_code == 404
    assert save(other, "lack=posts", name="周一早上看").status_code == 303  # a name is one's own
    assert [one.name for one in kept()] == ["周一早上看"] * 2


def test_a_street_out_of_reach_is_not_named(liaison, town):
    hidden = make.save(type(town.street)(district_id=town.district.id, name="远街道"))
    text = liaison.get(f"{FILTERS}/new?street={hidden.id}").text
    assert "远街道" not in text and "已不在您负责的范围" in text
