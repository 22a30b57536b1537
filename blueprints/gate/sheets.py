"""Paper log sheets of the gates (纸质登记表): which there are, printing new ones, taking one out of use."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from flask import Response, g, request, url_for
from flask.typing import ResponseReturnValue
from flask_login import current_user
from flask_wtf import FlaskForm
from sqlalchemy import Select, select
from sqlalchemy.orm import joinedload, selectinload
from wtforms import StringField
from wtforms.validators import InputRequired, ValidationError

from blueprints.gate import bp
from blueprints.web import pdf
from blueprints.web.downloads import by_link, hand_out
from blueprints.web.fields import RadioField, SelectField, options
from blueprints.web.ground import gates_in_reach
from blueprints.web.guard import commit, needs, refuse, within_reach
from blueprints.web.page import done, page
from blueprints.web.paging import paged
from blueprints.web.qr import page_address, square
from blueprints.web.site import site
from models.base import RuleBroken, db
from models.gateview import GateView, view_of
from models.paper import AT_ONCE, NUMBER_LENGTH, PaperSheet, SheetPhoto, VoidReason
from models.places import CODE_SIGNS, Gate, Place, read_code
from models.recording import rows_of

NUMBER = re.compile(f"[{CODE_SIGNS}]{{{NUMBER_LENGTH}}}")
PAGE = 20


class PrintForm(FlaskForm):
    gate = SelectField("哪个入口")
    copies = StringField("印几张", default="5")

    def validate_copies(self, field: StringField) -> None:
        written = unicodedata.normalize("NFKC", field.data or "").strip()
        if not re.fullmatch("[0-9]{1,3}", written):
            raise ValidationError(f"请填张数，1到{AT_ONCE}")
        self.number = int(written)

    number: int = 0


class VoidForm(FlaskForm):
    reason = RadioField(
        "为什么作废",
        choices=options((reason.value, reason.label) for reason in VoidReason),
        validators=[InputRequired("请选一个原因")],
    )


def sheet_in_reach(number: str, action: str) -> PaperSheet:
    """The sheet of this number with its gate and place; whoever does not reach it is told that there is none."""
    found = None
    if NUMBER.fullmatch(number):
        found = db.session.scalar(
            _with_place(select(PaperSheet))
            .where(PaperSheet.number == number, within_reach(action, PaperSheet))
            .options(
                joinedload(PaperSheet.printed_by),
                selectinload(PaperSheet.photos).joinedload(SheetPhoto.added_by),
            )
        )
    if found is None:
        refuse(404, action, object_type="paper_sheet", object_id=number[:20])
    g.object = found
    return found


@bp.get("/gate/sheets")
@needs("sheet:fill")
def sheets() -> ResponseReturnValue:
    """The sheets of all gates in reach, newest first; ?number= opens one, ?gate= chooses a gate, ?printed= was just printed."""
    typed = request.args.get("number", "").strip()
    if NUMBER.fullmatch(read_code(typed)):
        return done(url_for("gate.sheet", sheet_number=read_code(typed)))
    return _shown(_print_form(), typed=typed)


@bp.post("/gate/sheets")
@needs("sheet:print")
def print_sheets() -> ResponseReturnValue:
    """Numbers new sheets; the page that follows hands over their PDF."""
    form = _print_form()
    if not form.validate_on_submit():
        return _shown(form)
    gate = db.session.get_one(Gate, int(form.gate.data))
    try:
        fresh = PaperSheet.print_for(
            db.session(), gate, copies=form.number, now=site.now(), by_id=current_user.id
        )
    except RuleBroken as refusal:
        form.copies.errors = [str(refusal)]
        return _shown(form)
    db.session.add_all(fresh)
    commit(gate=gate.name, count=len(fresh), sheets=[sheet.number for sheet in fresh])
    return done(url_for("gate.sheets", gate=gate.id, printed=fresh[0].number))


@bp.get("/gate/sheets/<sheet_number>/print.pdf")
@by_link
@needs("sheet:print")
def sheet_pdf(sheet_number: str) -> ResponseReturnValue:
    """All sheets that were printed together with this one; ?alone=1 this one alone."""
    first, found = _together(sheet_number)
    gate = first.gate
    return hand_out(
        lambda: _as_pdf(found),
        name=f"登记表-{gate.place.name}-{gate.name}-{first.number}"
        + (f"等{len(found)}张" if len(found) > 1 else "")
        + ".pdf",
        picture=url_for("gate.sheet_png", sheet_number=first.number),
        picture_words=f"{gate.place.name}{gate.name}的登记表，共{len(found)}张，这是{first.printed}",
    )


@bp.get("/gate/sheets/<sheet_number>/print.png")
@needs("sheet:print")
def sheet_png(sheet_number: str) -> Response:
    """The sheet as a picture on a page."""
    sheet = sheet_in_reach(sheet_number, "sheet:print")
    sheet.must_be_good()
    return Response(pdf.picture(_as_pdf([sheet])), mimetype="image/png")


@bp.route("/gate/sheets/<sheet_number>/void", methods=["GET", "POST"])
@needs("sheet:fill")
def void_sheet(sheet_number: str) -> ResponseReturnValue:
    """Takes a lost or spoiled sheet out of use."""
    sheet = sheet_in_reach(sheet_number, "sheet:fill")
    sheet.must_be_good()
    form = VoidForm()
    if form.validate_on_submit():
        sheet.void(now=site.now())
        commit(sheet=sheet.number, reason=form.reason.data)
        return done(url_for("gate.sheet", sheet_number=sheet.number))
    typed_in = len(rows_of(db.session(), site.vault, [sheet])[sheet.id])
    return page("gate/void_sheet.html", form=form, sheet=sheet, typed_in=typed_in)


def _shown(form: PrintForm, typed: str = "") -> Response:
    chosen = request.args.get("gate", "")
    query = _with_place(select(PaperSheet)).where(within_reach("sheet:fill", PaperSheet))
    if chosen in {choice.value for choice in form.gate.choices}:
        query = query.where(PaperSheet.gate_id == int(chosen))
    query = query.options(joinedload(PaperSheet.printed_by), selectinload(PaperSheet.photos))
    listed = paged(query.order_by(PaperSheet.id.desc()), size=PAGE)
    printed = request.args.get("printed", "")
    return page(
        "gate/sheets.html",
        form=form,
        paging=listed,
        rows=rows_of(db.session(), site.vault, listed.rows),
        printed=next((sheet for sheet in listed.rows if sheet.number == printed), None),
        chosen=chosen,
        typed=typed,
    )


def _print_form() -> PrintForm:
    """With the gates in reach; the one that ?gate= names is chosen."""
    form = PrintForm(data={"gate": request.args.get("gate", "")})
    form.gate.choices = options(
        (str(gate.id), f"{gate.place.name}　{gate.name}") for gate in gates_in_reach("sheet:print")
    )
    return form


def _with_place(query: Select[PaperSheet]) -> Select[PaperSheet]:
    return query.options(joinedload(PaperSheet.gate).joinedload(Gate.place).joinedload(Place.district))


def _together(number: str) -> tuple[PaperSheet, Sequence[PaperSheet]]:
    sheet = sheet_in_reach(number, "sheet:print")
    sheet.must_be_good()
    if request.args.get("alone"):
        return sheet, [sheet]
    same = PaperSheet.gate_id == sheet.gate_id, PaperSheet.printed_at == sheet.printed_at
    good = PaperSheet.void_at.is_(None), PaperSheet.used_on.is_(None)
    rest = db.session.scalars(select(PaperSheet).where(*same, *good).order_by(PaperSheet.id)).all()
    return sheet, rest or [sheet]


def _as_pdf(sheets: Sequence[PaperSheet]) -> bytes:
    gate = sheets[0].gate
    view = view_of(db.session(), site.book, gate, site.now(), on_paper=True)
    if not isinstance(view, GateView):
        raise RuleBroken("区里还没有采用方案，登记表上写不出保存多久；采用以后再印")
    district = gate.place.district
    squares = [
        square(page_address(url_for("gate.sheet", sheet_number=sheet.number), district.slug))
        for sheet in sheets
    ]
    return pdf.document(
        "documents/sheet.html",
        "paper.css",
        sheets=[{"sheet": sheet, "square": code} for sheet, code in zip(sheets, squares, strict=True)],
        gate=gate,
        place=gate.place,
        district=district,
        days=view.policy.retention.check_in_days,
        title=f"登记表：{gate.place.name}{gate.name}，{sheets[0].printed}"
        + (f"等{len(sheets)}张" if len(sheets) > 1 else ""),
        author=district.organiser,
    )
