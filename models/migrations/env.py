"""How Alembic reaches the database: over the connection that `models.schema` hands it."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context

from models import schema
from models.base import Row, UTCDateTime
from models.vault import EncryptedText

schema.every_table()
connection = context.config.attributes["connection"]


def plainly(kind: str, item: Any, _context: Any) -> str | Literal[False]:
    """Our column types as what the database sees: a migration outlives the classes of its day."""
    if kind == "type":
        if isinstance(item, UTCDateTime):
            return "sa.DateTime(timezone=True)"
        if isinstance(item, EncryptedText):
            return "sa.LargeBinary()"
        if isinstance(item, sa.Enum):
            return f"sa.String(length={item.length})"
    return False


context.configure(
    connection=connection,
    target_metadata=Row.metadata,
    render_as_batch=connection.dialect.name == "sqlite",
    render_item=plainly,
    compare_type=True,
    compare_server_default=True,
    include_name=schema.is_ours,
)
with context.begin_transaction():
    context.run_migrations()
