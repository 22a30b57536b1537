"""How a new installation gets its first people (首批账号): nobody can be invited before somebody is there."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta

import click
from flask.cli import AppGroup, with_appcontext
from sqlalchemy import select

from blueprints.web.site import site
from models import audit, passwords, schema
from models.access import Post
from models.accounts import Account, Appointment
from models.base import RuleBroken, db, local
from models.places import District

accounts = AppGroup("accounts", help="账号：又一个区的首批管理员，区的公示信息。")

FIRST = (Post.SYSTEM_ADMIN, Post.SECURITY_ADMIN, Post.AUDIT_ADMIN)
TERM = timedelta(days=365)
SLUG = r"[a-z][a-z0-9-]{1,31}"

Three = tuple[str, str, str]


def _first_people(command: Callable) -> Callable:
    """The options of a command that opens a district."""
    for option in (
        click.option("--names", nargs=3, required=True, help="这三个人的姓名，顺序相同。"),
        click.option(
            "--usernames", nargs=3, required=True, help="系统、安全、审计管理员的账号，各由一个人用。"
        ),
        click.option("--hotline", required=True, help="健康热线，也是访客问个人信息的电话。"),
        click.option("--organiser", required=True, help="主办单位，写在每张访客页上。"),
    ):
        command = option(command)
    return command


@click.command("init")
@click.option("--slug", required=True, help="区的英文代号，用在网址里，例如yunxi。")
@click.option("--name", required=True, help="区的名称。")
@_first_people
@with_appcontext
def init(slug: str, name: str, organiser: str, hotline: str, usernames: Three, names: Three) -> None:
    """新装的系统：建库结构，开设第一个区和它的三位管理员，打印各自的初始密码（只显示这一次）。

    已经有账号的库里什么都不做。
    """
    schema.upgrade(db.engine)
    if db.session.scalar(select(Account.id).limit(1)) is not None:
        raise click.ClickException("这个库里已经有账号，没有改动。再开一个区，用flask accounts begin。")
    _begin(slug, name, organiser, hotline, usernames, names)


@accounts.command("begin")
@click.argument("slug")
@click.argument("name")
@_first_people
def begin(slug: str, name: str, organiser: str, hotline: str, usernames: Three, names: Three) -> None:
    """再开设一个区和它的三位管理员，打印各自的初始密码（只显示这一次）。"""
    _begin(slug, name, organiser, hotline, usernames, names)


@accounts.command("facts")
@click.argument("slug")
@click.option("--organiser", help="主办单位。")
@click.option("--hotline", help="健康热线。")
@click.option("--contact", help="个人信息联系人。")
def facts(slug: str, **given: str | None) -> None:
    """补写一个区的公示信息：缺了它，正式环境不启动，也就没有页面可填。"""
    district = db.session.scalar(select(District).where(District.slug == slug))
    if district is None:
        raise click.ClickException(f"没有{slug}这个区。")
    for name, text in given.items():
        if text is not None and text.strip():
            setattr(district, name, text.strip())
    audit.append(
        db.session(), now=site.now(), action="district:facts", result=audit.Result.DONE, district_id=district.id,
        account_name="命令行", details={"changes": audit.changes(district)},
    )  # fmt: skip
    db.session.commit()
    click.echo(
        f"{district.name}：主办单位{district.organiser}，热线{district.hotline or '无'}，联系人{district.contact or '无'}。"
    )


def _begin(slug: str, name: str, organiser: str, hotline: str, usernames: Three, names: Three) -> None:
    initial = [passwords.initial_password() for _ in FIRST]
    hashes = [passwords.hash_password(one) for one in initial]
    try:
        district = _district(slug.strip(), name.strip(), organiser.strip(), hotline.strip())
        _open(district, usernames, names, hashes)
    except RuleBroken as error:
        db.session.rollback()
        raise click.ClickException(str(error)) from None
    click.echo(f"{district.name}已经开设。下面的初始密码只能登录一次，72小时内有效，请分别交给本人：")
    for post, username, person, password in zip(FIRST, usernames, names, initial, strict=True):
        click.echo(f"  {post.label}\t{person}\t{username}\t{password}")


def _district(slug: str, name: str, organiser: str, hotline: str) -> District:
    if not re.fullmatch(SLUG, slug):
        raise RuleBroken("区的代号用2到32个小写字母、数字和横线，第一个是字母")
    if not (name and organiser and hotline):
        raise RuleBroken("区的名称、主办单位和热线都要写：它们印在每张访客页上")
    if db.session.scalar(select(District.id).where(District.slug == slug)) is not None:
        raise RuleBroken(f"已经有{slug}这个区")
    return District(slug=slug, name=name, organiser=organiser, hotline=hotline)


def _open(district: District, usernames: Three, names: Three, hashes: list[str]) -> None:
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
