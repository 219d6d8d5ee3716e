"""From a code or a token to a cookie, and back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse

from batchctl.web import security
from batchctl.web.pages import login as page
from batchctl.web.problems import Problem
from batchctl.web.tokens import SESSION_S

if TYPE_CHECKING:
    from starlette.responses import Response

    from batchctl.web.route import Call

HOME = "/scheduler"


def form(call: Call) -> Response:
    """Show the button for a code, or the field for a token; looking at it uses nothing up."""
    return page.show(call, code=call.request.query_params.get("code", ""))


def log_in(call: Call) -> Response:
    """Exchange a code or a token for a cookie."""
    address, keys = security.address_of(call.request, call.settings), call.settings.keys
    code, token = (call.body.get(name, [""])[0].strip() for name in ("code", "token"))
    try:
        call.logins.check(address)
    except Problem as problem:
        return page.show(call, problem=problem)
    who = keys.use(code) if code else keys.who(token)
    if who is None:
        call.logins.note(address)
        what = "this code was used already, or is too old" if code else "this is no token of this server"
        remedy = "`batchctl serve login` prints a new address; or give the token of the file that `serve` names"
        return page.show(call, problem=Problem(401, what, remedy))
    answer = RedirectResponse(HOME, 303)
    answer.set_cookie(
        keys.cookie,
        keys.session(who),
        max_age=SESSION_S,
        httponly=True,
        samesite="strict",
        secure=security.is_secure(call.request, call.settings),
    )
    return answer


def log_out(call: Call) -> Response:
    """Take the cookie back."""
    answer = RedirectResponse("/login", 303)
    answer.delete_cookie(call.settings.keys.cookie, httponly=True, samesite="strict")
    return answer
