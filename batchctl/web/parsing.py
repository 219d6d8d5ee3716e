"""From bytes and query strings to the table's types: every fault at once, and nothing that only looks right."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from batchctl.web.problems import Fault, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from batchctl.web.route import Route

S = TypeVar("S", bound=msgspec.Struct)


def json_of(request: Request, route: Route, body: bytes) -> Any:
    """Return the body as the route's type; where the handler finds more faults, with those that were found here.

    Raises:
        Problem: 415 for another content type, 400 where it is no JSON, 422 with every fault at once.
    """
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if (body or kind) and kind != "application/json":
        message = f"a body of type {kind[:80] or 'none'!r} is not understood"
        raise Problem(415, message, "send Content-Type: application/json")
    if route.body is None:
        return None
    try:
        value = msgspec.json.decode(body) if body else {}
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Problem(400, f"the body is no JSON: {error}", "send one JSON object") from error
    if not isinstance(value, dict):
        raise Problem(422, "the body is no JSON object", "send one JSON object")
    found, faults = loose(value, route.body, "/")
    if faults and not route.more_faults:
        raise unprocessable(faults)
    return (found, faults) if route.more_faults else found


def query_of(request: Request, kind: type[S]) -> S:
    """Return the query string as this type; a name that comes twice is a list.

    Raises:
        Problem: 422 with every fault at once.
    """
    values: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        values[name] = value if name not in values else [*_listed(values[name]), value]
    found, faults = loose(values, kind, "", strict=False)
    if faults:
        raise unprocessable(faults)
    return found


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


@cache
def _fields(kind: type[msgspec.Struct]) -> dict[str, msgspec.structs.FieldInfo]:
    return {field.encode_name: field for field in msgspec.structs.fields(kind)}


def loose(values: Mapping[str, Any], kind: type[S], prefix: str, *, strict: bool = True) -> tuple[S, list[Fault]]:
    """Return what is right of the values as this struct, and every field that is wrong, missing or unknown."""
    faults, good = list[Fault](), dict[str, Any]()
    fields = _fields(kind)
    for name, value in values.items():
        field = fields.get(name)
        if field is None:
            faults.append(fault(prefix + name, "is not known", f"known: {', '.join(fields) or 'none'}"))
            continue
        try:
            good[field.name] = msgspec.convert(value, field.type, strict=strict)
        except (msgspec.ValidationError, RecursionError) as error:
            faults.append(fault(prefix + name, str(error), ""))
    faults += [
        fault(prefix + name, "is missing", "give it")
        for name, field in fields.items()
        if field.required and name not in values
    ]
    missing = {field.name: "" for field in fields.values() if field.required and field.name not in good}
    return kind(**good, **missing), faults


def fault(pointer: str, detail: str, remedy: str) -> Fault:
    """Return one fault."""
    return {"pointer": pointer, "detail": detail, "remedy": remedy}


def unprocessable(faults: list[Fault]) -> Problem:
    """Return the problem that these faults are."""
    said = "; ".join(f"{each['pointer'].lstrip('/')} {each['detail']}".strip() for each in faults)
    return Problem(422, said, next((each["remedy"] for each in faults if each["remedy"]), ""), faults=faults)
