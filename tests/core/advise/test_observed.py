"""What a history advises: the known answers, and advice that the configuration's loader accepts."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from support import job as a_job
from support import step

from batchctl.base.duration import parse_duration
from batchctl.core.advise.advice import Seen
from batchctl.core.advise.observed import Advised, Ask, advise
from batchctl.core.model import Group
from batchctl.core.time.cron import Schedule, parse_cron

if TYPE_CHECKING:
    from batchctl.core.advise.advice import Advice
    from batchctl.core.model import Job

NOW = 1_795_190_400.0  # a midnight in Seoul
HOUR = 3600.0
DAILY = Schedule(text="0 1 * * *", cron=parse_cron("0 1 * * *"))
EVERY_6_HOURS = Schedule(text="0 */6 * * *", cron=parse_cron("0 */6 * * *"))
BUDGETED: dict[str, Any] = {"timeout": 200 * HOUR, "stale_after": 300 * HOUR}


def seen(*hours: float, times: int = 6, timed_out: bool = False, **steps: Any) -> list[Seen]:
    """Return runs of these hours, several times over; `steps` are the hours of each step."""
    took = {name.removeprefix("s"): span * HOUR for name, span in steps.items()}
    return [Seen(duration=span * HOUR, steps=took, timed_out=timed_out) for span in hours for _ in range(times)]


def planned(job: Job, runs: list[Seen], **changes: Any) -> Advised:
    """Return what these runs advise for a job."""
    steps = {each.id: [run.steps[each.id] for run in runs if each.id in run.steps] for each in job.steps}
    lots = Random(1)  # noqa: S311 - the same draws every time
    return advise(Ask(job=job, now=NOW, seen=runs, steps=steps, choose=lots.choice, **changes))


def advice(job: Job, runs: list[Seen], **changes: Any) -> dict[str, Advice]:
    """Return the advice by its code."""
    return {each.code: each for each in planned(job, runs, **changes).advice}


@pytest.mark.parametrize(
    ("schedule", "hours", "rules", "expected"),
    [
        # The measure of all: 26 h and 30 h on a daily fire need 48 h.
        (DAILY, 26, {}, {"every": "48h"}),
        (DAILY, 30, {}, {"every": "48h"}),
        # 24 h exactly fits daily: the fire at the bound starts.
        (DAILY, 24, {}, None),
        # 18 h with a gap of 6 h fits daily, to the second.
        (DAILY, 18, {"min_gap": 6 * HOUR}, None),
        # 23 h with it does not.
        (DAILY, 23, {"min_gap": 6 * HOUR}, {"every": "48h"}),
        # The adaptive gap: 26 h + 31.2 h.
        (DAILY, 26, {"gap_factor": 1.2}, {"every": "72h"}),
        # Parts of a day: 7 h every 6 h needs every 8 h.
        (EVERY_6_HOURS, 7, {}, {"every": "8h"}),
        # Every 6 h, 13 h needs a day; the time of day is the first that there was.
        (EVERY_6_HOURS, 13, {}, {"daily": "00:00"}),
        # An interval counts from due time to due time, not from line to line of the crontab.
        (Schedule(every=30 * HOUR), 26, {"every": 30 * HOUR}, None),
        (Schedule(every=30 * HOUR), 31, {"every": 30 * HOUR}, {"every": "48h"}),
    ],
)
def test_the_smallest_schedule_that_fits(
    schedule: Schedule, hours: float, rules: dict[str, Any], expected: dict[str, str] | None
) -> None:
    """The advised schedule is a part of a day or whole days, and simulated it skips nothing."""
    found = advice(a_job(schedule=schedule, **BUDGETED, **rules), seen(hours)).get("schedule_fits")
    if expected is None:
        assert found is None
        return
    assert found is not None
    assert found.paste[0].values == expected
    assert found.before is not None
    assert found.before.mean > 0.3
    assert found.after is not None
    assert found.after.mean == 0.0
    assert next(iter(expected)) not in found.paste[0].replaces


def test_a_gap_that_is_too_large() -> None:
    """23 h with a gap of 6 h: an hour's gap would leave every run its next fire."""
    found = advice(a_job(schedule=DAILY, min_gap=6 * HOUR, **BUDGETED), seen(23))["min_gap_too_large"]
    assert found.paste[0].values == {"min_gap": "1h"}
    assert found.after is not None
    assert found.after.mean == 0.0


def test_a_gap_factor_that_is_too_large() -> None:
    """16 h with a factor of 1.2: a factor of 0.5 would do."""
    found = advice(a_job(schedule=DAILY, gap_factor=1.2, **BUDGETED), seen(16))["gap_factor_too_large"]
    assert found.paste[0].values == {"gap_factor": 0.5}
    assert found.after is not None
    assert found.after.mean == 0.0


def chain(**changes: Any) -> Job:
    """Return the chain of the contract, two groups of three steps."""
    steps = [step(name, group="검색") for name in ("31", "32", "33")]
    steps += [step(name, group="upload") for name in ("61", "62", "63")]
    return a_job(*steps, **{"name": "배치", "schedule": DAILY, **BUDGETED} | changes)


STEPS: dict[str, Any] = {"s31": 5.5, "s32": 4.0, "s33": 4.0, "s61": 4.5, "s62": 4.0, "s63": 4.0}


def test_side_by_side() -> None:
    """31, 32, 33 side by side make 18 h of 26 h, which fits daily."""
    found = advice(chain(), seen(26, **STEPS))["parallel_group"]
    assert [(each.table, each.values) for each in found.paste] == [(("배치", "groups", "검색"), {"parallel": True})]
    assert found.numbers is not None
    assert found.numbers.p95 == 18 * HOUR
    assert found.before is not None
    assert found.after is not None
    assert (found.before.mean, found.after.mean) == (0.5, 0.0)


def test_both_groups_side_by_side_where_one_is_not_enough() -> None:
    """36 h need both groups; a group that is parallel already is not advised again."""
    longer: dict[str, Any] = {name: hours + 2 for name, hours in STEPS.items()}
    both = advice(chain(), seen(38, **longer))["parallel_group"]
    assert [each.table[2] for each in both.paste] == ["검색", "upload"]
    rest = advice(chain(groups=(Group(name="검색", parallel=True),)), seen(26, **STEPS))["parallel_group"]
    assert [each.table[2] for each in rest.paste] == ["upload"]


def test_split() -> None:
    """Each group fits daily; the second is fired by the end of the first."""
    found = advice(chain(), seen(26, **STEPS))["split_groups"]
    disable, new = found.paste
    assert (disable.table, disable.values) == (("배치",), {"enabled": False})
    assert {name: [each["id"] for each in keys["steps"]] for name, keys in new.values.items()} == {
        "배치-검색": ["31", "32", "33"],
        "배치-upload": ["61", "62", "63"],
    }
    assert (new.values["배치-검색"]["daily"], new.values["배치-upload"]["after"]) == ("01:00", "배치-검색")
    for keys in new.values.values():
        assert parse_duration(keys["stale_after"]) > parse_duration(keys["timeout"]) > 13 * HOUR
    assert found.after is not None
    assert found.after.mean == 0.0


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        # One group alone takes longer than a day.
        ({}, STEPS | {"s31": 20.0}),
        # A step belongs to no group, so the groups are not the chain.
        ({"steps": (step("31", group="검색"), step("61"))}, STEPS),
        # The history knows no steps.
        ({}, {}),
    ],
)
def test_no_split_where_it_would_not_fit(changes: dict[str, Any], steps: dict[str, Any]) -> None:
    """Splitting is only advised where every group fits on its own."""
    assert "split_groups" not in advice(chain(**changes), seen(41.5, **steps))


@pytest.mark.parametrize(
    "changes",
    [
        # A secret's value stands in the configuration.
        {"secrets": ("KEY",), "env": {"KEY": "hush"}},
        # No fixed time of each day.
        {"schedule": Schedule(text="0 1 */1 * 1-5", cron=parse_cron("0 1 * * 1-5"))},
        # The names of the new jobs would be too long.
        {"name": "x" * 60},
    ],
)
def test_a_split_that_cannot_be_written(changes: dict[str, Any]) -> None:
    """It is advised all the same, without lines to paste; a secret is shown nowhere."""
    found = planned(chain(**changes), seen(26, **STEPS))
    split = next(each for each in found.advice if each.code == "split_groups")
    assert split.paste == ()
    assert "hush" not in repr(found)


@pytest.mark.parametrize(
    ("timeout", "stale_after", "code", "expected"),
    [
        # Roomy ones are left alone.
        (30, 36, None, {}),
        # None at all.
        (None, None, "timeout_missing", {"timeout": "25h", "stale_after": "30h"}),
        # Below what was seen.
        (19, 36, "timeout_below_duration", {"timeout": "25h"}),
        # Within a tenth of it.
        (21, 36, "timeout_below_duration", {"timeout": "25h"}),
        # A new timeout must stay below stale_after, which follows.
        (19, 24, "timeout_below_duration", {"timeout": "25h", "stale_after": "30h"}),
        # Without stale_after nothing that hangs is ever taken over.
        (30, None, "stale_after_missing", {"stale_after": "36h"}),
    ],
)
def test_budgets(timeout: float | None, stale_after: float | None, code: str | None, expected: dict[str, str]) -> None:
    """Timeout and stale_after leave a quarter of room above the longest run, 20 h, and stay in their order."""
    job = a_job(
        schedule=DAILY,
        timeout=None if timeout is None else timeout * HOUR,
        stale_after=None if stale_after is None else stale_after * HOUR,
    )
    found = advice(job, seen(18, 20))
    if code is None:
        assert found == {}
        return
    assert found[code].paste[0].values == expected
    assert found[code].paste[0].numbers == found[code].numbers
    assert "the longest run took 20h" in found[code].text


def test_runs_that_the_timeout_ended_count() -> None:
    """They would have taken longer still, so the schedule must have room for them."""
    runs = seen(20) + seen(30, timed_out=True)
    found = planned(a_job(schedule=DAILY, timeout=30 * HOUR, stale_after=36 * HOUR), runs)
    assert (found.timed_out, found.numbers.n if found.numbers else 0) == (6, 12)
    codes = {each.code: each for each in found.advice}
    assert codes["schedule_fits"].paste[0].values == {"every": "48h"}
    assert codes["timeout_below_duration"].paste[0].values == {"timeout": "38h", "stale_after": "46h"}
    assert "ended 6 of 12 runs" in codes["timeout_below_duration"].text


def test_timeouts_of_steps() -> None:
    """A step without a timeout, or with one that is too tight, is told; one of a preset cannot be edited."""
    job = a_job(step("1"), step("2", timeout=2 * HOUR), step("3", timeout=9 * HOUR), schedule=DAILY, **BUDGETED)
    runs = seen(6, s1=2.0, s2=2.0, s3=2.0)
    found = advice(job, runs)["step_timeouts"]
    assert [(each.table, each.values) for each in found.paste] == [
        (("작업", "steps", "1"), {"timeout": "2h30m"}),
        (("작업", "steps", "2"), {"timeout": "2h30m"}),
    ]
    assert "step_timeouts" not in advice(job, runs, editable_steps=False)


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        # Nothing wrong with it, as far as can be seen.
        ({"schedule": DAILY}, []),
        # No schedule at all.
        ({}, ["no_schedule"]),
        # Never starts.
        ({"schedule": DAILY, "enabled": False}, ["disabled"]),
        # A gap that no run, however short, leaves room for.
        ({"schedule": DAILY, "min_gap": 30 * HOUR}, ["min_gap_too_large", "schedule_fits"]),
        # The end of the month.
        ({"schedule": Schedule(text="0 1 */2 * *", cron=parse_cron("0 1 */2 * *"))}, ["month_end"]),
    ],
)
@pytest.mark.parametrize("count", [0, 4])
def test_too_little_history(changes: dict[str, Any], codes: list[str], count: int) -> None:
    """With four successes or fewer only the configuration speaks, and nothing is to be pasted."""
    found = planned(a_job(**changes), seen(26, times=count))
    assert not found.enough
    assert [each.code for each in found.advice] == codes
    assert all(not each.paste for each in found.advice)


def test_five_successes_are_enough_and_timeouts_are_none() -> None:
    """Four successes and any number of timeouts are too little."""
    assert planned(a_job(schedule=DAILY), seen(26, times=5)).enough
    assert not planned(a_job(schedule=DAILY), seen(26, times=4) + seen(30, timed_out=True)).enough


def test_what_configuration_shows_is_told_beside_the_history() -> None:
    """A disabled job is said to be disabled, whatever it took when it ran."""
    assert "disabled" in advice(a_job(schedule=DAILY, enabled=False, **BUDGETED), seen(3))
