"""The coming fires of all jobs, as JSON and as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.core.time.zones import iso
from batchctl.present.status import fire_text
from batchctl.present.tables import keep_whole, table
from batchctl.present.text import STYLES, cell, console, counted, human, moment, say, symbols

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.text import Text

    from batchctl.answers.upcoming import Fire, Upcoming
    from batchctl.core.time.zones import Zone
    from batchctl.present import contract

_SINGLY = 3
"""So many fires of a job that do the same are shown one by one; more of them are one row."""


def as_json(found: Upcoming) -> contract.Upcoming:
    """Return the contract's object."""
    zone = found.zone
    return {
        "from": iso(found.start, zone),
        "to": iso(found.end, zone),
        "fires": [
            {
                "at": iso(fire.at, zone),
                "job": fire.job,
                "verdict": "start" if fire.verdict == "start" else "skip",
                "reason": fire.reason,
                "ends_at": iso(fire.ends_at, zone),
                "overlaps": list(fire.overlaps),
            }
            for fire in found.fires
        ],
    }


def show(found: Upcoming) -> None:
    """Print what runs now, and a row for each fire; many that do the same are one row."""
    out, now, zone = console(), found.start, found.zone
    for run in found.running:
        name, end = run.job.name, run.current.expected_end_at
        text = (
            say("%s is running and ends at a time nobody knows", name)
            if end is None
            else say("%s is running and ends about %s", name, moment(end, now, zone))
        )
        out.print(cell(text, STYLES["running"]))
    if not found.fires:
        out.print(cell(say("Nothing will be fired until %s.", human(found.end, zone))))
        return
    made = table(("FIRE", "JOB", "VERDICT", "ENDS", "BESIDE"))
    for rows in grouped(found.fires):
        made.add_row(*_row(rows, now, zone))
    keep_whole(made)
    made.columns[0].no_wrap = made.columns[3].no_wrap = True
    out.print(made)
    for name, condition in found.conditions.items():
        out.print(cell(f"{name}: {say('whether start_if holds (%s) cannot be foretold', condition)}"))
    coming = [fire for fire in found.fires if not fire.is_unfired]
    starts = sum(fire.verdict == "start" for fire in coming)
    skips = len(coming) - starts
    out.print(
        cell(
            say(
                "%s until %s: %d start, %d skip",
                counted(len(coming), "fire", "fires"),
                human(found.end, zone),
                starts,
                skips,
            )
        )
    )


def grouped(fires: Sequence[Fire]) -> list[Sequence[Fire]]:
    """Return the fires that share a row: those of a job that follow each other and do the same, where they are many."""
    of_job: dict[str, list[list[Fire]]] = {}
    for fire in fires:
        runs = of_job.setdefault(fire.job, [])
        if runs and verdict_text(runs[-1][0]) == verdict_text(fire):
            runs[-1].append(fire)
        else:
            runs.append([fire])
    every = [run for runs in of_job.values() for run in runs]
    rows: list[Sequence[Fire]] = [
        row for run in every for row in ([run] if len(run) > _SINGLY else [[fire] for fire in run])
    ]
    return sorted(rows, key=lambda row: row[0].at)


def _row(fires: Sequence[Fire], now: float, zone: Zone) -> list[Text]:
    first, last = fires[0], fires[-1]
    times = "" if len(fires) == 1 else say(", %d times until %s", len(fires), moment(last.at, now, zone))
    beside = dict.fromkeys(name for fire in fires for name in fire.overlaps)
    ends = "-" if last.ends_at is None or last.is_unfired else f"{symbols().about}{moment(last.ends_at, now, zone)}"
    return [
        cell(moment(first.at, now, zone)),
        cell(first.job, "bold"),
        cell(f"{verdict_text(first)}{times}", STYLES["skip" if first.is_unfired else first.verdict]),
        cell(ends),
        cell(", ".join(beside) or "-"),
    ]


def verdict_text(fire: Fire) -> str:
    """Return what a fire will do: start, or skip and why; or that there will be none."""
    if fire.is_unfired:
        return say("no crontab line fires it")
    return fire_text(fire.verdict, fire.reason)
