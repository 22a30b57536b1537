"""A backup holds all that was there, comes back whole or not at all, and never over anything."""

from __future__ import annotations

import contextvars
import json
import shutil
import subprocess
import threading
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, func, insert, inspect, select, text
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

from blueprints.gate import nonce
from models import audit, backup, dumps, schema
from models.base import RuleBroken, db, reading
from models.gate import CheckIn
from models.places import District
from tests import postgres
from tests.blueprints.test_gate_form import submit
from tests.conftest import NOW, _empty


@pytest.fixture
def elsewhere(database, tmp_path):
    """Another database of the same kind, quite empty."""
    if database.startswith("sqlite"):
        engine = create_engine(f"sqlite:///{tmp_path / 'elsewhere.db'}", poolclass=NullPool)
        yield engine
        engine.dispose()
        return
    with postgres.database(database) as url:
        engine = create_engine(url, poolclass=NullPool)
        yield engine
        engine.dispose()


@pytest.fixture
def in_use(client, town):
    """A town with two check-ins and two audit lines."""
    submit(client, town.gate.code.code)
    client.delete_cookie("device")
    submit(client, town.gate.code.code, name="李四", mobile="13900139000", temperature="37.6")
    for action in ("demo:load", "account:begin"):
        audit.append(db.session(), now=NOW, action=action, result=audit.Result.DONE)
    db.session.commit()
    return town


@pytest.fixture
def taken(in_use, tmp_path) -> Path:
    file, _ = backup.take(db.engine, tmp_path / "kept", now=NOW)
    return file


def rows(engine, model) -> int:
    with reading(), Session(engine) as session:
        return session.scalar(select(func.count()).select_from(model))


def refusal(work: Callable[[], object]) -> str:
    with pytest.raises(RuleBroken) as refused:
        work()
    return str(refused.value)


def altered(file: Path, change: Callable[[dict], None], **members: bytes) -> Path:
    """A copy of a backup with another manifest, or another database."""
    copy = file.with_name(f"copy-{file.name}")
    with zipfile.ZipFile(file) as old, zipfile.ZipFile(copy, "w") as new:
        manifest = json.loads(old.read("manifest.json"))
        change(manifest)
        new.writestr("database", members.get("database", old.read("database")))
        new.writestr("manifest.json", json.dumps(manifest))
    return copy


# --- there and back


def test_everything_comes_back_into_an_empty_database(taken, elsewhere, app):
    manifest = backup.restore(elsewhere, taken)
    assert manifest.rows["check_in"] == rows(elsewhere, CheckIn) == 2
    assert schema.differences(elsewhere) == []
    with reading(), Session(elsewhere) as session:
        vault, sealed = (
            app.extensions["site"].vault,
            session.scalars(select(CheckIn.mobile).order_by(CheckIn.id)),
        )
        assert [vault.unseal(one, CheckIn.MOBILE) for one in sealed] == ["13800138000", "13900139000"]
        assert list(audit.broken_links(session)) == []
        assert audit.head(session) == manifest.audit_head == audit.head(db.session())


def test_what_comes_back_works_on(taken, elsewhere):
    """Numbers go on where they stopped, and the audit is as closed as it was."""
    backup.restore(elsewhere, taken)
    with Session(elsewhere) as session:
        session.add(District(slug="next", name="下一个", organiser="专班"))
        audit.append(session, now=NOW, action="demo:load", result=audit.Result.DONE)
        session.commit()
        assert list(audit.broken_links(session)) == []
        with pytest.raises(Exception, match=r"(?i)audit"):
            session.execute(text("DELETE FROM audit_line"))


def test_a_migrated_database_that_nobody_has_used_counts_as_empty(taken, elsewhere):
    schema.upgrade(elsewhere)
    backup.restore(elsewhere, taken)
    assert rows(elsewhere, CheckIn) == 2


def test_nothing_is_restored_over_what_is_there(taken, elsewhere):
    schema.upgrade(elsewhere)
    with Session(elsewhere) as session:
        session.add(District(slug="here", name="已有的区", organiser="专班"))
        session.commit()
    assert "不是空的" in refusal(lambda: backup.restore(elsewhere, taken))
    assert rows(elsewhere, District) == 1 and rows(elsewhere, CheckIn) == 0
    with elsewhere.connect() as connection:
        assert schema.revision(connection) == schema.newest()


def test_a_backup_taken_in_the_middle_of_a_crowd_is_one_moment(app, database, in_use, tmp_path, elsewhere):
    """Every row in it was answered or on its way, the count in the manifest is what comes out, and nobody was turned away."""
    code, gate_id, site = in_use.gate.code.code, in_use.gate.id, app.extensions["site"]
    mode = site.gates.view(code, NOW).mode
    answered: list[int] = []
    go_on = threading.Event()
    go_on.set()

    def visitors(number: int) -> None:
        for seen in range(200):
            if not go_on.is_set():
                return
            data = {"name": "王五", "mobile": f"137{number:02}{seen:06}", "temperature": "36.5", "mask": "yes",
                    "nonce": nonce.issue(site.vault, gate_id, mode, NOW)}  # fmt: skip
            answered.append(app.test_client().post(f"/g/{code}", data=data).status_code)

    crowd = [
        threading.Thread(target=lambda n=n: contextvars.Context().run(visitors, n), daemon=True)
        for n in range(3)
    ]
    for one in crowd:
        one.start()
    while len(answered) < 10:
        crowd[0].join(0.01)
    before = len(answered)
    file, manifest = backup.take(db.engine, tmp_path / "kept", now=NOW)
    after = len(answered)
    go_on.clear()
    for one in crowd:
        one.join()
    assert set(answered) == {303}
    assert before + 2 <= manifest.rows["check_in"] <= after + 2 + len(crowd)
    assert backup.restore(elsewhere, file).rows["check_in"] == rows(elsewhere, CheckIn)


def test_a_trial_proves_a_backup_and_leaves_nothing(taken, database):
    backup.try_out(db.engine, taken)
    assert rows(db.engine, CheckIn) == 2
    if database.startswith("postgresql"):
        names = db.session.scalars(text("SELECT datname FROM pg_database")).all()
        assert not [name for name in names if name.startswith("restore_check")]


# --- what is refused


@pytest.fixture
def untouched(elsewhere):
    """After a refusal there is still not one table."""
    yield elsewhere
    assert inspect(elsewhere).get_table_names() == []


def test_a_changed_byte_is_noticed(taken, untouched):
    with zipfile.ZipFile(taken) as archive:
        changed = bytearray(archive.read("database"))
    changed[len(changed) // 2] ^= 1
    copy = altered(taken, lambda manifest: None, database=bytes(changed))
    assert "摘要" in refusal(lambda: backup.restore(untouched, copy))


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_file_that_was_cut_off_is_refused(taken, untouched, share):
    whole = taken.read_bytes()
    cut = taken.with_name("cut.zip")
    cut.write_bytes(whole[: int(len(whole) * share)])
    assert "不是完整的备份" in refusal(lambda: backup.restore(untouched, cut))


@pytest.mark.parametrize(
    ("facts", "words"),
    [({"revision": "9999"}, "先升级程序"), ({"format": 2}, "格式"), ({"kind": "oracle"}, "不能装进")],
)
def test_what_this_program_cannot_read_is_refused(taken, untouched, facts, words):
    copy = altered(taken, lambda manifest: manifest.update(facts))
    assert words in refusal(lambda: backup.restore(untouched, copy))


def test_fewer_rows_than_the_manifest_says_are_noticed(taken, elsewhere):
    copy = altered(taken, lambda manifest: manifest["rows"].update(check_in=3))
    assert "check_in" in refusal(lambda: backup.restore(elsewhere, copy))


def test_an_audit_chain_that_does_not_hold_is_noticed(in_use, tmp_path, elsewhere):
    forged = {"id": 3, "at": NOW, "action": "demo:load", "result": audit.Result.DONE, "hash": b"x" * 32}
    db.session.execute(insert(audit.AuditLine).values(forged))
    db.session.commit()
    file, _ = backup.take(db.engine, tmp_path / "kept", now=NOW)
    assert "第3行" in refusal(lambda: backup.restore(elsewhere, file))


def test_an_audit_chain_whose_end_was_cut_off_is_noticed(taken, elsewhere):
    copy = altered(taken, lambda manifest: manifest.update(audit_head=[3, "0" * 16]))
    assert "末行" in refusal(lambda: backup.restore(elsewhere, copy))


def test_a_database_without_tables_is_not_worth_a_backup(elsewhere, tmp_path):
    assert "没有可备份" in refusal(lambda: backup.take(elsewhere, tmp_path / "kept", now=NOW))
    assert list((tmp_path / "kept").iterdir()) == []


# --- files


def test_the_file_is_for_its_owner_alone_and_its_name_is_a_time(taken):
    assert taken.name == "site-20261120T014126Z.zip"
    assert taken.stat().st_mode & 0o077 == 0
    assert [f.name for f in taken.parent.iterdir()] == [taken.name]


def test_the_manifest_names_no_person_and_no_key(taken, app):
    with zipfile.ZipFile(taken) as archive:
        written = archive.read("manifest.json").decode()
    facts = json.loads(written)
    assert set(facts) == {"format", "kind", "taken_at", "revision", "sha256", "size", "rows", "audit_head"}
    assert facts["taken_at"] == NOW.isoformat() and facts["revision"] == schema.newest()


def test_the_newest_are_kept_and_other_files_let_alone(taken):
    folder = taken.parent
    for days in range(1, 5):
        shutil.copy(taken, folder / f"site-{NOW + timedelta(days=days):%Y%m%dT%H%M%SZ}.zip")
    other = folder / "site-notes.zip"
    other.touch()
    assert len(backup.drop_old(folder, keep=2)) == 3
    assert [f.name for f in backup.backups_in(folder)] == [
        "site-20261124T014126Z.zip",
        "site-20261123T014126Z.zip",
    ]
    assert other.exists()


def test_no_list_of_processes_shows_the_password_of_the_database(monkeypatch, tmp_path):
    seen = {}

    def run(command, *, env, **_more):
        seen.update(command=" ".join(command), password=env["PGPASSWORD"])
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(dumps.subprocess, "run", run)
    engine = create_engine("postgresql+psycopg://site:it's-hidden@db1/site?sslmode=verify-full&host=db2")
    dumps.load(engine, tmp_path / "database")
    assert seen["password"] == "it's-hidden" and "hidden" not in seen["command"]
    assert "sslmode='verify-full'" in seen["command"] and "user='site'" in seen["command"]


# --- the commands


def run(app, *arguments: str):
    return app.test_cli_runner().invoke(args=list(arguments))


def test_the_commands_take_try_and_say_what_came_of_it(app, in_use, tmp_path):
    folder = str(tmp_path / "kept")
    done = run(app, "backup", folder)
    assert done.exit_code == 0 and "site-20261120T014126Z.zip" in done.output, done.output
    tried = run(app, "backup", "--check", folder)
    assert tried.exit_code == 0 and "能恢复" in tried.output, tried.output
    db.session.rollback()
    line = db.session.scalars(select(audit.AuditLine).order_by(audit.AuditLine.id.desc())).first()
    assert line.action == "backup:take" and "sha256" in line.details


def test_the_command_refuses_to_restore_over_the_site(app, taken):
    refused = run(app, "restore", str(taken))
    assert refused.exit_code == 1 and "不是空的" in refused.output
    assert rows(db.engine, CheckIn) == 2


def test_the_command_restores_and_keeps_that_it_did(app, taken, database):
    _empty(database)
    done = run(app, "restore", str(taken))
    assert done.exit_code == 0, done.output
    db.session.rollback()
    assert rows(db.engine, CheckIn) == 2
    assert db.session.scalars(select(audit.AuditLine.action)).all()[-1] == "backup:restore"


def test_a_folder_without_backups_is_said(app, tmp_path, town):
    assert "没有备份" in run(app, "backup", "--check", str(tmp_path)).output


def test_a_folder_that_cannot_be_written_is_said(app, town, tmp_path):
    (tmp_path / "file").touch()
    refused = run(app, "backup", str(tmp_path / "file" / "below"))
    assert refused.exit_code == 1 and "写不成" in refused.output
