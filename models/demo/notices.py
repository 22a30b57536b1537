"""What the office of the demo has told people (通知): a manual, a policy to confirm, a card, key points, one withdrawn, a draft."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import select
from sqlalchemy.orm import Session

from models import notice_readers
from models.access import Post
from models.accounts import Account, Appointment
from models.base import local
from models.demo.town import CHIEF, Town
from models.inbox import tell
from models.notice_rounds import NoticeRound, RoundKind
from models.notices import Notice, NoticeKind, NoticeReceipt

STAFF = (Post.CHIEF_HEALTH_OFFICER, Post.HEALTH_MANAGER)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Written:
    """A notice of the demo: who wrote it how long ago, and which share of its people has read and confirmed."""

    kind: NoticeKind
    title: str
    text: str
    ago: timedelta
    by: str = CHIEF
    posts: Sequence[Post] = STAFF
    must_confirm: bool = False
    read: float = 0.8
    confirmed: float = 0.0
    withdrawn: str = ""
    draft: bool = False


WRITTEN = (
    Written(
        NoticeKind.MANUAL, "企业健康管理员工作手册",
        "这本手册说明健康管理员每天、每周、每月要做的事，新上任的请先读完。\n每天：看谁没报、谁不舒服，跟到返岗那一天。\n"
        "每周：核对在岗人数、请假和排班，按时报送。\n每月：核对员工名册，离职的当天登记。\n有疑问，先问所在园区、楼宇的健康管理专员。",
        18 * DAY, posts=(*STAFF, Post.SPECIALIST), read=0.9,
    ),
    Written(
        NoticeKind.POLICY, "换季期间传染病防控工作要求",
        "近期气温变化大，呼吸道传染病进入高发期，请各企业做好以下工作。\n一、员工有发热、咳嗽等症状的，先不到岗，及时就医。\n"
        "二、会议室、食堂、电梯间每天通风两次，每次30分钟以上。\n三、同一班组3天内有2人以上发热的，马上电话报告。\n"
        "四、首席健康官读后请按“已阅知”。",
        10 * DAY, must_confirm=True, read=0.8, confirmed=0.65,
    ),
    Written(
        NoticeKind.POLICY, "关于园区食堂错峰就餐的安排", "各企业按附表的时间分批就餐。", 6 * DAY, read=0.4,
        withdrawn="附表的时间有误，请等更正后的通知",
    ),
    Written(
        NoticeKind.CARD, "冬春季呼吸道传染病，记住这六条",
        "发热、咳嗽先不上班，在家休息，及时就医\n人多、不通风的地方戴口罩\n勤洗手，不用脏手摸眼睛、鼻子和嘴\n"
        "办公室每天开窗两次，每次30分钟\n同事有症状，劝他休息，不要责备\n60岁以上和有慢性病的，尽早接种流感疫苗",
        4 * DAY, posts=(*STAFF, Post.SPECIALIST, Post.GATE_GUARD), read=0.6,
    ),
    Written(
        NoticeKind.DAILY_POINTS, "周末设备检修，周五下班前请锁好医药箱",
        "周六8点到18点，3号楼停电检修，健康观察室暂停使用。\n医药箱请交到专员值班室，周一上午取回。", 2 * DAY, by="zhuanyuan1",
        posts=(*STAFF, Post.GATE_GUARD), read=0.7,
    ),
    Written(
        NoticeKind.DAILY_POINTS, "补齐昨天没有报的人，再交周报",
        "一、昨天全区有少数企业没有报齐，请健康管理员上午10点前补齐。\n二、本周气温下降，提醒员工添衣、通风。\n"
        "三、周五下午3点前完成本周的名册核对。",
        2 * HOUR, must_confirm=True, read=0.35, confirmed=0.2,
    ),
    Written(
        NoticeKind.DAILY_POINTS, "下周走访安排", "下周二起走访还没有配齐健康岗位的企业，请准备执照和授权书。", HOUR, by="lianluo1",
        draft=True,
    ),
)  # fmt: skip


def publish(session: Session, town: Town, now: datetime, *, seed: str) -> int:
    """All of it, with receipts and messages; answers how many notices."""
    rng = Random(f"{seed}/notices")
    for one in WRITTEN:
        by, at = town.accounts[one.by], now - one.ago
        held = by.appointments[0]
        notice = Notice.write(
            district_id=town.district.id, by=by, by_scope=held.scope, by_scope_id=held.scope_id, now=at, kind=one.kind,
            title=one.title, text=one.text, posts=one.posts, scope=held.scope, scope_id=held.scope_id,
            must_confirm=one.must_confirm, to_group=False,
        )  # fmt: skip
        session.add(notice)
        session.flush()
        if not one.draft:
            _send(session, notice, one, by, at, now, rng)
    session.flush()
    return len(WRITTEN)


def _send(
    session: Session, notice: Notice, one: Written, by: Account, at: datetime, now: datetime, rng: Random
) -> None:
    people, enterprises = notice_readers.reached(session, notice, now)
    notice.send(people=people, enterprises=enterprises, now=at, by=by)
    named = select(Appointment.account_id).join(Account, Account.id == Appointment.account_id)
    ids = sorted(set(session.scalars(named.where(notice.addressed(now)))))
    tell(session, ids, notice.key, notice.subject, "", f"/notices/{notice.id}", at)
    session.add(_round(notice, RoundKind.SEND, at, by, people))
    for account_id in ids:
        if rng.random() < one.read:
            seen = at + rng.random() * min(now - at, DAY)
            NoticeReceipt.read(session, notice, account_id, now=seen)
            if rng.random() < one.confirmed / one.read:
                session.flush()
                NoticeReceipt.confirm(session, notice, account_id, now=seen)
    if one.withdrawn:
        notice.withdraw(reason=one.withdrawn, now=at + 3 * HOUR, by=by)
        session.add(_round(notice, RoundKind.WITHDRAW, at + 3 * HOUR, by, people))


def _round(notice: Notice, kind: RoundKind, at: datetime, by: Account, people: int) -> NoticeRound:
    return NoticeRound(
        notice=notice,
        kind=kind,
        on=local(at).date(),
        made_at=at,
        by=by,
        after_id=0,
        number=people,
        done_at=at,
    )
