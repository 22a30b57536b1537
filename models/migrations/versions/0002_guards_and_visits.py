"""The guard's desk, visits, what is kept and for how long; check-ins by the week on PostgreSQL."""

from datetime import date, timedelta

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

INSIDE = sa.text(
    "left_at IS NULL AND kind = 'entry' AND (marks = '' OR confirmed_at IS NOT NULL)"
    " AND (verdict IN ('pass', 'registered') OR verdict = 'attention' AND confirmed_at IS NOT NULL)"
)
OPEN = sa.text("handled_at IS NULL AND verdict IN ('refused', 'attention')")
INDEXES = (
    ("ix_check_in_device", ["device_index", "id"], None),
    ("ix_check_in_mobile", ["mobile_index", "id"], None),
    ("ix_check_in_open", ["place_id", "id"], OPEN),
    ("ix_check_in_place_day", ["place_id", "day", "id"], None),
)
NEW_INDEXES = (
    ("ix_check_in_inside", ["place_id", "id"], INSIDE),
    ("ix_check_in_party", ["party"], sa.text("party IS NOT NULL")),
    ("ix_check_in_code", ["id"], sa.text("code_state = 'pending'")),
)
# column of check_in -> the table whose id it names
POINTS_AT = {
    "district_id": "district", "place_id": "place", "gate_id": "gate", "enterprise_id": "enterprise",
    "recorded_by_id": "account", "confirmed_by_id": "account", "left_by_id": "account",
}  # fmt: skip
WHO_NEEDS_NO_WEEKS = ("confirmed_by_id", "left_by_id")


def upgrade() -> None:
    _new_tables()
    with op.batch_alter_table("account") as table:
        table.add_column(sa.Column("pin_hash", sa.String(), nullable=True))
    with op.batch_alter_table("audit_line") as table:
        table.create_index("ix_audit_line_object", ["object_type", "object_id"])
    with op.batch_alter_table("login_session") as table:
        table.add_column(sa.Column("on_shift", sa.Boolean(), nullable=True))
    op.execute(sa.text("UPDATE login_session SET on_shift = :no").bindparams(no=False))
    with op.batch_alter_table("login_session") as table:
        table.alter_column("on_shift", existing_type=sa.Boolean(), nullable=False)
    with op.batch_alter_table("spelling") as table:
        table.alter_column("enterprise_id", existing_type=sa.Integer(), nullable=True)
    for name in ("note", "reading"):
        with op.batch_alter_table(name) as table:
            table.drop_constraint(f"fk_{name}_check_in_id", type_="foreignkey")
    if op.get_bind().dialect.name == "postgresql":
        _into_weeks()
    else:
        with op.batch_alter_table("check_in") as table:
            for column in _new_columns():
                table.add_column(column)
            table.drop_constraint("uq_check_in_nonce", type_="unique")
            table.drop_constraint("fk_check_in_earlier_id", type_="foreignkey")
            table.create_unique_constraint("uq_check_in_nonce_day", ["nonce", "day"])
            for column in WHO_NEEDS_NO_WEEKS:
                table.create_foreign_key(f"fk_check_in_{column}", "account", [column], ["id"])
            for index in NEW_INDEXES:
                _index(table, index)


def _new_tables() -> None:
    op.create_table(
        "timed_task",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("ran_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("succeeded_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_timed_task")),
        sa.UniqueConstraint("name", name=op.f("uq_timed_task_name")),
    )
    op.create_table(
        "destruction",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("district_id", sa.Integer(), nullable=True),
        sa.Column("by_id", sa.Integer(), nullable=True),
        sa.Column("rule", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("method", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_destruction_by_id")),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_destruction_district_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_destruction")),
    )
    with op.batch_alter_table("destruction", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_destruction_district_id"), ["district_id"], unique=False)

    op.create_table(
        "hold",
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("place_id", sa.Integer(), nullable=True),
        sa.Column("mode_order_id", sa.Integer(), nullable=True),
        sa.Column("document", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("from_on", sa.Date(), nullable=False),
        sa.Column("to_on", sa.Date(), nullable=False),
        sa.Column("expires_on", sa.Date(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.Column("lifted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lifted_by_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_hold_district_id")),
        sa.ForeignKeyConstraint(["lifted_by_id"], ["account.id"], name=op.f("fk_hold_lifted_by_id")),
        sa.ForeignKeyConstraint(["made_by_id"], ["account.id"], name=op.f("fk_hold_made_by_id")),
        sa.ForeignKeyConstraint(["mode_order_id"], ["mode_order.id"], name=op.f("fk_hold_mode_order_id")),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_hold_place_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold")),
    )
    with op.batch_alter_table("hold", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_hold_district_id"), ["district_id"], unique=False)

    op.create_table(
        "day_sum",
        sa.Column("district_id", sa.Integer(), nullable=False),
        sa.Column("place_id", sa.Integer(), nullable=False),
        sa.Column("gate_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("hour", sa.SmallInteger(), nullable=False),
        sa.Column("passed", sa.Integer(), nullable=False),
        sa.Column("attention", sa.Integer(), nullable=False),
        sa.Column("refused", sa.Integer(), nullable=False),
        sa.Column("again", sa.Integer(), nullable=False),
        sa.Column("unconfirmed", sa.Integer(), nullable=False),
        sa.Column("confirmed", sa.Integer(), nullable=False),
        sa.Column("handled", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["district_id"], ["district.id"], name=op.f("fk_day_sum_district_id")),
        sa.ForeignKeyConstraint(["gate_id"], ["gate.id"], name=op.f("fk_day_sum_gate_id")),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_day_sum_place_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_day_sum")),
        sa.UniqueConstraint(
            "place_id", "day", "gate_id", "hour", name=op.f("uq_day_sum_place_id_day_gate_id_hour")
        ),
    )
    with op.batch_alter_table("day_sum", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_day_sum_district_id"), ["district_id"], unique=False)

    op.create_table(
        "fault",
        sa.Column("gate_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("opened_by_id", sa.Integer(), nullable=False),
        sa.Column("ended_by_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["ended_by_id"], ["account.id"], name=op.f("fk_fault_ended_by_id")),
        sa.ForeignKeyConstraint(["gate_id"], ["gate.id"], name=op.f("fk_fault_gate_id")),
        sa.ForeignKeyConstraint(["opened_by_id"], ["account.id"], name=op.f("fk_fault_opened_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_fault")),
    )
    with op.batch_alter_table("fault", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_fault_gate_id"), ["gate_id"], unique=False)

    op.create_table(
        "gate_device",
        sa.Column("gate_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.Column("pairing_digest", sa.LargeBinary(), nullable=True),
        sa.Column("pairing_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("token_digest", sa.LargeBinary(), nullable=True),
        sa.Column("paired_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_by_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["gate_id"], ["gate.id"], name=op.f("fk_gate_device_gate_id")),
        sa.ForeignKeyConstraint(["made_by_id"], ["account.id"], name=op.f("fk_gate_device_made_by_id")),
        sa.ForeignKeyConstraint(["revoked_by_id"], ["account.id"], name=op.f("fk_gate_device_revoked_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate_device")),
        sa.UniqueConstraint("pairing_digest", name=op.f("uq_gate_device_pairing_digest")),
        sa.UniqueConstraint("token_digest", name=op.f("uq_gate_device_token_digest")),
    )
    with op.batch_alter_table("gate_device", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gate_device_gate_id"), ["gate_id"], unique=False)

    op.create_table(
        "gate_notice",
        sa.Column("place_id", sa.Integer(), nullable=False),
        sa.Column("gate_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("raised_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("facts", sa.String(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["gate_id"], ["gate.id"], name=op.f("fk_gate_notice_gate_id")),
        sa.ForeignKeyConstraint(["place_id"], ["place.id"], name=op.f("fk_gate_notice_place_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gate_notice")),
    )
    with op.batch_alter_table("gate_notice", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_gate_notice_place_id"), ["place_id"], unique=False)
        batch_op.create_index(
            "uq_gate_notice_open",
            ["gate_id", "kind"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "head_count",
        sa.Column("gate_id", sa.Integer(), nullable=False),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("heads", sa.Integer(), nullable=True),
        sa.Column("scans", sa.Integer(), nullable=True),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_head_count_by_id")),
        sa.ForeignKeyConstraint(["gate_id"], ["gate.id"], name=op.f("fk_head_count_gate_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_head_count")),
    )
    with op.batch_alter_table("head_count", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_head_count_gate_id"), ["gate_id"], unique=False)

    op.create_table(
        "busy_half",
        sa.Column("gate_id", sa.Integer(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("half", sa.SmallInteger(), nullable=False),
        sa.Column("usual", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["gate_id"], ["gate.id"], name=op.f("fk_busy_half_gate_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_busy_half")),
        sa.UniqueConstraint("day", "half", "gate_id", name=op.f("uq_busy_half_day_half_gate_id")),
    )

    op.create_table(
        "paper_sheet",
        sa.Column("gate_id", sa.Integer(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("rows", sa.SmallInteger(), nullable=False),
        sa.Column("printed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("printed_by_id", sa.Integer(), nullable=False),
        sa.Column("used_on", sa.Date(), nullable=True),
        sa.Column("void_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["gate_id"], ["gate.id"], name=op.f("fk_paper_sheet_gate_id")),
        sa.ForeignKeyConstraint(["printed_by_id"], ["account.id"], name=op.f("fk_paper_sheet_printed_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_sheet")),
        sa.UniqueConstraint("number", name=op.f("uq_paper_sheet_number")),
    )
    with op.batch_alter_table("paper_sheet", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_paper_sheet_gate_id"), ["gate_id"], unique=False)

    op.create_table(
        "sheet_photo",
        sa.Column("sheet_id", sa.Integer(), nullable=False),
        sa.Column("image", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("added_by_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["added_by_id"], ["account.id"], name=op.f("fk_sheet_photo_added_by_id")),
        sa.ForeignKeyConstraint(["sheet_id"], ["paper_sheet.id"], name=op.f("fk_sheet_photo_sheet_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sheet_photo")),
        sa.UniqueConstraint("digest", name=op.f("uq_sheet_photo_digest")),
    )
    with op.batch_alter_table("sheet_photo", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_sheet_photo_sheet_id"), ["sheet_id"], unique=False)

    op.create_table(
        "shift",
        sa.Column("device_id", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.Integer(), nullable=False),
        sa.Column("login_id", sa.Integer(), nullable=True),
        sa.Column("starts_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("end_reason", sa.String(), nullable=False),
        sa.Column("pending", sa.Integer(), nullable=True),
        sa.Column("inside", sa.Integer(), nullable=True),
        sa.Column("broken", sa.String(), nullable=False),
        sa.Column("note", sa.String(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_by_id", sa.Integer(), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_shift_account_id")),
        sa.ForeignKeyConstraint(["device_id"], ["gate_device.id"], name=op.f("fk_shift_device_id")),
        sa.ForeignKeyConstraint(["login_id"], ["login_session.id"], name=op.f("fk_shift_login_id")),
        sa.ForeignKeyConstraint(["read_by_id"], ["account.id"], name=op.f("fk_shift_read_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_shift")),
        sa.UniqueConstraint("login_id", name=op.f("uq_shift_login_id")),
    )
    with op.batch_alter_table("shift", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_shift_account_id"), ["account_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_shift_device_id"), ["device_id"], unique=False)
        batch_op.create_index(
            "uq_shift_open",
            ["device_id"],
            unique=True,
            sqlite_where=sa.text("ended_at IS NULL"),
            postgresql_where=sa.text("ended_at IS NULL"),
        )


def _new_columns() -> list[sa.Column]:
    return [
        sa.Column("source", sa.String(length=32), server_default="scan", nullable=False),
        sa.Column("hand_reason", sa.String(length=32), nullable=True),
        sa.Column("party", sa.LargeBinary(), nullable=True),
        sa.Column("code_state", sa.String(length=32), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_by_id", sa.Integer(), nullable=True),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("left_how", sa.String(length=32), nullable=True),
        sa.Column("left_by_id", sa.Integer(), nullable=True),
    ]


def _index(table, index: tuple) -> None:
    name, columns, where = index
    table.create_index(name, columns, sqlite_where=where, postgresql_where=where)


def _into_weeks() -> None:
    """The table anew, cut by `day`. A key of such a table has to hold `day`, so the nonce is unique together with it."""
    for column in _new_columns():
        op.add_column("check_in", column)
    _set_aside()
    op.execute("CREATE TABLE check_in (LIKE check_in_whole INCLUDING DEFAULTS) PARTITION BY RANGE (day)")
    op.execute("ALTER SEQUENCE check_in_id_seq OWNED BY check_in.id")
    op.execute("CREATE TABLE check_in_default PARTITION OF check_in DEFAULT")
    for monday in _mondays():
        end = monday + timedelta(days=7)
        op.execute(
            f"CREATE TABLE check_in_w{monday:%Y%m%d} PARTITION OF check_in FOR VALUES FROM ('{monday}') TO ('{end}')"
        )
    op.execute("INSERT INTO check_in SELECT * FROM check_in_whole")
    op.drop_table("check_in_whole")
    op.create_primary_key("pk_check_in", "check_in", ["id", "day"])
    op.create_unique_constraint("uq_check_in_nonce_day", "check_in", ["nonce", "day"])
    for column, table in POINTS_AT.items():
        op.create_foreign_key(f"fk_check_in_{column}", "check_in", table, [column], ["id"])
    for name, columns, where in (*INDEXES, *NEW_INDEXES):
        op.create_index(name, "check_in", columns, postgresql_where=where)


def _set_aside() -> None:
    """Renames the table and frees the names of its keys and indexes."""
    op.rename_table("check_in", "check_in_whole")
    connection = op.get_bind()
    for (name,) in connection.execute(
        sa.text(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'check_in_whole'::regclass AND contype IN ('p', 'u', 'f')"
            " ORDER BY contype"
        )
    ).all():
        op.execute(f"ALTER TABLE check_in_whole DROP CONSTRAINT {name}")
    for (name,) in connection.execute(
        sa.text("SELECT indexname FROM pg_indexes WHERE tablename = 'check_in_whole'")
    ).all():
        op.execute(f"DROP INDEX {name}")


def _mondays() -> list[date]:
    """The weeks that have rows, and five from now on."""
    days = op.get_bind().execute(sa.text("SELECT DISTINCT day FROM check_in_whole")).scalars().all()
    today = date.today()  # noqa: DTZ011 - a partition too many or too few does no harm: the timed work makes what is missing
    days += [today + timedelta(weeks=number) for number in range(5)]
    return sorted({day - timedelta(days=day.weekday()) for day in days})


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _into_one_table()
    else:
        with op.batch_alter_table("check_in") as table:
            for name, _columns, where in NEW_INDEXES:
                table.drop_index(name, sqlite_where=where)
            for column in WHO_NEEDS_NO_WEEKS:
                table.drop_constraint(f"fk_check_in_{column}", type_="foreignkey")
            table.drop_constraint("uq_check_in_nonce_day", type_="unique")
            table.create_unique_constraint("uq_check_in_nonce", ["nonce"])
            table.create_foreign_key("fk_check_in_earlier_id", "check_in", ["earlier_id"], ["id"])
            for column in reversed(_new_columns()):
                table.drop_column(column.name)
    for name in ("reading", "note"):
        with op.batch_alter_table(name) as table:
            table.create_foreign_key(f"fk_{name}_check_in_id", "check_in", ["check_in_id"], ["id"])
    op.drop_table("shift")
    op.execute("DELETE FROM spelling WHERE enterprise_id IS NULL")
    with op.batch_alter_table("spelling") as table:
        table.alter_column("enterprise_id", existing_type=sa.Integer(), nullable=False)
    with op.batch_alter_table("login_session") as table:
        table.drop_column("on_shift")
    with op.batch_alter_table("audit_line") as table:
        table.drop_index("ix_audit_line_object")
    with op.batch_alter_table("account") as table:
        table.drop_column("pin_hash")
    for name in ("sheet_photo", "paper_sheet", "busy_half", "head_count", "gate_notice", "gate_device", "fault", "day_sum", "hold",
                 "destruction", "timed_task"):  # fmt: skip
        op.drop_table(name)


def _into_one_table() -> None:
    _set_aside()
    op.execute("CREATE TABLE check_in (LIKE check_in_whole INCLUDING DEFAULTS)")
    op.execute("ALTER SEQUENCE check_in_id_seq OWNED BY check_in.id")
    op.execute("INSERT INTO check_in SELECT * FROM check_in_whole")
    op.drop_table("check_in_whole")
    for column in reversed(_new_columns()):
        op.drop_column("check_in", column.name)
    op.create_primary_key("pk_check_in", "check_in", ["id"])
    op.create_unique_constraint("uq_check_in_nonce", "check_in", ["nonce"])
    for column, table in POINTS_AT.items():
        if column not in WHO_NEEDS_NO_WEEKS:
            op.create_foreign_key(f"fk_check_in_{column}", "check_in", table, [column], ["id"])
    op.create_foreign_key("fk_check_in_earlier_id", "check_in", "check_in", ["earlier_id"], ["id"])
    for name, columns, where in INDEXES:
        op.create_index(name, "check_in", columns, postgresql_where=where)
