"""Photographs of paper sheets (登记表照片): sealed, looked at on record."""

from __future__ import annotations

from urllib.parse import quote

from flask import Response, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import select
from wtforms.validators import InputRequired

from blueprints.gate import bp
from blueprints.gate.filling import alone_with, read_day, shown
from blueprints.gate.sheets import sheet_in_reach
from blueprints.web.fields import RadioField, options
from blueprints.web.guard import commit, needs, seen
from blueprints.web.page import done, page
from blueprints.web.site import site
from models import photographs
from models.base import RuleBroken, db
from models.identifiers import Unreadable
from models.paper import FILED_WITHIN, PaperSheet, PhotoFault, SheetPhoto
from models.recording import recorded


class RemoveForm(FlaskForm):
    reason = RadioField(
        "为什么删除",
        choices=options((fault.value, fault.label) for fault in PhotoFault),
        validators=[InputRequired("请选一个原因")],
    )


@bp.post("/gate/sheets/<sheet_number>/photos")
@needs("sheet:fill")
def add_photo(sheet_number: str) -> ResponseReturnValue:
    """Files a photograph of the sheet; the same one twice is one."""
    sheet = sheet_in_reach(sheet_number, "sheet:fill")
    db.session.rollback()  # nobody waits at the gate while a picture is made small
    errors: dict[str, str] = {}
    day, picture, sent = None, b"", _sent()
    try:
        picture = photographs.small_jpeg(sent)
    except RuleBroken as refusal:
        errors["photo"] = str(refusal)
    alone_with(sheet)
    try:
        day = sheet.used_on or read_day(request.form.get("day", ""), site.now(), FILED_WITHIN)
    except Unreadable as error:
        errors["photo_day"] = error.zh
    if day is not None and not errors:
        try:
            if not _has(sheet, sent):
                sheet.file(site.vault, picture, sent, day=day, now=site.now(), by_id=current_user.id)
                commit(sheet=sheet.number, day=day, photo=True)
            return done(url_for("gate.sheet", sheet_number=sheet.number))
        except RuleBroken as refusal:
            errors["photo"] = str(refusal)
    return shown(sheet, recorded(db.session(), site.vault, sheet), photo_errors=errors, status=422)


@bp.get("/gate/sheet-photos/<int:sheet_photo_id>")
@needs("sheet:fill", SheetPhoto)
def show_photo(sheet_photo: SheetPhoto) -> Response:
    """The photograph, to those who may type the sheet in. Whoever looks is on record."""
    picture, sheet = sheet_photo.picture(site.vault), sheet_photo.sheet
    seen(sheet=sheet.number)
    name = quote(f"登记表{sheet.number}.jpg")
    kind = "attachment" if request.args.get("save") else "inline"
    headers = {"Content-Disposition": f"{kind}; filename*=UTF-8''{name}", "Cache-Control": "no-store"}
    return Response(picture, mimetype="image/jpeg", headers=headers)


@bp.route("/gate/sheet-photos/<int:sheet_photo_id>/remove", methods=["GET", "POST"])
@needs("photo:remove", SheetPhoto)
def remove_photo(sheet_photo: SheetPhoto) -> ResponseReturnValue:
    """One photograph, for a reason that is kept; the sheet and what was typed in from it stay."""
    form, sheet = RemoveForm(), sheet_photo.sheet
    if form.validate_on_submit():
        alone_with(sheet)
        typed_in = len(recorded(db.session(), site.vault, sheet))
        try:
            taken = {"sheet": sheet.number, "added": sheet_photo.added_at, "by": sheet_photo.added_by.name}
            sheet.drop(db.session(), sheet_photo, typed_in=typed_in, now=site.now())
            commit(reason=form.reason.data, **taken)
            return done(url_for("gate.sheet", sheet_number=sheet.number))
        except RuleBroken as refusal:
            form.reason.errors = [str(refusal)]
    number = next(n for n, one in enumerate(sheet.photos, start=1) if one is sheet_photo)
    return page(
        "gate/remove_photo.html",
        form=form,
        sheet=sheet,
        photo=sheet_photo,
        number=number,
    )


def _sent() -> bytes:
    file = request.files.get("photo")
    if file is None:
        return b""
    with file.stream as stream:
        return stream.read(photographs.MOST_BYTES + 1)


def _has(sheet: PaperSheet, sent: bytes) -> bool:
    """Whether this sheet has this photograph. RuleBroken where another one has it."""
    digest = SheetPhoto.digest_of(site.vault, sent)
    number = db.session.scalar(
        select(PaperSheet.number).join(PaperSheet.photos).where(SheetPhoto.digest == digest)
    )
    if number is not None and number != sheet.number:
        raise RuleBroken("这张照片已经存在另一张登记表名下，请核对编号，拍这一张")
    return number is not None
