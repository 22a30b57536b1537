"""Backups (备份与恢复): one file with the whole database and a manifest of what must come out of it again.

The file is a zip of two: `manifest.json` and `database`. Keys are not in it: sealed fields stay sealed, and whoever restores
needs the installation's SITE_DATA_KEYS as well.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.orm import Session

from . import audit, dumps, schema
from .base import RuleBroken, reading

FORMAT = 1
NAME = re.compile(r"site-[0-9]{8}T[0-9]{6}Z\.zip")
SEEDED = frozenset({"alembic_version", "version"})  # what a migrated database has rows in before anybody came
PIECE = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup holds. `audit_head` is the last line's number and the beginning of its hash."""

    format: int
    kind: str  # sqlite | postgresql
    taken_at: str
    revision: str
    sha256: str
    size: int
    rows: dict[str, int]
    audit_head: tuple[int, str]

    @classmethod
    def read(cls, written: bytes) -> Manifest:
        facts = json.loads(written)
        if facts["format"] != FORMAT:
            raise RuleBroken(f"这份备份的格式是{facts['format']}，本程序认得{FORMAT}：请用做备份时的程序版本")
        return cls(**{**facts, "audit_head": tuple(facts["audit_head"])})


# --- taking one


def take(engine: Engine, folder: Path, *, now: datetime) -> tuple[Path, Manifest]:
    """Writes a backup into `folder` while the site is at work. It appears there whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    file = folder / f"site-{now.astimezone(UTC):%Y%m%dT%H%M%SZ}.zip"
    with tempfile.TemporaryDirectory(prefix=".taking-", dir=folder) as taking:  # for its owner alone
        database, partial = Path(taking, "database"), Path(taking, "zip")
        with dumps.dump(engine, database) as connection:
            rows, revision, head = _contents(connection)
        if revision is None:
            raise RuleBroken("数据库里还没有库结构，没有可备份的：先用flask init或flask migrate up")
        with _private(partial) as out:
            sha256, size = _pack(out, database, engine.dialect.name)
            manifest = Manifest(
                format=FORMAT, kind=engine.dialect.name, taken_at=now.isoformat(), revision=revision,
                sha256=sha256, size=size, rows=rows, audit_head=head,
            )  # fmt: skip
            with zipfile.ZipFile(out, "a") as archive:
                archive.writestr("manifest.json", json.dumps(asdict(manifest), ensure_ascii=False, indent=1))
            out.flush()
            os.fsync(out.fileno())
        partial.replace(file)
    _keep_folder(folder)
    return file, manifest


def drop_old(folder: Path, *, keep: int) -> list[Path]:
    """Removes all but the newest `keep` backups; other files are let alone."""
    old = backups_in(folder)[keep:]
    for file in old:
        file.unlink()
    return old


def backups_in(folder: Path) -> list[Path]:
    """The newest first: their names say when they were taken."""
    return sorted((f for f in folder.iterdir() if NAME.fullmatch(f.name)), reverse=True)


def _contents(connection: Connection) -> tuple[dict[str, int], str | None, tuple[int, str]]:
    """Rows of each table, the shape, and the end of the audit, as this connection sees them."""
    rows = _rows(connection)
    head = audit.head(Session(connection)) if audit.AuditLine.__tablename__ in rows else (0, "")
    return rows, schema.revision(connection), head


def _rows(connection: Connection) -> dict[str, int]:
    quote = connection.dialect.identifier_preparer.quote
    return {
        table: connection.scalar(text(f"SELECT count(*) FROM {quote(table)}")) or 0
        for table in sorted(inspect(connection).get_table_names())
    }


def _private(file: Path) -> IO[bytes]:
    return os.fdopen(os.open(file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b")


def _pack(out: IO[bytes], database: Path, kind: str) -> tuple[str, int]:
    """Puts the database into a new zip; its digest and size. pg_dump has compressed its own already."""
    digest, size = hashlib.sha256(), 0
    method = zipfile.ZIP_DEFLATED if kind == "sqlite" else zipfile.ZIP_STORED
    with (
        zipfile.ZipFile(out, "w", method) as archive,
        archive.open("database", "w", force_zip64=True) as member,
        database.open("rb") as source,
    ):
        while piece := source.read(PIECE):
            digest.update(piece)
            size += len(piece)
            member.write(piece)
    return digest.hexdigest(), size


def _keep_folder(folder: Path) -> None:
    """The new name survives a power cut too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


# --- bringing one back


def restore(engine: Engine, file: Path) -> Manifest:
    """Fills an empty database from a backup, in these steps. Each stops everything with a RuleBroken that says why.

    It never writes over anything: to go back to a backup, make a new database and point the site at it.
    """
    with _opened(file) as (manifest, database):
        _check_fit(manifest, engine)
        _make_way(engine)
        dumps.load(engine, database)
        _compare_rows(manifest, engine)
        schema.upgrade(engine)
        _verify_audit(manifest, engine)
    return manifest


def try_out(engine: Engine, file: Path) -> Manifest:
    """Restores a backup into a database that is thrown away: the proof that it can be done."""
    with tempfile.TemporaryDirectory(prefix="restore-check-") as folder:
        kind = manifest_of(file).kind
        if kind == "postgresql" and engine.dialect.name != kind:
            raise RuleBroken("这是PostgreSQL的备份，要在使用PostgreSQL的站点上试")
        with dumps.throw_away(engine, kind, Path(folder)) as trial:
            return restore(trial, file)


def manifest_of(file: Path) -> Manifest:
    try:
        with zipfile.ZipFile(file) as archive:
            return Manifest.read(archive.read("manifest.json"))
    except (zipfile.BadZipFile, KeyError, TypeError, ValueError, OSError) as error:
        raise RuleBroken(f"{file.name}不是完整的备份文件（{type(error).__name__}）") from None


@contextmanager
def _opened(file: Path) -> Iterator[tuple[Manifest, Path]]:
    """The manifest and the unpacked database, once its digest is what the manifest says."""
    manifest = manifest_of(file)
    with tempfile.TemporaryDirectory(prefix="restore-") as folder:
        database = Path(folder, "database")
        try:
            digest = _unpack(file, database)
        except (zipfile.BadZipFile, KeyError, EOFError) as error:
            raise RuleBroken(f"{file.name}已经损坏（{type(error).__name__}），换一份备份") from None
        if digest != manifest.sha256:
            raise RuleBroken(f"{file.name}的内容与清单的摘要不符，已经损坏或被改过，换一份备份")
        yield manifest, database


def _unpack(file: Path, database: Path) -> str:
    digest = hashlib.sha256()
    with zipfile.ZipFile(file) as archive, archive.open("database") as member, _private(database) as target:
        while piece := member.read(PIECE):
            digest.update(piece)
            target.write(piece)
    return digest.hexdigest()


def _check_fit(manifest: Manifest, engine: Engine) -> None:
    if manifest.kind != engine.dialect.name:
        raise RuleBroken(f"这是{manifest.kind}的备份，不能装进{engine.dialect.name}")
    if not schema.knows(manifest.revision):
        raise RuleBroken(f"备份的库结构{manifest.revision}比本程序新：请先升级程序")


def _make_way(engine: Engine) -> None:
    """Takes the empty tables of a migrated database away; refuses where there is one row of anybody's."""
    with reading(), engine.connect() as connection:
        full = [table for table, rows in _rows(connection).items() if rows and table not in SEEDED]
        revision = schema.revision(connection)
    if full:
        raise RuleBroken(
            f"数据库不是空的（{full[0]}里有数据），没有改动。请新建一个空库，把SITE_DATABASE_URL指向它再恢复"
        )
    if revision is not None:
        if not schema.knows(revision):
            raise RuleBroken("数据库的库结构比本程序新：请新建一个空库")
        schema.downgrade(engine, "base")
    with engine.begin() as connection:
        connection.execute(text("DROP TABLE IF EXISTS alembic_version"))


def _compare_rows(manifest: Manifest, engine: Engine) -> None:
    with reading(), engine.connect() as connection:
        found, revision = _rows(connection), schema.revision(connection)
    wrong = sorted(t for t in found.keys() | manifest.rows.keys() if found.get(t) != manifest.rows.get(t))
    if wrong or revision != manifest.revision:
        raise RuleBroken(f"装入后与清单不符：{'、'.join(wrong) or '库结构'}。不要启用这个库")


def _verify_audit(manifest: Manifest, engine: Engine) -> None:
    with reading(), Session(engine) as session:
        broken = next(audit.broken_links(session), None)
        head = audit.head(session)
    if broken is not None:
        raise RuleBroken(f"审计链在第{broken}行对不上。不要启用这个库，请审计管理员核对")
    if head != manifest.audit_head:
        raise RuleBroken("审计链的末行与清单不符。不要启用这个库，请审计管理员核对")
