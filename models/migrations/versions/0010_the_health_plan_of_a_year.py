"""The health plan of an enterprise for a year, its activities, the changes after it was issued, and what shows that it was kept."""

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

    op.create_table(
        "stored_file",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("kept_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_file")),
        sa.UniqueConstraint("digest", name=op.f("uq_stored_file_digest")),
    )
    op.create_table(
        "evidence",
        sa.Column("activity_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by_id", sa.Integer(), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_by_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["activity_id"], ["activity.id"], name=op.f("fk_evidence_activity_id")),
        sa.ForeignKeyConstraint(["added_by_id"], ["account.id"], name=op.f("fk_evidence_added_by_id")),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_evidence_file_id")),
        sa.ForeignKeyConstraint(["removed_by_id"], ["account.id"], name=op.f("fk_evidence_removed_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_evidence")),
    )
    with op.batch_alter_table("evidence") as table:
        table.create_index(table.f("ix_evidence_file_id"), ["file_id"], unique=False)
        table.create_index("uq_evidence_activity_file", ["activity_id", "file_id"], unique=True)
        table.create_index("uq_evidence_activity_number", ["activity_id", "number"], unique=True)


def downgrade() -> None:
    with op.batch_alter_table("evidence") as table:
        table.drop_index("uq_evidence_activity_number")
        table.drop_index("uq_evidence_activity_file")
        table.drop_index(table.f("ix_evidence_file_id"))

    op.drop_table("evidence")
    op.drop_table("stored_file")
    with op.batch_alter_table("plan_change") as table:
        table.drop_index(table.f("ix_plan_change_plan_id"))

    op.drop_table("plan_change")
    with op.batch_alter_table("activity") as table:
        table.drop_index(table.f("ix_activity_plan_id"))

    op.drop_table("activity")
    with op.batch_alter_table("plan") as table:
        table.drop_index("uq_plan_enterprise_year")

    op.drop_table("plan")
