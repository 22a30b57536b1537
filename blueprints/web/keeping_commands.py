"""`flask tick`, `flask purge`, `flask work`, `flask letters`: the timed work, the destroying of what is due and the drawing of letters,
by hand or by a timer."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import click
from flask import current_app
from flask.cli import with_appcontext
from sqlalchemy import select

from blueprints.web import jobs
from blueprints.web.site import site
from models import destruction
from models.base import db, local, reading
from models.places import District
from models.policy.workdays import HOLIDAYS
from models.timed import Outcome, alone

LOWEST = 19  # of a process's claim to the processor: visitors come first


@click.command("tick")
@with_appcontext
def tick_command() -> None:
    """做到时间该做的事；每分钟运行一次，几台机器同时运行也只做一遍。"""
    labels = {task.name: task.label for task in jobs.TASKS}
    outcomes = jobs.tick()
    for name, outcome in outcomes.items():
        click.echo(f"{labels[name]}：{outcome.label}")
    if (year := site.book.days.lacks(local(site.now()).date())) is not None:
        click.echo(
            f"还没有{year}年的节假日和调休，截止时刻先按周一到周五上班算；请在SITE_POLICY_DIR里的{HOLIDAYS}写上这一年",
            err=True,
        )
    if Outcome.FAILED in outcomes.values():
        raise click.ClickException("有没做成的，15分钟内自动再做；原因见“保存与销毁”页面或日志")


@click.command("work")
@with_appcontext
def work_command() -> None:
    """在后台一直运行，每分钟做一遍到时间该做的事；Ctrl-C停止。"""
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    jobs.consumer_of(app).run()


@click.command("letters")
@with_appcontext
def letters_command() -> None:
    """画好、签章、归档双方都签了的责任书；让着网站，可以同时运行几个，各用一个处理器核。"""
    with suppress(PermissionError):  # its unit, which may set no priority, was given this one
        os.nice(LOWEST)
    click.echo(f"归档了{jobs.finish_letters(jobs.tick_now())}份责任书。")


@click.command("purge")
@click.option("--dry-run", is_flag=True, help="只说会销毁多少，不销毁。")
@click.option("--replay", is_flag=True, help="恢复备份以后用：按销毁日志，把已经销毁过的再销毁一次。")
@click.option("--log", "logs", multiple=True, type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="其他机器的销毁日志，可以写几个；不写就用本机的。")  # fmt: skip
@with_appcontext
def purge_command(dry_run: bool, replay: bool, logs: tuple[Path, ...]) -> None:
    """销毁过了保存期限的登记和员工健康信息；日合计保留。"""
    if dry_run and replay:
        raise click.UsageError("--dry-run和--replay不能一起用")
    if dry_run:
        _say_what_is_due()
        return
    tick = jobs.tick_now()
    with alone(db.engine, "purge") as mine:
        if not mine:
            raise click.ClickException("另一个销毁正在进行，没有重复做")
        again = logs or (tick.instance / destruction.LOG_NAME,)
        found = destruction.replay(tick, again) if replay else destruction.purge(tick)
    names = _districts()
    for one in found:
        what, unit = destruction.KINDS[one.kind]
        days = f"{one.first}至{one.last}"
        click.echo(f"{names[one.district_id]}：销毁{what}{one.number}{unit}，{days}，记录第{one.record_id}号")
    if not found:
        click.echo("没有要销毁的。")


def _say_what_is_due() -> None:
    tick, names = jobs.tick_now(), _districts()
    with tick.looking() as session:
        for plan in destruction.plans_of(session, tick):
            number, first, last = destruction.due(session, plan)
            held = f"，暂缓{len(plan.kept)}段" if plan.kept else ""
            days = f"，{first}至{last}" if number else ""
            click.echo(f"{names[plan.district_id]}：会销毁登记{number}条{days}{held}（{plan.rule}）")
            due = destruction.all_due(session, plan)
            due.pop(destruction.CHECK_INS, None)
            if due:
                said = "、".join(
                    f"{what}{due[kind]}{unit}"
                    for kind, (what, unit) in destruction.KINDS.items()
                    if kind in due
                )
                click.echo(f"{names[plan.district_id]}：会销毁{said}")


def _districts() -> dict[int, str]:
    with reading():
        return dict(db.session.execute(select(District.id, District.name)).all())
