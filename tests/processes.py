"""Child processes that end with the tests, however the tests end."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

# The child runs beside a reader of our pipe. The pipe closes when we leave the context and also when we are
# killed, so that no server and no folder outlives the tests. $1 = signal, $2 = folder to remove, or empty.
KEEPER = """
signal=$1 folder=$2; shift 2
exec {pipe}<&0
"$@" </dev/null {pipe}<&- & child=$!
{ cat <&"$pipe" >/dev/null; kill -s "$signal" "$child"; } & keeper=$!
wait "$child"; code=$?
kill "$keeper" 2>/dev/null
[ -z "$folder" ] || rm -rf -- "$folder"
exit "$code"
"""


@contextmanager
def held(
    command: Sequence[str | Path],
    *,
    log: Path,
    signal: str = "TERM",
    before: Sequence[str] = (),
    remove: Path | None = None,
    grace: float = 20,
    **popen,
) -> Iterator[subprocess.Popen]:
    """Runs a command until the end of the block, then stops it by its id with `signal`.

    `before` is put in front of the whole (to change the user); `remove` is a folder that goes when the
    command has ended; `log` gets what it prints. Only after `grace` seconds is its process group killed.
    """
    argv = [*before, "bash", "-c", KEEPER, "keeper", signal, str(remove or ""), *map(str, command)]
    with log.open("ab") as out:
        # a session of its own: Ctrl-C in the terminal reaches the tests, and these stop the child in order
        process = subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=out, stderr=out, start_new_session=True, **popen
        )
    try:
        yield process
    finally:
        process.stdin.close()
        try:
            process.wait(timeout=grace)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, 9)
            process.wait()


@contextmanager
def folder(prefix: str) -> Iterator[Path]:
    """A temporary folder with a short path, for unix sockets allow no more than 107 bytes."""
    path = Path(tempfile.mkdtemp(prefix=prefix))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
