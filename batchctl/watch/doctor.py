"""What would keep batchctl itself from its work on this machine: its files, cron, the clock, the disk."""

from __future__ import annotations

import json
import os
import shutil
import stat
from typing import TYPE_CHECKING

from batchctl.base import clock, extras
from batchctl.base.duration import format_duration
from batchctl.base.errors import BatchctlError
from batchctl.base.said import Lasting, Moment, said
from batchctl.base.state_dir import StateDir
from batchctl.core.time.zones import human
from batchctl.crontab import managed
from batchctl.process import cgroup
from batchctl.store.history import History
from batchctl.watch.health import space
from batchctl.watch.preflight import Remark

if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchctl.core.model import Config
    from batchctl.crontab.firing import Firing
    from batchctl.watch.preflight import Level

_EARLIEST = 1_735_689_600.0
"""The start of 2025: a clock before that was never set."""
_DESCRIPTORS = 256
"""Open files below which a run with several steps at once may lack some."""


def of_site(config: Config, state: str, firing: Firing) -> Iterator[Remark]:
    """Yield what was looked at, well or not."""
    yield from _configuration(config)
    for text, remedy in config.broken:
        yield _bad("error", "modules", text, remedy)
    yield from _state(state)
    yield from of_cron(config, firing)
    yield from _clock(config)
    yield from _disk(config, state)
    yield from _limits(config)
    yield from _backup(state, clock.now())
    yield from _extras()


def of_cron(config: Config, firing: Firing) -> Iterator[Remark]:
    """Yield how cron and its lines stand."""
    scheduled = [job.name for job in config.jobs.values() if job.rules.enabled and job.schedule.text]
    if firing.cron == "running":
        yield _ok("cron", said("running"))
    else:
        text = said(
            "not running, so nothing fires" if firing.cron == "stopped" else "whether it runs cannot be seen here"
        )
        level: Level = "error" if firing.cron == "stopped" and scheduled else "warning"
        yield _bad(level, "cron", text, said("start it: systemctl enable --now cron"))
    yield from _block(firing, len(scheduled))
    for line in firing.foreign:
        text = said("%s, line %s runs what %s runs, unguarded: %s", line.place, line.line, line.job, line.text)
        remedy = said("take that line out: batchctl's own line fires %s", line.job)
        yield _bad("warning", "foreign line", text, remedy, line.job)
    if firing.cron == "running" and not any(map(shutil.which, ("sendmail", "/usr/sbin/sendmail", "/usr/lib/sendmail"))):
        remedy = said("install a mail program, or set notify and let `batchctl check` tell")
        yield _bad("warning", "mail", said("no sendmail: what cron would mail is lost"), remedy)


def _block(firing: Firing, scheduled: int) -> Iterator[Remark]:
    install = "`batchctl crontab install`"
    if firing.block == "installed":
        yield _ok("crontab", said("the block is up to date"))
    elif firing.block == "outdated":
        text = said("the block is not what the configuration says now")
        yield _bad("warning", "crontab", text, said("%s; `batchctl crontab diff` shows it", install))
    elif firing.block == "unknown":
        remedy = said("make `crontab -l` work for this user; install the package cron")
        yield _bad("error", "crontab", firing.trouble or said("it cannot be read"), remedy)
    elif not scheduled:
        yield _ok("crontab", said("no job has a schedule, so there is nothing to install"))
    elif not firing.jobs:
        yield _bad("warning", "crontab", said("no line fires the %s job(s)", scheduled), install)
    else:
        yield _ok("crontab", said("lines of your own fire %s job(s); there is no block", len(firing.jobs)))


def _configuration(config: Config) -> Iterator[Remark]:
    if config.path is None:
        yield _ok("configuration", said("none"))
        return
    loose = False
    for path in config.files:
        try:
            found = os.stat(path)
        except OSError:
            continue
        others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if others or found.st_uid not in {0, os.geteuid()}:
            loose = True
            what = said("may be written by others") if others else said("belongs to user %s", found.st_uid)
            text = said("%s %s, who can so run commands as you", path, what)
            yield _bad("warning", "configuration", text, said("chmod go-w %s; chown it to you", path))
    if not loose:
        yield _ok("configuration", said("%s, %s job(s)", config.path, len(config.jobs)))


def _state(state: str) -> Iterator[Remark]:
    if not os.path.lexists(state):
        above = state
        while not os.path.isdir(above):
            above = os.path.dirname(above)
        if os.access(above, os.W_OK | os.X_OK):
            yield _ok("state", said("%s is made at the first fire", state))
        else:
            text = said("%s cannot be made: %s is not yours to write", state, above)
            yield _bad("error", "state", text, said("name another place with state_dir or --state"))
        return
    try:
        StateDir(state).ensure()
        jobs = History(state).jobs()
    except BatchctlError as error:
        yield _bad("error", "state", str(error), error.remedy)
        return
    loose = [name for name in _files_of(state) if os.stat(f"{state}/{name}").st_mode & 0o077]
    if loose:
        text = said("%s in %s can be read by others", ", ".join(loose), state)
        yield _bad("warning", "state", text, f"chmod go= {state}/{loose[0]}")
    else:
        yield _ok("state", said("%s, %s job(s) in the history", state, len(jobs)))


def _files_of(state: str) -> list[str]:
    try:
        return sorted(name for name in os.listdir(state) if os.path.isfile(f"{state}/{name}"))
    except OSError:
        return []


def _clock(config: Config) -> Iterator[Remark]:
    now = clock.now()
    if now < _EARLIEST:
        remedy = said("set the clock (timedatectl set-ntp true)")
        yield _bad("error", "clock", said("it says %s", Moment(human(now, config.zone))), remedy)
    try:
        zone = managed.cron_zone()
    except BatchctlError as error:
        yield _bad("error", "time zone", str(error), error.remedy)
        return
    if config.timezone is not None and zone.offset(now) != config.zone.offset(now):
        text = said(
            "schedules are meant in %s, and cron counts in %s: an install converts them", config.timezone, zone.name
        )
        remedy = said("run `batchctl crontab install` again when either changes its clocks, or give both one zone")
        yield _bad("warning", "time zone", text, remedy)
    else:
        yield _ok("time zone", said("%s; now %s", config.timezone or zone.name, Moment(human(now, config.zone))))


def _disk(config: Config, state: str) -> Iterator[Remark]:
    place = state
    while not os.path.isdir(place):
        place = os.path.dirname(place)
    try:
        trouble, free = space(place, config.disk_free_min)
    except BatchctlError as error:
        yield _bad("error", "disk", str(error), error.remedy)
        return
    if trouble:
        yield _bad("error", "disk", trouble, said("make room: `batchctl prune`, `df -h`, `df -i`"))
    else:
        yield _ok("disk", said("%s GB free", f"{free / 1e9:.1f}"))


def _backup(state: str, now: float) -> Iterator[Remark]:
    try:
        with open(StateDir(state).last_backup, encoding="utf-8") as file:
            last = json.load(file)
        age = Lasting(format_duration(max(0.0, now - last["at"])))
        yield _ok("backup", said("the last is %s old: %s", age, last["path"]))
    except (OSError, ValueError, KeyError, TypeError):
        return  # none was ever made


def _limits(config: Config) -> Iterator[Remark]:
    import resource

    asked = [limits for job in config.jobs.values() for limits in (job.limits, *(step.limits for step in job.steps))]
    wanted = frozenset[str]().union(*(cgroup.controllers(limits) for limits in asked))
    lacking = wanted - cgroup.at_hand()
    if lacking:
        what = {"memory": said("memory_max holds for each process alone"), "cpu": said("cpu_max is not in force")}
        effects = [what.get(name, said("tasks_max is not in force")) for name in sorted(lacking)]
        told = said("; ".join("%s" for _ in effects), *effects)
        text = said("no control group with %s can be had: %s", ", ".join(sorted(lacking)), told)
        remedy = said("run as root, in a delegated subtree, or in `systemd-run --user --scope`")
        yield _bad("warning", "limits", text, remedy)
    elif wanted:
        yield _ok("limits", said("%s in force for whole trees", ", ".join(sorted(wanted))))

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if 0 <= soft < _DESCRIPTORS:
        text = said("no more than %s open files are allowed", soft)
        yield _bad("warning", "limits", text, said("raise it: ulimit -n, limits.conf(5)"))


def _extras() -> Iterator[Remark]:
    missing = [name for name in extras.EXTRAS if extras.lacking(name)]
    if missing:
        text = said("without %s; where they are wanted: %s", ", ".join(missing), extras.remedy(",".join(missing)))
    yield _ok("extras", text if missing else said("all are installed"))


def _bad(level: Level, subject: str, text: str, remedy: str, job: str | None = None) -> Remark:
    return Remark(level=level, job=job, subject=subject, text=text, remedy=remedy)


def _ok(subject: str, text: str) -> Remark:
    return Remark(level="ok", subject=subject, text=text)
