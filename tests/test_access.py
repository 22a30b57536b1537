"""The matrix of permissions a second time, by hand: every route, and the posts that may take it."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from sqlalchemy import func, select

from models.access import ADMINS, GRANTS, Post
from models.archive import Employee, Team
from models.audit import AuditLine, Result
from models.base import RuleBroken, db
from models.batches import Batch, BatchKind
from models.contacts import About, ContactBatch, Way
from models.devices import DeviceKind, GateDevice
from models.evidence import Evidence
from models.files import FileKind
from models.gate import CheckIn
from models.health_entries import Report, Site, Today
from models.health_file import Vaccination
from models.keeping import Hold
from models.ledger import Ledger, recent
from models.notices import Notice, NoticeFile, NoticeKind
from models.obligations import Review
from models.paper import PaperSheet
from models.places import Adoption
from models.plans import ActivityKind, Plan
from models.posts import ManagementTeam, PaperCheck
from models.unit_reports import UnitReport
from models.watch import HeadCount
from tests import make
from tests.blueprints.test_gate_form import open_emergency, submit
from tests.conftest import NOW

# one letter a post: chief health officer, health Manager, health Guide, gate guarD, Specialist, Unit and cOmmunity liaison,
# Task force; sYstem, sEcurity and Audit administrator
LETTERS = {
    "C": Post.CHIEF_HEALTH_OFFICER, "M": Post.HEALTH_MANAGER, "G": Post.HEALTH_GUIDE, "D": Post.GATE_GUARD,
    "S": Post.SPECIALIST, "U": Post.UNIT_LIAISON, "O": Post.COMMUNITY_LIAISON, "T": Post.TASK_FORCE,
    "Y": Post.SYSTEM_ADMIN, "E": Post.SECURITY_ADMIN, "A": Post.AUDIT_ADMIN,
}  # fmt: skip

MATRIX = """
accounts.accept                public
accounts.accept_as_me          own
accounts.choose_post           own
accounts.clear_mail            own
accounts.confirm               own
accounts.confirm_mail          own
accounts.end_one_session       own
accounts.end_other_sessions    own
accounts.forgotten             public
accounts.invitation            CSUOTE
accounts.invitations           public
accounts.invite                CSUOTE
accounts.mail                  own
accounts.me                    own
accounts.more                  own
accounts.password              own
accounts.people                CSUOTE
accounts.pin                   own
accounts.second_factor         own
accounts.second_step           public
accounts.sessions              own
accounts.sign_in               public
accounts.sign_out              own
accounts.slip                  CSUOTYE
accounts.withdraw              CSUOTE
admin.account                  Y
admin.accounts                 Y
admin.appoint                  E
admin.appoint_account          E
admin.appointments             E
admin.area                     Y
admin.areas                    Y
admin.audit                    A
admin.audit_export             A
admin.clinic                   Y
admin.clinics                  Y
admin.close_place              Y
admin.configuration            Y
admin.disable_account          Y
admin.district_facts           Y
admin.edit_account             Y
admin.edit_gate                Y
admin.edit_place               Y
admin.enable_account           Y
admin.end_appointment          E
admin.end_sessions             Y
admin.new_account              Y
admin.new_gate                 Y
admin.new_place                Y
admin.place                    Y
admin.places                   Y
admin.remove_second_factor     E
admin.reopen_place             Y
admin.security                 E
admin.security_rules           E
admin.verify_audit             A
archive.add_record             CM
archive.check_ups              CM
archive.close_team             CM
archive.come_back              CM
archive.correct_record         CM
archive.edit                   CM
archive.employees              CM
archive.export                 CM
archive.export_whole           CM
archive.leave                  CM
archive.move_people            CM
archive.new                    CM
archive.occupational_file      CM
archive.person                 CM
archive.reveal                 CM
archive.team                   CM
archive.teams                  CM
archive.withdraw_record        CM
clusters.accept                SUOT
clusters.alert                 CMSUOT
clusters.curves                SUOT
clusters.dismiss               CMSUO
clusters.export                SUOT
clusters.export_curves         SUOT
clusters.index                 CMSUOT
clusters.judge                 SUOT
clusters.link                  CM
clusters.print_pdf             CMSUOT
clusters.report                CMS
clusters.report_at             S
clusters.show                  CMSUOT
clusters.step                  CMSUOT
contacts.batch                 SUOT
contacts.call                  SUOT
contacts.correct               SUOT
contacts.enterprise            SUOT
contacts.export                SUOT
contacts.export_people         SUOT
contacts.people                SUOT
contacts.person                SUOT
contacts.place_log             SUOT
contacts.reveal                SUOT
contacts.roster                SUOT
contacts.telephone             SUOT
contacts.telephone_call        SUOT
contacts.telephone_reveal      SUOT
contacts.undo                  SUOT
contacts.void                  SUOT
devices.clear_pin              S
devices.device                 S
devices.hand_over              D
devices.hand_overs             S
devices.index                  S
devices.new                    S
devices.offer                  S
devices.pair                   public
devices.read                   D
devices.revoke                 S
devices.shift                  public
devices.tablet                 public
devices.take_over              public
enterprises.appoint            CUO
enterprises.charter_photo      CMSUOT
enterprises.close              UOT
enterprises.confirm_position   CUO
enterprises.delete_filter      SUOT
enterprises.edit_file          UOT
enterprises.edit_profile       CM
enterprises.end_post           CUO
enterprises.export             SUOT
enterprises.file               SUOT
enterprises.file_headcount     UOT
enterprises.file_team          CM
enterprises.filters            SUOT
enterprises.hand_over_post     CUO
enterprises.health_posts       CMSUOT
enterprises.home               CM
enterprises.index              SUOT
enterprises.move_in            SUOT
enterprises.move_out           SUOT
enterprises.new_filter         SUOT
enterprises.papers_photo       UO
enterprises.profile            CM
enterprises.profile_headcount  CM
enterprises.register           UOT
enterprises.rename_filter      SUOT
enterprises.reopen             UOT
enterprises.room               SUOT
gate.add_photo                 DS
gate.ask_recheck               public
gate.check_in                  public
gate.confirm_lately            DS
gate.confirm_one               DS
gate.count                     DS
gate.counted                   DS
gate.delete_visit              public
gate.desk                      DS
gate.end_fault                 DS
gate.end_visit                 DS
gate.evacuation                DS
gate.evacuation_of_place       DS
gate.evacuation_worker         public
gate.fault                     DS
gate.fill_sheet                DS
gate.forget                    public
gate.form                      public
gate.inside                    DS
gate.leave                     public
gate.measure                   DS
gate.my_visits                 public
gate.print_sheets              DS
gate.privacy                   public
gate.record                    DS
gate.send_off                  DS
gate.sheet                     DS
gate.sheet_pdf                 DS
gate.sheet_png                 DS
gate.sheets                    DS
gate.show                      public
gate.show_photo                DS
gate.remove_photo              DS
gate.take_back_count           DS
gate.type_code                 public
gate.unconfirm                 DS
gate.undo_leave                DS
gate.undo_rows                 DS
gate.void_sheet                DS
gate.welcome                   public
health.case                    CM
health.cases                   CM
health.day                     CM
health.entry                   CM
health.fill                    public
health.links                   CM
health.missing_names           CM
health.own                     public
health.poster                  CM
health.remind                  CM
health.renew_link              CM
health.scan                    public
health.sent                    public
health.slips                   CM
health.team                    public
health.team_member             public
health.team_sheet              public
health.together                CM
imports.batch                  CMUOT
imports.confirm                CMUOT
imports.employees              CM
imports.employees_template     CM
imports.register               UOT
imports.register_template      UOT
imports.undo                   CMUOT
imports.wrong                  CMUOT
inbox.index                    own
inbox.open_one                 own
inbox.read_all                 own
letters.batch                  UOT
letters.batches                UOT
letters.by_link                public
letters.confirm                UOT
letters.countersign            UOT
letters.end_signer             UOT
letters.evidence               UOT
letters.export                 UOT
letters.index                  UOT
letters.link                   UOT
letters.new                    UOT
letters.on_paper               UOT
letters.order_print            UOT
letters.own                    CMUOT
letters.pdf                    CMUOT
letters.print_file             UOT
letters.printing               UOT
letters.remind                 UOT
letters.scan                   CMUOT
letters.show                   CMUOT
letters.sign                   CM
letters.signature              CMUOT
letters.signer_paper           UOT
letters.signers                UOT
letters.undo                   UOT
letters.verify                 public
letters.verify_file            public
letters.void                   UOT
letters.withdraw               CM
letters.withdraw_by_link       public
notices.attach                 SUOT
notices.card                   CMGDSUOT
notices.confirm                CMGDSUOT
notices.discard                SUOT
notices.draft                  SUOT
notices.edit                   SUOT
notices.export                 SUOT
notices.file                   CMGDSUOT
notices.index                  CMGDSUOT
notices.new                    SUOT
notices.readers                SUOT
notices.remind                 SUOT
notices.remove_file            SUOT
notices.send                   SUOT
notices.sent                   SUOT
notices.show                   CMGDSUOT
notices.withdraw               SUOT
office.adopt                   T
office.checklist               TY
office.compare_schemes         UOT
office.end_leave               SUOT
office.end_mode                T
office.hand_over               SUOT
office.hand_over_one           SUOT
office.lift_hold               T
office.modes                   SUOT
office.new_hold                T
office.open_mode               T
office.overview                UOT
office.retention               TA
office.schemes                 UOT
office.undo_hand_over          SUOT
office.withdraw_adoption       T
operations.live                public
operations.metrics             public
operations.ready               public
places.board                   S
places.call                    S
places.counts                  S
places.day                     S
places.entries                 S
places.entry                   S
places.export                  S
places.export_inside           S
places.gate_page               SY
places.gates                   SY
places.hours                   S
places.index                   S
places.inside                  S
places.pause                   SY
places.poll                    S
places.poster_pdf              SY
places.poster_png              SY
places.poster_svg              SY
places.posters_pdf             SY
places.reissue                 SY
places.resume                  SY
places.reveal                  S
places.spellings               S
places.undo_spelling           S
places.word                    SY
plans.activity                 CM
plans.add                      CM
plans.attach                   CM
plans.begin                    CM
plans.cancel                   CM
plans.complete                 CM
plans.drop                     CM
plans.edit                     CM
plans.export                   CM
plans.goals                    CM
plans.hand_over                CM
plans.issue                    C
plans.issued                   SUOT
plans.print_pdf                CM
plans.remove                   CM
plans.reopen                   CM
plans.show                     CM
plans.suggest                  CM
reports.accept_many            SUO
reports.burden                 UOT
reports.closures               CMSUOT
reports.declare_closure        CM
reports.excuse                 UOT
reports.export_firms           SUOT
reports.export_rates           SUOT
reports.fill                   CM
reports.fill_in                CM
reports.index                  CM
reports.firms                  SUOT
reports.judge_up               T
reports.missing                SUOT
reports.missing_pdf            SUOT
reports.object_to_closure      SUO
reports.open_again             UOT
reports.received               T
reports.remind                 SUOT
reports.remind_many            SUOT
reports.reminders              SUOT
reports.review                 SUO
reports.send_up                SUO
reports.shorten_closure        CM
reports.show                   SUOT
reports.show_up                T
reports.template               CM
reports.tracking               SUOT
reports.waiting                SUOT
reports.withdraw_closure       CM
"""
ROWS = dict(line.split() for line in MATRIX.strip().splitlines())


def posts_of(letters: str) -> frozenset[Post]:
    return frozenset(LETTERS[letter] for letter in letters)


def test_the_matrix_and_the_site_have_the_same_routes(app):
    assert set(app.view_functions) - {"static"} == set(ROWS)


@pytest.mark.one_database
@pytest.mark.parametrize("endpoint", ROWS)
def test_the_matrix_says_what_the_route_says(migrated_app, endpoint):
    access = migrated_app.view_functions[endpoint].access
    if ROWS[endpoint] in ("public", "own"):
        assert access == {"public": "public", "own": "signed-in"}[ROWS[endpoint]]
    else:
        assert GRANTS[access] == posts_of(ROWS[endpoint])


def contact_numbers(town):
    """A contact of a batch with the tenant, by a specialist."""
    batch = ContactBatch.send([town.tenant.id], place=town.park, way=Way.GROUP, about=About.NOTICE, at=NOW, note="",
                              next_on=None, by=town.officer(Post.SPECIALIST), now=NOW)  # fmt: skip
    make.save(batch)
    return {"contact_batch_id": batch.id, "contact_id": batch.contacts[0].id}


@pytest.fixture
def numbers(app, town, client):
    """A row in reach of everybody's scope for each number that an address may carry."""
    submit(client, town.gate.code.code, temperature="37.6", enterprise="青禾生物")
    order = open_emergency(town, "place", town.other.id)
    later = make.adopt(town.district, make.LATER_SCHEME, from_on=NOW.date() + timedelta(days=30))
    person = town.officer(Post.GATE_GUARD)
    device, _code = GateDevice.make(town.gate, DeviceKind.PHONE, "东门值守手机", now=NOW, by_id=person.id)
    make.save(device)
    (sheet,) = PaperSheet.print_for(db.session(), town.gate, copies=1, now=NOW, by_id=person.id)
    make.save(sheet)
    vault = app.extensions["site"].vault
    photo = make.save(sheet.file(vault, b"x", b"x", day=NOW.date(), now=NOW, by_id=person.id))
    hold = Hold.make(
        district_id=town.district.id, place=town.park, order=None, document="云健函〔2026〕7号", reason="调查",
        from_on=NOW.date(), to_on=NOW.date(), expires_on=NOW.date() + timedelta(days=60), now=NOW, by_id=person.id,
    )  # fmt: skip
    make.save(hold)
    management = make.save(
        ManagementTeam(
            enterprise_id=town.tenant.id, leader="林见微", deputy="周知行", charter="章程", photographed=False,
            filed_at=NOW, filed_by_id=person.id,
        )
    )  # fmt: skip
    papers = make.save(
        PaperCheck(
            enterprise_id=town.tenant.id, authorised="林见微", photographed=False, checked_at=NOW, checked_by_id=person.id
        )
    )  # fmt: skip
    employee = make.save(
        Employee(enterprise_id=town.tenant.id, name="周小满", initials="zxm", added_at=NOW, changed_at=NOW)
    )
    team = make.save(Team(enterprise_id=town.tenant.id, name="甲班"))
    dose = make.save(
        Vaccination(employee_id=employee.id, vaccine="流感疫苗", dose=1, on=NOW.date(), written_at=NOW)
    )
    batch = make.save(
        Batch.receive(
            vault,
            BatchKind.EMPLOYEES,
            "enterprise",
            town.tenant.id,
            name="名单.csv",
            content=b"x",
            by=person,
            now=NOW,
        )
    )
    Ledger(app.extensions["site"].book, NOW).store(db.session(), [town.tenant.id])
    (owed,) = recent(db.session(), town.tenant.id, 2)
    begun = HeadCount.begin(db.session(), town.gate, now=NOW, by_id=person.id)
    plan = make.save(Plan.begin(town.tenant, NOW.year, now=NOW, by_id=person.id))
    lecture = plan.add(
        ActivityKind.EDUCATION,
        "讲座",
        NOW.date(),
        NOW.date(),
        responsible="",
        target="",
        now=NOW,
        by_id=person.id,
    )
    plan.issue(now=NOW, by_id=person.id)
    db.session.flush()
    shot = Evidence.attach(db.session(), vault, lecture, FileKind.PDF, b"%PDF-", "", now=NOW, by_id=person.id)
    db.session.commit()
    notice = Notice.write(
        district_id=town.district.id, by=person, by_scope="district", by_scope_id=town.district.id, now=NOW,
        kind=NoticeKind.CARD, title="提示卡", text="通风", posts=[Post.HEALTH_MANAGER], scope="district",
        scope_id=town.district.id, must_confirm=True, to_group=False,
    )  # fmt: skip
    make.save(notice)
    attached = NoticeFile.attach(db.session(), vault, notice, FileKind.PDF, b"%PDF-2", "", now=NOW)
    db.session.commit()
    town.tenant.legal_representative = "沈望舒"
    sent = make.letter(town.tenant, person)
    signer = make.may_sign(person, town.tenant, person)
    return {
        "letter_id": sent.id, "letter_signer_id": signer.id,
        "notice_id": notice.id, "notice_file_id": attached.id,
        "place_id": town.park.id, "gate_id": town.gate.id, "enterprise_id": town.tenant.id,
        "premises_id": town.tenant.premises[0].id, "account_id": person.id,
        "appointment_id": person.appointments[0].id, "mode_order_id": order.id, "adoption_id": later.id,
        "check_in_id": db.session.query(CheckIn.id).scalar(), "number": person.id, "kind": "street",
        "code": town.gate.code.code, "token": "x" * 43, "ticket": "x" * 43, "spelling_id": 1,
        "fault_id": make.fault(town.gate, NOW, person).id,
        "gate_device_id": device.id,
        "sheet_number": sheet.number, "sheet_photo_id": photo.id,
        "hold_id": hold.id,
        "head_count_id": begun.id,
        "management_team_id": management.id, "paper_check_id": papers.id,
        **contact_numbers(town), **_clusters(app, town),
        "closure_id": make.closure(town, NOW.date(), NOW.date()).id,
        "plan_id": plan.id, "activity_id": lecture.id, "evidence_id": shot.id,
        "follow_up_id": _somebody_unwell(employee), "employee_id": employee.id,
        "team_id": team.id, "record_kind": "vaccination", "record_id": dose.id,
        "batch_id": batch.id,
        "obligation_id": owed.id, "first_on": owed.first_on.isoformat(), "unit_report_id": _sent_up(town, owed, person),
    }  # fmt: skip


def _clusters(app, town):
    """An alert and a report of the tenant."""
    return {
        "cluster_report_id": make.cluster_report(town).id,
        "cluster_alert_id": make.cluster_alert(town).id,
    }


def _sent_up(town, owed, person) -> int:
    """What the unit of the town has reported upwards."""
    said = UnitReport(
        district_id=town.district.id, scope="unit", scope_id=town.unit.id, mode=owed.mode, kind=owed.kind, first_on=owed.first_on,
        last_on=owed.last_on, number=1, counts={}, sums={}, comment="", at=NOW, by_id=person.id, verdict=Review.WAITING,
    )  # fmt: skip
    return make.save(said).id


def _somebody_unwell(employee):
    """The case of an employee who has reported to be ill."""
    _entry, case = make.health_entry(
        employee, Report(Today.UNWELL, celsius=Decimal("38.1"), site=Site.ARMPIT)
    )
    return case.id


def addresses(app, numbers):
    """Every route with its method and an address."""
    for rule in app.url_map.iter_rules():
        if rule.endpoint == "static":
            continue
        with app.test_request_context():
            address = app.url_for(rule.endpoint, **{name: numbers[name] for name in rule.arguments})
        for method in sorted(rule.methods & {"GET", "POST"}):
            yield rule.endpoint, method, address


# those who between them open nearly everything: what SQL one database takes and another refuses comes out here
OPEN_MOST = {Post.HEALTH_MANAGER, Post.SPECIALIST, Post.UNIT_LIAISON, Post.TASK_FORCE, Post.SYSTEM_ADMIN}


@pytest.mark.parametrize(
    "post", [pytest.param(p, marks=() if p in OPEN_MOST else pytest.mark.one_database) for p in Post]
)
def test_a_post_is_let_in_where_the_matrix_says_and_nowhere_else(app, town, numbers, post):
    """GET and POST alike, sent as a script would send them: without a token, to every address."""
    person = town.officer(post)
    signed_in = make.sign_in(app.test_client(), person)
    try:
        for endpoint, method, address in addresses(app, numbers):
            row = ROWS[endpoint]
            if row in ("public", "own"):
                continue
            allowed = post in posts_of(row)
            if allowed and method == "POST":
                continue  # what it then does has its own tests
            app.config["WTF_CSRF_ENABLED"] = method == "GET"  # or the missing token would hide the refusal
            answer = signed_in.open(address, method=method)
            if allowed:
                assert answer.status_code not in (401, 403, 500), (endpoint, method, answer.status_code)
            else:
                assert answer.status_code == 403, (endpoint, method, answer.status_code)
            answer.close()
    finally:
        app.config["WTF_CSRF_ENABLED"] = True


def test_nobody_passes_a_guarded_route_without_signing_in(app, numbers):
    app.config["WTF_CSRF_ENABLED"] = False
    try:
        for endpoint, method, address in addresses(app, numbers):
            if ROWS[endpoint] != "public":
                answer = app.test_client().open(address, method=method)
                assert answer.status_code in (302, 303) and "/sign-in" in answer.location, (endpoint, method)
    finally:
        app.config["WTF_CSRF_ENABLED"] = True


@pytest.mark.one_database
def test_a_change_without_its_token_changes_nothing(app, town, numbers):
    """A form comes back with what was typed, a mere button is refused; nothing is kept, nothing called done."""
    done = select(func.count(AuditLine.id)).where(AuditLine.result != Result.REFUSED)
    before = db.session.scalar(done)
    db.session.rollback()
    for post in Post:
        signed_in = make.sign_in(app.test_client(), town.officer(post))
        for endpoint, method, address in addresses(app, numbers):
            if method == "POST" and (
                ROWS[endpoint] == "own" or post in posts_of(ROWS[endpoint].replace("public", ""))
            ):
                answer = signed_in.post(address)
                assert answer.status_code in (400, 404, 409, 422), (endpoint, post, answer.status_code)
                assert "location" not in answer.headers
    assert db.session.scalar(done) == before


# Whose numbers are out of reach: the same post at another place, unit, community, enterprise or district.
@pytest.mark.parametrize("post", [p for p in Post if p is not Post.HEALTH_GUIDE])
def test_what_is_out_of_reach_is_not_there(app, town, numbers, post):
    elsewhere = make.district("鹭洲区", "luzhou")
    make.adopt(elsewhere)
    from models.access import SCOPES
    from models.places import Community, Street, Unit

    street = make.save(Street(district_id=elsewhere.id, name="鹭洲街道"))
    scope = {
        "district": elsewhere,
        "unit": make.save(Unit(district_id=elsewhere.id, name="区商务局")),
        "community": make.save(Community(street_id=street.id, name="沙洲社区")),
        "place": make.place(street, "鹭洲广场"),
        "enterprise": make.enterprise(street, "鹭洲实业有限公司", short_name="鹭洲实业", initials="lzsy"),
    }[SCOPES[post]]
    if SCOPES[post] == "place":
        make.gate(scope, "正门")
    stranger = make.sign_in(app.test_client(), make.account(elsewhere, post, scope.id))
    app.config["WTF_CSRF_ENABLED"] = False
    try:
        for endpoint, method, address in addresses(app, numbers):
            row = ROWS[endpoint]
            numbered = any(f"/{numbers[n]}" in address for n in numbers if n.endswith(("_id", "number")))
            if row in ("public", "own") or post not in posts_of(row) or not numbered:
                continue
            answer = stranger.open(address, method=method)
            assert answer.status_code == 404, (endpoint, method, answer.status_code)
    finally:
        app.config["WTF_CSRF_ENABLED"] = True


def test_a_refusal_leaves_an_audit_line(app, town, numbers):
    guard = make.sign_in(app.test_client(), town.officer(Post.GATE_GUARD))
    guard.get(f"/places/{town.park.id}")
    specialist = make.sign_in(app.test_client(), town.officer(Post.SPECIALIST))
    specialist.get(f"/places/{town.other.id}")
    db.session.rollback()
    lines = db.session.query(AuditLine).order_by(AuditLine.id).all()
    assert [(line.action, line.result.value) for line in lines] == [("place:watch", "refused")] * 2


def test_administrators_exclude_each_other_and_every_other_post(town):
    from models.accounts import Appointment

    for admin in ADMINS:
        for other in Post:
            if other == admin:
                continue
            for first, second in ((admin, other), (other, admin)):
                person = town.officer(first)
                with pytest.raises(RuleBroken):
                    Appointment.appoint(
                        person, second, town.district.id, starts_on=NOW.date(), ends_on=NOW.date(), now=NOW, by_id=None
                    )  # fmt: skip


def test_an_adoption_that_is_planned_does_not_rule_yet(app, town):
    make.adopt(town.district, make.LATER_SCHEME, from_on=NOW.date() + timedelta(days=1))
    book = app.extensions["site"].book
    rows = db.session.query(Adoption).all()
    assert book.in_force(rows, NOW.date()).key == make.SCHEME
    assert book.in_force(rows, NOW.date() + timedelta(days=1)).key == make.LATER_SCHEME
