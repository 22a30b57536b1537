"""The health file of an employee: leave, vaccinations, examinations, journeys."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "absence",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        *_of_a_record("absence"),
    )
    op.create_table(
        "check_up",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("due_on", sa.Date(), nullable=True),
        sa.Column("done_on", sa.Date(), nullable=True),
        sa.Column("hazards", sa.String(), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=True),
        sa.Column("contraindicated", sa.Boolean(), nullable=False),
        sa.Column("notified_on", sa.Date(), nullable=True),
        sa.Column("next_on", sa.Date(), nullable=True),
        *_of_a_record("check_up"),
    )
    op.create_table(
        "travel",
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("until_on", sa.Date(), nullable=True),
        sa.Column("place", sa.LargeBinary(), nullable=False),
        sa.Column("overseas", sa.Boolean(), nullable=False),
        *_of_a_record("travel"),
    )
    op.create_table(
        "vaccination",
        sa.Column("vaccine", sa.String(), nullable=False),
        sa.Column("dose", sa.Integer(), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        *_of_a_record("vaccination"),
    )
    for table in ("absence", "check_up", "travel", "vaccination"):
        op.create_index(op.f(f"ix_{table}_employee_id"), table, ["employee_id"])


def _of_a_record(table: str) -> list[sa.schema.SchemaItem]:
    """What each of the four has: whose it is, who wrote it, and whether it still holds."""
    return [
        sa.Column("employee_id", sa.Integer(), nullable=False),
        sa.Column("written_by_id", sa.Integer(), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replaced_by_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["employee_id"], ["employee.id"], name=op.f(f"fk_{table}_employee_id")),
        sa.ForeignKeyConstraint(["replaced_by_id"], ["account.id"], name=op.f(f"fk_{table}_replaced_by_id")),
        sa.ForeignKeyConstraint(["written_by_id"], ["account.id"], name=op.f(f"fk_{table}_written_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
    ]


def downgrade() -> None:
    for table in ("vaccination", "travel", "check_up", "absence"):
        op.drop_table(table)
