"""What `make run` does: updates the database, fills it if it is empty, starts the site on loopback."""

import json
import os
import socket
import subprocess
import sys
import unicodedata
from pathlib import Path
from urllib.parse import urljoin

ROOT = Path(__file__).resolve().parent.parent


def flask(*arguments: str) -> str:
    """Runs one `flask` command of the site; its complaints go to the terminal and end the start."""
    command = [sys.executable, "-m", "flask", "--app", "app", *arguments]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, encoding="utf-8")
    if done.returncode:
        sys.exit(f"{done.stdout}启动失败：flask {' '.join(arguments)}")
    return done.stdout


def padded(text: str, width: int) -> str:
    """Text filled up to a number of terminal columns; a Chinese character takes two."""
    return text + " " * (width - sum(2 if unicodedata.east_asian_width(one) in "WF" else 1 for one in text))


def greeting(url: str, demo: dict) -> str:
    """One gate to scan, and one person of each post to sign in as."""
    lines = ["", "企业首席健康官平台 · 演示数据 · 只在本机可以打开，按Ctrl-C停止"]
    for gate in demo["gates"][:1]:
        lines.append(f"  访客扫码：{urljoin(url, gate['url'])}  （{gate['place']} {gate['gate']}）")
    lines.append(f"  登录：{url}")
    first = {one["post"]: one for one in reversed(demo["accounts"])}
    for one in (account for account in demo["accounts"] if first[account["post"]] is account):
        words = (
            padded(one["username"], 16),
            padded(one["password"], 18),
            padded(one["post"], 22),
            one["name"],
        )
        lines.append("    " + " ".join(words))
    lines.append("  全部账号和入口：.venv/bin/flask --app app demo --json")
    return "\n".join([*lines, ""])


def main() -> None:
    port = int(os.environ.get("PORT", "8000"))
    url = f"http://127.0.0.1:{port}/"
    try:
        # taken before anything else is done, and handed to gunicorn: no one comes in between
        listener = socket.create_server(("127.0.0.1", port))
    except OSError as error:
        sys.exit(f"端口{port}用不了（{os.strerror(error.errno or 0)}）。换一个：PORT={port + 1} make run")
    os.environ.setdefault("SITE_ENV", "demo")
    os.environ.setdefault("SITE_PUBLIC_URL", url.rstrip("/"))

    flask("migrate", "up")
    if os.environ["SITE_ENV"] == "demo":
        print("准备演示数据……", flush=True)
        flask("demo", "--if-empty")
        print(greeting(url, json.loads(flask("demo", "--json"))), flush=True)

    os.set_inheritable(listener.fileno(), True)
    os.chdir(ROOT)
    # gunicorn takes this process's place, so that Ctrl-C and signals reach it directly
    arguments = [
        "--workers=2",
        "--worker-class=gthread",
        "--threads=8",
        "--graceful-timeout=5",
        "--log-level=warning",
    ]
    socket_ = f"--bind=fd://{listener.fileno()}"
    os.execv(
        sys.executable,
        [sys.executable, "-m", "gunicorn", socket_, "--no-control-socket", *arguments, "app:create_app()"],
    )


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
