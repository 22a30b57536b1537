"""The hosts of the trial, each by the files of deploy/: PostgreSQL, and twice nginx with gunicorn. Debian's packages must be there."""

from __future__ import annotations

import os
import re
import secrets
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from deploy.trial.network import HOSTS, inside
from models.vault import Vault
from tests.postgres import programs
from tests.processes import held

ROOT = Path(__file__).parents[2]
SMALL = "shared_buffers = 128MB\neffective_cache_size = 512MB\ndynamic_shared_memory_type = mmap\n"
AS_POSTGRES = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]


@dataclass(frozen=True)
class Settings:
    """What both web hosts are told; `local_url` is the same database by its socket, for looking into it from outside."""

    environment: dict[str, str]
    local_url: str


@contextmanager
def database_host(home: Path) -> Iterator[Settings]:
    """A cluster under deploy/postgresql/site.conf that takes a password over the network, and the site's settings for it."""
    password, folder = secrets.token_urlsafe(24), home / "pg"
    folder.mkdir()
    shutil.chown(folder, "postgres", "postgres")
    (word := folder / "word").write_text(password)
    shutil.chown(word, "postgres", "postgres")
    data = folder / "data"
    initdb = [programs() / "initdb", "-D", data, "-U", "cho", "-E", "UTF8", "--locale=C.UTF-8", f"--pwfile={word}",
              "--auth-local=trust", "--auth-host=scram-sha-256"]  # fmt: skip
    subprocess.run([*AS_POSTGRES, *initdb], cwd=folder, check=True, capture_output=True)
    with (data / "postgresql.conf").open("a") as out:
        out.write((ROOT / "deploy/postgresql/site.conf").read_text() + SMALL)
        out.write(f"listen_addresses = '{HOSTS['cho-db']}'\nunix_socket_directories = '{folder}'\n")
    with (data / "pg_hba.conf").open("a") as out:
        out.write("host cho cho 10.77.0.0/24 scram-sha-256\n")
    with held(
        [programs() / "postgres", "-D", data], log=home / "postgres.log", signal="INT", cwd=folder,
        before=[*inside("cho-db"), *AS_POSTGRES],
    ):  # fmt: skip
        ready = [programs() / "pg_isready", "-h", folder, "-q", "-t", "20"]
        subprocess.run(
            [
                "bash",
                "-c",
                'for _ in {1..100}; do "$@" && exit; sleep 0.2; done; exit 1',
                "wait",
                *map(str, ready),
            ],
            check=True,
        )
        subprocess.run([programs() / "createdb", "-h", folder, "-U", "cho", "cho"], check=True)
        yield Settings(_environment(home, password), f"postgresql+psycopg://cho@/cho?host={folder}")


def _environment(home: Path, password: str) -> dict[str, str]:
    """Keys as systemd would hand them over: files that others cannot read."""
    keys = home / "keys"
    keys.mkdir(mode=0o700)
    for name, value in {
        "secret_key": secrets.token_urlsafe(48),
        "data_keys": Vault.fresh_keys(),
        "database_url": f"postgresql+psycopg://cho:{password}@{HOSTS['cho-db']}/cho",
    }.items():
        (keys / name).write_text(value)
        (keys / name).chmod(0o400)
    files = {
        f"SITE_{name.upper()}_FILE": str(keys / name) for name in ("secret_key", "data_keys", "database_url")
    }
    return files | {
        "SITE_ENV": "production", "SITE_PUBLIC_URL": "https://jkg.example.cn", "SITE_ICP": "示例ICP备00000000号",
        "SITE_POLICE_RECORD": "示例公网安备00000000000000号", "SITE_TRUSTED_PROXIES": "1", "SITE_WORKERS": "2",
    }  # fmt: skip


@contextmanager
def web_host(name: str, other: str, home: Path, settings: Settings) -> Iterator[int]:
    """gunicorn by deploy/gunicorn.conf.py and nginx by deploy/nginx/site.conf on one host; gunicorn's process."""
    own = home / name
    own.mkdir()
    environment = {
        **os.environ, **settings.environment, "SITE_INSTANCE": str(own / "instance"),
        "SITE_BIND": f"127.0.0.1:8000,{HOSTS[name]}:8000", "PROMETHEUS_MULTIPROC_DIR": str(own / "figures"),
    }  # fmt: skip
    gunicorn = [
        ROOT / ".venv/bin/python",
        "-m",
        "gunicorn",
        "--config",
        "deploy/gunicorn.conf.py",
        "app:create_app()",
    ]
    conf = _nginx(own, other)
    subprocess.run([*inside(name), "nginx", "-t", "-q", "-c", conf], check=True)
    with ExitStack() as stack:
        process = stack.enter_context(
            held(gunicorn, log=own / "site.log", cwd=ROOT, env=environment, before=inside(name))
        )
        stack.enter_context(
            held(["nginx", "-c", conf], log=own / "nginx.log", cwd=own, before=inside(name), signal="QUIT")
        )
        _until_ready(name, own)
        yield process.pid


def _until_ready(name: str, own: Path) -> None:
    """The site says so itself, by an address that nginx does not pass on."""
    ask = [*inside(name), "curl", "-sf", "-m", "5", "-o", "/dev/null", "http://127.0.0.1:8000/health/ready"]
    for _ in range(120):
        if subprocess.run(ask).returncode == 0:
            return
        time.sleep(0.5)
    raise RuntimeError(f"{name}没有起来：\n{(own / 'site.log').read_text()[-2000:]}")


def _nginx(own: Path, other: str) -> Path:
    """deploy/nginx/site.conf with what a district would change: certificate, folders, the other host."""
    certificate = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=jkg.example.cn",
    ]
    subprocess.run(
        [*certificate, "-keyout", own / "site.key", "-out", own / "site.crt"], check=True, capture_output=True
    )
    static = own / "static"
    shutil.copytree(ROOT / "static", static)
    subprocess.run(["gzip", "-kr9", static / "css"], check=True)
    text = (ROOT / "deploy/nginx/site.conf").read_text()
    for found, put in {
        "# server 10.0.0.12:8000": f"server {HOSTS[other]}:8000",
        "/etc/cho/tls": str(own),
        "/var/log/nginx": str(own),
        "/opt/cho/static": str(static),
        "/opt/cho/deploy": str(ROOT / "deploy"),
    }.items():
        assert found in text, found
        text = text.replace(found, put)
    text = re.sub(r"listen \[::\].*\n", "", text)  # the trial's network has IPv4 alone
    (own / "site.conf").write_text(text)
    conf = own / "nginx.conf"
    conf.write_text(
        f"daemon off;\nuser root;\nworker_processes 1;\npid {own}/nginx.pid;\nerror_log {own}/error.log;\n"
        f"events {{ worker_connections 4096; }}\nhttp {{ include /etc/nginx/mime.types; include {own}/site.conf; }}\n"
    )
    return conf
