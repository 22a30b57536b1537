"""Responsibility letters, who may sign them, their signatures, links to sign by, and sets for the printer."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.create_table(
        "letter_counter",
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("year", sa.Integer(), nullable=False),
        sa.Column("last", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_letter_counter_district_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter_counter")),
    )
    with op.batch_alter_table("letter_counter") as table:
        table.create_index("uq_letter_counter_district_year", ["district_id", "year"], unique=True)

    op.create_table(
        "letter_print",
        sa.Column("letters", sa.String(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("heartbeat", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("pdf", sa.LargeBinary(), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("cleared", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_letter_print_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter_print")),
    )
    with op.batch_alter_table("letter_print") as table:
        table.create_index(table.f("ix_letter_print_by_id"), ["by_id"], unique=False)
        table.create_index(
            "ix_letter_print_waiting",
            ["id"],
            unique=False,
            sqlite_where=sa.text("state = 'waiting'"),
            postgresql_where=sa.text("state = 'waiting'"),
        )

    op.create_table(
        "letter_signer",
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("capacity", sa.String(length=32), nullable=False),
        sa.Column("paper_id", sa.Integer(), nullable=True),
        sa.Column("until_on", sa.Date(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_by_id", sa.Integer(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_letter_signer_account_id")),
        sa.ForeignKeyConstraint(
            ["checked_by_id"], ["account.id"], name=op.f("fk_letter_signer_checked_by_id")
        ),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.id"], name=op.f("fk_letter_signer_enterprise_id")
        ),
        sa.ForeignKeyConstraint(["paper_id"], ["stored_file.id"], name=op.f("fk_letter_signer_paper_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter_signer")),
    )
    with op.batch_alter_table("letter_signer") as table:
        table.create_index(table.f("ix_letter_signer_account_id"), ["account_id"], unique=False)
        table.create_index(table.f("ix_letter_signer_enterprise_id"), ["enterprise_id"], unique=False)

    op.create_table(
        "letter",
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("place_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("scheme_key", sa.String(), nullable=False),
        sa.Column("wording", sa.LargeBinary(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("text", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("representative", sa.String(), nullable=False),
        sa.Column("chief_id", sa.Integer(), nullable=True),
        sa.Column("replaces_id", sa.Integer(), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("sent_by_id", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_by_id", sa.Integer(), nullable=True),
        sa.Column("signed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("in_force_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("on_paper", sa.Boolean(), nullable=False),
        sa.Column("scan_id", sa.Integer(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_by_id", sa.Integer(), nullable=True),
        sa.Column("end_reason", sa.String(), nullable=False),
        sa.Column("pdf_id", sa.Integer(), nullable=True),
        sa.Column("pdf_digest", sa.LargeBinary(), nullable=True),
        sa.Column("sealed", sa.Boolean(), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "(state IN ('superseded', 'voided')) = (ended_at IS NOT NULL)", name=op.f("ck_letter_ended")
        ),
        sa.CheckConstraint("state != 'in_force' OR in_force_at IS NOT NULL", name=op.f("ck_letter_in_force")),
        sa.CheckConstraint("ends_on >= starts_on", name=op.f("ck_letter_term")),
        sa.ForeignKeyConstraint(["chief_id"], ["account.id"], name=op.f("fk_letter_chief_id")),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_letter_district_id")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["account.id"], name=op.f("fk_letter_ended_by_id")),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprise.id"], name=op.f("fk_letter_enterprise_id")),
        sa.ForeignKeyConstraint(["pdf_id"], ["stored_file.id"], name=op.f("fk_letter_pdf_id")),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_letter_place_id")),
        sa.ForeignKeyConstraint(["read_by_id"], ["account.id"], name=op.f("fk_letter_read_by_id")),
        sa.ForeignKeyConstraint(["replaces_id"], ["letter.id"], name=op.f("fk_letter_replaces_id")),
        sa.ForeignKeyConstraint(["scan_id"], ["stored_file.id"], name=op.f("fk_letter_scan_id")),
        sa.ForeignKeyConstraint(["sent_by_id"], ["account.id"], name=op.f("fk_letter_sent_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter")),
        sa.UniqueConstraint("number", name=op.f("uq_letter_number")),
        sa.UniqueConstraint("pdf_digest", name=op.f("uq_letter_pdf_digest")),
    )
    with op.batch_alter_table("letter") as table:
        table.create_index("ix_letter_district_state", ["district_id", "state"], unique=False)
        table.create_index("ix_letter_enterprise", ["enterprise_id", "kind", "id"], unique=False)
        table.create_index(
            "ix_letter_to_archive",
            ["id"],
            unique=False,
            sqlite_where=sa.text("state = 'in_force' AND pdf_id IS NULL"),
            postgresql_where=sa.text("state = 'in_force' AND pdf_id IS NULL"),
        )
        table.create_index(
            "uq_letter_of_firm",
            ["enterprise_id", "kind", "starts_on", "wording"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL AND place_id IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL AND place_id IS NULL"),
        )
        table.create_index(
            "uq_letter_of_place",
            ["place_id", "enterprise_id", "kind", "starts_on", "wording"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL AND place_id IS NOT NULL"),
            postgresql_where=sa.text("ended_at IS NULL AND place_id IS NOT NULL"),
        )

    op.create_table(
        "letter_link",
        sa.Column("letter_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["letter_id"], ["letter.id"], name=op.f("fk_letter_link_letter_id")),
        sa.ForeignKeyConstraint(["made_by_id"], ["account.id"], name=op.f("fk_letter_link_made_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_letter_link_token_hash")),
    )
    with op.batch_alter_table("letter_link") as table:
        table.create_index(table.f("ix_letter_link_letter_id"), ["letter_id"], unique=False)

    op.create_table(
        "letter_signature",
        sa.Column("letter_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("act", sa.String(length=32), nullable=False),
        sa.Column("side", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("capacity", sa.String(length=32), nullable=False),
        sa.Column("verified", sa.String(length=32), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("signer_id", sa.Integer(), nullable=True),
        sa.Column("link_id", sa.Integer(), nullable=True),
        sa.Column("way", sa.String(length=32), nullable=False),
        sa.Column("picture", sa.LargeBinary(), nullable=True),
        sa.Column("strokes", sa.LargeBinary(), nullable=True),
        sa.Column("picture_digest", sa.LargeBinary(), nullable=True),
        sa.Column("strokes_digest", sa.LargeBinary(), nullable=True),
        sa.Column("consent", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("agent", sa.String(), nullable=False),
        sa.Column("letter_digest", sa.LargeBinary(), nullable=False),
        sa.Column("letter_sm3", sa.LargeBinary(), nullable=False),
        sa.Column("template", sa.String(), nullable=False),
        sa.Column("previous", sa.LargeBinary(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_letter_signature_account_id")),
        sa.ForeignKeyConstraint(["letter_id"], ["letter.id"], name=op.f("fk_letter_signature_letter_id")),
        sa.ForeignKeyConstraint(["link_id"], ["letter_link.id"], name=op.f("fk_letter_signature_link_id")),
        sa.ForeignKeyConstraint(
            ["signer_id"], ["letter_signer.id"], name=op.f("fk_letter_signature_signer_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_letter_signature")),
    )
    with op.batch_alter_table("letter_signature") as table:
        table.create_index(table.f("ix_letter_signature_account_id"), ["account_id"], unique=False)
        table.create_index("uq_letter_signature_number", ["letter_id", "number"], unique=True)


def downgrade() -> None:
    for name in (
        "letter_signature",
        "letter_link",
        "letter",
        "letter_signer",
        "letter_print",
        "letter_counter",
    ):
        op.drop_table(name)
