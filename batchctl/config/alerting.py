"""Alerts, expectations and retention: a job's own word first, then the top level's, then the default."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from batchctl.config import values
from batchctl.config.schema import AlertKeys, convert, example, keys_of, unknown_remedy
from batchctl.core.model import Alerting, Condition, Expect, Retention

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.config.key_path import KeyPath

CONDITIONS = (
    "failed",
    "failing",
    "flapping",
    "recovered",
    "long",
    "fast",
    "missed",
    "skips",
    "overrun",
    "stale",
    "lost",
    "spool",
    "disk",
    "cron",
    "expect",
    "output",
)
"""What there is to be told of; keys of a `notify` table, besides `default`."""

_CONDITION = re.compile(r"\s*(>=|<=|==|!=|>|<)\s*(-?\d+(?:\.\d+)?)\s*%?\s*")


def inherited(table: Mapping[str, Any], top: AlertKeys | None, where: KeyPath) -> dict[str, Any]:
    """Return every key of AlertKeys: the job's own value, else the top level's, else None.

    Raises:
        ConfigError: with file, line where known, key and remedy.
    """
    own = convert({key: table[key] for key in keys_of(AlertKeys) if key in table}, AlertKeys, where)
    found = {key: getattr(own, key) for key in keys_of(AlertKeys)}
    if top is not None:
        found = {key: getattr(top, key) if value is None else value for key, value in found.items()}
    return found


def alerting(given: Mapping[str, Any], where: KeyPath) -> Alerting:
    """Return the alerting of a job from its inherited keys.

    Raises:
        ConfigError: with file, line where known, key and remedy.
    """
    plain: dict[str, Any] = {
        key: given[key] for key in ("alert_after", "alert_after_skips", "long_factor", "max_alerts_per_day")
    }
    plain |= {"ping_url": _url(given["ping_url"], where), "ping_on_skip": given["ping_on_skip"]}
    spans = {
        "flap_window": values.optional_duration(given["flap_window"], where.at("flap_window"), zero=True),
    } | {
        key: values.optional_duration(given[key], where.at(key))
        for key in ("long_after", "min_duration", "remind_every")
    }
    for key in ("on_alert", "alert_on_output"):
        if given[key] is not None and not all(given[key]):
            where.at(key).refuse("has an empty text", example(key))
    lists: dict[str, Any] = {
        key: tuple(given[key]) for key in ("on_alert", "alert_on_output") if given[key] is not None
    }
    if lists.get("on_alert"):
        lists["on_alert"] = values.command(given["on_alert"], where.at("on_alert"))
    window = values.window(given["quiet_hours"], where.at("quiet_hours"))
    set_keys = {key: value for key, value in (plain | spans).items() if value is not None}
    return Alerting(notify=_notify(given["notify"], where.at("notify")), quiet_hours=window, **lists, **set_keys)


def _url(url: str | None, where: KeyPath) -> str | None:
    if url is not None and not url.startswith(("http://", "https://")):
        where.at("ping_url").refuse(f"{url!r} is not an http address", example("ping_url"))
    return url


def _notify(given: list[str] | dict[str, list[str]] | None, where: KeyPath) -> dict[str, tuple[str, ...]]:
    table = given if isinstance(given, dict) else {"default": given or []}
    for key, urls in table.items():
        if key != "default" and key not in CONDITIONS:
            where.at(key).refuse("is not a condition", unknown_remedy(key, ["default", *CONDITIONS], "conditions"))
        if not all("://" in url for url in urls):
            where.at(key).refuse("has an address without ://", example("notify"))
    # `failed = []` silences a condition; a default of nobody is none.
    return {key: tuple(urls) for key, urls in table.items() if urls or key != "default"}


def expect(table: Mapping[str, Any], where: KeyPath) -> Expect:
    """Return the expectations of a job: each key but `fail` is a result and its bound.

    Raises:
        ConfigError: with file, line where known, key and remedy.
    """
    fail = table.get("fail", False)
    if not isinstance(fail, bool):
        where.at("fail").refuse("must be true or false", "write fail = true")
    found = []
    for key, text in table.items():
        if key == "fail":
            continue
        parts = _CONDITION.fullmatch(text) if isinstance(text, str) else None
        if parts is None:
            where.at(key).refuse(f"{text!r} is not a condition", f'write for example {key} = ">= 500"')
        found.append(Condition(key=key, operator=parts[1], bound=float(parts[2])))
    return Expect(conditions=tuple(found), fail=fail)


def retention(given: Mapping[str, Any], where: KeyPath) -> Retention:
    """Return the retention of a job from its inherited keys."""
    kept = {key: given[key] for key in ("keep_runs", "keep_days") if given[key] is not None}
    return Retention(keep_bytes=values.size(given["keep_bytes"], where.at("keep_bytes")), **kept)
