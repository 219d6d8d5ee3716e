"""What would fix a schedule, by what a simulation of it shows; nothing where all fits."""

from __future__ import annotations

from batchctl.base.record import Record
from batchctl.base.said import Lasting, Moment, said
from batchctl.core import model
from batchctl.core.advise import advice
from batchctl.core.advise.advice import DAY, Advice, span
from batchctl.core.advise.splitting import ready_made
from batchctl.core.foresight.bootstrap import shortly
from batchctl.core.guard import decide
from batchctl.core.guard.fitness import asked
from batchctl.core.time.zones import human

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from batchctl.core.foresight.simulate import Scenario, Simulation, Split
    from batchctl.core.time.cron import Cron, Schedule

_FIVE = ["*"] * 5


class Inputs(Record):
    """What was simulated, as far as the advice depends on it."""

    scenario: Scenario
    schedule: Schedule | None = None
    """None where the fires are not those of a schedule (`--every`)."""
    groups: Mapping[str, float] = {}
    """Seconds that each group of the chain takes, where they are known."""
    pair: Sequence[str] = ()
    """The ready-made jobs that are the groups of the chain."""
    is_group: bool = False
    """This is a group already: there is no split left to advise."""


def advise(inputs: Inputs, simulation: Simulation) -> list[Advice]:
    """Return what would make the schedule fit, most fundamental first."""
    if not simulation.summary.starts:
        return list(_never_starts(inputs, simulation))
    return [
        *_unforeseen(inputs.scenario),
        *_durations(inputs.scenario, simulation),
        *_gaps(inputs.scenario, simulation),
        *_cadence(inputs, simulation),
        *_month_end(inputs, simulation),
    ]


def by_configuration(inputs: Inputs, simulation: Simulation) -> list[Advice]:
    """Return the part of `advise` that no duration changes."""
    return list((_month_end if simulation.summary.starts else _never_starts)(inputs, simulation))


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
                    "%s and %s run at the same time: fire them further apart, or put both into one pool with a limit of"
                    " 1 if they must not"
                )
                found.append(Advice(code="groups_overlap", text=said(text, first, second)))
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
        yield Advice(code="disabled", text=said("the job never starts: it is disabled; set enabled = true"))
    if not simulation.fires:
        yield _no_fires(scenario, schedule)
    elif set(simulation.summary.skips_by_reason) == {decide.OUTSIDE_HOURS}:
        text = said("the job never starts: active_hours exclude every fire; widen them, or fire within them")
        yield Advice(code="outside_hours", text=text)
    elif decide.NOT_DUE in simulation.summary.skips_by_reason and rules.at is not None:
        at = Moment(human(rules.at, rules.zone))
        text = said("the job does not start: at = %s is over, or not reached; set a later time", at)
        yield Advice(code="not_due", text=text)


def _no_fires(scenario: Scenario, schedule: Schedule | None) -> Advice:
    zone = scenario.rules.zone
    window = (Moment(human(scenario.start, zone)), Moment(human(scenario.end, zone)))
    if schedule is not None and schedule.after:
        text = said("nothing fires it: of what it comes after (%s) nothing ends between %s and %s",
                    ", ".join(schedule.after), *window)  # fmt: skip
        return Advice(code="no_fires", text=text)
    if schedule is None or (schedule.cron is None and schedule.every is None and schedule.at is None):
        text = said(
            "the job has no schedule: cron never fires it; set schedule, every or at, or give --every or --cron"
        )
        return Advice(code="no_schedule", text=text)
    if schedule.at is not None and schedule.at < scenario.start:
        at = Moment(human(schedule.at, zone))
        text = said("the job never starts: at = %s is in the past; set a time to come", at)
        return Advice(code="at_in_past", text=text)
    text = said("there is no fire between %s and %s; look further ahead with --for", *window)
    return Advice(code="no_fires", text=text)


def _unforeseen(scenario: Scenario) -> Iterator[Advice]:
    if scenario.rules.start_if is not None:
        unknown = f"whether start_if holds ({asked(scenario.rules.start_if)}) cannot be foretold"
        yield Advice(code=decide.NOT_FIT, text=f"{unknown}: any of these starts may be skipped as not_fit")


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
        text = said(
            "%d of %d runs end by the timeout of %s: set a timeout above %s, which the longest would take",
            *(timed_out, starts, span(scenario.timeout), span(longest)),
        )
        yield Advice(code=advice.TIMEOUT_BELOW_DURATION, text=text)
    stale_after, longest = scenario.rules.stale_after, _longest(scenario, simulation)
    if stale_after is not None and longest > stale_after:
        effect = said("is ended and replaced" if scenario.rules.on_stale == "takeover" else "is reported as hung")
        text = said(
            "stale_after %s is below the real duration of %s: a healthy run %s at the next fire;"
            " set stale_after above it",
            *(span(stale_after), span(longest), effect),
        )
        yield Advice(code=advice.STALE_AFTER_BELOW_DURATION, text=text)


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
    longest = _longest(scenario, simulation)
    best = advice.smaller_gap(rules, largest, longest)
    skipped = said("%s fire is skipped for it" if skips == 1 else "%s fires are skipped for it", skips)
    template = "%s is too large for the fires: %s; the largest that skips none is %s"
    if "min_gap" in best:
        now = said("min_gap %s", span(rules.min_gap))
        text = said(template, now, skipped, Lasting(shortly(largest)))
        yield Advice(code=advice.MIN_GAP_TOO_LARGE, text=text)
    if "gap_factor" in best:
        most = said("%s (%s after %s)", f"{best['gap_factor']:g}", Lasting(shortly(largest)), Lasting(shortly(longest)))
        text = said(template, f"gap_factor {rules.gap_factor:g}", skipped, most)
        yield Advice(code=advice.GAP_FACTOR_TOO_LARGE, text=text)


def _cadence(inputs: Inputs, simulation: Simulation) -> Iterator[Advice]:
    scenario, summary = inputs.scenario, simulation.summary
    interval = advice.interval_of(fire.at for fire in simulation.fires)
    blocked = summary.skips_by_reason.get(decide.ALREADY_RUNNING, 0)
    if interval is None or not blocked + summary.skips_by_reason.get(decide.MIN_GAP, 0):
        return
    longest = _longest(scenario, simulation)
    gap = advice.gap_after(scenario.rules, longest)
    if longest + gap > interval:
        fits = shortly(advice.even(longest + gap))
        text = said(
            'a run of %s does not fit between fires %s apart; every = "%s" fits',
            *(advice.with_gap(longest, gap), Lasting(shortly(interval)), fits),
        )
        if summary.effective_interval_s is not None:
            now = Lasting(shortly(summary.effective_interval_s))
            text = said("%s (as it is, a run starts every %s)", text, now)
        yield Advice(code=advice.SCHEDULE_FITS, text=text)
    if longest > interval and not inputs.is_group:
        yield _split(inputs, interval)


def _split(inputs: Inputs, interval: float) -> Advice:
    apart = said("every %s", Lasting(shortly(interval)))
    too_long = [name for name, seconds in inputs.groups.items() if seconds > interval]
    shown = ", ".join(f"{name} {shortly(seconds)}" for name, seconds in inputs.groups.items())
    if len(inputs.groups) > 1 and not too_long:
        template = "split the chain: as jobs of their own the groups (%s) each fit %s; preview with --split 12h"
        text = said(template, shown, apart)
    elif too_long:
        text = said(
            "splitting the chain into its groups (%s) is not enough: %s alone does not fit %s; run its steps"
            " side by side (--parallel) or split it further",
            *(shown, ", ".join(too_long), apart),
        )
    else:
        text = said(
            "or split the chain into jobs of its groups, each short enough to run %s; preview with"
            " --group NAME=DURATION for each and --split 12h",
            apart,
        )
    pair = () if too_long else inputs.pair
    return Advice(code=advice.SPLIT_GROUPS, text=said("%s%s", text, ready_made(pair)) if pair else text)


def _month_end(inputs: Inputs, simulation: Simulation) -> Iterator[Advice]:
    cron = None if inputs.schedule is None else inputs.schedule.cron
    turn = None if cron is None else _irregular_turn(cron)
    if turn is None:
        return
    last, first, step, apart = turn
    text, longest = said("the day field with a step of %d", step), _longest(inputs.scenario, simulation)
    days = (_ordinal(last), _ordinal(first), Lasting(shortly(apart * DAY)))
    text = said("%s fires on the %s and on the %s, %s apart", text, *days)
    if longest > apart * DAY:
        text = said("%s: a run of %s makes it skip there", text, span(longest))
    text = said('%s; every = "%s" keeps its distance over the end of a month', text, shortly(step * DAY))
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


def _ordinal(day: int) -> str:
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{day}{'th' if day in {11, 12, 13} else endings.get(day % 10, 'th')}"
