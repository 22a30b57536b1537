"""Staff who say at the gate that they work there; and what of a person's own passes on with a portfolio."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

PENDING = sa.text("staff = 'pending'")
OWN = sa.text("hand_over_id IS NULL")
NAMES = "uq_saved_filter_account_list_name", ["account_id", "list", "name"]


def upgrade() -> None:
    op.add_column("check_in", sa.Column("staff", sa.String(length=32), nullable=True))
    op.create_index("ix_check_in_staff", "check_in", ["id"], sqlite_where=PENDING, postgresql_where=PENDING)
    with op.batch_alter_table("saved_filter") as table:
        table.drop_index(NAMES[0])
        table.add_column(sa.Column("hand_over_id", sa.Integer(), nullable=True))
        table.add_column(sa.Column("handed_by", sa.String(), nullable=False, server_default=""))
        table.add_column(sa.Column("from_on", sa.Date(), nullable=True))
        table.add_column(sa.Column("until_on", sa.Date(), nullable=True))
        table.create_foreign_key(
            table.f("fk_saved_filter_hand_over_id"), "portfolio_hand_over", ["hand_over_id"], ["id"]
        )
        table.create_index(table.f("ix_saved_filter_hand_over_id"), ["hand_over_id"], unique=False)
        table.create_index(*NAMES, unique=True, sqlite_where=OWN, postgresql_where=OWN)
    with op.batch_alter_table("saved_filter") as table:
        table.alter_column("handed_by", server_default=None)


def downgrade() -> None:
    op.execute("DELETE FROM saved_filter WHERE hand_over_id IS NOT NULL")
    with op.batch_alter_table("saved_filter") as table:
        table.drop_index(NAMES[0])
        table.drop_index("ix_saved_filter_hand_over_id")
        table.drop_constraint("fk_saved_filter_hand_over_id", type_="foreignkey")
        for column in ("until_on", "from_on", "handed_by", "hand_over_id"):
            table.drop_column(column)
        table.create_index(*NAMES, unique=True)
    op.drop_index("ix_check_in_staff", "check_in")
    op.drop_column("check_in", "staff")
