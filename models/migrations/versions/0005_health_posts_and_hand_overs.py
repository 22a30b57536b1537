"""Health posts of an enterprise, and portfolios that pass from one officer to another."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "portfolio_hand_over",
        sa.Column("old_id", sa.Integer(), nullable=False),
        sa.Column("old_ends_on", sa.Date(), nullable=False),
        sa.Column("successor_id", sa.Integer(), nullable=False),
        sa.Column("new_id", sa.Integer(), nullable=True),
        sa.Column("back_id", sa.Integer(), nullable=True),
        sa.Column("starts_on", sa.Date(), nullable=False),
        sa.Column("leave_ends_on", sa.Date(), nullable=True),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("made_by_id", sa.Integer(), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("back_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["back_id"], ["appointment.id"], name=op.f("fk_portfolio_hand_over_back_id")),
        sa.ForeignKeyConstraint(
            ["made_by_id"], ["account.id"], name=op.f("fk_portfolio_hand_over_made_by_id")
        ),
        sa.ForeignKeyConstraint(["new_id"], ["appointment.id"], name=op.f("fk_portfolio_hand_over_new_id")),
        sa.ForeignKeyConstraint(["old_id"], ["appointment.id"], name=op.f("fk_portfolio_hand_over_old_id")),
        sa.ForeignKeyConstraint(
            ["successor_id"], ["account.id"], name=op.f("fk_portfolio_hand_over_successor_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_portfolio_hand_over")),
    )
    with op.batch_alter_table("portfolio_hand_over") as table:
        table.create_index(op.f("ix_portfolio_hand_over_old_id"), ["old_id"], unique=False)
        table.create_index(op.f("ix_portfolio_hand_over_successor_id"), ["successor_id"], unique=False)

    op.create_table(
        "management_team",
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("leader", sa.String(), nullable=False),
        sa.Column("deputy", sa.String(), nullable=False),
        sa.Column("charter", sa.String(), nullable=False),
        sa.Column("photo", sa.LargeBinary(), nullable=True),
        sa.Column("photographed", sa.Boolean(), nullable=False),
        sa.Column("filed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("filed_by_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.id"], name=op.f("fk_management_team_enterprise_id")
        ),
        sa.ForeignKeyConstraint(["filed_by_id"], ["account.id"], name=op.f("fk_management_team_filed_by_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_management_team")),
    )
    with op.batch_alter_table("management_team") as table:
        table.create_index("ix_management_team_enterprise", ["enterprise_id", "id"], unique=False)

    op.create_table(
        "paper_check",
        sa.Column("enterprise_id", sa.Integer(), nullable=False),
        sa.Column("authorised", sa.String(), nullable=False),
        sa.Column("photo", sa.LargeBinary(), nullable=True),
        sa.Column("photographed", sa.Boolean(), nullable=False),
        sa.Column("checked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("checked_by_id", sa.Integer(), nullable=False),
        sa.Column("id", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["checked_by_id"], ["account.id"], name=op.f("fk_paper_check_checked_by_id")),
        sa.ForeignKeyConstraint(
            ["enterprise_id"], ["enterprise.id"], name=op.f("fk_paper_check_enterprise_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_paper_check")),
    )
    with op.batch_alter_table("paper_check") as table:
        table.create_index(op.f("ix_paper_check_enterprise_id"), ["enterprise_id"], unique=False)

    for name in ("appointment", "invitation"):
        op.add_column(name, sa.Column("position", sa.String(), nullable=False, server_default=sa.text("''")))


def downgrade() -> None:
    for name in ("invitation", "appointment"):
        op.drop_column(name, "position")

    with op.batch_alter_table("paper_check") as table:
        table.drop_index(op.f("ix_paper_check_enterprise_id"))

    op.drop_table("paper_check")
    with op.batch_alter_table("management_team") as table:
        table.drop_index("ix_management_team_enterprise")

    op.drop_table("management_team")
    with op.batch_alter_table("portfolio_hand_over") as table:
        table.drop_index(op.f("ix_portfolio_hand_over_successor_id"))
        table.drop_index(op.f("ix_portfolio_hand_over_old_id"))

    op.drop_table("portfolio_hand_over")
