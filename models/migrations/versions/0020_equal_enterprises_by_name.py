"""Enterprises that lack as much, or are as large, stand by name in an officer's list: the indexes of its orders say so."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

OPEN, CLOSED = "closed_at IS NULL", "closed_at IS NOT NULL"
WORST_FIRST = ["district_id", sa.text("lacking DESC"), sa.text("heads DESC"), "name", "id"]
INDEXES = {
    "ix_enterprise_lacking": (WORST_FIRST, ["district_id", "lacking", "heads", "id"], OPEN),
    "ix_enterprise_heads": (
        ["district_id", sa.text("heads DESC"), "name", "id"],
        ["district_id", "heads", "id"],
        OPEN,
    ),
    "ix_enterprise_closed": (WORST_FIRST, ["district_id", "lacking", "heads", "id"], CLOSED),
}


def upgrade() -> None:
    for name, (columns, _before, which) in INDEXES.items():
        _make(name, columns, which)


def downgrade() -> None:
    for name, (_columns, before, which) in INDEXES.items():
        _make(name, before, which)


def _make(name: str, columns: list, which: str) -> None:
    op.drop_index(name, "enterprise")
    op.create_index(name, "enterprise", columns, sqlite_where=sa.text(which), postgresql_where=sa.text(which))
