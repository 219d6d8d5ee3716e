"""The health of all jobs and of the place they run in: gathered from history, schedule and machine."""

from __future__ import annotations

import os
from collections import deque
from itertools import islice, takewhile
from typing import TYPE_CHECKING, Any

from batchctl.base.errors import StateError
from batchctl.base.record import Record, replace
from batchctl.base.said import said
from batchctl.base.state_dir import StateDir
from batchctl.core.guard import decide
from batchctl.core.judge import alerts, missed
from batchctl.core.judge.findings import Finding, findings, status_of, urgency
from batchctl.core.text.ids import id_of
from batchctl.core.time.schedule import fires
from batchctl.process import machine
from batchctl.store import tally
from batchctl.store.health import Checked, Skipping
from batchctl.store.history import History
from batchctl.watch import scheduling
from batchctl.watch.healthfile import Watch
from batchctl.watch.standing import standing

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    from batchctl.core.guard.decide import Running
    from batchctl.core.judge.facts import Ended, Facts
    from batchctl.core.judge.findings import Status
    from batchctl.core.model import Config, Job
    from batchctl.crontab.firing import Firing
    from batchctl.watch.healthfile import Before
    from batchctl.watch.standing import Standing, Word

SETTLING = 120.0
"""Seconds after a fire before it can count as missed: cron starts it late on a machine that is busy."""
_RECENT = 7 * 86400.0
_OVERRUN_MOST = 1000
_INODES_SHARE = 0.01
"""Share of free inodes below which a file system counts as out of them."""


class JobHealth(Record):
    """One job; instants are seconds since the epoch."""

    job: Job
    facts: Facts
    """What the findings are drawn from."""
    state: Word
    watch: Watch
    last_run: Ended | None
    last_success: Ended | None
    results: Mapping[str, Mapping[str, Any] | None]
    """Results of the steps of the last success, by step."""
    recent_failures: Sequence[Ended]
    consecutive_failures: int
    running: Running | None
    expected_end: float | None
    next_fire: float | None
    skips: int
    gaps: Sequence[missed.Gap]
    in_crontab: bool | None
    """Whether a line of a crontab fires it; None where that cannot be known."""
    findings: Sequence[Finding]


class Machine(Record):
    """What the place has left; bytes, and None where it does not say."""

    disk_total: int
    disk_free: int
    inodes_total: int | None
    inodes_free: int | None
    load: tuple[float, float, float]
    cores: int
    memory_total: int | None
    memory_available: int | None


class Health(Record):
    """Everything that a check finds."""

    at: float
    status: Status
    jobs: Sequence[JobHealth]
    machine: Machine
    cron: Firing
    findings: Sequence[Finding]
    """Of all jobs and of the place, most urgent first."""


class Counted(Record):
    """What is counted over the whole history."""

    durations: Mapping[str, Sequence[tuple[float, int, float]]]
    """For each job: how many successes took at most this long and longer than the bound before, and their seconds."""
    skips: Sequence[tuple[str, str, int]]
    """Job, reason, count."""
    usage: Mapping[str, tuple[float | None, int | None]]
    """For each job: processor seconds of its last run, and the most memory that a step of it had, in bytes."""


def count(config: Config, connection: sqlite3.Connection) -> Counted:
    """Return the counts of the configuration's jobs."""
    found = tally.successes(connection)
    return Counted(
        durations={name: found.get(name, ()) for name in config.jobs},
        skips=tally.skips(connection),
        usage={name: tally.usage_of_last(connection, name) for name in config.jobs},
    )


def gather(
    config: Config,
    state_dir: str,
    connection: sqlite3.Connection,
    before: Before,
    now: float,
    cron: Firing,
    within: str | None = None,
) -> Health:
    """Return the health of every job of the configuration, and of the state directory's disk and spool.

    `within` is the job whose step is asking. Nothing is found about it: a check that fails because something is wrong
    would find its own failure the next time, and never be well again.

    Raises:
        StateError: if the history or the directory cannot be read.
    """
    checked = Checked(connection)
    history = History(state_dir, connection)
    stands = (standing(job, history, state_dir, now, config.jobs) for job in config.jobs.values())
    jobs = [_job_health(each.job, checked, each, before, cron.fires(config, each.job.name)) for each in stands]
    machine = _machine(state_dir)
    found = [finding for job in jobs if job.job.name != within for finding in job.findings]
    found += _disk(machine, config.disk_free_min, state_dir, before.since.get("disk", now))
    found += _spool(state_dir)
    found += scheduling.findings(config, cron, before.since.get(alerts.CRON, now))
    found.sort(key=urgency)
    return Health(at=now, status=status_of(found), jobs=jobs, machine=machine, cron=cron, findings=found)


def missed_by(
    job: Job, connection: sqlite3.Connection, before: Watch | None, now: float, until: float
) -> list[missed.Gap]:
    """Return the fires of a job up to `until` that should have started it and left no trace; see `core.missed`.

    `before` is what the last check knows of its schedule.
    """
    checked = Checked(connection)
    planned = _planned(job, checked, _begin(job, _watch(job, before, now), checked, now), until)
    skipping = checked.skipping(job.name, planned[0] if planned else None)
    return missed.gaps(job, _trace(job, checked, planned, skipping, now), planned)


def _job_health(
    job: Job,
    checked: Checked,
    stands: Standing,
    before: Before,
    in_crontab: bool | None,  # noqa: FBT001
) -> JobHealth:
    now = stands.now
    watch = _watch(job, before.watches.get(job.name), now)
    facts, success = checked.facts(job, now), checked.last_success(job.name)
    running, end = stands.facts.running, None if stands.current is None else stands.current.expected_end_at
    # What only was run once by its name has been asked of nobody, unless a line fires it.
    is_asked = in_crontab or not scheduling.is_borrowed(job)
    planned = _planned(job, checked, _begin(job, watch, checked, now), now - SETTLING)
    planned = planned or _never(job, watch, checked, now)
    skipping = checked.skipping(job.name, planned[0] if planned else None)
    trace = _trace(job, checked, planned, skipping, now)
    results = {} if success is None else checked.results(success.run_id)
    facts = replace(
        facts,
        running=running,
        skips=skipping.count,
        skips_since=skipping.since,
        skip_reason=skipping.reason,
        gaps=missed.gaps(job, trace, planned) if is_asked else [],
        next_fires=_overrun(stands, end),
        expected_end=end,
        noticed=() if running is None else checked.noticed(running.run_id),
        unmet=_unmet(job, facts.last, success, results),
    )
    return JobHealth(
        job=job,
        facts=facts,
        state=stands.state,
        watch=watch,
        last_run=facts.last,
        last_success=success,
        results=results,
        recent_failures=checked.recent_failures(job.name, now - _RECENT),
        consecutive_failures=checked.consecutive_failures(facts),
        running=running,
        expected_end=end,
        next_fire=next((fire.at for fire in stands.fires()), None) if job.rules.enabled else None,
        skips=skipping.count,
        gaps=facts.gaps,
        in_crontab=in_crontab,
        findings=findings(facts, now),
    )


def _watch(job: Job, before: Watch | None, now: float) -> Watch:
    rules = job.rules
    window = rules.active_hours
    hours = "" if window is None else f" {window.start}-{window.end}"
    delay = f" +{job.schedule.delay:g}s" if job.schedule.delay else ""
    schedule = f"{job.schedule.text}{delay} {rules.zone.name}{hours}{'' if rules.enabled else ' disabled'}"
    if before is not None and before.schedule == schedule:
        return before
    return Watch(schedule=schedule, since=now, first=before is None)


def _begin(job: Job, watch: Watch, checked: Checked, now: float) -> float:
    """Return from when on fires of this schedule can have been missed."""
    first = checked.first_record(job.name)
    if job.schedule.at is not None:
        # A date has no history before it comes: it is expected since somebody has seen it.
        first = watch.since if first is None else min(first, watch.since)
    if first is None:
        return now
    return max(now - missed.LOOK_BACK, first, 0.0 if watch.first else watch.since)


def _never(job: Job, watch: Watch, checked: Checked, now: float) -> Sequence[float]:
    """Return the fires of a job that has left no record at all, since its file was written or it was first seen.

    The last one alone where none was within the days that are looked back over.
    """
    if job.schedule.after or job.schedule.at is not None or checked.first_record(job.name) is not None:
        return ()
    written = _written(job.origin)
    begin = watch.since if written is None else min(written, watch.since) if watch.first else max(written, watch.since)
    until = now - SETTLING
    recent = missed.expected(job, max(begin, now - missed.LOOK_BACK), until)
    return recent or deque(takewhile(lambda fire: fire <= until, fires(job.schedule, job.rules.zone, begin)), maxlen=1)


def _planned(job: Job, checked: Checked, begin: float, until: float) -> Sequence[float]:
    """Return the fires of a time, oldest first; of a job that comes after others, the one that is due now."""
    if not job.schedule.after:
        return missed.expected(job, begin, until)
    due = checked.due_after(job)
    return [due] if due is not None and begin < due <= until else []


def _trace(job: Job, checked: Checked, planned: Sequence[float], skipping: Skipping, now: float) -> missed.Trace:
    since = planned[0] if planned else None
    adaptive = job.rules.gap_factor is not None
    return missed.Trace(
        # A start in the future (the clock was set back) answers for no fire of the past.
        starts=[start for start in checked.starts(job.name, since) if start.started_at <= now],
        skips=skipping.spans,
        paused_since=checked.paused_since(job.name, now),
        typical=checked.typical(job.name) if adaptive else None,
        config_changed=_written(job.origin),
    )


def _written(path: str) -> float | None:
    try:
        return os.stat(path).st_mtime
    except OSError:
        return None  # a preset, or a file that is gone by now


def _overrun(stands: Standing, end: float | None) -> list[float]:
    """Return the fires that will be skipped because the run is not expected to be over by then."""
    if end is None:
        return []
    coming = takewhile(lambda fire: fire.at < end, islice(stands.fires(), _OVERRUN_MOST))
    return [fire.at for fire in coming if fire.reason == decide.ALREADY_RUNNING]


def _unmet(
    job: Job, last: Ended | None, success: Ended | None, results: Mapping[str, Mapping[str, Any] | None]
) -> list[str]:
    if not job.expect.conditions or last is None or success is None or last.run_id != success.run_id:
        return []
    from batchctl.core.judge.expect import unmet

    return unmet(job.expect, results)


def _machine(state_dir: str) -> Machine:
    try:
        disk = os.statvfs(state_dir)
    except OSError as error:
        message = f"state directory {state_dir}: {error.strerror}"
        raise StateError(message, remedy="check that it is there and mounted") from error
    memory = machine.memory()
    return Machine(
        disk_total=disk.f_blocks * disk.f_frsize,
        disk_free=disk.f_bavail * disk.f_frsize,
        # File systems that make inodes as they need them (btrfs) say 0.
        inodes_total=disk.f_files or None,
        inodes_free=disk.f_favail if disk.f_files else None,
        load=os.getloadavg(),
        cores=os.cpu_count() or 1,
        memory_total=memory.get("MemTotal"),
        memory_available=memory.get("MemAvailable"),
    )


def space(place: str, least: int) -> tuple[str, int]:
    """Return what the disk of a directory lacks, "" where nothing, and how many bytes it has left.

    Raises:
        StateError: if it cannot be looked at.
    """
    machine = _machine(place)
    return _lack(machine, least, place), machine.disk_free


def _lack(machine: Machine, least: int, place: str) -> str:
    texts = []
    if machine.disk_free < least:
        free = said("%s free, less than disk_free_min, %s", _gigabytes(machine.disk_free), _gigabytes(least))
        texts.append(said("the disk of %s has %s", place, free))
    total, left = machine.inodes_total, machine.inodes_free
    if total and left is not None and left < _INODES_SHARE * total:
        inodes = said("%d of %d inodes free", left, total)
        texts.append(said("%s and %s", texts[0], inodes) if texts else said("the disk of %s has %s", place, inodes))
    return texts[-1] if texts else ""


def _disk(machine: Machine, least: int, state_dir: str, since: float) -> list[Finding]:
    text, event = _lack(machine, least, state_dir), f"disk:{since:.0f}"
    found = Finding(kind="disk", severity="critical", job=None, text=text, since=since, event_id=event)
    return [found] if text else []


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.2f} GB"


def _spool(state_dir: str) -> list[Finding]:
    """Return the ends of runs that wait outside the history although they were to be imported just now."""
    place = StateDir(state_dir)
    try:
        names = sorted(os.listdir(place.spool))
    except OSError:
        return []
    found = []
    for name in names:
        run, _, ending = name.partition(".")
        if ending not in _SPOOLED_TEXTS:
            continue
        path = f"{place.spool}/{name}"
        text = said("%s: %s", said(_SPOOLED_TEXTS[ending]), path)
        since = _written(path)
        event = f"spool:{name}:{0 if since is None else since:.0f}"
        number = id_of(run)
        found.append(
            Finding(kind="spool", severity="critical", job=None, text=text, since=since, event_id=event, run_id=number)
        )
    return found


_SPOOLED_TEXTS = {
    "json": "the end of a run waits for its import into the history",
    "damaged": "the end of a run cannot be read, and so is not in the history",
}
