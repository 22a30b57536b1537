"""How a new installation gets its first people (首批账号): nobody can be invited before somebody is there."""

from __future__ import annotations

from datetime import timedelta

import click
from flask.cli import AppGroup
from sqlalchemy import select

from blueprints.web.site import site
from models import audit, passwords
from models.access import Post
from models.accounts import Account, Appointment
from models.base import RuleBroken, db, local
from models.places import District

accounts = AppGroup("accounts", help="账号：新区的首批管理员。")

FIRST = (Post.SYSTEM_ADMIN, Post.SECURITY_ADMIN, Post.AUDIT_ADMIN)
TERM = timedelta(days=365)


@accounts.command("begin")
@click.argument("slug")
@click.argument("name")
@click.option("--organiser", required=True, help="主办单位，写在每张访客页上。")
@click.option("--usernames", nargs=3, required=True, help="系统、安全、审计管理员的账号，各由一个人用。")
@click.option("--names", nargs=3, required=True, help="这三个人的姓名，顺序相同。")
def begin(
    slug: str, name: str, organiser: str, usernames: tuple[str, str, str], names: tuple[str, str, str]
) -> None:
    """开设一个区和它的三位管理员，打印各自的初始密码（只显示这一次）。"""
    if db.session.scalar(select(District).where(District.slug == slug)):
        raise click.ClickException(f"已经有{slug}这个区。")
    initial = [passwords.initial_password() for _ in FIRST]
    hashes = [passwords.hash_password(one) for one in initial]
    try:
        _open(District(slug=slug, name=name, organiser=organiser), usernames, names, hashes)
    except RuleBroken as error:
        db.session.rollback()
        raise click.ClickException(str(error)) from None
    click.echo(f"{name}已经开设。下面的初始密码只能登录一次，72小时内有效，请分别交给本人：")
    for post, username, person, password in zip(FIRST, usernames, names, initial, strict=True):
        click.echo(f"  {post.label}\t{person}\t{username}\t{password}")


def _open(
    district: District, usernames: tuple[str, str, str], names: tuple[str, str, str], hashes: list[str]
) -> None:
    now = site.now()
    today = local(now).date()
    db.session.add(district)
    db.session.flush()
    for post, username, person, password_hash in zip(FIRST, usernames, names, hashes, strict=True):
        account = Account(district_id=district.id, created_at=now)
        account.choose_username(username)
        if db.session.scalar(select(Account.id).where(Account.username == account.username)):
            raise RuleBroken(f"账号“{account.username}”已经有人用，请换一个")
        account.rename(person)
        account.hand_out_password(password_hash, now=now)
        db.session.add(account)
        db.session.flush()
        Appointment.appoint(
            account, post, district.id, starts_on=today, ends_on=today + TERM, now=now, by_id=None
        )
    db.session.flush()
    audit.append(
        db.session(), now=now, action="account:begin", result=audit.Result.DONE, district_id=district.id,
        account_name="命令行", details={"name": district.name, "usernames": list(usernames)},
    )  # fmt: skip
    db.session.commit()
