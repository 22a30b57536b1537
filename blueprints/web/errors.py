"""Every refusal in words (出错页): what is the matter and what to do now. Never a trace, never silence."""

from __future__ import annotations

from flask import Flask, Response, g, make_response, render_template, session
from flask_login import current_user
from flask_wtf.csrf import CSRFError
from sqlalchemy.exc import DataError, OperationalError
from werkzeug.exceptions import HTTPException

from blueprints.web import logs
from blueprints.web.headers import request_id
from blueprints.web.sign_in import ask_to_sign_in
from models.base import RuleBroken, db

OUT_OF_RANGE = "22003"  # PostgreSQL: numeric_value_out_of_range

WORDS = {
    400: ("这个请求看不懂", "请返回上一页重新打开，再试一次。"),
    403: ("您的岗位不能办这件事", "需要办理，请联系安全管理员核对您的任职。"),
    404: ("没有找到这一页", "地址可能写错了，或者它不在您负责的范围内。"),
    405: ("这个地址不能这样打开", "请从页面上的链接或按钮进入。"),
    409: ("现在不能这样做", "这件事的状态已经变了，请刷新后再看。"),
    413: ("提交的内容太大", "文件不能超过10MB，请压缩或分几次提交。"),
    415: ("提交的内容格式不对", "请从页面上的表单提交。"),
    429: ("操作太频繁", "请等1分钟再试。"),
    500: ("网站出了差错", "已经记下，请稍后再试。您填的内容没有保存。"),
    503: ("网站正忙", "您填的内容没有保存，请过几秒再提交一次。"),
}


def init_app(app: Flask) -> None:
    app.register_error_handler(401, lambda _error: ask_to_sign_in())
    app.register_error_handler(HTTPException, http_error)
    app.register_error_handler(CSRFError, stale_form)
    app.register_error_handler(RuleBroken, rule_broken)
    app.register_error_handler(OperationalError, busy)
    app.register_error_handler(OverflowError, no_such_number)
    app.register_error_handler(DataError, no_such_number)
    app.register_error_handler(Exception, crashed)
    app.after_request(never_as_done)


def answer(status: int, title: str = "", advice: str = "", *, english: bool | None = None) -> Response:
    """`english` of pages that have both languages: whether title and advice are in it."""
    words = WORDS.get(status, WORDS[500] if status >= 500 else WORDS[400])
    language = {} if english is None else {"english": english}
    html = render_template(
        "error.html", status=status, title=title or words[0], advice=advice or words[1],
        number=request_id(), signed_in=_signed_in(), **language,
    )  # fmt: skip
    return make_response(html, status)


def http_error(error: HTTPException) -> Response:
    if error.code is None or error.code < 400:
        return error.get_response()  # a redirect
    response = answer(error.code, getattr(error, "title", ""), getattr(error, "advice", ""))
    for name, value in error.get_headers():
        if name in ("Allow", "Retry-After"):
            response.headers[name] = value
    return response


def stale_form(_error: CSRFError) -> Response:
    db.session.rollback()
    session.pop("_flashes", None)  # what a view has said of success, before it was stopped
    return answer(400, "这一页放得太久了", "请返回上一页，刷新后再提交；刷新前先把填好的内容复制下来。")


def never_as_done(response: Response) -> Response:
    """A button whose token did not hold has done nothing: what its view answers to that is not shown as if it had."""
    return stale_form(g.stale) if "stale" in g and response.status_code < 400 else response


def rule_broken(error: RuleBroken) -> Response:
    db.session.rollback()
    return answer(409, str(error))


def busy(error: OperationalError) -> Response:
    db.session.rollback()
    logs.note_error("database", error)
    response = answer(503)
    response.headers["Retry-After"] = "3"
    return response


def no_such_number(error: OverflowError | DataError) -> Response:
    """A number in an address that the database cannot hold is the number of nothing."""
    if isinstance(error, DataError) and getattr(error.orig, "sqlstate", "") != OUT_OF_RANGE:
        return crashed(error)
    db.session.rollback()
    return answer(404)


def crashed(error: Exception) -> Response:
    db.session.rollback()
    logs.note_error("crash", error)
    return answer(500)


def _signed_in() -> bool:
    """Whether a page frame can be drawn: not where the database is what failed."""
    try:
        return bool(current_user.is_authenticated)
    except Exception:
        return False
