"""The short report on a failed run that cron puts into its mail; plain text, no import that a fire does not need."""

from __future__ import annotations

from batchctl.base.duration import format_duration
from batchctl.base.language import lasting, say, told
from batchctl.base.said import recalled
from batchctl.core import model

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.core.model import Job
    from batchctl.core.run import Run, StepRun


def failure_report(run: Run, job: Job, shown: Sequence[str], go_on: str) -> str:
    """Return job, steps, why, how long, the last lines of output (`shown`) and the commands for the rest and for more.

    `go_on` is the sentence with the command that continues the run.
    """
    how_long = lasting(format_duration(run.duration))
    status = say(run.status.replace("_", " "))
    lines = [say("batchctl: %s: run %d %s after %s (exit %s)", job.name, run.id, status, how_long, run.exit_code)]
    bad = [step for step in run.steps if step.status in model.UNFINISHED]
    lines += [_step(step) for step in bad]
    if run.why and not (bad and run.why.startswith("step ")):  # which is the steps' own why, told above
        lines.append(f"  {told(recalled(run.why))}")
    blocked = [one.step.id for one in run.steps if one.status == model.BLOCKED]
    if blocked:
        lines.append(say("  not run: %s", ", ".join(blocked)))
    if shown:
        whose = (
            say("  last %d lines of its output:", len(shown))
            if len(bad) == 1
            else say("  last %d lines of the output of %s:", len(shown), bad[0].step.id)
            if bad
            else say("  last %d lines of output:", len(shown))
        )
        lines += [whose, *(f"  | {line}" for line in shown)]
    rest = (f"batchctl logs {job.name} --run {run.id} --step {step.step.id}" for step in bad)
    lines += [say("  all of it: %s", command) for command in rest]
    return "\n".join([*lines, f"  {told(go_on)}", ""])


def _step(step: StepRun) -> str:
    why, took = told(recalled(step.why)) or say(step.status.replace("_", " ")), lasting(format_duration(step.duration))
    if not step.step.retries:
        return say("  step %s: %s, after %s", step.step.id, why, took)
    tries = (step.attempts[-1].number, step.step.retries + 1)
    return say("  step %s: %s, attempt %d of %d, after %s", step.step.id, why, *tries, took)
