"""What a site in service refuses to start with (正式环境), beyond the settings themselves: debugging, and rows of a demo.

Commands are not held to what the database says: they are how an operator puts it right.
"""

from __future__ import annotations

import click
from flask import Flask
from sqlalchemy import func, inspect, or_, select
from sqlalchemy.exc import OperationalError

from blueprints.web.settings import Misconfigured
from models.base import db, reading
from models.places import District


def check(app: Flask) -> None:
    """Raises Misconfigured with what is wrong and what to do. Only for production."""
    if app.debug or app.config["TESTING"]:
        raise Misconfigured("正式环境不能开调试：去掉FLASK_DEBUG和--debug")
    if not _serves():
        return
    with app.app_context(), reading():
        try:
            _check_rows()
        except OperationalError:  # its text has the address of the database
            raise Misconfigured("连不上数据库：请看SITE_DATABASE_URL和数据库是否在运行") from None
        finally:
            db.session.remove()
            db.engine.dispose()  # no connection is carried into gunicorn's children


def _check_rows() -> None:
    if not inspect(db.engine).has_table(District.__tablename__):
        return  # nothing in it yet: `flask init` comes next, and until then no page opens
    if db.session.scalar(select(District.id).where(District.is_demo).limit(1)) is not None:
        raise Misconfigured("数据库里有演示数据，演示账号的密码是公开的：换一个空的库，再用flask init")
    silent = or_(_blank(District.organiser), _blank(District.hotline) & _blank(District.contact))
    slug = db.session.scalar(select(District.slug).where(silent).limit(1))
    if slug is not None:
        raise Misconfigured(
            f"{slug}没有主办单位或联系方式：flask accounts facts {slug} --organiser 主办单位 --hotline 电话"
        )


def _blank(column):
    return func.trim(column) == ""


def _serves() -> bool:
    """Whether this process is going to answer requests: every one but a command other than `flask run`."""
    command = click.get_current_context(silent=True)
    return command is None or command.info_name == "run"
