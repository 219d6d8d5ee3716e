"""How a chain that is too long for its fires could be shortened: a group side by side, or each group a job of its own.

Durations are seconds.
"""

from __future__ import annotations

from batchctl.base.record import Record, replace
from batchctl.base.said import said
from batchctl.core.advise.advice import HOUR, SPLIT_GROUPS, span, stale_above, timeout_above
from batchctl.core.foresight.bootstrap import Numbers, numbers, shortly
from batchctl.core.model import DEFAULT_GRACE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from batchctl.core.advise.advice import Seen
    from batchctl.core.model import Job, Step

_LONGEST_NAME = 64
_EVERY_DAY = ["*"] * 3


class Shorter(Record):
    """One way to shorten a chain; `lengths` are what each job of it takes where a run in `seen` took what it took."""

    code: str
    text: str
    numbers: Numbers
    seen: Sequence[Seen]
    """The runs of which every step is known."""
    lengths: tuple[Callable[[Seen], float], ...]
    paste: tuple[tuple[tuple[str, ...], Mapping[str, Any]], ...]


def ready_made(names: Sequence[str]) -> str:
    """Return the words that offer the ready-made jobs that are the groups of a chain; empty where there are none."""
    listed = " ".join(names)
    return said("; ready-made, one after the other: `batchctl jobs presets --install %s`", listed) if names else ""


def shorter(job: Job, seen: Sequence[Seen], room: float, pair: Sequence[str] = ()) -> Iterator[Shorter]:
    """Yield what would make 19 of 20 runs fit into `room` seconds; nothing where no step tells its duration.

    `pair` are the ready-made jobs that are the groups of this chain, where there are such.
    """
    whole = [run for run in seen if all(step.id in run.steps for step in job.steps)]
    groups = _groups(job)
    if not whole or len(job.steps) == 1:
        return
    yield from _side_by_side(job, whole, groups, room)
    for each in _split(job, whole, groups, room):
        yield replace(each, text=said("%s%s", each.text, ready_made(pair)) if pair else each.text)


def _groups(job: Job) -> dict[str, list[str]]:
    """Return the ids of each group's steps, in the order of the chain."""
    found: dict[str, list[str]] = {}
    for step in job.steps:
        if step.group is not None:
            found.setdefault(step.group, []).append(step.id)
    return found


def _side_by_side(
    job: Job, seen: Sequence[Seen], groups: Mapping[str, Sequence[str]], room: float
) -> Iterator[Shorter]:
    """Yield the one group, or else all of them, that would have to run side by side."""
    parallel = {group.name for group in job.groups if group.parallel}
    order = [step.group for step in job.steps]
    able = [
        name
        for name, steps in groups.items()
        if name not in parallel and len(steps) > 1 and order[order.index(name) :][: len(steps)] == [name] * len(steps)
    ]
    for some in [*([name] for name in able), *([able] if len(able) > 1 else [])]:

        def length(run: Seen, some: Sequence[str] = tuple(some)) -> float:
            return run.duration - sum(_saved(run, groups[name]) for name in some)

        found = numbers(map(length, seen))
        if found is None or found.p95 > room:
            continue
        steps: list[str] = [said("%s of %s", ", ".join(groups[name]), name) for name in some]
        listed = steps[0] if len(steps) == 1 else said(" and ".join(["%s"] * len(steps)), *steps)
        text = said(
            "or run %s side by side, if they do not need one another's results: 19 of 20 runs would take up to %s",
            *(listed, span(found.p95)),
        )
        paste = tuple(((job.name, "groups", name), {"parallel": True}) for name in some)
        yield Shorter(code="parallel_group", text=text, numbers=found, seen=seen, lengths=(length,), paste=paste)
        return


def _saved(run: Seen, steps: Sequence[str]) -> float:
    each = [run.steps[step] for step in steps]
    return sum(each) - max(each)


def _split(job: Job, seen: Sequence[Seen], groups: Mapping[str, Sequence[str]], room: float) -> Iterator[Shorter]:
    """Yield the split into one job for each group, where each of them fits."""
    parallel = {group.name for group in job.groups if group.parallel}
    if len(groups) < 2 or any(step.group is None for step in job.steps):  # noqa: PLR2004 - one group cannot be split
        return
    lengths = {name: _taken(steps, side_by_side=name in parallel) for name, steps in groups.items()}
    found = {name: made for name, length in lengths.items() if (made := numbers(map(length, seen))) is not None}
    if any(made.p95 > room for made in found.values()):
        return
    each = [said("%s up to %s", name, span(made.p95)) for name, made in found.items()]
    text = said(
        "or split the chain into a job for each group, each of which fits (%s in 19 of 20 runs) and is fired when the"
        " one before it has succeeded",
        said(", ".join(["%s"] * len(each)), *each),
    )
    longest = max(found.values(), key=lambda made: made.p95)
    jobs = _jobs(job, found)
    paste = () if jobs is None else (((job.name,), {"enabled": False}), ((), jobs))
    yield Shorter(
        code=SPLIT_GROUPS, text=text, numbers=longest, seen=seen, lengths=tuple(lengths.values()), paste=paste
    )


def _taken(steps: Sequence[str], *, side_by_side: bool) -> Callable[[Seen], float]:
    def length(run: Seen) -> float:
        each = [run.steps[step] for step in steps]
        return max(each) if side_by_side else sum(each)

    return length


def _jobs(job: Job, found: Mapping[str, Numbers]) -> dict[str, Any] | None:
    """Return the jobs that take the place of this one; None where they cannot be written without asking.

    That is so where the schedule is no fixed time of each day, a name would be too long, or a secret's value stands
    in the configuration, which is shown nowhere.
    """
    first = _time_of_day(job)
    environments = [job.env, *(step.env for step in job.steps)]
    secret = any(name in env for name in job.secrets for env in environments)
    names = {group: f"{job.name}-{group}" for group in found}
    if first is None or secret or any(len(name) > _LONGEST_NAME for name in names.values()):
        return None
    jobs: dict[str, Any] = {}
    fired: dict[str, Any] = {"daily": f"{first // HOUR:02d}:{first % HOUR // 60:02d}"}
    for group, made in found.items():
        timeout = timeout_above(made.max)
        jobs[names[group]] = {
            **fired,
            "timeout": shortly(timeout),
            "stale_after": shortly(stale_above(timeout)),
            **_job_keys(job),
            "steps": [_step_keys(step) for step in job.steps if step.group == group],
        } | _group_keys(job, group)
        fired = {"after": names[group]}
    return jobs


def _time_of_day(job: Job) -> int | None:
    """Return the second of each day at which the job is fired; None where that is not its schedule."""
    cron = job.schedule.cron
    if cron is None or cron.text.split(" ")[2:] != _EVERY_DAY or len(cron.hours) != 1 or len(cron.minutes) != 1:
        return None
    return cron.hours[0] * HOUR + cron.minutes[0] * 60


def _group_keys(job: Job, name: str) -> dict[str, Any]:
    group = next((group for group in job.groups if group.name == name and group.parallel), None)
    if group is None:
        return {}
    most = {} if group.max_parallel is None else {"max_parallel": group.max_parallel}
    return {"groups": {name: {"parallel": True, **most}}}


def _job_keys(job: Job) -> dict[str, Any]:
    rules = job.rules
    keys = {
        "min_gap": shortly(rules.min_gap) if rules.min_gap else None,
        "gap_factor": rules.gap_factor,
        "gap_after": None if rules.gap_after == "any" else rules.gap_after,
        "on_stale": None if rules.on_stale == "takeover" else rules.on_stale,
        "pool": rules.pool,
        "secrets": list(job.secrets),
    }
    shared = _shared_keys(job)
    if job.grace == DEFAULT_GRACE:
        shared["grace"] = None
    return _set(keys | shared)


def _step_keys(step: Step) -> dict[str, Any]:
    keys = {
        "id": step.id,
        "group": step.group,
        "run": step.run,
        "argv": None if step.argv is None else list(step.argv),
        "function": step.function,
        "python": step.python,
        "timeout": None if step.timeout is None else _exact(step.timeout),
        "retries": step.retries or None,
        "retry_delay": _exact(step.retry_delay) if step.retry_delay else None,
        "retry_backoff": None if step.retry_backoff == 1 else step.retry_backoff,
        "retry_max_delay": None if step.retry_max_delay is None else _exact(step.retry_max_delay),
        "continue_on_failure": step.continue_on_failure or None,
        "when": None if step.when == "on_success" else step.when,
    }
    return _set(keys | _shared_keys(step))


def _shared_keys(part: Job | Step) -> dict[str, Any]:
    return {
        "params": dict(part.params),
        "env": dict(part.env),
        "env_file": part.env_file,
        "cwd": part.cwd,
        "path": list(part.path),
        "grace": None if part.grace is None else _exact(part.grace),
        "log_max": part.log_max,
        **vars(part.limits),
    }


def _set(keys: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in keys.items() if value is not None and value not in ([], {})}


def _exact(seconds: float) -> str | float:
    return shortly(seconds) if seconds >= 1 and seconds == int(seconds) else seconds
