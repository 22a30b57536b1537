"""Suspected clusters with their steps, alerts that the figures raise, symptoms by week, and an index of who is unwell."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.create_table(
        "cluster_alert",
        sa.Column("signal", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("reached", sa.JSON(), nullable=False),
        sa.Column("scheme_key", sa.String(), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("graver_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handled_by_id", sa.Integer(), nullable=True),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("street_id", sa.Integer(), nullable=False),
        sa.Column("community_id", sa.Integer(), nullable=True),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("place_id", sa.Integer(), nullable=True),
        sa.Column("enterprise_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(state = 'pending') = (handled_at IS NULL)", name=op.f("ck_cluster_alert_handled")
        ),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_cluster_alert_district_id")),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.id"], name=op.f("fk_cluster_alert_enterprise_id")
        ),
        sa.ForeignKeyConstraint(
            ["handled_by_id"], ["account.id"], name=op.f("fk_cluster_alert_handled_by_id")
        ),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_cluster_alert_place_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cluster_alert")),
    )
    with op.batch_alter_table("cluster_alert") as table:
        table.create_index("ix_cluster_alert_district_raised", ["district_id", "raised_at"], unique=False)
        table.create_index(table.f("ix_cluster_alert_enterprise_id"), ["enterprise_id"], unique=False)
        table.create_index("ix_cluster_alert_key", ["key", "last_on"], unique=False)
        table.create_index(table.f("ix_cluster_alert_place_id"), ["place_id"], unique=False)
        table.create_index(
            "uq_cluster_alert_open",
            ["key"],
            unique=True,
            sqlite_where=sa.text("closed_at IS NULL"),
            postgresql_where=sa.text("closed_at IS NULL"),
        )

    op.create_table(
        "symptom_week",
        sa.Column("week_on", sa.Date(), nullable=False),
        sa.Column("basis", sa.String(length=32), nullable=False),
        sa.Column("due", sa.Integer(), nullable=False),
        sa.Column("absent_ill", sa.Integer(), nullable=False),
        sa.Column("watched", sa.Integer(), nullable=False),
        sa.Column("fever", sa.Integer(), nullable=False),
        sa.Column("symptoms", sa.Integer(), nullable=False),
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("street_id", sa.Integer(), nullable=False),
        sa.Column("community_id", sa.Integer(), nullable=True),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("place_id", sa.Integer(), nullable=True),
        sa.Column("enterprise_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_symptom_week_district_id")),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.id"], name=op.f("fk_symptom_week_enterprise_id")
        ),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_symptom_week_place_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_symptom_week")),
        sa.UniqueConstraint("enterprise_id", "week_on", name=op.f("uq_symptom_week_enterprise_id_week_on")),
    )
    with op.batch_alter_table("symptom_week") as table:
        table.create_index("ix_symptom_week_district", ["district_id", "week_on"], unique=False)
        table.create_index(table.f("ix_symptom_week_enterprise_id"), ["enterprise_id"], unique=False)
        table.create_index(table.f("ix_symptom_week_place_id"), ["place_id"], unique=False)

    op.create_table(
        "cluster_report",
        sa.Column("alert_id", sa.Integer(), nullable=True),
        sa.Column("signal", sa.String(length=32), nullable=False),
        sa.Column("where", sa.String(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("hospital", sa.Integer(), nullable=False),
        sa.Column("first_onset_on", sa.Date(), nullable=True),
        sa.Column("measures", sa.String(), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=True),
        sa.Column("noticed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reported_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accept_due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("reported_by_id", sa.Integer(), nullable=False),
        sa.Column("by_post", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("scheme_key", sa.String(), nullable=False),
        sa.Column("stage", sa.String(length=32), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("conclusion", sa.String(length=32), nullable=True),
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("street_id", sa.Integer(), nullable=False),
        sa.Column("community_id", sa.Integer(), nullable=True),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("place_id", sa.Integer(), nullable=True),
        sa.Column("enterprise_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(stage = 'closed') = (closed_at IS NOT NULL)", name=op.f("ck_cluster_report_closed")
        ),
        sa.CheckConstraint(
            "(stage = 'waiting') = (accepted_at IS NULL)", name=op.f("ck_cluster_report_accepted")
        ),
        sa.CheckConstraint(
            "(closed_at IS NULL) = (conclusion IS NULL)", name=op.f("ck_cluster_report_conclusion")
        ),
        sa.ForeignKeyConstraint(["alert_id"], ["cluster_alert.id"], name=op.f("fk_cluster_report_alert_id")),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_cluster_report_district_id")),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.id"], name=op.f("fk_cluster_report_enterprise_id")
        ),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_cluster_report_place_id")),
        sa.ForeignKeyConstraint(
            ["reported_by_id"], ["account.id"], name=op.f("fk_cluster_report_reported_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cluster_report")),
        sa.UniqueConstraint("alert_id", name=op.f("uq_cluster_report_alert_id")),
        sa.UniqueConstraint("key", name=op.f("uq_cluster_report_key")),
    )
    with op.batch_alter_table("cluster_report") as table:
        table.create_index("ix_cluster_report_district_at", ["district_id", "reported_at"], unique=False)
        table.create_index(table.f("ix_cluster_report_enterprise_id"), ["enterprise_id"], unique=False)
        table.create_index(table.f("ix_cluster_report_place_id"), ["place_id"], unique=False)

    op.create_table(
        "cluster_step",
        sa.Column("report_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=True),
        sa.Column("to_whom", sa.String(), nullable=False),
        sa.Column("people", sa.Integer(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("by_post", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_cluster_step_by_id")),
        sa.ForeignKeyConstraint(["report_id"], ["cluster_report.id"], name=op.f("fk_cluster_step_report_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cluster_step")),
    )
    with op.batch_alter_table("cluster_step") as table:
        table.create_index(table.f("ix_cluster_step_report_id"), ["report_id"], unique=False)

    op.create_table(
        "cluster_person",
        sa.Column("report_id", sa.Integer(), nullable=False),
        sa.Column("follow_up_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["follow_up_id"], ["follow_up.id"], name=op.f("fk_cluster_person_follow_up_id")
        ),
        sa.ForeignKeyConstraint(
            ["report_id"], ["cluster_report.id"], name=op.f("fk_cluster_person_report_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cluster_person")),
        sa.UniqueConstraint(
            "report_id", "follow_up_id", name=op.f("uq_cluster_person_report_id_follow_up_id")
        ),
    )
    with op.batch_alter_table("cluster_person") as table:
        table.create_index(table.f("ix_cluster_person_follow_up_id"), ["follow_up_id"], unique=False)

    with op.batch_alter_table("health_entry") as table:
        table.create_index(
            "ix_health_entry_unwell",
            ["work_on", "enterprise_id"],
            unique=False,
            sqlite_where=sa.text("state <> 'normal'"),
            postgresql_where=sa.text("state <> 'normal'"),
        )


def downgrade() -> None:
    with op.batch_alter_table("health_entry") as table:
        table.drop_index("ix_health_entry_unwell")

    with op.batch_alter_table("cluster_person") as table:
        table.drop_index(table.f("ix_cluster_person_follow_up_id"))

    op.drop_table("cluster_person")
    with op.batch_alter_table("cluster_step") as table:
        table.drop_index(table.f("ix_cluster_step_report_id"))

    op.drop_table("cluster_step")
    with op.batch_alter_table("cluster_report") as table:
        table.drop_index(table.f("ix_cluster_report_place_id"))
        table.drop_index(table.f("ix_cluster_report_enterprise_id"))
        table.drop_index("ix_cluster_report_district_at")

    op.drop_table("cluster_report")
    with op.batch_alter_table("symptom_week") as table:
        table.drop_index(table.f("ix_symptom_week_place_id"))
        table.drop_index(table.f("ix_symptom_week_enterprise_id"))
        table.drop_index("ix_symptom_week_district")

    op.drop_table("symptom_week")
    with op.batch_alter_table("cluster_alert") as table:
        table.drop_index("uq_cluster_alert_open")
        table.drop_index(table.f("ix_cluster_alert_place_id"))
        table.drop_index("ix_cluster_alert_key")
        table.drop_index(table.f("ix_cluster_alert_enterprise_id"))
        table.drop_index("ix_cluster_alert_district_raised")

    op.drop_table("cluster_alert")
