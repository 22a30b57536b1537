"""The disease that a doctor has named in a case, and when somebody who has been away is asked again."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

DIAGNOSED = sa.text("diagnosed_at IS NOT NULL")


def upgrade() -> None:
    op.add_column("follow_up", sa.Column("disease", sa.LargeBinary(), nullable=True))
    op.add_column("follow_up", sa.Column("diagnosed_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("follow_up", sa.Column("ask_again_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index(
        "ix_follow_up_diagnosed",
        "follow_up",
        ["diagnosed_at", "enterprise_id"],
        sqlite_where=DIAGNOSED,
        postgresql_where=DIAGNOSED,
    )


def downgrade() -> None:
    op.drop_index("ix_follow_up_diagnosed", "follow_up")
    for column in ("ask_again_at", "diagnosed_at", "disease"):
        op.drop_column("follow_up", column)
