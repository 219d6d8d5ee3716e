"""What would fix a schedule: advice drawn from a simulation, each with a stable code; none where all fits."""

from __future__ import annotations

from itertools import pairwise
from math import ceil, floor

from batchctl.base.duration import format_duration
from batchctl.base.record import Record
from batchctl.core import model
from batchctl.core.guard import decide
from batchctl.core.time.zones import human

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from batchctl.core.foresight.simulate import Scenario, Simulation, Split
    from batchctl.core.time.cron import Cron, Schedule

_HOUR = 3600
_DAY = 86400
# What divides a day evenly, as crontab fields can say it.
_EVEN = tuple(60 * minutes for minutes in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)) + tuple(
    _HOUR * hours for hours in (1, 2, 3, 4, 6, 8, 12, 24)
)


_FIVE = ["*"] * 5


class Advice(Record):
    """One piece of advice: a code for scripts, a sentence for the operator."""

    code: str
    text: str


class Inputs(Record):
    """What was simulated, as far as the advice depends on it."""

    scenario: Scenario
    schedule: Schedule | None = None
    """None where the fires are not those of a schedule (`--every`)."""
    groups: Mapping[str, float] = {}
    """Seconds that each group of the chain takes, where they are known."""
    is_group: bool = False
    """This is a group already: there is no split left to advise."""


def advise(inputs: Inputs, simulation: Simulation) -> list[Advice]:
    """Return what would make the schedule fit, most fundamental first."""
    if not simulation.summary.starts:
        return list(_never_starts(inputs, simulation))
    return [
        *_durations(inputs.scenario, simulation),
        *_gaps(inputs.scenario, simulation),
        *_cadence(inputs, simulation),
        *_month_end(inputs, simulation),
    ]


def advise_split(split: Split) -> list[Advice]:
    """Return which groups, as jobs of their own, run at the same time although the chain ran them in turn."""
    spans = {
        name: [(fire.at, fire.ends_at) for fire in simulation.fires if fire.ends_at is not None]
        for name, simulation in split.groups.items()
    }
    names = list(spans)
    found = []
    for place, first in enumerate(names):
        for second in names[place + 1 :]:
            if _overlap(spans[first], spans[second]):
                text = (
                    f"{first} and {second} run at the same time: fire them further apart, or put both into one pool "
                    "with a limit of 1 if they must not"
                )
                found.append(Advice(code="groups_overlap", text=text))
    return found


def _overlap(some: list[tuple[float, float]], others: list[tuple[float, float]]) -> bool:
    mine, theirs = 0, 0
    while mine < len(some) and theirs < len(others):
        if some[mine][1] <= others[theirs][0]:
            mine += 1
        elif others[theirs][1] <= some[mine][0]:
            theirs += 1
        else:
            return True
    return False


def _never_starts(inputs: Inputs, simulation: Simulation) -> Iterator[Advice]:
    scenario, schedule = inputs.scenario, inputs.schedule
    rules = scenario.rules
    if not rules.enabled:
        yield Advice(code="disabled", text="the job never starts: it is disabled; set enabled = true")
    if not simulation.fires:
        yield _no_fires(scenario, schedule)
    elif set(simulation.summary.skips_by_reason) == {decide.OUTSIDE_HOURS}:
        text = "the job never starts: active_hours exclude every fire; widen them, or fire within them"
        yield Advice(code="outside_hours", text=text)
    elif decide.NOT_DUE in simulation.summary.skips_by_reason and rules.at is not None:
        text = f"the job does not start: at = {human(rules.at, rules.zone)} is over, or not reached; set a later time"
        yield Advice(code="not_due", text=text)


def _no_fires(scenario: Scenario, schedule: Schedule | None) -> Advice:
    zone = scenario.rules.zone
    if schedule is None or (schedule.cron is None and schedule.every is None and schedule.at is None):
        text = "the job has no schedule: cron never fires it; set schedule, every or at, or give --every or --cron"
        return Advice(code="no_schedule", text=text)
    if schedule.at is not None and schedule.at < scenario.start:
        text = f"the job never starts: at = {human(schedule.at, zone)} is in the past; set a time to come"
        return Advice(code="at_in_past", text=text)
    window = f"between {human(scenario.start, zone)} and {human(scenario.end, zone)}"
    return Advice(code="no_fires", text=f"there is no fire {window}; look further ahead with --for")


def _taken(scenario: Scenario, simulation: Simulation) -> list[float]:
    """Return how long each run would take if it were left alone."""
    return [scenario.duration(count) for count in range(simulation.summary.starts)]


def _longest(scenario: Scenario, simulation: Simulation) -> float:
    """Return how long the longest run takes, timeout and failure seen to, a takeover not."""
    longest = max(_taken(scenario, simulation))
    return min(limit for limit in (longest, scenario.timeout, scenario.fail_at) if limit is not None)


def _durations(scenario: Scenario, simulation: Simulation) -> Iterator[Advice]:
    timed_out = sum(fire.status == model.TIMED_OUT for fire in simulation.fires)
    if timed_out:
        starts, longest = simulation.summary.starts, max(_taken(scenario, simulation))
        text = (
            f"{timed_out} of {starts} runs end by the timeout of {format_duration(scenario.timeout)}: "
            f"set a timeout above {format_duration(longest)}, which the longest would take"
        )
        yield Advice(code="timeout_below_duration", text=text)
    stale_after, longest = scenario.rules.stale_after, _longest(scenario, simulation)
    if stale_after is not None and longest > stale_after:
        effect = "is ended and replaced" if scenario.rules.on_stale == "takeover" else "is reported as hung"
        text = (
            f"stale_after {format_duration(stale_after)} is below the real duration of {format_duration(longest)}: "
            f"a healthy run {effect} at the next fire; set stale_after above it"
        )
        yield Advice(code="stale_after_below_duration", text=text)


def _gaps(scenario: Scenario, simulation: Simulation) -> Iterator[Advice]:
    largest, end = None, None
    for fire in simulation.fires:
        if fire.ends_at is not None:
            end = fire.ends_at
        elif fire.reason == decide.MIN_GAP and end is not None and fire.at >= end:
            largest = fire.at - end if largest is None else min(largest, fire.at - end)
    if not largest:
        return
    skips, rules = simulation.summary.skips_by_reason[decide.MIN_GAP], scenario.rules
    skipped = f"{skips} fire" + (" is" if skips == 1 else "s are") + " skipped for it"
    if rules.min_gap > largest:
        text = (
            f"min_gap {format_duration(rules.min_gap)} is too large for the fires: {skipped}; "
            f"the largest that skips none is {_shortly(largest)}"
        )
        yield Advice(code="min_gap_too_large", text=text)
    longest = _longest(scenario, simulation)
    if rules.gap_factor is not None and longest > 0 and rules.gap_factor * longest > largest:
        best = floor(100 * largest / longest) / 100
        text = (
            f"gap_factor {rules.gap_factor:g} is too large for the fires: {skipped}; "
            f"the largest that skips none is {best:g} ({_shortly(largest)} after {_shortly(longest)})"
        )
        yield Advice(code="gap_factor_too_large", text=text)


def _cadence(inputs: Inputs, simulation: Simulation) -> Iterator[Advice]:
    scenario, summary = inputs.scenario, simulation.summary
    interval = _scheduled_interval(simulation)
    blocked = summary.skips_by_reason.get(decide.ALREADY_RUNNING, 0)
    if interval is None or not blocked + summary.skips_by_reason.get(decide.MIN_GAP, 0):
        return
    longest, rules = _longest(scenario, simulation), scenario.rules
    needed = longest + max(rules.min_gap, (rules.gap_factor or 0.0) * longest)
    if needed > interval:
        fitting = next((even for even in _EVEN if even >= needed), ceil(needed / _DAY) * _DAY)
        with_gap = f" ({format_duration(needed)} with its gap)" if needed > longest else ""
        text = (
            f"a run of {format_duration(longest)}{with_gap} does not fit between fires {_shortly(interval)} apart; "
            f'every = "{_shortly(fitting)}" fits'
        )
        if summary.effective_interval_s is not None:
            text += f" (as it is, a run starts every {_shortly(summary.effective_interval_s)})"
        yield Advice(code="schedule_fits", text=text)
    if longest > interval and not inputs.is_group:
        yield _split(inputs, interval)


def _split(inputs: Inputs, interval: float) -> Advice:
    apart = f"every {_shortly(interval)}"
    too_long = [name for name, seconds in inputs.groups.items() if seconds > interval]
    shown = ", ".join(f"{name} {_shortly(seconds)}" for name, seconds in inputs.groups.items())
    if len(inputs.groups) > 1 and not too_long:
        text = f"split the chain: as jobs of their own the groups ({shown}) each fit {apart}; preview with --split 12h"
    elif too_long:
        text = (
            f"splitting the chain into its groups ({shown}) is not enough: {', '.join(too_long)} alone does not fit "
            f"{apart}; run its steps side by side (--parallel) or split it further"
        )
    else:
        text = (
            f"or split the chain into jobs of its groups, each short enough to run {apart}; preview with "
            "--group NAME=DURATION for each and --split 12h"
        )
    return Advice(code="split_groups", text=text)


def _month_end(inputs: Inputs, simulation: Simulation) -> Iterator[Advice]:
    cron = None if inputs.schedule is None else inputs.schedule.cron
    turn = None if cron is None else _irregular_turn(cron)
    if turn is None:
        return
    last, first, step, apart = turn
    distance = _shortly(apart * _DAY)
    longest = _longest(inputs.scenario, simulation)
    effect = f": a run of {format_duration(longest)} makes it skip there" if longest > apart * _DAY else ""
    text = (
        f"the day field with a step of {step} fires on the {_ordinal(last)} and on the {_ordinal(first)}, {distance} "
        f'apart{effect}; every = "{_shortly(step * _DAY)}" keeps its distance over the end of a month'
    )
    yield Advice(code="month_end", text=text)


def _irregular_turn(cron: Cron) -> tuple[int, int, int, int] | None:
    """Return last day, first day, step and the distance over the end of a month where that is shorter than the step."""
    fields = cron.text.split(" ")
    # Days named singly are meant so; and what restricts weekdays or months as well is no even step to begin with.
    if len(fields) != len(_FIVE) or "/" not in fields[2] or fields[3:] != _FIVE[3:] or len(cron.days) == 1:
        return None
    step = cron.days[1] - cron.days[0]
    apart = cron.days[0] + 31 - cron.days[-1]
    return (cron.days[-1], cron.days[0], step, apart) if apart < step else None


def _scheduled_interval(simulation: Simulation) -> float | None:
    """Return the median distance between fires."""
    distances = sorted(after.at - before.at for before, after in pairwise(simulation.fires))
    return distances[len(distances) // 2] if distances else None


def _shortly(seconds: float) -> str:
    """Return a duration without empty parts, as it stands in a configuration: `48h`, `1h30m`, `20s`."""
    whole = round(seconds)
    parts = ((whole // _HOUR, "h"), (whole % _HOUR // 60, "m"), (whole % 60, "s"))
    return "".join(f"{count}{unit}" for count, unit in parts if count) or "0s"


def _ordinal(day: int) -> str:
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{day}{'th' if day in {11, 12, 13} else endings.get(day % 10, 'th')}"
