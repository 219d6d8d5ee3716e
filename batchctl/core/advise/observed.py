"""What a job's own history advises: schedule, gap, budgets, and whether its groups would fit on their own.

Pure: the caller brings what was seen, the instant to look ahead from, and the drawing of lots. Every figure that is
advised is proved by simulation, with the decision that fires use. Durations are seconds.
"""

from __future__ import annotations

from itertools import takewhile

from batchctl.base.record import Record, replace
from batchctl.base.said import Lasting, Said, said
from batchctl.core.advise import advice, simulated, splitting
from batchctl.core.advise.advice import DAY, Advice, Paste, Seen, span
from batchctl.core.foresight.bootstrap import Numbers, SkipShare, numbers, rounded_down, shortly, skip_share
from batchctl.core.foresight.simulate import Scenario, simulate
from batchctl.core.guard.decide import NOT_DUE
from batchctl.core.statistics import ENOUGH
from batchctl.core.time.cron import Schedule, parse_cron
from batchctl.core.time.schedule import fires

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from batchctl.core.model import Job, Rules

_HORIZON = 28.0 * DAY
_ROUNDS = 50


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
    pair: Sequence[str] = ()
    """The ready-made jobs that are the groups of its chain."""


class Advised(Record):
    """What a history comes to, and what follows from it."""

    job: str
    enough: bool
    numbers: Numbers | None
    timed_out: int
    steps: Mapping[str, Numbers]
    skip_share: SkipShare | None
    advice: tuple[Advice, ...]


def advise(ask: Ask) -> Advised:
    """Return what the history of a job advises; with too little of it, only what its configuration shows."""
    found = numbers(seen.duration for seen in ask.seen)
    succeeded = sum(not seen.timed_out for seen in ask.seen)
    steps = {step: made for step, values in ask.steps.items() if (made := numbers(values)) is not None}
    enough = found is not None and succeeded >= ENOUGH
    adviser = _Adviser(ask)
    if found is None or not enough:
        found_advice, share = tuple(adviser.by_configuration(None)), None
    else:
        share = adviser.share(ask.job.schedule, ask.job.rules)
        timed = tuple(_budgets(ask, found)) + tuple(_step_budgets(ask, steps))
        found_advice = (*adviser.by_configuration(found.p95), *adviser.cadence(found, share), *timed)
    return Advised(
        job=ask.job.name,
        enough=enough,
        numbers=found,
        timed_out=len(ask.seen) - succeeded,
        steps=steps,
        skip_share=share,
        advice=found_advice,
    )


class _Adviser:
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

    def by_configuration(self, longest: float | None) -> list[Advice]:
        """Return what the configuration shows by itself; without history, all that it shows of a run of no time."""
        if self._job.schedule.after:
            return []  # when it is fired others say
        scenario, _ = self._scenario(self._job.schedule, self._job.rules)
        scenario = replace(scenario, duration=lambda _count: longest or 0.0)
        inputs = simulated.Inputs(scenario=scenario, schedule=self._job.schedule)
        shown = simulated.advise if longest is None else simulated.by_configuration
        return shown(inputs, simulate(scenario))

    def cadence(self, found: Numbers, before: SkipShare | None) -> Iterator[Advice]:
        """Yield what would make the fires fit, where they do not."""
        interval, gap = self._interval(), advice.gap_after(self._job.rules, found.p50)
        if interval is None or found.p95 + gap <= interval:
            return
        yield self._schedule(found, gap, interval, before)
        if found.p95 <= interval:
            yield self._gap(found, interval, before)
            return
        for each in splitting.shorter(self._job, self._ask.seen, interval - gap, self._ask.pair):
            yield self._shorter(each, before)

    def _interval(self) -> float | None:
        rules = self._job.rules
        return advice.interval_of(self._scenario(self._job.schedule, rules)[1]) if rules.every is None else rules.every

    def _schedule(self, found: Numbers, gap: float, interval: float, before: SkipShare | None) -> Advice:
        cron, even = self._job.schedule.cron, advice.even(found.p95 + gap)
        if even == DAY and cron is not None:
            at = f"{cron.hours[0]:02d}:{cron.minutes[0]:02d}"
            key, value, every = "daily", at, None
            schedule = Schedule(cron=parse_cron(f"{cron.minutes[0]} {cron.hours[0]} * * *"))
        else:
            key, value, every = "every", shortly(even), even
            schedule = Schedule(every=every)
        text = said(
            "19 of 20 runs take up to %s, which does not fit between fires %s apart; %s fits",
            *(advice.with_gap(found.p95, gap), Lasting(shortly(interval)), f'{key} = "{value}"'),
        )
        if even > DAY:
            text = said("%s, counted from a fire at midnight", text)
        replaces = tuple(other for other in ("schedule", "every", "daily", "at") if other != key)
        paste = Paste(table=(self._job.name,), values={key: value}, replaces=replaces, numbers=found)
        after = self.share(schedule, replace(self._job.rules, every=every))
        return Advice(code=advice.SCHEDULE_FITS, text=text, numbers=found, paste=(paste,), before=before, after=after)

    def _gap(self, found: Numbers, interval: float, before: SkipShare | None) -> Advice:
        best = advice.smaller_gap(self._job.rules, rounded_down(interval - found.p95), found.p50)
        rules = replace(self._job.rules, **best)
        values = {key: shortly(value) if key == "min_gap" else value for key, value in best.items()}
        keys = ", ".join(f"{key} = {_quoted(value)}" for key, value in values.items())
        text = said("or, with the schedule as it is, a smaller gap: %s leaves 19 of 20 runs their next fire", keys)
        paste = Paste(table=(self._job.name,), values=values, numbers=found)
        code = advice.MIN_GAP_TOO_LARGE if "min_gap" in best else advice.GAP_FACTOR_TOO_LARGE
        after = self.share(self._job.schedule, rules)
        return Advice(code=code, text=text, numbers=found, paste=(paste,), before=before, after=after)

    def _shorter(self, each: splitting.Shorter, before: SkipShare | None) -> Advice:
        shares = [self.share(self._job.schedule, self._job.rules, length, each.seen) for length in each.lengths]
        known = [share for share in shares if share is not None]
        after = max(known, key=lambda share: share.mean, default=None)
        paste = tuple(Paste(table=table, values=values, numbers=each.numbers) for table, values in each.paste)
        return Advice(code=each.code, text=each.text, numbers=each.numbers, paste=paste, before=before, after=after)


def _quoted(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else f"{value}"


def _budgets(ask: Ask, found: Numbers) -> Iterator[Advice]:
    """Yield the timeout and stale_after that suit what was seen, where those in force do not."""
    timeout, rules = ask.job.timeout, ask.job.rules
    values: dict[str, Any] = {}
    parts: list[Said] = []
    code = ""
    text = said("the longest run took %s", span(found.max))
    if timeout is None or timeout < advice.TOO_TIGHT * found.max:
        code = "timeout_missing" if timeout is None else advice.TIMEOUT_BELOW_DURATION
        ended = sum(seen.timed_out for seen in ask.seen)
        tight = said("there is no timeout") if timeout is None else said("timeout %s is tight", span(timeout))
        parts.append(said("%s, and it ended %d of %d runs", tight, ended, found.n) if ended else tight)
        timeout = advice.timeout_above(found.max)
        values["timeout"] = shortly(timeout)
    if rules.stale_after is None or rules.stale_after <= max(timeout, advice.TOO_TIGHT * found.max):
        missing = rules.stale_after is None
        code = code or ("stale_after_missing" if missing else advice.STALE_AFTER_BELOW_DURATION)
        beyond = said("stale_after %s must be beyond it", span(rules.stale_after))
        parts.append(said("stale_after is not set") if missing else beyond)
        values["stale_after"] = shortly(advice.stale_above(timeout))
    if values:
        text = said("%s: %s", text, said("; ".join(["%s"] * len(parts)), *parts))
        paste = Paste(table=(ask.job.name,), values=values, numbers=found)
        yield Advice(code=code, text=text, numbers=found, paste=(paste,))


def _step_budgets(ask: Ask, steps: Mapping[str, Numbers]) -> Iterator[Advice]:
    """Yield the timeouts of steps that suit what was seen, where those in force do not."""
    if len(ask.job.steps) == 1 or not ask.editable_steps:
        return
    paste = []
    parts: list[Said] = []
    for step in ask.job.steps:
        found = steps.get(step.id)
        if found is None or found.n < ENOUGH or (step.timeout or 0.0) >= advice.TOO_TIGHT * found.max:
            continue
        values = {"timeout": shortly(advice.timeout_above(found.max))}
        paste.append(Paste(table=(ask.job.name, "steps", step.id), values=values, numbers=found))
        now = said("no timeout") if step.timeout is None else said("timeout %s", span(step.timeout))
        parts.append(said("%s took up to %s and has %s", step.id, span(found.max), now))
    if paste:
        listed = said("; ".join(["%s"] * len(parts)), *parts)
        yield Advice(code="step_timeouts", text=said("steps: %s", listed), paste=tuple(paste))
