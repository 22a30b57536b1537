"""The contact log of the enterprises, and the filters that people save."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "contact_batch",
        sa.Column("place_id", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_contact_batch_by_id")),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_contact_batch_place_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_batch")),
    )
    with op.batch_alter_table("contact_batch") as table:
        table.create_index(op.f("ix_contact_batch_place_id"), ["place_id"], unique=False)

    op.create_table(
        "contact",
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("place_id", sa.Integer(), nullable=True),
        sa.Column("batch_id", sa.Integer(), nullable=True),
        sa.Column("corrects_id", sa.Integer(), nullable=True),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("way", sa.String(length=32), nullable=False),
        sa.Column("about", sa.String(length=32), nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=True),
        sa.Column("next_on", sa.Date(), nullable=True),
        sa.Column("voided_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("void_reason", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["batch_id"], ["contact_batch.id"], name=op.f("fk_contact_batch_id")),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_contact_by_id")),
        sa.ForeignKeyConstraint(["corrects_id"], ["contact.id"], name=op.f("fk_contact_corrects_id")),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprise.id"], name=op.f("fk_contact_enterprise_id")),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_contact_place_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact")),
    )
    with op.batch_alter_table("contact") as table:
        table.create_index(op.f("ix_contact_batch_id"), ["batch_id"], unique=False)
        table.create_index(op.f("ix_contact_corrects_id"), ["corrects_id"], unique=False)
        table.create_index("ix_contact_enterprise_at", ["enterprise_id", "at"], unique=False)

    op.create_table(
        "saved_filter",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("list", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("query", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_saved_filter_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_filter")),
    )
    with op.batch_alter_table("saved_filter") as table:
        table.create_index("uq_saved_filter_account_list_name", ["account_id", "list", "name"], unique=True)


def downgrade() -> None:
    op.drop_table("saved_filter")
    op.drop_table("contact")
    op.drop_table("contact_batch")
