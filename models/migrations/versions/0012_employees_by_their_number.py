"""An employee's number, so that the people of a workbook are found again without reading everybody."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    with op.batch_alter_table("employee") as table:
        table.create_index("ix_employee_enterprise_number", ["enterprise_id", "number"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("employee") as table:
        table.drop_index("ix_employee_enterprise_number")
