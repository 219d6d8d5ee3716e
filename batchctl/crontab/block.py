"""The lines of batchctl's block in a crontab: one per fire pattern of every scheduled, enabled job."""

from __future__ import annotations

from batchctl.base.record import Record, replace
from batchctl.base.said import said
from batchctl.core.time.cadence import cron_lines
from batchctl.core.time.cron import parse_cron
from batchctl.core.time.shift_zone import shift_zone

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from batchctl.core.model import Config, Job
    from batchctl.core.time.cadence import CronLine
    from batchctl.core.time.zones import Zone

_HEADER = "# Written by `batchctl crontab install`, which also overwrites what is edited between these two markers."


class UnwritableError(ValueError):
    """Something cannot be said in a crontab; `remedy` is what to do instead."""

    def __init__(self, message: str, remedy: str) -> None:
        """Keep both."""
        super().__init__(message)
        self.remedy = remedy


class Entry(Record):
    """One job in the crontab."""

    job: str
    description: str
    """One line without control characters; "" where the job has none."""
    lines: tuple[str, ...]
    note: str = ""
    """What the operator must know of these lines: that their times are not those of the configuration."""


def entries(config: Config, call: tuple[str, ...], cron_zone: Zone, now: float) -> tuple[Entry, ...]:
    """Return the entry of every job that has a schedule and is enabled, in the configuration's order.

    `call` is the command line up to and without `run JOB`; `cron_zone` the zone in which cron reads its fields.

    Raises:
        UnwritableError: if a job's fires cannot be written as crontab lines, or a path in `call` not into a line.
    """
    enabled = (job for job in config.jobs.values() if job.rules.enabled)
    to_run = command((*call, "run"))
    made = (_entry(job, to_run, cron_zone, now) for job in enabled)
    return tuple(entry for entry in made if entry.lines)


CARE = {"check": "*/10 * * * *", "prune": "40 4 * * *", "catch-up": "@reboot"}
"""What looks after the jobs, and when: it finds what is wrong, removes old runs, makes up for what was missed."""
WITHOUT_CARE = "# Without lines for check, prune and catch-up, as --no-care asked; `crontab install --care` adds them."
"""What stands in a block that is to stay without them."""


def care_lines(
    config: Config, call: tuple[str, ...], *, care: bool = True, taken: Container[str] = ()
) -> tuple[str, ...]:
    """Return the lines that look after the jobs, but for the commands that are `taken`.

    Without `care` there is only that for missed fires, and only where a job wants it.

    Raises:
        UnwritableError: if a path in `call` cannot be written into a line.
    """
    wanting = any(job.catch_up and job.rules.enabled and job.schedule.text for job in config.jobs.values())
    names = [name for name in CARE if name not in taken and (care or (wanting and name == "catch-up"))]
    # What prune and check print says health.json and the alerts as well; what catch-up prints is what it does.
    lines = [f"{CARE[name]} {command((*call, name))}{'' if name == 'catch-up' else ' >/dev/null'}" for name in names]
    return (*(["# Care of all jobs"] if lines else []), *lines, *([] if care else [WITHOUT_CARE]))


def block_lines(entries: Iterable[Entry], care: Iterable[str] = ()) -> list[str]:
    """Return the lines of the block, without its markers and newlines; `care` are `care_lines`."""
    lines = [_HEADER]
    for entry in entries:
        lines.append(f"# {entry.job}: {entry.description}" if entry.description else f"# {entry.job}")
        if entry.note:
            lines.append(f"# NOTE: {entry.note}")
        lines.extend(entry.lines)
    return [*lines, *care]


def command(words: Iterable[str]) -> str:
    r"""Return the words quoted for the shell and then for cron, which ends a command at the first unescaped `%`.

    Cron takes `\%` for a percent sign, but a backslash that the word itself has before its `%` would eat the escape:
    there the shell's quotes are closed and opened again, so that two quote characters stand between the two.

    Raises:
        UnwritableError: if a word holds a newline or a NUL, which no crontab line can.
    """
    import shlex

    line = shlex.join(words)
    if any(char in line for char in "\n\r\0"):
        message = f"{line!r} cannot stand in a crontab, whose commands are one line each"
        raise UnwritableError(message, "use a path without line breaks")
    out, escaping = "", False
    for char in line:
        if char == "%":
            out += "''\\%" if escaping else "\\%"
        else:
            out += char
        escaping = char == "\\" and not escaping
    return out


def one_line(text: str) -> str:
    """Return the text with everything that does not print, newlines among it, as single spaces."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())


def _entry(job: Job, run: str, cron_zone: Zone, now: float) -> Entry:
    to_run = f"{run} {command((job.name,))}"
    times, note = _times(job, cron_zone, now)
    lines = (
        f"{line.text} sleep {line.delay:g} && {to_run}" if line.delay else f"{line.text} {to_run}" for line in times
    )
    return Entry(job=job.name, description=one_line(job.title or job.description), lines=tuple(lines), note=note)


def _times(job: Job, cron_zone: Zone, now: float) -> tuple[tuple[CronLine, ...], str]:
    """Return when cron must fire the job, and a note where those are not the times of its zone."""
    lines, zone = cron_lines(job.schedule, cron_zone), job.rules.zone
    # A job without a time zone means cron's own; `at` is an instant, which cron_lines wrote in that.
    if job.timezone is None or job.timezone == cron_zone.name or job.schedule.at is not None:
        return lines, ""
    try:
        moved = [
            (line, shift_zone(parse_cron(line.text, second_opinion=False), zone, cron_zone, now)) for line in lines
        ]
    except ValueError as error:
        if job.schedule.every is not None:
            # Any line that comes by often enough will do: what is due is counted from the last start.
            return lines, said(
                "%s comes by at hours counted in %s, not %s", repr(job.schedule.text), cron_zone.name, zone.name
            )
        message = (
            f"{job.name}: {job.schedule.text!r} in {zone.name} cannot be written for cron in {cron_zone.name}: {error}"
        )
        remedy = f"write the schedule in {cron_zone.name}, or set the system's zone to {zone.name} and restart cron"
        raise UnwritableError(message, remedy) from error
    found = tuple(replace(line, text=text) for line, texts in moved for text in texts)
    same = found == lines
    note = said("%s in %s, written in cron's zone, %s", repr(job.schedule.text), zone.name, cron_zone.name)
    return found, "" if same else note
