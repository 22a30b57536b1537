"""The people of an enterprise, their teams, and its head count over time."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "headcount",
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("written_by_id", sa.Integer(), nullable=True),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.id"], name=op.f("fk_headcount_enterprise_id")
        ),
        sa.ForeignKeyConstraint(["written_by_id"], ["account.id"], name=op.f("fk_headcount_written_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_headcount")),
    )
    with op.batch_alter_table("headcount") as table:
        table.create_index("uq_headcount_enterprise_from", ["enterprise_id", "from_on"], unique=True)

    op.create_table(
        "team",
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("leader", sa.String(), nullable=False),
        sa.Column("day_begins", sa.Time(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprise.id"], name=op.f("fk_team_enterprise_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_team")),
    )
    with op.batch_alter_table("team") as table:
        table.create_index(op.f("ix_team_enterprise_id"), ["enterprise_id"], unique=False)
        table.create_index("uq_team_enterprise_name", ["enterprise_id", "name"], unique=True)

    op.create_table(
        "employee",
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("initials", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("contract_firm", sa.String(), nullable=False),
        sa.Column("document_kind", sa.String(), nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=True),
        sa.Column("document_index", sa.LargeBinary(), nullable=True),
        sa.Column("mobile", sa.LargeBinary(), nullable=True),
        sa.Column("mobile_index", sa.LargeBinary(), nullable=True),
        sa.Column("department", sa.String(), nullable=False),
        sa.Column("team_id", sa.Integer(), nullable=True),
        sa.Column("job", sa.String(), nullable=False),
        sa.Column("hazards", sa.String(), nullable=False),
        sa.Column("dormitory", sa.String(), nullable=False),
        sa.Column("premises_id", sa.Integer(), nullable=True),
        sa.Column("joined_on", sa.Date(), nullable=True),
        sa.Column("left_on", sa.Date(), nullable=True),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprise.id"], name=op.f("fk_employee_enterprise_id")),
        sa.ForeignKeyConstraint(["premises_id"], ["premises.id"], name=op.f("fk_employee_premises_id")),
        sa.ForeignKeyConstraint(["team_id"], ["team.id"], name=op.f("fk_employee_team_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_employee")),
    )
    with op.batch_alter_table("employee") as table:
        table.create_index(
            "ix_employee_enterprise_left_name", ["enterprise_id", "left_on", "name"], unique=False
        )
        table.create_index(op.f("ix_employee_mobile_index"), ["mobile_index"], unique=False)
        table.create_index(op.f("ix_employee_premises_id"), ["premises_id"], unique=False)
        table.create_index(op.f("ix_employee_team_id"), ["team_id"], unique=False)
        table.create_index(
            "uq_employee_enterprise_document", ["enterprise_id", "document_index"], unique=True
        )


def downgrade() -> None:
    with op.batch_alter_table("employee") as table:
        table.drop_index("uq_employee_enterprise_document")
        table.drop_index(op.f("ix_employee_team_id"))
        table.drop_index(op.f("ix_employee_premises_id"))
        table.drop_index(op.f("ix_employee_mobile_index"))
        table.drop_index("ix_employee_enterprise_left_name")

    op.drop_table("employee")
    with op.batch_alter_table("team") as table:
        table.drop_index("uq_team_enterprise_name")
        table.drop_index(op.f("ix_team_enterprise_id"))

    op.drop_table("team")
    with op.batch_alter_table("headcount") as table:
        table.drop_index("uq_headcount_enterprise_from")

    op.drop_table("headcount")
