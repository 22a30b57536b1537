"""Since when a post lacks somebody, how long there is grace, and the acts that fill a post."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from models import posts
from models.access import Post
from models.base import RuleBroken, db, local
from models.enterprises import Enterprise, Headcount
from models.grace import Lacking, Service, lacking_since
from models.policy.book import SHIPPED
from models.policy.loader import load_pack
from models.posts import ManagementTeam, PaperCheck
from tests import make
from tests.conftest import NOW
from tests.policy.packs import OF_2022

RULE = load_pack(SHIPPED / OF_2022).staffing
SCHEME = [(date(2022, 4, 1), RULE)]
TODAY = date(2026, 11, 20)
CHIEF, MANAGER = "chief_health_officer", "health_manager"


def days(number: int) -> timedelta:
    return timedelta(days=number)


def lacking(heads, services=(), rules=SCHEME, today=TODAY):
    return dict(lacking_since(rules, heads, services, today))


def served(post: str, first: date = date(2023, 1, 1), last: date = date(2027, 12, 31)) -> Service:
    return Service(post, first, last)


@pytest.mark.parametrize(
    ("ago", "words", "over"),
    [
        (0, "还有30天", False), (12, "还有18天", False), (29, "还有1天", False), (30, "今天是最后一天", False),
        (31, "已超过1天", True), (42, "已超过12天", True),
    ],
)  # fmt: skip
def test_crossing_a_threshold_opens_thirty_days(ago, words, over):
    crossed = TODAY - days(ago)
    found = lacking([(date(2024, 1, 1), 29), (crossed, 30)])
    assert found == {MANAGER: Lacking(1, crossed, crossed + days(30))}
    assert (found[MANAGER].words(TODAY), found[MANAGER].is_over(TODAY)) == (words, over)


def test_whoever_leaves_opens_no_grace():
    left = TODAY - days(5)
    found = lacking([(date(2024, 1, 1), 112)], [served(MANAGER, last=left - days(1))])
    assert found == {MANAGER: Lacking(1, left, None)}
    assert found[MANAGER].words(TODAY) == "已空缺5天"
    assert found[MANAGER].is_over(TODAY)
    today = lacking([(date(2024, 1, 1), 112)], [served(MANAGER, last=TODAY - days(1))])
    assert today[MANAGER].words(TODAY) == "今天起空缺"


def test_a_head_count_that_falls_below_and_grows_again_opens_the_grace_anew():
    heads = [(date(2024, 1, 1), 30), (TODAY - days(50), 25), (TODAY - days(10), 31)]
    assert lacking(heads)[MANAGER].since == TODAY - days(10)
    assert lacking(heads, today=TODAY - days(20)) == {}


def test_nobody_judges_an_unknown_head_count():
    assert lacking([]) == lacking([(date(2024, 1, 1), 0)]) == {}
    assert lacking([(date(2024, 1, 1), 400), (TODAY, 0)]) == {}
    assert lacking([(date(2024, 1, 1), 20)]) == {}  # the legal representative, by rule


def test_growing_while_nobody_is_there_keeps_the_older_gap_and_counts_the_new():
    heads = [(date(2024, 1, 1), 400), (TODAY - days(3), 600)]
    staff = [served(CHIEF), served(MANAGER, last=TODAY - days(21))]
    assert lacking(heads, staff) == {MANAGER: Lacking(2, TODAY - days(20), None)}
    newcomer = served(MANAGER, first=TODAY - days(1))
    crossing = TODAY - days(3)
    assert lacking(heads, [*staff, newcomer]) == {MANAGER: Lacking(1, crossing, crossing + days(30))}


def test_what_is_no_longer_asked_for_is_the_newest_gap():
    heads = [(date(2024, 1, 1), 400), (TODAY - days(9), 600), (TODAY - days(2), 500)]
    assert lacking(heads, [served(CHIEF)]) == {
        MANAGER: Lacking(1, date(2024, 1, 1), date(2024, 1, 31))
    }  # fmt: skip


def test_a_term_that_joins_the_one_before_leaves_no_gap():
    staff = [served(MANAGER, last=TODAY - days(9)), served(MANAGER, first=TODAY - days(8))]
    assert lacking([(date(2024, 1, 1), 112)], staff) == {}


def test_before_the_scheme_nothing_is_asked_and_its_first_day_opens_the_grace():
    begins = TODAY - days(4)
    found = lacking([(date.min, 112)], rules=[(begins, RULE)])
    assert found == {MANAGER: Lacking(1, begins, begins + days(30))}
    assert lacking([(date.min, 112)], rules=[(TODAY + days(1), RULE)]) == {}


@pytest.mark.parametrize("seed", range(40))
def test_it_agrees_with_the_count_of_each_day(seed):
    """Whether and how many are missing is what the rule says of that day, whatever happened before."""
    from random import Random

    rng = Random(seed)
    heads = [
        (TODAY - days(rng.randrange(200)), rng.choice([0, 20, 30, 112, 201, 400, 612, 1001]))
        for _ in range(5)
    ]
    heads = list({day: (day, number) for day, number in heads}.values())
    staff = []
    for _ in range(6):
        first = TODAY - days(rng.randrange(250))
        staff.append(Service(rng.choice([CHIEF, MANAGER]), first, first + days(rng.randrange(200))))
    begun = [one for one in sorted(heads) if one[0] <= TODAY]
    duty = RULE.duty(begun[-1][1])
    expected = {}
    for post, required in duty.required.items() if duty else ():
        there = sum(one.post == post and one.first <= TODAY <= one.last for one in staff)
        if required > there:
            expected[post] = required - there
    assert {post: one.missing for post, one in lacking(heads, staff).items()} == expected


# --- the board and the acts, over a real database ---


def board(app, town):
    return posts.board(db.session(), app.extensions["site"].book, town.tenant, NOW)


def test_the_board_judges_by_the_days_on_file(app, town):
    town.tenant.headcount = 400
    make.save(
        Headcount(enterprise_id=town.tenant.id, from_on=date(2025, 1, 1), number=200, written_at=NOW),
        Headcount(enterprise_id=town.tenant.id, from_on=date(2026, 11, 8), number=400, written_at=NOW),
    )
    town.officer(Post.HEALTH_MANAGER)
    found = board(app, town)
    assert found.lacks == {CHIEF: Lacking(1, date(2026, 11, 8), date(2026, 12, 8))}
    assert found.missing == 1
    assert found.counted.number == 400
    assert found.team is None and not found.is_deserted


def test_where_nobody_wrote_down_since_when_no_day_is_claimed(app, town):
    found = board(app, town)
    assert found.missing == 1 and found.lacks == {}


def test_an_ended_term_and_a_closed_account_leave_a_gap_from_that_day(app, town):
    make.save(Headcount(enterprise_id=town.tenant.id, from_on=date(2025, 1, 1), number=112, written_at=NOW))
    manager = town.officer(Post.HEALTH_MANAGER)
    manager.appointments[0].end(reason="离职", now=NOW - timedelta(days=3))
    db.session.commit()
    found = board(app, town)
    assert found.lacks[MANAGER] == Lacking(1, local(NOW).date() - days(3), None)
    assert found.is_deserted
    assert [one.account_id for one in found.past] == [manager.id]
    other = town.officer(Post.HEALTH_MANAGER)
    assert not board(app, town).lacks
    other.disable(reason="停用", now=NOW - timedelta(days=1))
    db.session.commit()
    assert board(app, town).lacks[MANAGER].since == local(NOW).date() - days(1)


def test_deserted_are_those_whom_somebody_stood_for_and_nobody_does(town):
    today = local(NOW).date()

    def deserted():
        return db.session.query(Enterprise.id).where(posts.deserted(today)).all()

    assert deserted() == []  # nobody has ever been there: that is no task of re-invitation
    chief = town.officer(Post.CHIEF_HEALTH_OFFICER)
    town.officer(Post.HEALTH_GUIDE)  # a guide comes from a clinic and stands for nobody
    assert deserted() == []
    chief.appointments[0].end(reason="离职", now=NOW)
    db.session.commit()
    assert deserted() == [(town.tenant.id,)]
    assert posts.must_show_papers(db.session(), town.tenant.id, today)
    town.officer(Post.HEALTH_MANAGER)
    assert deserted() == []


def test_handing_over_leaves_no_day_without_a_holder(app, town):
    old, new = town.officer(Post.HEALTH_MANAGER), make.account(town.district, name="接任")
    term = old.appointments[0]
    made = posts.hand_over(
        term, new, last_on=date(2026, 11, 30), ends_on=date(2027, 11, 30), reason="转岗", position="", now=NOW,
        by_id=old.id,
    )  # fmt: skip
    db.session.commit()
    assert (term.ends_on, made.starts_on) == (date(2026, 11, 30), date(2026, 12, 1))
    for on in (date(2026, 11, 30), date(2026, 12, 1)):
        assert term.holds(on) != made.holds(on)
    with pytest.raises(RuleBroken, match="就是现在这个人"):
        posts.hand_over(
            made, new, last_on=date(2027, 1, 1), ends_on=date(2027, 11, 30), reason="转岗", position="", now=NOW,
            by_id=old.id,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("last_on", "words"), [(date(2026, 11, 19), "已经过去"), (date(2027, 4, 1), "不能再晚")]
)
def test_a_last_day_is_neither_past_nor_beyond_the_term(town, last_on, words):
    term = town.officer(Post.HEALTH_MANAGER).appointments[0]
    with pytest.raises(RuleBroken, match=words):
        term.end_on(last_on, reason="离职", now=NOW)


def test_a_position_is_needed_and_confirmed_where_the_rule_says_who_may(app, town):
    town.tenant.headcount = 400
    chief = town.officer(Post.CHIEF_HEALTH_OFFICER).appointments[0]
    found = board(app, town)
    assert found.unconfirmed(chief)
    condition = found.condition(chief)
    assert condition == "中层以上管理人员"
    with pytest.raises(RuleBroken, match="请填这个人的职务"):
        posts.settled_position(condition, " ", True)
    with pytest.raises(RuleBroken, match="请先核实"):
        posts.settled_position(condition, "行政总监", False)
    chief.position = posts.settled_position(condition, " 行政总监 ", True)
    assert not board(app, town).unconfirmed(chief)
    assert posts.settled_position("", "", False) == ""


def test_an_account_is_found_by_name_and_username_or_mobile_together(town):
    them = make.account(town.district, username="linjw", name="林见微")
    them.set_mobile("13800138000")
    elsewhere = make.district("鹭洲区", "luzhou")
    make.account(elsewhere, username="other", name="林见微")
    db.session.commit()

    def find(name, known_as):
        return posts.person(db.session(), town.district.id, name=name, known_as=known_as)

    assert find("林见微", "138 0013 8000") is find(" 林见微 ", "LinJW") is them
    for name, known_as in (("林见", "linjw"), ("林见微", "13800138001"), ("林见微", "other"), ("林见微", "")):
        with pytest.raises(RuleBroken, match="没有找到"):
            find(name, known_as)


def test_papers_of_another_firm_let_nobody_in(app, town):
    by = town.officer(Post.UNIT_LIAISON)
    vault = app.extensions["site"].vault

    def check(code):
        return PaperCheck.make(
            town.tenant, vault, licence_code=code, authorised="林见微", photo=b"jpeg", now=NOW, by_id=by.id
        )

    with pytest.raises(RuleBroken, match="不一致"):
        check("91510100MA00000152")
    row = make.save(check(f" {town.tenant.credit_code.lower()} "))
    assert row.photo != b"jpeg" and vault.unseal_bytes(row.photo, PaperCheck.PHOTO) == b"jpeg"


@pytest.mark.parametrize(
    ("leader", "deputy", "charter", "words"),
    [("", "乙", "章", "负责人"), ("甲", "甲", "章", "同一个人"), ("甲", "乙", " ", "章程")],
)
def test_a_team_needs_leader_deputy_and_charter(app, town, leader, deputy, charter, words):
    with pytest.raises(RuleBroken, match=words):
        ManagementTeam.file(
            town.tenant, app.extensions["site"].vault, leader=leader, deputy=deputy, charter=charter, photo=None,
            now=NOW, by_id=1,
        )  # fmt: skip
