"""`flask policy check | diff | new` on the command line."""

from pathlib import Path

import pytest
from click.testing import Result
from flask import Flask

from blueprints.web.policy_commands import policy
from models.policy.book import SHIPPED
from tests.policy.packs import OF_2022, OF_2024, Pack


@pytest.fixture
def run(tmp_path: Path):
    """The commands in a bare site whose SITE_POLICY_DIR is the test's own folder."""
    app = Flask("site")
    app.config["POLICY_DIR"] = str(tmp_path)
    app.cli.add_command(policy)

    def invoke(*words: str) -> Result:
        return app.test_cli_runner().invoke(args=["policy", *words])

    return invoke


def test_check_prints_every_pack_with_digest_and_worked_cases(run):
    result = run("check")
    assert result.exit_code == 0
    assert OF_2022 in result.output
    assert OF_2024 in result.output
    assert result.output.count("全部相符") == 2
    assert "摘要 " in result.output


def test_check_reads_the_packs_from_outside_too(run, pack: Pack):
    pack.edit("scheme.toml", 'version = "2022-03-23"', 'version = "2022-06-01"')
    assert "chengdu-hitech/2022-06-01" in run("check").output


def test_check_of_one_folder_reads_that_folder_alone(run, pack: Pack):
    result = run("check", str(pack.folder))
    assert result.exit_code == 0
    assert OF_2024 not in result.output


def test_check_names_the_fault_and_fails(run, pack: Pack):
    pack.edit("gate.toml", "pass_minutes", "pass_seconds")
    result = run("check")
    assert result.exit_code == 1
    assert "gate.toml 的 normal.pass_seconds：没有这个键" in result.output
    assert OF_2024 in result.output


def test_check_fails_on_a_worked_case_that_does_not_hold(run, pack: Pack):
    pack.edit("staffing.toml", "carry_over = false", "carry_over = true")
    result = run("check", str(pack.folder))
    assert result.exit_code == 1
    assert "201人的企业" in result.output


def test_check_fails_on_a_pack_that_is_there_twice(run, pack: Pack):
    result = run("check")
    assert result.exit_code == 1
    assert "同一个方案包" in result.output


def test_check_fails_where_there_is_no_pack(run, tmp_path: Path):
    assert run("check", str(tmp_path)).exit_code == 1
    assert run("check", str(tmp_path / "nowhere")).exit_code == 1


def test_diff_prints_the_differences_in_words(run):
    result = run("diff", OF_2022, OF_2024)
    assert result.exit_code == 0
    assert "posts[health_guide]：新增 “健康指导员”" in result.output
    assert run("diff", OF_2022, OF_2022).output.strip() == "两份方案相同"


def test_diff_with_an_unknown_pack_says_which_there_are(run):
    result = run("diff", OF_2022, "chengdu-hitech/1999-01-01")
    assert result.exit_code == 1
    assert OF_2024 in result.output


def test_new_puts_a_pack_into_the_folder_of_the_deployment(run, tmp_path: Path):
    result = run("new", "--from", OF_2022, "chengdu-hitech/2027-01-01")
    assert result.exit_code == 0
    assert (tmp_path / "chengdu-hitech/2027-01-01/scheme.toml").is_file()
    assert not (SHIPPED / "chengdu-hitech/2027-01-01").exists()
    assert "chengdu-hitech/2027-01-01" in run("check").output


def test_new_refuses_to_overwrite(run, tmp_path: Path):
    elsewhere = ["--into", str(tmp_path / "drafts")]
    assert run("new", "--from", OF_2022, "chengdu-hitech/2027-01-01", *elsewhere).exit_code == 0
    again = run("new", "--from", OF_2022, "chengdu-hitech/2027-01-01", *elsewhere)
    assert again.exit_code == 1
    assert "已经有了" in again.output
