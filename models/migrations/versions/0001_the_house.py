"""The house: districts, places and gates, people, check-ins, the audit chain."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# The audit chain takes INSERT alone, whoever asks (SEC-12).
APPEND_ONLY = {
    "sqlite": (
        """CREATE TRIGGER audit_line_no_update BEFORE UPDATE ON audit_line
           BEGIN SELECT RAISE(ABORT, 'audit lines are append-only'); END""",
        """CREATE TRIGGER audit_line_no_delete BEFORE DELETE ON audit_line
           BEGIN SELECT RAISE(ABORT, 'audit lines are append-only'); END""",
    ),
    "postgresql": (
        """CREATE FUNCTION audit_line_is_append_only() RETURNS trigger LANGUAGE plpgsql AS
           $$ BEGIN RAISE EXCEPTION 'audit lines are append-only'; END $$""",
        """CREATE TRIGGER audit_line_no_change BEFORE UPDATE OR DELETE ON audit_line
           FOR EACH ROW EXECUTE FUNCTION audit_line_is_append_only()""",
    ),
}


def upgrade() -> None:
    op.create_table(
        "district",
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("organiser", sa.String(), nullable=False),
        sa.Column("contact", sa.String(), nullable=False),
        sa.Column("hotline", sa.String(), nullable=False),
        sa.Column("hotline_hours", sa.String(), nullable=False),
        sa.Column("is_demo", sa.Boolean(), nullable=False),
        sa.Column("second_factor", sa.Boolean(), nullable=False),
        sa.Column("password_rule", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_district")),
        sa.UniqueConstraint("slug", name=op.f("uq_district_slug")),
    )
    op.create_table(
        "spent_ticket",
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spent_ticket")),
        sa.UniqueConstraint("digest", name=op.f("uq_spent_ticket_digest")),
    )
    with op.batch_alter_table("spent_ticket", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_spent_ticket_at"), ["at"], unique=False)

    op.create_table(
        "version",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_version")),
        sa.UniqueConstraint("name", name=op.f("uq_version_name")),
    )
    op.create_table(
        "account",
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("mobile", sa.LargeBinary(), nullable=True),
        sa.Column("mobile_index", sa.LargeBinary(), nullable=True),
        sa.Column("password_hash", sa.String(), nullable=True),
        sa.Column("password_set_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("must_change_password", sa.Boolean(), nullable=False),
        sa.Column("password_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("totp_secret", sa.LargeBinary(), nullable=True),
        sa.Column("totp_last_step", sa.Integer(), nullable=True),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_reason", sa.String(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_account_district_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("mobile_index", name=op.f("uq_account_mobile_index")),
        sa.UniqueConstraint("username", name=op.f("uq_account_username")),
    )
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_account_district_id"), ["district_id"], unique=False)

    op.create_table(
        "street",
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_street_district_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_street")),
    )
    with op.batch_alter_table("street", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_street_district_id"), ["district_id"], unique=False)

    op.create_table(
        "unit",
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_unit_district_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_unit")),
    )
    with op.batch_alter_table("unit", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_unit_district_id"), ["district_id"], unique=False)

    op.create_table(
        "adoption",
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("scheme_key", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("adopted_by_id", sa.Integer(), nullable=True),
        sa.Column("adopted_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["adopted_by_id"], ["account.id"], name=op.f("fk_adoption_adopted_by_id")),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_adoption_district_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_adoption")),
    )
    with op.batch_alter_table("adoption", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_adoption_district_id"), ["district_id"], unique=False)
        batch_op.create_index("uq_adoption_district_from", ["district_id", "from_on"], unique=True)

    op.create_table(
        "appointment",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("post", sa.String(length=32), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("scope_id", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.String(), nullable=False),
        sa.Column("appointed_by_id", sa.Integer(), nullable=True),
        sa.Column("appointed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_appointment_account_id")),
        sa.ForeignKeyConstraint(
            ["appointed_by_id"], ["account.id"], name=op.f("fk_appointment_appointed_by_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_appointment")),
    )
    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_appointment_account_id"), ["account_id"], unique=False)
        batch_op.create_index("ix_appointment_scope", ["scope", "scope_id", "post"], unique=False)
        batch_op.create_index(
            "uq_appointment_one_admin_post",
            ["account_id"],
            unique=True,
            sqlite_where=sa.text(
                "post IN ('system_admin','security_admin','audit_admin') AND ended_at IS NULL"
            ),
            postgresql_where=sa.text(
                "post IN ('system_admin','security_admin','audit_admin') AND ended_at IS NULL"
            ),
        )

    op.create_table(
        "audit_line",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=False, nullable=False
        ),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("district_id", sa.Integer(), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("account_name", sa.String(), nullable=False),
        sa.Column("post", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("object_type", sa.String(), nullable=False),
        sa.Column("object_id", sa.String(), nullable=False),
        sa.Column("result", sa.String(length=32), nullable=False),
        sa.Column("request_id", sa.String(), nullable=False),
        sa.Column("details", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_audit_line_account_id")),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_audit_line_district_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_line")),
    )
    with op.batch_alter_table("audit_line", schema=None) as batch_op:
        batch_op.create_index("ix_audit_line_district_at", ["district_id", "at"], unique=False)

    op.create_table(
        "clinic",
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("street_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("hours", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_clinic_district_id")),
        sa.ForeignKeyConstraint(["street_id"], ["street.id"], name=op.f("fk_clinic_street_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_clinic")),
    )
    with op.batch_alter_table("clinic", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_clinic_district_id"), ["district_id"], unique=False)

    op.create_table(
        "community",
        sa.Column("street_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["street_id"], ["street.id"], name=op.f("fk_community_street_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_community")),
    )
    with op.batch_alter_table("community", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_community_street_id"), ["street_id"], unique=False)

    op.create_table(
        "invitation",
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("post", sa.String(length=32), nullable=False),
        sa.Column("scope_id", sa.Integer(), nullable=False),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("ends_on", sa.Date(), nullable=False),
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("invited_by_id", sa.Integer(), nullable=False),
        sa.Column("invited_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("accepted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("account_id", sa.Integer(), nullable=True),
        sa.Column("withdrawn_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_invitation_account_id")),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_invitation_district_id")),
        sa.ForeignKeyConstraint(["invited_by_id"], ["account.id"], name=op.f("fk_invitation_invited_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_token_hash")),
    )
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_invitation_district_id"), ["district_id"], unique=False)

    op.create_table(
        "mode_order",
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("scope_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("legal_basis", sa.String(), nullable=False),
        sa.Column("responsible", sa.String(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("planned_end_on", sa.Date(), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.String(), nullable=False),
        sa.Column("opened_by_id", sa.Integer(), nullable=True),
        sa.Column("ended_by_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_mode_order_district_id")),
        sa.ForeignKeyConstraint(["ended_by_id"], ["account.id"], name=op.f("fk_mode_order_ended_by_id")),
        sa.ForeignKeyConstraint(["opened_by_id"], ["account.id"], name=op.f("fk_mode_order_opened_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mode_order")),
    )
    with op.batch_alter_table("mode_order", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_mode_order_district_id"), ["district_id"], unique=False)

    op.create_table(
        "past_password",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("password_hash", sa.String(), nullable=False),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_past_password_account_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_past_password")),
    )
    with op.batch_alter_table("past_password", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_past_password_account_id"), ["account_id"], unique=False)

    op.create_table(
        "reset_slip",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("code_hash", sa.String(), nullable=False),
        sa.Column("written_by_id", sa.Integer(), nullable=False),
        sa.Column("written_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_reset_slip_account_id")),
        sa.ForeignKeyConstraint(["written_by_id"], ["account.id"], name=op.f("fk_reset_slip_written_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reset_slip")),
    )
    with op.batch_alter_table("reset_slip", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reset_slip_account_id"), ["account_id"], unique=False)

    op.create_table(
        "enterprise",
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("street_id", sa.Integer(), nullable=False),
        sa.Column("community_id", sa.Integer(), nullable=True),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("short_name", sa.String(), nullable=False),
        sa.Column("initials", sa.String(), nullable=False),
        sa.Column("credit_code", sa.String(), nullable=False),
        sa.Column("headcount", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["community_id"], ["community.id"], name=op.f("fk_enterprise_community_id")),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_enterprise_district_id")),
        sa.ForeignKeyConstraint(["street_id"], ["street.id"], name=op.f("fk_enterprise_street_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_enterprise_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_enterprise")),
        sa.UniqueConstraint("credit_code", name=op.f("uq_enterprise_credit_code")),
    )
    with op.batch_alter_table("enterprise", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_enterprise_community_id"), ["community_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_enterprise_district_id"), ["district_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_enterprise_initials"), ["initials"], unique=False)
        batch_op.create_index(batch_op.f("ix_enterprise_street_id"), ["street_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_enterprise_unit_id"), ["unit_id"], unique=False)

    op.create_table(
        "login_session",
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("device", sa.String(), nullable=False),
        sa.Column("appointment_id", sa.Integer(), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_login_session_account_id")),
        sa.ForeignKeyConstraint(
            ["appointment_id"], ["appointment.id"], name=op.f("fk_login_session_appointment_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_login_session")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_login_session_token_hash")),
    )
    with op.batch_alter_table("login_session", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_login_session_account_id"), ["account_id"], unique=False)

    op.create_table(
        "place",
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("street_id", sa.Integer(), nullable=False),
        sa.Column("community_id", sa.Integer(), nullable=True),
        sa.Column("unit_id", sa.Integer(), nullable=True),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("operator_id", sa.Integer(), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("phone", sa.String(), nullable=False),
        sa.Column("opens", sa.Time(), nullable=True),
        sa.Column("closes", sa.Time(), nullable=True),
        sa.Column("closed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["community_id"], ["community.id"], name=op.f("fk_place_community_id")),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_place_district_id")),
        sa.ForeignKeyConstraint(["operator_id"], ["enterprise.id"], name=op.f("fk_place_operator_id")),
        sa.ForeignKeyConstraint(["parent_id"], ["place.id"], name=op.f("fk_place_parent_id")),
        sa.ForeignKeyConstraint(["street_id"], ["street.id"], name=op.f("fk_place_street_id")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_place_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_place")),
    )
    with op.batch_alter_table("place", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_place_community_id"), ["community_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_place_district_id"), ["district_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_place_parent_id"), ["parent_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_place_street_id"), ["street_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_place_unit_id"), ["unit_id"], unique=False)

    op.create_table(
        "gate",
        sa.Column("place_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("pause_reason", sa.String(), nullable=False),
        sa.Column("without_word", sa.Boolean(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_gate_place_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate")),
    )
    with op.batch_alter_table("gate", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gate_place_id"), ["place_id"], unique=False)

    op.create_table(
        "premises",
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("place_id", sa.Integer(), nullable=False),
        sa.Column("room", sa.String(), nullable=False),
        sa.Column("from_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprise.id"], name=op.f("fk_premises_enterprise_id")),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_premises_place_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_premises")),
    )
    with op.batch_alter_table("premises", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_premises_enterprise_id"), ["enterprise_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_premises_place_id"), ["place_id"], unique=False)

    op.create_table(
        "spelling",
        sa.Column("place_id", sa.Integer(), nullable=False),
        sa.Column("written", sa.String(), nullable=False),
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("mapped_by_id", sa.Integer(), nullable=True),
        sa.Column("mapped_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprise.id"], name=op.f("fk_spelling_enterprise_id")),
        sa.ForeignKeyConstraint(["mapped_by_id"], ["account.id"], name=op.f("fk_spelling_mapped_by_id")),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_spelling_place_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spelling")),
    )
    with op.batch_alter_table("spelling", schema=None) as batch_op:
        batch_op.create_index("uq_spelling_place_written", ["place_id", "written"], unique=True)

    op.create_table(
        "check_in",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("place_id", sa.Integer(), nullable=False),
        sa.Column("gate_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("hour", sa.SmallInteger(), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("arrived_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("opened_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("call_number", sa.SmallInteger(), nullable=False),
        sa.Column("recorded_by_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("mobile", sa.LargeBinary(), nullable=True),
        sa.Column("mobile_index", sa.LargeBinary(), nullable=True),
        sa.Column("device_index", sa.LargeBinary(), nullable=True),
        sa.Column("written", sa.String(), nullable=False),
        sa.Column("enterprise_id", sa.Integer(), nullable=True),
        sa.Column("purpose", sa.String(), nullable=False),
        sa.Column("celsius", sa.SmallInteger(), nullable=True),
        sa.Column("measured_by", sa.String(length=32), nullable=True),
        sa.Column("masked", sa.Boolean(), nullable=True),
        sa.Column("answers", sa.LargeBinary(), nullable=True),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("scheme_key", sa.String(), nullable=False),
        sa.Column("verdict", sa.String(length=32), nullable=False),
        sa.Column("reasons", sa.String(), nullable=False),
        sa.Column("marks", sa.String(), nullable=False),
        sa.Column("earlier_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("recheck_asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("handled_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_check_in_district_id")),
        sa.ForeignKeyConstraint(["earlier_id"], ["check_in.id"], name=op.f("fk_check_in_earlier_id")),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprise.id"], name=op.f("fk_check_in_enterprise_id")),
        sa.ForeignKeyConstraint(["gate_id"], ["gate.id"], name=op.f("fk_check_in_gate_id")),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_check_in_place_id")),
        sa.ForeignKeyConstraint(["recorded_by_id"], ["account.id"], name=op.f("fk_check_in_recorded_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_check_in")),
        sa.UniqueConstraint("nonce", name=op.f("uq_check_in_nonce")),
    )
    with op.batch_alter_table("check_in", schema=None) as batch_op:
        batch_op.create_index("ix_check_in_device", ["device_index", "id"], unique=False)
        batch_op.create_index("ix_check_in_mobile", ["mobile_index", "id"], unique=False)
        batch_op.create_index(
            "ix_check_in_open",
            ["place_id", "id"],
            unique=False,
            sqlite_where=sa.text("handled_at IS NULL AND verdict IN ('refused', 'attention')"),
            postgresql_where=sa.text("handled_at IS NULL AND verdict IN ('refused', 'attention')"),
        )
        batch_op.create_index("ix_check_in_place_day", ["place_id", "day", "id"], unique=False)

    op.create_table(
        "gate_code",
        sa.Column("gate_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("issued_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("issued_by_id", sa.Integer(), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by_id", sa.Integer(), nullable=True),
        sa.Column("revoke_reason", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["gate_id"], ["gate.id"], name=op.f("fk_gate_code_gate_id")),
        sa.ForeignKeyConstraint(["issued_by_id"], ["account.id"], name=op.f("fk_gate_code_issued_by_id")),
        sa.ForeignKeyConstraint(["revoked_by_id"], ["account.id"], name=op.f("fk_gate_code_revoked_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate_code")),
        sa.UniqueConstraint("code", name=op.f("uq_gate_code_code")),
    )
    with op.batch_alter_table("gate_code", schema=None) as batch_op:
        batch_op.create_index("uq_gate_code_gate_version", ["gate_id", "version"], unique=True)
        batch_op.create_index(
            "uq_gate_code_in_use",
            ["gate_id"],
            unique=True,
            sqlite_where=sa.text("revoked_at IS NULL"),
            postgresql_where=sa.text("revoked_at IS NULL"),
        )

    op.create_table(
        "note",
        sa.Column("check_in_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("text", sa.LargeBinary(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_note_by_id")),
        sa.ForeignKeyConstraint(["check_in_id"], ["check_in.id"], name=op.f("fk_note_check_in_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_note")),
    )
    with op.batch_alter_table("note", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_note_check_in_id"), ["check_in_id"], unique=False)

    op.create_table(
        "reading",
        sa.Column("check_in_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("celsius", sa.SmallInteger(), nullable=False),
        sa.Column("masked", sa.Boolean(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("before_celsius", sa.SmallInteger(), nullable=True),
        sa.Column("before_by", sa.String(length=32), nullable=True),
        sa.Column("before_verdict", sa.String(length=32), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_reading_by_id")),
        sa.ForeignKeyConstraint(["check_in_id"], ["check_in.id"], name=op.f("fk_reading_check_in_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_reading")),
    )
    with op.batch_alter_table("reading", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_reading_check_in_id"), ["check_in_id"], unique=False)
    op.bulk_insert(
        sa.table("version", sa.column("name"), sa.column("number")), [{"name": "gates", "number": 1}]
    )
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(statement)


def downgrade() -> None:
    with op.batch_alter_table("reading", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reading_check_in_id"))

    op.drop_table("reading")
    with op.batch_alter_table("note", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_note_check_in_id"))

    op.drop_table("note")
    with op.batch_alter_table("gate_code", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_gate_code_in_use",
            sqlite_where=sa.text("revoked_at IS NULL"),
            postgresql_where=sa.text("revoked_at IS NULL"),
        )
        batch_op.drop_index("uq_gate_code_gate_version")

    op.drop_table("gate_code")
    with op.batch_alter_table("check_in", schema=None) as batch_op:
        batch_op.drop_index("ix_check_in_place_day")
        batch_op.drop_index(
            "ix_check_in_open",
            sqlite_where=sa.text("handled_at IS NULL AND verdict IN ('refused', 'attention')"),
            postgresql_where=sa.text("handled_at IS NULL AND verdict IN ('refused', 'attention')"),
        )
        batch_op.drop_index("ix_check_in_mobile")
        batch_op.drop_index("ix_check_in_device")

    op.drop_table("check_in")
    with op.batch_alter_table("spelling", schema=None) as batch_op:
        batch_op.drop_index("uq_spelling_place_written")

    op.drop_table("spelling")
    with op.batch_alter_table("premises", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_premises_place_id"))
        batch_op.drop_index(batch_op.f("ix_premises_enterprise_id"))

    op.drop_table("premises")
    with op.batch_alter_table("gate", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_gate_place_id"))

    op.drop_table("gate")
    with op.batch_alter_table("place", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_place_unit_id"))
        batch_op.drop_index(batch_op.f("ix_place_street_id"))
        batch_op.drop_index(batch_op.f("ix_place_parent_id"))
        batch_op.drop_index(batch_op.f("ix_place_district_id"))
        batch_op.drop_index(batch_op.f("ix_place_community_id"))

    op.drop_table("place")
    with op.batch_alter_table("login_session", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_login_session_account_id"))

    op.drop_table("login_session")
    with op.batch_alter_table("enterprise", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_enterprise_unit_id"))
        batch_op.drop_index(batch_op.f("ix_enterprise_street_id"))
        batch_op.drop_index(batch_op.f("ix_enterprise_initials"))
        batch_op.drop_index(batch_op.f("ix_enterprise_district_id"))
        batch_op.drop_index(batch_op.f("ix_enterprise_community_id"))

    op.drop_table("enterprise")
    with op.batch_alter_table("reset_slip", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_reset_slip_account_id"))

    op.drop_table("reset_slip")
    with op.batch_alter_table("past_password", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_past_password_account_id"))

    op.drop_table("past_password")
    with op.batch_alter_table("mode_order", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_mode_order_district_id"))

    op.drop_table("mode_order")
    with op.batch_alter_table("invitation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_invitation_district_id"))

    op.drop_table("invitation")
    with op.batch_alter_table("community", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_community_street_id"))

    op.drop_table("community")
    with op.batch_alter_table("clinic", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_clinic_district_id"))

    op.drop_table("clinic")
    with op.batch_alter_table("audit_line", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_line_district_at")

    op.drop_table("audit_line")
    with op.batch_alter_table("appointment", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_appointment_one_admin_post",
            sqlite_where=sa.text(
                "post IN ('system_admin','security_admin','audit_admin') AND ended_at IS NULL"
            ),
            postgresql_where=sa.text(
                "post IN ('system_admin','security_admin','audit_admin') AND ended_at IS NULL"
            ),
        )
        batch_op.drop_index("ix_appointment_scope")
        batch_op.drop_index(batch_op.f("ix_appointment_account_id"))

    op.drop_table("appointment")
    with op.batch_alter_table("adoption", schema=None) as batch_op:
        batch_op.drop_index("uq_adoption_district_from")
        batch_op.drop_index(batch_op.f("ix_adoption_district_id"))

    op.drop_table("adoption")
    with op.batch_alter_table("unit", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_unit_district_id"))

    op.drop_table("unit")
    with op.batch_alter_table("street", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_street_district_id"))

    op.drop_table("street")
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_account_district_id"))

    op.drop_table("account")
    op.drop_table("version")
    with op.batch_alter_table("spent_ticket", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_spent_ticket_at"))

    op.drop_table("spent_ticket")
    op.drop_table("district")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION audit_line_is_append_only()")
