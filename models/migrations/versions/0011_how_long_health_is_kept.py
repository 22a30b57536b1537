"""The sums of an enterprise's work days, which stay when entries go, and the ways to what is due."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "health_day_sum",
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("expected", sa.Integer(), nullable=False),
        sa.Column("reported", sa.Integer(), nullable=False),
        sa.Column("abnormal", sa.Integer(), nullable=False),
        sa.Column("absent_ill", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.id"], name=op.f("fk_health_day_sum_enterprise_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_health_day_sum")),
        sa.UniqueConstraint("enterprise_id", "day", name=op.f("uq_health_day_sum_enterprise_id_day")),
    )
    with op.batch_alter_table("health_entry") as table:
        table.create_index(table.f("ix_health_entry_work_on"), ["work_on"], unique=False)
    with op.batch_alter_table("follow_up") as table:
        table.create_index(table.f("ix_follow_up_entry_id"), ["entry_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("follow_up") as table:
        table.drop_index(table.f("ix_follow_up_entry_id"))
    with op.batch_alter_table("health_entry") as table:
        table.drop_index(table.f("ix_health_entry_work_on"))
    op.drop_table("health_day_sum")
