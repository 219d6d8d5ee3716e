"""What the fires of a schedule would do: start or skip and why, what they amount to, and what would fix it."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from batchctl.answers import scenario
from batchctl.base import clock
from batchctl.base.errors import UsageError
from batchctl.base.record import Record
from batchctl.core.advise.advice import Advice
from batchctl.core.advise.simulated import Inputs, advise, advise_split
from batchctl.core.foresight.bootstrap import skip_share
from batchctl.core.foresight.simulate import simulate as simulate_one
from batchctl.core.foresight.simulate import simulate_groups
from batchctl.core.time import zones

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batchctl.answers.scenario import Flags, Plan
    from batchctl.answers.site import Site
    from batchctl.core.foresight.bootstrap import SkipShare
    from batchctl.core.foresight.simulate import Simulation, Summary
    from batchctl.core.model import Job
    from batchctl.core.time.zones import Zone


class Preview(Record):
    """A simulation to be shown; `simulations` has one entry named "" or, for a split, one for each group."""

    made_at: float
    title: str
    zone: Zone
    start: float
    end: float
    simulations: Mapping[str, Simulation]
    summary: Summary
    advice: Sequence[Advice]
    skip_share: SkipShare | None = None
    """Of many rounds, where durations are drawn from a history."""


def simulate(site: Site, job: str | None = None, *, timezone: str | None = None, **given: Any) -> Preview:
    """Return the preview that the options ask for; `given` are the fields of `scenario.Flags`.

    Raises:
        UsageError: if they contradict each other, leave something open, or cannot be read.
    """
    found = None if job is None else site.job(job)
    flags = scenario.Flags(job=found, zone=_zone(timezone, found, site), **given)
    return _preview(flags, scenario.plan(site, flags), () if found is None else site.pair_of(found))


def _zone(timezone: str | None, job: Job | None, site: Site) -> Zone:
    if timezone is not None:
        try:
            return zones.NamedZone(timezone)
        except ValueError as error:
            raise UsageError(str(error), remedy="`timedatectl list-timezones` lists them") from error
    return site.config.zone if job is None else job.rules.zone


def _preview(flags: Flags, plan: Plan, pair: Sequence[str]) -> Preview:
    title = "" if flags.job is None else flags.job.name
    first = next(iter(plan.scenarios.values()))
    share = None
    if flags.split is None:
        done = simulate_one(first)
        share = _skip_share(flags, plan, [fire.at for fire in done.fires])
        advice = advise(Inputs(scenario=first, schedule=plan.schedule, groups=plan.groups, pair=pair), done)
        simulations, summary = {"": done}, done.summary
    else:
        split = simulate_groups(plan.scenarios)
        advice = advise_split(split)
        for name, one in plan.scenarios.items():
            inputs = Inputs(scenario=one, schedule=plan.schedule, is_group=True)
            found = advise(inputs, split.groups[name])
            advice += [Advice(code=each.code, text=f"{name}: {each.text}") for each in found]
        simulations, summary = dict(split.groups), split.summary
    return Preview(
        made_at=clock.now(),
        title=title,
        zone=flags.zone,
        start=first.start,
        end=first.end,
        simulations=simulations,
        summary=summary,
        advice=[*plan.advice, *advice],
        skip_share=share,
    )


def _skip_share(flags: Flags, plan: Plan, fires: list[float]) -> SkipShare | None:
    """Return what many more rounds of durations drawn from the history come to; the first is the one shown."""
    if not plan.seen:
        return None
    source = random.Random(flags.seed)  # noqa: S311 - a preview that can be repeated, not a secret
    return skip_share(plan.scenarios[""], fires, lambda: source.choice(plan.seen))
