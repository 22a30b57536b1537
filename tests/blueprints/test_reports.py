"""Filling a report, correcting it, judging it, a lock and its exception; everything by the server's clock, which stands still."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from threading import Barrier

import openpyxl
import pytest
from sqlalchemy import func, select

from models.access import Post
from models.base import db
from models.health_entries import Report, Site, Today
from models.inbox import Message, is_unread_about
from models.ledger import recent
from models.obligations import Obligation, Rates, Review, Status, rates, status
from models.places import ModeOrder
from models.reports import LockException, ReportDraft, ReportReview, ReportVersion, Source
from tests import make, towns
from tests.forms import landed, opened, refused, submit
from tests.november import on
from tests.reader import read
from tests.statements import statements_of

NUMBERS = {
    "expected": "112", "present": "110", "absent_ill": "1", "measured": "110", "fever": "0", "symptoms": "1", "risk_area": "0",
    "overseas": "0", "code_yellow": "0", "code_red": "0", "visitors": "3", "visitors_travelled": "0",
    "vaccinated_full": "100", "vaccinated_booster": "88", "follow_ups_open": "0", "follow_ups_closed": "0",
}  # fmt: skip
DOUBLE = NUMBERS | {"absent_ill": "2"}


@pytest.fixture
def town(app, at) -> make.Town:
    at(on("01 08:00"))
    return towns.found(on("01 08:00"))


@pytest.fixture
def week(town, clock) -> str:
    """The page of the week of 16 to 22 November, on Friday."""
    clock("16 08:00")
    clock("20 09:00")
    return f"/enterprises/{town.tenant.id}/reports/2026-11-16"


@pytest.fixture
def people(app, town):
    """Somebody in a post; the same person, signed in anew, at each call for the same post."""
    known = {}

    def people(post: Post):
        if post not in known:
            known[post] = town.officer(post)
        return make.sign_in(app.test_client(), known[post])

    return people


@pytest.fixture
def manager(people):
    return lambda: people(Post.HEALTH_MANAGER)


def sheet(client, address: str):
    """The form of the numbers."""
    return next(form for form in opened(client, address).forms if "fever" in form.choices)


def send(client, address: str, step: str = "file", **numbers: str):
    """With the usual numbers in all fields that are typed here."""
    form = sheet(client, address)
    usual = {key: number for key, number in NUMBERS.items() if key in form.choices}
    return client.post(address, data=form.data(**usual | numbers) | {"step": step})


def zero(client, address: str):
    form = next(
        form for form in opened(client, address).forms if form.buttons and form.buttons[0][1] == "zero"
    )
    return client.post(address, data=form.data() | {"step": "zero"})


def correct(client, address: str, reason: str = "", **numbers: str):
    return send(client, address, **{"reason": reason, **numbers})


def the_week(town) -> Obligation:
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(
        select(Obligation).where(
            Obligation.enterprise_id == town.tenant.id, Obligation.first_on == date(2026, 11, 16)
        )
    ).one()


def versions() -> int:
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(ReportVersion)) or 0


def test_a_page_that_was_open_too_long_keeps_what_was_typed(town, week, manager):
    """Somebody has signed in anew since: the token holds no more, the numbers do."""
    for step in ("file", "draft"):
        data = sheet(manager(), week).data(**NUMBERS | {"visitors": "37"}) | {"step": step}
        client = manager()
        answer = client.post(week, data=data)
        assert "这一页放得太久，还没有报送；填的都在，请再按一次" in refused(answer)
        assert versions() == 0
        form = next(form for form in read(answer.text).forms if "fever" in form.choices)
        assert form.fields["visitors"] == ["37"]
    landed(client, client.post(week, data=form.data() | {"step": "file"}))
    assert versions() == 1


# --- by the clock ---


@pytest.mark.parametrize(
    ("filed", "how", "words"),
    [("23 11:59:59", Status.ON_TIME, "按时"), ("23 12:00:00", Status.ON_TIME, "按时"), ("23 12:00:01", Status.LATE, "迟报不到1分钟")],
)  # fmt: skip
def test_list_page_and_rate_agree_on_whether_a_report_is_on_time(
    town, week, clock, manager, filed, how, words
):
    clock(filed)
    page = landed(manager(), send(manager(), week))
    assert words in page.text
    assert words in opened(manager(), f"/enterprises/{town.tenant.id}/reports").text
    assert status(the_week(town), on(filed)) is how
    found = rates(db.session(), Obligation.last_on == date(2026, 11, 22), on(filed))[None]
    assert found == Rates(expected=1, received=1, on_time=int(how is Status.ON_TIME))


def test_what_was_never_filed_is_missed_from_the_lock_on(town, week, clock, manager):
    address = f"/enterprises/{town.tenant.id}/reports"
    for text, words in (
        ("23 11:42", "还有18分钟"),
        ("23 14:00", "逾期2小时"),
        ("30 11:59:59", "逾期6天"),
        ("30 12:00:00", "缺报"),
    ):
        clock(text)
        assert words in opened(manager(), address).text
        assert words in opened(manager(), week).text
    assert "去填报：11月16日" not in opened(manager(), address).html


def test_it_opens_on_its_day_and_not_before(town, clock, manager):
    clock("16 08:00")
    address = f"/enterprises/{town.tenant.id}/reports/2026-11-16"
    clock("19 23:59")
    assert "11月20日00:00起可以填报" in opened(manager(), address).text
    answer = manager().post(address, data={"step": "file", **NUMBERS})
    assert answer.status_code in (400, 422)
    clock("20 00:00")
    landed(manager(), send(manager(), address))


def test_after_the_lock_it_is_refused_with_the_reason_and_taken_late_with_an_exception(
    town, week, clock, manager, people
):
    form = sheet(manager(), week).data(**NUMBERS) | {"step": "file"}
    town.officer(Post.UNIT_LIAISON, name="周知行")
    clock("30 12:00:00")
    client = manager()
    answer = client.post(week, data=_fresh(client, form))
    assert "11月30日12:00已锁定。要补报，请单位联络员周知行开一次例外" in refused(answer)
    one = the_week(town)
    deadline = rates(db.session(), Obligation.id == one.id, one.due_at)[None]
    page = opened(people(Post.UNIT_LIAISON), f"/reports/{one.id}")
    assert "开一次例外" in page.text
    address = f"/reports/{one.id}/unlock"
    assert "最长7天" in refused(submit(people(Post.UNIT_LIAISON), address, reason="住院", until="2026-12-20"))
    assert "请写一句原因" in refused(
        submit(people(Post.UNIT_LIAISON), address, reason=" ", until="2026-12-01")
    )
    landed(
        people(Post.UNIT_LIAISON),
        submit(people(Post.UNIT_LIAISON), address, reason="健康管理员住院", until="2026-12-01"),
    )
    assert "健康管理员住院" in opened(manager(), week).text
    page = landed(manager(), send(manager(), week))
    assert "算迟报" in page.text
    one = the_week(town)
    now = on("30 12:00:00")
    assert status(one, now) is Status.LATE
    assert rates(db.session(), Obligation.id == one.id, one.due_at)[None] == deadline
    assert rates(db.session(), Obligation.id == one.id, now)[None] == Rates(expected=1, received=1)
    assert db.session.scalars(select(LockException.reason)).all() == ["健康管理员住院"]


def _fresh(client, data: dict) -> dict:
    """The data with the token of this session: the page itself has no form any more."""
    tokens = [
        form.fields["csrf_token"] for form in opened(client, "/me").forms if "csrf_token" in form.fields
    ]
    return data | {"csrf_token": tokens[0]}


def test_an_exception_ends_by_itself(town, week, clock, manager, people):
    clock("30 12:00:00")
    address = f"/reports/{the_week(town).id}/unlock"
    landed(
        people(Post.TASK_FORCE), submit(people(Post.TASK_FORCE), address, reason="补报", until="2026-12-01")
    )
    clock("30 13:00")
    assert "已经开了例外" in refused(
        submit(people(Post.TASK_FORCE), address, reason="补报", until="2026-12-01")
    )
    db.session.execute(Obligation.__table__.update().values(unlocked_until=on("30 13:00:10")))
    db.session.commit()
    clock("30 13:00:11")
    assert "已锁定" in opened(manager(), week).text


def test_whoever_opens_a_lock_does_not_file(app, town, week, clock):
    both = town.officer(Post.UNIT_LIAISON)
    make.appoint(both, Post.HEALTH_MANAGER, town.tenant.id)
    clock("30 12:00:00")
    client = make.sign_in(app.test_client(), both)
    answer = submit(client, f"/reports/{the_week(town).id}/unlock", reason="补报", until="2026-12-01")
    assert "自己企业的报送，要由别人开例外" in refused(answer)


# --- filling ---


def test_an_empty_form_says_at_each_field_what_is_missing(week, manager):
    answer = send(manager(), week, **dict.fromkeys(NUMBERS, ""))
    text = refused(answer)
    assert "请填发热（37.3℃以上），没有就填0" in text
    assert 'href="#f-fever"' in answer.text
    assert 'id="f-fever"' in answer.text
    assert versions() == 0


@pytest.mark.parametrize(
    ("typed", "said"),
    [("三", "没有看懂“三”"), ("2.5", "没有看懂“2.5”"), ("-1", "没有看懂“-1”"), ("1000000", "最多999,999")],
)
def test_what_is_no_number_is_quoted_and_everything_else_kept(week, manager, typed, said):
    answer = send(manager(), week, fever=typed)
    assert said in refused(answer)
    assert 'value="110"' in answer.text


def test_numbers_are_read_as_people_type_them(town, week, manager):
    landed(manager(), send(manager(), week, expected="１，１１２人", present="1,100 人"))
    assert (the_week(town).figures["expected"], the_week(town).figures["present"]) == (1112, 1100)


def test_more_feverish_than_present_is_stopped_at_both_fields(week, manager):
    text = refused(
        send(
            manager(),
            week,
            expected="5",
            present="5",
            measured="5",
            absent_ill="0",
            fever="7",
            vaccinated_full="5",
            vaccinated_booster="5",
        )
    )
    assert "发热（37.3℃以上）7人，大于实到5人" in text
    assert "实到5人，小于发热（37.3℃以上）7人" in text
    assert versions() == 0


def test_more_ill_than_absent_is_stopped(week, manager):
    text = refused(send(manager(), week, expected="582", present="571", absent_ill="14", measured="562"))
    assert "缺勤一共11人（应到582，实到571），因病缺勤不能是14人" in text


def test_four_times_the_usual_asks_for_a_comment_and_passes_with_it(town, week, clock, manager):
    landed(manager(), send(manager(), week, absent_ill="2"))
    clock("23 08:00")
    clock("27 09:00")
    address = f"/enterprises/{town.tenant.id}/reports/2026-11-23"
    numbers = {"present": "100", "absent_ill": "8", "measured": "100"}
    client = manager()
    answer = send(client, address, **numbers)
    assert "最近1份平均2人，这一份8人。数字没错的话，请写一句原因" in refused(answer)
    assert versions() == 1
    form = next(f for f in read(answer.text).forms if "absent_ill_why" in f.choices)
    page = landed(
        manager(),
        client.post(address, data=form.data(absent_ill_why="流感，已安排就诊") | {"step": "file"}),
    )
    assert "流感，已安排就诊" in page.text
    assert versions() == 2


def test_a_draft_is_kept_on_the_server_for_whoever_goes_on(town, week, manager, people):
    landed(manager(), send(manager(), week, "draft", present="109", fever=""))
    page = opened(people(Post.CHIEF_HEALTH_OFFICER), week)
    assert "草稿11月20日09:00" in page.text
    fields = next(form for form in page.forms if "fever" in form.choices).fields
    assert (fields["present"], fields["fever"]) == (["109"], [""])
    landed(manager(), send(manager(), week))
    assert db.session.scalar(select(func.count()).select_from(ReportDraft)) == 0


def test_a_zero_report_is_one_step_and_counts_as_zero(town, week, manager):
    page = landed(manager(), zero(manager(), week))
    assert "零报告" in page.text
    one = the_week(town)
    assert (one.zero, one.figures["expected"], one.figures["present"], one.figures["fever"]) == (
        True,
        112,
        112,
        0,
    )
    found = rates(db.session(), Obligation.id == one.id, on("20 09:00"))[None]
    assert (found.zero, found.received, found.overdue) == (1, 1, 0)


def test_a_zero_report_is_refused_while_a_fever_is_pending(town, week, manager):
    hot = Report(Today.UNWELL, celsius=Decimal("38.1"), site=Site.ARMPIT)
    make.health_entry(make.employee(town.tenant), hot)
    assert "有1人发热待核实，不能零报告" in opened(manager(), week).text
    client = manager()
    form = sheet(client, week).data() | {"step": "zero"}
    assert "有1人发热待核实" in refused(client.post(week, data=form))
    assert versions() == 0


def test_what_the_archive_knows_is_filled_in_and_illness_never(town, week, manager):
    town.tenant.headcount = 5
    for number in range(5):
        person = make.employee(town.tenant, f"员工{number}")
        told = Report(Today.WELL, celsius=Decimal("36.5"))
        if number == 3:
            told = Report(Today.ABSENT, onset_on=date(2026, 11, 20), seen_doctor=True)
        if number == 4:
            told = Report(Today.UNWELL, celsius=Decimal("36.8"), symptoms=("cough",))
        make.health_entry(person, told)
    client = manager()
    page = opened(client, week)
    form = sheet(client, week)
    assert "expected" not in form.choices  # computed, not typed
    assert "11月20日在册5人" in page.text
    assert (form.fields["present"], form.fields["measured"], form.fields["symptoms"]) == (["4"], ["4"], ["1"])
    assert (form.fields["absent_ill"], form.fields["fever"]) == ([""], [""])
    doses = {"vaccinated_full": "4", "vaccinated_booster": "4"}  # nobody's are on file, which is not nought
    assert (form.fields["vaccinated_full"], form.fields["vaccinated_booster"]) == ([""], [""])
    data = form.data(absent_ill="0", fever="0", visitors_travelled="0", **doses) | {"step": "file"}
    assert "档案里这一期有1人，这里填了0人" in refused(client.post(week, data=data))
    landed(
        manager(),
        client.post(
            week,
            data=form.data(absent_ill="1", fever="0", visitors_travelled="0", **doses) | {"step": "file"},
        ),
    )
    assert the_week(town).figures["expected"] == 5


def test_an_archive_with_a_part_of_the_people_counts_for_nobody_else(town, week, manager):
    """Of 112 three are on file: the head count stands in the field and can be typed over, for the archive does not know."""
    for number in range(3):
        make.health_entry(
            make.employee(town.tenant, f"员工{number}"), Report(Today.UNWELL, symptoms=("cough",))
        )
    page, form = opened(manager(), week), sheet(manager(), week)
    assert "档案里只有3人，在册112人，请按全单位填" in page.text
    assert (form.fields["expected"], form.fields["present"], form.fields["symptoms"]) == (
        ["112"],
        [""],
        ["3"],
    )
    landed(manager(), send(manager(), week, expected="110", present="109", measured="109", symptoms="3"))
    landed(
        manager(), correct(manager(), week, reason="少算一人", expected="111", present="110", symptoms="3")
    )
    assert (the_week(town).figures["expected"], the_week(town).version) == (111, 2)


def test_a_zero_report_of_a_part_says_of_everybody_what_was_said_last(town, clock, manager):
    clock("16 08:00")
    make.save(
        ModeOrder.open(
            scope="district", scope_id=town.district.id, district_id=town.district.id, name="应急响应", reason="输入病例",
            legal_basis="预案", responsible="程远志", planned_end_on=date(2026, 12, 30), now=on("17 08:00"), by_id=None,
        )
    )  # fmt: skip
    clock("18 09:00")
    make.employee(town.tenant)
    first, second = (f"/enterprises/{town.tenant.id}/reports/2026-11-{day}" for day in (17, 18))
    landed(manager(), send(manager(), first, symptoms="0"))
    landed(manager(), zero(manager(), second))
    db.session.rollback()
    figures = db.session.scalar(select(Obligation.figures).where(Obligation.first_on == date(2026, 11, 18)))
    assert (figures["expected"], figures["present"], figures["vaccinated_full"]) == (112, 112, 100)


@pytest.mark.parametrize("step", ["", "sent", "FILE"])
def test_a_sending_that_says_neither_draft_nor_report_files_nothing(town, week, manager, step):
    client = manager()
    data = sheet(client, week).data(**NUMBERS) | {"step": step}
    assert "没有看出要存草稿还是提交" in refused(client.post(week, data=data))
    assert versions() == 0


def test_the_last_report_stands_beside_and_never_in_the_field(town, week, clock, manager):
    landed(manager(), send(manager(), week, absent_ill="2"))
    clock("23 08:00")
    clock("27 09:00")
    form = sheet(manager(), f"/enterprises/{town.tenant.id}/reports/2026-11-23")
    assert form.fields["absent_ill"] == [""]
    assert form.fields["present"] == [""]


def test_every_number_of_the_page_is_a_fixed_number_of_queries(town, week, manager):
    def number() -> int:
        return statements_of(lambda: opened(client, week))

    client = manager()
    make.employee(town.tenant)
    opened(client, week)
    few = number()
    for name in range(30):
        make.health_entry(
            make.employee(town.tenant, f"员工{name}"), Report(Today.UNWELL, symptoms=("cough",))
        )
    assert number() == few


# --- the same again, and two at once ---


def test_the_same_sending_again_is_the_same_version_even_after_the_lock(town, week, clock, manager):
    client = manager()
    data = sheet(client, week).data(**NUMBERS) | {"step": "file"}
    assert client.post(week, data=data).status_code == 303
    page = landed(client, client.post(week, data=data))
    assert "没有重复" in page.text
    assert versions() == 1
    clock("30 12:00:00")
    client = manager()
    assert landed(client, client.post(week, data=_fresh(client, data))).h1
    assert versions() == 1
    assert the_week(town).received_at == on("20 09:00")


def test_a_report_sent_twice_at_once_is_one_version(app, town, week, manager):
    data = sheet(manager(), week).data(**NUMBERS) | {"step": "file"}
    assert _together(app, manager, week, [data, data]) == [303, 303]
    assert versions() == 1


def test_of_two_who_report_at_once_the_second_looks_first(app, town, week, manager):
    one = sheet(manager(), week).data(**NUMBERS) | {"step": "file"}
    other = sheet(manager(), week).data(**DOUBLE) | {"step": "file"}
    assert sorted(_together(app, manager, week, [one, other])) == [303, 422]
    assert versions() == 1


def _together(app, manager, address: str, sendings: list[dict]) -> list[int]:
    clients = [manager() for _ in sendings]
    tokens = [sheet(client, address).fields["csrf_token"] for client in clients]
    barrier = Barrier(len(sendings))

    def post(number: int) -> int:
        barrier.wait()
        return (
            clients[number].post(address, data=sendings[number] | {"csrf_token": tokens[number]}).status_code
        )

    with ThreadPoolExecutor(len(sendings)) as pool:
        return list(pool.map(post, range(len(sendings))))


def test_what_a_browser_claims_of_time_period_and_state_changes_nothing(town, week, clock, manager):
    clock("23 12:00:01")
    form = sheet(manager(), week).data(**NUMBERS)
    forged = {"step": "file", "at": "2026-11-20T09:00", "received_at": "2026-11-20T09:00", "due_at": "2027-01-01", "review": "accepted",
              "obligation_id": "999", "enterprise_id": "999", "first_on": "2026-01-01"}  # fmt: skip
    client = manager()
    token = sheet(client, week).fields["csrf_token"]
    landed(client, client.post(week, data=form | forged | {"csrf_token": token}))
    one = the_week(town)
    assert (status(one, on("23 12:00:01")), one.review, one.due_at) == (
        Status.LATE,
        Review.WAITING,
        on("23 12:00"),
    )


@pytest.mark.parametrize("day", ["2026-11-17", "2026-11-09", "nonsense", "2026-13-45", "2030-01-07"])
def test_a_period_that_is_none_is_not_there(town, week, manager, day):
    assert manager().get(f"/enterprises/{town.tenant.id}/reports/{day}").status_code == 404


# --- correcting and judging ---


def accept(client, one: Obligation, verdict: str = "accepted", **facts):
    form = opened(client, f"/reports/{one.id}").form("/reports")
    return client.post(f"/reports/{one.id}/review", data=form.data(**facts) | {"verdict": verdict})


def test_a_correction_after_acceptance_needs_a_reason_shows_the_difference_and_is_judged_anew(
    town, week, manager, people
):
    landed(manager(), send(manager(), week, present="100", measured="100", absent_ill="3"))
    one = the_week(town)
    page = opened(people(Post.SPECIALIST), "/reports")
    assert "11月16日至22日周报" in page.text
    landed(people(Post.SPECIALIST), accept(people(Post.SPECIALIST), one))
    assert "没有待审核的报送" in opened(people(Post.SPECIALIST), "/reports").text
    client = manager()
    form = sheet(client, week)
    assert form.fields["absent_ill"] == ["3"]
    wrong = client.post(week, data=form.data(absent_ill="12") | {"step": "file"})
    assert "请写更正的原因" in refused(wrong)
    assert versions() == 1
    page = landed(
        manager(), correct(manager(), week, "漏了二车间", present="99", measured="99", absent_ill="13")
    )
    for words in ("因病缺勤3 → 13", "实到100 → 99", "漏了二车间", "第1版", "第2版", "审核后更正过，待审核"):
        assert words in page.text
    one = the_week(town)
    assert (one.review, one.changed_after_acceptance, one.version, one.received_at) == (
        Review.WAITING,
        True,
        2,
        on("20 09:00"),
    )
    first = db.session.scalars(select(ReportVersion).order_by(ReportVersion.number)).first()
    assert (first.numbers["absent_ill"], first.source) == (3, Source.FORM)
    page = opened(people(Post.SPECIALIST), "/reports")
    assert "审核以后更正过" in page.text


def test_the_same_numbers_again_are_no_correction(week, manager):
    client = manager()
    landed(client, send(client, week))
    page = landed(client, correct(client, week, "又来一次"))
    assert "没有重复" in page.text
    assert versions() == 1


def test_a_return_names_the_fields_and_opens_the_report_even_after_its_lock(
    town, week, clock, manager, people
):
    landed(manager(), send(manager(), week))
    one = the_week(town)
    specialist = people(Post.SPECIALIST)
    assert "请选哪几项不对" in refused(accept(specialist, one, "returned", words="核对"))
    assert "请写哪里不对" in refused(accept(specialist, one, "returned", wrong=["fever"]))
    landed(
        specialist, accept(specialist, one, "returned", wrong=["fever", "symptoms"], words="门岗有1人发热")
    )
    assert status(the_week(town), on("20 09:01")) is Status.RETURNED
    by = db.session.scalars(select(ReportReview)).one().by.name
    for where in ("", "/reports"):
        todo = opened(manager(), f"/enterprises/{town.tenant.id}{where}").text
        assert f"{by}11月20日09:00退回：门岗有1人发热。" in todo
    clock("30 12:00:01")
    page = opened(manager(), week)
    assert "门岗有1人发热" in page.text
    assert "退回，请更正" in page.text
    landed(manager(), correct(manager(), week, "核对后更正", fever="1"))
    assert (the_week(town).review, status(the_week(town), on("30 12:00:01"))) == (
        Review.WAITING,
        Status.ON_TIME,
    )
    landed(people(Post.UNIT_LIAISON), accept(people(Post.UNIT_LIAISON), the_week(town)))
    clock("30 12:30:00")
    assert "已锁定" in opened(manager(), week).text


def test_the_firm_hears_of_a_return_until_it_has_filed(town, week, manager, people):
    chief, specialist = people(Post.CHIEF_HEALTH_OFFICER), people(Post.SPECIALIST)
    landed(manager(), send(manager(), week))
    one = the_week(town)
    landed(specialist, accept(specialist, one, "returned", wrong=["fever"], words="门岗有1人发热"))
    db.session.rollback()
    told = db.session.scalars(select(Message)).all()
    assert {(message.subject, message.link) for message in told} == {(f"{one.title}退回了，请更正", week)}
    people = {message.account_id for message in told}
    assert len(people) == 2
    assert "门岗有1人发热" in opened(chief, "/messages").text
    landed(manager(), correct(manager(), week, "核对后更正", fever="1"))
    db.session.rollback()
    assert not any(is_unread_about(db.session(), account, f"obligation:{one.id}") for account in people)


def test_the_firm_hears_that_a_lock_was_opened(town, week, clock, manager, people):
    manager()
    clock("30 12:00:01")
    one, liaison = the_week(town), people(Post.UNIT_LIAISON)
    landed(liaison, submit(liaison, f"/reports/{one.id}/unlock", reason="健康管理员住院", until="2026-12-02"))
    found = select(Message.text).where(Message.subject == f"{one.title}可以补报了")
    assert db.session.scalars(found).all() == ["到12月2日23:59为止，仍算迟报。原因：健康管理员住院"]


def test_nobody_judges_what_they_filed_or_their_own_enterprise(app, town, week, manager):
    landed(manager(), send(manager(), week))
    both = town.officer(Post.SPECIALIST)
    make.appoint(both, Post.HEALTH_MANAGER, town.tenant.id)
    answer = accept(make.sign_in(app.test_client(), both), the_week(town))
    assert "要由别人审核" in refused(answer)


def test_a_judgement_of_what_was_changed_meanwhile_is_refused(town, week, manager, people):
    landed(manager(), send(manager(), week))
    specialist = people(Post.SPECIALIST)
    form = opened(specialist, f"/reports/{the_week(town).id}").form("/reports").data() | {
        "verdict": "accepted"
    }
    landed(manager(), correct(manager(), week, "改", symptoms="2"))
    answer = specialist.post(f"/reports/{the_week(town).id}/review", data=form)
    assert "刚刚更正过，现在是第2版" in refused(answer)


def test_an_excused_period_is_not_missed(town, week, clock, manager, people):
    address = f"/reports/{the_week(town).id}/excuse"
    landed(people(Post.UNIT_LIAISON), submit(people(Post.UNIT_LIAISON), address, reason="停业装修"))
    clock("30 12:00:00")
    assert "豁免：停业装修" in opened(manager(), f"/enterprises/{town.tenant.id}/reports").text
    assert "已经豁免" in opened(manager(), week).text


# --- who sees what ---


def test_another_enterprise_place_or_unit_reaches_no_report_by_any_address(app, town, week, manager):
    landed(manager(), send(manager(), week))
    other = make.enterprise(town.street, "远山软件", at=town.other)
    unit = make.save(make.Unit(district_id=town.district.id, name="区商务局"))
    one = the_week(town)
    strangers = [
        (Post.HEALTH_MANAGER, other.id), (Post.SPECIALIST, town.other.id), (Post.UNIT_LIAISON, unit.id),
    ]  # fmt: skip
    for post, scope in strangers:
        client = make.sign_in(app.test_client(), make.account(town.district, post, scope))
        for method, address in (
            ("GET", "/enterprises/{firm}/reports"), ("GET", "/enterprises/{firm}/reports/2026-11-16"),
            ("POST", "/enterprises/{firm}/reports/2026-11-16"), ("GET", "/enterprises/{firm}/reports/2026-11-16/sheet.xlsx"),
            ("POST", "/enterprises/{firm}/reports/2026-11-16/sheet"), ("GET", "/reports/{one}"), ("POST", "/reports/{one}/review"),
            ("GET", "/reports/{one}/unlock"), ("POST", "/reports/{one}/unlock"), ("GET", "/reports/{one}/excuse"),
            ("POST", "/reports/{one}/excuse"), ("POST", "/reports/{one}/remind"),
        ):  # fmt: skip
            there = client.open(address.format(firm=town.tenant.id, one=one.id), method=method).status_code
            nowhere = client.open(address.format(firm=999_999, one=999_999), method=method).status_code
            own_post = address.startswith("/enterprises") is (post is Post.HEALTH_MANAGER)
            assert there == nowhere, (post, method, address)
            assert there == 404 or (
                there == 403 and (not own_post or "lock" in address or "excuse" in address)
            )
        if post is not Post.HEALTH_MANAGER:
            assert "没有待审核的报送" in opened(client, "/reports").text


def test_officers_see_numbers_and_no_name(town, week, manager, people):
    make.health_entry(make.employee(town.tenant, "林小满"), Report(Today.UNWELL, symptoms=("cough",)))
    client = manager()
    landed(client, send(client, week))
    for post in (Post.SPECIALIST, Post.UNIT_LIAISON, Post.COMMUNITY_LIAISON, Post.TASK_FORCE):
        text = opened(people(post), f"/reports/{the_week(town).id}").text
        assert "咳嗽、咽痛等症状" in text
        assert "林小满" not in text


def test_an_emergency_is_on_the_page_at_once_before_the_timed_work_has_passed(town, week, at, manager):
    make.save(
        ModeOrder.open(
            scope="district", scope_id=town.district.id, district_id=town.district.id, name="全区应急响应", reason="输入病例",
            legal_basis="预案", responsible="程远志", planned_end_on=date(2026, 12, 4), now=on("20 09:10"), by_id=None,
        )
    )  # fmt: skip
    at(on("20 09:11"))
    page = opened(manager(), f"/enterprises/{town.tenant.id}/reports")
    assert "11月20日日报" in page.text
    assert "11月16日至19日周报（不满一周）" in page.text
    assert "11月23日12:00" in page.text
    daily = f"/enterprises/{town.tenant.id}/reports/2026-11-20"
    landed(manager(), send(manager(), daily))
    assert [(one.title, one.version) for one in recent(db.session(), town.tenant.id, 9)] == [
        ("11月20日日报", 1), ("11月16日至19日周报（不满一周）", 0),
    ]  # fmt: skip


def test_what_is_due_stands_first_on_the_home_page(town, week, clock, manager):
    clock("23 13:00")
    page = opened(manager(), f"/enterprises/{town.tenant.id}")
    assert "今天要办" in page.text
    assert "逾期1小时，还没有报" in page.text


# --- by workbook ---


def upload(client, address: str, content: bytes, name: str = "填报.xlsx"):
    form = opened(client, address).form(f"{address}/sheet")
    return client.post(form.action, data=form.data(file=(io.BytesIO(content), name)))


def test_a_sheet_fills_the_page_and_files_nothing(week, manager):
    client = manager()
    answer = client.get(f"{week}/sheet.xlsx")
    assert answer.status_code == 200
    workbook = openpyxl.load_workbook(io.BytesIO(answer.data))
    sheet_ = workbook.active
    rows = {sheet_.cell(row, 1).value: row for row in range(1, sheet_.max_row + 1)}
    sheet_.cell(rows["实到"], 2).value = "110"
    sheet_.cell(rows["发热（37.3℃以上）"], 2).value = "两人"
    sheet_.cell(rows["因病缺勤"], 2).value = "1"
    sheet_.cell(rows["因病缺勤"], 3).value = "流感"
    sheet_.cell(sheet_.max_row + 1, 1).value = "食堂卫生"
    sheet_.cell(sheet_.max_row, 2).value = "好"
    target = io.BytesIO()
    workbook.save(target)
    page = landed(client, upload(client, week, target.getvalue()))
    assert "还没有提交，请核对。没有认得的：食堂卫生" in page.text
    assert versions() == 0
    fields = sheet(client, week).fields
    assert (fields["present"], fields["fever"], fields["absent_ill_why"]) == (["110"], ["两人"], ["流感"])
    answer = client.post(week, data=sheet(client, week).data() | {"step": "file"})
    assert "没有看懂“两人”" in refused(answer)


@pytest.mark.parametrize(
    ("content", "name", "said"),
    [
        (b"", "a.xlsx", "表格"),
        (b"x", "a.exe", "表格"),
        ("项目,这一份\n食堂,1\n".encode(), "a.csv", "没有认得的项目"),
    ],
)
def test_what_is_no_sheet_of_this_report_is_refused_in_words(week, manager, content, name, said):
    client = manager()
    page = landed(client, upload(client, week, content, name))
    assert said in page.text
    assert versions() == 0
