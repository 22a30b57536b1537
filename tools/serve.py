"""What `make run` does: updates the database, fills it if it is empty, starts the site on loopback and its timed work."""

import ctypes
import json
import os
import signal
import socket
import subprocess
import sys
import time
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import FrameType
from urllib.parse import urljoin

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 15  # seconds between being asked to end and being killed
PR_SET_PDEATHSIG = 1
GUNICORN = ("-m", "gunicorn", "--no-control-socket", "--workers=2", "--worker-class=gthread", "--threads=4",
            "--graceful-timeout=5", "--log-level=warning",
            *(["--worker-tmp-dir=/dev/shm"] if os.access("/dev/shm", os.W_OK) else []))  # fmt: skip
WORK = ("-m", "flask", "--app", "app", "work")


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

    asked = until_asked()
    running = {
        "网站": start([*GUNICORN, f"--bind=fd://{listener.fileno()}", "app:create_app()"], listener.fileno()),
        "后台任务": start(WORK),
    }
    listener.close()  # gunicorn has it
    sys.exit(supervise(running, asked))


def until_asked() -> list[int]:
    """Signals that ask for the end, as they come; from now on they end nothing by themselves."""
    asked: list[int] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        asked.append(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, ask)
    return asked


def start(arguments: Sequence[str], *keep_open: int) -> subprocess.Popen:
    """Python with these arguments, as a child that ends with us, however we end."""
    command = [sys.executable, *arguments]
    return subprocess.Popen(command, cwd=ROOT, pass_fds=keep_open, preexec_fn=_end_with_parent)


def supervise(running: Mapping[str, subprocess.Popen], asked: Sequence[int]) -> int:
    """Waits until one of them ends or somebody asks for the end; then all end. Answers 0 if it was asked for, otherwise 1."""
    while not asked and all(process.poll() is None for process in running.values()):
        time.sleep(0.2)
    for name, process in running.items():
        if not asked and process.poll() is not None:
            print(
                f"{name}停了（{process.returncode}），其余的也停下。要再启动：make run",
                file=sys.stderr,
                flush=True,
            )
    _end(running.values())
    return 0 if asked else 1


def _end_with_parent() -> None:
    """In the child, before it becomes its program: it is asked to end when its parent is gone, however that happened."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _end(processes: Collection[subprocess.Popen]) -> None:
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + PATIENCE
    for process in processes:
        try:
            process.wait(max(deadline - time.monotonic(), 0))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
