"""Migrations and models say the same, on the way up and on the way down."""

from sqlalchemy import inspect

from models import schema
from models.base import db


def test_the_migrated_database_is_what_the_models_say(app):
    assert schema.differences(db.engine) == []


def test_migrations_go_down_to_nothing_and_up_again(app):
    db.session.remove()
    schema.downgrade(db.engine, "base")
    assert set(inspect(db.engine).get_table_names()) <= {"alembic_version"}
    schema.upgrade(db.engine)
    assert schema.differences(db.engine) == []
