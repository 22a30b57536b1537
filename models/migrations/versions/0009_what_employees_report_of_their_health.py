"""What employees report of their health, what is done about it, and the links by which they report."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "health_link",
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("subject_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("renewed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("renewed_by_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["renewed_by_id"], ["account.id"], name=op.f("fk_health_link_renewed_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_health_link")),
        sa.UniqueConstraint("kind", "subject_id", name=op.f("uq_health_link_kind_subject_id")),
    )
    op.create_table(
        "health_reminder",
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_health_reminder_by_id")),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.id"], name=op.f("fk_health_reminder_enterprise_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_health_reminder")),
    )
    with op.batch_alter_table("health_reminder") as table:
        table.create_index(table.f("ix_health_reminder_enterprise_id"), ["enterprise_id"], unique=False)

    op.create_table(
        "health_entry",
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("employee_id", sa.Integer(), nullable=False),
        sa.Column("work_on", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("celsius", sa.SmallInteger(), nullable=True),
        sa.Column("site", sa.String(length=32), nullable=True),
        sa.Column("report", sa.LargeBinary(), nullable=False),
        sa.Column("reasons", sa.LargeBinary(), nullable=False),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("scheme_key", sa.String(), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_health_entry_by_id")),
        sa.ForeignKeyConstraint(["employee_id"], ["employee.id"], name=op.f("fk_health_entry_employee_id")),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.id"], name=op.f("fk_health_entry_enterprise_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_health_entry")),
        sa.UniqueConstraint("employee_id", "work_on", name=op.f("uq_health_entry_employee_id_work_on")),
    )
    with op.batch_alter_table("health_entry") as table:
        table.create_index(
            "ix_health_entry_enterprise_day", ["enterprise_id", "work_on", "state"], unique=False
        )

    op.create_table(
        "follow_up",
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("employee_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("stage", sa.String(length=32), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("result", sa.LargeBinary(), nullable=True),
        sa.Column("return_on", sa.Date(), nullable=True),
        sa.Column("false_alarm", sa.Boolean(), nullable=False),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["employee_id"], ["employee.id"], name=op.f("fk_follow_up_employee_id")),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.id"], name=op.f("fk_follow_up_enterprise_id")
        ),
        sa.ForeignKeyConstraint(["entry_id"], ["health_entry.id"], name=op.f("fk_follow_up_entry_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follow_up")),
    )
    with op.batch_alter_table("follow_up") as table:
        table.create_index("ix_follow_up_employee", ["employee_id", "id"], unique=False)
        table.create_index(table.f("ix_follow_up_enterprise_id"), ["enterprise_id"], unique=False)
        table.create_index(
            "uq_follow_up_open",
            ["employee_id"],
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "health_entry_version",
        sa.Column("entry_id", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("celsius", sa.SmallInteger(), nullable=True),
        sa.Column("site", sa.String(length=32), nullable=True),
        sa.Column("report", sa.LargeBinary(), nullable=False),
        sa.Column("reasons", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("by_name", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["entry_id"], ["health_entry.id"], name=op.f("fk_health_entry_version_entry_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_health_entry_version")),
        sa.UniqueConstraint("entry_id", "version", name=op.f("uq_health_entry_version_entry_id_version")),
    )
    op.create_table(
        "follow_up_step",
        sa.Column("follow_up_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=True),
        sa.Column("to_whom", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_follow_up_step_by_id")),
        sa.ForeignKeyConstraint(
            ["follow_up_id"], ["follow_up.id"], name=op.f("fk_follow_up_step_follow_up_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_follow_up_step")),
    )
    with op.batch_alter_table("follow_up_step") as table:
        table.create_index(table.f("ix_follow_up_step_follow_up_id"), ["follow_up_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("follow_up_step") as table:
        table.drop_index(table.f("ix_follow_up_step_follow_up_id"))

    op.drop_table("follow_up_step")
    op.drop_table("health_entry_version")
    with op.batch_alter_table("follow_up") as table:
        table.drop_index("uq_follow_up_open")
        table.drop_index(table.f("ix_follow_up_enterprise_id"))
        table.drop_index("ix_follow_up_employee")

    op.drop_table("follow_up")
    with op.batch_alter_table("health_entry") as table:
        table.drop_index("ix_health_entry_enterprise_day")

    op.drop_table("health_entry")
    with op.batch_alter_table("health_reminder") as table:
        table.drop_index(table.f("ix_health_reminder_enterprise_id"))

    op.drop_table("health_reminder")
    op.drop_table("health_link")
