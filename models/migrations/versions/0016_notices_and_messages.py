"""Notices with who has read them, messages to people, and what goes out by mail and to a work group."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "delivery",
        sa.Column("channel", sa.String(length=32), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("with_code", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("trouble", sa.String(length=32), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.CheckConstraint("(state = 'sent') = (sent_at IS NOT NULL)", name=op.f("ck_delivery_sent")),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_delivery_account_id")),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_delivery_district_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_delivery")),
        sa.UniqueConstraint("channel", "key", name=op.f("uq_delivery_channel_key")),
    )
    with op.batch_alter_table("delivery") as table:
        table.create_index(table.f("ix_delivery_account_id"), ["account_id"], unique=False)
        table.create_index(table.f("ix_delivery_made_at"), ["made_at"], unique=False)
        table.create_index(
            "ix_delivery_waiting",
            ["channel", "next_at"],
            unique=False,
            sqlite_where=sa.text("state = 'pending'"),
            postgresql_where=sa.text("state = 'pending'"),
        )

    op.create_table(
        "mail_address",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("address", sa.LargeBinary(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pending", sa.LargeBinary(), nullable=True),
        sa.Column("code", sa.LargeBinary(), nullable=True),
        sa.Column("code_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.SmallInteger(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("asked", sa.SmallInteger(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_mail_address_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_address")),
        sa.UniqueConstraint("account_id", name=op.f("uq_mail_address_account_id")),
    )
    op.create_table(
        "message",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("link", sa.String(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_message_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("account_id", "key", name=op.f("uq_message_account_id_key")),
    )
    with op.batch_alter_table("message") as table:
        table.create_index("ix_message_account_sent", ["account_id", "sent_at"], unique=False)
        table.create_index(table.f("ix_message_sent_at"), ["sent_at"], unique=False)
        table.create_index(
            "ix_message_unread",
            ["account_id"],
            unique=False,
            sqlite_where=sa.text("read_at IS NULL"),
            postgresql_where=sa.text("read_at IS NULL"),
        )

    op.create_table(
        "notice",
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("must_confirm", sa.Boolean(), nullable=False),
        sa.Column("to_group", sa.Boolean(), nullable=False),
        sa.Column("posts", sa.String(), nullable=False),
        sa.Column("by_scope", sa.String(), nullable=False),
        sa.Column("by_scope_id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("scope_id", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_by_id", sa.Integer(), nullable=True),
        sa.Column("people", sa.Integer(), nullable=False),
        sa.Column("enterprises", sa.Integer(), nullable=False),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("withdrawn_by_id", sa.Integer(), nullable=True),
        sa.Column("withdraw_reason", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.CheckConstraint("(sent_at IS NULL) = (sent_by_id IS NULL)", name=op.f("ck_notice_sent")),
        sa.CheckConstraint("withdrawn_at IS NULL OR sent_at IS NOT NULL", name=op.f("ck_notice_withdrawn")),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_notice_district_id")),
        sa.ForeignKeyConstraint(["made_by_id"], ["account.id"], name=op.f("fk_notice_made_by_id")),
        sa.ForeignKeyConstraint(["sent_by_id"], ["account.id"], name=op.f("fk_notice_sent_by_id")),
        sa.ForeignKeyConstraint(["withdrawn_by_id"], ["account.id"], name=op.f("fk_notice_withdrawn_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )
    with op.batch_alter_table("notice") as table:
        table.create_index("ix_notice_by", ["by_scope", "by_scope_id", "sent_at"], unique=False)
        table.create_index(table.f("ix_notice_district_id"), ["district_id"], unique=False)

    op.create_table(
        "notice_file",
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.SmallInteger(), nullable=False),
        sa.Column("words", sa.String(), nullable=False),
        sa.Column("file_id", sa.Integer(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["file_id"], ["stored_file.id"], name=op.f("fk_notice_file_file_id")),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_notice_file_notice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_file")),
    )
    with op.batch_alter_table("notice_file") as table:
        table.create_index(table.f("ix_notice_file_file_id"), ["file_id"], unique=False)
        table.create_index("uq_notice_file_file", ["notice_id", "file_id"], unique=True)
        table.create_index("uq_notice_file_number", ["notice_id", "number"], unique=True)

    op.create_table(
        "notice_receipt",
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_notice_receipt_account_id")),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_notice_receipt_notice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_receipt")),
    )
    with op.batch_alter_table("notice_receipt") as table:
        table.create_index(table.f("ix_notice_receipt_account_id"), ["account_id"], unique=False)
        table.create_index("uq_notice_receipt_person", ["notice_id", "account_id"], unique=True)

    op.create_table(
        "notice_round",
        sa.Column("notice_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("on", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("after_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_notice_round_by_id")),
        sa.ForeignKeyConstraint(["notice_id"], ["notice.id"], name=op.f("fk_notice_round_notice_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice_round")),
        sa.UniqueConstraint("notice_id", "kind", "on", name=op.f("uq_notice_round_notice_id_kind_on")),
    )
    with op.batch_alter_table("notice_round") as table:
        table.create_index(
            "ix_notice_round_open",
            ["id"],
            unique=False,
            sqlite_where=sa.text("done_at IS NULL"),
            postgresql_where=sa.text("done_at IS NULL"),
        )


def downgrade() -> None:
    with op.batch_alter_table("notice_round") as table:
        table.drop_index("ix_notice_round_open")

    op.drop_table("notice_round")
    with op.batch_alter_table("notice_receipt") as table:
        table.drop_index("uq_notice_receipt_person")
        table.drop_index(table.f("ix_notice_receipt_account_id"))

    op.drop_table("notice_receipt")
    with op.batch_alter_table("notice_file") as table:
        table.drop_index("uq_notice_file_number")
        table.drop_index("uq_notice_file_file")
        table.drop_index(table.f("ix_notice_file_file_id"))

    op.drop_table("notice_file")
    with op.batch_alter_table("notice") as table:
        table.drop_index(table.f("ix_notice_district_id"))
        table.drop_index("ix_notice_by")

    op.drop_table("notice")
    with op.batch_alter_table("message") as table:
        table.drop_index("ix_message_unread")
        table.drop_index(table.f("ix_message_sent_at"))
        table.drop_index("ix_message_account_sent")

    op.drop_table("message")
    op.drop_table("mail_address")
    with op.batch_alter_table("delivery") as table:
        table.drop_index("ix_delivery_waiting")
        table.drop_index(table.f("ix_delivery_made_at"))
        table.drop_index(table.f("ix_delivery_account_id"))

    op.drop_table("delivery")
