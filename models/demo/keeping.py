"""What a district keeps and no longer has (保存与销毁): sums of the past days, the last nights' records, one hold."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from random import Random

from sqlalchemy.orm import Session

from models import sums
from models.base import SHANGHAI, local
from models.demo.town import CHIEF, Town
from models.destruction import CHECK_INS, METHODS
from models.keeping import Destruction, Hold
from models.policy.book import Book
from models.retention import plan_of

NIGHTS = 3
DAY = timedelta(days=1)


def keep(session: Session, town: Town, book: Book, now: datetime, *, seed: str) -> None:
    """Beside the days that were lived: three nights on which what was older went, and rows that an investigation holds."""
    rng = Random(f"{seed}/keeping")
    today = local(now).date()
    plan = plan_of(session, book, town.district.id, today)
    assert plan is not None, "the district has adopted a scheme"
    crowd = sum(site.crowd for site in town.sketch.sites())
    for back in reversed(range(NIGHTS)):
        night = today - back * DAY
        gone = plan.last - back * DAY
        session.add(
            Destruction(
                at=datetime.combine(night, time(0, 0, rng.randrange(3, 40)), SHANGHAI), district_id=town.district.id,
                rule=plan.rule, kind=CHECK_INS, from_on=gone, to_on=gone,
                number=round(crowd * rng.uniform(0.8, 1.1)), digest=rng.randbytes(32),
                method=METHODS[session.get_bind().dialect.name],
            )
        )  # fmt: skip
    place, chief = town.places["石桥路创业楼"], town.accounts[CHIEF]
    session.add(
        Hold.make(
            district_id=town.district.id, place=place, order=None, document=f"云健函〔{today.year}〕12号",
            reason="查明一起聚集性发热的接触者，区疾控中心来函要求保留", from_on=today - 14 * DAY, to_on=today - 11 * DAY,
            expires_on=today + 60 * DAY, now=now - 2 * DAY, by_id=chief.id,
        )
    )  # fmt: skip


def sum_up(session: Session, now: datetime) -> None:
    """The sums of all days but today, as a night's work would have made them."""
    session.flush()
    for day, place_ids in sums.wanting(session, local(now).date()).items():
        sums.keep(session, sums.sums_of(session, place_ids, day))
