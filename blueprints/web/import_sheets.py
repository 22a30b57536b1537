"""The workbooks that are taken in (导入的表格): their columns, what heads people give them, and the bench on which batches are worked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from blueprints.web.sheets import Column, read_table
from blueprints.web.site import site
from models.base import db
from models.batch_work import Bench, Importer, Line
from models.batches import Batch, BatchKind
from models.employee_facts import FIELDS
from models.employee_rows import KEY, KEY_HEAD, EmployeeRows
from models.letter_rows import LetterRows, lines_of
from models.register_rows import RegisterRows
from models.vault import Vault

COLUMNS: dict[BatchKind, tuple[Column, ...]] = {
    BatchKind.EMPLOYEES: (
        Column("name", FIELDS["name"], ("员工姓名", "名字"), required=True),
        Column("number", FIELDS["number"], ("员工编号", "员工号"), code=True),
        Column("kind", FIELDS["kind"], ("用工形式", "用工性质")),
        Column("contract_firm", FIELDS["contract_firm"], ("劳务公司", "派遣单位", "外包单位")),
        Column("document_kind", FIELDS["document_kind"], ("证件种类",)),
        Column(
            "document",
            FIELDS["document"],
            ("身份证号", "身份证号码", "证件号", "身份证", "公民身份号码"),
            code=True,
        ),
        Column("mobile", FIELDS["mobile"], ("手机", "手机号码", "联系电话", "电话", "联系方式"), code=True),
        Column("department", FIELDS["department"], ("所在部门", "车间")),
        Column("team", FIELDS["team"], ("所在班组",)),
        Column("job", FIELDS["job"], ("岗位", "工种", "职务")),
        Column("hazards", FIELDS["hazards"], ("职业病危害因素", "危害因素")),
        Column("dormitory", FIELDS["dormitory"], ("宿舍房间", "宿舍号", "住址")),
        Column("joined_on", FIELDS["joined_on"], ("入职时间", "到岗日期"), day=True),
        Column("left_on", FIELDS["left_on"], ("离职日期", "离职时间"), day=True),
        Column(
            "examined_on", FIELDS["examined_on"], ("上岗前体检日期", "岗前体检", "岗前体检时间"), day=True
        ),
        Column(KEY, KEY_HEAD, ("行号键",)),
    ),
    BatchKind.REGISTER: (
        Column(
            "credit_code",
            "统一社会信用代码",
            ("信用代码", "社会信用代码", "统一信用代码"),
            required=True,
            code=True,
        ),
        Column("name", "企业名称", ("名称", "单位名称", "公司名称", "企业"), required=True),
        Column("short_name", "简称", ("企业简称",)),
        Column("street", "街道", ("所属街道", "街道办")),
        Column("community", "社区", ("所属社区",)),
        Column("unit", "联络单位", ("主管单位", "主管部门", "行业主管部门")),
        Column("headcount", "在册人数", ("人数", "员工人数", "从业人数", "职工人数")),
        Column("legal_representative", "法定代表人", ("法人", "法人代表")),
        Column("phone", "电话", ("联系电话", "手机号"), code=True),
        Column("address", "地址", ("注册地址", "经营地址", "详细地址")),
        Column("sector", "行业", ("行业类别", "所属行业")),
        Column("place", "所在场所", ("场所", "园区", "楼宇", "所在园区", "所在楼宇")),
        Column("room", "房间", ("房号", "楼栋房间", "门牌号")),
    ),
}


def bench() -> Bench:
    """What the work on a batch needs of this site. Letters to many are a batch too: its rows are firms, from no workbook."""
    importers: dict[BatchKind, Callable[[Batch, Vault, datetime], Importer]] = {
        BatchKind.EMPLOYEES: EmployeeRows,
        BatchKind.REGISTER: RegisterRows,
        BatchKind.LETTERS: partial(LetterRows, book=site.book),
    }
    return Bench(db.engine, site.vault, site.now, _read, importers)


def _read(content: bytes, name: str, kind: BatchKind) -> tuple[Sequence[Line], list[str]]:
    if kind is BatchKind.LETTERS:
        return lines_of(content), []
    table = read_table(content, name, COLUMNS[kind])
    return table.lines, table.unknown
