"""The pictures of the report: outcomes by day, durations over time, steps against each other, reported numbers."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from batchctl.base.language import weekday
from batchctl.core.model import SUCCEEDED
from batchctl.core.statistics import percentile
from batchctl.core.time import zones
from batchctl.core.time.periods import DAY, date_of, day_of
from batchctl.present.svg import Drawing, apart, duration_ticks, number_ticks, text_width
from batchctl.present.text import counted, format_duration, human, in_words, say, shorten

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batchctl.core.statistics import Stats
    from batchctl.core.stories import StepStats, Story
    from batchctl.core.time.zones import Zone

_WORST_FIRST = ("failed", "timed_out", "stale", "lost", "cancelled", "running", "succeeded", "skipped")
_MADE_GOOD = "cancelled before a success"
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTH_TEXTS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_CELL, _SMALL_CELL, _GAP, _MARK_FROM = 20.0, 8.0, 3.0, 12.0
_POINTS = 300
"""Stories beyond which single points would cover each other: then bands are drawn."""
_BUCKETS = 60

Days = dict[int, Counter[str]]


def days(stories: Sequence[Story], skips: Sequence[tuple[float, int]], zone: Zone) -> Days:
    """Return how often each local day saw which outcome; a story counts on the day it began."""
    found: Days = {}
    for story in stories:
        day = found.setdefault(day_of(story.started_at, zone), Counter())
        day[story.status] += 1
        if story.status == SUCCEEDED:
            day[_MADE_GOOD] = day["cancelled"]
    for at, times in skips:
        found.setdefault(day_of(at, zone), Counter())["skipped"] += times
    return found


def outcome_of(day: Counter[str]) -> str:
    """Return the worst that happened on a day; what an operator stopped and then let succeed is none of it."""
    seen = day.copy()
    seen["cancelled"] -= seen[_MADE_GOOD]
    return next((status for status in _WORST_FIRST if seen[status]), "none")


def in_short(day: Counter[str]) -> str:
    """Return what happened on a day in words."""
    return ", ".join(f"{day[status]} {in_words(status)}" for status in _WORST_FIRST if day[status]) or say("nothing")


def calendar(seen: Days, first: int, last: int, width: float, key: str) -> Drawing:
    """Return a square for each day, weeks as columns; the newest weeks where not all have room."""
    left, top = 34, 18
    monday = first - date_of(first).weekday()
    weeks = (last - monday) // 7 + 1
    shown = min(weeks, int((width - left) / (_SMALL_CELL + _GAP)))
    cell = min(_CELL, (width - left) / shown - _GAP)
    begin = max(first, monday + 7 * (weeks - shown))
    monday = begin - date_of(begin).weekday()
    drawing = Drawing(
        left + shown * (cell + _GAP),
        top + 7 * (cell + _GAP),
        key=key,
        title=say("Outcome of each day, %s to %s", date_of(begin), date_of(last)),
        desc=_calendar_words(seen, begin, last),
    )
    for row in (0, 2, 4, 6) if cell < _MARK_FROM else range(7):
        drawing.text(0, top + row * (cell + _GAP) + cell / 2 + 4, weekday(_WEEKDAYS[row]), "axis")
    reached = float("inf")
    for day in range(last, begin - 1, -1):
        column, row = divmod(day - monday, 7)
        x, y = left + column * (cell + _GAP), top + row * (cell + _GAP)
        date = date_of(day)
        # From the newest back: where two have no room side by side, the month that is hardly shown goes without.
        if (day == begin or date.day == 1) and reached - x > text_width("Sep "):
            drawing.text(x, 11, say(_MONTH_TEXTS[date.month - 1]), "axis")
            reached = x
        happened = seen.get(day, Counter())
        outcome = outcome_of(happened)
        drawing.rect(x, y, cell, cell, f"f-{outcome}", tip=f"{date}: {in_short(happened)}", radius=cell / 5)
        if cell >= _MARK_FROM and outcome not in {"succeeded", "running", "skipped", "none"}:
            drawing.cross(x + cell / 2, y + cell / 2, cell / 6, "on-fill")
    return drawing


def _calendar_words(seen: Days, first: int, last: int) -> str:
    total = Counter(outcome_of(seen[day]) for day in range(first, last + 1) if day in seen)
    words = ", ".join(f"{count} {in_words(status)}" for status, count in total.most_common())
    return say("Days by their worst outcome: %s.", words or say("nothing"))


class _Plot:
    """A plane of time and seconds."""

    def __init__(self, drawing: Drawing, since: float, until: float, high: float, edges: tuple[float, ...]) -> None:
        self.drawing, self.since, self.until, self.high = drawing, since, until, high
        self.left, self.top, self.right, self.bottom = edges

    def x(self, instant: float) -> float:
        share = (instant - self.since) / (self.until - self.since)
        return self.left + min(1.0, max(0.0, share)) * (self.right - self.left)

    def y(self, value: float) -> float:
        return self.bottom - value / self.high * (self.bottom - self.top)

    def axes(self, zone: Zone) -> None:
        for value in (0, *duration_ticks(self.high, 5)):
            self.drawing.line(self.left, self.y(value), self.right, self.y(value), "grid")
            self.drawing.text(self.left - 8, self.y(value) + 4, _short(value), "axis", "end")
        labels = max(2, int((self.right - self.left) / 90))
        for number in range(labels + 1):
            instant = self.since + (self.until - self.since) * number / labels
            anchor = "start" if number == 0 else "end" if number == labels else "middle"
            label = zones.human(instant, zone)
            label = label[9:14] if self.until - self.since > 2 * DAY else label[-5:]
            self.drawing.text(self.x(instant), self.bottom + 17, label, "axis", anchor)


def _short(seconds: float) -> str:
    if not seconds:
        return "0"
    text = format_duration(seconds)
    return text.removesuffix(" 00m").removesuffix(" 00s").removesuffix(" 00h").removesuffix(".0s") + (
        "s" if text.endswith(".0s") else ""
    )


def durations(
    stories: Sequence[Story], stats: Stats, budget: float | None, width: float, key: str, zone: Zone
) -> Drawing | None:
    """Return how long each story took, with p50, p95 and the job's timeout; None where none has ended."""
    ended = [story for story in stories if story.duration_s is not None]
    if not ended:
        return None
    longest = max(story.duration_s or 0 for story in ended)
    high = 1.08 * max(longest, 0.001 if budget is None or budget > 4 * longest else budget)
    since, until = ended[0].started_at, max(story.started_at for story in ended)
    since, until = min(story.started_at for story in ended), until if until > since else since + 1
    good = sum(story.status == SUCCEEDED for story in ended)
    drawing = Drawing(
        width,
        236,
        key=key,
        title=say("How long each run took"),
        desc=say(
            "%d runs, %d of them succeeded; p50 %s, p95 %s, longest %s",
            *(len(ended), good, *map(format_duration, (stats.p50_s, stats.p95_s, longest))),
        )
        + (say(", timeout %s", format_duration(budget)) if budget is not None else "")
        + ".",
    )
    plot = _Plot(drawing, since, until, high, (46, 10, width - 92, 208))
    plot.axes(zone)
    if len(ended) > _POINTS:
        _bands(plot, ended)
    else:
        _points(plot, ended, zone)
    _levels(plot, stats, budget)
    return drawing


def _points(plot: _Plot, ended: Sequence[Story], zone: Zone) -> None:
    good = [(plot.x(one.started_at), plot.y(one.duration_s or 0)) for one in ended if one.status == SUCCEEDED]
    plot.drawing.path(good, "thread")
    for story in ended:
        x, y = plot.x(story.started_at), plot.y(story.duration_s or 0)
        resumed = f", {counted(story.runs, 'run', 'runs')}" if story.runs > 1 else ""
        tip = f"{say('run %d %s', story.id, in_words(story.status))}: {human(story.started_at, zone)},"
        tip += f" {format_duration(story.duration_s)}{resumed}"
        if story.status == SUCCEEDED:
            plot.drawing.circle(x, y, 3.5, "f-succeeded", tip)
        else:
            plot.drawing.cross(x, y, 4, f"s-{story.status}", tip)


def _bands(plot: _Plot, ended: Sequence[Story]) -> None:
    """Draw from least to longest, and the median, of many runs in equal stretches of time."""
    good: dict[int, list[float]] = {}
    bad: dict[int, int] = {}
    size = (plot.until - plot.since) / _BUCKETS
    for story in ended:
        place = min(_BUCKETS - 1, int((story.started_at - plot.since) / size))
        if story.status == SUCCEEDED and story.duration_s is not None:
            good.setdefault(place, []).append(story.duration_s)
        else:
            bad[place] = bad.get(place, 0) + 1
    wide = (plot.right - plot.left) / _BUCKETS
    middle = []
    for place, values in sorted(good.items()):
        x, median = plot.left + place * wide, percentile(sorted(values), 0.5) or 0.0
        top, low = plot.y(max(values)), plot.y(min(values))
        spread = (format_duration(median), format_duration(max(values)))
        tip = say("%d runs: median %s, longest %s", len(values), *spread)
        plot.drawing.rect(x + 0.5, top, wide - 1, max(1, low - top), "band", tip=tip, radius=1)
        middle.append((x + wide / 2, plot.y(median)))
    plot.drawing.path(middle, "median")
    for place, count in bad.items():
        x = plot.left + (place + 0.5) * wide
        plot.drawing.cross(x, plot.bottom - 5, 3, "s-failed", say("%d did not succeed", count))


def _levels(plot: _Plot, stats: Stats, budget: float | None) -> None:
    wanted = [("p50", stats.p50_s, "level"), ("p95", stats.p95_s, "level"), ("timeout", budget, "budget")]
    lines = [(name, value, css) for name, value, css in wanted if value is not None and value <= plot.high]
    places = apart([plot.y(value) for _, value, _ in lines], 13, plot.top, plot.bottom)
    for (name, value, css), place in zip(lines, places, strict=True):
        y = plot.y(value)
        plot.drawing.line(plot.left, y, plot.right, y, css)
        plot.drawing.text(plot.right + 7, place + 4, f"{name} {_short(value)}", f"{css}-name")


def steps(found: Sequence[StepStats], width: float, key: str) -> Drawing | None:
    """Return a bar for each step: its median, and a line on to its p95."""
    shown = [step for step in found if step.p50_s is not None and step.p95_s is not None]
    if not shown:
        return None
    longest = max(step.p95_s or 0 for step in shown) or 1.0
    narrow = width < 500  # noqa: PLR2004 - a phone
    left, right, row = (width * (0.34 if narrow else 0.22)), width - 62, 30
    drawing = Drawing(
        width,
        len(shown) * row + 4,
        key=key,
        title=say("How long each step takes"),
        desc="; ".join(f"{step.id} {format_duration(step.p50_s)}, p95 {format_duration(step.p95_s)}" for step in shown),
    )
    for place, step in enumerate(shown):
        y = place * row + row / 2
        middle, late = (left + (right - left) * (value or 0) / longest for value in (step.p50_s, step.p95_s))
        columns = int(left / 6.3) - 1
        drawing.text(0, y + (0 if step.group else 4), shorten(step.id, columns), "name")
        if step.group:
            drawing.text(0, y + 12, shorten(step.group, columns), "axis")
        drawing.rect(left, y - 7, right - left, 14, "lane", radius=3)
        spread = (format_duration(step.p50_s), format_duration(step.p95_s))
        tip = say("%s: median %s, p95 %s, %d runs", step.id, *spread, step.runs)
        drawing.rect(left, y - 7, max(2, middle - left), 14, "step", tip=tip, radius=3)
        drawing.line(middle, y, late, y, "whisker")
        drawing.line(late, y - 4, late, y + 4, "whisker")
        drawing.text(width, y + 4, _short(step.p50_s or 0), "value", "end")
    return drawing


def series(values: Sequence[tuple[float, float]], key: str, title: str) -> Drawing:
    """Return a small picture of a number over time, from (instant, number), oldest first."""
    width, height, left, right, top, bottom = 300.0, 96.0, 6.0, 246.0, 12.0, 82.0
    numbers = [number for _, number in values]
    low, high = min(0.0, *numbers), max(0.0, *numbers)
    high = high if high > low else low + 1
    since, until = values[0][0], max(values[-1][0], values[0][0] + 1)
    desc = say("%d values from %g to %g", len(values), min(numbers), max(numbers))
    drawing = Drawing(width, height, key=key, title=title, desc=desc)

    def place(at: float, number: float) -> tuple[float, float]:
        return left + (at - since) / (until - since) * (right - left), bottom - (number - low) / (high - low) * (
            bottom - top
        )

    for tick in number_ticks(low, high, 2):
        _, y = place(since, tick)
        drawing.line(left, y, right, y, "grid")
        drawing.text(right + 6, y + 4, compact(tick), "axis")
    points = [place(at, number) for at, number in values]
    base = place(since, 0)[1]
    drawing.path([(points[0][0], base), *points, (points[-1][0], base)], "area", closed=True)
    drawing.path(points, "median")
    drawing.circle(*points[-1], 3, "dot")
    return drawing


def compact(number: float) -> str:
    """Return a number in as few letters as a label has room for: 2.5M."""
    size = abs(number)
    for unit, sign in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= unit:
            divisor = 1e3 if sign == "k" else unit
            return f"{number / divisor:.4g}{sign}"
    return f"{number:.4g}"


def spark(values: Sequence[float], key: str, job: str) -> Drawing | None:
    """Return the durations of the newest successes as a line as small as a word, oldest first."""
    if len(values) < 2:  # noqa: PLR2004 - one point is no line
        return None
    top = max(values) or 1.0
    bottom = min(*values, 0.8 * top)
    spread = (format_duration(min(values)), format_duration(top))
    desc = say("the last %d successes took %s to %s", len(values), *spread)
    drawing = Drawing(96, 22, key=key, title=say("Durations of %s", job), desc=desc)
    wide = 90 / (len(values) - 1)
    points = [
        (3 + place * wide, 19 - 16 * (value - bottom) / ((top - bottom) or 1)) for place, value in enumerate(values)
    ]
    drawing.path(points, "median")
    drawing.circle(*points[-1], 2.5, "dot")
    return drawing


_LARGEST = 1e300
"""Beyond it lie whole numbers that no float, and no line of a drawing, can hold."""


def numbers_of(
    results: Sequence[tuple[float, str, Mapping[str, object]]],
) -> dict[tuple[str, str], list[tuple[float, float]]]:
    """Return every number that steps reported, by step and name, as (instant, number)."""
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for at, step, result in results:
        for name, value in result.items():
            if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= _LARGEST:
                found.setdefault((step, name), []).append((at, float(value)))
    return {name: values for name, values in found.items() if len(values) > 1}
