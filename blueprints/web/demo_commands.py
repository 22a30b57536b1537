"""`flask demo`: an invented town for looking at the site (演示数据)."""

from __future__ import annotations

import json
import os
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from blueprints.web.menu import home_of
from blueprints.web.site import site
from models import demo
from models.base import RuleBroken, db

LOADED = """\
已装入演示数据：{places}个园区和楼宇，{gates}个入口，{enterprises}家企业，{accounts}个账号，{check_ins}条登记。
所有演示账号的密码都是{password}，账号和入口见flask demo --json。
门岗在值守手机上接班，PIN码都是{pin}。"""


@click.command("demo")
@click.option("--if-empty", is_flag=True, help="已有数据时不做任何事。")
@click.option("--json", "as_json", is_flag=True, help="打印账号、入口、场所；空库先装入演示数据。")
@click.option("--days", type=click.IntRange(1, 60), default=demo.DAYS, help="几天的登记，今天在内。")
@click.option("--seed", type=int, default=demo.SEED, help="同一个数、同一天，数据相同。")
@with_appcontext
def demo_command(if_empty: bool, as_json: bool, days: int, seed: int) -> None:
    """装入虚构的演示数据：两个区，几十家企业，三周的登记。"""
    if site.settings.production:
        raise click.ClickException("正式环境不能装演示数据：演示账号的密码是公开的")
    session = db.session()
    if demo.is_empty(session):
        counts = demo.load(session, site.book, site.vault, site.now(), seed=seed, days=days)
        session.commit()
        if not as_json:
            click.echo(LOADED.format(**counts, password=demo.PASSWORD, pin=demo.PIN))
    elif if_empty:
        click.echo("数据库里已经有数据，没有改动。", err=as_json)
    elif not as_json:
        raise click.ClickException("数据库里已经有数据。演示数据只装进空的数据库，没有改动。")
    if as_json:
        click.echo(json.dumps(_summary(), ensure_ascii=False, indent=1))


def _summary() -> dict[str, Any]:
    """Addresses of gates are whole, so that they can be scanned; the others are paths."""
    public_url = site.settings.public_url or f"http://127.0.0.1:{os.environ.get('PORT', '8000')}"
    with current_app.test_request_context():
        try:
            return demo.summary(db.session(), public_url, home=home_of)
        except RuleBroken as error:
            raise click.ClickException(str(error)) from error
