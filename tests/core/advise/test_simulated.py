"""Advice: for every way in which a schedule does not fit there is a code, and none where all fits."""

from __future__ import annotations

import pytest

from batchctl.core.advise.simulated import Inputs, advise, advise_split
from batchctl.core.foresight.simulate import Scenario, simulate, simulate_groups
from batchctl.core.model import Rules, Window
from batchctl.core.time.cron import Schedule, parse_cron
from batchctl.core.time.schedule import fires
from batchctl.core.time.zones import NamedZone, parse_time

HOUR, DAY = 3600.0, 86400.0
SEOUL = NamedZone("Asia/Seoul")
START = parse_time("2026-11-21T01:00", SEOUL)
DAILY = Schedule(text="0 1 * * *", cron=parse_cron("0 1 * * *"))


def advice(
    hours: float, wanted: Schedule | None = DAILY, *, groups: dict[str, float] | None = None, **changes: object
) -> dict[str, str]:
    """Return code and text of the advice on runs of `hours`; keywords set fields of scenario or rules."""
    of_scenario = {name: changes.pop(name) for name in ("timeout", "fail_at", "fires") if name in changes}
    values: dict[str, object] = {
        "rules": Rules(zone=SEOUL, **changes),  # type: ignore[arg-type]
        "fires": fires(wanted or DAILY, SEOUL, START),
        "start": START,
        "end": START + 9 * DAY,
        "duration": lambda _count: hours * HOUR,
    }
    scenario = Scenario(**(values | of_scenario))  # type: ignore[arg-type]
    found = advise(Inputs(scenario=scenario, schedule=wanted, groups=groups or {}), simulate(scenario))
    return {each.code: each.text for each in found}


def cron(text: str) -> Schedule:
    """Return the schedule of an expression."""
    return Schedule(text=text, cron=parse_cron(text))


@pytest.mark.parametrize(
    ("found", "codes"),
    [
        # all fits: nothing to say
        (advice(18), []),
        (advice(18, min_gap=6 * HOUR), []),
        (advice(18, timeout=20 * HOUR, stale_after=30 * HOUR), []),
        (advice(2, cron("0 1 23,27 * *")), []),
        # too long for its fires
        (advice(26), ["schedule_fits", "split_groups"]),
        # the gap is what makes it too long
        (advice(23, min_gap=6 * HOUR), ["min_gap_too_large", "schedule_fits"]),
        (advice(26, gap_factor=1.2), ["gap_factor_too_large", "schedule_fits", "split_groups"]),
        # a timeout that ends the runs before their time
        (advice(26, timeout=20 * HOUR), ["timeout_below_duration"]),
        # a healthy run is taken for a hung one
        (advice(26, stale_after=20 * HOUR), ["stale_after_below_duration"]),
        # it cannot start at all
        (advice(1, enabled=False), ["disabled"]),
        (advice(1, active_hours=Window(start=480, end=1379)), ["outside_hours"]),
        (advice(1, Schedule(at=START - 1)), ["at_in_past"]),
        (advice(1, Schedule()), ["no_schedule"]),
        (advice(1, cron("0 0 29 2 *")), ["no_fires"]),
        # fired by something that is not its own date
        (advice(1, DAILY, at=START + 30 * DAY), ["not_due"]),
        # every other day, over the end of a month: also where the run is short
        (advice(2, cron("0 1 */2 * *")), ["month_end"]),
        (advice(26, cron("0 1 1-31/2 * *")), ["month_end"]),
    ],
)
def test_what_is_advised(found: dict[str, str], codes: list[str]) -> None:
    """The codes, in their order."""
    assert list(found) == codes


@pytest.mark.parametrize(
    ("found", "code", "words"),
    [
        # the next interval that lines up with the day
        (advice(26), "schedule_fits", ['every = "48h" fits', "26h 00m", "fires 24h apart", "a run starts every 48h"]),
        (advice(26, gap_factor=1.2), "schedule_fits", ['every = "72h"', "57h 12m with its gap"]),
        (advice(3.5, cron("0 */3 * * *")), "schedule_fits", ['every = "4h"', "3h apart"]),
        (advice(0.4, cron("*/15 * * * *")), "schedule_fits", ['every = "30m"']),
        # the largest gap that skips nothing
        (advice(23, min_gap=6 * HOUR), "min_gap_too_large", ["4 fires are skipped", "skips none is 1h"]),
        (advice(26, gap_factor=1.2), "gap_factor_too_large", ["skips none is 0.84", "22h after 26h"]),
        # what the run would need
        (advice(26, timeout=20 * HOUR), "timeout_below_duration", ["9 of 9 runs", "20h 00m", "above 26h 00m"]),
        (advice(26, stale_after=20 * HOUR), "stale_after_below_duration", ["20h 00m", "26h 00m", "ended and replaced"]),
        (advice(26, stale_after=20 * HOUR, on_stale="alert"), "stale_after_below_duration", ["reported as hung"]),
        # the turn of the month, with and without harm
        (
            advice(26, cron("0 1 */2 * *")),
            "month_end",
            ["on the 31st and on the 1st, 24h apart", "26h 00m makes it skip there", 'every = "48h"'],
        ),
        (advice(2, cron("0 1 2-31/7 * *")), "month_end", ["on the 30th and on the 2nd, 72h apart; every"]),
        # the split, where the groups are known to fit, not to fit, and not known
        (
            advice(26, groups={"키워드": 13 * HOUR, "upload": 13 * HOUR}),
            "split_groups",
            ["키워드 13h, upload 13h", "each fit every 24h", "--split 12h"],
        ),
        (
            advice(30, groups={"search": 25 * HOUR, "upload": 5 * HOUR}),
            "split_groups",
            ["is not enough: search alone does not fit every 24h", "--parallel"],
        ),
        (advice(26), "split_groups", ["--group NAME=DURATION"]),
        # dates as the operator reads them
        (advice(1, Schedule(at=START - 1)), "at_in_past", ["Sat 2026-11-21 00:59"]),
    ],
)
def test_the_advice_names_the_numbers(found: dict[str, str], code: str, words: list[str]) -> None:
    """Each text says what is wrong, by how much, and what would be right."""
    for word in words:
        assert word in found[code]


@pytest.mark.parametrize(
    "text",
    [
        # days named singly are meant so
        "0 1 1,31 * *",
        # the step ends where the month does, or before
        "0 1 */16 * *",
        "0 1 2-30/2 * *",
        # with weekdays or months it was no even step to begin with
        "0 1 */2 * 1",
        "0 1 */2 1 *",
        "@daily",
    ],
)
def test_an_even_turn_of_the_month_is_no_matter(text: str) -> None:
    """Only a step that is shortened by the end of the month is spoken about."""
    assert "month_end" not in advice(1, cron(text))


def test_the_largest_gap_that_is_named_skips_nothing() -> None:
    """What the advice says is true: with that gap every fire starts."""
    assert "skips none is 1h" in advice(23, min_gap=6 * HOUR)["min_gap_too_large"]
    assert advice(23, min_gap=HOUR) == {}
    assert "min_gap_too_large" in advice(23, min_gap=HOUR + 1)


@pytest.mark.parametrize(
    ("hours", "apart", "codes"),
    [
        # one after the other, exactly
        (12, 12, []),
        # the second begins before the first is over
        (13, 12, ["groups_overlap"]),
        (5, 12, []),
    ],
)
def test_groups_that_run_at_the_same_time_are_named(hours: float, apart: float, codes: list[str]) -> None:
    """A chain that was one after the other may not bear to run side by side."""

    def group(shift: float) -> Scenario:
        return Scenario(
            rules=Rules(zone=SEOUL),
            fires=(at + shift * HOUR for at in fires(DAILY, SEOUL, START)),
            start=START,
            end=START + 5 * DAY,
            duration=lambda _count: hours * HOUR,
        )

    found = advise_split(simulate_groups({"search": group(0), "upload": group(apart)}))
    assert [each.code for each in found] == codes
    assert all("search and upload" in each.text for each in found)
