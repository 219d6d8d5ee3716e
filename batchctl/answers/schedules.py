"""When a schedule that is no job's yet would fire."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any

from batchctl.base import clock
from batchctl.base.errors import ConfigError, UsageError
from batchctl.base.record import Record
from batchctl.config import load_as
from batchctl.config.edit.jobtext import to_toml
from batchctl.core.time import zones
from batchctl.core.time.schedule import fires

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.core.time.zones import Zone

_FILE = "/nowhere/batchctl.toml"
"""What the schedule is validated as: a configuration that is on no disk."""


class Fires(Record):
    """The coming fires of a schedule, in seconds since the epoch; `text` is what lists say of it."""

    text: str
    at: tuple[float, ...]
    zone: Zone


def next_fires(keys: Mapping[str, Any], number: int, *, timezone: str | None = None, start: str | None = None) -> Fires:
    """Return the next fires of a schedule, written as a job's keys (`{"daily": "01:00"}`); none for `after`.

    Raises:
        UsageError: if the schedule cannot be one, or zone or time are none.
    """
    whole = {"jobs": {"schedule": {**keys, "run": "true"}}}
    if "after" in keys:
        names = [keys["after"]] if isinstance(keys["after"], str) else keys["after"]
        whole["jobs"].update({name: {"run": "true"} for name in names})
    text = to_toml(whole if timezone is None else {"timezone": timezone, **whole})
    try:
        config = load_as(_FILE, {_FILE: text.encode()})
        since = clock.now() if start is None else zones.parse_time(start, config.zone, clock.now())
    except ConfigError as error:
        raise UsageError(str(error).partition(": ")[2].removeprefix("jobs.schedule."), remedy=error.remedy) from error
    except ValueError as error:
        message, _, remedy = str(error).partition("; ")
        raise UsageError(message, remedy=remedy) from error
    schedule = config.jobs["schedule"].schedule
    return Fires(text=schedule.text, at=tuple(islice(fires(schedule, config.zone, since), number)), zone=config.zone)
