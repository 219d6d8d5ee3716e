"""What is sent to the API, as types: they validate it, and describe it in `/openapi.json`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from batchctl.web.problems import Fault, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

    from batchctl.web.route import Route

S = TypeVar("S", bound=msgspec.Struct)


def json_of(request: Request, route: Route, body: bytes) -> Any:
    """Return the body as the route's type.

    Raises:
        Problem: 415 for another content type, 400 where it is no JSON, 422 with every fault at once.
    """
    if not body and "content-type" not in request.headers:
        return None if route.body is None else faults_or({}, route.body, "/")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and (body or route.method != "GET"):
        raise Problem(
            415, f"a body of type {kind or 'none'!r} is not understood", "send Content-Type: application/json"
        )
    try:
        value = msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise Problem(400, f"the body is no JSON: {error}", "send one JSON object") from error
    if route.body is None:
        return None
    if not isinstance(value, dict):
        raise Problem(422, "the body is no JSON object", "send one JSON object")
    return faults_or(value, route.body, "/")


def faults_or(values: Mapping[str, Any], kind: type[S], prefix: str, *, strict: bool = True) -> S:
    """Return the values as this struct.

    Raises:
        Problem: 422 with every field that is wrong, missing or unknown.
    """
    faults, good = list[Fault](), {}
    fields = {field.encode_name: field for field in msgspec.structs.fields(kind)}
    for name, value in values.items():
        field = fields.get(name)
        if field is None:
            faults.append(fault(prefix + name, "is not known", f"known: {', '.join(fields) or 'none'}"))
            continue
        try:
            good[field.name] = msgspec.convert(value, field.type, strict=strict)
        except (msgspec.ValidationError, RecursionError) as error:
            faults.append(fault(prefix + name, str(error), ""))
    for field in fields.values():
        if field.required and field.encode_name not in values:
            faults.append(fault(prefix + field.encode_name, "is missing", "give it"))
    if faults:
        raise unprocessable(faults)
    return kind(**good)


def fault(pointer: str, detail: str, remedy: str) -> Fault:
    """Return one fault."""
    return {"pointer": pointer, "detail": detail, "remedy": remedy}


def unprocessable(faults: list[Fault]) -> Problem:
    """Return the problem that these faults are."""
    said = "; ".join(f"{each['pointer'].lstrip('/')} {each['detail']}" for each in faults)
    return Problem(422, said, faults[0]["remedy"], faults=faults)
