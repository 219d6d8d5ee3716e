"""Pictures: well-formed whatever the data, labels apart, ticks round."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree as ET  # parses only what these tests made

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import SEOUL

from batchctl.core.stories import StepFact, Story, step_stats
from batchctl.core.stories import stats as stats_of
from batchctl.core.time.zones import parse_time
from batchctl.present import charts
from batchctl.present.gantt import Course, Skips, Span, gantt
from batchctl.present.svg import Drawing, apart, beneath, duration_ticks

DAY = 86400.0
START = parse_time("2026-09-01T00:00", SEOUL)


def parsed(text: str) -> ET.Element:
    """Parse a picture."""
    return ET.fromstring(text)  # noqa: S314


@given(st.text())
def test_data_is_only_data(text: str) -> None:
    """Any text at all, control characters and markup included, leaves a well-formed picture without scripts."""
    drawing = Drawing(100, 100, key="k", title=text, desc=text)
    drawing.text(0, 0, text)
    drawing.rect(0, 0, 1, 1, "lane", tip=text)
    root = parsed(drawing.svg())
    assert {element.tag for element in root.iter()} <= {"svg", "title", "desc", "text", "rect"}


def test_a_file_of_its_own_has_style_and_namespace() -> None:
    """A picture that stands alone brings its colours, also those for the dark, and its ground."""
    drawing = Drawing(100, 50, key="k", title="검색", desc="하루")
    root = parsed(beneath([drawing, drawing], style="a{}@media (prefers-color-scheme: dark){b{}}"))
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert [text.text for text in root.iter("{http://www.w3.org/2000/svg}text")] == ["검색", "검색"]
    assert float(root.attrib["height"]) > 100


@pytest.mark.parametrize(
    ("high", "most", "expected"),
    [
        (30 * 3600.0, 5, [21600.0, 43200.0, 64800.0, 86400.0, 108000.0]),  # every 6 h up to 30
        (90.0, 5, [30.0, 60.0, 90.0]),  # seconds
        (0.4, 5, [0.1, 0.2, 0.3, 0.4]),  # parts of them
        (20 * DAY, 5, [4 * DAY, 8 * DAY, 12 * DAY, 16 * DAY, 20 * DAY]),  # days
        (200 * DAY, 4, [50 * DAY, 100 * DAY, 150 * DAY, 200 * DAY]),  # beyond all that clocks know
    ],
)
def test_duration_ticks(high: float, most: int, expected: list[float]) -> None:
    """Ticks are durations that people say."""
    assert duration_ticks(high, most) == pytest.approx(expected)


@given(st.lists(st.floats(0, 200), min_size=1, max_size=4))
def test_labels_move_apart(places: list[float]) -> None:
    """Labels never overlap where there is room, whatever they point at."""
    moved = apart(places, 13, 0, 200)
    ordered = sorted(moved)
    assert all(after - before >= 13 - 1e-6 for before, after in pairwise(ordered))
    assert ordered[-1] <= 200


def stories(count: int) -> list[Story]:
    """Return so many stories, an hour apart, every tenth of which failed."""
    return [
        Story(number, "failed" if number % 10 == 9 else "succeeded", START + number * 3600, START, 600.0 + number)
        for number in range(count)
    ]


@pytest.mark.parametrize("width", [340.0, 1030.0])
def test_thousands_of_runs_stay_small(width: float) -> None:
    """Beyond what points can show, bands are drawn: a picture has a bound."""
    many = stories(20_000)
    drawing = charts.durations(many, stats_of(many, 0), 3600.0, width, "d", SEOUL)
    assert drawing is not None
    assert len(drawing.svg()) < 30_000


def test_points_tell_success_from_failure_by_shape() -> None:
    """A disc for each success, a cross for each other end."""
    some = stories(20)
    drawing = charts.durations(some, stats_of(some, 0), None, 1030.0, "d", SEOUL)
    assert drawing is not None
    root = parsed(drawing.svg())
    assert len(list(root.iter("circle"))) == 18
    assert sum("cross" in path.get("class", "") for path in root.iter("path")) == 2


def test_nothing_ended_is_no_picture() -> None:
    """There is no plot of nothing, and no bar of a step that never succeeded."""
    assert charts.durations([Story(1, "running", START, None, None)], stats_of([], 0), 60.0, 340.0, "d", SEOUL) is None
    assert charts.steps(step_stats([StepFact("31", None, "failed", 3.0)]), 340.0, "s") is None


def test_calendar_shows_the_worst_of_each_day() -> None:
    """A day with a success and a failure is a failed day, and its tip tells both."""
    seen = charts.days([*stories(20)], [(START + 3 * DAY, 4)], SEOUL)
    first = min(seen)
    root = parsed(charts.calendar(seen, first, first + 6, 490.0, "c").svg())
    squares = {rect.find("title").text: rect.get("class") for rect in root.iter("rect")}  # type: ignore[union-attr]
    assert squares["2026-09-01: 2 failed, 18 succeeded"] == "f-failed"
    assert squares["2026-09-04: 4 skipped"] == "f-skipped"
    assert squares["2026-09-05: nothing"] == "f-none"


def test_a_stop_that_was_made_good_is_no_outcome_of_the_day() -> None:
    """What an operator cancelled counts only until a later success of that day; the tip tells both."""
    stopped, good = Story(1, "cancelled", START, START + 60, 60.0), Story(2, "succeeded", START + 90, START + 99, 9.0)
    again = Story(3, "cancelled", START + 200, START + 260, 60.0)
    (mended,) = charts.days([stopped, good], [], SEOUL).values()
    assert (charts.outcome_of(mended), charts.in_short(mended)) == ("succeeded", "1 cancelled, 1 succeeded")
    (open_again,) = charts.days([stopped, good, again], [], SEOUL).values()
    assert charts.outcome_of(open_again) == "cancelled"


def course(spans: list[Span], skips: list[Skips], days: float) -> Course:
    """Return a course of so many days."""
    return Course(since=START, until=START + days * DAY, spans=spans, skips=skips, fires=(), zone=SEOUL)


def test_a_run_over_midnight_has_a_bar_in_both_rows() -> None:
    """26 hours from 01:00 fill the first day and reach into the second."""
    run = Span(start=START + 3600, end=START + 27 * 3600, status="succeeded")
    skip = Skips(first=START + 25 * 3600, last=START + 25 * 3600, times=1, reason="already_running")
    root = parsed(gantt(course([run], [skip], 3), 1030.0, "g", "t").svg())
    bars = [rect for rect in root.iter("rect") if rect.get("class") == "f-succeeded"]
    widths = [float(bar.attrib["width"]) for bar in bars]
    assert widths == pytest.approx([942 * 23 / 24, 942 * 3 / 24], abs=0.2)
    assert [path.find("title").text for path in root.iter("path") if path.find("title") is not None] == [  # type: ignore[union-attr]
        "skipped: already running, Wed 2026-09-02 01:00"
    ]


@pytest.mark.parametrize(("days", "rows"), [(14, 14), (35, 35), (90, 13), (400, 15), (3650, 11)])
def test_a_long_course_has_few_rows(days: int, rows: int) -> None:
    """What does not fit day by day gets rows of weeks, then of months, then of years."""
    root = parsed(gantt(course([], [], days), 1030.0, "g", "t").svg())
    assert sum(rect.get("class") == "lane" for rect in root.iter("rect")) == rows


def test_crowded_skips_do_not_hide_the_runs() -> None:
    """Hundreds of skips in a day become a line below the runs."""
    skips = [Skips(first=START + n * 60, last=START + n * 60, times=1, reason="min_gap") for n in range(1440)]
    text = gantt(course([], skips, 1), 1030.0, "g", "t").svg()
    assert 'class="skip-tick"' in text
    assert "cross" not in text
    assert len(text) < 120_000
