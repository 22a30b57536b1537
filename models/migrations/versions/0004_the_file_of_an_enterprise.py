"""What is on file about an enterprise, and who changed it."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

WORDS = ("legal_representative", "address")


def upgrade() -> None:
    op.create_table(
        "enterprise_change",
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.id"], name=op.f("fk_enterprise_change_enterprise_id")
        ),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_enterprise_change_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enterprise_change")),
    )
    with op.batch_alter_table("enterprise_change") as table:
        table.create_index("ix_enterprise_change_enterprise_at", ["enterprise_id", "at"], unique=False)

    with op.batch_alter_table("enterprise") as table:
        for name in WORDS:
            table.add_column(sa.Column(name, sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("phone", sa.LargeBinary(), nullable=True))
        table.add_column(sa.Column("sector", sa.String(length=32), nullable=True))
        table.add_column(sa.Column("revenue", sa.Integer(), nullable=True))
        table.add_column(sa.Column("assets", sa.Integer(), nullable=True))
    with op.batch_alter_table("enterprise") as table:
        for name in WORDS:
            table.alter_column(name, existing_type=sa.String(), server_default=None)

    # What is known of a head count is known since today: nobody wrote down since when it holds.
    op.execute(
        "INSERT INTO headcount (enterprise_id, from_on, number, written_at) "
        "SELECT id, CURRENT_DATE, headcount, CURRENT_TIMESTAMP FROM enterprise e WHERE headcount > 0 "
        "AND NOT EXISTS (SELECT 1 FROM headcount h WHERE h.enterprise_id = e.id)"
    )


def downgrade() -> None:
    with op.batch_alter_table("enterprise") as table:
        for name in ("assets", "revenue", "sector", "phone"):
            table.drop_column(name)
        for name in reversed(WORDS):
            table.drop_column(name)

    with op.batch_alter_table("enterprise_change") as table:
        table.drop_index("ix_enterprise_change_enterprise_at")

    op.drop_table("enterprise_change")
