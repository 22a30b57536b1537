"""Reports added up by period, street, unit, place and size; what a report looked like at its deadline; reports upwards."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

COUNTERS = (
    "expected", "received", "on_time", "zero", "returned", "excused", "waiting", "fever", "fever_firms", "excused_at_due",
    "zero_at_due", "returned_at_due",
)  # fmt: skip
BY = {
    "street": "street_id",
    "community": "community_id",
    "unit": "unit_id",
    "place": "place_id",
    "size": "size_key",
}
SIZE = "CASE size WHEN 'large' THEN 1 WHEN 'medium' THEN 2 WHEN 'small' THEN 3 WHEN 'micro' THEN 4 ELSE 0 END"
FEVER = {"sqlite": "json_extract(figures, '$.fever')", "postgresql": "CAST(figures ->> 'fever' AS INTEGER)"}


def upgrade() -> None:
    op.add_column(
        "obligation", sa.Column("zero_at_due", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column(
        "obligation", sa.Column("returned_at_due", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.drop_index("ix_obligation_district", "obligation")
    op.create_index("ix_obligation_district", "obligation", ["district_id", "last_on", "enterprise_id"])
    op.execute(f"UPDATE obligation SET zero_at_due = {_true()} WHERE id IN ({_AT_DUE} AND v.source = 'zero')")
    op.execute(f"UPDATE obligation SET returned_at_due = {_true()} WHERE id IN ({_RETURNED_AT_DUE})")
    op.create_table(
        "report_tally",
        sa.Column("id", _big(), nullable=False),
        sa.Column("street_id", sa.Integer(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("key", sa.Integer(), nullable=False),
        *_counted(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_tally")),
    )
    op.create_index(
        "uq_report_tally", "report_tally", ["district_id", "street_id", "by", "last_on", "first_on", "mode", "key"], unique=True
    )  # fmt: skip
    op.create_table(
        "report_shift",
        sa.Column("id", _big(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("street_id", "community_id", "unit_id", "place_id", "size_key")),
        *_counted(),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_shift")),
    )  # fmt: skip
    op.create_index("ix_report_shift_district", "report_shift", ["district_id", "last_on"])
    for street in ("0", "street_id"):
        for by in ("all", *BY):
            if street == "0" or by not in ("all", "street"):
                op.execute(_filled(street, by))

    op.create_table(
        "unit_report",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("scope_id", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("sums", sa.JSON(), nullable=False),
        sa.Column("comment", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=32), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("judged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("judged_by_id", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_unit_report_district_id")),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_unit_report_by_id")),
        sa.ForeignKeyConstraint(["judged_by_id"], ["account.id"], name=op.f("fk_unit_report_judged_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit_report")),
    )
    op.create_index(
        "uq_unit_report_version", "unit_report", ["district_id", "last_on", "first_on", "mode", "scope", "scope_id", "number"],
        unique=True,
    )  # fmt: skip


def downgrade() -> None:
    op.drop_table("unit_report")
    op.drop_table("report_shift")
    op.drop_table("report_tally")
    op.drop_index("ix_obligation_district", "obligation")
    op.create_index("ix_obligation_district", "obligation", ["district_id", "last_on", "street_id"])
    op.drop_column("obligation", "returned_at_due")
    op.drop_column("obligation", "zero_at_due")


def _big() -> sa.types.TypeEngine:
    return sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def _counted() -> list[sa.Column]:
    return [
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("mode", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        *(sa.Column(name, sa.Date(), nullable=False) for name in ("first_on", "last_on")),
        *(sa.Column(name, sa.DateTime(timezone=True), nullable=False) for name in ("opens_at", "due_at", "locks_at")),
        *(sa.Column(name, sa.BigInteger() if name == "fever" else sa.Integer(), nullable=False) for name in COUNTERS),
    ]  # fmt: skip


def _true() -> str:
    return "1" if op.get_bind().dialect.name == "sqlite" else "true"


# the newest version that there was at the deadline
_AT_DUE = """
SELECT o.id FROM obligation o JOIN report_version v ON v.obligation_id = o.id AND v.at <= o.due_at
WHERE NOT EXISTS (SELECT 1 FROM report_version w WHERE w.obligation_id = o.id AND w.number > v.number AND w.at <= o.due_at)
"""
_RETURNED_AT_DUE = f"""{_AT_DUE} AND (SELECT r.verdict FROM report_review r WHERE r.version_id = v.id AND r.at <= o.due_at
ORDER BY r.id DESC LIMIT 1) = 'returned'"""


def _filled(street: str, by: str) -> str:
    """What fills the roll-up for one way of dividing: `street` is "0" for the whole district."""
    owed, came = "excused_at IS NULL", "excused_at IS NULL AND received_at IS NOT NULL"
    key = "0" if by == "all" else SIZE if by == "size" else f"COALESCE({BY[by]}, 0)"
    fever = f"COALESCE({FEVER[op.get_bind().dialect.name]}, 0)"
    sums = (
        (owed, "1"), (came, "1"), (f"{came} AND received_at <= due_at", "1"), (f"{came} AND zero", "1"),
        (f"{came} AND review = 'returned'", "1"), ("excused_at IS NOT NULL", "1"), (f"{came} AND review = 'waiting'", "1"),
        (came, fever), (f"{came} AND {fever} > 0", "1"), ("excused_at <= due_at", "1"), ("zero_at_due", "1"),
        ("returned_at_due", "1"),
    )  # fmt: skip
    numbers = ", ".join(f"SUM(CASE WHEN {which} THEN {what} ELSE 0 END)" for which, what in sums)
    groups = [
        "district_id",
        "mode",
        "first_on",
        "last_on",
        *([] if street == "0" else [street]),
        *([] if by == "all" else [key]),
    ]
    return f"""
INSERT INTO report_tally (district_id, street_id, "by", "key", mode, kind, first_on, last_on, opens_at, due_at, locks_at,
{", ".join(COUNTERS)})
SELECT district_id, {street}, '{by}', {key}, mode, MAX(kind), first_on, last_on, MAX(opens_at), MAX(due_at), MAX(locks_at), {numbers}
FROM obligation WHERE voided_at IS NULL GROUP BY {", ".join(groups)}"""
