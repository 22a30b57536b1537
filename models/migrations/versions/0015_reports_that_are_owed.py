"""What enterprises owe in reports, and what they have filed."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

LIVE = sa.text("voided_at IS NULL")
TO_JUDGE = sa.text("voided_at IS NULL AND review = 'waiting'")
WAITING = sa.text("voided_at IS NULL AND received_at IS NULL AND excused_at IS NULL")


def upgrade() -> None:
    op.create_table(
        "obligation",
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("street_id", sa.Integer(), nullable=False),
        sa.Column("community_id", sa.Integer(), nullable=True),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("place_id", sa.Integer(), nullable=True),
        sa.Column("size", sa.String(length=32), nullable=True),
        sa.Column("mode", sa.String(length=32), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("scheme_key", sa.String(), nullable=False),
        sa.Column("mode_order_id", sa.Integer(), nullable=True),
        sa.Column("cut", sa.Boolean(), nullable=False),
        sa.Column("whole", sa.Boolean(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("opens_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("soon_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("locks_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("void_reason", sa.String(), nullable=False),
        sa.Column("excused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("excused_by_id", sa.Integer(), nullable=True),
        sa.Column("excuse_reason", sa.String(), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("zero", sa.Boolean(), nullable=False),
        sa.Column("figures", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("review", sa.String(length=32), nullable=True),
        sa.Column("changed_after_acceptance", sa.Boolean(), nullable=False),
        sa.Column("unlocked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.CheckConstraint("(version = 0) = (received_at IS NULL)", name=op.f("ck_obligation_received")),
        sa.CheckConstraint("last_on >= first_on", name=op.f("ck_obligation_days")),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.id"], name=op.f("fk_obligation_enterprise_id")
        ),
        sa.ForeignKeyConstraint(["excused_by_id"], ["account.id"], name=op.f("fk_obligation_excused_by_id")),
        sa.ForeignKeyConstraint(
            ["mode_order_id"], ["mode_order.id"], name=op.f("fk_obligation_mode_order_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_obligation")),
    )
    with op.batch_alter_table("obligation") as table:
        table.create_index("ix_obligation_community", ["community_id", "last_on"], unique=False)
        table.create_index("ix_obligation_district", ["district_id", "last_on", "street_id"], unique=False)
        table.create_index("ix_obligation_enterprise_due", ["enterprise_id", "due_at"], unique=False)
        table.create_index("ix_obligation_place", ["place_id", "last_on"], unique=False)
        table.create_index(
            "ix_obligation_to_judge",
            ["district_id", "received_at"],
            unique=False,
            sqlite_where=TO_JUDGE,
            postgresql_where=TO_JUDGE,
        )
        table.create_index("ix_obligation_unit", ["unit_id", "last_on"], unique=False)
        table.create_index(
            "ix_obligation_waiting",
            ["due_at", "district_id"],
            unique=False,
            sqlite_where=WAITING,
            postgresql_where=WAITING,
        )
        table.create_index(
            "uq_obligation_live",
            ["enterprise_id", "first_on"],
            unique=True,
            sqlite_where=LIVE,
            postgresql_where=LIVE,
        )

    op.create_table(
        "lock_exception",
        sa.Column("obligation_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("granted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("granted_by_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["granted_by_id"], ["account.id"], name=op.f("fk_lock_exception_granted_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["obligation_id"], ["obligation.id"], name=op.f("fk_lock_exception_obligation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_lock_exception")),
    )
    with op.batch_alter_table("lock_exception") as table:
        table.create_index(table.f("ix_lock_exception_obligation_id"), ["obligation_id"], unique=False)

    op.create_table(
        "report_draft",
        sa.Column("obligation_id", sa.Integer(), nullable=False),
        sa.Column("typed", sa.JSON(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_report_draft_by_id")),
        sa.ForeignKeyConstraint(
            ["obligation_id"], ["obligation.id"], name=op.f("fk_report_draft_obligation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_draft")),
        sa.UniqueConstraint("obligation_id", name=op.f("uq_report_draft_obligation_id")),
    )
    op.create_table(
        "report_version",
        sa.Column("obligation_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("numbers", sa.JSON(), nullable=False),
        sa.Column("archive", sa.JSON(), nullable=False),
        sa.Column("comments", sa.JSON(), nullable=False),
        sa.Column("source", sa.String(length=32), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_report_version_by_id")),
        sa.ForeignKeyConstraint(
            ["obligation_id"], ["obligation.id"], name=op.f("fk_report_version_obligation_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_version")),
        sa.UniqueConstraint("key", name=op.f("uq_report_version_key")),
        sa.UniqueConstraint("obligation_id", "number", name=op.f("uq_report_version_obligation_id_number")),
    )
    op.create_table(
        "report_review",
        sa.Column("version_id", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.String(length=32), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_report_review_by_id")),
        sa.ForeignKeyConstraint(
            ["version_id"], ["report_version.id"], name=op.f("fk_report_review_version_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_report_review")),
    )
    with op.batch_alter_table("report_review") as table:
        table.create_index(table.f("ix_report_review_version_id"), ["version_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("report_review") as table:
        table.drop_index(table.f("ix_report_review_version_id"))

    op.drop_table("report_review")
    op.drop_table("report_version")
    op.drop_table("report_draft")
    with op.batch_alter_table("lock_exception") as table:
        table.drop_index(table.f("ix_lock_exception_obligation_id"))

    op.drop_table("lock_exception")
    with op.batch_alter_table("obligation") as table:
        table.drop_index("uq_obligation_live", sqlite_where=LIVE, postgresql_where=LIVE)
        table.drop_index("ix_obligation_waiting", sqlite_where=WAITING, postgresql_where=WAITING)
        table.drop_index("ix_obligation_unit")
        table.drop_index("ix_obligation_to_judge", sqlite_where=TO_JUDGE, postgresql_where=TO_JUDGE)
        table.drop_index("ix_obligation_place")
        table.drop_index("ix_obligation_enterprise_due")
        table.drop_index("ix_obligation_district")
        table.drop_index("ix_obligation_community")

    op.drop_table("obligation")
