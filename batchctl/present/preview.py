"""`batchctl simulate --format html|svg`: the fires to come, drawn as the report draws those that were."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchctl.present.gantt import Course, Skips, Span, gantt
from batchctl.present.html import WIDE, chart_style, data_table, page, sizes
from batchctl.present.simulation import cadence, end_text, why_text
from batchctl.present.svg import beneath
from batchctl.present.text import format_duration, human, in_words, percent, say, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.answers.simulate import Preview
    from batchctl.core.foresight.simulate import SimulatedFire, Simulation

_NEVER = float("inf")
_MOST_FIRES = 2000
"""Fires of one simulation beyond which only starts are looked at one by one; skips between them become stretches."""


def as_svg(preview: Preview) -> str:
    """Return a picture that stands alone, one time line below the other where the chain was split."""
    drawings = [
        gantt(_course(preview, done), WIDE, f"s{number}", name or _name(preview))
        for number, (name, done) in enumerate(preview.simulations.items())
    ]
    return beneath(drawings, style=chart_style())


def as_html(preview: Preview, made: float) -> str:
    """Return the page."""
    return page(
        "simulation.html.j2",
        say("%s: preview", _name(preview)),
        made,
        preview.zone,
        heading=say("Preview of %s", _name(preview)) if preview.title else say("Preview"),
        **as_values(preview),
    )


def as_values(preview: Preview) -> dict[str, Any]:
    """Return what a template shows of it."""
    summary = preview.summary
    return {
        "period": say("%s to %s", human(preview.start, preview.zone), human(preview.end, preview.zone)),
        "tiles": [
            (format_duration(summary.effective_interval_s), say("effective interval")),
            (f"{summary.starts:,}", say("starts")),
            (f"{summary.skips:,}", say("skipped fires")),
            (percent(summary.busy_ratio), say("of the time running")),
        ],
        "advice": [told(advice.text) for advice in preview.advice],
        "pictures": [
            _picture(preview, name, done, f"s{number}")
            for number, (name, done) in enumerate(preview.simulations.items())
        ],
    }


def _name(preview: Preview) -> str:
    return preview.title or say("a batch")


def _picture(preview: Preview, name: str, done: Simulation, key: str) -> dict[str, Any]:
    course = _course(preview, done)
    title = name or say("Fires")
    drawn = sizes(lambda width, own: gantt(course, width, own, title), key)
    statuses = sorted({span.status for span in course.spans})
    rows = [
        (human(fire.at, preview.zone), say(fire.verdict), why_text(fire), end_text(fire, preview.zone))
        for fire in done.fires[:_MOST_FIRES]
    ]
    return {
        "name": title,
        "cadence": cadence(done),
        "chart": drawn,
        "legend": [(f"f-{status}", _would(status)) for status in statuses]
        + ([("skip", say("skipped fire"))] if course.skips else []),
        "table": data_table("Fires as a table", ("Fire", "Verdict", "Why", "Ends"), rows, len(done.fires)),
    }


def _course(preview: Preview, done: Simulation) -> Course:
    spans = [
        Span(
            start=fire.at,
            end=None if fire.ends_at == _NEVER else fire.ends_at,
            status="planned" if fire.status is None or fire.status == "succeeded" else fire.status,
            label=_would(fire.status),
        )
        for fire in done.fires
        if fire.ends_at is not None
    ]
    return Course(since=preview.start, until=preview.end, spans=spans, skips=_skips(done.fires), fires=(),
                  zone=preview.zone)  # fmt: skip


def _would(status: str | None) -> str:
    """Return what a run of the future would do: nothing has succeeded yet."""
    if status is None or status in {"planned", "succeeded"}:
        return say("would run")
    return say("would end as %s", in_words(status))


def _skips(fires: Sequence[SimulatedFire]) -> list[Skips]:
    """Return the skips; those in a row become one where there would be too many to draw."""
    crowded, found = len(fires) > _MOST_FIRES, list[Skips]()
    joining = False
    for fire in fires:
        if fire.reason is None:
            joining = False
            continue
        last = found[-1] if joining and crowded and found[-1].reason == fire.reason else None
        one = Skips(first=fire.at if last is None else last.first, last=fire.at,
                    times=1 if last is None else last.times + 1, reason=fire.reason)  # fmt: skip
        if last is None:
            found.append(one)
        else:
            found[-1] = one
        joining = True
    return found
