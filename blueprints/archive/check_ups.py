"""Who is to be examined (谁该体检), and the copy of the occupational file that somebody who leaves may take along."""

from __future__ import annotations

import secrets

from flask import request
from flask.typing import ResponseReturnValue
from flask_login import current_user

from blueprints.archive import bp
from blueprints.web import filters, guard, pdf
from blueprints.web.downloads import by_link, hand_out
from blueprints.web.guard import needs
from blueprints.web.page import page
from blueprints.web.sign_in import fresh
from blueprints.web.site import site
from models.archive import Employee
from models.base import db, local
from models.check_ups_due import due_list
from models.employee_facts import DOCUMENT_KINDS
from models.enterprises import Enterprise
from models.health_file import CheckUp, CheckUpKind, records_of


@bp.get("/enterprises/<int:enterprise_id>/check-ups")
@needs("employee:see", Enterprise)
def check_ups(enterprise: Enterprise) -> ResponseReturnValue:
    """Overdue first, then what comes within two months."""
    today = local(site.now()).date()
    found = due_list(db.session(), enterprise.id, today)
    chosen = next((kind for kind in CheckUpKind if kind.value == request.args.get("kind")), None)
    counts = {kind: sum(1 for due in found if due.kind == kind) for kind in CheckUpKind}
    return page(
        "archive/check_ups.html", enterprise=enterprise, today=today, counts=counts, chosen=chosen,
        dues=[due for due in found if chosen is None or due.kind == chosen],
        total=len(found), overdue=sum(1 for due in found if due.overdue(today)),
    )  # fmt: skip


@bp.get("/employees/<int:employee_id>/occupational-file.pdf")
@by_link
@needs("employee:reveal", Employee)
@fresh
def occupational_file(employee: Employee) -> ResponseReturnValue:
    """The file of work and examinations, whole, to be stamped and handed to the person. Logged."""
    return hand_out(lambda: _document(employee), name=f"职业健康监护档案-{employee.id}.pdf")


def _document(employee: Employee) -> bytes:
    now, number = site.now(), secrets.token_hex(4).upper()
    on_file = [
        one for one in records_of(db.session(), employee, CheckUp) if one.replaced_at is None and one.done_on
    ]
    guard.seen(document="occupational_file", export=number)
    return pdf.document(
        "documents/occupational_file.html", "occupational.css", employee=employee, enterprise=employee.enterprise,
        check_ups=sorted(on_file, key=lambda one: one.done_on), document_kinds=DOCUMENT_KINDS, now=now, number=number,
        author=employee.enterprise.name, by=current_user.name, today=filters.full_day(now),
    )  # fmt: skip
