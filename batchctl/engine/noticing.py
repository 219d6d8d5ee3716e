"""Looking at what steps write while they still run: a batch of 26 hours is not to be over before somebody is told."""

from __future__ import annotations

from batchctl.base import clock
from batchctl.base.state_dir import StateDir
from batchctl.core import model
from batchctl.core.judge import alerts
from batchctl.engine import outputs
from batchctl.notify import ends
from batchctl.notify.send import send_due
from batchctl.store import database

TYPE_CHECKING = False
if TYPE_CHECKING:
    from batchctl.core.run import Run, StepRun
    from batchctl.engine.command import Surroundings
    from batchctl.engine.journal import Journal
    from batchctl.engine.supervise import Observer

EVERY = 60.0
"""Seconds between two looks."""
_BUDGET = 5.0
"""Seconds that the sending may take, during which nothing else of the run is attended to."""
_PATIENCE = 1.0


class Noticing:
    """An observer that looks at the logs of running steps for `alert_on_output`, beside one that shows the run."""

    def __init__(self, around: Surroundings, journal: Journal, beside: Observer | None) -> None:
        """Keep where to look and whom to tell."""
        self._around, self._journal, self._beside = around, journal, beside
        self.interval = EVERY if beside is None else min(EVERY, beside.interval)
        self._next = clock.monotonic() + EVERY
        self._read: dict[str, int] = {}
        """How far each log has been looked at."""
        self._seen: set[tuple[int, str]] = set()

    def show(self, run: Run) -> None:
        """Show the run, and where it is time, look."""
        if self._beside is not None:
            try:
                self._beside.show(run)
            except Exception:  # noqa: BLE001 - the terminal went away; to look at the logs goes on
                self._beside = None
        if clock.monotonic() >= self._next:
            self._next = clock.monotonic() + EVERY
            try:
                self._look(run)
            except Exception:  # noqa: BLE001 - what is not noticed now the end of the step will notice
                return

    def _look(self, run: Run) -> None:
        found = [text for step in run.steps if step.status == model.RUNNING for text in self._new(run, step)]
        if found:
            self._journal.note(run, ())
            if self._around.job.alerting.is_told:
                self._tell(run, found)

    def _new(self, run: Run, step: StepRun) -> list[str]:
        """Return what is new in a step's log, each text once a run; keep it with the run's warnings."""
        last, around = step.last, self._around
        if last is None:
            return []
        path = StateDir(around.state_dir).at(last.log)
        wanted = [text for text in around.job.alerting.alert_on_output if (step.seq, text) not in self._seen]
        lines, self._read[last.log] = outputs.since(wanted, path, self._read.get(last.log, 0), around.secrets)
        found = [f"step {step.step.id} wrote {text!r}: {line}" for text, line in lines.items()]
        self._seen |= {(step.seq, text) for text in lines}
        run.warnings += [(step.seq, "output", text) for text in found]
        return found

    def _tell(self, run: Run, found: list[str]) -> None:
        around, job = self._around, self._around.job
        if not alerts.wanted(job.alerting, alerts.OUTPUT):
            return
        see = f"it is still running; see: batchctl logs {job.name} --run {run.id}"
        alert = alerts.make(
            alerts.OUTPUT,
            f"{alerts.OUTPUT}:{run.id}",  # the end tells of it by the same name, and so not again
            job.name,
            f"{job.name}: run {run.id}: {found[0]}",
            "\n".join([*found, see]),
            clock.now(),
            run_id=run.id,
        )
        connection = database.connect(around.state_dir, create=False, busy_limit=_PATIENCE)
        try:
            with database.Immediate(connection):
                told = ends.tell(connection, job.name, [alert], job.alerting, job.rules.zone)
        finally:
            connection.close()
        if told:
            send_due(around.state_dir, {job.name: job}, _BUDGET)
