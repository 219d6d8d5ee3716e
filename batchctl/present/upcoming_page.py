"""The coming fires of all jobs as a page shows them: a lane for each job that runs, and a row for each fire."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchctl.core.time.periods import day_of
from batchctl.core.time.zones import human
from batchctl.present.html import lang_of, sizes
from batchctl.present.svg import Drawing
from batchctl.present.text import counted, moment, say, shorten
from batchctl.present.upcoming import grouped, verdict_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.answers.upcoming import Fire, Running, Upcoming
    from batchctl.core.time.zones import Zone

_LANES, _MOST_ROWS = 40, 400
_ROW, _BAR, _TOP, _RIGHT, _NARROW = 26.0, 12.0, 24.0, 8.0, 500.0
_EVERY = 3 * 3600.0
_LEAST = 2.5
"""Pixels that the shortest run takes."""


def as_values(found: Upcoming) -> dict[str, Any]:
    """Return what the template shows; instants are seconds since the epoch."""
    rows = grouped(found.fires)
    coming = [fire for fire in found.fires if not fire.is_unfired]
    starts = sum(fire.verdict == "start" for fire in coming)
    counts = (counted(len(coming), "fire", "fires"), moment(found.end, found.start, found.zone))
    return {
        "running": [_running(run) for run in found.running],
        "rows": [_row(fires, found.start, found.zone) for fires in rows[:_MOST_ROWS]],
        "more": say("and %s more", f"{len(rows) - _MOST_ROWS:,}") if len(rows) > _MOST_ROWS else "",
        "conditions": [
            f"{name}: {say('whether start_if holds (%s) cannot be foretold', condition)}"
            for name, condition in found.conditions.items()
        ],
        "summary": say("%s until %s: %d start, %d skip", *counts, starts, len(coming) - starts),
        "chart": sizes(lambda width, key: _lanes(found, width, key), "u"),
    }


def _running(run: Running) -> dict[str, Any]:
    return {"job": run.job.name, "lang": lang_of(run.job.name), "end": run.current.expected_end_at}


def _row(fires: Sequence[Fire], now: float, zone: Zone) -> dict[str, Any]:
    first, last = fires[0], fires[-1]
    return {
        "at": first.at,
        "job": first.job,
        "lang": lang_of(first.job),
        "verdict": "skip" if first.is_unfired else first.verdict,
        "text": verdict_text(first),
        "times": "" if len(fires) == 1 else say(", %d times until %s", len(fires), moment(last.at, now, zone)),
        "ends": None if last.is_unfired else last.ends_at,
        "beside": ", ".join(dict.fromkeys(name for fire in fires for name in fire.overlaps)),
    }


def _lanes(found: Upcoming, width: float, key: str) -> Drawing | None:
    """Draw the runs under way and to come, a lane for each job; None where there is nothing to draw."""
    running = {run.job.name: run for run in found.running}
    starts: dict[str, list[Fire]] = {name: [] for name in running}
    for fire in found.fires:
        if not fire.is_unfired:
            starts.setdefault(fire.job, []).append(fire)
    names = list(starts)[:_LANES]
    if not names:
        return None
    left = 96.0 if width < _NARROW else 180.0
    title = say(
        "What runs from %s to %s", *(moment(each, found.start, found.zone) for each in (found.start, found.end))
    )
    drawing = Drawing(width, _TOP + len(names) * _ROW, key=key, title=title, desc=", ".join(names))

    def x(instant: float) -> float:
        share = (instant - found.start) / (found.end - found.start)
        return left + max(0.0, min(1.0, share)) * (width - left - _RIGHT)

    _marks(drawing, found, x, len(names))
    for place, name in enumerate(names):
        middle = _TOP + place * _ROW + _ROW / 2
        drawing.text(0, middle + 4, shorten(name, int(left / 6.6) - 1), "name")
        drawing.rect(left, middle - _BAR / 2, width - left - _RIGHT, _BAR, "lane", radius=3)
        if name in running:
            end = running[name].current.expected_end_at or found.end
            drawing.rect(left, middle - _BAR / 2, max(_LEAST, x(end) - left), _BAR, "f-expected", radius=3,
                         tip=say("expected to end %s", moment(end, found.start, found.zone)))  # fmt: skip
        _fires(drawing, starts[name], x, middle, found)
    return drawing


def _marks(drawing: Drawing, found: Upcoming, x: Any, lanes: int) -> None:
    """Draw a line for every third hour of the wall clock, or every midnight where the span is long."""
    zone, width = found.zone, drawing.width
    is_long = found.end - found.start > 2.5 * 86400
    step, room, reached = (86400.0 if is_long else _EVERY), (62.0 if is_long else 40.0), 0.0
    at = found.start - (found.start + zone.offset(found.start)) % step
    offset = zone.offset(at)
    while (at := at + step) < found.end:
        # Where the clock was changed the next mark is at the same wall time still.
        at, offset = at + offset - zone.offset(at), zone.offset(at)
        is_midnight = day_of(at, zone) != day_of(at - 1, zone)
        drawing.line(x(at), _TOP - 6, x(at), _TOP + lanes * _ROW, "midnight" if is_midnight else "grid")
        if x(at) - reached >= room and x(at) < width - 16:
            label = human(at, zone)
            drawing.text(x(at), 12, f"{label[9:14]}" if is_midnight else label[-5:], "axis", "middle")
            reached = x(at)


def _fires(drawing: Drawing, fires: Sequence[Fire], x: Any, middle: float, found: Upcoming) -> None:
    reached = 0.0
    for fire in fires:
        at, when = x(fire.at), moment(fire.at, found.start, found.zone)
        if at < reached:
            continue  # hundreds of them would be one line
        tip = f"{when} {verdict_text(fire)}"
        if fire.verdict == "start":
            end = at + _LEAST if fire.ends_at is None else max(at + _LEAST, x(fire.ends_at))
            drawing.rect(at, middle - _BAR / 2, end - at, _BAR, "f-planned", tip=tip, radius=2)
            reached = end
        else:
            drawing.cross(at, middle, 6, "halo")
            drawing.cross(at, middle, 3.5, "skip", tip)
            reached = at + 5
