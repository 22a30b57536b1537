"""The report of a suspected cluster: sent once, told at once, accepted by somebody else, followed to its end; who sees what."""

from __future__ import annotations

import io
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Barrier

import openpyxl
import pypdfium2
import pytest
from sqlalchemy import func, select

from models.access import Post
from models.audit import AuditLine
from models.base import db, local
from models.cluster_alerts import AlertState, ClusterAlert
from models.clusters import ClusterPerson, ClusterReport, ClusterStep, Conclusion, Signal, Stage
from models.delivery import Channel, Delivery
from models.health_entries import Report, Today
from models.inbox import Message
from models.ledger import Ledger, recent
from models.mail_addresses import MailAddress
from models.obligations import status
from tests import make
from tests.conftest import NOW
from tests.forms import landed, opened, refused, submit
from tests.reader import read
from tests.statements import statements_of

TOLD = {"signal": "gut", "people": "4"}


@pytest.fixture
def people(app, town):
    known = {}

    def people(post: Post):
        if post not in known:
            known[post] = town.officer(post)
        return make.sign_in(app.test_client(), known[post])

    people.known = known
    return people


def new(town) -> str:
    return f"/enterprises/{town.tenant.id}/clusters/new"


def report_it(client, address, **typed):
    form = next(form for form in opened(client, address).forms if "signal" in form.choices)
    return client.post(address, data=form.data(**TOLD | typed))


def kept() -> ClusterReport:
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(select(ClusterReport).order_by(ClusterReport.id.desc())).first()


def send(client, address, action, **typed):
    return submit(client, address, action, **typed)


def at_of(report) -> str:
    return f"/clusters/{report.id}"


# --- the report ---


def test_a_manager_reports_with_three_answers_and_those_in_charge_are_told_at_once(town, people):
    for post in (
        Post.SPECIALIST,
        Post.UNIT_LIAISON,
        Post.COMMUNITY_LIAISON,
        Post.TASK_FORCE,
        Post.CHIEF_HEALTH_OFFICER,
    ):
        people(post)
    stranger = make.account(town.district, Post.SPECIALIST, town.other.id)
    page = landed(people(Post.HEALTH_MANAGER), report_it(people(Post.HEALTH_MANAGER), new(town)))
    one = kept()
    assert (one.signal, one.people, one.stage, one.by_post) == (
        Signal.GUT,
        4,
        Stage.WAITING,
        "health_manager",
    )
    assert (one.enterprise_id, one.place_id, one.unit_id) == (town.tenant.id, town.park.id, town.unit.id)
    assert one.was_in_time and one.number in page.text and "按时" in page.text
    told = set(db.session.scalars(select(Message.account_id)))
    assert told == {account.id for post, account in people.known.items() if post is not Post.HEALTH_MANAGER}
    assert stranger.id not in told


def test_a_message_that_leaves_the_site_says_nothing_of_anybody(town, people):
    person = town.officer(Post.SPECIALIST)
    make.save(MailAddress(account_id=person.id, address="zy@example.com", confirmed_at=NOW, tries=0, asked=0))
    report_it(people(Post.HEALTH_MANAGER), new(town), text="同一食堂", where="3号楼包装车间")
    letter = db.session.scalars(select(Delivery).where(Delivery.channel == Channel.MAIL)).one()
    assert letter.subject == f"疑似聚集报告{kept().number}" and letter.link == f"/clusters/{kept().id}"


class Carrier:
    """Takes every letter."""

    def __init__(self):
        self.letters = []

    def send(self, letter):
        self.letters.append(letter)

    def close(self):
        pass


def test_the_work_group_hears_of_it_where_it_has_a_robot_and_of_nobody(app, town, people):
    posts, site = Carrier(), app.extensions["site"]
    settings = replace(site.settings, robot_district="yunxi", public_url="https://s.example")
    app.extensions["site"] = replace(site, carriers={Channel.ROBOT: posts}, settings=settings)
    report_it(people(Post.HEALTH_MANAGER), new(town), text="同一食堂")
    told = [(one.subject, one.link) for one in posts.letters]
    assert told == [(f"疑似聚集报告{kept().number}", f"https://s.example/clusters/{kept().id}")]


@pytest.mark.parametrize(
    ("ago", "in_time"),
    [
        (timedelta(minutes=119, seconds=59), True),
        (timedelta(hours=2), True),
        (timedelta(hours=2, seconds=1), False),
    ],
)
def test_the_time_is_measured_from_the_noticing_to_the_servers_clock(town, people, ago, in_time, at):
    noticed = NOW.replace(second=0)
    at(noticed + ago)
    client = people(Post.HEALTH_MANAGER)
    answer = report_it(client, new(town), noticed_at=f"{local(noticed):%Y-%m-%dT%H:%M}")
    page = landed(client, answer)
    assert kept().was_in_time is in_time
    assert ("超过限时" in page.text) is not in_time


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ({"signal": None}, "请选有什么相似症状"), ({"people": ""}, "请填有相似症状的人数"), ({"people": "0"}, "填1到9999"),
        ({"people": "三"}, "没有看懂“三”"), ({"hospital": "5"}, "就医的人数不能多于"), ({"noticed_at": "2026-11-20T09:45"}, "还没有到"),
        ({"noticed_at": "2026-11-12T09:00"}, "最多填7天以前"), ({"noticed_at": "昨天"}, "没有看懂“昨天”"),
        ({"first_onset_on": "2026-11-21"}, "最早发病的日期还没有到"), ({"where": "楼" * 61}, "最多60个字"), ({"key": "x"}, "这一页不完整"),
    ],
    ids=["no signal", "no number", "nought", "words", "hospital", "ahead", "long ago", "not a time", "onset", "long", "forged key"],
)  # fmt: skip
def test_what_is_wrong_is_said_and_everything_typed_is_kept(town, people, typed, said):
    client = people(Post.HEALTH_MANAGER)
    answer = report_it(client, new(town), text="同一食堂吃过午饭", **typed)
    assert said in refused(answer)
    assert "同一食堂吃过午饭" in answer.text
    assert db.session.scalar(select(func.count()).select_from(ClusterReport)) == 0


def test_a_second_sending_of_the_same_page_is_the_same_report(town, people):
    client = people(Post.HEALTH_MANAGER)
    form = next(form for form in opened(client, new(town)).forms if "signal" in form.choices)
    first, second = (client.post(new(town), data=form.data(**TOLD)) for _ in range(2))
    assert first.location == second.location
    assert "没有重复" in landed(client, second).text
    assert db.session.scalar(select(func.count()).select_from(ClusterReport)) == 1
    other = people(Post.CHIEF_HEALTH_OFFICER)
    sent = next(f for f in opened(other, new(town)).forms if "signal" in f.choices).data(**TOLD)
    assert "这一页不完整" in refused(other.post(new(town), data=sent | {"key": form.data()["key"]}))


def test_the_same_page_sent_twice_at_once_is_one_report(town, people):
    clients = [people(Post.HEALTH_MANAGER) for _ in range(2)]
    form = next(form for form in opened(clients[0], new(town)).forms if "signal" in form.choices).data(**TOLD)
    tokens = [
        next(f for f in opened(c, new(town)).forms if "signal" in f.choices).data()["csrf_token"]
        for c in clients
    ]
    sent = [form | {"csrf_token": token} for token in tokens]
    together = Barrier(2)

    def go(client, data):
        together.wait()
        return client.post(new(town), data=data)

    db.session.rollback()
    with ThreadPoolExecutor(2) as pool:
        answers = list(pool.map(go, clients, sent))
    assert {(one.status_code, one.location) for one in answers} == {(303, at_of(kept()))}
    assert db.session.scalar(select(func.count()).select_from(ClusterReport)) == 1


def test_it_stands_for_no_daily_report(app, town, people):
    Ledger(app.extensions["site"].book, NOW).store(db.session(), [town.tenant.id])
    db.session.commit()
    before = [status(one, NOW) for one in recent(db.session(), town.tenant.id, 5)]
    report_it(people(Post.HEALTH_MANAGER), new(town))
    db.session.rollback()
    db.session.expire_all()
    assert [status(one, NOW) for one in recent(db.session(), town.tenant.id, 5)] == before
    assert "不代替当天的报送" in opened(people(Post.HEALTH_MANAGER), new(town)).text


def test_a_specialist_reports_for_an_enterprise_of_the_place_or_for_the_place(town, people):
    client, address = people(Post.SPECIALIST), f"/places/{town.park.id}/clusters/new"
    report_it(client, address, enterprise_id=str(town.tenant.id))
    assert (kept().enterprise_id, kept().by_post) == (town.tenant.id, "specialist")
    people(Post.TASK_FORCE)
    report_it(client, address, enterprise_id="")
    assert (kept().enterprise_id, kept().place_id) == (None, town.park.id)
    far = make.enterprise(town.street, "远处有限公司", at=town.other)
    form = next(form for form in opened(client, address).forms if "signal" in form.choices)
    answer = client.post(address, data=form.data(**TOLD) | {"enterprise_id": str(far.id)})
    assert "请从列表里选一项" in refused(answer)


# --- what becomes of it ---


def test_from_acceptance_to_the_end_with_every_step_kept(town, people):
    report = make.cluster_report(town, by=town.officer(Post.HEALTH_MANAGER))
    client, address = people(Post.SPECIALIST), at_of(report)
    assert "我来受理" in opened(client, address).text
    landed(client, send(client, address, f"{address}/accept"))
    landed(client, send(client, address, f"{address}/judge", verify_people="6", verify_text="到现场看过"))
    landed(client, send(client, address, f"{address}/steps", kind="measure", text="食堂停餐、留样"))
    landed(client, send(client, address, f"{address}/steps", kind="changed", people="7"))
    landed(client, send(client, address, f"{address}/steps", kind="told", to_whom="区疾控中心值班室"))
    form = next(f for f in opened(client, address).forms if "conclusion" in f.choices)
    page = landed(
        client,
        client.post(f"{address}/judge", data=form.data(conclusion="over", close_text="72小时没有新病例")),
    )
    one = kept()
    assert (one.stage, one.conclusion, one.people, one.told_at) == (Stage.CLOSED, Conclusion.OVER, 7, NOW)
    assert [step.kind.value for step in one.steps] == [
        "accepted",
        "verified",
        "measure",
        "changed",
        "told",
        "closed",
    ]
    assert "食堂停餐、留样" in page.text and "属实，已解除" in page.text
    assert [f for f in page.forms if f.method == "post" and f.action.startswith(address)] == []
    raw = (
        db.session.connection().exec_driver_sql("SELECT text FROM cluster_step WHERE text IS NOT NULL").all()
    )
    assert not any("食堂".encode() in bytes(row[0]) for row in raw)


def test_who_reported_neither_accepts_nor_verifies_nor_closes(town, people):
    people(Post.SPECIALIST)
    report = make.cluster_report(town, by=people.known[Post.SPECIALIST], post=Post.SPECIALIST)
    client = people(Post.SPECIALIST)
    assert "要由别人受理" in opened(client, at_of(report)).text
    token = next(f for f in opened(client, at_of(report)).forms if f.action.endswith("/steps")).data()[
        "csrf_token"
    ]
    answer = client.post(f"{at_of(report)}/accept", data={"csrf_token": token})
    assert answer.status_code in (409, 422, 400) and "要由别人受理" in read(answer.text).text
    assert kept().stage is Stage.WAITING
    liaison = people(Post.UNIT_LIAISON)
    landed(liaison, send(liaison, at_of(report), f"{at_of(report)}/accept"))
    assert kept().stage is Stage.ACCEPTED


@pytest.mark.parametrize(
    ("typed", "said"),
    [({}, "请选办了什么"), ({"kind": "measure"}, "请写一句情况"), ({"kind": "told"}, "请写报告给了谁"),
     ({"kind": "changed", "people": "4"}, "现在记的就是4人"), ({"kind": "changed"}, "请填现在有相似症状的人数"),
     ({"kind": "note", "text": "字" * 501}, "最多500个字")],
    ids=["nothing", "measure", "told", "same", "no number", "long"],
)  # fmt: skip
def test_a_step_that_lacks_something_says_so_and_writes_nothing(town, people, typed, said):
    report = make.cluster_report(town)
    client = people(Post.HEALTH_MANAGER)
    assert said in refused(send(client, at_of(report), f"{at_of(report)}/steps", **typed))
    assert db.session.scalar(select(func.count()).select_from(ClusterStep)) == 0


def test_true_is_closed_only_after_the_disease_control_was_told_and_nothing_before_it_was_verified(
    town, people
):
    report = make.cluster_report(town)
    client, address = people(Post.TASK_FORCE), at_of(report)
    send(client, address, f"{address}/accept")
    assert "conclusion" not in {name for form in opened(client, address).forms for name in form.choices}
    send(client, address, f"{address}/judge", verify_people="0", verify_text="电话核实")
    close = next(f for f in opened(client, address).forms if "conclusion" in f.choices)
    assert "先记下报了疾控" in refused(
        client.post(f"{address}/judge", data=close.data(conclusion="over", close_text="好了"))
    )
    landed(
        client,
        client.post(f"{address}/judge", data=close.data(conclusion="false_alarm", close_text="登记错了")),
    )
    assert kept().conclusion is Conclusion.FALSE_ALARM


def test_an_acceptance_after_the_limit_is_marked_late_on_page_list_and_export(town, people, at):
    report = make.cluster_report(town)
    at(NOW + timedelta(minutes=30))
    assert not kept().is_acceptance_late(NOW + timedelta(minutes=30))
    at(NOW + timedelta(minutes=30, seconds=1))
    client = people(Post.SPECIALIST)
    assert "已超过限时" in opened(client, "/clusters?show=late").text
    send(client, at_of(report), f"{at_of(report)}/accept")
    assert "超过限时" in opened(client, at_of(report)).text
    book = openpyxl.load_workbook(io.BytesIO(client.get("/clusters/export?show=late").data))
    rows = list(book.active.iter_rows(min_row=4, values_only=True))
    assert [(row[0], row[8], row[10]) for row in rows] == [(report.number, "按时", "超过限时")]


def test_two_who_accept_at_once_are_one_acceptance(app, town, people):
    report = make.cluster_report(town)
    clients = [people(Post.SPECIALIST), people(Post.TASK_FORCE)]
    tokens = [
        next(f for f in opened(c, at_of(report)).forms if f.action.endswith("/accept")).data()["csrf_token"]
        for c in clients
    ]
    together = Barrier(2)

    def go(client, token):
        together.wait()
        return client.post(f"{at_of(report)}/accept", data={"csrf_token": token}).status_code

    db.session.rollback()
    with ThreadPoolExecutor(2) as pool:
        codes = sorted(pool.map(go, clients, tokens))
    assert codes[0] == 303 and codes[1] >= 400
    db.session.expire_all()
    assert db.session.scalar(select(func.count()).select_from(ClusterStep)) == 1


# --- who sees whom ---


def test_the_enterprise_links_its_own_people_and_others_see_how_many(town, people):
    _entry, case = make.health_entry(
        make.employee(town.tenant, "林小满"), Report(Today.ABSENT, symptoms=("vomiting",))
    )
    neighbour = make.enterprise(town.street, "邻居有限公司", at=town.park)
    _entry, theirs = make.health_entry(make.employee(neighbour, "周知行"), Report(Today.ABSENT))
    report = make.cluster_report(town)
    manager = people(Post.HEALTH_MANAGER)
    page = opened(manager, at_of(report))
    assert "林小满" in page.text and "周知行" not in page.text
    form = next(f for f in page.forms if f.action.endswith("/people"))
    data = form.data() | {"follow_up": [str(case.id), str(theirs.id)]}
    landed(manager, manager.post(f"{at_of(report)}/people", data=data))
    assert db.session.scalars(select(ClusterPerson.follow_up_id)).all() == [case.id]
    for post in (Post.SPECIALIST, Post.UNIT_LIAISON, Post.TASK_FORCE):
        text = opened(people(post), at_of(report)).text
        assert "林小满" not in text and "1人，企业在跟进" in text


def test_the_neighbour_and_another_places_specialist_find_nothing_anywhere(app, town, people):
    report, alert = make.cluster_report(town), make.cluster_alert(town)
    neighbour = make.enterprise(town.street, "邻居有限公司", at=town.other)
    strangers = [
        make.account(town.district, Post.HEALTH_MANAGER, neighbour.id), make.account(town.district, Post.SPECIALIST, town.other.id)
    ]  # fmt: skip
    for stranger in strangers:
        client = make.sign_in(app.test_client(), stranger)
        assert client.get(at_of(report)).status_code == 404
        assert client.get(f"/clusters/alerts/{alert.id}").status_code == 404
        assert client.get(f"{at_of(report)}/print.pdf").status_code == 404
        text = opened(client, "/clusters?q=青禾").text
        assert report.number not in text and "青禾生物科技" not in text


def test_the_paper_has_the_story_and_nobodys_name_who_is_ill(town, people):
    make.health_entry(make.employee(town.tenant, "林小满"), Report(Today.ABSENT))
    report = make.cluster_report(town, text="同一食堂", where="包装车间")
    content = people(Post.SPECIALIST).get(f"{at_of(report)}/print.pdf").data
    text = "".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(content)).replace(
        "\r\n", ""
    )
    assert report.number in text and "包装车间" in text and "林小满" not in text


# --- alerts ---


def test_an_officer_sees_the_counts_of_an_alert_and_the_enterprise_its_team(town, people):
    alert = make.cluster_alert(town)
    address = f"/clusters/alerts/{alert.id}"
    assert "班组甲班" in opened(people(Post.HEALTH_MANAGER), address).text
    for post in (Post.SPECIALIST, Post.UNIT_LIAISON, Post.TASK_FORCE):
        text = opened(people(post), address).text
        assert "甲班" not in text and "4人" in text


def test_an_alert_becomes_a_report_which_it_fills_in(town, people):
    alert = make.cluster_alert(town)
    client, address = people(Post.HEALTH_MANAGER), f"/clusters/alerts/{alert.id}"
    to = next(link.url for link in opened(client, address).links if "/clusters/new" in link.url)
    form = next(form for form in opened(client, to).forms if "signal" in form.choices)
    assert (form.data()["signal"], form.data()["people"]) in ((["gut"], ["4"]), ("gut", "4"))
    landed(client, client.post(to, data=form.data()))
    db.session.rollback()
    db.session.expire_all()
    one = db.session.get(ClusterAlert, alert.id)
    assert (one.state, one.report.id, one.handled_at) == (AlertState.CONFIRMED, kept().id, NOW)
    assert kept().number in opened(client, address).text


def test_a_false_alarm_has_a_reason_an_audit_line_and_blames_nobody(town, people):
    alert = make.cluster_alert(town)
    client, address = people(Post.HEALTH_MANAGER), f"/clusters/alerts/{alert.id}"
    assert "请写为什么是误报" in refused(send(client, address, f"{address}/dismiss"))
    page = landed(client, send(client, address, f"{address}/dismiss", reason="同一个人登记了两次"))
    assert "误报" in page.text and "同一个人登记了两次" in page.text
    db.session.rollback()
    line = db.session.scalars(
        select(AuditLine).where(AuditLine.action == "cluster:handle").order_by(AuditLine.id.desc())
    ).first()
    assert "false_alarm" in line.details and "登记了两次" not in line.details
    assert "没有疑似聚集报告" in opened(client, "/clusters").text
    assert "误报" in opened(client, "/clusters?show=alerts").text


def test_the_list_costs_the_same_with_one_and_with_many(town, people):
    client = people(Post.TASK_FORCE)

    def cost():
        return statements_of(lambda: opened(client, "/clusters"))

    manager = town.officer(Post.HEALTH_MANAGER)
    make.cluster_report(town, by=manager)
    first = cost()
    for number in range(6):
        other = make.enterprise(town.street, f"企业{number}", at=town.other)
        make.cluster_report(town, by=manager, at=other)
    assert cost() == first


def test_an_empty_list_says_what_belongs_there_and_a_filter_without_hits_leads_back(town, people):
    client = people(Post.UNIT_LIAISON)
    assert "没有疑似聚集报告" in opened(client, "/clusters").text
    assert "没有符合的报告" in opened(client, "/clusters?show=closed&signal=gut&q=%").text
    assert opened(client, "/clusters?show=nonsense&signal=nonsense")
