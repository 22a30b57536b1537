"""An enterprise's own house (企业): its day at the gates and whether its health posts are filled."""

from __future__ import annotations

from flask_login import current_user
from sqlalchemy import select
from sqlalchemy.orm import joinedload
from werkzeug.wrappers import Response

from blueprints.enterprises import bp
from blueprints.web.guard import needs, serving, within_reach
from blueprints.web.page import page
from blueprints.web.schemes import policy_on
from blueprints.web.site import site
from models import posts
from models.access import Post
from models.base import db, local
from models.enterprises import Enterprise, Premises
from models.ledger import Ledger, recent
from models.obligations import to_do
from models.office import health_staff, open_orders, questions_added, staff_lines, visitors_of
from models.places import Unit
from models.plans import coming
from models.signatures import signer_at
from models.to_do import letters_to_do, notices_to_do, returns_of

REPORTS = 20  # how far back a report may still be to do


@bp.get("/enterprises/<int:enterprise_id>")
@needs("enterprise:home", Enterprise)
def home(enterprise: Enterprise) -> Response:
    """What we have to do today, who comes to us, who waits outside, which health posts we owe. Nobody's health is shown."""
    now = site.now()
    today = local(now).date()
    session = db.session()
    policy = policy_on(enterprise.district_id, today)
    duty = policy.staffing.duty(enterprise.headcount) if policy else None
    staff = health_staff(session, [enterprise.id], today)[enterprise.id]
    premises = session.scalars(
        select(Premises)
        .where(Premises.enterprise_id == enterprise.id, Premises.holding(now))
        .options(joinedload(Premises.place))
        .order_by(Premises.from_at, Premises.id)
    ).all()
    orders = [
        order
        for order in open_orders(session, [enterprise.district_id], now)
        if any(order.reaches(one.place) for one in premises)
    ]
    lines = staff_lines(policy, duty, staff) if policy and duty else []
    owed = Ledger(site.book, now).as_it_will_be(
        session, enterprise.id, recent(session, enterprise.id, REPORTS)
    )
    ours = [one for one in serving() if (one.scope, one.scope_id) == ("enterprise", enterprise.id)]
    return page(
        "enterprises/home.html",
        enterprise=enterprise,
        unit=session.get(Unit, enterprise.unit_id) if enterprise.unit_id else None,
        premises=premises,
        policy=policy,
        duty=duty,
        lines=lines,
        lacks=posts.lacks_of(session, site.book, enterprise, today, lines),
        team=posts.team_of(session, enterprise) if duty and duty.team else None,
        staff=staff,
        guides=[a for a in staff if a.post == Post.HEALTH_GUIDE],
        visitors=visitors_of(session, enterprise, today),
        orders=orders,
        added=questions_added(policy) if policy and orders else [],
        today=today,
        others=session.execute(
            select(Enterprise.id, Enterprise.name)
            .where(within_reach("enterprise:home", Enterprise), Enterprise.id != enterprise.id)
            .order_by(Enterprise.name)
        ).all(),
        now_at=now,
        reports=to_do(owed, now),
        returns=returns_of(session, owed),
        letters=letters_to_do(session, enterprise.id, today),
        may_sign=signer_at(session, enterprise, current_user.account, today) is not None,
        notices=notices_to_do(session, current_user.id, ours, now),
        coming=coming(session, enterprise.id, today),
        mode_now="emergency" if orders else "normal",
    )
