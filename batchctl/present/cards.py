"""One card for each job: what it does now, against what is usual, and what its next fires will do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchctl.base.said import recalled
from batchctl.core import model
from batchctl.present.descriptions import described
from batchctl.present.html import drawn
from batchctl.present.status import fire_text, last_text, record_text, running_texts, state_text
from batchctl.present.svg import Drawing
from batchctl.present.text import counted, format_duration, in_words, moment, say, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from markupsafe import Markup

    from batchctl.answers.overview import Overview
    from batchctl.core.statistics import Stats
    from batchctl.watch.standing import JobStatus
    from batchctl.watch.underway import Current

_WIDE, _HIGH = 1000.0, 12.0
_BAR_TEXTS = ("p50", "p95", "timeout")


def cards(found: Overview) -> dict[str, list[dict[str, Any]]]:
    """Return the jobs in the order in which an operator wants them: what runs, what needs a hand, the rest."""
    sorted_out: dict[str, list[dict[str, Any]]] = {"running": [], "hand": [], "rest": []}
    for number, status in enumerate(found.standings.jobs):
        made = card(status, found.standings.at, found.usual.get(status.job.name), f"b{number}")
        sorted_out["running" if status.current else "hand" if made["trouble"] else "rest"].append(made)
    return sorted_out


def card(status: JobStatus, now: float, usual: Stats | None, key: str) -> dict[str, Any]:
    """Return what the card of one job shows; instants are seconds since the epoch."""
    job, current, zone = status.job, status.current, status.job.rules.zone
    made: dict[str, Any] = {
        "name": job.name,
        "about": described(job.description),
        "when": job.schedule.text or say("by hand"),
        "state": status.state,
        "words": state_text(status, now, zone),
        "zone": zone,
        "is_on": status.state not in {"paused", "disabled"},
        "is_enabled": job.rules.enabled,
        "trouble": _trouble(status),
        "resume": status.resume is not None,
        "last": last_text(status.last_run, now, zone),
        "last_status": None if status.last_run is None else status.last_run.status,
        "last_id": None if status.last_run is None else status.last_run.id,
        "record": record_text(status),
        "fires": [
            {"at": fire.at, "verdict": fire.verdict, "text": fire_text(fire.verdict, fire.reason)}
            for fire in status.next_fires
        ],
        "fires_else": _fires_else(status),
        "foot": say("whether start_if holds then cannot be foretold") if job.rules.start_if is not None else "",
        "run": None,
    }
    if current is not None:
        made |= _running(status, current, now, usual, key)
    return made


def _fires_else(status: JobStatus) -> str:
    """Return what is said in place of the fires that will not happen."""
    if not status.next_fires:
        return status.job.schedule.text if status.job.schedule.after else say("none scheduled")
    return say("no crontab line fires it") if status.in_crontab is False else ""


def _trouble(status: JobStatus) -> str:
    """Return what an operator should look at; "" where nothing is wrong."""
    last = status.last_run
    if status.current is not None or last is None or last.status not in {*model.FAILURES, model.CANCELLED}:
        return ""
    if last.status == model.CANCELLED and status.resume is None:
        return ""
    failures = status.consecutive_failures
    in_row = say("%d failed in a row", failures) if failures > 1 else ""
    why = told(recalled(last.why)) if last.why else in_words(last.status)
    return " · ".join(filter(None, (why, in_row)))


def _running(status: JobStatus, current: Current, now: float, usual: Stats | None, key: str) -> dict[str, Any]:
    step, so_far, end = running_texts(current, now, status.job.rules.zone)
    levels = (None if usual is None else usual.p50_s, None if usual is None else usual.p95_s, status.job.timeout)
    shown = [(name, value) for name, value in zip(_BAR_TEXTS, levels, strict=True) if value is not None]
    title = say("Run %d of %s now", current.run.id, status.job.name)
    words = f"{step} · {so_far} · {end}"
    return {
        "run": current.run.id,
        "step": step,
        "step_id": None if current.step is None else current.step.id,
        "so_far": so_far,
        "end": end,
        "end_at": current.expected_end_at,
        "bar": _bar(current, now, shown, key, title, words),
        "levels": [(say(name), format_duration(value)) for name, value in shown],
        "steps": [(each.id, each.status, in_words(each.status)) for each in current.steps],
        "steps_words": say("%s done", f"{current.steps_done}/{len(current.steps)}"),
    }


def _bar(current: Current, now: float, levels: Sequence[tuple[str, float]], key: str, title: str, words: str) -> Markup:
    """Draw a run's time so far, on to its expected end with its span, against what is usual and what is allowed."""
    start, so_far = now - current.elapsed_s, current.elapsed_s
    end = None if current.expected_end_at is None else max(so_far, current.expected_end_at - start)
    low, high = (
        (end, end)
        if current.expected_end_span is None
        else (max(so_far, each - start) for each in current.expected_end_span)
    )
    longest = max(1.0, so_far, *(each for each in (end, high) if each is not None), *(value for _, value in levels))
    drawing = Drawing(_WIDE, _HIGH, key=key, title=title, desc=words, stretched=True)

    def x(seconds: float) -> float:
        return min(_WIDE - 2, seconds / longest * _WIDE)

    drawing.rect(0, 0, _WIDE, _HIGH, "lane")
    if low is not None and high is not None:
        drawing.rect(x(low), 0, max(4.0, x(high) - x(low)), _HIGH, "perhaps")
    if end is not None:
        drawing.line(x(so_far), _HIGH / 2, x(end), _HIGH / 2, "to-come")
    drawing.rect(0, 0, max(4.0, x(so_far)), _HIGH, "f-running")
    for name, value in levels:
        drawing.line(x(value), 0, x(value), _HIGH, "budget" if name == "timeout" else f"tick {name}")
    return drawn(drawing)


def scheduler(found: Overview) -> dict[str, Any]:
    """Return the state of the scheduler in a sentence, and what ails it."""
    standings = found.standings
    running = sum(status.current is not None for status in standings.jobs)
    cron, until, zone = standings.cron, standings.paused_until, standings.zone
    if standings.is_paused:
        state, text = "paused", say("Everything is paused until somebody resumes it.")
        if until is not None:
            text = say("Everything is paused until %s.", moment(until, standings.at, zone))
    elif cron.cron == "stopped":
        state, text = "stopped", say("cron is not running, so nothing will be fired.")
    elif cron.block == "absent" and not cron.jobs:
        state, text = "absent", say("No line of the crontab fires these jobs yet.")
    elif cron.block == "outdated":
        state, text = "outdated", say("The crontab is older than the configuration.")
    else:
        state, text = "on", say("The scheduler is on.")
    coming = [status for status in standings.jobs if status.next_run_at is not None and status.in_crontab is not False]
    first = min(coming, key=lambda status: status.next_run_at or 0.0, default=None)
    return {
        "state": state,
        "text": text,
        "running": counted(running, "batch is running.", "batches are running.")
        if running
        else say("Nothing is running."),
        "next_job": "" if first is None or state in {"paused", "stopped"} else first.job.name,
        "next_at": None if first is None else first.next_run_at,
        "notes": [
            (told(note.text), note.severity)
            for note in standings.notes
            if not (state == "stopped" and note.event_id.startswith("cron:stopped"))
        ],
    }
