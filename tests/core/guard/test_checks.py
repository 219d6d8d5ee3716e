"""What each check says to the operator, and at which instant it says that it would pass."""

from __future__ import annotations

from typing import Any

import pytest
from support import SEOUL, rules

from batchctl.base.duration import format_duration
from batchctl.core.guard.decide import Check, Pause, Running, State, checks
from batchctl.core.guard.fitness import Machine
from batchctl.core.model import StartIf, Window
from batchctl.core.time.zones import NamedZone, human, parse_time

NOW = parse_time("2026-11-18T20:06:40", SEOUL)
H, DAY = 3600.0, 86400.0
AT_EXPIRES = 30 * DAY
GB = 1_000_000_000
ASKED = StartIf(load_below=4.0, memory_above=2 * GB, disk_above=5 * GB)


def found(name: str, state: dict[str, Any], rule: dict[str, Any], now: float = NOW) -> Check:
    """Return the check of this name."""
    return next(check for check in checks(now, State(**state), rules(**rule)) if check.name == name)


def running(**changes: Any) -> dict[str, Any]:
    """Return a state in which run 7 began an hour ago."""
    return {"running": Running(**{"run_id": 7, "started_at": NOW - H, **changes})}


@pytest.mark.parametrize(
    ("name", "state", "rule", "passed", "says"),
    [
        ("paused", {}, {}, True, "not paused"),
        ("paused", {"paused": Pause()}, {}, False, "paused until `batchctl resume`"),
        ("paused", {"paused": Pause(until=NOW + H)}, {}, False, "paused until Wed 2026-11-18 21:06"),
        ("disabled", {}, {}, True, "enabled"),
        ("disabled", {}, {"enabled": False}, False, "enabled = false in the configuration"),
        ("outside_hours", {}, {}, True, "no active hours set"),
        ("outside_hours", {}, {"active_hours": Window(start=485, end=1379)}, True, "within active hours 08:05-22:59"),
        ("outside_hours", {}, {"active_hours": Window(start=1325, end=7)}, False,
         "outside active hours 22:05-00:07; they begin Wed 2026-11-18 22:05"),
        # every: counted from the last start, and never due in the future
        ("not_due", {}, {}, True, "due whenever it is fired"),
        ("not_due", {}, {"every": 30 * H}, True, "never started before, so it is due"),
        ("not_due", {"last_start": NOW - 40 * H}, {"every": 30 * H}, True,
         "due since Wed 2026-11-18 10:06 (every 30h 00m)"),
        ("not_due", {"last_start": NOW - 29 * H}, {"every": 30 * H}, False,
         "not due before Wed 2026-11-18 21:06 (every 30h 00m, last start Tue 2026-11-17 15:06)"),
        ("not_due", {"last_start": NOW + H}, {"every": 30 * H}, True,
         "due since Wed 2026-11-18 20:06 (every 30h 00m)"),
        # a start at this very instant is no start in the future
        ("not_due", {"last_start": NOW}, {"every": H}, False,
         "not due before Wed 2026-11-18 21:06 (every 1h 00m, last start Wed 2026-11-18 20:06)"),
        # at: once, by a start that cron meant for that instant; a month later it was missed
        ("not_due", {}, {"at": NOW + H}, False, "not due before Wed 2026-11-18 21:06"),
        ("not_due", {}, {"at": NOW - H}, True, "due since Wed 2026-11-18 19:06"),
        ("not_due", {"last_start": NOW - H}, {"at": NOW - H}, False,
         "was due once, at Wed 2026-11-18 19:06, and started Wed 2026-11-18 19:06"),
        ("not_due", {}, {"at": NOW - AT_EXPIRES}, True, "due since Mon 2026-10-19 20:06"),
        ("not_due", {}, {"at": NOW - AT_EXPIRES - 0.1}, False,
         "was due once, at Mon 2026-10-19 20:06, and was missed"),
        # a run: whose it is, and how old, on the clock that nobody sets where that is known
        ("already_running", {}, {}, True, "no run is running"),
        ("already_running", running(), {}, False,
         "run 7 is still running (started Wed 2026-11-18 19:06, 1h 00m ago)"),
        ("already_running", running(owner="unknown"), {}, False,
         "run 7 cannot be proven dead (started Wed 2026-11-18 19:06, 1h 00m ago)"),
        ("already_running", running(owner="dead", left_behind=True), {}, False,
         "run 7 lost its batchctl, but processes of its steps still live (started Wed 2026-11-18 19:06, 1h 00m ago)"),
        ("already_running", running(owner="dead"), {}, True,
         "run 7 is lost (its owner is gone and left no process behind)"),
        ("already_running", running(age=2 * H), {}, False,
         "run 7 is still running (started Wed 2026-11-18 19:06, 2h 00m ago)"),
        ("already_running", running(started_at=NOW + H), {}, False,
         "run 7 is still running (started Wed 2026-11-18 21:06, 0.0s ago)"),
        ("already_running", running(age=40 * H), {"stale_after": 36 * H}, True,
         "run 7 is stale (40h 00m old, stale_after 36h 00m) and is taken over"),
        ("already_running", running(age=40 * H), {"stale_after": 36 * H, "on_stale": "alert"}, False,
         "run 7 is stale (40h 00m old, stale_after 36h 00m) and on_stale = alert leaves it to you"),
        # the gap: the end, the length, and the instant at which it is over
        ("min_gap", {"last_end": NOW - H}, {}, True, "no gap asked for"),
        ("min_gap", {}, {"min_gap": 6 * H}, True, "no earlier run to keep a gap from"),
        ("min_gap", {"last_end": NOW + H}, {"min_gap": 6 * H}, True,
         "the last end, Wed 2026-11-18 21:06, lies in the future (was the clock set back?) and is ignored"),
        # an end at this very instant is not in the future
        ("min_gap", {"last_end": NOW}, {"min_gap": 6 * H}, False,
         "the gap of 6h 00m since the last end, Wed 2026-11-18 20:06, lasts until Thu 2026-11-19 02:06"),
        ("min_gap", {"last_end": NOW - 7 * H}, {"min_gap": 6 * H}, True,
         "the gap of 6h 00m since the last end, Wed 2026-11-18 13:06, was over at Wed 2026-11-18 19:06"),
        # the pool: a limit without a pool, or a pool without a limit, limits nothing
        ("pool_full", {"pool_running": 3}, {}, True, "not in a limited pool"),
        ("pool_full", {"pool_running": 3}, {"pool": "shop"}, True, "not in a limited pool"),
        ("pool_full", {"pool_running": 3}, {"pool_limit": 1}, True, "not in a limited pool"),
        ("pool_full", {}, {"pool": "shop", "pool_limit": 1}, True, "pool shop runs 0 of 1 jobs"),
        ("pool_full", {"pool_running": 2}, {"pool": "shop", "pool_limit": 2}, False, "pool shop runs 2 of 2 jobs"),
        # the machine: all that is asked for, as it is at this instant, and what it does not say holds nothing back
        ("not_fit", {}, {}, True, "nothing asked of the machine"),
        ("not_fit", {"machine": Machine(load=9.0)}, {}, True, "nothing asked of the machine"),
        ("not_fit", {}, {"start_if": ASKED}, True,
         "whether start_if holds (load < 4, memory > 2.00 GB, disk > 5.00 GB) cannot be foretold"),
        ("not_fit", {"machine": Machine(load=3.99, memory=3 * GB, disk=6 * GB)}, {"start_if": ASKED}, True,
         "the machine is fit: load 3.99 < 4, memory 3.00 GB > 2.00 GB, disk 6.00 GB > 5.00 GB"),
        ("not_fit", {"machine": Machine(load=4.0, memory=3 * GB, disk=6 * GB)}, {"start_if": ASKED}, False,
         "the machine is not fit: load 4.00 >= 4"),
        ("not_fit", {"machine": Machine(load=5.0, memory=2 * GB, disk=6 * GB)}, {"start_if": ASKED}, False,
         "the machine is not fit: load 5.00 >= 4, memory 2.00 GB <= 2.00 GB"),
        ("not_fit", {"machine": Machine(disk=4 * GB)}, {"start_if": StartIf(disk_above=5 * GB)}, False,
         "the machine is not fit: disk 4.00 GB <= 5.00 GB"),
        ("not_fit", {"machine": Machine()}, {"start_if": ASKED}, True,
         "the machine is fit: load unknown < 4, memory unknown > 2.00 GB, disk unknown > 5.00 GB"),
        ("locked", {}, {}, True, "no other fire is starting"),
        ("locked", {"lock_held": True}, {}, False, "another fire of this job is starting at this very moment"),
        # beside a running row the lock is that run's
        ("locked", {"lock_held": True, **running(owner="dead")}, {}, True, "no other fire is starting"),
    ],
)  # fmt: skip
def test_what_a_check_says(name: str, state: dict[str, Any], rule: dict[str, Any], passed: bool, says: str) -> None:
    """Each sentence names the figures that it judged by."""
    check = found(name, state, rule)
    assert check.passed is passed
    assert check.detail(lambda instant: human(instant, SEOUL), format_duration) == says


@pytest.mark.parametrize(
    ("expected_end", "until"),
    [
        (None, None),
        (NOW + 1, NOW + 1),
        (NOW, None),  # it is overdue, and when it ends is anybody's guess
        (NOW - 1, None),
    ],
)
def test_a_run_under_way_ends_when_it_is_expected_to(expected_end: float | None, until: float | None) -> None:
    """Only an end that still lies ahead is one to wait for."""
    assert found("already_running", running(expected_end=expected_end), {}).until == until


@pytest.mark.parametrize(
    ("window", "inside", "outside"),
    [
        ("08:00-22:59", "08:00 15:00 22:59", "07:59 23:00 00:00"),
        ("22:00-06:00", "22:00 23:59 00:00 06:00", "06:01 21:59 12:00"),  # over midnight
        ("10:00-10:00", "10:00", "09:59 10:01 00:00"),  # one minute
        ("00:00-23:59", "00:00 12:00 23:59", ""),
        ("10:01-10:00", "10:00 10:01 00:00", ""),  # the whole day, the long way round
    ],
)
def test_which_minutes_are_active_hours(window: str, inside: str, outside: str) -> None:
    """Both ends belong to it, whole minutes long."""
    start, end = (int(text[:2]) * 60 + int(text[3:]) for text in window.split("-"))
    rule = {"active_hours": Window(start=start, end=end)}
    for text, passes in [*((text, True) for text in inside.split()), *((text, False) for text in outside.split())]:
        minute = parse_time(f"2026-11-18T{text}", SEOUL)
        assert found("outside_hours", {}, rule, minute).passed is passes, text
        assert found("outside_hours", {}, rule, minute + 59.9).passed is passes, text


@pytest.mark.parametrize(
    ("zone", "now", "opens", "until"),
    [
        ("Asia/Seoul", "2026-11-18T20:06:40", "08:00", "2026-11-19T08:00"),
        ("Asia/Seoul", "2026-11-18T07:59:59", "08:00", "2026-11-18T08:00"),
        ("America/New_York", "2026-11-18T20:06:40", "08:00", "2026-11-19T08:00"),
        # the clock jumps over the opening: that day has none, the next one has
        ("America/New_York", "2026-03-07T02:31", "02:30", "2026-03-09T02:30"),
        ("America/New_York", "2026-10-31T02:00", "01:30", "2026-11-01T01:30"),
    ],
)
def test_when_active_hours_begin(zone: str, now: str, opens: str, until: str) -> None:
    """The next minute of the wall clock that is inside, here a window of that one minute."""
    where = NamedZone(zone)
    minute = int(opens[:2]) * 60 + int(opens[3:])
    rule = {"active_hours": Window(start=minute, end=minute), "zone": where}
    assert found("outside_hours", {}, rule, parse_time(now, where)).until == parse_time(until, where)


def test_a_check_in_a_failing_test() -> None:
    """It says its name and its verdict."""
    assert repr(found("paused", {"paused": Pause(until=5e9)}, {})) == "Check(paused, passed=False, until=5000000000.0)"
