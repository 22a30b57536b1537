"""SEC-12: one unbroken, append-only chain of audit lines."""

import threading
from datetime import timedelta

import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import DBAPIError

from models import audit
from models.audit import AuditLine, Result, append, broken_links, changes, head
from models.base import db
from tests import make
from tests.conftest import NOW


def write(count: int, **facts) -> None:
    for number in range(count):
        facts = {"action": "place:watch", "result": Result.DONE} | facts
        append(db.session(), now=NOW + timedelta(seconds=number), details={"number": number}, **facts)
    db.session.commit()


def broken(after: int = 0) -> list[int]:
    db.session.expire_all()
    return list(broken_links(db.session(), after=after))


def tamper(statement: str) -> None:
    """As somebody would who holds the database: without the triggers."""
    for trigger in _triggers(on=False):
        db.session.execute(text(trigger))
    db.session.execute(text(statement))
    db.session.commit()


def _triggers(*, on: bool) -> list[str]:
    if db.engine.dialect.name == "postgresql":
        return ["ALTER TABLE audit_line DISABLE TRIGGER audit_line_no_change"]
    return ["DROP TRIGGER audit_line_no_update", "DROP TRIGGER audit_line_no_delete"]


@pytest.fixture
def chain(app):
    write(5)
    yield
    db.session.rollback()
    if db.engine.dialect.name == "postgresql":  # SQLite's file is copied afresh for each test
        db.session.execute(text("ALTER TABLE audit_line ENABLE TRIGGER audit_line_no_change"))
        db.session.commit()


def test_an_untouched_chain_is_whole(chain):
    assert broken() == []
    assert broken(after=3) == []
    number, mark = head(db.session())
    assert number == 5
    assert mark == db.session.get(AuditLine, 5).hash.hex()[:16]


def test_an_empty_chain_is_whole(app):
    assert broken() == []
    assert head(db.session()) == (0, "")


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_line SET action = 'x'", "DELETE FROM audit_line WHERE id = 5"]
)
def test_the_database_refuses_changes_whoever_asks(chain, statement):
    with pytest.raises(DBAPIError, match="append-only"):
        db.session.execute(text(statement))
    db.session.rollback()
    assert broken() == []


@pytest.mark.parametrize(
    ("column", "value"),
    [("details", "'{}'"), ("account_name", "'别人'"), ("result", "'refused'"), ("address", "'10.0.0.1'"),
     ("action", "'x'"), ("post", "'x'"), ("object_id", "'9'"), ("object_type", "'x'"), ("request_id", "'x'"),
     ("at", "'2026-11-20 00:00:00'")],
)  # fmt: skip
def test_a_changed_field_breaks_the_chain_at_its_line(chain, column, value):
    tamper(f"UPDATE audit_line SET {column} = {value} WHERE id = 3")
    assert broken() == [3]


def test_a_line_taken_out_leaves_a_gap(chain):
    tamper("DELETE FROM audit_line WHERE id = 3")
    assert broken() == [4]


def test_a_line_taken_out_is_noticed_though_the_next_was_made_to_fit(chain):
    tamper("DELETE FROM audit_line WHERE id = 5")
    forged = AuditLine(
        id=6, at=NOW, action="x", result=Result.DONE, account_name="", post="", address="", object_type="",
        object_id="", request_id="", details="",
    )  # fmt: skip
    forged.hash = forged.digest(db.session.get(AuditLine, 4).hash)
    make.save(forged)
    assert broken() == [6]


def test_a_first_line_taken_out_is_noticed(chain):
    tamper("DELETE FROM audit_line WHERE id = 1")
    assert broken() == [2]


def test_a_line_made_up_again_with_its_own_hash_breaks_the_next(chain):
    line = db.session.get(AuditLine, 3)
    previous = db.session.get(AuditLine, 2).hash
    db.session.expunge(line)
    line.account_name = "别人"
    forged = line.digest(previous).hex()
    literal = f"'\\x{forged}'" if db.engine.dialect.name == "postgresql" else f"x'{forged}'"
    tamper(f"UPDATE audit_line SET account_name = '别人', hash = {literal} WHERE id = 3")
    assert broken() == [4]


def test_a_cut_off_end_shows_in_the_number_and_mark_noted_outside(chain):
    noted = head(db.session())
    tamper("DELETE FROM audit_line WHERE id = 5")
    assert broken() == []
    assert head(db.session()) != noted


def test_lines_written_at_once_stand_in_one_chain(app):
    """Two writers: PostgreSQL's advisory lock, SQLite's immediate transactions."""
    ready, failures = threading.Barrier(2), []

    def work(name: str) -> None:
        with app.app_context():
            ready.wait()
            try:
                for number in range(20):
                    append(db.session(), now=NOW, action=name, result=Result.DONE, details={"n": number})
                    db.session.commit()
            except Exception as error:  # reported below, in the test's own thread
                failures.append(error)
            finally:
                db.session.remove()

    threads = [threading.Thread(target=work, args=(name,)) for name in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert db.session.scalar(select(func.count(AuditLine.id))) == 40
    assert broken() == []


def test_control_characters_never_reach_a_line(app):
    line = append(
        db.session(), now=NOW, action="x", result=Result.DONE, account_name="周\r\n知\x1b行", address="1\n2"
    )
    assert line.account_name == "周\ufffd\ufffd知\ufffd行"
    assert "\n" not in line.address


def test_changes_name_before_and_after_but_nothing_sealed(town):
    person = make.account(town.district, name="周知行")
    person.name = "周行知"
    person.set_mobile("13800000000")
    person.password_hash = "another"
    found = changes(person)
    assert found["name"] == ["周知行", "周行知"]
    assert found["mobile"] == found["mobile_index"] == found["password_hash"] == "改过"
    assert set(found) == {"name", "mobile", "mobile_index", "password_hash"}


def test_verifying_from_the_middle_finds_what_lies_behind_it_alone(chain):
    tamper("UPDATE audit_line SET details = '{}' WHERE id = 2")
    assert broken() == [2]
    assert broken(after=3) == []
    assert audit.GENESIS == b"\0" * 32
