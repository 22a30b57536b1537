"""A unit's credit code, head, address and telephone, as its responsibility letters name them."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"

WORDS = ("credit_code", "head", "address", "phone")


def upgrade() -> None:
    with op.batch_alter_table("unit") as table:
        for name in WORDS:
            table.add_column(sa.Column(name, sa.String(), nullable=False, server_default=""))
    with op.batch_alter_table("unit") as table:
        for name in WORDS:
            table.alter_column(name, existing_type=sa.String(), server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("unit") as table:
        for name in WORDS:
            table.drop_column(name)
