"""`flask policy check | diff | new`: policy packs (方案包) on the command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from models.policy.book import SHIPPED, Book, pack_folders
from models.policy.compare import begin_pack, diff
from models.policy.examples import load_examples, run_examples
from models.policy.loader import PolicyError, load_pack

policy = AppGroup("policy", help="方案包：核对、对照、起草新方案。")


def _roots() -> tuple[Path, ...]:
    """Where packs are: those that came with the site, and those of SITE_POLICY_DIR."""
    added = current_app.config.get("POLICY_DIR")
    return (SHIPPED, Path(added)) if added else (SHIPPED,)


@contextmanager
def _faults_as_words() -> Iterator[None]:
    """A fault in a pack ends the command with its sentence and exit code 1, not with a traceback."""
    try:
        yield
    except PolicyError as error:
        raise click.ClickException(str(error)) from error


@policy.command("check")
@click.argument("folder", required=False, type=click.Path(path_type=Path))
def check(folder: Path | None) -> None:
    """读一遍全部方案包（或只读 FOLDER 里的），并核对其中的算例。"""
    roots = (folder,) if folder else _roots()
    with _faults_as_words():
        folders = list(pack_folders(*roots))
    if not folders:
        raise click.ClickException(f"{roots[0]} 里没有方案包")
    # Each pack by itself first, so that one run names the faults of all of them.
    faults = sum(_check_pack(pack) for pack in folders)
    if faults:
        raise click.ClickException(f"有{faults}处要改")
    with _faults_as_words():
        Book.read(*roots)


def _check_pack(folder: Path) -> int:
    """Says what it found in one pack, and returns the number of faults."""
    try:
        read = load_pack(folder)
        failures = run_examples(read, folder)
        total = len(load_examples(folder))
    except PolicyError as error:
        click.echo(str(error), err=True)
        return 1
    click.echo(f"{read.key}　{read.title}\n  摘要 {read.digest}")
    if not failures:
        click.echo(f"  算例{total}例，全部相符")
    for failure in failures:
        click.echo(f"  {read.key}：{failure}", err=True)
    return len(failures)


@policy.command("diff")
@click.argument("old")
@click.argument("new")
def compare(old: str, new: str) -> None:
    """逐项列出 NEW 与 OLD 不同的地方，例如 chengdu-hitech/2022-03-23 chengdu-hitech/2024-02-01。"""
    with _faults_as_words():
        book = Book.read(*_roots())
        differences = diff(book.get(old), book.get(new))
    for difference in differences:
        click.echo(difference.sentence())
    click.echo(f"共{len(differences)}处不同" if differences else "两份方案相同")


@policy.command("new")
@click.option("--from", "source", required=True, help="照哪份方案起草，例如 chengdu-hitech/2022-03-23")
@click.option("--into", type=click.Path(path_type=Path), help="放在哪个文件夹；不写就放在 SITE_POLICY_DIR")
@click.argument("key", metavar="SCHEME/VERSION")
def new(source: str, into: Path | None, key: str) -> None:
    """照一份已有的方案起草新方案：换成新日期，清空核对记录，不覆盖已有的。"""
    roots = _roots()
    with _faults_as_words():
        folder = begin_pack(Book.read(*roots).folder(source), key, into or roots[-1])
    click.echo(f"已放在 {folder}。改好规则和算例，核对过的出处填上 checked，再运行 flask policy check")
