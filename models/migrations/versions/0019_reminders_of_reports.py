"""Reminders of reports that have not come in, how many each of those above is told of; how a report was filled in."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "reminder",
        sa.Column("obligation_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("told", sa.JSON(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_reminder_by_id")),
        sa.ForeignKeyConstraint(["obligation_id"], ["obligation.id"], name=op.f("fk_reminder_obligation_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder")),
        sa.UniqueConstraint(
            "obligation_id", "step", "number", name=op.f("uq_reminder_obligation_id_step_number")
        ),
    )
    op.create_table(
        "reminder_digest",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_reminder_digest_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reminder_digest")),
        sa.UniqueConstraint(
            "account_id", "step", "due_at", name=op.f("uq_reminder_digest_account_id_step_due_at")
        ),
    )
    with op.batch_alter_table("reminder_digest") as table:
        table.create_index(
            "ix_reminder_digest_untold",
            ["account_id"],
            unique=False,
            sqlite_where=sa.text("told_at IS NULL"),
            postgresql_where=sa.text("told_at IS NULL"),
        )
    with op.batch_alter_table("report_version") as table:
        table.add_column(sa.Column("claimed_at", sa.DateTime(timezone=True), nullable=True))
        table.add_column(sa.Column("seconds", sa.Integer(), nullable=True))
        table.add_column(sa.Column("asked", sa.Integer(), nullable=True))
        table.add_column(sa.Column("prefilled", sa.Integer(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("report_version") as table:
        for name in ("prefilled", "asked", "seconds", "claimed_at"):
            table.drop_column(name)

    with op.batch_alter_table("reminder_digest") as table:
        table.drop_index("ix_reminder_digest_untold")

    op.drop_table("reminder_digest")
    op.drop_table("reminder")
