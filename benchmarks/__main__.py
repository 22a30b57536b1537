"""`python -m benchmarks --only poll,day --rounds 5 --seconds 3 --database sqlite`; without them: all, on both databases.

`--large` takes ten million check-ins for "many", 2,000 letters and the morning's peak at its full length: half an hour in all.
"""

from __future__ import annotations

import argparse
import sys

from benchmarks import blank_rows, days, enterprises, gate, imports, letters, peak, polls, reports
from benchmarks.report import Report
from benchmarks.servers import pin_to_the_others

PARTS = (
    "page",
    "check-in",
    "poll",
    "day",
    "import",
    "blank",
    "enterprises",
    "reports",
    "letters",
    "crowd",
    "peak",
    "half",
)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="性能测量，只在本机回环地址上")
    parser.add_argument("--only", default=",".join(PARTS), help=f"只量这些，用逗号隔开：{','.join(PARTS)}")
    parser.add_argument("--rounds", type=int, default=5, help="交替几轮（默认5）")
    parser.add_argument("--seconds", type=float, default=3, help="一轮大约几秒（默认3）")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], help="只用这一种（默认两种都量）")
    parser.add_argument("--large", action="store_true", help="一千万条登记、完整的早高峰（约半小时）")
    parser.add_argument("--firms", type=int, help="报送这一项用多少家企业（默认SQLite一万，PostgreSQL十万）")
    chosen = parser.parse_args()
    parts = chosen.only.split(",")
    if unknown := set(parts) - set(PARTS):
        parser.error(f"没有这一项：{'、'.join(sorted(unknown))}")
    kinds = [chosen.database] if chosen.database else ["sqlite", "postgresql"]
    rounds, seconds = max(chosen.rounds, 1), chosen.seconds
    pin_to_the_others()
    report = Report()
    for number, kind in enumerate(kinds):
        gate.run(report, kind, parts if number == 0 else [p for p in parts if p != "page"], rounds, seconds)
        if "poll" in parts:
            polls.run(report, kind, rounds, seconds)
        if "day" in parts:
            days.run(report, kind, rounds, seconds, large=chosen.large)
        if "import" in parts:
            imports.run(report, kind, rounds)
        if "blank" in parts and number == 0:  # it asks no database
            blank_rows.run(report)
        if "enterprises" in parts:
            enterprises.run(report, kind, rounds, seconds)
        if "reports" in parts:
            reports.run(report, kind, rounds, seconds, many=chosen.firms)
        if "letters" in parts:
            letters.run(report, kind, rounds, large=chosen.large)
        if {"crowd", "peak", "half"} & set(parts):
            peak.run(report, kind, parts, large=chosen.large)
    report.print()
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
