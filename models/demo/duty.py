"""The shared phone of the main gate (值守手机): paired weeks ago, handed over twice since yesterday morning.

Nobody has the token of its cookie: to try a phone out, one pairs another. The guards' PIN is known, like their password.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from models.access import Post
from models.base import local
from models.demo.town import MAIN_GATE, Town
from models.devices import DeviceKind, GateDevice, Shift
from models.passwords import hash_password

PIN = "270418"
TURN = timedelta(hours=12)
TURNS = (  # guard and what was handed over: pending, inside, broken, note
    ("menwei1", 1, 36, "1号体温枪电池松动", "311号说下午再来复测，让他到岗亭旁边等。西门货运口20:00后锁门。"),
    ("menwei2", 0, 9, "", "夜里没有异常。体温枪换了新电池。"),
)


def take_turns(session: Session, town: Town, now: datetime) -> None:
    """A day turn and a night turn, both over."""
    place, name = MAIN_GATE
    gate = next(g for g in town.places[place].gates if g.name == name)
    specialist = town.in_post(Post.SPECIALIST, town.places[place])[0].account
    midnight = local(now).replace(hour=0, minute=0, second=0, microsecond=0)
    handed = midnight + timedelta(hours=8)  # when the night turn ended: the last eight o'clock that is over
    handed -= timedelta(days=0 if handed < now else 1)
    paired = handed - timedelta(days=20)
    device, _code = GateDevice.make(
        gate, DeviceKind.PHONE, "东门值守手机", now=paired - timedelta(minutes=8), by_id=specialist.id
    )
    device.pair(now=paired)
    session.add(device)
    begins = handed - len(TURNS) * TURN
    before: Shift | None = None
    for username, pending, inside, broken, note in TURNS:
        turn = Shift(device=device, account=town.accounts[username], starts_at=begins)
        session.add(turn)
        if before is not None:
            before.confirm_read(now=begins + timedelta(minutes=2), by_id=turn.account.id)
        begins += TURN
        turn.hand_over(pending=pending, inside=inside, broken=broken, note=note, now=begins)
        before = turn
    session.flush()


def choose_pins(town: Town) -> None:
    digest = hash_password(PIN)
    for account in town.accounts.values():
        if any(a.post == Post.GATE_GUARD for a in account.appointments):
            account.set_pin(digest)
