"""Closures that an enterprise declares, and when a report would have been due without one."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"

MOVED = "usual_due_at IS NOT NULL"


def upgrade() -> None:
    op.create_table(
        "closure",
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("first_on", sa.Date(), nullable=False),
        sa.Column("last_on", sa.Date(), nullable=False),
        sa.Column("staff", sa.Integer(), nullable=False),
        sa.Column("contact_id", sa.Integer(), nullable=False),
        sa.Column("reason", sa.LargeBinary(), nullable=True),
        sa.Column("declared_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("declared_by_id", sa.Integer(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("objected_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("objected_by_id", sa.Integer(), nullable=True),
        sa.Column("objection", sa.LargeBinary(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.CheckConstraint("last_on >= first_on", name=op.f("ck_closure_days")),
        sa.CheckConstraint("staff >= 0", name=op.f("ck_closure_staff")),
        sa.CheckConstraint("withdrawn_at IS NULL OR objected_at IS NULL", name=op.f("ck_closure_ended_once")),
        sa.ForeignKeyConstraint(["contact_id"], ["account.id"], name=op.f("fk_closure_contact_id")),
        sa.ForeignKeyConstraint(["declared_by_id"], ["account.id"], name=op.f("fk_closure_declared_by_id")),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprise.id"], name=op.f("fk_closure_enterprise_id")),
        sa.ForeignKeyConstraint(["objected_by_id"], ["account.id"], name=op.f("fk_closure_objected_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_closure")),
    )
    op.create_index("ix_closure_enterprise", "closure", ["enterprise_id", "first_on"])
    op.create_index("ix_closure_changed", "closure", ["changed_at"])
    # a plain ADD COLUMN on both databases: no row is written anew
    op.add_column("obligation", sa.Column("usual_due_at", sa.DateTime(timezone=True), nullable=True))
    where = {"sqlite_where": sa.text(MOVED), "postgresql_where": sa.text(MOVED)}
    op.create_index("ix_obligation_moved", "obligation", ["locks_at"], **where)


def downgrade() -> None:
    op.drop_index("ix_obligation_moved", "obligation")
    op.drop_column("obligation", "usual_due_at")
    op.drop_table("closure")
