"""What an enterprise owes, in the database's words, is what the rule says."""

from dataclasses import replace

import pytest
from flask import current_app
from sqlalchemy import select

from models.base import db
from models.enterprises import Enterprise
from models.portfolio import owed
from tests import make

HEADS = (None, 0, 1, 28, 29, 30, 31, 199, 200, 201, 399, 400, 401, 599, 600, 999, 1000, 1001, 1199, 1200, 5000)  # fmt: skip


@pytest.mark.parametrize("changed", [{}, {"lower_inclusive": True}, {"carry_over": True}])
def test_the_database_counts_what_a_head_count_owes_as_the_rule_does(app, town, changed):
    for heads in HEADS:
        make.enterprise(town.street, headcount=heads)
    book = current_app.extensions["site"].book
    for rule in (replace(pack.staffing, **changed) for pack in map(book.get, book.keys())):
        for post in rule.posts():
            found = db.session.execute(select(Enterprise.headcount, owed(rule, post))).all()
            duties = {heads: rule.duty(heads) for heads, _number in found}
            assert [n for _heads, n in found] == [
                duties[h].required[post] if duties[h] else 0 for h, _n in found
            ]
