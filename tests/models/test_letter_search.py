"""Where each firm stands with its letter: the lines in their order, counted, and how the database finds them."""

from datetime import date, timedelta

import pytest
from sqlalchemy import text

from models import letter_search
from models.access import Post
from models.base import db, local
from models.enterprises import Enterprise
from models.letter_search import Asked, Track
from models.letters import LetterKind, LetterState
from tests import make
from tests.conftest import NOW

TODAY = local(NOW).date()


@pytest.fixture
def officer(town):
    return town.officer(Post.UNIT_LIAISON)


def looked_for(town, **facts) -> Asked:
    return Asked(within=Enterprise.within("district", [town.district.id]), **facts)


def lines(asked: Asked) -> list[tuple[str, str]]:
    """(firm or place, number of the letter) of each line."""
    found = db.session.execute(letter_search.whole(letter_search.lines(asked, TODAY, NOW).limit(99)))
    return [
        (place.name if place else firm.name, letter.number if letter else "") for firm, letter, place in found
    ]


def test_who_has_to_act_comes_first_and_of_those_the_largest(town, officer):
    numbers = {}
    for size, (name, state) in enumerate(
        [
            ("有效", LetterState.IN_FORCE), ("没看过", LetterState.SENT), ("看过", LetterState.READ), ("没发", None),
            ("被替代", LetterState.SUPERSEDED), ("小的待会签", LetterState.SIGNED), ("大的待会签", LetterState.SIGNED),
        ]
    ):  # fmt: skip
        firm = make.enterprise(town.street, name, headcount=10 + size, legal_representative="许安")
        if state is None:
            continue
        make.letter(firm, officer)  # before it; never shown
        letter = make.letter(firm, officer, starts_on=TODAY - timedelta(days=9))
        letter.state, numbers[name] = state, letter.number
        letter.in_force_at = NOW if state is LetterState.IN_FORCE else None
        letter.ended_at = NOW if state is LetterState.SUPERSEDED else None
    db.session.commit()
    order = ["大的待会签", "小的待会签", "被替代", town.tenant.name, "没发", "看过", "没看过", "有效"]
    assert lines(looked_for(town)) == [(name, numbers.get(name, "")) for name in order]
    counted = letter_search.counts(db.session(), looked_for(town), TODAY, NOW)
    assert counted == {
        None: 8, Track.NONE: 2, Track.SENT: 1, Track.READ: 1, Track.SIGNED: 2, Track.VALID: 1, Track.EXPIRING: 0, Track.OVER: 1,
    }  # fmt: skip
    for track in Track:
        assert len(lines(looked_for(town, track=track))) == counted[track]


def test_a_void_letter_is_none(town, officer):
    town.tenant.legal_representative = "许安"
    before = make.letter(town.tenant, officer)
    after = make.letter(town.tenant, officer, starts_on=TODAY + timedelta(days=1))
    assert lines(looked_for(town)) == [(town.tenant.name, after.number)]
    for letter, left in ((after, before.number), (before, "")):
        letter.void("写错", NOW, by=officer)
        db.session.commit()
        assert lines(looked_for(town)) == [(town.tenant.name, left)]


def test_a_place_has_the_letter_of_its_operator_and_none_of_the_former_one(town, officer):
    town.tenant.legal_representative, town.park.operator_id = "许安", town.tenant.id
    parks = looked_for(town, kind=LetterKind.PARK_OPERATOR)
    assert lines(parks) == [(town.park.name, "")]
    make.letter(town.tenant, officer)  # as a firm
    letter = make.letter(town.tenant, officer, kind="park_operator", place=town.park)
    assert lines(parks) == [(town.park.name, letter.number)]
    assert letter_search.counts(db.session(), parks, TODAY, NOW)[Track.SENT] == 1
    assert db.session.execute(letter_search.without_valid(parks, date(2027, 1, 1), NOW)).all() == []
    town.park.operator_id = make.enterprise(town.street, "鹭岛实业").id
    db.session.commit()
    assert lines(parks) == [(town.park.name, "")]
    assert db.session.execute(letter_search.without_valid(parks, date(2027, 1, 1), NOW)).all() == [
        (town.park.operator_id, town.park.id)
    ]


@pytest.mark.parametrize(
    ("kind", "index"),
    [
        (LetterKind.ENTERPRISE, "uq_letter_newest_of_firm"),
        (LetterKind.PARK_OPERATOR, "uq_letter_newest_of_place"),
    ],
)
def test_the_newest_letters_are_found_by_their_index(town, kind, index):
    """On both databases, whose planners want the condition of the index spelt as it is there."""
    query = letter_search.lines(looked_for(town, kind=kind), TODAY, NOW).limit(50)
    said = query.compile(db.engine, compile_kwargs={"render_postcompile": True})
    explain = "EXPLAIN " if db.engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
    if (
        db.engine.dialect.name == "postgresql"
    ):  # whatever other tests have left in the tables: this way there is no other
        for other in ("seqscan", "bitmapscan", "hashjoin", "mergejoin"):
            db.session.execute(text(f"SET LOCAL enable_{other} = off"))
        db.session.execute(text("DROP INDEX ix_letter_enterprise"))
    values = tuple(said.params[name] for name in said.positiontup) if said.positiontup else said.params
    plan = db.session.connection().exec_driver_sql(explain + str(said), values).all()
    db.session.rollback()
    assert any(index in str(row) for row in plan), plan
