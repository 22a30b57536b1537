"""Staff who say at the gate that they work there; and what of a person's own passes on with a portfolio."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

PENDING = sa.text("staff = 'pending'")


def upgrade() -> None:
    op.add_column("check_in", sa.Column("staff", sa.String(length=32), nullable=True))
    op.create_index("ix_check_in_staff", "check_in", ["id"], sqlite_where=PENDING, postgresql_where=PENDING)


def downgrade() -> None:
    op.drop_index("ix_check_in_staff", "check_in")
    op.drop_column("check_in", "staff")
