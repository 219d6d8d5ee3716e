"""`run` on a terminal: the run as it goes on, a bar for the whole and one for each step that is under way."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.core import model
from batchctl.present.run import remarks
from batchctl.present.status import spread
from batchctl.present.tables import window
from batchctl.present.text import STYLES, bar, console, format_duration, human, in_words, percent, say, symbols

if TYPE_CHECKING:
    from rich.console import Group
    from rich.live import Live as RichLive

    from batchctl.answers.run import Glances
    from batchctl.core.model import Job
    from batchctl.core.run import Run, StepRun
    from batchctl.watch.underway import Current

_MOST = 0.99
"""What a bar that goes by earlier runs comes to before the end is there."""
_BAR, _STEP_BAR = 20, 16
_AROUND = 4
"""Lines besides those of the steps: heading, bar, headers, and what is left out."""
_STEP_HEADERS = ("step", "group", "status", "time", "")


class Live:
    """The live picture of a run; what goes wrong in drawing it is no matter of the run."""

    interval = 0.5

    def __init__(self, glances: Glances) -> None:
        """Prepare to draw; nothing is shown before the run starts."""
        self._glances = glances
        self._out = console()
        self._live: RichLive | None = None
        self._size = self._out.size

    def show(self, run: Run) -> None:
        """Draw where the run stands; the picture goes when the run has ended, and the summary takes its place."""
        try:
            self._show(run)
        except OSError:
            self.interval = 3600.0  # the terminal is gone, and the run goes on

    def _show(self, run: Run) -> None:
        if run.status != model.RUNNING:
            self._stop()
            return
        if self._size != self._out.size:
            # A terminal that was made narrower has broken the old lines, and nobody knows where they begin.
            self._size = self._out.size
            self._stop()
            self._out.clear()
        if self._live is None:
            from rich.live import Live as RichLive

            # Redirected, stdout would no longer say which signs it can show.
            self._live = RichLive(
                console=self._out,
                auto_refresh=False,
                transient=True,
                vertical_overflow="crop",
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        at, current = self._glances.look()
        self._live.update(picture(self._glances.job, run, at, current, self._size.height), refresh=True)

    def _stop(self) -> None:
        live, self._live = self._live, None
        if live is not None:
            live.stop()


def picture(job: Job, run: Run, at: float, current: Current | None, height: int) -> Group:
    """Return the run as it stands, on lines that are cut and never broken, and not more of them than there is room."""
    from rich.console import Group
    from rich.table import Table
    from rich.text import Text

    elapsed = max(0.0, at - run.started_at)
    head = f"{job.name}  {say('run %d', run.id)}  {in_words(run.status)}  {format_duration(elapsed)}"
    shown, left_out = window(run.steps, height - _AROUND)
    table = Table(box=None, padding=(0, 2, 0, 0))
    for header in _STEP_HEADERS:
        table.add_column(say(header), no_wrap=True, overflow="ellipsis")
    for step in shown:
        table.add_row(
            Text(step.step.id),
            Text(step.step.group or ""),
            Text(in_words(step.status), style=STYLES.get(step.status, "")),
            _elapsed(step, at),
            Text(_remark(step, at, current)),
        )
    rest = [] if not left_out else [Text(say("%d more steps", left_out), style="dim")]
    lines = [Text(line, no_wrap=True, overflow="ellipsis") for line in (head, _whole(job, run, at, current))]
    return Group(*lines, table, *rest)


def _whole(job: Job, run: Run, at: float, current: Current | None) -> str:
    """Return the bar of the whole run: by when it will probably end, else by the steps that are done."""
    end = None if current is None else current.expected_end_at
    if current is None or end is None:
        done = sum(step.status not in {model.PENDING, model.RUNNING} for step in run.steps)
        return f"{bar(done / len(run.steps), _BAR)} {done}/{len(run.steps)}  {say('no history yet')}"
    share = _of((at - run.started_at), end - run.started_at)
    left = say("%s left", format_duration(max(0.0, end - at)))
    ends = say("ends %s", f"{symbols().about}{human(end, job.rules.zone)}{spread(current)}")
    return f"{bar(share, _BAR)} {percent(share)}  {left}, {ends}"


def _of(elapsed: float, expected: float) -> float:
    return min(_MOST, max(0.0, elapsed) / expected) if expected > 0 else _MOST


def _elapsed(step: StepRun, at: float) -> str:
    if step.status == model.RUNNING and step.started_at is not None:
        return format_duration(max(0.0, at - step.started_at))
    return "" if step.duration is None else format_duration(step.duration)


def _remark(step: StepRun, at: float, current: Current | None) -> str:
    parts = remarks(step)
    if step.status == model.RUNNING and current is not None and step.started_at is not None:
        progress, typical = current.progresses.get(step.seq), current.typical_s.get(step.seq)
        if progress is not None:
            share = progress.done / progress.total
            parts.insert(0, f"{bar(share, _STEP_BAR)} {percent(share)} {progress.done:g}/{progress.total:g}")
        elif typical is not None:
            share = _of(at - step.started_at, typical)
            parts.insert(0, f"{bar(share, _STEP_BAR)} {symbols().about}{percent(share)}")
    return f" {symbols().dot} ".join(parts)
