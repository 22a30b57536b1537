"""What an operator types (命令): flask init, migrate, audit, accounts, policy, demo, tick, work, letters, purge, backup, restore."""

from __future__ import annotations

import click
from flask import Flask
from flask.cli import AppGroup

from blueprints.web.account_commands import accounts, init
from blueprints.web.backup_commands import backup_command, restore_command
from blueprints.web.demo_commands import demo_command
from blueprints.web.keeping_commands import letters_command, purge_command, tick_command, work_command
from blueprints.web.policy_commands import policy as policy_commands
from models import audit, schema
from models.base import db

migrate = AppGroup("migrate", help="数据库结构：升级、回退、核对。")
audit_group = AppGroup("audit", help="审计记录。")


def init_app(app: Flask) -> None:
    groups = (migrate, audit_group, accounts, policy_commands)
    timed = (tick_command, work_command, letters_command, purge_command)
    for group in (init, *groups, demo_command, *timed, backup_command, restore_command):
        app.cli.add_command(group)


@migrate.command("up")
def up() -> None:
    """升级到最新结构。"""
    schema.upgrade(db.engine)
    click.echo("数据库结构已是最新。")


@migrate.command("down")
@click.argument("revision")
def down(revision: str) -> None:
    """回退到某一版；base是空库。"""
    schema.downgrade(db.engine, revision)
    click.echo(f"数据库结构已回退到{revision}。")


@migrate.command("check")
def check() -> None:
    """核对数据库结构与程序是否一致。"""
    differences = schema.differences(db.engine)
    for difference in differences:
        click.echo(str(difference))
    if differences:
        raise SystemExit(1)
    click.echo("一致。")


@migrate.command("new")
@click.argument("name")
def new(name: str) -> None:
    """按程序的变化写一份新的迁移（开发用）。"""
    click.echo(schema.write_migration(db.engine, name))


@audit_group.command("verify")
def verify() -> None:
    """核对审计链：每一行都由上一行算出，没有缺行。"""
    broken = list(audit.broken_links(db.session()))
    for number in broken:
        click.echo(f"第{number}行对不上：它或上一行被改过，或中间缺行。")
    if broken:
        raise SystemExit(1)
    click.echo("审计链完整。")
