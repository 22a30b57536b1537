"""Batches of rows from workbooks: looked at, taken over, taken back."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "batch",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("enterprise_id", sa.Integer(), nullable=True),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("community_id", sa.Integer(), nullable=True),
        sa.Column("district_id", sa.Integer(), nullable=True),
        sa.Column("file_name", sa.String(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("trouble", sa.String(), nullable=False),
        sa.Column("ignored", sa.String(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("news", sa.Integer(), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("sames", sa.Integer(), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.Column("previewed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("applied_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("worker", sa.String(), nullable=False),
        sa.Column("heartbeat", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("upload", sa.LargeBinary(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_batch_by_id")),
        sa.ForeignKeyConstraint(["community_id"], ["community.id"], name=op.f("fk_batch_community_id")),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_batch_district_id")),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprise.id"], name=op.f("fk_batch_enterprise_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_batch_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch")),
    )
    with op.batch_alter_table("batch") as table:
        table.create_index("ix_batch_community_at", ["community_id", "at"], unique=False)
        table.create_index("ix_batch_district_at", ["district_id", "at"], unique=False)
        table.create_index("ix_batch_enterprise_at", ["enterprise_id", "at"], unique=False)
        table.create_index("ix_batch_state", ["state"], unique=False)
        table.create_index("ix_batch_unit_at", ["unit_id", "at"], unique=False)

    op.create_table(
        "batch_part",
        sa.Column("batch_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("news", sa.Integer(), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("sames", sa.Integer(), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("doubts", sa.Integer(), nullable=False),
        sa.Column("kept", sa.Integer(), nullable=False),
        sa.Column("applied", sa.Boolean(), nullable=False),
        sa.Column("rows", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["batch.id"], name=op.f("fk_batch_part_batch_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_batch_part")),
    )
    with op.batch_alter_table("batch_part") as table:
        table.create_index("uq_batch_part_batch_number", ["batch_id", "number"], unique=True)


def downgrade() -> None:
    with op.batch_alter_table("batch_part") as table:
        table.drop_index("uq_batch_part_batch_number")

    op.drop_table("batch_part")
    with op.batch_alter_table("batch") as table:
        table.drop_index("ix_batch_unit_at")
        table.drop_index("ix_batch_state")
        table.drop_index("ix_batch_enterprise_at")
        table.drop_index("ix_batch_district_at")
        table.drop_index("ix_batch_community_at")

    op.drop_table("batch")
