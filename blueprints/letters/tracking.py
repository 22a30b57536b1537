"""Where the letters stand (责任书进度): who has none, who has not signed, what waits for us, what runs out; reminded and exported."""

from __future__ import annotations

from flask import flash, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from blueprints.letters import bp
from blueprints.letters.asked import LONGEST, asked, choices, today
from blueprints.web import filters
from blueprints.web.downloads import by_link, hand_out
from blueprints.web.fields import JustAct, ticked
from blueprints.web.guard import commit, needs, within_reach
from blueprints.web.page import done, page, with_filters
from blueprints.web.paging import paged
from blueprints.web.site import site
from blueprints.web.xlsx import Column, signed
from models import letter_search
from models.base import db, local
from models.enterprises import Enterprise
from models.inbox import News, tell_each
from models.letter_search import Asked, Track
from models.letters import UNSIGNED, Letter, LetterKind, LetterState, Standing
from models.office import staff_accounts
from models.places import Place

EXPORT_ROWS = 20_000
MOST_REMINDED = 2_000
SUBJECT, WORDS = "提醒：有一份责任书还没签", "请先读全文，再由法定代表人或授权代表签署。"
KINDS = {
    Standing.SENT: "due", Standing.READ: "due", Standing.SIGNED: "act", Standing.TO_COME: "ok", Standing.IN_FORCE: "ok",
    Standing.EXPIRING: "warn", Standing.EXPIRED: "no", Standing.SUPERSEDED: "no", Standing.VOIDED: "off",
}  # fmt: skip
COLUMNS = (
    Column("企业", 36), Column("所运营的场所", 24), Column("责任书", 16), Column("编号", 24), Column("期限", 30), Column("发出", 18),
    Column("看过", 18), Column("乙方签", 18), Column("双方签", 18), Column("说明", 30),
)  # fmt: skip


@bp.get("/letters")
@needs("letter:track")
def index() -> ResponseReturnValue:
    """Every firm within reach with its latest letter, whoever has to act first."""
    wanted, now = asked("letter:track"), site.now()
    numbers = letter_search.counts(db.session(), wanted, today(), now)
    lines, total = letter_search.lines(wanted, today(), now), numbers[wanted.track]
    return page(
        "letters/index.html", partial="letters/_list.html", wanted=wanted, numbers=numbers, today=today(), kinds=list(LetterKind),
        quick=[(None, "全部", numbers[None]), *((one, one.label, numbers[one]) for one in Track)], status_kinds=KINDS,
        paging=paged(lines, whole=letter_search.whole, scalars=False, total=total), act=JustAct(formdata=None),
        longest=LONGEST, Track=Track, **choices("letter:track"),
    )  # fmt: skip


@bp.post("/letters/remind")
@needs("letter:track")
def remind() -> ResponseReturnValue:
    """The chosen ones, or all that the list shows: a message to the firm's health staff, once a day."""
    where = with_filters("letters.index")
    if not JustAct().validate_on_submit():
        return done(where)
    letters = [one for one in chosen_letters(MOST_REMINDED) if one.state in UNSIGNED]
    people = staff_accounts(db.session(), {one.enterprise_id for one in letters}, today())
    keys = {one.id: f"{one.key}:remind:{today():%Y%m%d}" for one in letters}
    news = [
        News(account, keys[one.id], SUBJECT, WORDS, url_for("letters.show", letter_id=one.id))
        for one in letters
        for account in sorted(people[one.enterprise_id])
    ]
    fresh = {one.key for one in tell_each(db.session(), news, site.now())}
    nobody = sum(not people[one.enterprise_id] for one in letters)
    told = sum(key in fresh for key in keys.values())
    again = len(letters) - told - nobody
    said = f"已提醒{told}家"
    said += f"，{again}家今天已经提醒过" if again else ""
    said += f"，{nobody}家没有健康岗位账号，请打电话或发签署链接" if nobody else ""
    flash(said if letters else "没有可以提醒的：只提醒还没签的。", "ok" if told else "warn")
    commit(count=told, again=again, nobody=nobody)
    return done(where)


def chosen_letters(most: int) -> list[Letter]:
    """What was ticked, or with `all` whatever the list shows, in the order of the list; only within reach."""
    if request.form.get("all"):
        lines = letter_search.lines(asked("letter:track"), today(), site.now()).limit(most * 2)
        rows = db.session.execute(letter_search.whole(lines)).all()
        return [row[1] for row in rows if row[1] is not None][:most]
    ids = ticked("letter")[:most]
    found = select(Letter).where(Letter.id.in_(ids), within_reach("letter:track", Letter))
    by_id = {one.id: one for one in db.session.scalars(found)}
    return [by_id[one] for one in ids if one in by_id]


@bp.get("/letters.xlsx")
@by_link
@needs("letter:track")
def export() -> ResponseReturnValue:
    """The list as it is filtered, logged and signed at the foot of each page (settled 3.6)."""
    return hand_out(
        lambda: _workbook(asked("letter:track")), name=f"责任书进度-{local(site.now()):%Y%m%d}.xlsx"
    )


def _workbook(wanted: Asked) -> bytes:
    lines = letter_search.lines(wanted, today(), site.now()).limit(EXPORT_ROWS + 1)
    rows = [_cells(*row) for row in db.session.execute(letter_search.whole(lines))]
    return signed(
        f"责任书进度（{wanted.kind.label}），{filters.full_day(site.now())}", COLUMNS, rows, tab="责任书进度", unit="家", most=EXPORT_ROWS
    )  # fmt: skip


def _cells(firm: Enterprise, letter: Letter | None, place: Place | None) -> list[str]:
    def at(instant: object) -> str:
        return f"{local(instant):%Y-%m-%d %H:%M}" if instant else ""  # type: ignore[arg-type]

    name = place.name if place is not None else ""
    if letter is None:
        return [firm.name, name, "没发"]
    return [
        firm.name, name, letter.standing(today()).label, letter.number,
        f"{filters.full_day(letter.starts_on)}至{filters.full_day(letter.ends_on)}", at(letter.sent_at), at(letter.read_at),
        at(letter.signed_at), at(letter.in_force_at), letter.end_reason if letter.state is not LetterState.IN_FORCE else letter.level.label,
    ]  # fmt: skip
