"""Passwords (口令) and guards' PINs: slow salted hashes, a bound on how many run at once, and what may be chosen (SEC-2).

Hashing takes its time on purpose: never call it with a transaction open (see `blueprints.web.sign_in.unlocked`).
"""

from __future__ import annotations

import itertools
import re
import secrets
import threading
import unicodedata
from collections.abc import Iterable
from datetime import timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerifyMismatchError

from .base import Labelled

# Each verification takes 64 MiB at the default cost: two at a time per process leave room for check-ins.
_slots = threading.BoundedSemaphore(2)
_hasher = PasswordHasher()


class Rule(Labelled):
    """Which rule a district's passwords follow; the security administrator chooses."""

    CLASSIFIED = "classified", "等保口径"
    LONG = "long", "长口令"


LEAST = {Rule.CLASSIFIED: 8, Rule.LONG: 15}
MOST = 256  # nobody types more; far above the 64 that must always be accepted
MAX_AGE = timedelta(days=90)  # under CLASSIFIED alone
REMEMBERED = 5  # the password in use and those before it that are not chosen again, under CLASSIFIED alone
COMMON = 3000  # how deep a word is looked for behind digits and signs
CLASSES = ("[a-z]", "[A-Z]", "[0-9]", "[^a-zA-Z0-9]")
INITIAL_SIGNS = "23456789abcdefghjkmnpqrstuvwxyz"  # no 0 o 1 l i: it is read from paper
INITIAL_GROUPS = 4
PIN_DIGITS = 6


def use_cheap_hashes() -> None:
    """For the demo and for tests only: a hash in a millisecond."""
    global _hasher
    _hasher = PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1)


def hash_password(password: str) -> str:
    with _slots:
        return _hasher.hash(password)


def password_matches(password_hash: str | None, password: str) -> bool:
    """Whether this is the password. Without a hash it takes as long and is False: an unknown name is not told apart."""
    with _slots:
        try:
            return _hasher.verify(password_hash or _decoy(), password) and password_hash is not None
        except (VerifyMismatchError, InvalidHashError):
            return False


def needs_rehash(password_hash: str) -> bool:
    return _hasher.check_needs_rehash(password_hash)


def initial_password() -> str:
    """79 bits in four groups, to be typed once from a slip and changed at once (SEC-1)."""
    groups = ("".join(secrets.choice(INITIAL_SIGNS) for _ in range(4)) for _ in range(INITIAL_GROUPS))
    return "-".join(groups)


def objection(password: str, rule: Rule, *, username: str, names: Iterable[str]) -> str:
    """Why this cannot be a new password, in one sentence that says what to change; empty if it can.

    `names`: of the district and the organisations around the person. Whether it was used before is not asked
    here: that takes hashing.
    """
    if len(password) > MOST:
        return f"密码最多{MOST}个字，现在有{len(password)}个"
    if len(password) < LEAST[rule]:
        return f"密码至少{LEAST[rule]}个字，现在有{len(password)}个"
    classes = sum(bool(re.search(kind, password)) for kind in CLASSES)
    if rule == Rule.CLASSIFIED and classes < 3:
        return f"大写字母、小写字母、数字、符号，至少要用其中3种，现在用了{classes}种"
    folded = password.casefold()
    if len(username) >= 3 and username.casefold() in folded:
        return f"密码里不能有您的账号“{username}”"
    for name in names:
        if len(name) >= 2 and name.casefold() in folded:
            return f"密码里不能有单位或地区的名称“{name}”"
    if is_common(password):
        return "这个密码太常见，很容易被猜到，请换一个"
    return ""


def is_common(password: str) -> bool:
    """Whether it is one of the 30,000 most used passwords, or a very common one dressed up with digits and signs."""
    folded = password.casefold()
    if folded in _ranks() or len(set(folded)) < 4:
        return True
    word = re.sub(r"^[^a-z]+|[^a-z]+$", "", folded).translate(_LEET)
    little_around = len(password) <= 2 * len(word)
    return len(word) >= 4 and little_around and _ranks().get(word, COMMON) < COMMON


def read_pin(typed: str) -> str:
    """A PIN as people type it: full-width digits and spaces are forgiven."""
    return re.sub(r"\s", "", unicodedata.normalize("NFKC", typed))


def pin_objection(pin: str, *, mobile: str | None = None) -> str:
    """Why these cannot be a new PIN, in one sentence that says what to change; empty if they can.

    It is typed where others look on, and a phone that is stolen allows five attempts: what comes to mind first is refused.
    """
    if not re.fullmatch("[0-9]*", pin):
        return f"PIN码只用{PIN_DIGITS}位数字，不用字母和符号"
    if len(pin) != PIN_DIGITS:
        return f"PIN码是{PIN_DIGITS}位数字，现在是{len(pin)}位"
    steps = {(int(b) - int(a)) % 10 for a, b in itertools.pairwise(pin)}
    half = PIN_DIGITS // 2
    if len(set(pin)) < 3 or len(steps) == 1:
        return "PIN码太好猜：不能只用一两个数字，也不能是连号"
    if pin[:half] in (pin[half:], pin[half:][::-1]) or pin[::2] == pin[1::2] or pin in _ranks():
        return "PIN码太好猜：不能是重复的数字组合或常见的号码"
    if mobile and mobile.endswith(pin):
        return "PIN码不能是您手机号的后6位"
    return ""


_LEET = str.maketrans("@$!013457", "asioieast")


@cache
def _ranks() -> dict[str, int]:
    """Common passwords by rank, most common first (zxcvbn's list). Loaded when the first password is chosen."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS

    return {word: rank for rank, word in enumerate(FREQUENCY_LISTS["passwords"])}


@cache
def _decoy_of(hasher: PasswordHasher) -> str:
    return hasher.hash("nobody has this password")


def _decoy() -> str:
    return _decoy_of(_hasher)
