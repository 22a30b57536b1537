"""Two web hosts and one database host, under load, one web host cut off and brought back.

    python -m deploy.trial [--seconds 60] [--per-second 8]

Needs root, iproute2, nginx, openssl and PostgreSQL's server; touches nothing outside its own network namespaces and one temporary
folder. Ends with 1 where an answer was lost, a form became two rows, or the front servers do not do what they should.
"""

from __future__ import annotations

import argparse
import base64
import json
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import create_engine, text

from app import create_app
from benchmarks.servers import family
from deploy.trial.checks import front_server
from deploy.trial.hosts import ROOT, Settings, database_host, web_host
from deploy.trial.network import HOSTS, cut, inside, mend, network
from models.base import db
from models.places import District, Street
from tests import make
from tests.processes import folder

INIT = ["init", "--slug", "trial", "--name", "试验区", "--organiser", "试验区专班", "--hotline", "0000-0000123",
        "--usernames", "t-system", "t-security", "t-audit", "--names", "甲一", "乙二", "丙三"]  # fmt: skip
WEB = [HOSTS["cho-web1"], HOSTS["cho-web2"]]


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m deploy.trial", description="两台网站、一台数据库，断开一台再接上"
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--per-second", type=float, default=8)
    chosen = parser.parse_args()
    with ExitStack() as stack:
        home = stack.enter_context(folder("cho-trial-"))
        home.chmod(0o711)  # PostgreSQL passes through as a user of its own
        stack.enter_context(network())
        settings = stack.enter_context(database_host(home))
        code = begin(home, settings)
        first = stack.enter_context(web_host("cho-web1", "cho-web2", home, settings))
        second = stack.enter_context(web_host("cho-web2", "cho-web1", home, settings))
        wrong = front_server(HOSTS["cho-web1"], code)
        visits = load(code, chosen.seconds, chosen.per_second)
        wrong += judge(visits, settings)
        shares(first, second)
    print("\n".join(wrong) or "没有丢，没有重。")
    sys.exit(1 if wrong else 0)


def begin(home: Path, settings: Settings) -> str:
    """The first district by `flask init`, over the network with the password; then one gate that is always open. Its code."""
    site = [ROOT / ".venv/bin/python", "-m", "flask", "--app", "app", *INIT]
    subprocess.run([*inside("cho-web1"), *site], cwd=ROOT, check=True, capture_output=True,
                   env={**settings.environment, "PATH": "/usr/bin:/bin", "SITE_INSTANCE": str(home / "instance")})  # fmt: skip
    keys = {name: (home / "keys" / name).read_text() for name in ("secret_key", "data_keys")}
    app = create_app(env="demo", database_url=settings.local_url, instance=str(home / "instance"), **keys)
    with app.app_context():
        district = db.session.query(District).one()
        make.adopt(district)
        gate = make.gate(
            make.place(make.save(Street(district_id=district.id, name="试验街道")), opens=None, closes=None)
        )
        code = gate.code.code
        db.session.remove()
        db.engine.dispose()
    return code


def load(code: str, seconds: float, per_second: float) -> list[dict]:
    """A stream of visitors to both hosts; a quarter of the way in the first host's cable is pulled, half way in put back."""
    street = [
        ROOT / ".venv/bin/python",
        "-m",
        "deploy.trial.street",
        code,
        str(seconds),
        str(per_second),
        *WEB,
    ]
    people = subprocess.Popen([*inside("cho-street"), *street], cwd=ROOT, stdout=subprocess.PIPE, text=True)
    time.sleep(seconds / 4)
    cut("cho-web1")
    print(f"第{seconds / 4:.0f}秒断开第一台")
    time.sleep(seconds / 4)
    mend("cho-web1")
    print(f"第{seconds / 2:.0f}秒接上")
    out, _ = people.communicate(timeout=seconds + 300)
    return [json.loads(line) for line in out.splitlines()]


def judge(visits: list[dict], settings: Settings) -> list[str]:
    """Every answered form is one row, none is two, and each pass opened."""
    engine = create_engine(settings.local_url)
    with engine.connect() as connection:
        rows = [bytes(one) for one in connection.scalars(text("SELECT nonce FROM check_in"))]
        people = connection.scalar(text("SELECT count(DISTINCT mobile_index) FROM check_in"))
    engine.dispose()
    answered = {base64.urlsafe_b64decode(v["nonce"])[:16] for v in visits if v["pass"]}
    again = [v for v in visits if any(len(seen) > 1 for seen in v["seen"])]
    waits = sorted(v["wait"] for v in visits)
    print(f"{len(visits)}位访客，{len(answered)}位得到答复，{len(rows)}行；{len(again)}位换了一台再试；"
          f"等待中位{waits[len(waits) // 2]:.2f}秒，p99 {waits[int(len(waits) * 0.99)]:.2f}秒，最长{waits[-1]:.2f}秒")  # fmt: skip
    wrong = []
    if lost := answered - set(rows):
        wrong.append(f"丢了{len(lost)}行")
    if len(rows) != len(set(rows)) or people != len(rows):
        wrong.append(f"有重复：{len(rows)}行，{len(set(rows))}张表，{people}人")
    if silent := [v["seen"] for v in visits if not v["pass"]]:
        wrong.append(f"{len(silent)}位没有得到答复，例如{silent[0]}")
    if hidden := [v["seen"] for v in visits if v["pass"] and not v["shown"]]:
        wrong.append(f"{len(hidden)}张通行码打不开，例如{hidden[0]}")
    return wrong


def shares(*parents: int) -> None:
    """How evenly the workers of a host shared its load, by CPU."""
    for parent in parents:
        used = sorted((own_seconds(pid) for pid in family(parent)), reverse=True)[:2]
        print(f"两个工作进程的CPU：{used[0]:.1f}秒、{used[1]:.1f}秒")


def own_seconds(pid: int) -> float:
    stat = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / 100


if __name__ == "__main__":
    main()
