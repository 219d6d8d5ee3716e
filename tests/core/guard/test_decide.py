"""The decision table of the contract's section 2."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import SEOUL, rules

from batchctl.base.duration import format_duration
from batchctl.core.guard.decide import (
    NAMES,
    NEVER_FORCED,
    Decision,
    Pause,
    Running,
    State,
    checks,
    decide,
)
from batchctl.core.guard.fitness import Machine
from batchctl.core.model import Rules, StartIf, Window
from batchctl.core.time.zones import human

NOW = 1_795_000_000.0  # Wed 2026-11-18 20:06:40 in Seoul
H = 3600.0
RUN = Running(run_id=7, started_at=NOW - H)
DEAD = Running(run_id=7, started_at=NOW - H, owner="dead")
LEFT = Running(run_id=7, started_at=NOW - H, owner="dead", left_behind=True)
UNKNOWN = Running(run_id=7, started_at=NOW - H, owner="unknown")
OLD = Running(run_id=7, started_at=NOW - 40 * H)
DAY = Window(start=8 * 60, end=22 * 60 + 59)
NIGHT = Window(start=22 * 60, end=6 * 60)
MINUTE = 20 * 60 + 6
MIDNIGHT = NOW - NOW % 60 + (24 * 60 - MINUTE) * 60


@pytest.mark.parametrize(
    ("state", "rule", "reason", "until"),
    [
        # nothing stands in the way
        ({}, {}, None, None),
        # paused for ever
        ({"paused": Pause()}, {}, "paused", None),
        # paused until later
        ({"paused": Pause(until=NOW + 1)}, {}, "paused", NOW + 1),
        # a pause ends at its instant
        ({"paused": Pause(until=NOW)}, {}, None, None),
        # disabled
        ({}, {"enabled": False}, "disabled", None),
        # the pause is named before the disabling
        ({"paused": Pause()}, {"enabled": False}, "paused", None),
        # inside active hours
        ({}, {"active_hours": DAY}, None, None),
        # outside active hours that cross midnight; they begin at 22:00
        ({}, {"active_hours": NIGHT}, "outside_hours", NOW - NOW % 60 + 114 * 60),
        # the first minute of the window, its last, its only one; and right before and after it
        ({}, {"active_hours": Window(start=MINUTE, end=MINUTE + 1)}, None, None),
        ({}, {"active_hours": Window(start=MINUTE - 1, end=MINUTE)}, None, None),
        ({}, {"active_hours": Window(start=MINUTE, end=MINUTE)}, None, None),
        ({}, {"active_hours": Window(start=MINUTE + 1, end=MINUTE + 1)}, "outside_hours", NOW - NOW % 60 + 60),
        ({}, {"active_hours": Window(start=0, end=MINUTE - 1)}, "outside_hours", MIDNIGHT),
        # the same where it crosses midnight
        ({}, {"active_hours": Window(start=MINUTE, end=0)}, None, None),
        ({}, {"active_hours": Window(start=MINUTE + 1, end=MINUTE)}, None, None),
        ({}, {"active_hours": Window(start=MINUTE + 1, end=MINUTE - 1)}, "outside_hours", NOW - NOW % 60 + 60),
        # every: due exactly at last start + every
        ({"last_start": NOW - 30 * H}, {"every": 30 * H}, None, None),
        # every: one second before
        ({"last_start": NOW - 30 * H + 1}, {"every": 30 * H}, "not_due", NOW + 1),
        # every: never started
        ({}, {"every": 30 * H}, None, None),
        # every: the last start lies in the future (clock set back) and does not block
        ({"last_start": NOW + H}, {"every": 30 * H}, None, None),
        # every: started at this very instant
        ({"last_start": NOW}, {"every": 30 * H}, "not_due", NOW + 30 * H),
        # at: not yet
        ({}, {"at": NOW + 5}, "not_due", NOW + 5),
        # at: now
        ({}, {"at": NOW}, None, None),
        # at: it ran
        ({"last_start": NOW - 1}, {"at": NOW - 2}, "not_due", None),
        # at: an older start does not count
        ({"last_start": NOW - 3}, {"at": NOW - 2}, None, None),
        # at: missed by 30 days it still counts, and a second later it never will
        ({}, {"at": NOW - 30 * 24 * H}, None, None),
        ({}, {"at": NOW - 30 * 24 * H - 1}, "not_due", None),
        # a living owner
        ({"running": RUN}, {}, "already_running", None),
        # an owner that cannot be judged counts as alive
        ({"running": UNKNOWN}, {}, "already_running", None),
        # dead owner, nothing left: reclaimed at once, whatever its age
        ({"running": DEAD}, {}, None, None),
        # dead owner, but a process of its steps lives
        ({"running": LEFT}, {}, "already_running", None),
        # the held lock of a running row is that run's own
        ({"running": RUN, "lock_held": True}, {}, "already_running", None),
        # older than stale_after: taken over
        ({"running": OLD}, {"stale_after": 36 * H}, None, None),
        # exactly stale_after old: not yet
        ({"running": Running(run_id=7, started_at=NOW - 36 * H)}, {"stale_after": 36 * H}, "already_running", None),
        # stale with on_stale = alert
        ({"running": OLD}, {"stale_after": 36 * H, "on_stale": "alert"}, "already_running", None),
        # without stale_after nothing is ever taken over
        ({"running": OLD}, {}, "already_running", None),
        # the monotonic age counts, not a clock that was set forward a day
        (
            {"running": Running(run_id=7, started_at=NOW - 40 * H, age=H)},
            {"stale_after": 36 * H},
            "already_running",
            None,
        ),
        # what cannot be judged from here is never taken over
        (
            {"running": Running(run_id=7, started_at=NOW - 40 * H, owner="unknown")},
            {"stale_after": 36 * H},
            "already_running",
            None,
        ),
        # min_gap: one second short
        ({"last_end": NOW - 6 * H + 1}, {"min_gap": 6 * H}, "min_gap", NOW + 1),
        # min_gap: exactly at the bound it starts
        ({"last_end": NOW - 6 * H}, {"min_gap": 6 * H}, None, None),
        # min_gap: the end lies in the future and is ignored
        ({"last_end": NOW + 72 * H}, {"min_gap": 6 * H}, None, None),
        # gap_factor: 1.2 x 26 h after the end
        ({"last_end": NOW - 31 * H, "typical": 26 * H}, {"gap_factor": 1.2}, "min_gap", NOW - 31 * H + 1.2 * 26 * H),
        # gap_factor without history leaves min_gap
        ({"last_end": NOW - H}, {"gap_factor": 1.2}, None, None),
        # the larger of both gaps counts
        ({"last_end": NOW - 2 * H, "typical": H}, {"gap_factor": 1.2, "min_gap": 6 * H}, "min_gap", NOW + 4 * H),
        # pool full
        ({"pool_running": 1}, {"pool": "collectors", "pool_limit": 1}, "pool_full", None),
        # pool with room
        ({"pool_running": 1}, {"pool": "collectors", "pool_limit": 2}, None, None),
        # a pool without a limit
        ({"pool_running": 9}, {"pool": "collectors"}, None, None),
        # another fire is starting
        ({"lock_held": True}, {}, "locked", None),
    ],
)
def test_first_failed_check_is_the_verdict(
    state: dict[str, Any], rule: dict[str, Any], reason: str | None, until: float | None
) -> None:
    """Each row of the contract's table gives its reason and the instant at which it would pass."""
    decision = decide(NOW, State(**state), rules(**rule))
    assert decision.reason == reason
    assert decision.start is (reason is None)
    if decision.failed is not None:
        assert decision.failed.until == until


@pytest.mark.parametrize(
    ("state", "rule", "reason"),
    [
        # the gap is for new fires
        ({"last_end": NOW - 60}, {"min_gap": 6 * H}, None),
        # so is what is due
        ({"last_start": NOW - H}, {"every": 30 * H}, None),
        # both at once
        ({"last_start": NOW - H, "last_end": NOW - 60}, {"every": 30 * H, "min_gap": 6 * H}, None),
        # a pause is an operator's word
        ({"paused": Pause(), "last_end": NOW - 60}, {"min_gap": 6 * H}, "paused"),
        # a full pool stays full
        ({"pool_running": 1, "last_end": NOW - 60}, {"min_gap": H, "pool": "p", "pool_limit": 1}, "pool_full"),
        # nothing makes two runs overlap
        ({"running": RUN, "last_end": NOW - 60}, {"min_gap": H}, "already_running"),
    ],
)
def test_resume_passes_what_is_for_new_fires(state: dict[str, Any], rule: dict[str, Any], reason: str | None) -> None:
    """To continue a broken batch is no new fire: neither gap nor due time holds it back, and nothing was forced."""
    decision = decide(NOW, State(**state), rules(**rule), resume=True)
    assert (decision.reason, decision.forced) == (reason, ())


@pytest.mark.parametrize(
    ("running", "stale_after", "expected"),
    [
        (DEAD, None, Decision(start=True, reclaim=7)),
        (OLD, 36 * H, Decision(start=True, take_over=7)),
        (
            Running(run_id=7, started_at=NOW - 40 * H, owner="dead", left_behind=True),
            36 * H,
            Decision(start=True, take_over=7),
        ),
        (Running(run_id=7, started_at=NOW - 40 * H, owner="dead"), 36 * H, Decision(start=True, reclaim=7)),
    ],
)
def test_start_says_what_must_be_done_first(running: Running, stale_after: float | None, expected: Decision) -> None:
    """A start past a running row reclaims a lost run and takes over a stale one."""
    assert decide(NOW, State(running=running), rules(stale_after=stale_after)) == expected


@pytest.mark.parametrize("name", NAMES)
def test_force_never_overlaps(name: str) -> None:
    """`--force` passes every check but those that keep two runs apart."""
    blocked: dict[str, tuple[State, Rules]] = {
        "paused": (State(paused=Pause()), rules()),
        "disabled": (State(), rules(enabled=False)),
        "outside_hours": (State(), rules(active_hours=NIGHT)),
        "not_due": (State(), rules(at=NOW + 1)),
        "already_running": (State(running=RUN), rules()),
        "min_gap": (State(last_end=NOW), rules(min_gap=1.0)),
        "pool_full": (State(pool_running=1), rules(pool="p", pool_limit=1)),
        "not_fit": (State(machine=Machine(load=4.0)), rules(start_if=StartIf(load_below=4.0))),
        "locked": (State(lock_held=True), rules()),
    }
    state, rule = blocked[name]
    decision = decide(NOW, state, rule, force=True)
    if name in NEVER_FORCED:
        assert decision.reason == name
    else:
        assert decision == Decision(start=True, forced=(name,))


def test_all_checks_come_in_order_with_sentences() -> None:
    """`explain` gets every check, in the contract's order, each with a sentence."""
    state = State(running=RUN, last_end=NOW - H, last_start=NOW - H, paused=Pause(until=NOW + H), typical=H)
    found = list(checks(NOW, state, rules(min_gap=6 * H, gap_factor=1.2, every=30 * H, active_hours=NIGHT)))
    assert tuple(check.name for check in found) == NAMES
    for check in found:
        assert check.detail(lambda instant: human(instant, SEOUL), format_duration)
    assert "2026-11-18 21:06" in found[0].detail(lambda instant: human(instant, SEOUL), format_duration)


@pytest.mark.parametrize(
    ("running", "words"),
    [
        (RUN, "run 7 is still running (started "),  # it lives
        (LEFT, "run 7 lost its batchctl, but processes of its steps still live (started "),  # only its steps do
        (UNKNOWN, "run 7 cannot be proven dead (started "),  # another host's
    ],
)
def test_why_a_run_is_in_the_way(running: Running, words: str) -> None:
    """The operator reads what is known of the run that blocks: each state of its owner has a sentence of its own."""
    failed = decide(NOW, State(running=running), rules()).failed
    assert failed is not None
    assert failed.detail(lambda instant: human(instant, SEOUL), format_duration).startswith(words)


spans = st.floats(min_value=0, max_value=100 * H, allow_nan=False)


@settings(max_examples=300, deadline=None)
@given(
    state=st.fixed_dictionaries(
        {
            "paused": st.none() | st.builds(lambda span: Pause(until=NOW + span), spans),
            "last_start": st.none() | spans.map(lambda span: NOW - span),
            "last_end": st.none() | spans.map(lambda span: NOW - span),
            "typical": st.none() | spans,
        }
    ),
    rule=st.fixed_dictionaries(
        {
            "every": st.none() | spans,
            "min_gap": spans,
            "gap_factor": st.none() | st.floats(min_value=0.1, max_value=3),
            "active_hours": st.none()
            | st.builds(lambda start, end: Window(start=start, end=end), st.integers(0, 1439), st.integers(0, 1439)),
        }
    ),
)
def test_until_is_the_first_instant_at_which_a_check_passes(state: dict[str, Any], rule: dict[str, Any]) -> None:
    """Every failed check with an `until` passes at that instant and not a moment before."""
    there, law = State(**state), rules(**rule)
    for number, check in enumerate(checks(NOW, there, law)):
        if check.passed or check.until is None:
            continue
        assert check.until > NOW
        assert list(checks(check.until, there, law))[number].passed
        assert not list(checks(max(NOW, check.until - 0.01), there, law))[number].passed


@settings(max_examples=200, deadline=None)
@given(
    owner=st.sampled_from(["alive", "unknown", "dead"]),
    left=st.booleans(),
    force=st.booleans(),
    age=spans,
    stale_after=st.none() | spans,
)
def test_no_start_beside_a_living_run(
    owner: str, left: bool, force: bool, age: float, stale_after: float | None
) -> None:
    """A run that is not proven dead, or left processes, is never started beside; it may only be taken over as stale."""
    running = Running(run_id=1, started_at=NOW - age, age=age, owner=owner, left_behind=left)
    decision = decide(NOW, State(running=running), rules(stale_after=stale_after), force=force)
    if decision.start:
        proven_gone = owner == "dead" and not left
        assert proven_gone or decision.take_over == 1
        assert proven_gone or (stale_after is not None and age > stale_after)
