"""`flask backup` and `flask restore` (备份、恢复): taken at work, tried out, and brought back into an empty database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from flask import current_app
from flask.cli import with_appcontext

from blueprints.web import jobs
from blueprints.web.site import site
from models import audit, backup, destruction, timed
from models.base import RuleBroken, db

KEEP = 14


@click.command("backup")
@click.argument("folder", required=False, type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--keep", type=click.IntRange(1, 1000), default=KEEP, show_default=True, help="留最新的几份，更早的删除。"
)
@click.option(
    "--check", "tried", type=click.Path(exists=True, path_type=Path),
    help="不做备份，把这一份（或这个文件夹里最新的一份）恢复到用完即弃的库里试一遍。",
)  # fmt: skip
@with_appcontext
def backup_command(folder: Path | None, keep: int, tried: Path | None) -> None:
    """不停机备份整个数据库到文件夹里（默认instance/backups），或用--check试一份备份能不能恢复。"""
    try:
        if tried is not None:
            _try(tried)
        else:
            _take(folder or Path(current_app.instance_path) / "backups", keep)
    except RuleBroken as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"写不成备份：{error.strerror}") from None


def _take(folder: Path, keep: int) -> None:
    file, manifest = backup.take(db.engine, folder, now=site.now())
    dropped = backup.drop_old(folder, keep=keep)
    _log("backup:take", sha256=manifest.sha256, count=sum(manifest.rows.values()), dropped=len(dropped))
    click.echo(f"已备份：{file}（{_size(file)}，{_facts(manifest)}），删除旧的{len(dropped)}份。")
    click.echo("备份里没有密钥：SITE_DATA_KEYS要另外保管，没有它，恢复出来的手机号读不出。")


def _try(tried: Path) -> None:
    if tried.is_dir():
        newest = backup.backups_in(tried)[:1]
        if not newest:
            raise click.ClickException("这个文件夹里没有备份")
        tried = newest[0]
    manifest = backup.try_out(db.engine, tried)
    click.echo(f"{tried.name}能恢复：{_facts(manifest)}，审计链完整。")


@click.command("restore")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@with_appcontext
def restore_command(file: Path) -> None:
    """把一份备份装进空的数据库。库里有任何数据就拒绝；恢复后核对行数和审计链。"""
    try:
        manifest = backup.restore(db.engine, file)
    except RuleBroken as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"没有恢复：{error.strerror}") from None
    click.echo(f"已恢复{manifest.taken_at}的备份：{_facts(manifest)}，审计链完整。")
    tick = jobs.tick_now()
    with timed.alone(db.engine, "purge"):
        again = destruction.replay(tick, [tick.instance / destruction.LOG_NAME])
    _log(
        "backup:restore",
        sha256=manifest.sha256,
        count=sum(manifest.rows.values()),
        taken_at=manifest.taken_at,
    )
    click.echo(
        f"备份以后销毁过的，又销毁了{sum(one.number for one in again)}条。其他机器有销毁日志的，再运行flask purge --replay --log"
    )


def _log(action: str, **details: Any) -> None:
    audit.append(
        db.session(),
        now=site.now(),
        action=action,
        result=audit.Result.DONE,
        account_name="命令行",
        details=details,
    )
    db.session.commit()


def _facts(manifest: backup.Manifest) -> str:
    return f"{sum(manifest.rows.values())}行，库结构{manifest.revision}，审计到第{manifest.audit_head[0]}行"


def _size(file: Path) -> str:
    return f"{file.stat().st_size / 1024 / 1024:.1f}MB"
