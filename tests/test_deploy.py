"""What `deploy/` says has to be true of this program: variables, commands, addresses, limits."""

from __future__ import annotations

import os
import re
from dataclasses import fields
from pathlib import Path

import pytest

from blueprints.web.settings import SECRET, Settings

DEPLOY = Path(__file__).parents[1] / "deploy"
UNITS = sorted((DEPLOY / "systemd").iterdir())
OF_GUNICORN = {"SITE_BIND", "SITE_WORKERS", "SITE_THREADS"}
KNOWN = {f"SITE_{f.name.upper()}" for f in fields(Settings)} | OF_GUNICORN | {"SITE_INSTANCE"}
KNOWN |= {f"SITE_{name.upper()}_FILE" for name in SECRET}


def text_of(name: str) -> str:
    return (DEPLOY / name).read_text("utf-8")


@pytest.mark.parametrize(
    "file",
    [*UNITS, DEPLOY / "site.env.example", DEPLOY / "gunicorn.conf.py", DEPLOY / "README.md"],
    ids=lambda f: f.name,
)
def test_every_variable_that_is_named_is_one_that_the_site_reads(file):
    assert set(re.findall(r"\bSITE_[A-Z_]+[A-Z]\b", file.read_text("utf-8"))) <= KNOWN


def test_the_example_of_an_environment_holds_no_secret():
    assert not re.search(r"^#?SITE_(SECRET_KEY|DATA_KEYS|METRICS_TOKEN)", text_of("site.env.example"), re.M)


@pytest.mark.parametrize(
    "command", ["init", "migrate up", "backup", "restore", "accounts facts", "audit verify"]
)
def test_the_commands_of_the_handbook_are_there(app, command):
    assert f"deploy/cho {command}" in text_of("README.md")
    at = app.cli
    for word in command.split():
        at = at.commands[word]


def test_every_service_gives_up_what_it_does_not_need():
    for file in UNITS:
        if file.suffix != ".service":
            continue
        unit = file.read_text("utf-8")
        for line in ("User=cho", "NoNewPrivileges=yes", "ProtectSystem=strict", "ProtectHome=yes", "PrivateTmp=yes",
                     "CapabilityBoundingSet=\n", "SystemCallFilter=@system-service"):  # fmt: skip
            assert line in unit, f"{file.name}: {line}"


def test_the_key_of_the_seal_is_held_by_who_seals_alone():
    for file in UNITS:
        if file.suffix == ".service":
            seals = file.name in ("cho-tick.service", "cho-letters@.service")
            assert ("seal.p12" in file.read_text("utf-8")) == seals, file.name


def test_what_is_for_machines_is_not_passed_on_by_the_front_server(app):
    conf = text_of("nginx/site.conf")
    hidden = re.findall(r"location ([/\w]+) \{ return 404; \}", conf)
    machines = [rule.rule for rule in app.url_map.iter_rules() if rule.endpoint.startswith("operations.")]
    assert len(machines) == 3
    assert all(any(rule.startswith(prefix) for prefix in hidden) for rule in machines)


def test_the_front_server_takes_what_the_site_takes(app):
    sizes = {
        int(number) for number in re.findall(r"client_max_body_size (\d+)m;", text_of("nginx/site.conf"))
    }
    assert {size * 1024 * 1024 for size in sizes} == {app.config["MAX_CONTENT_LENGTH"]}


def test_forms_are_sent_to_the_other_host_at_gates_alone():
    """Nowhere else would a second arrival be harmless."""
    conf = text_of("nginx/site.conf")
    places = re.findall(r"location ([^{]+) \{([^}]*non_idempotent[^}]*)\}", conf)
    assert [where for where, _ in places] == ["/g/"]


def test_the_script_can_be_run_and_stops_at_the_first_error():
    assert os.access(DEPLOY / "cho", os.X_OK)
    assert "set -euo pipefail" in text_of("cho")
