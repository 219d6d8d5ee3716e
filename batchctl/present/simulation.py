"""`batchctl simulate` as JSON and as a picture: a time line, the fires, what they amount to, and advice."""

from __future__ import annotations

from bisect import bisect_left
from heapq import merge
from itertools import islice, pairwise
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, cast

from batchctl.base import language
from batchctl.core.time import zones
from batchctl.core.time.schedule import repeat
from batchctl.core.time.zones import iso
from batchctl.present.tables import table
from batchctl.present.text import (
    STYLES,
    cell,
    console,
    counted,
    format_duration,
    human,
    in_words,
    percent,
    plain,
    say,
    shorten,
    symbols,
    told,
    width_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import TextIO

    from rich.console import Console
    from rich.text import Text

    from batchctl.answers.simulate import Preview
    from batchctl.core.foresight.bootstrap import SkipShare
    from batchctl.core.foresight.simulate import SimulatedFire, Simulation, Summary
    from batchctl.core.time.zones import Zone
    from batchctl.present import contract

_HOUR = 3600.0
_DAY = 86400.0
_FIRES_SHOWN = 20
_MOST_ROWS = 35
_LABEL = 12


class _Scale(NamedTuple):
    """How long one row of the time line is, into how many parts it divides evenly, and its ruler."""

    length: float
    parts: int
    ruler: tuple[str, ...]


_SCALES = (
    _Scale(_HOUR, 60, (":00", ":15", ":30", ":45")),
    _Scale(_DAY, 24, ("00", "03", "06", "09", "12", "15", "18", "21")),
    _Scale(7 * _DAY, 7, ("1", "2", "3", "4", "5", "6", "7")),
    _Scale(28 * _DAY, 28, ("week 1", "week 2", "week 3", "week 4")),
    _Scale(364 * _DAY, 52, ("week 1", "week 14", "week 27", "week 40")),
)


class _Signs(NamedTuple):
    start: str
    busy: str
    skip: str
    idle: str
    outside: str


_UNICODE = _Signs(start="▶", busy="━", skip="✕", idle="·", outside=" ")
_ASCII = _Signs(start=">", busy="=", skip="x", idle=".", outside=" ")


def as_json(preview: Preview) -> contract.Simulate:
    """Return the contract's object; with a split, every fire names its group and each group has its summary."""
    zone, split = preview.zone, "" not in preview.simulations
    summary = cast("contract.Summary", _summary_json(preview.summary))
    if preview.skip_share is not None:
        summary["skip_share"] = share_json(preview.skip_share)
    if split:
        summary["groups"] = {name: _summary_json(done.summary) for name, done in preview.simulations.items()}
    return {
        "job": preview.title or None,
        "from": iso(preview.start, zone),
        "to": iso(preview.end, zone),
        "fires": [_fire_json(fire, zone, name if split else None) for name, fire in _in_order(preview)],
        "summary": summary,
        "advice": [{"code": advice.code, "text": advice.text} for advice in preview.advice],
    }


def _fire_json(fire: SimulatedFire, zone: Zone, group: str | None) -> contract.SimulatedFire:
    found: contract.SimulatedFire = {
        "at": iso(fire.at, zone),
        "verdict": fire.verdict,
        "reason": fire.reason,
        "ends_at": iso(_known_end(fire), zone),
        "status": fire.status,
    }
    if group is not None:
        found["group"] = group
    return found


def _summary_json(summary: Summary) -> contract.GroupSummary:
    return {
        "fires": summary.fires,
        "starts": summary.starts,
        "skips": summary.skips,
        "skips_by_reason": dict(summary.skips_by_reason),
        "effective_interval_s": summary.effective_interval_s,
        "busy_ratio": summary.busy_ratio,
    }


def share_json(share: SkipShare) -> contract.SkipShare:
    """Return the share of fires that are skipped."""
    return {"mean": share.mean, "p5": share.p5, "p95": share.p95, "rounds": share.rounds}


def _known_end(fire: SimulatedFire) -> float | None:
    return None if fire.ends_at == float("inf") else fire.ends_at


def _in_order(preview: Preview) -> Iterator[tuple[str, SimulatedFire]]:
    named = ([(name, fire) for fire in done.fires] for name, done in preview.simulations.items())
    return merge(*named, key=lambda each: each[1].at)


def show(preview: Preview, file: TextIO | None = None) -> None:
    """Print the picture, on stdout or into a file."""
    out = console(file)
    heading = f"{preview.title}: " if preview.title else ""
    zone = preview.zone
    window = say("%s to %s (%s)", human(preview.start, zone), human(preview.end, zone), zone.name)
    out.print(cell(heading + window, "bold"))
    for line in _time_lines(preview, out.width):
        out.print(line, no_wrap=True, overflow="crop")
    out.print()
    _show_fires(preview, out)
    for text in _conclusions(preview):
        out.print(cell(text))
    for advice in preview.advice:
        out.print(cell(f"{advice.code}: {told(advice.text)}", "yellow"))


def _time_lines(preview: Preview, width: int) -> Iterator[Text]:
    from rich.text import Text

    signs = _ASCII if plain() else _UNICODE
    span = preview.end - preview.start
    scale = next((scale for scale in _SCALES if span <= _MOST_ROWS * scale.length), _SCALES[-1])
    while span > _MOST_ROWS * scale.length:
        scale = _Scale(2 * scale.length, scale.parts, ())
    cells = max(scale.parts, (width - _LABEL - 1) // scale.parts * scale.parts)
    while cells > width - _LABEL - 1 and cells > _LABEL:
        cells //= 2
    yield Text(" " * _LABEL + _ruler(scale, cells), style="dim")
    for name, done in preview.simulations.items():
        if name:
            yield cell(shorten(name, width), "bold")
        for begin, end in _rows(preview, scale):
            row = _Row(begin, end, cells, signs)
            shown = row.drawn(preview, _touching(done.fires, begin, end))
            label = _label(begin, scale, preview.zone)
            yield Text(label + " " * (_LABEL - width_of(label))) + shown
    legend = f"{signs.start} {say('start')}  {signs.busy} {say('running')}  {signs.skip} {say('skip')}"
    yield Text(" " * _LABEL + legend, style="dim")


def _ruler(scale: _Scale, cells: int) -> str:
    ticks = scale.ruler
    # At least two cells between ticks, else every other one is left out.
    while ticks and max(map(len, ticks)) + 1 > cells // len(ticks):
        ticks = ticks[::2] if len(ticks) > 1 else ()
    return "".join(f"{tick:<{cells // len(ticks)}}" for tick in ticks)


def _rows(preview: Preview, scale: _Scale) -> Iterator[tuple[float, float]]:
    """Yield begin and end of each row; rows of days begin at midnight, also where the clock changes."""
    offset = preview.zone.offset(preview.start)
    step = min(scale.length, _DAY)
    first = (preview.start + offset) // step * step - offset
    for begin, end in pairwise(repeat(first, scale.length, preview.zone)):
        if begin >= preview.end:
            return
        yield begin, end


def _label(begin: float, scale: _Scale, zone: Zone) -> str:
    weekday, date, time = zones.human(begin, zone).split(" ")
    weekday = language.weekday(weekday)
    if scale.length < _DAY:
        return f"{weekday} {time}"
    return f"{weekday} {date[5:]}" if scale.length < 28 * _DAY else date


def _touching(fires: Sequence[SimulatedFire], begin: float, end: float) -> list[SimulatedFire]:
    """Return the fires in [begin, end) and the last start before, whose run may reach into it."""
    first, last = (bisect_left(fires, instant, key=attrgetter("at")) for instant in (begin, end))
    before = next((fires[place] for place in range(first - 1, -1, -1) if fires[place].ends_at is not None), None)
    return [*(() if before is None else (before,)), *fires[first:last]]


class _Row:
    """One row of the time line."""

    def __init__(self, begin: float, end: float, cells: int, signs: _Signs) -> None:
        self._begin, self._end, self._signs = begin, end, signs
        self._cells, self._length = cells, (end - begin) / cells

    def drawn(self, preview: Preview, fires: Sequence[SimulatedFire]) -> Text:
        """Return the row's cells: a start hides a skip, and a skip the run, unless skips would hide every run."""
        from rich.text import Text

        signs, line = self._signs, [self._background(place, preview) for place in range(self._cells)]
        skips = [fire for fire in fires if fire.ends_at is None]
        starts = [fire for fire in fires if fire.ends_at is not None]
        crowded = len(skips) > self._cells // 2
        for fire in skips if crowded else ():
            line[self._place(fire.at)] = signs.skip
        for fire in starts:
            self._draw_run(line, fire, preview.end)
        for fire in () if crowded else skips:
            line[self._place(fire.at)] = signs.skip
        for fire in starts:
            if fire.at >= self._begin:
                line[self._place(fire.at)] = signs.start
        styles = {signs.start: STYLES["start"], signs.busy: STYLES["running"], signs.skip: STYLES["skip"]}
        shown = Text()
        for sign in line:
            shown.append(sign, styles.get(sign, "dim"))
        return shown

    def _draw_run(self, line: list[str], fire: SimulatedFire, horizon: float) -> None:
        until = min(fire.ends_at or fire.at, self._end, horizon)
        if until <= self._begin:
            return
        for place in range(self._place(max(fire.at, self._begin)), self._place(until - 1e-6) + 1):
            line[place] = self._signs.busy

    def _background(self, place: int, preview: Preview) -> str:
        middle = self._begin + (place + 0.5) * self._length
        return self._signs.idle if preview.start <= middle < preview.end else self._signs.outside

    def _place(self, instant: float) -> int:
        return min(self._cells - 1, max(0, int((instant - self._begin) / self._length)))


def _show_fires(preview: Preview, out: Console) -> None:
    split = "" not in preview.simulations
    total = preview.summary.fires
    if not total:
        return
    made = table((*(("GROUP",) if split else ()), "FIRE", "VERDICT", "WHY", "ENDS"))
    for name, fire in islice(_in_order(preview), _FIRES_SHOWN):
        group = (cell(name),) if split else ()
        verdict = cell(say(fire.verdict), STYLES[fire.verdict])
        made.add_row(*group, human(fire.at, preview.zone), verdict, why_text(fire), end_text(fire, preview.zone))
    out.print(made)
    if total > _FIRES_SHOWN:
        out.print(cell(f"{symbols().ellipsis} {say('%s more (--json lists all)', f'{total - _FIRES_SHOWN:,}')}", "dim"))
    out.print()


def why_text(fire: SimulatedFire) -> str:
    """Return why a fire is skipped, `-` for one that starts."""
    return "-" if fire.reason is None else in_words(fire.reason)


def end_text(fire: SimulatedFire, zone: Zone) -> str:
    """Return when and how the run that a fire started ends, `-` for a skip."""
    if fire.ends_at is None:
        return "-"
    end = _known_end(fire)
    when = say("never") if end is None else human(end, zone)
    return when if fire.status in {None, "succeeded"} else f"{when} ({in_words(fire.status)})"


def _conclusions(preview: Preview) -> Iterator[str]:
    summary = preview.summary
    reasons = ", ".join(f"{in_words(reason)} {count:,}" for reason, count in summary.skips_by_reason.items())
    skipped = f" ({reasons})" if reasons else ""
    counts = (f"{count:,}" for count in (summary.fires, summary.starts, summary.skips))
    yield say("%s fires: %s start, %s skip", *counts) + skipped
    share = preview.skip_share
    if share is not None:
        spread = say("%s to %s of them in 9 of 10 rounds", percent(share.p5), percent(share.p95))
        text = "%d rounds of durations from the history: %s of the fires skip (%s)"
        yield say(text, share.rounds, percent(share.mean), spread)
    for name, done in preview.simulations.items():
        yield (f"{name}: " if name else "") + cadence(done)
    yield say("running %s of the time", percent(summary.busy_ratio))


def cadence(done: Simulation) -> str:
    """Return how often runs start, beside how often they are scheduled to."""
    distances = sorted(after.at - before.at for before, after in pairwise(done.fires))
    interval = done.summary.effective_interval_s
    usual = format_duration(distances[len(distances) // 2]) if distances else ""
    scheduled = say("; scheduled every %s", usual) if usual else ""
    if interval is None:
        return say("starts %s", counted(done.summary.starts, "time", "times")) + scheduled
    return say("starts every %s (effective interval)", format_duration(interval)) + scheduled
