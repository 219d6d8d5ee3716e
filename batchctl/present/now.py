"""The beginning of the report's page: what runs now and until when, what is fired next, and what needs a hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchctl.base.said import recalled
from batchctl.present.html import lang_of, sizes
from batchctl.present.status import expected_text, running_texts
from batchctl.present.svg import Drawing
from batchctl.present.text import counted, format_duration, human, in_words, moment, say, told
from batchctl.present.upcoming import grouped, verdict_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.answers.now import Now
    from batchctl.answers.upcoming import Fire, Running
    from batchctl.core.time.zones import Zone
    from batchctl.watch.standing import JobStatus

_CARDS = 12
_FIRES = 8
_HEIGHT, _BAR = 40.0, 16.0
_LEGEND_TEXTS = {"f-running": "so far", "band": "four of five like it end within", "budget": "timeout"}


def as_values(now: Now) -> dict[str, Any]:
    """Return what the page's template shows of it."""
    at, zone = now.at, now.zone
    rows = [_fire(fires, at, zone) for fires in grouped(now.fires)]
    return {
        "at": human(at, zone),
        "cards": [_card(run, at, zone, f"n{number}") for number, run in enumerate(now.running[:_CARDS])],
        "cards_more": _more(len(now.running) - _CARDS, "running job", "running jobs"),
        "legend": [(css, say(name)) for css, name in _LEGEND_TEXTS.items()],
        "fires": rows[:_FIRES],
        "fires_more": _more(len(rows) - _FIRES, "row", "rows", "batchctl upcoming"),
        "broken": [_broken(status, at, zone) for status in now.broken],
        "alerts": [
            {
                "since": moment(row.alert.created_at, at, zone),
                "kind": in_words(row.alert.kind),
                "title": row.alert.title,
                "lang": lang_of(row.alert.title),
            }
            for row in now.alerts
        ],
    }


def _more(count: int, one: str, many: str, see: str = "batchctl status") -> str:
    return say("and %s more: %s", counted(count, one, many), see) if count > 0 else ""


def _card(run: Running, now: float, zone: Zone, key: str) -> dict[str, Any]:
    current, name = run.current, run.job.name
    words = " · ".join(running_texts(current, now, zone))
    if current.note is not None:
        words = f"{words} · {told(current.note)}"
    return {
        "name": name,
        "lang": lang_of(name),
        "run": current.run.id,
        "words": words,
        "chart": sizes(lambda width, own: _bar(run, now, zone, width, own, words), key),
    }


def _bar(run: Running, now: float, zone: Zone, width: float, key: str, words: str) -> Drawing:
    """Draw a run from its start to where it is, to its expected end with its span, and to its timeout."""
    current, timeout = run.current, run.job.timeout
    start = now - current.elapsed_s
    low, high = current.expected_end_span or (current.expected_end_at, current.expected_end_at)
    budget = None if timeout is None else start + timeout
    last = max(now + 1, *(each for each in (high, budget) if each is not None), start + 1)
    drawing = Drawing(width, _HEIGHT, key=key, title=say("Run %d of %s now", current.run.id, run.job.name), desc=words)

    def x(instant: float) -> float:
        return (instant - start) / (last - start) * width

    drawing.rect(0, 0, width, _BAR, "lane", radius=4)
    if low is not None and high is not None:
        left, right = x(max(low, now)), x(max(high, now))
        tip = say("expected to end %s", expected_text(current, now, zone))
        drawing.rect(left, 0, max(3.0, right - left), _BAR, "band", tip=tip)
    drawing.rect(
        0, 0, max(2.0, x(now)), _BAR, "f-running", radius=4, tip=say("%s so far", format_duration(current.elapsed_s))
    )
    if current.expected_end_at is not None:
        drawing.line(x(max(current.expected_end_at, now)), 0, x(max(current.expected_end_at, now)), _BAR + 4, "fire")
    if budget is not None:
        drawing.line(min(x(budget), width - 1), 0, min(x(budget), width - 1), _BAR, "budget")
    drawing.text(0, _HEIGHT - 6, moment(start, now, zone), "axis")
    drawing.text(width, _HEIGHT - 6, moment(last, now, zone), "axis", "end")
    return drawing


def _fire(fires: Sequence[Fire], now: float, zone: Zone) -> dict[str, Any]:
    first, last = fires[0], fires[-1]
    times = "" if len(fires) == 1 else say(", %d times until %s", len(fires), moment(last.at, now, zone))
    return {
        "at": moment(first.at, now, zone),
        "job": first.job,
        "lang": lang_of(first.job),
        "verdict": f"{verdict_text(first)}{times}",
        "ends": "-" if last.ends_at is None or last.is_unfired else moment(last.ends_at, now, zone),
    }


def _broken(status: JobStatus, now: float, zone: Zone) -> dict[str, Any]:
    last = status.last_run
    assert last is not None  # noqa: S101 - broken is who has one
    when = last.started_at if last.ended_at is None else last.ended_at
    why = told(recalled(last.why or ""))
    return {
        "job": status.job.name,
        "lang": lang_of(status.job.name),
        "status": last.status,
        "words": in_words(last.status),
        "when": moment(when, now, zone),
        "why": why,
        "why_lang": lang_of(why),
        "resume": status.resume or "",
    }
