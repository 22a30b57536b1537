"""Forms of responsibility letters."""

from __future__ import annotations

from typing import Any

from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import BooleanField, HiddenField, PasswordField, StringField, ValidationError
from wtforms.validators import DataRequired, InputRequired, Length, Optional

from blueprints.web.fields import (
    DayField,
    PhotoField,
    PlainLinesField,
    PlainTextField,
    RadioField,
    SelectField,
    WholeField,
    number_or_none,
    options,
)
from models.base import RuleBroken
from models.files import MOST_BYTES, FileKind, taken
from models.letters import REASON_SIGNS, LetterKind
from models.signatures import Capacity, Mark, Way, read_strokes

MISSING, VALID_NONE, EVERY = "missing", "none", "all"


class PaperField(FileField):
    """A scan or a photograph of a paper: (kind, content), or nothing where none was chosen."""

    def pre_validate(self, form: FlaskForm) -> None:
        sent, self.data = self.data, None
        if not sent or not getattr(sent, "filename", ""):
            return
        try:
            kind, content = taken(sent.read(MOST_BYTES + 1))
        except RuleBroken as refusal:
            raise ValidationError(str(refusal)) from None
        if kind not in (FileKind.PDF, FileKind.PHOTO):
            raise ValidationError("请上传扫描的PDF，或照片（JPG、PNG）")
        self.data = (kind, content)


class IssueForm(FlaskForm):
    post = RadioField("以哪个岗位发")  # of several; the view fills in the choices
    kind = RadioField(
        "发给谁",
        choices=options((one.value, one.label) for one in LetterKind),
        default=LetterKind.ENTERPRISE.value,
    )
    who = RadioField(
        "其中", choices=options([(VALID_NONE, "没有有效责任书的"), (EVERY, "全部（已有的自动跳过，逐家列出）")]), default=VALID_NONE
    )  # fmt: skip
    q = PlainTextField("企业名称、首字母、场所", [Length(max=60, message="最多60个字")])
    unit = SelectField("联络单位", coerce=number_or_none)
    street = SelectField("街道", coerce=number_or_none)
    place = SelectField("园区、楼宇", coerce=number_or_none)
    least = WholeField("在册人数，从几人", [Optional()], example="30")
    most = WholeField("到几人", [Optional()], example="200")
    starts_on = DayField("起日", [InputRequired("请填起日")])
    ends_on = DayField("止日", [InputRequired("请填止日")])
    replace = BooleanField("文本有变化的，也换成新文本（双方重新签，新的生效后旧的才失效）")

    def validate_ends_on(self, field: DayField) -> None:
        if self.starts_on.data and field.data and field.data < self.starts_on.data:
            raise ValidationError("止日要在起日以后")

    def validate_most(self, field: WholeField) -> None:
        if self.least.data is not None and field.data is not None and field.data < self.least.data:
            raise ValidationError("第二个数不能小于第一个数")


class SignForm(FlaskForm):
    """`who`: whose signature it has to be. Everything that is wrong is said at once, the pad with the rest."""

    strokes = HiddenField("签名", id="pad-canvas")  # an error leads to the pad
    pad = HiddenField()  # "1" while the pad is in use, "0" once it was put away
    photo = PhotoField("纸上签名的照片（不手写、不打字签的才传）")
    name = PlainTextField(
        "再输入一次姓名", [DataRequired("请输入签署人的姓名"), Length(max=40, message="姓名最多40个字")]
    )
    agreed = BooleanField("已读全文并同意", [DataRequired("请勾选，表示已读全文并同意")])

    def __init__(self, *args: Any, who: str = "", **facts: Any) -> None:
        super().__init__(*args, **facts)
        self.who, self._drawn = who, (b"", b"")

    def validate_name(self, field: PlainTextField) -> None:
        if not field.errors and "".join((field.data or "").split()) != "".join(self.who.split()):
            raise ValidationError(f"签署人是{self.who}，输入的是{field.data}。请核对，别人不能代签")

    def validate_strokes(self, field: HiddenField) -> None:
        if self.pad.data != "1" or self.photo.data:
            return
        try:
            self._drawn = read_strokes(field.data or "")
        except RuleBroken as refusal:
            raise ValidationError(str(refusal)) from None

    def mark(self) -> Mark:
        """What was put down, once all of it is right."""
        if self.photo.data:
            return Mark(Way.PHOTO, self.photo.data)
        strokes, picture = self._drawn
        return Mark(Way.DRAWN, picture, strokes) if strokes else Mark(Way.TYPED)


class OwnSignForm(SignForm):
    password = PasswordField("登录密码，确认是本人", [DataRequired("请输入登录密码")])


class LinkSignForm(SignForm):
    code = StringField("确认码（6位数字）", [Length(max=20, message="确认码是6位数字")])


class ReasonForm(FlaskForm):
    reason = PlainLinesField(
        "原因",
        [
            DataRequired("请写原因，企业会看到"),
            Length(max=REASON_SIGNS, message=f"原因最多{REASON_SIGNS}个字"),
        ],
    )


class CountersignForm(FlaskForm):
    password = PasswordField("登录密码，确认是本人", [DataRequired("请输入登录密码")])
    every = BooleanField("这一页列出的全部，不只勾选的")
    agreed = BooleanField("我已逐份看过全文和乙方的签名", [DataRequired("请逐份看过再勾选")])


class OnPaperForm(FlaskForm):
    firm_signer = PlainTextField(
        "乙方签字的人", [DataRequired("请填乙方签字的人"), Length(max=40, message="姓名最多40个字")]
    )
    scan = PaperField("扫描件（PDF或照片）")
    checked = BooleanField("原件在手，双方签字（盖章）齐全，与扫描件一致", [DataRequired("请核对原件再勾选")])

    def validate_scan(self, field: PaperField) -> None:
        if field.data is None and not field.errors:
            raise ValidationError("请选扫描件")


class SignerForm(FlaskForm):
    account = SelectField("谁（这家企业有账号的人）", coerce=number_or_none)
    capacity = RadioField(
        "身份", choices=options((one.value, one.label) for one in (Capacity.REPRESENTATIVE, Capacity.AUTHORISED)),
        default=Capacity.REPRESENTATIVE.value,
    )  # fmt: skip
    paper = PaperField("授权书（授权代表必须上传）")
    until_on = DayField("有效期到", [InputRequired("请填有效期")])
    checked = BooleanField("已核对本人身份证件和营业执照（授权书）原件", [DataRequired("请核对原件再勾选")])

    def validate_account(self, field: SelectField) -> None:
        if field.data is None:
            raise ValidationError("请选一个人")


class LinkForm(FlaskForm):
    in_front = RadioField(
        "怎么确认是本人",
        choices=options([("1", "本人就在面前，已核对身份证件（30分钟内当场签）"), ("0", "本人不在，另外打电话告诉他确认码（72小时内签）")]),
        default="1",
    )  # fmt: skip


class VerifyForm(FlaskForm):
    class Meta:
        csrf = False  # a look-up by address: the square code on the paper opens it

    number = StringField("编号", [Length(max=60, message="编号没有这么长")])
    code = StringField("验证码", [Length(max=20, message="验证码是8位")])


class FileForm(FlaskForm):
    file = FileField("责任书的PDF文件")
