"""The health plan of an enterprise for a year, its activities and the changes after it was issued."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "plan",
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("goals", sa.String(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("issued_by_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.CheckConstraint("(state = 'draft') = (issued_at IS NULL)", name=op.f("ck_plan_issued")),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprise.id"], name=op.f("fk_plan_enterprise_id")),
        sa.ForeignKeyConstraint(["issued_by_id"], ["account.id"], name=op.f("fk_plan_issued_by_id")),
        sa.ForeignKeyConstraint(["made_by_id"], ["account.id"], name=op.f("fk_plan_made_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan")),
    )
    with op.batch_alter_table("plan") as table:
        table.create_index("uq_plan_enterprise_year", ["enterprise_id", "year"], unique=True)

    op.create_table(
        "activity",
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("responsible", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.Column("reached", sa.Integer(), nullable=True),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("cancelled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_reason", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.CheckConstraint("done_on IS NULL OR cancelled_at IS NULL", name=op.f("ck_activity_one_end")),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_activity_days")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_activity_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_activity")),
    )
    with op.batch_alter_table("activity") as table:
        table.create_index(table.f("ix_activity_plan_id"), ["plan_id"], unique=False)

    op.create_table(
        "plan_change",
        sa.Column("plan_id", sa.Integer(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_plan_change_by_id")),
        sa.ForeignKeyConstraint(["plan_id"], ["plan.id"], name=op.f("fk_plan_change_plan_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_change")),
    )
    with op.batch_alter_table("plan_change") as table:
        table.create_index(table.f("ix_plan_change_plan_id"), ["plan_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("plan_change") as table:
        table.drop_index(table.f("ix_plan_change_plan_id"))

    op.drop_table("plan_change")
    with op.batch_alter_table("activity") as table:
        table.drop_index(table.f("ix_activity_plan_id"))

    op.drop_table("activity")
    with op.batch_alter_table("plan") as table:
        table.drop_index("uq_plan_enterprise_year")

    op.drop_table("plan")
