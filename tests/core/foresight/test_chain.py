"""When a job fires that comes after others, as the simulation of those tells."""

from __future__ import annotations

from itertools import islice
from typing import Any

import pytest

from batchctl.core.foresight.chain import Link, ends
from batchctl.core.foresight.preview import coming, foreseen, scenario
from batchctl.core.guard.decide import Running, State
from batchctl.core.model import Job, Rules
from batchctl.core.time.cron import Schedule, parse_cron
from batchctl.core.time.zones import NamedZone, parse_time

HOUR, DAY = 3600.0, 86400.0
SEOUL = NamedZone("Asia/Seoul")
NOW = parse_time("2026-11-21T12:00", SEOUL)


def job(name: str, schedule: Schedule, **rules: Any) -> Job:
    """Return a job of one step."""
    return Job(name=name, schedule=schedule, rules=Rules(zone=SEOUL, **rules), steps=())


def at(hour: int) -> Schedule:
    """Return a schedule of every day."""
    return Schedule(text="daily", cron=parse_cron(f"0 {hour} * * *"))


def link(name: str, hour: int, hours: float, state: State | None = None, **more: Any) -> Link:
    """Return a daily job that takes so many hours, as a link of a chain."""
    rules = {key: more.pop(key) for key in list(more) if key in Rules._fields}
    planned = scenario(job(name, at(hour), **rules), state or State(), NOW, hours * HOUR)
    return Link(job=name, scenario=planned, **more)


def hours(instants: Any, count: int = 3) -> list[float]:
    """Return instants as hours from the next midnight."""
    return [(instant - NOW - 12 * HOUR) / HOUR for instant in islice(instants, count)]


def after(*names: str, whatever: bool = False) -> Schedule:
    """Return the schedule of what comes after these."""
    return Schedule(text="after", after=names, after_any=whatever)


UNTIL_18 = State(running=Running(run_id=1, started_at=NOW - HOUR, expected_end=NOW + 6 * HOUR))


@pytest.mark.parametrize(
    ("given", "whatever", "expected"),
    [
        # every day at 01:00, 5 h long
        (link("a", 1, 5), False, [6, 30, 54]),
        # 26 h long: every other day
        (link("a", 1, 26), False, [27, 75, 123]),
        # the run of now ends first
        (link("a", 1, 5, UNTIL_18), False, [-6, 6, 30]),
        # unless it is a part of the job only
        (link("a", 1, 5, UNTIL_18, is_part=True), False, [6, 30, 54]),
        # a run that is taken over has not succeeded
        (link("a", 1, 26, stale_after=20 * HOUR), False, []),
        # but it has ended
        (link("a", 1, 26, stale_after=20 * HOUR), True, [25, 49, 73]),
        # what does not start does not end
        (link("a", 1, 5, enabled=False), False, []),
    ],
)
def test_ends(given: Link, whatever: bool, expected: list[float]) -> None:
    """An end is where a run that was started ends as it should, or with `whatever` in any way."""
    assert hours(ends(given, whatever=whatever)) == expected


@pytest.mark.parametrize(
    ("links", "took", "expected"),
    [
        # one: each of its ends
        ([link("a", 1, 5)], 1, [(6, "start"), (30, "start"), (54, "start")]),
        # its own guard decides: a run of 30 h is not over at the next end
        ([link("a", 1, 5)], 30, [(6, "start"), (30, "skip"), (54, "start")]),
        # two: when the later one ends
        ([link("a", 1, 5), link("b", 3, 5)], 1, [(8, "start"), (32, "start"), (56, "start")]),
        # one of them ends every other day only
        ([link("a", 1, 26), link("b", 3, 5)], 1, [(27, "start"), (75, "start"), (123, "start")]),
        # one has ended already, since the last start
        ([link("a", 1, 5), link("b", 3, 5, has_ended=True)], 1, [(6, "start"), (30, "start"), (54, "start")]),
        # after a skip nothing has started, so each end fires anew
        ([link("a", 1, 5), link("b", 3, 5)], 30, [(8, "start"), (32, "skip"), (54, "start")]),
    ],
)
def test_fires(links: list[Link], took: float, expected: list[tuple[float, str]]) -> None:
    """A job fires at the ends of others; of several once all have ended since its own last start."""
    mine = job("c", after(*(each.job for each in links)))
    found = list(islice(coming(mine, State(), NOW, took * HOUR, links), len(expected)))
    assert [
        (hour, fire.verdict) for hour, fire in zip(hours(fire.at for fire in found), found, strict=True)
    ] == expected


def test_the_state_of_a_later_instant() -> None:
    """At an instant after the other's end the job is running, and after its own end it is not."""
    mine, links = job("c", after("a")), [link("a", 1, 5)]
    assert foreseen(mine, State(), NOW, NOW + 20 * HOUR, 4 * HOUR, links).state.running is not None
    assert foreseen(mine, State(), NOW, NOW + 23 * HOUR, 4 * HOUR, links).state.running is None
