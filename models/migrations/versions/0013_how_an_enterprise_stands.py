"""What an enterprise lacks, kept in its row, and the words by which it is found: unknown at first, `flask tick` works them out."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

BYTES = sa.String().with_variant(sa.String(collation="C"), "postgresql")
OPEN, CLOSED = ["closed_at IS NULL"] * 2, ["closed_at IS NOT NULL"] * 2
LEFT = ["deserted = 1 AND closed_at IS NULL", "deserted AND closed_at IS NULL"]  # SQLite, PostgreSQL
INDEXES = {
    "ix_enterprise_lacking": (["district_id", "lacking", "heads", "id"], OPEN),
    "ix_enterprise_heads": (["district_id", "heads", "id"], OPEN),
    "ix_enterprise_named": (["district_id", "name", "id"], OPEN),
    "ix_enterprise_closed": (["district_id", "lacking", "heads", "id"], CLOSED),
    "ix_enterprise_deserted": (["district_id", "name"], LEFT),
}


def upgrade() -> None:
    with op.batch_alter_table("enterprise") as table:
        table.add_column(sa.Column("lacking", sa.Integer(), server_default=sa.text("0"), nullable=False))
        table.add_column(sa.Column("heads", sa.Integer(), server_default=sa.text("0"), nullable=False))
        table.add_column(sa.Column("deserted", sa.Boolean(), server_default=sa.false(), nullable=False))
        table.add_column(
            sa.Column("known_until", sa.Date(), server_default=sa.text("'0001-01-01'"), nullable=False)
        )
    for name, (columns, (sqlite, postgresql)) in INDEXES.items():
        op.create_index(
            name, "enterprise", columns, sqlite_where=sa.text(sqlite), postgresql_where=sa.text(postgresql)
        )
    op.create_index("ix_enterprise_known_until", "enterprise", ["known_until"])
    op.create_table(
        "enterprise_word",
        sa.Column("word", BYTES, nullable=False),
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enterprise_id"],
            ["enterprise.id"],
            name=op.f("fk_enterprise_word_enterprise_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("word", "enterprise_id", name=op.f("pk_enterprise_word")),
    )
    op.create_index("ix_enterprise_word_enterprise_id", "enterprise_word", ["enterprise_id"])


def downgrade() -> None:
    op.drop_table("enterprise_word")
    for name in ("ix_enterprise_known_until", *INDEXES):
        op.drop_index(name, "enterprise")
    with op.batch_alter_table("enterprise") as table:
        for column in ("known_until", "deserted", "heads", "lacking"):
            table.drop_column(column)
