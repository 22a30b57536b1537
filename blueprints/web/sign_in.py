"""Who is at the door (登录会话): a cookie that names a session on the server, and the person behind it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlsplit

from flask import Response, current_app, flash, g, request, session, url_for
from flask_login import LoginManager, current_user, login_user, logout_user
from flask_wtf import CSRFProtect
from flask_wtf.csrf import CSRFError
from sqlalchemy import select

from blueprints.web.guard import PUBLIC, commit, keep, lead_to, serving
from blueprints.web.headers import forget_what_the_browser_kept
from blueprints.web.menu import home_of
from blueprints.web.paired import carries_device
from blueprints.web.site import site
from models import passwords
from models.accounts import Account, Appointment, LoginSession
from models.audit import Result
from models.base import db, local, writing


class Tokens(CSRFProtect):
    """A form whose token does not hold any more goes on to its view, so that it comes back with what was typed: whatever asks its
    own form finds it invalid, and nothing can be kept (`guard`). Where that ends in no refusal, `errors` makes it one."""

    def protect(self, apply_exemptions: bool = False) -> None:
        try:
            super().protect(apply_exemptions)
        except CSRFError as error:
            view = current_app.view_functions.get(request.endpoint or "")
            if getattr(view, "access", PUBLIC) == PUBLIC or not current_user.is_authenticated:
                raise
            g.stale = error


csrf = Tokens()
login_manager = LoginManager()
login_manager.session_protection = None  # the session on the server decides, not the browser's name

SEEN_EVERY = timedelta(minutes=1)


class SignedIn:
    """An account as Flask-Login carries it, together with its session: `current_user` answers like the account."""

    is_authenticated = True
    is_anonymous = False
    is_active = True

    def __init__(self, account: Account, login: LoginSession, token: str) -> None:
        self.account, self.login, self._token = account, login, token

    def get_id(self) -> str:
        return self._token

    def must_first(self) -> str:
        """The page that this person has to deal with before any other: a new password, the second step; or none."""
        account, now = self.account, site.now()
        if self.login.on_shift:
            return ""  # neither can be dealt with on a shared phone, and a turn is no time for it
        if account.must_change_password or account.password_is_old(now):
            return "accounts.password"
        if account.lacks_second_factor(local(now).date(), demanded=site.settings.production):
            return "accounts.second_factor"
        return ""

    def serving(self, on: date) -> list[Appointment]:
        """The appointments that act in this session: on a shared phone not all that the person holds."""
        return self.login.serving(on)

    def __getattr__(self, name: str):
        return getattr(self.account, name)


@login_manager.user_loader
def load(token: str) -> SignedIn | None:
    """The person behind the cookie, unless the session has ended, idled out or grown too old (SEC-5)."""
    login = db.session.scalar(LoginSession.of(token))
    now = site.now()
    if login is None:
        return None
    if not login.alive(now):
        g.session_over = True
        return None
    if now - login.seen_at > SEEN_EVERY and not g.get("is_poll"):
        _keep_seen(login)
    return SignedIn(login.account, login, token)


def _keep_seen(login: LoginSession) -> None:
    """A writing request keeps it with its own change; a reading one in a short transaction of its own."""
    if writing.get():
        login.seen_at = site.now()
        return
    db.session.commit()  # ends the reading transaction: a new one begins below, with the right to write
    before = writing.set(True)
    login.seen_at = site.now()
    db.session.commit()
    writing.reset(before)


def begin_session(account: Account, *, device: str = "", on_shift: Appointment | None = None) -> LoginSession:
    """Signs in: a new session with a new cookie, whatever the browser carried before.

    `on_shift`: a guard's turn at the shared phone called `device`, in this one post.
    """
    login, token = LoginSession.start(
        account,
        now=site.now(),
        address=request.remote_addr or "",
        device=device or device_words(request.user_agent.string),
        on_shift=on_shift is not None,
    )
    login.appointment_id = _last_post(account) if on_shift is None else on_shift.id
    db.session.add(login)
    session.clear()
    login_user(SignedIn(account, login, token))
    session.permanent = False
    g.pop("serving", None)  # whoever was at the door until now
    return login


def _last_post(account: Account) -> int | None:
    """The post that the person worked as last time, while it is still theirs; else the first."""
    posts = [a.id for a in account.serving(local(site.now()).date())]
    last = db.session.scalar(
        select(LoginSession.appointment_id)
        .where(
            LoginSession.account_id == account.id,
            LoginSession.appointment_id.in_(posts),
            LoginSession.on_shift.is_(False),
        )
        .order_by(LoginSession.id.desc())
        .limit(1)
    )
    return last or (posts[0] if posts else None)


def end_session(reason: str, **details: Any) -> None:
    """Signs out, on the server first: the cookie opens nothing any more, whoever kept a copy. Commits."""
    forget_what_the_browser_kept()
    current_user.login.end(reason, now=site.now())
    commit(reason=reason, **details)
    logout_user()
    session.clear()


def unlocked(work: Callable[..., Any], *arguments: Any) -> Any:
    """Slow work (hashing) with no transaction open: on SQLite a writing one would hold up everybody else.

    Whatever the request had begun is given up, and what it had read is read again afterwards.
    """
    db.session.rollback()
    return work(*arguments)


def is_my_password(typed: str) -> bool:
    """Whether this is the password of the person at the door. A wrong one counts: a borrowed browser gets five."""
    kept = current_user.account.password_hash
    if unlocked(passwords.password_matches, kept, typed):
        return True
    account = db.session.get_one(Account, current_user.id, with_for_update=True, populate_existing=True)
    locked = account.count_failure(site.now())
    keep("own:password", Result.FAILED, reason="连续输错，锁定账号" if locked else "密码不对")
    return False


def lock_out() -> Response:
    """Five wrong ones in a row: out, and a quarter of an hour to wait."""
    end_session("密码连续输错")
    session.clear()
    flash("密码连续输错5次，账号锁15分钟，之后请重新登录。", "warn")
    return lead_to(url_for("accounts.sign_in"))


def fresh(view: Callable) -> Callable:
    """Stands below @needs or @signed_in: the password again, unless it was given within ten minutes (SEC-4)."""

    @wraps(view)
    def confirmed(**kwargs: Any) -> Any:
        if not current_user.login.is_confirmed(site.now()):
            asked = request.full_path if request.method == "GET" else urlsplit(request.referrer or "").path
            return lead_to(url_for("accounts.confirm", next=asked.rstrip("?") or None))
        return view(**kwargs)

    return confirmed


def onward(wanted: str | None) -> str:
    """Where to go after signing in: an address of this site that was asked for, else the post's home (SEC-8)."""
    if wanted and is_ours(wanted):
        return wanted
    return home_of(current_post())


def is_ours(address: str) -> bool:
    """Whether an address stays here: a path, not a host in disguise. Browsers read backslashes as slashes."""
    if (
        not address.startswith("/")
        or address.startswith("//")
        or "\\" in address
        or not address.isprintable()
    ):
        return False
    parts = urlsplit(address)
    return not parts.scheme and not parts.netloc


def current_post() -> Appointment | None:
    """The post that the person chose to work as: it decides menu, home and filters, never rights."""
    if not current_user.is_authenticated:
        return None
    posts = serving()
    chosen = current_user.login.appointment_id
    return next((a for a in posts if a.id == chosen), posts[0] if posts else None)


@login_manager.unauthorized_handler
def ask_to_sign_in() -> Response:
    """To the door, and back afterwards. A gate's phone goes to its own door, where guards take over."""
    if carries_device():
        if g.get("session_over"):
            flash("您的这一班已经结束。要继续值守，请重新接班。", "warn")
        return lead_to(url_for("devices.shift"))
    if g.get("session_over"):
        flash("登录已过期，请重新登录。没有保存的内容需要重填。", "warn")
    wanted = request.full_path.rstrip("?") if request.method == "GET" else None
    return lead_to(url_for("accounts.sign_in", next=None if wanted == "/" else wanted))


SYSTEMS = (("HarmonyOS", "鸿蒙"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "安卓手机"),
           ("Windows", "Windows电脑"), ("Macintosh", "苹果电脑"), ("Linux", "Linux电脑"))  # fmt: skip
BROWSERS = (("MicroMessenger", "微信"), ("DingTalk", "钉钉"), ("Edg/", "Edge"), ("Chrome/", "Chrome"),
            ("Firefox/", "Firefox"), ("Safari/", "Safari"))  # fmt: skip


def device_words(agent: str) -> str:
    """A browser's own name in words that its owner recognises."""
    system = next((words for sign, words in SYSTEMS if sign in agent), "其他设备")
    browser = next((words for sign, words in BROWSERS if sign in agent), "其他浏览器")
    return f"{system}，{browser}"
