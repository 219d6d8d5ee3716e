"""What ran when, day by day: a row for each day, the hours from left to right, runs as bars, skips as crosses."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

from batchctl.base import language
from batchctl.base.record import Record
from batchctl.core.time import zones
from batchctl.core.time.periods import DAY, day_of, midnight
from batchctl.present.svg import Drawing
from batchctl.present.text import format_duration, human, in_words, say

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batchctl.core.time.zones import Zone

_ROW = 22
_BAR = 10
_TOP = 22
_LEFT = 78
_RIGHT = 10
_NARROW = 500
_MARK_ROOM = 7.0
"""Pixels beyond which a stretch of skips is drawn as one, and twice those below which two ticks become one."""
_MOST_ROWS = 35
_CROWD = 20
"""Skips in a row of the picture beyond which crosses would hide the runs: then they are a line below."""


_TO_COME = {"expected", "perhaps"}
"""What is no run yet: from now to the expected end, and between when and when that will be."""


class Span(Record):
    """A run: `end` is None where it never ends."""

    start: float
    end: float | None
    status: str
    label: str = ""


class Skips(Record):
    """One fire or several in a row that were skipped for the same reason."""

    first: float
    last: float
    times: int
    reason: str


class Course(Record):
    """What happened, or would happen, between two instants."""

    since: float
    until: float
    spans: Sequence[Span]
    skips: Sequence[Skips]
    fires: Sequence[float]
    """When the schedule fires; empty where it does so too often to show."""
    zone: Zone
    now: float | None = None
    """Where the present is to be marked."""


def gantt(course: Course, width: float, key: str, title: str) -> Drawing:
    """Return the picture; a long stretch gets rows of a week, or of several."""
    rows = list(_rows(course))
    height = _TOP + len(rows) * _ROW + 4
    starts, skipped = len(course.spans), sum(skip.times for skip in course.skips)
    span = (human(course.since, course.zone), human(course.until, course.zone))
    row = format_duration(_days(course) * DAY)
    desc = say("%s to %s: %d starts, %d skipped fires, one row for every %s.", *span, starts, skipped, row)
    drawing = Drawing(width, height, key=key, title=title, desc=desc)
    _axis(drawing, _days(course), len(rows))
    for place, (begin, end) in enumerate(rows):
        _Row(drawing, course, begin, end, _TOP + place * _ROW).draw()
    return drawing


def _days(course: Course) -> int:
    """Return how many days a row spans."""
    days, needed = 1, (course.until - course.since) / DAY
    for longer in (7, 28, 364):
        if needed > _MOST_ROWS * days:
            days = longer
    while needed > _MOST_ROWS * days:
        days *= 2
    return days


def _rows(course: Course) -> Iterator[tuple[float, float]]:
    first, days = day_of(course.since, course.zone), _days(course)
    last = day_of(course.until - 1e-6, course.zone)
    bounds = [midnight(day, course.zone) for day in range(first, last + days + 1, days)]
    return pairwise(bounds)


def _axis(drawing: Drawing, days: int, rows: int) -> None:
    narrow = drawing.width < _NARROW
    if days == 1:
        marks = [(hour / 24, f"{hour:02d}:00") for hour in range(0, 25, 6 if narrow else 3)]
    else:
        step = max(1, days // 7)
        marks = [(day / days, f"day {day + 1}") for day in range(0, days, step * (2 if narrow else 1))]
    room = drawing.width - _LEFT - _RIGHT
    for share, label in marks:
        x = _LEFT + share * room
        drawing.line(x, _TOP - 4, x, _TOP + rows * _ROW, "grid")
        anchor = "end" if share == 1 else "start" if share == 0 else "middle"
        drawing.text(x, 12, label, "axis", anchor)


class _Row:
    """One stretch of [begin, end) at height `y`."""

    def __init__(self, drawing: Drawing, course: Course, begin: float, end: float, y: float) -> None:
        self._drawing, self._course, self._y = drawing, course, y
        self._begin, self._end = begin, end
        self._room = drawing.width - _LEFT - _RIGHT

    def draw(self) -> None:
        drawing, middle = self._drawing, self._y + _ROW / 2
        # human() says `Sat 2026-11-21 01:00`.
        weekday, date, _ = zones.human(self._begin, self._course.zone).split(" ")
        label = f"{language.weekday(weekday)} {date[5:]}"
        drawing.text(0, middle + 4, label, "weekend" if weekday in {"Sat", "Sun"} else "day")
        drawing.rect(_LEFT, middle - _BAR / 2, self._room, _BAR, "lane", radius=3)
        reached = 0.0
        for span in self._course.spans:
            reached = self._bar(span, middle, reached)
        for at in self._spread([fire for fire in self._course.fires if self._begin <= fire < self._end]):
            drawing.line(at, self._y + 1, at, self._y + 5, "fire")
        now = self._course.now
        if now is not None and self._begin <= now < self._end:
            drawing.line(self._x(now), self._y, self._x(now), self._y + _ROW, "now")
        self._skips(middle)

    def _bar(self, span: Span, middle: float, reached: float) -> float:
        """Draw the part of a run that lies in this row, and return up to where the row is drawn."""
        end = min(self._end, self._course.until, self._end if span.end is None else span.end)
        if span.start >= self._end or end <= self._begin:
            return reached
        left, right = self._x(max(span.start, self._begin)), self._x(end)
        if span.status in {"succeeded", "planned"} and right - reached < 0.5:  # noqa: PLR2004 - less than a pixel beyond the last
            return reached
        took = "" if span.end is None else f", {format_duration(span.end - span.start)}"
        tip = f"{span.label or in_words(span.status)}: {human(span.start, self._course.zone)}{took}"
        self._drawing.rect(
            left, middle - _BAR / 2, max(1.5, right - left), _BAR, f"f-{span.status}", tip=tip, radius=2.5
        )
        if span.start >= self._begin and span.status not in _TO_COME:
            self._drawing.rect(left - 1, middle - _BAR / 2 - 2, 2.5, _BAR + 4, f"cap f-{span.status}", radius=1)
        return right

    def _skips(self, middle: float) -> None:
        here = [skip for skip in self._course.skips if skip.first < self._end and skip.last >= self._begin]
        if len(here) > _CROWD:
            self._crowd(here, middle + _BAR / 2 + 3)
            return
        for skip in here:
            left = self._x(max(skip.first, self._begin))
            right = self._x(min(skip.last, self._end))
            if right - left > _MARK_ROOM:
                self._drawing.line(left, middle, right, middle, "skipped-for")
            if skip.first >= self._begin:
                reason = in_words(skip.reason)
                what = say("skipped: %s", reason) if skip.times == 1 else say("%d skipped: %s", skip.times, reason)
                tip = f"{what}, {human(skip.first, self._course.zone)}"
                self._drawing.cross(left, middle, 6, "halo")
                self._drawing.cross(left, middle, 3.5, "skip", tip)

    def _crowd(self, skips: Sequence[Skips], y: float) -> None:
        """Draw a line below the runs wherever fires were skipped."""
        reached = float("-inf")
        for skip in skips:
            left, right = self._x(max(skip.first, self._begin)), self._x(min(skip.last, self._end))
            if right >= reached + 1:
                self._drawing.line(max(left, reached), y, max(right, left + 1), y, "skip-tick")
                reached = max(right, left + 1)

    def _spread(self, instants: Sequence[float]) -> Iterator[float]:
        last = float("-inf")
        for instant in instants:
            x = self._x(instant)
            if x - last >= _MARK_ROOM / 2:
                yield x
                last = x

    def _x(self, instant: float) -> float:
        return _LEFT + self._room * (instant - self._begin) / (self._end - self._begin)
