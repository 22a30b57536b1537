"""Who looked at somebody's whole data, and why (查看记录), as the person whose data it is may read it.

Read from the audit: the post, the reason and the time. Who held the post stays there.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from .access import Post
from .audit import AuditLine, Result

# why somebody looks at a whole number (settled 3.6)
REASONS: dict[str, tuple[str, str]] = {
    "contact": ("联系本人", "to reach you"),
    "companions": ("通知同行人", "to reach somebody who came with you"),
    "tracing": ("协助流调", "for an epidemiological investigation"),
    "verify": ("核对登记内容", "to check what was registered"),
}
POSTS_EN = {Post.SPECIALIST: "health specialist", Post.GATE_GUARD: "gate guard"}


@dataclass(frozen=True, slots=True)
class Look:
    at: datetime
    posts: tuple[Post, ...]
    reason: str
    called: bool  # the number was dialled, not only looked at

    def words(self, english: bool = False) -> str:
        """健康管理专员查看了姓名和手机号，原因：联系本人"""
        reason = REASONS.get(self.reason, ("", ""))[english]
        if english:
            post = next((POSTS_EN[post] for post in self.posts if post in POSTS_EN), "authorised officer")
            done = "called your number" if self.called else "looked at name and mobile"
            return f"{post} {done}" + (f" {reason}" if reason else "")
        post = "、".join(post.label for post in self.posts) or "工作人员"
        done = "拨打了手机号" if self.called else "查看了姓名和手机号"
        return f"{post}{done}" + (f"，原因：{reason}" if reason else "")


def looks_at(session: Session, check_in_ids: Iterable[int]) -> dict[int, list[Look]]:
    """The looks at each of these rows, the newest first, from one query."""
    numbers = [str(number) for number in check_in_ids]
    lines = session.scalars(
        select(AuditLine)
        .where(
            AuditLine.object_type == "check_in", AuditLine.object_id.in_(numbers), AuditLine.result == Result.SEEN
        )
        .order_by(AuditLine.id.desc())
    )  # fmt: skip
    found: dict[int, list[Look]] = defaultdict(list)
    for line in lines:
        details = json.loads(line.details) if line.details else {}
        posts = tuple(Post(code) for code in line.post.split(",") if code in set(Post))
        found[int(line.object_id)].append(
            Look(line.at, posts, str(details.get("reason", "")), "call" in details)
        )
    return found
