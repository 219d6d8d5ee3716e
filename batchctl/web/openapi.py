"""The API's description, OpenAPI 3.1, made of the route table and of the very types that validate."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from batchctl.base.version import VERSION
from batchctl.web import problems

if TYPE_CHECKING:
    from collections.abc import Iterable

    from batchctl.web.route import Route

_TEMPLATE = "#/components/schemas/{name}"
_PATHS = {
    "id": "The job's name, percent-encoded, or its number.",
    "run": "The run's id.",
    "step": "The step's id.",
}


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the description of every route that is no page."""
    own = [route for route in routes if not route.page]
    types = [each for route in own for each in (route.body, route.answer) if each is not None]
    unique = list(dict.fromkeys([problems.ProblemJson, *types]))
    schemas, components = msgspec.json.schema_components(unique, ref_template=_TEMPLATE)
    found = dict(zip(unique, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for route in own:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, found, components)
    return {
        "openapi": "3.1.0",
        "info": {"title": "batchctl", "version": VERSION, "description": "What `batchctl serve` answers to programs."},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": components,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, found: dict[Any, Any], components: dict[str, Any]) -> dict[str, Any]:
    said: dict[str, Any] = {
        "summary": route.does,
        "description": f"Takes the scope `{route.scope}`.",
        "operationId": f"{route.method.lower()}{re.sub(r'[^a-z]+', '_', route.path)}".rstrip("_"),
        "parameters": [*_path(route.path), *_query(route.query, components)],
        "responses": {**_good(route, found), **_bad(route, found)},
    }
    if route.body is not None:
        required = any(field.required for field in msgspec.structs.fields(route.body))
        said["requestBody"] = {"required": required, "content": {"application/json": {"schema": found[route.body]}}}
    return said


def _path(path: str) -> list[dict[str, Any]]:
    return [
        {"name": name, "in": "path", "required": True, "description": _PATHS[name], "schema": {"type": "string"}}
        for name in re.findall(r"\{(\w+)\}", path)
    ]


def _query(kind: Any, components: dict[str, Any]) -> list[dict[str, Any]]:
    if kind is None:
        return []
    fields = msgspec.structs.fields(kind)
    schemas, more = msgspec.json.schema_components([field.type for field in fields], ref_template=_TEMPLATE)
    components.update(more)
    return [
        {"name": field.encode_name, "in": "query", "required": field.required, "schema": _without_null(schema)}
        for field, schema in zip(fields, schemas, strict=True)
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a query can say: it has no null."""
    some = [each for each in schema.get("anyOf", ()) if each != {"type": "null"}]
    return schema if not some else some[0] if len(some) == 1 else {"anyOf": some}


def _good(route: Route, found: dict[Any, Any]) -> dict[str, Any]:
    if route.status == 204:  # noqa: PLR2004 - nothing is said
        return {"204": {"description": "Done."}}
    schema = found.get(route.answer, {"type": "string"})
    content = {
        media: {"schema": schema if media == "application/json" else {"type": "string"}} for media in route.media
    }
    answers = {str(route.status): {"description": route.does, "content": content}}
    if route.method == "GET":
        answers["304"] = {"description": "It is what If-None-Match names."}
    if "range" in route.also:
        answers["206"] = {"description": "The range that was asked for.", "content": content}
    return answers


def _bad(route: Route, found: dict[Any, Any]) -> dict[str, Any]:
    statuses = {400, 401, 403, 413, 415, 421, 422, 429, 503}
    statuses |= {404} if "{" in route.path else set()
    statuses |= {409} if route.method != "GET" else set()
    statuses |= {416} if "range" in route.also else set()
    content = {problems.MEDIA: {"schema": found[problems.ProblemJson]}}
    return {str(each): {"description": HTTPStatus(each).phrase, "content": content} for each in sorted(statuses)}
