"""What is wrong with a job, from where it stands."""

from __future__ import annotations

from typing import Any

import pytest
from support import job

from batchctl.base.record import replace
from batchctl.core.guard.decide import Running
from batchctl.core.judge.facts import Ended, Facts
from batchctl.core.judge.findings import SEVERITIES, Finding, findings, status_of, urgency
from batchctl.core.judge.missed import Gap
from batchctl.core.model import Alerting

HOUR, DAY = 3600.0, 86400.0
NOW = 1795230000.0


def ended(status: str = "succeeded", hours: float = 26.0, **changes: Any) -> Ended:
    """Return a run that ended an hour ago."""
    end = NOW - HOUR
    given = {"run_id": 7, "started_at": end - hours * HOUR, "ended_at": end, "duration": hours * HOUR} | changes
    return Ended(status=status, **given)


def running(hours: float = 2.0, **changes: Any) -> Running:
    """Return a run that is running."""
    return Running(**{"run_id": 8, "started_at": NOW - hours * HOUR, "age": hours * HOUR} | changes)


def kinds(facts: Facts) -> list[tuple[str, str]]:
    """Return kind and severity of each finding."""
    return [(found.kind, found.severity) for found in findings(facts, NOW)]


def facts(alerting: dict[str, Any] | None = None, rules: dict[str, Any] | None = None, **given: Any) -> Facts:
    """Return the facts of a job with this alerting and these rules."""
    return Facts(job=job(name="일일", alerting=Alerting(**(alerting or {})), **(rules or {})), **given)


USUAL = [26 * HOUR] * 10


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # never ran
        (facts(), []),
        # all is well
        (facts(last=ended(), durations=USUAL), []),
        # each bad end
        (facts(last=ended("failed", 1)), [("failed", "warning")]),
        (facts(last=ended("timed_out", 30)), [("failed", "warning")]),
        (facts(last=ended("lost", 1)), [("lost", "warning")]),
        (facts(last=ended("stale", 40)), [("stale", "warning")]),
        # the operator's own stop
        (facts(last=ended("cancelled", 1)), [("cancelled", "info")]),
        # three in a row
        (facts(last=ended("failed", 1), failures_before=2), [("failing", "critical"), ("failed", "warning")]),
        (facts({"alert_after": 5}, last=ended("failed", 1), failures_before=2), [("failed", "warning")]),
        # a stop is no failure, and ends no row of them
        (facts(last=ended("cancelled", 1), failures_before=2), [("cancelled", "info")]),
        (facts(last=ended("cancelled", 1), failures_before=3), [("failing", "critical"), ("cancelled", "info")]),
        # and well again
        (facts(last=ended(), failures_before=3), [("recovered", "info")]),
        # the failures themselves were pruned; an alert of them is still open
        (facts(last=ended(), open_event="failed:3"), [("recovered", "info")]),
        # running as usual
        (facts(running=running(20), durations=USUAL), []),
        # longer than p95 x 1.5, which is 39 hours
        (facts(running=running(39.1), durations=USUAL), [("long", "warning")]),
        (facts(running=running(39), durations=USUAL), []),
        # four runs say nothing of what is usual
        (facts(running=running(400), durations=USUAL[:4]), []),
        # the operator's own bound needs no history
        (facts({"long_after": 28 * HOUR}, running=running(28.1)), [("long", "warning")]),
        (facts({"long_after": 28 * HOUR}, last=ended(hours=28.1)), [("long", "warning")]),
        # of short runs a few seconds more are not called long
        (facts(running=running(30 / HOUR), durations=[1.0] * 10), []),
        # owner gone, nothing left behind
        (facts(running=running(owner="dead")), [("lost", "critical")]),
        # owner gone, steps still there
        (facts(running=running(owner="dead", left_behind=True)), [("lost", "critical")]),
        # who cannot be judged is not called lost
        (facts(running=running(owner="unknown")), []),
        # hung, and left to the operator or not yet taken over
        (facts(rules={"stale_after": 36 * HOUR}, running=running(36.5)), [("stale", "critical")]),
        # much faster than usual
        (facts(last=ended(hours=1), durations=USUAL), [("fast", "warning")]),
        # a part of the chain is always faster
        (facts(last=ended(hours=1, partial=True), durations=USUAL), []),
        # a failure is no fast success
        (facts(last=ended("failed", 0.1), durations=USUAL), [("failed", "warning")]),
        # seconds instead of a minute are nothing to speak of
        (facts(last=ended(hours=1 / HOUR), durations=[59.0] * 10), []),
        # the operator's own bound is the only one then
        (facts({"min_duration": 2 * HOUR}, last=ended(hours=1)), [("fast", "warning")]),
        (facts({"min_duration": HOUR}, last=ended(hours=1), durations=USUAL), []),
        # skips since the last start
        (facts({"alert_after_skips": 2}, skips=2, skip_reason="already_running"), [("skips", "warning")]),
        (facts({"alert_after_skips": 2}, skips=1), []),
        (facts(skips=500), []),
        # missed, not started since; or long ago, and started since
        (facts(gaps=[Gap(fires=(NOW - 2 * DAY,), after_run=3, started_since=False)]), [("missed", "warning")]),
        (facts(gaps=[Gap(fires=(NOW - HOUR,), after_run=3, started_since=True)]), [("missed", "warning")]),
        (facts(gaps=[Gap(fires=(NOW - 2 * DAY,), after_run=3, started_since=True)]), [("missed", "info")]),
        # the case that everything is measured against overruns every other fire, as usual
        (
            facts(running=running(20), durations=USUAL, expected_end=NOW + 6 * HOUR, next_fires=[NOW + 4 * HOUR]),
            [("overrun", "info")],
        ),
        # a batch of 3 hours that is expected to need its whole budget this time
        (
            facts(
                {"long_after": 90 * HOUR},
                running=running(20),
                durations=[3 * HOUR] * 10,
                expected_end=NOW + 6 * HOUR,
                next_fires=[NOW + 4 * HOUR, NOW + 7 * HOUR],
            ),
            [("overrun", "warning")],
        ),
        # results and output
        (facts(last=ended(), unmet=["n is 3, expected n >= 5"]), [("expect", "warning")]),
        (
            facts(last=ended(warnings=(("output", "x"), ("expect", "y")))),
            [("expect", "warning"), ("output", "warning")],
        ),
        # a clock that was set back: the run started in the future, its age is known from the boot's clock
        (facts(running=running(-5, age=60.0), durations=USUAL), []),
        (facts(running=running(-5, age=None), durations=USUAL), []),
    ],
)  # fmt: skip
def test_findings(given: Facts, expected: list[tuple[str, str]]) -> None:
    """Each state of a job has its findings, the most urgent first."""
    assert kinds(given) == expected


def test_events_are_named_after_what_happened() -> None:
    """Two looks at the same event give one id, and the next event another."""
    one = facts(last=ended("failed", 1), failures_before=2, last_success=4)
    first = [found.event_id for found in findings(one, NOW)]
    assert first == [found.event_id for found in findings(one, NOW + DAY)]
    assert first == ["failing:일일:4", "failed:7"]
    gap = Gap(fires=(NOW - DAY, NOW - HOUR), after_run=3, started_since=False)
    [found] = findings(facts(gaps=[gap]), NOW)
    assert found.event_id == "missed:일일:3"


def test_the_overrun_names_the_fires() -> None:
    """The operator reads which fires will be skipped."""
    given = facts(running=running(20), durations=USUAL, expected_end=NOW + 6 * HOUR, next_fires=[NOW + 4 * HOUR])
    [found] = findings(given, NOW)
    assert found.text == "run 8 is expected to end Sat 2026-11-21 18:00 and overruns 1 fire: Sat 2026-11-21 16:00"


GAP = Gap(fires=(NOW - DAY, NOW - HOUR), after_run=3, started_since=False)
FIRES = [NOW + hours * HOUR for hours in (1, 2, 3, 4, 5)]


OVERRUN = (
    "run 8 is expected to end Sat 2026-11-21 18:00 and overruns {} fires: Sat 2026-11-21 13:00, Sat 2026-11-21 14:00,"
    " Sat 2026-11-21 15:00"
)
LEFT_NOTHING = "neither a start nor a skip"


@pytest.mark.parametrize(
    ("given", "text"),
    [
        # well again after one failure, and after more
        (facts(last=ended(), failures_before=1), "run 7 succeeded Sat 2026-11-21 11:00, after 1 failure"),
        (facts(last=ended(), failures_before=2), "run 7 succeeded Sat 2026-11-21 11:00, after 2 failures in a row"),
        # ended badly, with a reason and without
        (facts(last=ended("timed_out")), "run 7 timed out Sat 2026-11-21 11:00"),
        (facts(last=ended("lost", why="power")), "run 7 was lost Sat 2026-11-21 11:00: power"),
        (facts(last=ended("cancelled", why="stop")), "run 7 was cancelled Sat 2026-11-21 11:00: stop"),
        # the third in a row
        (
            facts(last=ended("failed", why="step 31"), failures_before=2),
            "3 runs in a row did not succeed; the last is run 7: step 31",
        ),
        # under way
        (
            facts(running=running(owner="dead")),
            "run 8, started Sat 2026-11-21 10:00, is lost: its batchctl is gone",
        ),
        (
            facts(running=running(owner="dead", left_behind=True)),
            "run 8 lost its batchctl, and processes of its steps still live",
        ),
        (
            facts(rules={"stale_after": 36 * HOUR}, running=running(37)),
            "run 8 has been running for 37h 00m, stale_after is 36h 00m",
        ),
        (
            facts({"long_after": HOUR}, running=running(2)),
            "run 8 has been running for 2h 00m, longer than long_after, 1h 00m",
        ),
        (
            facts(running=running(40), durations=USUAL),
            "run 8 has been running for 40h 00m, longer than is usual: 95% take 26h 00m or less",
        ),
        # three fires are named, and the others counted
        (
            facts(running=running(), next_fires=FIRES[:3], expected_end=NOW + 6 * HOUR),
            OVERRUN.format(3),
        ),
        (
            facts(running=running(), next_fires=FIRES, expected_end=NOW + 6 * HOUR),
            OVERRUN.format(5) + " and 2 more",
        ),
        # how long it took
        (facts({"long_after": HOUR}, last=ended(hours=2)), "run 7 took 2h 00m, longer than long_after, 1h 00m"),
        (facts({"min_duration": HOUR}, last=ended(hours=0.5)), "run 7 took 30m 00s, less than min_duration, 1h 00m"),
        (
            facts(last=ended(hours=1), durations=USUAL),
            "run 7 took 1h 00m, where half of them take 26h 00m or more",
        ),
        # one fire missed, and several
        (
            facts(gaps=[replace(GAP, fires=(NOW,), started_since=True)]),
            f"1 fire missed, Sat 2026-11-21 12:00: {LEFT_NOTHING}; it has started again since",
        ),
        (
            facts(gaps=[GAP]),
            f"2 fires missed, Fri 2026-11-20 12:00 to Sat 2026-11-21 11:00: {LEFT_NOTHING}; it has not started since",
        ),
        # skips, with the last reason and without
        (facts({"alert_after_skips": 1}, skips=1), "1 fire skipped since the last start"),
        (
            facts({"alert_after_skips": 2}, skips=2, skip_reason="min_gap"),
            "2 fires skipped since the last start, the last because min gap",
        ),
        # results
        (facts(last=ended(), unmet=["a", "b"]), "run 7: a; b"),
    ],
)
def test_sentences(given: Facts, text: str) -> None:
    """The operator reads what happened, to which run, when, and what it is compared with."""
    assert findings(given, NOW)[0].text == text


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        # of short runs a minute more than the usual is the bound, and 60 seconds the least that matters
        (facts(running=running(age=61.0), durations=[1.0] * 5), []),
        (facts(running=running(age=61.1), durations=[1.0] * 5), [("long", "warning")]),
        (facts(last=ended(duration=5.9), durations=[60.0] * 5), [("fast", "warning")]),
        (facts(last=ended(duration=0.0), durations=[59.9] * 5), []),
        # with no other clock than that on the wall the age is counted by it
        (facts({"long_after": 61.0}, running=running(61 / HOUR, age=None)), []),
        (facts({"long_after": 61.0}, running=running(62 / HOUR, age=None)), [("long", "warning")]),
        (facts({"long_after": 0.5}, running=running(0.0, age=None)), []),
        # a success of which nobody knows how long it took
        (facts({"long_after": 1.0}, last=ended(duration=None)), []),
        # four are no habit
        (facts(last=ended(hours=1), durations=USUAL[:4]), []),
        # just stale_after old
        (facts(rules={"stale_after": 36 * HOUR}, running=running(36)), []),
        # a start that was missed a day ago, and a second more
        (facts(gaps=[Gap(fires=(NOW - DAY,), after_run=3, started_since=True)]), [("missed", "warning")]),
        (facts(gaps=[Gap(fires=(NOW - DAY - 1,), after_run=3, started_since=True)]), [("missed", "info")]),
        # a run that ends at the fire overruns none
        (facts(running=running(), next_fires=FIRES[:1], expected_end=FIRES[0]), []),
        (facts(running=running(), next_fires=FIRES[:1]), []),
        # as usual, to the second
        (
            facts(running=running(1), durations=[2 * HOUR] * 5, next_fires=FIRES[:1], expected_end=FIRES[1]),
            [("overrun", "warning")],
        ),
    ],
)  # fmt: skip
def test_bounds(given: Facts, expected: list[tuple[str, str]]) -> None:
    """Each bound holds to the second."""
    assert kinds(given) == expected


def test_the_streak_of_skips_is_named_after_the_newest_run() -> None:
    """Its event is that of the last run that started, whether it has ended or not."""
    alerting = {"alert_after_skips": 1}
    assert [each.event_id for each in findings(facts(alerting, skips=1), NOW)] == ["skips:일일:0"]
    known = facts(alerting, skips=1, last=ended())
    assert [each.event_id for each in findings(known, NOW)] == ["skips:일일:7"]
    under_way = facts(alerting, skips=1, last=ended(), running=running())
    assert "skips:일일:8" in [each.event_id for each in findings(under_way, NOW)]


def test_the_most_urgent_first_then_by_job() -> None:
    """Findings of several jobs come by severity, and in it by name; those of the place before those of jobs."""
    of: dict[str, Finding] = {}
    for each in (facts(last=ended("cancelled")), facts(last=ended("lost")), facts(running=running(owner="dead"))):
        of |= {found.severity: found for found in findings(each, NOW)}
    of = {severity: replace(of[severity], job=name) for severity, name in zip(SEVERITIES, "acb", strict=True)}
    place = replace(of["warning"], job=None)
    other = replace(of["warning"], job="b")
    found = sorted([of["info"], of["warning"], other, place, of["critical"]], key=urgency)
    assert [each.job for each in found] == ["b", None, "b", "c", "a"]


def test_status() -> None:
    """Informational findings leave the system healthy."""
    assert status_of(findings(facts(last=ended(), failures_before=1), NOW)) == "healthy"
    assert status_of(findings(facts(last=ended("failed")), NOW)) == "degraded"
    assert status_of(findings(facts(last=ended("failed"), failures_before=2), NOW)) == "unhealthy"
