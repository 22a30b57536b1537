"""A site in service: what it refuses to start with, and how it gets its first people."""

from __future__ import annotations

import base64
import contextvars
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from app import create_app
from blueprints.web.settings import Misconfigured, Settings, keys_of
from models import audit, schema
from models.accounts import Account
from models.base import db
from models.places import District
from tests import make
from tests.forms import submit
from tests.test_site import PRODUCTION

KEPT = {name.removeprefix("SITE_").lower(): value for name, value in PRODUCTION.items()}


def in_service(database: str, **changes):
    """The site as it starts in production, over this test's database."""
    return create_app(**{**KEPT, "database_url": database, **changes})


def refusal(database: str, **changes) -> str:
    with pytest.raises(Misconfigured) as refused:
        in_service(database, **changes)
    return str(refused.value)


@pytest.fixture(autouse=True)
def the_hashes_and_the_vault_of_the_tests(app):
    """Another app in this process opens its own vault; what follows is the tests' again."""
    from models.vault import open_vault

    yield
    open_vault(app.extensions["site"].vault)


@pytest.fixture
def settled_town(town):
    """A town that lacks nothing of what its pages have to say."""
    return town


def test_it_starts_over_a_database_with_nothing_invented_in_it(database, settled_town, tmp_path):
    assert in_service(database, instance=tmp_path).extensions["site"].settings.production


def test_it_starts_over_an_empty_database_so_that_it_can_be_filled(tmp_path):
    assert in_service(f"sqlite:///{tmp_path / 'new.db'}", instance=tmp_path)


def test_it_refuses_demo_data(database, settled_town, tmp_path):
    settled_town.district.is_demo = True
    db.session.commit()
    assert "演示数据" in refusal(database, instance=tmp_path)


@pytest.mark.parametrize("blank", [{"organiser": "  "}, {"hotline": "", "contact": " "}])
def test_it_refuses_a_district_whose_pages_would_not_say_who_stands_behind_them(
    database, settled_town, tmp_path, blank
):
    for name, value in blank.items():
        setattr(settled_town.district, name, value)
    db.session.commit()
    assert "yunxi" in refusal(database, instance=tmp_path)


def test_a_command_puts_right_what_keeps_the_site_from_starting(app, database, settled_town, tmp_path):
    settled_town.district.organiser = settled_town.district.hotline = ""
    db.session.commit()
    refusal(database, instance=tmp_path)
    done = app.test_cli_runner().invoke(
        args=["accounts", "facts", "yunxi", "--organiser", "云溪专班", "--hotline", "0000-0000123"]
    )
    assert done.exit_code == 0, done.output
    assert in_service(database, instance=tmp_path)
    db.session.rollback()
    line = db.session.scalars(select(audit.AuditLine).order_by(audit.AuditLine.id.desc())).first()
    assert line.action == "district:facts" and "云溪专班" in line.details


def test_no_page_lets_an_administrator_blank_what_it_would_refuse(app, settled_town):
    from models.access import Post

    system = make.sign_in(app.test_client(), settled_town.officer(Post.SYSTEM_ADMIN))
    answer = submit(system, "/admin/district", organiser="专班", hotline=" ", contact="")
    assert answer.status_code == 422 and "至少填一个" in answer.text


def test_it_refuses_debugging(database, settled_town, tmp_path, monkeypatch):
    monkeypatch.setenv("FLASK_DEBUG", "1")
    assert "调试" in refusal(database, instance=tmp_path)


def test_it_refuses_where_the_database_cannot_be_reached_and_does_not_say_its_address(tmp_path):
    words = refusal("postgresql+psycopg://site:word@127.0.0.1:1/site", instance=tmp_path)
    assert "连不上数据库" in words and "127" not in words and "word" not in words


def test_a_command_runs_without_looking_into_the_database(tmp_path, monkeypatch):
    import click

    with click.Context(click.Command("policy"), info_name="policy"):
        assert in_service("postgresql+psycopg://site@127.0.0.1:1/site", instance=tmp_path)
    with click.Context(click.Command("run"), info_name="run"):
        assert not_reached(tmp_path)


def not_reached(tmp_path) -> str:
    return refusal("postgresql+psycopg://site@127.0.0.1:1/site", instance=tmp_path)


@pytest.mark.parametrize(
    "secret", ["k" * 40, "abcabcabc" * 5, "change-me-change-me-change-me-0123456789", "my-Secret-key-0123456789-abcdefghijk"]
)  # fmt: skip
@pytest.mark.parametrize("name", ["SITE_SECRET_KEY", "SITE_METRICS_TOKEN"])
def test_a_secret_that_can_be_guessed_is_refused(name, secret):
    with pytest.raises(Misconfigured, match=name):
        Settings.read(PRODUCTION | {name: secret})


def test_data_keys_that_are_no_random_bytes_are_refused():
    blank = base64.b64encode(bytes(32)).decode()
    with pytest.raises(Misconfigured, match="SITE_DATA_KEYS"):
        Settings.read(PRODUCTION | {"SITE_DATA_KEYS": f"1:{blank},index:{blank}"})


def test_the_keys_of_a_demo_in_the_same_folder_are_refused(tmp_path):
    secret, _ = keys_of(Settings.read({}), tmp_path)
    with pytest.raises(Misconfigured, match="演示"):
        keys_of(Settings.read(PRODUCTION | {"SITE_SECRET_KEY": secret}), tmp_path)


# --- keys that come from files


@pytest.fixture
def key_file(tmp_path) -> Path:
    file = tmp_path / "secret_key"
    file.write_text(PRODUCTION["SITE_SECRET_KEY"] + "\n")
    file.chmod(0o440)
    return file


def from_file(file: Path, **more: str) -> dict[str, str]:
    settings = {n: v for n, v in PRODUCTION.items() if n != "SITE_SECRET_KEY"}
    return settings | {"SITE_SECRET_KEY_FILE": str(file)} | more


def test_a_secret_may_come_from_a_file(key_file):
    assert Settings.read(from_file(key_file)).secret_key == PRODUCTION["SITE_SECRET_KEY"]


def test_a_file_that_others_may_read_is_refused(key_file):
    key_file.chmod(0o444)
    with pytest.raises(Misconfigured, match="SITE_SECRET_KEY_FILE"):
        Settings.read(from_file(key_file))


def test_a_file_that_is_not_there_is_said_without_its_path(tmp_path):
    with pytest.raises(Misconfigured, match="SITE_SECRET_KEY_FILE") as refused:
        Settings.read(from_file(tmp_path / "nowhere"))
    assert str(tmp_path) not in str(refused.value)


def test_a_secret_that_is_given_twice_is_refused(key_file):
    with pytest.raises(Misconfigured, match="只能设一个"):
        Settings.read(from_file(key_file, SITE_SECRET_KEY=PRODUCTION["SITE_SECRET_KEY"]))


# --- the first people


INIT = ["init", "--slug", "jinchuan", "--name", "锦川区", "--organiser", "锦川区专班", "--hotline", "0000-0000123",
        "--usernames", "jc-system", "jc-security", "jc-audit", "--names", "甲一", "乙二", "丙三"]  # fmt: skip


def test_init_fills_an_empty_production_database_and_prints_each_password_once(tmp_path):
    """Not even migrated: the first command of a new installation."""
    fresh = in_service(f"sqlite:///{tmp_path / 'new.db'}", instance=tmp_path)
    done = contextvars.Context().run(fresh.test_cli_runner().invoke, args=INIT)
    assert done.exit_code == 0, done.output
    rows = [line.split("\t") for line in done.output.splitlines() if "\t" in line]
    assert [row[2] for row in rows] == ["jc-system", "jc-security", "jc-audit"]
    with fresh.app_context():
        assert schema.differences(db.engine) == []
        people = db.session.scalars(select(Account).order_by(Account.id)).all()
        assert all(p.must_change_password for p in people)
        assert {p.password_expires_at - p.password_set_at for p in people} == {timedelta(hours=72)}
        assert list(audit.broken_links(db.session())) == []
        assert rows[0][3] not in str([line.details for line in db.session.scalars(select(audit.AuditLine))])
        db.session.remove()
        db.engine.dispose()
    assert in_service(f"sqlite:///{tmp_path / 'new.db'}", instance=tmp_path)


def test_init_refuses_where_there_are_accounts(app, town):
    make.account(town.district)
    before = db.session.scalar(select(func.count(District.id)))
    db.session.rollback()
    refused = app.test_cli_runner().invoke(args=INIT)
    assert refused.exit_code == 1 and "已经有账号" in refused.output
    assert db.session.scalar(select(func.count(District.id))) == before


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [("--slug", "锦川", "代号"), ("--organiser", " ", "主办单位"), ("--hotline", "", "热线")],
)
def test_init_says_what_it_cannot_take_and_leaves_the_database_empty(app, option, value, words):
    arguments = list(INIT)
    arguments[arguments.index(option) + 1] = value
    refused = app.test_cli_runner().invoke(args=arguments)
    assert refused.exit_code == 1 and words in refused.output
    assert db.session.scalar(select(func.count(District.id))) == 0
