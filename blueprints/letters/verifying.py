"""Is it genuine (查验责任书): by number and code, or by the file itself. For anyone who holds a copy; limited per address."""

from __future__ import annotations

import secrets

from flask import request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from blueprints.letters import bp
from blueprints.letters.asked import today
from blueprints.letters.forms import FileForm, VerifyForm
from blueprints.letters.levels import level_words
from blueprints.letters.tracking import KINDS
from blueprints.web.guard import public
from blueprints.web.limits import limiter
from blueprints.web.outside.seal import Finding, examine
from blueprints.web.page import page
from blueprints.web.site import site
from models.base import db
from models.files import MOST_BYTES
from models.letter_text import sha256
from models.letters import Letter
from models.places import read_code

PER_ADDRESS = "10 per minute; 60 per hour"
NOT_FOUND = "编号和验证码对不上。请照纸上的再核对；都没有错的，这份责任书不是本站出具的"


WRONG = {
    Finding.CHANGED: (
        "这份文件被改动过",
        "它带有本站的签章，但现在的内容和签章时不一样（哪怕只差一个字节）。请以按编号查到的为准，并向出具单位要原件。",
    ),
    Finding.APPENDED: (
        "这份文件签章以后又加了内容",
        "签章时的内容还在，后面添加的（例如批注、标题、另存时写入的）没有经过签章。请向出具单位要原件。",
    ),
    Finding.FOREIGN: (
        "不是本站存档的文件，没有本站的签章",
        "可能是别处出具的，可能是打印后再扫描的，也可能改得已经认不出。手里是纸的，请按编号和验证码查。",
    ),
}


@bp.get("/verify")
@limiter.limit(PER_ADDRESS, exempt_when=lambda: not request.args)
@public
def verify() -> ResponseReturnValue:
    """The number alone tells nothing: the code that is printed with it has to come along (settled 5.1)."""
    form, letter = VerifyForm(request.args), None
    if (form.number.data or form.code.data) and form.validate():
        number, code = read_code(form.number.data or ""), read_code(form.code.data or "")
        if not number:
            form.number.errors = ["请填编号"]
        elif not code:
            form.code.errors = ["请再填验证码，8位，和编号印在一起"]
        elif (letter := _of(number, code)) is None:
            form.code.errors = [NOT_FOUND]
    return _answer(form, FileForm(formdata=None), letter, by="code")


def _of(number: str, code: str) -> Letter | None:
    """Signs between the parts of a number are as people leave them out."""
    parts = number.rpartition("ZR")
    spelt = f"{parts[0]}-ZR-{parts[2][:4]}-{parts[2][4:]}"
    letter = db.session.scalar(select(Letter).where(Letter.number == spelt))
    right = letter.code if letter is not None else "0" * len(code)
    return letter if secrets.compare_digest(right.encode(), code.encode()) and letter is not None else None


@bp.post("/verify")
@limiter.limit(PER_ADDRESS)
@public
def verify_file() -> ResponseReturnValue:
    """The file itself: the very bytes that are on file here, or not."""
    form, letter, wrong = FileForm(), None, ""
    if form.validate_on_submit():
        sent = form.file.data.read(MOST_BYTES + 1) if form.file.data else b""
        if not sent:
            form.file.errors = ["请选责任书的PDF文件"]
        elif len(sent) > MOST_BYTES:
            form.file.errors = ["文件不能超过10MB，责任书没有这么大"]
        elif not sent.startswith(b"%PDF-"):
            form.file.errors = ["这不是PDF文件。拍照、扫描的请按编号和验证码查"]
        else:
            letter = db.session.scalar(select(Letter).where(Letter.pdf_digest == sha256(sent)))
            wrong = "" if letter is not None else WRONG[examine(sent, site.known_seals, on_file=False)]
    return _answer(VerifyForm(formdata=None), form, letter, by="file", wrong=wrong)


def _answer(
    form: VerifyForm,
    file_form: FileForm,
    letter: Letter | None,
    *,
    by: str,
    wrong: tuple[str, str] | str = "",
) -> ResponseReturnValue:
    district = letter.district if letter else None
    return page(
        "letters/verify.html", form=file_form if by == "file" else form, code_form=form, file_form=file_form, letter=letter, by=by,
        wrong=wrong, text=letter.content if letter else None, standing=letter.standing(today()) if letter else None, kinds=KINDS,
        level=level_words(letter) if letter else "", organiser=district.organiser if district else None,
        district_slug=district.slug if district else None,
    )  # fmt: skip
