"""Who sits where, and until when: a move that is fixed takes effect at its instant and not before."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from models import spellings
from models.access import Post, reach
from models.accounts import Appointment
from models.base import db
from models.enterprises import Enterprise, Premises
from models.gateview import GateView, view_of
from models.office import effect_of
from tests import make
from tests.conftest import NOW
from tests.reader import read

LATER = NOW + timedelta(hours=4, minutes=19)  # 14:00


@pytest.fixture
def moving(town):
    """The tenant of the park moves into the other building at LATER."""
    db.session.scalar(select(Premises)).until_at = LATER
    make.save(Premises(enterprise_id=town.tenant.id, place_id=town.other.id, room="2层", from_at=LATER))
    return town


def sitting(town, at):
    held = db.session.scalars(select(Premises.place_id).where(Premises.holding(at))).all()
    return [town.park.id in held, town.other.id in held]


@pytest.mark.parametrize(
    ("at", "sits"),
    [(NOW - timedelta(1), [False, False]), (NOW, [True, False]), (LATER, [False, True])],
)
def test_a_tenant_stays_until_the_instant_of_its_move(moving, at, sits):
    assert sitting(moving, at) == sits


def test_visitors_may_name_it_until_then_and_the_specialist_may_map_spellings_to_it(moving, app):
    book = app.extensions["site"].book
    for at, names in ((NOW, ("青禾生物",)), (LATER, ())):
        view = view_of(db.session(), book, moving.gate, at)
        assert isinstance(view, GateView) and view.tenant_names == names
        assert [e.short_name for e in spellings.tenants(db.session(), moving.park, at)] == list(names)
        assert effect_of(db.session(), "place", moving.park.id, at).enterprises == len(names)


def test_the_reach_of_a_place_follows_the_move(moving):
    held = [Appointment(post=Post.SPECIALIST, scope="place", scope_id=moving.park.id)]
    for at, reached in ((NOW, 1), (LATER, 0)):
        condition = reach(held, "place:watch", Enterprise, at)
        assert len(db.session.scalars(select(Enterprise).where(condition)).all()) == reached


def test_the_enterprises_own_page_names_where_it_sits_now(moving, client, at):
    manager = moving.officer(Post.HEALTH_MANAGER)
    for instant, here, there in ((NOW, True, False), (LATER, False, True)):
        at(instant)
        make.sign_in(client, manager)
        page = read(client.get(f"/enterprises/{moving.tenant.id}").data).text
        assert ["3号楼5层" in page, "2层" in page] == [here, there]
