"""Importing as the person does it: send, look, confirm, take back; wrong files are refused in words."""

import io

import pytest
from openpyxl import load_workbook
from sqlalchemy import func, select

from blueprints.imports import views
from blueprints.imports.files import NOTE
from blueprints.web.import_sheets import COLUMNS
from blueprints.web.sheets import read_table
from models.access import Post
from models.archive import Employee
from models.audit import AuditLine
from models.base import db
from models.batches import Batch, BatchKind
from models.enterprise_changes import EnterpriseChange
from models.enterprises import Enterprise, Headcount, Premises
from models.health_file import CheckUp
from models.places import Unit
from tests import forms, make
from tests.reader import read

GOOD = "员工名单,,\n姓名*,手 机 号,身份证号\n林知秋,１３８ 0000 1234,510104199001010019\n许安,13800001235,\n"


@pytest.fixture
def manager(app, town):
    return make.sign_in(app.test_client(), town.officer(Post.HEALTH_MANAGER, name="许安"))


def afresh():
    """What others have written since is seen."""
    db.session.rollback()
    db.session.expire_all()


def send(client, town, text=GOOD, name="名单.csv", content=None):
    address = f"/enterprises/{town.tenant.id}/imports"
    data = forms.opened(client, address).form(address).data()
    data["file"] = (io.BytesIO(text.encode() if content is None else content), name)
    return client.post(address, data=data, content_type="multipart/form-data")


def people():
    afresh()
    return db.session.scalar(select(func.count()).select_from(Employee))


def test_a_file_is_looked_at_confirmed_and_taken_back(manager, town):
    answer = send(manager, town)
    text = forms.landed(manager, answer).text
    assert "请核对，再确认导入" in text and "138****1234" in text and "林知秋" in text
    assert "13800001234" not in text and "510104199001010019" not in text and people() == 0
    where = answer.location
    done = forms.landed(manager, forms.submit(manager, where, f"{where}/confirm"))
    assert "已经导入" in done.text and people() == 2
    undone = forms.landed(manager, forms.submit(manager, where, f"{where}/undo"))
    assert "已经撤销" in undone.text and people() == 0
    actions = db.session.scalars(select(AuditLine.action).order_by(AuditLine.id)).all()
    assert actions == ["employee:import", "import:handle", "import:handle", "import:handle", "import:handle"]
    assert "林知秋" not in "".join(db.session.scalars(select(AuditLine.details)))


def test_confirming_twice_is_once(manager, town):
    where = send(manager, town).location
    data = forms.opened(manager, where).form(f"{where}/confirm").data()
    for _ in range(2):
        assert manager.post(f"{where}/confirm", data=data).status_code == 303
    assert people() == 2


def test_a_bad_row_beside_good_ones_is_shown_with_its_number_and_goes_out_to_be_mended(manager, town):
    where = send(manager, town, GOOD + "周平,1380,\n").location
    text = forms.opened(manager, where).text
    assert "第5行" in text and "手机号是11位，现在是4位" in text and "1380" in text
    file = manager.get(f"{where}/wrong.xlsx").data
    (line,) = read_table(file, "要改的行.xlsx", COLUMNS[BatchKind.EMPLOYEES]).lines
    assert (line.cells["name"], line.cells["mobile"]) == ("周平", "1380")
    forms.submit(manager, where, f"{where}/confirm")
    assert people() == 2


def test_a_change_shows_before_and_after_cell_by_cell(manager, town):
    where = send(manager, town).location
    forms.submit(manager, where, f"{where}/confirm")
    where = send(manager, town, "姓名,身份证号,部门\n林知秋,510104199001010019,质检部\n").location
    page = forms.opened(manager, where)
    assert "部门 空 → 质检部" in " ".join(page.text.split())
    forms.submit(manager, where, f"{where}/confirm")
    assert people() == 2 and "质检部" in db.session.scalars(select(Employee.department)).all()


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("名单.docx", b"hello", "这不是能读的表格"),
        ("名单.et", b"x", "另存为xlsx"),
        ("名单.xlsx", b"PK\x03\x04broken", "没有存完整"),
        ("名单.csv", "工号,部门\n1,质检\n".encode(), "缺少这些列：姓名"),
        ("名单.csv", "姓名\n".encode(), "没有要导入的行"),
        ("名单.html", b"<html><table></table></html>", "其实是网页"),
    ],
)
def test_a_wrong_file_is_refused_in_words(manager, town, name, content, said):
    text = forms.landed(manager, send(manager, town, name=name, content=content)).text
    assert said in text and "什么都没有导入" in text and people() == 0


def test_no_file_an_empty_one_and_one_too_large_are_refused_beside_the_field(manager, town, monkeypatch):
    address = f"/enterprises/{town.tenant.id}/imports"
    data = forms.opened(manager, address).form(address).data()
    data.pop("file", None)
    assert "请选一个表格文件" in forms.refused(manager.post(address, data=data))
    assert "是空的" in forms.refused(send(manager, town, content=b""))
    monkeypatch.setattr(views, "MOST_BYTES", 1000)
    assert "不能超过" in forms.refused(send(manager, town, content=b"x" * 1001))
    assert db.session.scalar(select(func.count()).select_from(Batch)) == 0


def test_anothers_batch_is_not_there(app, manager, town):
    where = send(manager, town).location
    other = make.enterprise(town.street, "云溪松果科技有限公司", short_name="松果")
    stranger = make.sign_in(app.test_client(), make.account(town.district, Post.HEALTH_MANAGER, other.id))
    liaison = make.sign_in(app.test_client(), town.officer(Post.UNIT_LIAISON))
    app.config["WTF_CSRF_ENABLED"] = False
    try:
        for client in (stranger, liaison):
            assert client.get(where).status_code == 404
            assert client.get(f"{where}/wrong.xlsx").status_code == 404
            for act in ("confirm", "undo"):
                assert client.post(f"{where}/{act}").status_code == 404
    finally:
        app.config["WTF_CSRF_ENABLED"] = True
    assert people() == 0


def test_the_template_is_a_file_that_is_understood(manager, town):
    file = manager.get(f"/enterprises/{town.tenant.id}/imports/template.xlsx")
    assert file.status_code == 200
    text = forms.landed(manager, send(manager, town, name="模板.xlsx", content=file.data)).text
    assert "没有要导入的行" in text and NOTE not in text


def test_while_it_works_the_page_says_how_far_it_is_with_and_without_scripts(app, manager, town, monkeypatch):
    from blueprints.web import jobs

    monkeypatch.setattr(jobs, "begin_batch", lambda number: None)
    where = send(manager, town).location
    page = forms.opened(manager, where)
    assert "正在检查" in page.text and 'http-equiv="refresh"' in manager.get(where).text
    part = manager.get(where, headers={"HX-Request": "true"}).text
    assert part.lstrip().startswith('<div id="batch"') and "every 2s" in part
    monkeypatch.undo()
    jobs.begin_batch(db.session.scalar(select(Batch.id)))
    assert "请核对" in read(manager.get(where).text).text


def test_the_list_names_each_file_and_what_became_of_it(manager, town):
    send(manager, town, name="十一月<名单>.csv")
    text = forms.opened(manager, f"/enterprises/{town.tenant.id}/imports").text
    assert "十一月<名单>.csv" in text and "等待确认" in text


# --- out, edited, and in again ---


def exported(client, town, whole=False):
    """The workbook of the employees as rows of cells, and its sheet to write in."""
    address = f"/enterprises/{town.tenant.id}/employees/export" + ("-whole?reason=verify" if whole else "")
    answer = client.get(address)
    assert answer.status_code == 200
    made = load_workbook(io.BytesIO(answer.data))
    heads = [cell.value for cell in made.active[3]]
    rows = {row[0].value: dict(zip(heads, row, strict=True)) for row in made.active.iter_rows(min_row=4)}
    return made, rows


def send_book(client, town, made):
    target = io.BytesIO()
    made.save(target)
    return send(client, town, name="员工.xlsx", content=target.getvalue()).location


EXPOSED = (
    "姓名,手机号,身份证号,用工类型,班组,接触的职业病危害因素,岗前体检日期,入职日期\n"
    "林知秋,13800001234,510104199001010019,派遣,甲班,噪声、苯,2026-11-02,2026-11-03\n"
    "许安,13800001235,,,,,,\n"
)


@pytest.mark.parametrize("whole", [False, True])
def test_an_export_that_comes_back_as_it_is_changes_nothing(manager, town, whole):
    act(manager, send(manager, town, EXPOSED).location, "confirm")
    made, rows = exported(manager, town, whole)
    assert rows["林知秋"]["手机号"].value == ("13800001234" if whole else "138****1234")
    page = forms.opened(manager, send_book(manager, town, made))
    assert "和档案完全一样" in page.text and "这些列不认得" not in page.text


def test_what_was_edited_in_an_export_is_shown_cell_by_cell_and_nothing_else_changes(manager, town):
    act(manager, send(manager, town, EXPOSED).location, "confirm")
    made, rows = exported(manager, town)
    rows["林知秋"]["部门"].value = "质检部"
    rows["林知秋"]["班组"].value = "乙班"
    rows["许安"]["手机号"].value = "13900001235"
    where = send_book(manager, town, made)
    page = forms.opened(manager, where)
    text = " ".join(page.text.split())
    assert "部门 空 → 质检部" in text and "班组 甲班 → 乙班" in text and "139****1235" in text
    assert "工号" not in text and "新增 0" in text and "改动 2" in text
    act(manager, where, "confirm")
    lin, xu = db.session.scalars(select(Employee).order_by(Employee.id)).all()
    assert (lin.department, lin.team.name, lin.mobile, lin.document) == (
        "质检部", "乙班", "13800001234", "510104199001010019",
    )  # fmt: skip
    assert xu.mobile == "13900001235"
    act(manager, where, "undo")
    lin, xu = db.session.scalars(select(Employee).order_by(Employee.id)).all()
    assert (lin.department, lin.team.name, xu.mobile) == ("", "甲班", "13800001235")


def test_the_key_of_the_row_has_one_name_in_template_export_and_import(manager, town):
    act(manager, send(manager, town).location, "confirm")
    template = load_workbook(
        io.BytesIO(manager.get(f"/enterprises/{town.tenant.id}/imports/template.xlsx").data)
    ).active
    heads = [str(cell.value).removesuffix("（必填）") for cell in template[3]]
    assert heads == [column.head for column in COLUMNS[BatchKind.EMPLOYEES]]
    assert heads == list(exported(manager, town)[1]["林知秋"])
    assert {"档案编号", "岗前体检日期"} <= set(heads)


# --- posts with exposure ---


def examinations():
    afresh()
    return [
        (one.done_on.isoformat(), one.hazards)
        for one in db.session.scalars(select(CheckUp).order_by(CheckUp.id))
    ]


def test_somebody_new_in_an_exposed_post_comes_in_with_the_day_of_the_examination(manager, town):
    where = send(manager, town, EXPOSED).location
    assert "岗前体检日期 2026-11-02" in " ".join(forms.opened(manager, where).text.split())
    act(manager, where, "confirm")
    assert people() == 2 and examinations() == [("2026-11-02", "噪声、苯")]
    assert db.session.scalar(select(CheckUp.written_by_id)) is not None
    act(manager, where, "undo")
    assert people() == 0 and examinations() == []


def test_without_that_day_the_row_is_refused_in_words_and_the_others_come_in(manager, town):
    where = send(manager, town, EXPOSED.replace("2026-11-02", "")).location
    assert "没有岗前体检，不能安排接触噪声、苯的岗位" in forms.opened(manager, where).text
    assert (
        "岗前体检日期还没有到"
        in forms.opened(
            manager, send(manager, town, EXPOSED.replace("2026-11-02", "2026-12-02")).location
        ).text
    )
    act(manager, where, "confirm")
    assert people() == 1


def test_a_later_examination_is_added_and_an_earlier_one_is_pointed_to_the_file(manager, town):
    act(manager, send(manager, town, EXPOSED).location, "confirm")
    where = send(manager, town, EXPOSED.replace("2026-11-02", "2026-10-02")).location
    assert "最近一次岗前体检是2026-11-02" in forms.opened(manager, where).text
    where = send(manager, town, EXPOSED.replace("2026-11-02", "2026-11-12")).location
    assert "岗前体检日期 2026-11-02 → 2026-11-12" in " ".join(forms.opened(manager, where).text.split())
    act(manager, where, "confirm")
    assert [day for day, _ in examinations()] == ["2026-11-02", "2026-11-12"]
    act(manager, where, "undo")
    assert [day for day, _ in examinations()] == ["2026-11-02"]


def test_a_contraindication_keeps_somebody_out_of_other_exposed_posts_until_examined_anew(manager, town):
    act(manager, send(manager, town, EXPOSED).location, "confirm")
    found = db.session.scalar(select(CheckUp))
    found.contraindicated = True
    make.save(found)
    other = EXPOSED.replace("噪声、苯", "粉尘")
    assert (
        "职业禁忌"
        in forms.opened(manager, send(manager, town, other.replace("2026-11-02", "")).location).text
    )
    assert "不用再填" in forms.opened(manager, send(manager, town, other).location).text
    act(manager, send(manager, town, other.replace("2026-11-02", "2026-11-12")).location, "confirm")
    assert examinations()[1:] == [("2026-11-12", "粉尘")]


def test_an_examination_that_was_corrected_since_stays_with_its_person(manager, town):
    where = send(manager, town, EXPOSED).location
    act(manager, where, "confirm")
    first = db.session.scalar(select(CheckUp))
    first.withdraw(now=first.written_at, by_id=None)
    make.save(first)
    act(manager, where, "undo")
    assert people() == 1 and "保留档案" in forms.opened(manager, where).text


# --- a register of enterprises ---

CODE, OTHER = "91510100MA00000152", "91510100MA0000029F"
HEADS = "企业名册\n统一社会信用代码,企业名称,街道,社区,在册人数,法定代表人,联系电话,行业,所在园区,房号\n"
PINE = f'{CODE},云溪松果科技有限公司,桂湖,锦书,"1,200人",周平,028-88886666,软件和信息技术服务业,云溪软件园B区,5号楼\n'


@pytest.fixture
def liaison(app, town):
    return make.sign_in(app.test_client(), town.officer(Post.UNIT_LIAISON, name="林知秋"))


def send_register(client, text):
    data = forms.opened(client, "/imports").form("/imports").data()
    data["file"] = (io.BytesIO((HEADS + text).encode()), "名册.csv")
    return client.post("/imports", data=data, content_type="multipart/form-data").location


def act(client, where, what):
    forms.submit(client, where, f"{where}/{what}")
    afresh()


def of_code(code=CODE):
    afresh()
    return db.session.scalar(select(Enterprise).where(Enterprise.credit_code == code))


def test_a_register_is_taken_in_with_where_each_belongs_and_taken_back(liaison, town):
    where = send_register(liaison, PINE)
    assert "云溪松果科技有限公司" in forms.opened(liaison, where).text and of_code() is None
    act(liaison, where, "confirm")
    row = of_code()
    assert (row.street_id, row.community_id, row.unit_id) == (town.street.id, town.community.id, town.unit.id)
    assert (row.headcount, row.legal_representative, row.phone) == (1200, "周平", "028-88886666")
    assert (row.premises[0].place_id, row.premises[0].room, row.initials) == (
        town.park.id,
        "5号楼",
        "yxsgkjyxgs",
    )
    assert db.session.scalar(select(EnterpriseChange.what)) == "从名册“名册.csv”导入登记"
    act(liaison, where, "undo")
    assert of_code() is None
    for model in (Headcount, EnterpriseChange):
        assert db.session.scalar(select(func.count()).select_from(model)) == 0
    assert db.session.scalar(select(func.count()).select_from(Premises)) == 1  # the tenant's


def test_a_register_changes_what_is_on_file_by_the_code_and_the_story_says_so(liaison, town):
    act(liaison, send_register(liaison, PINE), "confirm")
    where = send_register(
        liaison, PINE.replace("周平", "林小满").replace("1,200", "900").replace(",028-88886666", ",")
    )
    text = " ".join(forms.opened(liaison, where).text.split())
    assert "法定代表人 周平 → 林小满" in text and "在册人数 1200 → 900" in text
    act(liaison, where, "confirm")
    assert (of_code().legal_representative, of_code().headcount, of_code().phone) == (
        "林小满",
        900,
        "028-88886666",
    )
    assert "法定代表人由“周平”改为“林小满”" in "".join(db.session.scalars(select(EnterpriseChange.what)))
    act(liaison, where, "undo")
    assert (of_code().legal_representative, of_code().headcount) == ("周平", 1200)
    assert len(of_code().premises) == 1


def test_the_same_register_again_changes_nothing(liaison):
    act(liaison, send_register(liaison, PINE), "confirm")
    assert "和档案完全一样" in forms.opened(liaison, send_register(liaison, PINE)).text


def test_what_cannot_be_taken_is_said_by_cell_and_near_names_are_offered(liaison, town):
    wrong = f"{OTHER},云溪橘子实业有限公司,桂胡街道,,很多,,1380,软件业,,\n"
    text = forms.opened(liaison, send_register(liaison, PINE + wrong + PINE)).text
    for words in (
        "是不是桂湖街道",
        "没有看懂“很多”",
        "手机号是11位",
        "没有叫“软件业”的行业",
        "和第3行是同一个信用代码",
    ):
        assert words in text
    assert "对不上" in forms.opened(liaison, send_register(liaison, PINE.replace(CODE, CODE[:-1] + "3"))).text


def test_an_enterprise_beyond_reach_is_neither_changed_nor_named(liaison, town):
    other = make.save(Unit(district_id=town.district.id, name="区商务局"))
    town.tenant.credit_code, town.tenant.unit_id = CODE, other.id
    make.save(town.tenant)
    text = forms.opened(liaison, send_register(liaison, PINE)).text
    assert "已在别处登记" in text and "青禾" not in text


def test_an_enterprise_that_has_people_since_is_kept_when_the_import_is_undone(liaison, town):
    where = send_register(liaison, PINE)
    act(liaison, where, "confirm")
    make.account(town.district, Post.HEALTH_MANAGER, of_code().id)
    act(liaison, where, "undo")
    assert of_code() is not None and of_code().premises
    assert "已经邀请了人员" in forms.opened(liaison, where).text


def test_a_register_belongs_to_the_unit_and_to_no_other_officer(app, liaison, town):
    where = send_register(liaison, PINE)
    colleague = make.sign_in(app.test_client(), town.officer(Post.UNIT_LIAISON))
    assert colleague.get(where).status_code == 200
    other = make.sign_in(app.test_client(), town.officer(Post.COMMUNITY_LIAISON))
    assert other.get(where).status_code == 404
