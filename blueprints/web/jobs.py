"""What is done in the background (后台): the list of the timed work, and the queue whose one periodic task it is.

To add a piece, add a line to TASKS: a function that takes the Tick, and how often it is due.
"""

from __future__ import annotations

import contextvars
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

from flask import Flask, current_app
from huey import SqliteHuey, crontab
from huey.consumer import Consumer
from sqlalchemy import select

from blueprints.web import import_sheets, pdf
from blueprints.web.site import site
from models import (
    batch_work,
    chores,
    cluster_alerts,
    code_checks,
    delivery,
    ledger_work,
    letter_keeping,
    notice_rounds,
    reminders,
    report_tally,
    staff_readings,
    symptom_weeks,
    timed,
    watch_rules,
)
from models.base import db
from models.delivery import Channel
from models.places import District
from models.timed import DAY, HOUR, MINUTE, Task, Tick

CONSUMER, CONSUMER_SEEN = "consumer", 180.0  # seconds since it was last seen
A_WHILE = timedelta(seconds=20)  # of drawing, in a round of the timed work that others wait for


def ask_codes(tick: Tick) -> None:
    """Where the health-code service was silent at the gate, it is asked again."""
    if site.health_code is not None:
        code_checks.ask_again(tick, site.health_code, site.vault)


def take_staff_readings(tick: Tick) -> None:
    """What people who work here have declared at a gate goes to their employer's archive."""
    staff_readings.take_over(tick, site.vault)


def raise_notices(tick: Tick) -> None:
    """A gate that is silent when it is busy, thermometers that read cold, faults that are reported."""
    with tick.writing() as session:
        watch_rules.raise_notices(session, tick.now)


def go_on_with_batches(tick: Tick) -> None:
    """Imports whose worker died, or never came because nothing takes from the queue here."""
    batch_work.pick_up(import_sheets.bench())


def remind_of_reports(tick: Tick) -> None:
    """Who has not reported, and those above them, as the deadline comes nearer and passes. The work group too, where there is one."""
    with tick.looking() as session:
        slug = site.settings.robot_district if Channel.ROBOT in site.carriers else ""
        group = session.scalar(select(District.id).where(District.slug == slug)) if slug else None
    reminders.climb(tick, group)


def send_letters(tick: Tick) -> None:
    """E-mails and posts to a work group that wait, or have failed before."""
    if site.carriers:
        delivery.deliver(tick, site.carriers, lambda page: site.settings.public_url.rstrip("/") + page)


def go_out(tick: Tick) -> None:
    """What has just been decided reaches people now, not in a minute."""
    notice_rounds.go_round(tick)
    send_letters(tick)


def file_letters(tick: Tick, *, within: timedelta | None = A_WHILE) -> int:
    """Letters that both sides have signed become a file, once, and a sealed one where the site has a seal; answers how many."""
    if site.draw_letter is None:
        return 0
    draw = site.draw_letter if site.sealer is None else partial(site.draw_letter, to_seal=True)
    return letter_keeping.file_finished(tick, site.vault, draw, site.sealer, within=within)


def print_letters(tick: Tick) -> None:
    """Sets of letters that somebody waits for."""
    if site.draw_letter is not None:
        letter_keeping.print_waiting(tick, site.vault, site.draw_letter, pdf.joined)


def finish_letters(tick: Tick) -> int:
    """Both now and to the end, behind the person's back: somebody waits in front of the page."""
    print_letters(tick)
    return file_letters(tick, within=None)


TASKS = (
    Task("end_visits", "到关门时间结束来访", MINUTE, chores.end_visits),
    Task("ask_codes", "补查健康码", MINUTE, ask_codes),
    Task("take_staff_readings", "把员工的入口登记记进健康档案", MINUTE, take_staff_readings),
    Task("raise_notices", "看入口有没有异常", MINUTE, raise_notices),
    Task("go_on_with_batches", "接着做没做完的导入", MINUTE, go_on_with_batches),
    Task("keep_ledger", "记报送台账", MINUTE, ledger_work.keep),
    Task("raise_alerts", "看有没有像聚集的", 5 * MINUTE, cluster_alerts.raise_alerts),
    Task("tally_reports", "汇总报送", MINUTE, report_tally.keep),
    Task("remind_of_reports", "按时提醒报送", MINUTE, remind_of_reports),
    Task(
        "end_outdated_letters", "结束法定代表人、首席健康官变更的责任书", MINUTE, letter_keeping.end_outdated
    ),
    Task("know_standings", "更新企业缺岗情况", MINUTE, chores.know_standings),
    Task("go_round", "送达通知和提醒", MINUTE, notice_rounds.go_round),
    Task("clear_away", "清理过期的会话、链接和配对码", HOUR, chores.clear_away),
    Task("keep_weeks", "准备下几周的登记表", DAY, chores.keep_weeks),
    Task("make_sums", "做日合计", DAY, chores.make_sums),
    Task("keep_symptom_weeks", "做每周症状合计", DAY, symptom_weeks.keep),
    Task("purge", "销毁到期登记、员工健康信息", DAY, chores.destroy),
    Task("file_letters", "归档双方已签的责任书", MINUTE, file_letters),
    Task("print_letters", "合成要打印的责任书", MINUTE, print_letters),
    Task("send_letters", "发邮件、发工作群", MINUTE, send_letters),  # last: it waits for others
)


def tick_now() -> Tick:
    """What the timed work needs of this site."""
    return Tick(db.engine, site.book, site.now, Path(current_app.instance_path), site.now())


def tick() -> dict[str, timed.Outcome]:
    """Does the timed work that is due."""
    return timed.run(TASKS, tick_now())


@dataclass(frozen=True, slots=True)
class Background:
    """The queue with what can be put into it. A task of the queue is a number: nothing in it names anybody."""

    queue: SqliteHuey
    work_on_batch: Callable[[int], object]
    go_out: Callable[[], object]
    finish_letters: Callable[[], object]
    tick_each_minute: Callable[[], object]

    def is_emptied(self) -> bool:
        """Whether a consumer is at work on this machine. Where a timer does the timed work there is none: what was put in would lie
        there for good, and the timer finds the work itself."""
        seen = self.queue.get(CONSUMER, peek=True)
        return seen is not None and time.time() - seen < CONSUMER_SEEN


def queue_of(app: Flask) -> Background:
    """The one queue of this machine, for the site that puts in and the consumer that takes out. It is a file: what several
    machines must not do twice, the database says."""
    if "background" not in app.extensions:
        app.extensions["background"] = _background(app)
    background: Background = app.extensions["background"]
    return background


def _background(app: Flask) -> Background:
    queue = SqliteHuey("site", filename=str(Path(app.instance_path) / "queue.db"), results=False)

    def inside(work: Callable[[], object]) -> None:
        def with_context() -> None:
            with app.app_context():
                work()

        contextvars.Context().run(with_context)

    @queue.periodic_task(crontab(minute="*"), expires=55)
    def tick_each_minute() -> None:
        queue.put(CONSUMER, time.time())
        inside(tick)

    @queue.task()
    def work_on_batch(batch_id: int) -> None:
        inside(lambda: batch_work.work(import_sheets.bench(), batch_id))

    @queue.task()
    def go_out_now() -> None:
        inside(lambda: go_out(tick_now()))

    @queue.task()
    def finish_letters_now() -> None:
        inside(lambda: finish_letters(tick_now()))

    return Background(queue, work_on_batch, go_out_now, finish_letters_now, tick_each_minute)


def begin_batch(batch_id: int) -> None:
    """After the commit: has the batch worked on. Tests wait for it."""
    if site.settings.env == "test":
        batch_work.work(import_sheets.bench(), batch_id)
    else:
        _put(lambda background: background.work_on_batch(batch_id))


def begin_going_out() -> None:
    """After the commit: messages and letters go out behind the person's back. Tests wait for it."""
    if site.settings.env == "test":
        go_out(tick_now())
    else:
        _put(lambda background: background.go_out())


def begin_finishing_letters() -> None:
    """After the commit: letters are filed and sets put together. Tests wait for it."""
    if site.settings.env == "test":
        finish_letters(tick_now())
    else:
        _put(lambda background: background.finish_letters())


def _put(task: Callable[[Background], object]) -> None:
    background = queue_of(current_app._get_current_object())  # type: ignore[attr-defined]
    if background.is_emptied():
        task(background)


def consumer_of(app: Flask) -> Consumer:
    """The queue's consumer, which ticks when it starts and every minute."""
    background = queue_of(app)
    background.tick_each_minute()
    return background.queue.create_consumer(workers=2)
