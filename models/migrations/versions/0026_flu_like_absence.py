"""Of the absence of a week, how much was flu-like (流感样缺勤)."""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"

COLUMNS = ("absent_told", "absent_ili")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("symptom_week", sa.Column(name, sa.Integer(), server_default="0", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("symptom_week") as table:
        for name in reversed(COLUMNS):
            table.drop_column(name)
