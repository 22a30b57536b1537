"""`python -m benchmarks gate --rounds 5 --seconds 3 --database sqlite`; without a database: both."""

from __future__ import annotations

import argparse
import sys

from benchmarks import gate
from benchmarks.servers import pin_to_the_others


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="性能测量，只在本机回环地址上")
    parser.add_argument("what", nargs="?", default="gate", choices=["gate"], help="量什么")
    parser.add_argument("--rounds", type=int, default=5, help="交替几轮（默认5）")
    parser.add_argument("--seconds", type=float, default=3, help="一轮大约几秒（默认3）")
    parser.add_argument("--database", choices=["sqlite", "postgresql"], help="只用这一种（默认两种都量）")
    chosen = parser.parse_args()
    kinds = [chosen.database] if chosen.database else ["sqlite", "postgresql"]
    pin_to_the_others()
    report = gate.run(kinds, max(chosen.rounds, 1), chosen.seconds)
    report.print()
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
