"""From the options of `batchctl simulate` to the scenarios that they describe."""

from __future__ import annotations

import random
from itertools import islice
from typing import TYPE_CHECKING, Any

from batchctl.answers import given
from batchctl.base import clock
from batchctl.base.duration import format_duration
from batchctl.base.errors import UsageError
from batchctl.base.record import Record, replace
from batchctl.core.advise.advice import Advice
from batchctl.core.foresight.chain import Link, fires_after
from batchctl.core.foresight.simulate import Course, Scenario
from batchctl.core.model import Rules
from batchctl.core.statistics import TYPICAL_OF, typical
from batchctl.core.time import zones
from batchctl.core.time.cron import Schedule
from batchctl.core.time.schedule import fires, repeat, shift

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from batchctl.answers.site import Site
    from batchctl.core.model import Job
    from batchctl.core.time.zones import Zone

_HISTORY = 200
"""How many past durations `--from-history` draws from."""
_MOST_FIRES = 2_000_000
# Within these bounds no sum of times and durations leaves the years that time zones know of.
_LONGEST = 36525 * 86400.0
_YEAR_3000 = 32503680000.0
_NO_DURATION = "give --duration 26h, --from-history JOB or --group NAME=DURATION"


class Flags(Record):
    """The options of one call, as they were written."""

    job: Job | None
    zone: Zone
    duration: str | None
    every: str | None
    cron: str | None
    start: str | None
    horizon: str
    min_gap: str | None
    gap_factor: float | None
    timeout: str | None
    stale_after: str | None
    fail_at: str | None
    from_history: str | None
    groups: tuple[str, ...]
    parallel: tuple[str, ...]
    split: str | None
    seed: int


class Plan(Record):
    """What is to be simulated: one scenario, or with `--split` one for each group."""

    scenarios: Mapping[str, Scenario]
    schedule: Schedule | None
    groups: Mapping[str, float]
    advice: tuple[Advice, ...]
    seen: tuple[float, ...] = ()
    """The durations that `--from-history` draws from."""


def plan(site: Site, flags: Flags) -> Plan:
    """Return what the options ask for.

    Raises:
        UsageError: if they contradict each other, leave something open, or cannot be read.
    """
    # A group that bears the name of a job that this one comes after says how long that one takes.
    before = {} if flags.job is None else dict.fromkeys(flags.job.schedule.after, "")
    said = {name: length for name, _, length in (text.partition("=") for text in flags.groups) if name in before}
    flags = replace(flags, groups=tuple(text for text in flags.groups if text.partition("=")[0] not in before))
    _refuse_contradictions(flags)
    schedule = _schedule(flags)
    start = _start(site, flags, schedule)
    end = next(islice(repeat(start, _positive("--for", flags.horizon), flags.zone), 1, None))
    groups = _groups(flags)
    timeout = flags.job.timeout if flags.job is not None and flags.timeout is None else None
    base = Scenario(
        rules=_rules(flags),
        fires=(),
        start=start,
        end=end,
        duration=lambda _count: 0.0,
        timeout=timeout if flags.timeout is None else _positive("--timeout", flags.timeout),
        fail_at=_seconds("--fail-at", flags.fail_at),
    )

    def planned() -> Iterator[float]:
        if schedule is None:
            return repeat(start, _positive("--every", flags.every or ""), flags.zone)
        return fires(schedule, flags.zone, start)

    chained = schedule is not None and flags.job is not None and bool(schedule.after)
    if flags.split is None:
        seen = () if flags.from_history is None else _seen(site, flags.from_history)
        duration, advice = _duration(site, flags, groups, seen)
        one = replace(base, fires=_bounded(planned(), end), duration=duration)
        if chained and flags.job is not None:
            links = _links(site, flags, flags.job, one, said)
            one = replace(one, fires=fires_after(flags.job, links))
            advice = (*advice, *(_comes_after(link) for link in links))
        return Plan(scenarios={"": one}, schedule=schedule, groups=groups, advice=advice, seen=seen)
    apart = _positive("--split", flags.split)
    scenarios = {
        name: replace(base, fires=_bounded(shift(planned(), place * apart, flags.zone), end), duration=_always(seconds))
        for place, (name, seconds) in enumerate(groups.items())
    }
    return Plan(scenarios=scenarios, schedule=schedule, groups=groups, advice=())


def _links(site: Site, flags: Flags, job: Job, scenario: Scenario, said: Mapping[str, str]) -> list[Link]:
    """Return the jobs that one comes after, each as long as was `said` or as it usually takes."""
    found = []
    for name in job.schedule.after:
        other = site.job(name)
        length = _positive(f"--group {name}", said[name]) if name in said else None
        duration = _typical_duration(site, other)[0] if length is None else _always(length)
        own = replace(
            scenario,
            rules=replace(other.rules, zone=flags.zone),
            fires=_fired(other, scenario),
            duration=duration,
            timeout=other.timeout,
            fail_at=None,
        )
        if other.schedule.after:
            own = replace(own, fires=fires_after(other, _links(site, flags, other, own, said)))
        found.append(Link(job=name, scenario=own))
    return found


def _firsts(site: Site, job: Job) -> Iterator[Job]:
    """Yield the jobs whose own schedules begin the chain."""
    for name in job.schedule.after:
        yield from _firsts(site, site.job(name))
    if not job.schedule.after:
        yield job


def _fired(job: Job, scenario: Scenario) -> Callable[[Course], Iterator[float]]:
    return lambda _course: _bounded(fires(job.schedule, scenario.rules.zone, scenario.start), scenario.end)


def _comes_after(link: Link) -> Advice:
    length = format_duration(link.scenario.duration(0))
    text = (
        f"fired by the end of {link.job}, whose runs are taken to last {length}; --group {link.job}=13h says otherwise"
    )
    return Advice(code="after", text=text)


def _refuse_contradictions(flags: Flags) -> None:
    durations = {
        "--duration": flags.duration is not None,
        "--from-history": flags.from_history is not None,
        "--group": bool(flags.groups),
    }
    _at_most_one(durations)
    _at_most_one({"--every": flags.every is not None, "--cron": flags.cron is not None})
    if flags.job is None and flags.every is None and flags.cron is None:
        message = "there is nothing to fire: no JOB, no --every and no --cron"
        raise UsageError(message, remedy="name a job, or write for example --every 24h or --cron '0 1 * * *'")
    if flags.split is not None and len(flags.groups) < 2:  # noqa: PLR2004 - one group cannot be split
        message = "--split makes a job of each --group, and needs at least two"
        raise UsageError(message, remedy="write for example --group search=13h --group upload=13h --split 12h")


def _at_most_one(options: dict[str, bool]) -> None:
    names = [name for name, is_given in options.items() if is_given]
    if len(names) > 1:
        message = f"{' and '.join(names)} contradict each other"
        raise UsageError(message, remedy=f"give one of {', '.join(options)}")


def _seconds(option: str, text: str | None) -> float | None:
    if text is None:
        return None
    seconds = given.seconds(option, text)
    if seconds > _LONGEST:
        message = f"{option}: {text!r} is longer than a hundred years"
        raise UsageError(message, remedy=f"give {option} a shorter duration")
    return seconds


def _positive(option: str, text: str) -> float:
    seconds = _seconds(option, text)
    if not seconds:
        message = f"{option} must be longer than 0"
        raise UsageError(message, remedy=f"write for example {option} 24h")
    return seconds


def _schedule(flags: Flags) -> Schedule | None:
    """Return the schedule that fires; None for `--every`, which counts from the start."""
    if flags.every is not None:
        return None
    if flags.cron is not None:
        from batchctl.core.time.cron import parse_cron

        try:
            return Schedule(text=flags.cron, cron=parse_cron(flags.cron))
        except ValueError as error:
            message = f"--cron: {error}"
            raise UsageError(message, remedy="crontab(5) describes the five fields") from error
    return Schedule() if flags.job is None else flags.job.schedule


def _start(site: Site, flags: Flags, schedule: Schedule | None) -> float:
    now = clock.now()
    if flags.start is not None:
        try:
            start = zones.parse_time(flags.start, flags.zone, now)
        except (ValueError, OverflowError) as error:
            message = f"--start: {error}"
            raise UsageError(message, remedy="give --start a time") from error
        if 0 <= start < _YEAR_3000:
            return start
        message = f"--start: {flags.start!r} is not between 1970 and 2999"
        raise UsageError(message, remedy="give --start a time of these years")
    if schedule is None:
        from batchctl.core.time.cron import parse_cron

        schedule = Schedule(cron=parse_cron("0 1 * * *"))
    if schedule.after and flags.job is not None:
        return min(
            (at for job in _firsts(site, flags.job) for at in islice(fires(job.schedule, flags.zone, now), 1)),
            default=now,
        )
    return next(fires(schedule, flags.zone, now), now)


def _rules(flags: Flags) -> Rules:
    rules = Rules(zone=flags.zone) if flags.job is None else replace(flags.job.rules, zone=flags.zone)
    changes: dict[str, Any] = {} if flags.every is None and flags.cron is None else {"every": None, "at": None}
    for name, text in (("min_gap", flags.min_gap), ("stale_after", flags.stale_after)):
        if text is not None:
            changes[name] = _seconds(f"--{name.replace('_', '-')}", text)
    if flags.gap_factor is not None:
        changes["gap_factor"] = flags.gap_factor
    return replace(rules, **changes)


def _groups(flags: Flags) -> dict[str, float]:
    """Return how long each `--group` takes: its steps in turn, or with `--parallel` the longest of them."""
    groups: dict[str, float] = {}
    for text in flags.groups:
        name, equals, durations = text.partition("=")
        if not name or not equals or name in groups:
            message = f"--group {text!r} is not NAME=DURATION[,DURATION...]" + (" given once" if name in groups else "")
            raise UsageError(message, remedy="write for example --group keyword-search=5h,4h,4h")
        steps = [_positive(f"--group {name}", step) for step in durations.split(",")]
        groups[name] = max(steps) if name in flags.parallel else sum(steps)
    for name in flags.parallel:
        if name not in groups:
            message = f"--parallel {name}: there is no --group of that name"
            raise UsageError(message, remedy=f"add --group {name}=DURATION,DURATION")
    return groups


def _duration(
    site: Site, flags: Flags, groups: Mapping[str, float], seen: tuple[float, ...]
) -> tuple[Callable[[int], float], tuple[Advice, ...]]:
    """Return how long the n-th run takes, and advice where that had to be assumed."""
    if groups:
        return _always(sum(groups.values())), ()
    if flags.duration is not None:
        low, dots, high = flags.duration.partition("..")
        bounds = sorted((_positive("--duration", low), _positive("--duration", high if dots else low)))
        return (_drawn(lambda draw: draw.uniform(*bounds), flags.seed) if dots else _always(bounds[0])), ()
    if seen:
        return _drawn(lambda draw: draw.choice(seen), flags.seed), ()
    if flags.job is None:
        message = "how long does a run take?"
        raise UsageError(message, remedy=_NO_DURATION)
    return _typical_duration(site, flags.job)


def _seen(site: Site, job: str) -> tuple[float, ...]:
    found = tuple(site.history().durations(job, _HISTORY))
    if not found:
        message = f"--from-history: the history has no successful run of {job!r}"
        raise UsageError(message, remedy="give --duration instead, for example --duration 20h..30h")
    return found


def _typical_duration(site: Site, job: Job) -> tuple[Callable[[int], float], tuple[Advice, ...]]:
    known = typical(site.history().durations(job.name, TYPICAL_OF))
    if known is not None:
        return _always(known), ()
    if job.timeout is None:
        message = f"{job.name!r} has no successful run and no timeout, so how long a run takes is not known"
        raise UsageError(message, remedy=_NO_DURATION)
    text = (
        f"there is no successful run yet, so every run is taken to use its whole timeout of "
        f"{format_duration(job.timeout)}; give --duration to preview another"
    )
    return _always(job.timeout), (Advice(code="no_history", text=text),)


def _always(seconds: float) -> Callable[[int], float]:
    return lambda _count: seconds


def _drawn(draw: Callable[[random.Random], float], seed: int) -> Callable[[int], float]:
    """Return durations that are drawn once each, so that asking again gives the same."""
    source = random.Random(seed)  # noqa: S311 - a preview that can be repeated, not a secret
    drawn: list[float] = []

    def nth(count: int) -> float:
        while len(drawn) <= count:
            drawn.append(draw(source))
        return drawn[count]

    return nth


def _bounded(instants: Iterable[float], end: float) -> Iterator[float]:
    for count, instant in enumerate(instants):
        if instant >= end:
            return
        if count >= _MOST_FIRES:
            message = f"that is more than {_MOST_FIRES:,} fires"
            raise UsageError(message, remedy="look less far ahead with --for")
        yield instant
