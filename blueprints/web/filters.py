"""Dates, times and numbers as people write them (显示格式): 11月20日 周五, 09:41, 1,036."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta

from models.base import local

WEEKDAYS = "一二三四五六日"


def clock_time(at: datetime) -> str:
    return f"{local(at):%H:%M}"


def clock_seconds(at: datetime) -> str:
    return f"{local(at):%H:%M:%S}"


def day(on: date | datetime) -> str:
    """11月20日"""
    on = local(on).date() if isinstance(on, datetime) else on
    return f"{on.month}月{on.day}日"


def full_day(on: date | datetime) -> str:
    """2026年11月20日"""
    on = local(on).date() if isinstance(on, datetime) else on
    return f"{on.year}年{on.month}月{on.day}日"


def weekday(on: date | datetime) -> str:
    on = local(on).date() if isinstance(on, datetime) else on
    return f"周{WEEKDAYS[on.weekday()]}"


def instant(at: datetime) -> str:
    """11月20日09:41"""
    return day(at) + clock_time(at)


def wall_instant(at: datetime) -> str:
    """The same of a wall time, which has no time zone: what a scheme computes with."""
    return f"{at.month}月{at.day}日{at:%H:%M}"


def full_instant(at: datetime) -> str:
    return f"{full_day(at)}{clock_seconds(at)}"


def iso(at: datetime) -> str:
    """For <time datetime>."""
    return local(at).isoformat(timespec="seconds")


def span(length: timedelta) -> str:
    """6分钟, 2小时, 3天: the largest unit alone, rounded down."""
    minutes = int(length.total_seconds() // 60)
    if minutes < 1:
        return "不到1分钟"
    if minutes < 60:
        return f"{minutes}分钟"
    if minutes < 24 * 60:
        return f"{minutes // 60}小时"
    return f"{minutes // (24 * 60)}天"


def shanghai_day(at: datetime) -> date:
    return local(at).date()


def thousands(number: int) -> str:
    return f"{number:,}"


def counted(number: int, most: int) -> str:
    """1,036; 10,000+ where counting stopped at `most`."""
    return f"{most:,}+" if number > most else thousands(number)


def file_size(size: int) -> str:
    """1.4 MB, 23 KB; what is smaller is 1 KB."""
    return f"{size / 1024 / 1024:.1f} MB" if size >= 1024 * 1024 else f"{max(round(size / 1024), 1)} KB"


def split_number(name: str) -> tuple[str, str, str]:
    """The number of a gate, large on its door plate: 东门2号口 is 东门, 2, 号口."""
    parts = re.fullmatch(r"([^0-9]*)([0-9]{1,3})([^0-9]*)", name)
    return (parts[1], parts[2], parts[3]) if parts else (name, "", "")


ALL = (
    clock_time,
    clock_seconds,
    day,
    full_day,
    weekday,
    instant,
    wall_instant,
    full_instant,
    iso,
    span,
    thousands,
    counted,
    file_size,
    shanghai_day,
    split_number,
)
