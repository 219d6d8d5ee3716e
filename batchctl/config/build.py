"""From checked tables to the jobs of the domain: what single keys cannot say for themselves is checked here."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from batchctl.base.duration import format_duration
from batchctl.base.record import Record, replace
from batchctl.config import alerting, values
from batchctl.config.schema import (
    AlertKeys,
    CommandKeys,
    GroupTable,
    JobTable,
    SharedKeys,
    StartIfTable,
    StepTable,
    convert,
    example,
    keys_of,
    unknown_remedy,
)
from batchctl.core.limits import Limits
from batchctl.core.model import ALWAYS, DEFAULT_GRACE, ON_FAILURE, ON_SUCCESS, Group, Job, Rules, StartIf, Step
from batchctl.core.text.placeholders import BUILT_IN, fill_shell, names
from batchctl.core.time import zones
from batchctl.core.time.cadence import share_of
from batchctl.core.time.cron import Schedule, parse_cron

if TYPE_CHECKING:
    from collections.abc import Mapping

    from batchctl.config.key_path import KeyPath

_CATCH_UP_WINDOW = 86400.0
_LONGEST_JITTER = 86400.0
_LEAST_MEMORY = 1_000_000
_CLEAN_UP_LIMITS = {ALWAYS: 300.0, ON_FAILURE: 300.0}
"""Seconds that a step may take which runs although the run was stopped, unless it says otherwise."""
SCHEDULES = ("schedule", "every", "daily", "at", "after")
COMMANDS = ("run", "argv", "function")
SHORT_ONLY = tuple(key for key in keys_of(CommandKeys) if key not in COMMANDS)
"""Keys of a step that a job may have only where it is itself one step."""


class Shared(Record):
    """What the top level of the configuration gives to every job."""

    timezone: str | None
    zone: zones.Zone
    pools: Mapping[str, int]
    sources: Mapping[str, Mapping[str, Any]] = {}
    lang: str | None = None
    events_file: str | None = None
    events_syslog: bool = False
    config_path: str | None = None
    state_home: str | None = None
    python: str | None = None
    """The interpreter of functions that name none."""
    python_path: tuple[str, ...] = ()
    functions: Mapping[str, str] = {}
    top: AlertKeys | None = None
    """What the top level says of alerts and retention."""


def build_job(name: str, table: Any, where: KeyPath, origin: str, shared: Shared) -> Job:
    """Return one job; `where` knows which file each key comes from.

    Raises:
        ConfigError: with file, line where known, key and remedy.
    """
    job = convert(table, JobTable, where)
    params = values.params(job.params, where.at("params"))
    steps = _steps(job, table, where, params, shared)
    inherited = alerting.inherited(table, shared.top, where)
    return Job(
        name=name,
        title=job.title,
        description=job.description,
        kind=job.kind,
        schedule=_spread(name, job, _schedule(job, table, where, shared), where),
        rules=_rules(job, where, shared),
        steps=steps,
        groups=_groups(job, where, steps),
        timeout=values.optional_duration(job.timeout, where.at("timeout")),
        grace=DEFAULT_GRACE if job.grace is None else values.duration(job.grace, where.at("grace"), zero=True),
        secrets=_secrets(job, where),
        timezone=shared.timezone,
        alerting=alerting.alerting(inherited, where),
        expect=alerting.expect(job.expect, where.at("expect")),
        retention=alerting.retention(inherited, where),
        catch_up=job.catch_up,
        catch_up_window=values.optional_duration(job.catch_up_window, where.at("catch_up_window")) or _CATCH_UP_WINDOW,
        python_path=shared.python_path if any(step.function for step in steps) else (),
        sources=shared.sources,
        lang=shared.lang,
        events_file=shared.events_file,
        events_syslog=shared.events_syslog,
        config_path=shared.config_path,
        state_home=shared.state_home,
        origin=origin,
        **_surroundings(job, where),
    )


def _surroundings(table: SharedKeys, where: KeyPath) -> dict[str, Any]:
    """Return the fields that jobs and steps have in common and read alike."""
    return {
        "params": values.params(table.params, where.at("params")),
        "env": values.env(table.env, where.at("env")),
        "env_file": values.location(table.env_file, where.at("env_file")),
        "cwd": values.location(table.cwd, where.at("cwd")),
        "path": values.search_path(table.path, where.at("path")),
        "log_max": values.size(table.log_max, where.at("log_max")),
        "limits": _limits(table, where),
    }


def _limits(table: SharedKeys, where: KeyPath) -> Limits:
    memory = values.size(table.memory_max, where.at("memory_max"))
    if memory is not None and memory < _LEAST_MEMORY:
        where.at("memory_max").refuse(f"{table.memory_max!r} is too little for any program", example("memory_max"))
    if table.user is not None and not table.user.strip():
        where.at("user").refuse("names nobody", example("user"))
    return Limits(
        memory_max=memory,
        cpu_max=table.cpu_max,
        tasks_max=table.tasks_max,
        nice=table.nice,
        io_class=table.io_class,
        user=table.user,
    )


def _secrets(job: JobTable, where: KeyPath) -> tuple[str, ...]:
    if not all(job.secrets):
        where.at("secrets").refuse("a name is empty", 'write the names of variables, as in secrets = ["API_KEY"]')
    return tuple(job.secrets)


def _schedule(job: JobTable, table: Mapping[str, Any], where: KeyPath, shared: Shared) -> Schedule:
    given = [key for key in table if key in SCHEDULES]
    if len(given) > 1:
        what = f"is a second schedule beside {given[0]}"
        where.at(given[1]).refuse(what, "keep one of schedule, every, daily, at and after")
    if job.every is not None:
        _check_every(job, where)
        written = job.every if isinstance(job.every, str) else format_duration(job.every)
        return Schedule(text=f"every {written}", every=values.duration(job.every, where.at("every")))
    if job.at is not None:
        written = table["at"] if isinstance(table["at"], str) else job.at.isoformat()
        return Schedule(text=f"at {written}", at=_instant(job.at, where.at("at"), shared))
    if job.daily is not None:
        cron = parse_cron(values.daily_as_cron(job.daily, where.at("daily")))
        return Schedule(text=f"daily {job.daily}", cron=cron)
    if job.after is not None:
        return _after(job, where.at("after"))
    if job.after_any:
        where.at("after_any").refuse("means nothing without after", "name the job whose end fires this one")
    if job.schedule is None:
        return Schedule()
    try:
        return Schedule(text=job.schedule, cron=parse_cron(job.schedule))
    except ValueError as error:
        remedy = 'write minute hour day-of-month month day-of-week as in crontab(5), for example "0 1 * * *"'
        where.at("schedule").refuse(str(error), remedy)


def _after(job: JobTable, where: KeyPath) -> Schedule:
    written = [job.after] if isinstance(job.after, str) else job.after or []
    names = tuple(dict.fromkeys(values.name(name, where, "job") for name in written))
    if not names:
        where.refuse("names no job", example("after"))
    return Schedule(text=f"after {', '.join(names)}", after=names, after_any=job.after_any)


def _spread(name: str, job: JobTable, schedule: Schedule, where: KeyPath) -> Schedule:
    """Return the schedule with this job's share of the jitter."""
    jitter = values.optional_duration(job.jitter, where.at("jitter"), zero=True)
    if not jitter:
        return schedule
    if not schedule.text or schedule.after:
        remedy = "give the job a schedule, or remove jitter"
        where.at("jitter").refuse("means nothing in a job that cron does not fire", remedy)
    if jitter > _LONGEST_JITTER:
        where.at("jitter").refuse("is more than a day", "move the schedule itself; jitter is for minutes")
    return replace(schedule, jitter=jitter, delay=share_of(jitter, name))


def _check_every(job: JobTable, where: KeyPath) -> None:
    every = values.optional_duration(job.every, where.at("every"))
    if every is not None and every % 1:
        where.at("every").refuse(
            "is not a whole number of seconds, which is the finest cron can fire", example("every")
        )


def _instant(at: datetime, where: KeyPath, shared: Shared) -> float:
    try:
        return at.timestamp() if at.tzinfo is not None else zones.parse_time(at.isoformat(), shared.zone)
    except (ValueError, OverflowError, OSError):
        where.refuse(f"{at.isoformat()} is out of range", example("at"))


def _rules(job: JobTable, where: KeyPath, shared: Shared) -> Rules:
    limit = None if job.pool is None else shared.pools.get(job.pool)
    if job.pool is not None and limit is None:
        remedy = unknown_remedy(job.pool, shared.pools, "pools in [pools]")
        where.at("pool").refuse(f"there is no pool {job.pool!r}", f"{remedy}; or add {job.pool} = 1 to [pools]")
    if job.on_stale is not None and job.stale_after is None:
        remedy = "set stale_after too, or remove on_stale"
        where.at("on_stale").refuse("means nothing without stale_after", remedy)
    schedule = job.every
    return Rules(
        enabled=job.enabled,
        active_hours=values.window(job.active_hours, where.at("active_hours")),
        every=values.optional_duration(schedule, where.at("every")),
        at=None if job.at is None else _instant(job.at, where.at("at"), shared),
        min_gap=0.0 if job.min_gap is None else values.duration(job.min_gap, where.at("min_gap"), zero=True),
        gap_factor=job.gap_factor or None,
        gap_after=job.gap_after,
        stale_after=_stale_after(job, where),
        on_stale=job.on_stale or "takeover",
        pool=job.pool,
        pool_limit=limit,
        start_if=_start_if(job, where.at("start_if")),
        zone=shared.zone,
    )


def _start_if(job: JobTable, where: KeyPath) -> StartIf | None:
    if not job.start_if:
        return None
    raw = convert(job.start_if, StartIfTable, where)
    return StartIf(
        load_below=raw.load_below,
        memory_above=values.size(raw.memory_above, where.at("memory_above")),
        disk_above=values.size(raw.disk_above, where.at("disk_above")),
    )


def _stale_after(job: JobTable, where: KeyPath) -> float | None:
    stale_after = values.optional_duration(job.stale_after, where.at("stale_after"))
    timeout = values.optional_duration(job.timeout, where.at("timeout"))
    if stale_after is not None and timeout is not None and stale_after <= timeout:
        # Where a preset brings one of the two, the other is the operator's to change.
        inherited = where.at("stale_after").source is not where.source
        what = f"stale_after ({format_duration(stale_after)}) is not longer than timeout ({format_duration(timeout)})"
        remedy = "make stale_after longer: a run inside its timeout would be taken for hung"
        where.at("timeout" if inherited else "stale_after").refuse(what, remedy)
    return stale_after


def _steps(
    job: JobTable, table: Mapping[str, Any], where: KeyPath, params: Mapping[str, Any], shared: Shared
) -> tuple[Step, ...]:
    commands = [key for key in table if key in COMMANDS]
    if job.steps is not None and commands:
        where.at(commands[0]).refuse("a job has steps or a command of its own, not both", "move it into a step")
    if commands:
        short = Step(id="1", **_command(job, table, where, shared), **_retries(job, where))
        _check_placeholders(short, params, where)
        return (short,)
    misplaced = next((key for key in table if key in SHORT_ONLY), None)
    if misplaced is not None:
        where.at(misplaced).refuse("belongs to a step", "move it into [[steps]]")
    if not job.steps:
        where.refuse("has no step", "add [[steps]] with an id and one of run, argv and function")
    where = where.at("steps")
    steps = tuple(_step(step, where.at(number), params, shared) for number, step in enumerate(job.steps))
    seen: set[str] = set()
    for number, step in enumerate(steps):
        if step.id in seen:
            where.at(number).at("id").refuse(f"the id {step.id!r} is taken", "give each step an id of its own")
        seen.add(step.id)
    if all(step.when != ON_SUCCESS for step in steps):
        where.at(0).at("when").refuse("every step only follows others", "leave when out of at least one of them")
    return steps


def _step(table: Any, where: KeyPath, job_params: Mapping[str, Any], shared: Shared) -> Step:
    raw = convert(table, StepTable, where)
    step = Step(
        id=values.name(raw.id, where.at("id"), "step"),
        group=None if raw.group is None else values.name(raw.group, where.at("group"), "group"),
        timeout=values.optional_duration(raw.timeout, where.at("timeout")) or _CLEAN_UP_LIMITS.get(raw.when),
        grace=values.optional_duration(raw.grace, where.at("grace"), zero=True),
        when=raw.when,
        continue_on_failure=raw.continue_on_failure,
        **_command(raw, table, where, shared),
        **_retries(raw, where),
        **_surroundings(raw, where),
    )
    _check_placeholders(step, {**job_params, **step.params}, where)
    return step


def _command(raw: SharedKeys, table: Mapping[str, Any], where: KeyPath, shared: Shared) -> dict[str, Any]:
    given = [key for key in table if key in COMMANDS]
    if not given:
        where.refuse("has no command", "give it one of run, argv and function")
    if len(given) > 1:
        where.at(given[1]).refuse(f"is a second command beside {given[0]}", "keep one of run, argv and function")
    if raw.run is not None and not raw.run.strip():
        where.at("run").refuse("is empty", example("run"))
    if raw.argv is not None and not (raw.argv and raw.argv[0]):
        where.at("argv").refuse("names no program", example("argv"))
    if raw.python is not None and raw.function is None:
        remedy = "remove it, or write the interpreter into run or argv"
        where.at("python").refuse("chooses the interpreter of a function, and there is none", remedy)
    function = None if raw.function is None else shared.functions.get(normalize("NFC", raw.function), raw.function)
    if function is not None and not values.FUNCTION.fullmatch(function):
        remedy = unknown_remedy(function, shared.functions, "names in [functions]") if shared.functions else ""
        remedy = f"{example('function')}; {remedy}" if remedy else example("function")
        where.at("function").refuse(f"{function!r} names no function", remedy)
    python = None if function is None else values.interpreter(raw.python, where.at("python")) or shared.python
    argv = None if raw.argv is None else values.command(raw.argv, where.at("argv"), as_bytes=raw.argv_bytes)
    return {"run": raw.run, "argv": argv, "function": function, "python": python}


def _retries(raw: CommandKeys, where: KeyPath) -> dict[str, Any]:
    delay = values.optional_duration(raw.retry_delay, where.at("retry_delay"), zero=True)
    return {
        "retries": raw.retries,
        "retry_delay": delay or 0.0,
        "retry_backoff": raw.retry_backoff,
        "retry_max_delay": values.optional_duration(raw.retry_max_delay, where.at("retry_max_delay"), zero=True),
    }


def _check_placeholders(step: Step, params: Mapping[str, Any], where: KeyPath) -> None:
    key = "run" if step.run is not None else "argv"
    known = [*params, *BUILT_IN]
    used = [name for text in (step.run or "", *(step.argv or ())) for name in names(text)]
    for name in used:
        if name not in known:
            listed = ", ".join(f"{{{other}}}" for other in known if other.isidentifier())
            remedy = f"known here: {listed}; add {name} to params, or write {{{{{name}}}}} for literal braces"
            where.at(key).refuse(f"unknown placeholder {{{name}}}", remedy)
    try:
        fill_shell(step.run or "", dict.fromkeys(used, ""))
    except ValueError as error:
        remedy = 'put it into a variable first, as in `name={name}`, and write "$name" there'
        where.at(key).refuse(str(error), remedy)


def _groups(job: JobTable, where: KeyPath, steps: tuple[Step, ...]) -> tuple[Group, ...]:
    order = list(dict.fromkeys(step.group for step in steps if step.group is not None))
    where = where.at("groups")
    found: dict[str, Group] = {}
    for raw_name, table in job.groups.items():
        at = where.at(raw_name)
        raw = convert(table, GroupTable, at)
        name = values.name(raw_name, at, "group")
        if name not in order:
            at.refuse("no step is in this group", unknown_remedy(name, order, "groups of the steps"))
        if raw.max_parallel is not None and not raw.parallel:
            at.at("max_parallel").refuse("means nothing without parallel = true", "set parallel = true")
        if raw.parallel and not _together(name, steps):
            what = "its steps are not written one after the other, so they cannot run side by side"
            at.refuse(what, "move the steps of the group together")
        if raw.parallel and any(step.when != ON_SUCCESS for step in steps if step.group == name):
            what = "one of its steps has `when`, and waits for what comes before it"
            at.at("parallel").refuse(what, "take that step out of the group")
        found[name] = Group(name=name, parallel=raw.parallel, max_parallel=raw.max_parallel)
    return tuple(found.get(name) or Group(name=name) for name in order)


def _together(name: str, steps: tuple[Step, ...]) -> bool:
    places = [place for place, step in enumerate(steps) if step.group == name]
    return places[-1] - places[0] == len(places) - 1
