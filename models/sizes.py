"""How large an enterprise is (大中小微型): the National Bureau of Statistics' table of 2017, as data and one pure function."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .base import Labelled


class Sector(Labelled):
    """行业, as the table of sizes divides them."""

    FARMING = "farming", "农林牧渔业"
    INDUSTRY = "industry", "工业"
    BUILDING = "building", "建筑业"
    WHOLESALE = "wholesale", "批发业"
    RETAIL = "retail", "零售业"
    TRANSPORT = "transport", "交通运输业"
    STORAGE = "storage", "仓储业"
    POST = "post", "邮政业"
    HOTELS = "hotels", "住宿业"
    CATERING = "catering", "餐饮业"
    TELECOM = "telecom", "信息传输业"
    SOFTWARE = "software", "软件和信息技术服务业"
    REAL_ESTATE = "real_estate", "房地产开发经营"
    PROPERTY = "property", "物业管理"
    LEASING = "leasing", "租赁和商务服务业"
    OTHER = "other", "其他未列明行业"


class Size(Labelled):
    LARGE = "large", "大型"
    MEDIUM = "medium", "中型"
    SMALL = "small", "小型"
    MICRO = "micro", "微型"


STAFF, REVENUE, ASSETS = "从业人员", "营业收入", "资产总额"
S = Sector
_LIKE_INDUSTRY = (1000, 300, 20)

# Lower bounds of large, medium and small: people, and 万元 of revenue and assets. What a sector does not name is not asked.
BOUNDS: Mapping[Sector, Mapping[str, tuple[int, int, int]]] = {
    S.FARMING: {REVENUE: (20_000, 500, 50)},
    S.INDUSTRY: {STAFF: _LIKE_INDUSTRY, REVENUE: (40_000, 2_000, 300)},
    S.BUILDING: {REVENUE: (80_000, 6_000, 300), ASSETS: (80_000, 5_000, 300)},
    S.WHOLESALE: {STAFF: (200, 20, 5), REVENUE: (40_000, 5_000, 1_000)},
    S.RETAIL: {STAFF: (300, 50, 10), REVENUE: (20_000, 500, 100)},
    S.TRANSPORT: {STAFF: _LIKE_INDUSTRY, REVENUE: (30_000, 3_000, 200)},
    S.STORAGE: {STAFF: (200, 100, 20), REVENUE: (30_000, 1_000, 100)},
    S.POST: {STAFF: _LIKE_INDUSTRY, REVENUE: (30_000, 2_000, 100)},
    S.HOTELS: {STAFF: (300, 100, 10), REVENUE: (10_000, 2_000, 100)},
    S.CATERING: {STAFF: (300, 100, 10), REVENUE: (10_000, 2_000, 100)},
    S.TELECOM: {STAFF: (2_000, 100, 10), REVENUE: (100_000, 1_000, 100)},
    S.SOFTWARE: {STAFF: (300, 100, 10), REVENUE: (10_000, 1_000, 50)},
    S.REAL_ESTATE: {REVENUE: (200_000, 1_000, 100), ASSETS: (10_000, 5_000, 2_000)},
    S.PROPERTY: {STAFF: (1_000, 300, 100), REVENUE: (5_000, 1_000, 500)},
    S.LEASING: {STAFF: (300, 100, 10), ASSETS: (120_000, 8_000, 100)},
    S.OTHER: {STAFF: (300, 100, 10)},
}


@dataclass(frozen=True, slots=True)
class Sized:
    """The size class, or which indicators are missing for it."""

    size: Size | None
    missing: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        return self.size.label if self.size else f"要划型，还缺{'、'.join(self.missing)}"


def size_of(sector: Sector | None, *, staff: int | None, revenue: int | None, assets: int | None) -> Sized:
    """The first class all of whose lower bounds are reached, micro otherwise (ORG-1). Revenue and assets in 万元."""
    if sector is None:
        return Sized(None, ("行业",))
    bounds = BOUNDS[sector]
    known = {STAFF: staff, REVENUE: revenue, ASSETS: assets}
    values = {name: value for name in bounds if (value := known[name]) is not None}
    if len(values) < len(bounds):
        return Sized(None, tuple(name for name in bounds if name not in values))
    for step, size in enumerate((Size.LARGE, Size.MEDIUM, Size.SMALL)):
        if all(value >= bounds[name][step] for name, value in values.items()):
            return Sized(size)
    return Sized(Size.MICRO)
