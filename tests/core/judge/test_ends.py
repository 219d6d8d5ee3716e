"""What people are told of the end of a run."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import job

from batchctl.core.judge import findings
from batchctl.core.judge.ends import at_end
from batchctl.core.judge.facts import Ended, Facts
from batchctl.core.model import Alerting

if TYPE_CHECKING:
    from batchctl.core.judge.alerts import Alert
    from batchctl.core.model import Job

NOW = datetime.fromisoformat("2026-11-21T12:00:00+09:00").timestamp()
TO_ALL = {"default": ("json://all",)}


def ended(status: str = "failed", **changes: Any) -> Ended:
    """Return the end of run 12."""
    return Ended(
        **{
            "run_id": 12,
            "status": status,
            "why": None if status == "succeeded" else "step 31: exit code 3",
            "exit_code": int(status != "succeeded"),
            "started_at": NOW - 100,
            "ended_at": NOW,
            "duration": 100.0,
            "host": "server",
            **changes,
        }
    )


def told(end: Ended, before: dict[str, Any] | None = None, **changes: Any) -> list[Alert]:
    """Return the alerts of an end; `before` is what else the history says."""
    return at_end(Facts(job=_job(changes), last=end, **(before or {})), NOW)


def _job(alerting: dict[str, Any]) -> Job:
    return job(alerting=Alerting(**{"notify": TO_ALL, **alerting}))


@pytest.mark.parametrize(
    ("status", "event", "severity"),
    [
        ("failed", "failed:12", "warning"),  # a step failed
        ("timed_out", "failed:12", "warning"),  # a budget was exceeded
        ("lost", "lost:12", "critical"),  # batchctl vanished
        ("stale", "stale:12", "critical"),  # it was taken over
    ],
)
def test_a_bad_end_is_told(status: str, event: str, severity: str) -> None:
    """Each bad end is one lasting event named after its run."""
    (alert,) = told(ended(status))
    assert (alert.event_id, alert.severity, alert.lasting) == (event, severity, True)
    assert alert.title == f"작업: run 12 {status.replace('_', ' ')}: step 31: exit code 3"


@pytest.mark.parametrize("status", ["cancelled", "succeeded"])
def test_an_operators_stop_and_a_success_are_no_news(status: str) -> None:
    """Nobody is told of what was wanted."""
    assert told(ended(status)) == []


def test_the_text_says_what_an_operator_needs() -> None:
    """Job, run, host, step, why, how long, what was not run, the last lines, and the command for the rest."""
    end = ended(step="31", step_duration=90.0, blocked=("32", "33"), tail=("하나", "둘"))
    assert told(end)[0].body.splitlines() == [
        "작업: run 12 on server failed after 1m 40s (exit 1)",
        "started Sat 2026-11-21 11:58, ended Sat 2026-11-21 12:00",
        "why: step 31: exit code 3",
        "step 31, after 1m 30s",
        "not run: 32, 33",
        "last 2 lines of its output:",
        "| 하나",
        "| 둘",
        "all of it: batchctl logs 작업 --run 12 --step 31",
        "resume it: batchctl run 작업 --resume",
    ]


@pytest.mark.parametrize(
    ("before", "kinds"),
    [
        (0, ["failed"]),  # the first failure
        (1, ["failed"]),  # the second
        (2, ["failed", "failing"]),  # the third in a row: alert_after
        (3, ["failed", "failing"]),  # the event of the row is the same, so the outbox keeps the first
    ],
)
def test_failures_in_a_row(before: int, kinds: list[str]) -> None:
    """From `alert_after` failures in a row on the row has an alert of its own, named after the last success."""
    found = told(ended(), {"failures_before": before, "last_success": 7})
    assert [alert.kind for alert in found] == kinds
    assert [alert.event_id for alert in found[1:]] == ["failing:작업:7"] * (len(kinds) - 1)


def test_recovery_only_after_an_alert() -> None:
    """A success is told where a bad end was, and refers to it."""
    (alert,) = told(ended("succeeded"), {"failures_before": 3, "open_event": "failing:작업:7"})
    assert (alert.event_id, alert.for_event, alert.severity) == ("recovered:12", "failing:작업:7", "info")
    assert "failed 3 times in a row" in alert.body
    assert told(ended("succeeded"), {"failures_before": 3}) == []
    (alert,) = told(ended("succeeded"), {"failures_before": 1, "open_event": "failed:11"})
    assert "times in a row" not in alert.body
    (alert,) = told(ended("succeeded"), {"failures_before": 2, "open_event": "failed:11"})
    assert "it had failed 2 times in a row" in alert.body


@pytest.mark.parametrize(
    ("changes", "alerting", "kinds"),
    [
        ({}, {"min_duration": 101.0}, ["fast"]),  # quicker than it can be
        ({}, {"min_duration": 100.0}, []),  # just as quick
        ({}, {"long_after": 99.0}, ["long"]),  # longer than allowed
        ({}, {"long_after": 100.0}, []),  # just as long
        ({"partial": True}, {"min_duration": 101.0, "long_after": 99.0}, []),  # only some of its steps ran
        ({"duration": 4501.0}, {}, ["long"]),  # more than 1.5 times what 95% take
        ({"duration": 4500.0}, {}, []),  # just as much
        ({"duration": 4501.0}, {"long_factor": 2.0}, []),  # another factor
        ({"duration": 4501.0}, {"long_after": 5000.0}, []),  # the operator's own bound is the only one then
        ({"duration": 299.0}, {}, ["fast"]),  # less than a tenth of the median
        ({"duration": 300.0}, {}, []),  # just a tenth
        ({"duration": 299.0}, {"min_duration": 99.0}, []),  # the operator's own bound is the only one then
    ],
)
def test_unusual_durations(changes: dict[str, Any], alerting: dict[str, Any], kinds: list[str]) -> None:
    """A success of the whole chain that is too fast or too long, by the job's bounds or as usual, is told."""
    usual = [3000.0] * (5 if "duration" in changes else 0)
    assert [alert.kind for alert in told(ended("succeeded", **changes), {"durations": usual}, **alerting)] == kinds


def test_what_was_expected_is_said() -> None:
    """The text of an unusual duration names the bound and where it comes from."""
    usual = {"durations": [3000.0] * 5}
    (long,), (fast,) = told(ended("succeeded", duration=9000.0), usual), told(ended("succeeded"), usual)
    assert "expected: at most 1h 15m (95% take 50m 00s or less)" in long.body
    assert "expected: at least 5m 00s (half of them take 50m 00s or more)" in fast.body
    (bound,) = told(ended("succeeded"), usual, min_duration=120.0)
    assert "expected: at least 2m 00s (min_duration)" in bound.body


def test_warnings_are_told_by_kind() -> None:
    """Each kind is one alert with all its sentences; in that of a failure they are part of the text."""
    warnings = (("expect", "collected is 3"), ("output", "ERROR"), ("expect", "rate is 1"))
    found = told(ended("succeeded", warnings=warnings))
    assert [alert.event_id for alert in found] == ["expect:12", "output:12"]
    assert found[0].title == "작업: run 12: collected is 3 (and 1 more)"
    assert "rate is 1" in found[0].body
    assert found[1].title == "작업: run 12: ERROR"
    (failure,) = told(ended(warnings=warnings))
    assert "expect: collected is 3" in failure.body
    only = told(ended(warnings=warnings), notify={"expect": ("json://x",)})
    assert [alert.kind for alert in only] == ["expect"]


@pytest.mark.parametrize(
    ("alerting", "wanted"),
    [
        ({"notify": TO_ALL}, True),  # the default stands for each condition
        ({"notify": {"failed": ("json://x",)}}, True),  # its own address
        ({"notify": {"default": ("json://x",), "failed": ()}}, False),  # its own, empty: not this one
        ({"notify": {"lost": ("json://x",)}}, False),  # only another condition has an address
        ({"notify": {}, "on_alert": ("tell",)}, True),  # a program gets every alert
        ({"notify": {}}, False),  # nobody
    ],
)
def test_only_what_somebody_wants(alerting: dict[str, Any], wanted: bool) -> None:
    """An alert that has no channel is not made."""
    assert bool(told(ended(), **alerting)) is wanted


def test_texts_are_harmless() -> None:
    """Line ends and escapes in names and reasons reach neither a mail's header nor a terminal."""
    (alert,) = told(ended(why="bad\r\nBcc: all@example.com\x1b[31m", tail=("\x1b]0;x\x07",)))
    assert "\n" not in alert.title
    assert "\r" not in alert.title
    assert "\x1b" not in alert.title + alert.body


seconds = st.floats(min_value=0, max_value=1e6)


@settings(max_examples=300, deadline=None)
@given(
    end=st.fixed_dictionaries(
        {
            "status": st.sampled_from(["succeeded", "failed", "timed_out", "lost", "stale", "cancelled"]),
            "duration": seconds,
            "partial": st.booleans(),
            "warnings": st.lists(st.tuples(st.sampled_from(["expect", "output"]), st.text(max_size=3))).map(tuple),
        }
    ),
    before=st.fixed_dictionaries(
        {
            "failures_before": st.integers(0, 5),
            "last_success": st.integers(0, 11),
            "open_event": st.none() | st.just("failed:11"),
            "durations": st.lists(seconds, max_size=8),
            "unmet": st.lists(st.text(max_size=3), max_size=2),
        }
    ),
    alerting=st.fixed_dictionaries(
        {"alert_after": st.integers(1, 4), "long_after": st.none() | seconds, "min_duration": st.none() | seconds}
    ),
)
def test_what_is_told_is_what_a_check_finds(
    end: dict[str, Any], before: dict[str, Any], alerting: dict[str, Any]
) -> None:
    """An alert at the end is a finding of the check that comes later, and what that finds amiss has been told."""
    last = ended(**end)
    found = {each.event_id: each for each in findings.at_end(Facts(job=_job(alerting), last=last, **before))}
    heard = {alert.event_id: alert for alert in told(last, before, **alerting)}
    assert heard.keys() <= found.keys()
    assert all((alert.kind, alert.run_id) == (found[event].kind, 12) for event, alert in heard.items())
    unheard = [each for event, each in found.items() if event not in heard and each.severity != "info"]
    if last.status in {"succeeded", "cancelled"}:
        assert unheard == []
    else:
        # They are part of what is said of the failure.
        assert {each.kind for each in unheard} <= {"expect", "output"}
