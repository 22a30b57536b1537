"""What most enterprises do in a year for the health of their people (常见活动): offered to a plan that is still empty."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from .plans import ActivityKind, Plan, month_days


@dataclass(frozen=True, slots=True)
class Suggestion:
    key: str
    kind: ActivityKind
    title: str
    months: tuple[int, int]  # first and last
    target: str

    def days(self, year: int) -> tuple[date, date]:
        return month_days(year, self.months[0])[0], month_days(year, self.months[1])[1]

    @property
    def when(self) -> str:
        first, last = self.months
        return f"{first}月" if first == last else f"{first}月至{last}月"


K = ActivityKind
SUGGESTIONS = (
    Suggestion("spring-talk", K.EDUCATION, "春季呼吸道传染病预防讲座", (3, 3), "全体员工"),
    Suggestion("check-up", K.CHECK_UP, "员工年度健康体检", (4, 6), "全体员工"),
    Suggestion("first-aid", K.EDUCATION, "心肺复苏和常用急救培训", (5, 5), "各部门至少2人"),
    Suggestion("occupational", K.OCCUPATIONAL, "接触有害因素岗位的职业健康检查", (6, 6), "接触粉尘、噪声、化学品的员工"),
    Suggestion("heat", K.SURROUNDINGS, "防暑降温检查：饮水、通风、药品", (6, 7), "车间、仓库和户外岗位"),
    Suggestion("canteen", K.SURROUNDINGS, "食堂和饮用水卫生检查", (7, 7), "食堂、茶水间"),
    Suggestion("air", K.SURROUNDINGS, "空调清洗和办公区通风检查", (9, 9), "办公区"),
    Suggestion("mind", K.MIND, "心理健康讲座和一对一咨询日", (10, 10), "全体员工"),
    Suggestion("vaccination", K.EDUCATION, "流感疫苗接种动员", (10, 11), "全体员工"),
    Suggestion("drill", K.DRILL, "发现多人发热时的应急演练", (11, 11), "健康岗位、各部门负责人"),
    Suggestion("habits", K.EDUCATION, "控烟、少盐、多活动宣传", (12, 12), "全体员工"),
    Suggestion("review", K.OTHER, "全年健康工作小结", (12, 12), "管理层"),
)  # fmt: skip


def suggested(year: int, today: date) -> list[Suggestion]:
    """Those that can still be kept in that year."""
    return [one for one in SUGGESTIONS if one.days(year)[1] >= today]


def take_over(plan: Plan, keys: Collection[str], *, responsible: str, now: datetime, by_id: int) -> int:
    """Adds the chosen ones that are not in the plan yet; answers how many."""
    there = {one.title for one in plan.activities}
    chosen = [one for one in SUGGESTIONS if one.key in keys and one.title not in there]
    for one in chosen:
        plan.add(
            one.kind,
            one.title,
            *one.days(plan.year),
            responsible=responsible,
            target=one.target,
            now=now,
            by_id=by_id,
        )
    return len(chosen)
