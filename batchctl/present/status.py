"""`batchctl status` as JSON, as a table for wide terminals, and as short blocks for narrow ones."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.base.said import recalled
from batchctl.core import model
from batchctl.core.time.zones import iso
from batchctl.present.tables import HEADER_LINES, keep_whole, lines, lines_of, table, window
from batchctl.present.text import (
    FIRST_STEPS,
    STYLES,
    cell,
    console,
    format_duration,
    in_words,
    moment,
    one_line,
    percent,
    say,
    symbols,
    told,
    width_of,
    write,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from rich.console import RenderableType
    from rich.text import Text

    from batchctl.answers.status import Standings
    from batchctl.core.time.zones import Zone
    from batchctl.crontab.firing import Firing
    from batchctl.present import contract
    from batchctl.store.history import RunRow, StepRow
    from batchctl.watch.standing import JobStatus
    from batchctl.watch.underway import Current

    Picture = RenderableType
    Draw = Callable[[int, int | None], Picture]
    """From the width and height of a terminal to what stands on it; without height all that there is."""

_WIDE = 150
"""Columns from which a job fits into one row."""
_COLUMNS = ("JOB", "STATE", "STEP", "ELAPSED", "EXPECTED END", "LAST RUN", "NEXT FIRES", "30 DAYS")


def as_json(found: Standings) -> contract.Status:
    """Return the contract's object."""
    paused = iso(found.paused_until, found.zone) if found.is_paused else None
    return {
        "scheduler": {**cron_json(found.cron), "paused": found.is_paused, "paused_until": paused},
        "jobs": [_job_json(job, found.zone) for job in found.jobs],
    }


def cron_json(cron: Firing) -> contract.Cron:
    """Return how cron and its block stand."""
    return {"cron": cron.cron, "block": cron.block}


def _job_json(status: JobStatus, zone: Zone) -> contract.JobStatus:
    return {
        "job": status.job.name,
        "title": status.job.title or None,
        "state": status.state,
        "run": None if status.current is None else _current_json(status.current, zone),
        "last_run": None if status.last_run is None else _last_json(status.last_run, zone),
        "next_fires": [
            {"at": iso(fire.at, zone), "verdict": fire.verdict, "reason": fire.reason} for fire in status.next_fires
        ],
        "skips_since_last_start": status.skips_since_last_start,
        "success_rate": status.success_rate,
        "consecutive_failures": status.consecutive_failures,
        "in_crontab": status.in_crontab,
        "run_count": status.run_count,
        "error_count": status.error_count,
        "last_run_at": iso(status.last_run_at, zone),
        "next_run_at": None if status.in_crontab is False else iso(status.next_run_at, zone),
    }


def _last_json(run: RunRow, zone: Zone) -> contract.LastRun:
    return {
        "id": run.id,
        "status": run.status,
        "started_at": iso(run.started_at, zone),
        "ended_at": iso(run.ended_at, zone),
        "duration_s": run.duration_s,
    }


def _current_json(current: Current, zone: Zone) -> contract.CurrentRun:
    progress = current.progress
    return {
        "id": current.run.id,
        "step": None if current.step is None else current.step.id,
        "steps_done": current.steps_done,
        "steps_total": len(current.steps),
        "started_at": iso(current.run.started_at, zone),
        "elapsed_s": current.elapsed_s,
        "expected_end_at": iso(current.expected_end_at, zone),
        "expected_end_between": None
        if current.expected_end_span is None
        else [iso(instant, zone) for instant in current.expected_end_span],
        "progress": None if progress is None else {"done": progress.done, "total": progress.total},
        "note": current.note,
    }


def overview(found: Standings, width: int) -> Picture:
    """Return all jobs, one row each where the terminal is wide enough, else a block each; and what ails cron."""
    from rich.console import Group
    from rich.text import Text

    jobs, now, zone = found.jobs, found.at, found.zone
    if not jobs:
        return Text(say(FIRST_STEPS))
    if width < _WIDE:
        notes = [Text("\n").join(line for note in _cron(found) for line in _folded(note, width, 0))]
        blocks = (_block(status, now, zone, width) for status in jobs)
        return Text("\n", no_wrap=True).join((*blocks, *filter(None, notes)))
    rows = [_row(status, now, zone) for status in jobs]
    made: Picture | None = lines(_COLUMNS, rows, width)
    if made is None:
        folding = table(_COLUMNS)
        for row in rows:
            folding.add_row(*row)
        keep_whole(folding)
        made = folding
    again = [cell(say("go on with %s: %s", each.job.name, each.resume)) for each in jobs if each.resume is not None]
    below = [*again, *_cron(found)]
    return Group(made, *below) if below else made


def _row(status: JobStatus, now: float, zone: Zone) -> list[Text]:
    current = status.current
    return [
        _name(status),
        _state(status, now, zone),
        cell("-" if current is None else step_text(current)),
        cell("-" if current is None else format_duration(current.elapsed_s)),
        cell("-" if current is None else expected_text(current, now, zone)),
        _last_run(status.last_run, now, zone),
        _fires(status, now, zone),
        cell(record_text(status)),
    ]


def _name(status: JobStatus) -> Text:
    """Return what people call a job by: its name, and its title beside it."""
    name = cell(status.job.name, "bold")
    return name.append("  ").append_text(cell(status.job.title, "dim")) if status.job.title else name


def _cron(found: Standings) -> Iterator[Text]:
    """Yield what keeps jobs from being fired, or fires what they run past the guard."""
    for note in found.notes:
        yield cell(told(note.text), "red" if note.severity == "warning" else "yellow")


def detail(found: Standings, width: int, height: int | None = None) -> Picture:
    """Return one job with the steps of its current or else its last run, those that a terminal of this height takes."""
    from rich.console import Group

    status, steps, now = found.jobs[0], found.steps, found.at
    block = Group(_block(status, now, found.zone, width), *_cron(found))
    if not steps:
        return block
    left_out = 0
    if height is not None:
        steps, left_out = window(steps, height - lines_of(block, width) - HEADER_LINES)
    made = table(("STEP", "GROUP", "STATUS", ">ATTEMPTS", ">TOOK", "RESULT"))
    for step in steps:
        made.add_row(
            cell(step.id),
            cell(step.group or "-"),
            cell(in_words(step.status), STYLES.get(step.status, "")),
            cell(str(step.attempts)),
            cell(_took(step, now)),
            cell(brief_result(step)),
        )
    rest = [cell(say("%d more steps", left_out), "dim")] if left_out else []
    return Group(block, made, *rest)


def show(draw: Draw) -> None:
    """Print one picture; ready lines without colours as they are, since rich takes 5,000 jobs a second to lay out."""
    from rich.text import Text

    out = console()
    picture = draw(out.width, None)
    if isinstance(picture, Text) and out.color_system is None:
        write((picture.plain, "\n"))
    else:
        out.print(picture)


def _took(step: StepRow, now: float) -> str:
    if step.status == model.RUNNING and step.started_at is not None:
        return format_duration(max(0.0, now - step.started_at))
    return format_duration(step.duration_s)


def brief_result(step: StepRow) -> str:
    """Return the numbers and words of a step's result on one line, or how it failed; `-` where there is neither."""
    if step.result:
        shown = [f"{key} {value}" for key, value in step.result.items() if isinstance(value, str | int | float)]
        if shown:
            return one_line(", ".join(shown))
    if step.status in model.UNFINISHED:
        if step.why:
            return one_line(told(recalled(step.why)))
        if step.signal is not None:
            return say("signal %d", step.signal)
        return "-" if step.exit_code is None else say("exit %d", step.exit_code)
    return "-"


def _block(status: JobStatus, now: float, zone: Zone, width: int) -> Text:
    from rich.text import Text

    rows = []
    current = status.current
    if current is not None:
        dot = symbols().dot
        so_far = say("%s so far", format_duration(current.elapsed_s))
        rows.append((say("step"), cell(f"{step_text(current)} {dot} {so_far}")))
        rows.append((say("expected"), cell(expected_text(current, now, zone))))
    rows.append((say("last run"), _last_run(status.last_run, now, zone)))
    rows.append((say("next"), _fires(status, now, zone)))
    rows.append((say("30 days"), cell(record_text(status))))
    if status.resume is not None:
        rows.append((say("to go on"), cell(status.resume)))
    heading = Text.assemble(_name(status), "  ", _state(status, now, zone))
    made = Text("\n", no_wrap=True).join(_folded(heading, width, 0)).append("\n")
    margin = 4 + max(width_of(label) for label, _ in rows)
    for label, text in rows:
        made.append(f"  {label}" + " " * (margin - 2 - width_of(label)), "dim")
        for line in _folded(text, width, margin):
            made.append_text(line).append("\n")
    return made


def _folded(text: Text, width: int, margin: int) -> Sequence[Text]:
    """Return a text as the lines that it takes, all but the first set in by the margin.

    A table of rich's would do this too, and take 5,000 jobs five seconds to find out that nothing folds.
    """
    if width_of(text.plain) <= width - margin:
        return (text,)
    from rich.text import Text

    first, *others = text.wrap(console(), max(1, width - margin), overflow="fold")
    return (first, *(Text(" " * margin).append_text(line) for line in others))


def _state(status: JobStatus, now: float, zone: Zone) -> Text:
    return cell(state_text(status, now, zone), STYLES.get(status.state, ""))


def state_text(status: JobStatus, now: float, zone: Zone) -> str:
    """Return what a job is, and what is wrong with its run, or until when it is paused."""
    text = in_words(status.state)
    if status.current is not None and status.current.note is not None:
        return f"{text} ({told(status.current.note)})"
    if status.state == "paused":
        until = status.paused_until
        return say("paused until resumed") if until is None else say("paused until %s", moment(until, now, zone))
    return text


def step_text(current: Current) -> str:
    """Return which step runs, its place in the chain, and what it says of its progress."""
    total = len(current.steps)
    if current.step is None:
        return say("%s done", f"{current.steps_done}/{total}")
    place = next(place for place, step in enumerate(current.steps, 1) if step is current.step)
    progress = current.progress
    share = (
        "" if progress is None else f" {progress.done:g}/{progress.total:g} ({percent(progress.done / progress.total)})"
    )
    return f"{current.step.id} ({place}/{total}){share}"


def expected_text(current: Current, now: float, zone: Zone) -> str:
    """Return when a run is expected to end, and how uncertain that is."""
    end = current.expected_end_at
    if end is None:
        return say("no history yet")
    return f"{symbols().about}{moment(end, now, zone)}{spread(current)}"


def running_texts(current: Current, now: float, zone: Zone) -> tuple[str, str, str]:
    """Return which step runs, for how long the run has been running, and when it is expected to end."""
    end = say("nobody knows yet when it ends")
    if current.expected_end_at is not None:
        end = say("ends %s", expected_text(current, now, zone))
    return say("step %s", step_text(current)), say("%s so far", format_duration(current.elapsed_s)), end


def spread(current: Current) -> str:
    """Return how uncertain the expected end is, ` +-12m 00s`; empty below a minute and where nothing is known."""
    span = current.expected_end_span
    half = 0.0 if span is None else (span[1] - span[0]) / 2
    return f" {symbols().plus_minus}{format_duration(half)}" if half >= 60 else ""  # noqa: PLR2004 - a minute


def _last_run(run: RunRow | None, now: float, zone: Zone) -> Text:
    return cell(last_text(run, now, zone), "" if run is None else STYLES.get(run.status, ""))


def last_text(run: RunRow | None, now: float, zone: Zone) -> str:
    """Return how a job's last run ended, when, and how long it took."""
    if run is None:
        return say("never")
    what = say("lost (owner gone)") if run.status == model.LOST and run.ended_at is None else in_words(run.status)
    took = "" if run.duration_s is None else f" ({format_duration(run.duration_s)})"
    when = moment(run.started_at if run.ended_at is None else run.ended_at, now, zone)
    return f"{what} {when}{took}"


def _fires(status: JobStatus, now: float, zone: Zone) -> Text:
    from rich.text import Text

    schedule = status.job.schedule
    if not status.next_fires:
        return cell(schedule.text if schedule.after else say("none scheduled"))
    if status.in_crontab is False:
        return cell(say("no crontab line fires it"), "yellow")
    shown = Text()
    for fire in status.next_fires:
        shown.append(", " if shown else "")
        shown.append(f"{moment(fire.at, now, zone)} ")
        shown.append(fire_text(fire.verdict, fire.reason), STYLES[fire.verdict])
    if status.job.rules.start_if is not None:
        shown.append(say("; whether start_if holds then cannot be foretold"))
    return shown


def fire_text(verdict: str, reason: str | None) -> str:
    """Return what a fire will do: start, or skip and why."""
    return say(verdict) + ("" if reason is None else f" ({in_words(reason)})")


def record_text(status: JobStatus) -> str:
    """Return how a job went in the last 30 days."""
    rate = status.success_rate
    parts = [say("no run ended") if rate is None else say("%s ok", percent(rate))]
    if status.consecutive_failures:
        parts.append(say("%d failed in a row", status.consecutive_failures))
    if status.skips_since_last_start:
        parts.append(say("%d skipped since the last start", status.skips_since_last_start))
    return ", ".join(parts)
