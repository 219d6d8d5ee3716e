"""What a job's own history advises: schedule, gap, budgets, and whether its groups would fit on their own.

Pure: the caller brings what was seen, the instant to look ahead from, and the drawing of lots. Every figure that is
advised is proved by simulation, with the decision that fires use. Durations are seconds.
"""

from __future__ import annotations

from itertools import pairwise, takewhile
from math import ceil, floor

from batchctl.base.duration import format_duration
from batchctl.base.record import Record, replace
from batchctl.core.advise import advice, splitting
from batchctl.core.foresight.bootstrap import Numbers, SkipShare, numbers, rounded_down, rounded_up, shortly, skip_share
from batchctl.core.foresight.simulate import Scenario, simulate
from batchctl.core.guard.decide import NOT_DUE
from batchctl.core.time.cron import Schedule, parse_cron
from batchctl.core.time.schedule import fires

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from batchctl.core.model import Job, Rules

LEAST = 5
"""Successes below which a history says too little."""
_DAY = 86400.0
_HORIZON = 28 * _DAY
_ROUNDS = 50
_EVEN = tuple(60.0 * minutes for minutes in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30)) + tuple(
    3600.0 * hours for hours in (1, 2, 3, 4, 6, 8, 12, 24)
)
"""Parts of a day that crontab fields can say."""
_ROOM = 1.25
"""A budget is this much above the longest run that was seen."""
_TOO_TIGHT = 1.1
_STALE = 1.2
"""How far stale_after lies beyond the timeout: ending a run takes its grace, and a hung one can wait."""
_BY_CONFIGURATION = {"disabled", "no_schedule", "at_in_past", "no_fires", "outside_hours", "not_due", "month_end"}
"""Advice that no duration changes."""


class Seen(Record):
    """A run of the whole chain that succeeded, or that its timeout ended (then it takes at least that long)."""

    duration: float
    steps: Mapping[str, float] = {}
    """Seconds of each step by id."""
    timed_out: bool = False


class Paste(Record):
    """Lines for the configuration: keys of a table, instead of others there; `numbers` are what they rest on."""

    table: tuple[str, ...]
    """Names below `jobs`: job, then `groups` and a group; or job, `steps` and a step's id. Empty: whole jobs."""
    values: Mapping[str, Any]
    replaces: tuple[str, ...] = ()
    numbers: Numbers | None = None


class Advised(Record):
    """One piece of advice: code, sentence, what to paste, and the share of skipped fires without and with it."""

    code: str
    text: str
    numbers: Numbers | None = None
    paste: tuple[Paste, ...] = ()
    before: SkipShare | None = None
    after: SkipShare | None = None


class Ask(Record):
    """Of which job, from which instant on, and from what was seen of it."""

    job: Job
    now: float
    seen: Sequence[Seen]
    steps: Mapping[str, Sequence[float]]
    """Every duration of each step by id, also of runs that did not finish."""
    choose: Callable[[Sequence[Seen]], Seen]
    """Draws one at random."""
    editable_steps: bool = True
    """The configuration has the steps' own tables; those of a preset cannot be changed one by one."""


class Planned(Record):
    """What a history comes to, and what follows from it."""

    job: str
    enough: bool
    numbers: Numbers | None
    timed_out: int
    steps: Mapping[str, Numbers]
    skip_share: SkipShare | None
    advice: tuple[Advised, ...]


def plan(ask: Ask) -> Planned:
    """Return what the history of a job advises; with too little of it, only what its configuration shows."""
    found = numbers(seen.duration for seen in ask.seen)
    succeeded = sum(not seen.timed_out for seen in ask.seen)
    steps = {step: made for step, values in ask.steps.items() if (made := numbers(values)) is not None}
    enough = found is not None and succeeded >= LEAST
    planner = Planner(ask)
    if found is None or not enough:
        advised, share = tuple(planner.by_configuration(0.0)), None
    else:
        share = planner.share(ask.job.schedule, ask.job.rules)
        timed = tuple(_budgets(ask, found)) + tuple(_step_budgets(ask, steps))
        advised = (*planner.by_configuration(found.p95), *planner.cadence(found, share), *timed)
    return Planned(
        job=ask.job.name,
        enough=enough,
        numbers=found,
        timed_out=len(ask.seen) - succeeded,
        steps=steps,
        skip_share=share,
        advice=advised,
    )


class Planner:
    """Looks for a cadence that fits what was seen."""

    def __init__(self, ask: Ask) -> None:
        """Keep what is asked."""
        self._ask, self._job = ask, ask.job

    def _scenario(self, schedule: Schedule, rules: Rules) -> tuple[Scenario, list[float]]:
        now, end = self._ask.now, self._ask.now + _HORIZON
        at = list(takewhile(lambda fire: fire < end, fires(schedule, rules.zone, now)))
        # A run has no timeout here: what was seen already ended by it.
        return Scenario(rules=rules, fires=at, start=now, end=end, duration=lambda _count: 0.0), at

    def share(
        self,
        schedule: Schedule,
        rules: Rules,
        length: Callable[[Seen], float] = lambda seen: seen.duration,
        among: Sequence[Seen] | None = None,
    ) -> SkipShare | None:
        """Return the share of skipped fires of the next 28 days; fires before a due time are none."""
        scenario, at = self._scenario(schedule, rules)
        runs = self._ask.seen if among is None else among

        def draw() -> float:
            return length(self._ask.choose(runs))

        return skip_share(scenario, at, draw, rounds=_ROUNDS, leaving_out=NOT_DUE)

    def by_configuration(self, duration: float) -> Iterator[Advised]:
        """Yield what the configuration shows: all of it for a run that takes no time, else what no duration changes."""
        scenario, _ = self._scenario(self._job.schedule, self._job.rules)
        scenario = replace(scenario, duration=lambda _count: duration)
        inputs = advice.Inputs(scenario=scenario, schedule=self._job.schedule)
        for each in advice.advise(inputs, simulate(scenario)):
            if not duration or each.code in _BY_CONFIGURATION:
                yield Advised(code=each.code, text=each.text)

    def cadence(self, found: Numbers, before: SkipShare | None) -> Iterator[Advised]:
        """Yield what would make the fires fit, where they do not."""
        rules, interval = self._job.rules, self._interval()
        gap = max(rules.min_gap, (rules.gap_factor or 0.0) * found.p50)
        needed = found.p95 + gap
        if interval is None or needed <= interval:
            return
        yield self._schedule(found, needed, interval, before)
        if found.p95 <= interval:
            yield from self._gap(found, interval, before)
            return
        for each in splitting.shorter(self._job, self._ask.seen, interval - gap):
            yield self._shorter(each, before)

    def _interval(self) -> float | None:
        if self._job.rules.every is not None:
            return self._job.rules.every
        _, at = self._scenario(self._job.schedule, self._job.rules)
        distances = sorted(after - earlier for earlier, after in pairwise(at))
        return distances[len(distances) // 2] if distances else None

    def _schedule(self, found: Numbers, needed: float, interval: float, before: SkipShare | None) -> Advised:
        fitting = next((even for even in _EVEN if even >= needed), ceil(needed / _DAY) * _DAY)
        cron = self._job.schedule.cron
        if fitting == _DAY and cron is not None:
            at = f"{cron.hours[0]:02d}:{cron.minutes[0]:02d}"
            values, schedule = {"daily": at}, Schedule(cron=parse_cron(f"{cron.minutes[0]} {cron.hours[0]} * * *"))
            rules = replace(self._job.rules, every=None)
        else:
            values, schedule = {"every": shortly(fitting)}, Schedule(every=fitting)
            rules = replace(self._job.rules, every=fitting)
        key, value = next(iter(values.items()))
        with_gap = f" ({format_duration(needed)} with its gap)" if needed > found.p95 else ""
        midnight = ", counted from a fire at midnight" if fitting > _DAY else ""
        text = (
            f"19 of 20 runs take up to {format_duration(found.p95)}{with_gap}, which does not fit between fires "
            f'{shortly(interval)} apart; {key} = "{value}" fits{midnight}'
        )
        replaces = tuple(key for key in ("schedule", "every", "daily", "at") if key not in values)
        paste = Paste(table=(self._job.name,), values=values, replaces=replaces, numbers=found)
        after = self.share(schedule, rules)
        return Advised(code="schedule_fits", text=text, numbers=found, paste=(paste,), before=before, after=after)

    def _gap(self, found: Numbers, interval: float, before: SkipShare | None) -> Iterator[Advised]:
        largest, rules = rounded_down(interval - found.p95), self._job.rules
        values: dict[str, Any] = {}
        if rules.min_gap > largest:
            values["min_gap"] = shortly(largest)
            rules = replace(rules, min_gap=largest)
        if (rules.gap_factor or 0.0) * found.p50 > largest:
            values["gap_factor"] = floor(100 * largest / found.p50) / 100
            rules = replace(rules, gap_factor=values["gap_factor"] or None)
        said = " and ".join(f"{key} = {_quoted(value)}" for key, value in values.items())
        text = f"or, with the schedule as it is, a smaller gap: {said} leaves 19 of 20 runs their next fire"
        paste = Paste(table=(self._job.name,), values=values, numbers=found)
        after = self.share(self._job.schedule, rules)
        yield Advised(
            code="min_gap_too_large" if "min_gap" in values else "gap_factor_too_large",
            text=text,
            numbers=found,
            paste=(paste,),
            before=before,
            after=after,
        )

    def _shorter(self, each: splitting.Shorter, before: SkipShare | None) -> Advised:
        shares = [self.share(self._job.schedule, self._job.rules, length, each.seen) for length in each.lengths]
        known = [share for share in shares if share is not None]
        after = max(known, key=lambda share: share.mean, default=None)
        paste = tuple(Paste(table=table, values=values, numbers=each.numbers) for table, values in each.paste)
        return Advised(code=each.code, text=each.text, numbers=each.numbers, paste=paste, before=before, after=after)


def _quoted(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else f"{value}"


def _budgets(ask: Ask, found: Numbers) -> Iterator[Advised]:
    """Yield the timeout and stale_after that suit what was seen, where those in force do not."""
    timeout, rules = ask.job.timeout, ask.job.rules
    values: dict[str, Any] = {}
    said, code = [], ""
    longest = f"the longest run took {format_duration(found.max)}"
    if timeout is None or timeout < _TOO_TIGHT * found.max:
        code = "timeout_missing" if timeout is None else "timeout_below_duration"
        ended = sum(seen.timed_out for seen in ask.seen)
        lost = f", and it ended {ended} of {found.n} runs" if ended else ""
        said.append("there is no timeout" if timeout is None else f"timeout {format_duration(timeout)} is tight{lost}")
        timeout = rounded_up(_ROOM * found.max)
        values["timeout"] = shortly(timeout)
    if rules.stale_after is None or rules.stale_after <= max(timeout, _TOO_TIGHT * found.max):
        missing = rules.stale_after is None
        code = code or ("stale_after_missing" if missing else "stale_after_below_duration")
        now = "is not set" if rules.stale_after is None else f"{format_duration(rules.stale_after)} must be beyond it"
        said.append(f"stale_after {now}")
        values["stale_after"] = shortly(rounded_up(_STALE * timeout))
    if values:
        text = f"{longest}: {'; '.join(said)}"
        paste = Paste(table=(ask.job.name,), values=values, numbers=found)
        yield Advised(code=code, text=text, numbers=found, paste=(paste,))


def _step_budgets(ask: Ask, steps: Mapping[str, Numbers]) -> Iterator[Advised]:
    """Yield the timeouts of steps that suit what was seen, where those in force do not."""
    if len(ask.job.steps) == 1 or not ask.editable_steps:
        return
    paste, said = [], []
    for step in ask.job.steps:
        found = steps.get(step.id)
        if found is None or found.n < LEAST or (step.timeout or 0.0) >= _TOO_TIGHT * found.max:
            continue
        values = {"timeout": shortly(rounded_up(_ROOM * found.max))}
        paste.append(Paste(table=(ask.job.name, "steps", step.id), values=values, numbers=found))
        now = "no timeout" if step.timeout is None else f"timeout {format_duration(step.timeout)}"
        said.append(f"{step.id} took up to {format_duration(found.max)} and has {now}")
    if paste:
        yield Advised(code="step_timeouts", text=f"steps: {'; '.join(said)}", paste=tuple(paste))
