"""Which letter of a firm, kind and place is the newest that is not void stands in its row, so that the list of all firms joins it
instead of looking for it firm by firm. An index each for letters of firms and of places holds that there is one at most."""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"

INDEXES = {
    "uq_letter_newest_of_firm": (["enterprise_id", "kind"], "NULL"),
    "uq_letter_newest_of_place": (["place_id", "enterprise_id", "kind"], "NOT NULL"),
}


def upgrade() -> None:
    op.add_column("letter", sa.Column("newest", sa.Boolean(), server_default=sa.false(), nullable=False))
    letter = sa.table(
        "letter", *map(sa.column, ("id", "enterprise_id", "kind", "place_id", "state", "newest"))
    )
    latest = sa.select(sa.func.max(letter.c.id)).where(letter.c.state != "voided")
    latest = latest.group_by(letter.c.enterprise_id, letter.c.kind, letter.c.place_id)
    op.execute(letter.update().where(letter.c.id.in_(latest)).values(newest=sa.true()))
    for name, (columns, place) in INDEXES.items():
        op.create_index(
            name,
            "letter",
            columns,
            unique=True,
            sqlite_where=sa.text(f"newest = 1 AND place_id IS {place}"),
            postgresql_where=sa.text(f"newest AND place_id IS {place}"),
            postgresql_include=["state", "starts_on", "ends_on", "id"],
        )
    if op.get_context().dialect.name == "postgresql":
        op.execute("ANALYZE letter")


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, "letter")
    with op.batch_alter_table("letter") as table:
        table.drop_column("newest")
