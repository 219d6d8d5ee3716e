"""The short report on a failed run that cron puts into its mail; plain text, no import that a fire does not need."""

from __future__ import annotations

from batchctl.base.duration import format_duration
from batchctl.core import model

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.core.model import Job
    from batchctl.core.run import Run, StepRun


def failure_report(run: Run, job: Job, shown: Sequence[str], resume: str) -> str:
    """Return job, steps, why, how long, the last lines of output (`shown`) and the commands for the rest and for more.

    `resume` is the command that continues the run.
    """
    how_long = format_duration(run.duration)
    lines = [
        f"batchctl: {job.name}: run {run.id} {run.status.replace('_', ' ')} after {how_long} (exit {run.exit_code})"
    ]
    bad = [step for step in run.steps if step.status in model.UNFINISHED]
    lines += [_step(step) for step in bad]
    if run.why and not run.why.startswith("step "):
        lines.append(f"  {run.why}")
    blocked = [one.step.id for one in run.steps if one.status == model.BLOCKED]
    if blocked:
        lines.append(f"  not run: {', '.join(blocked)}")
    if shown:
        whose = "its output" if len(bad) == 1 else f"the output of {bad[0].step.id}" if bad else "output"
        lines.append(f"  last {len(shown)} lines of {whose}:")
        lines += [f"  | {line}" for line in shown]
    lines += [f"  all of it: batchctl logs {job.name} --run {run.id} --step {step.step.id}" for step in bad]
    return "\n".join([*lines, f"  resume it: {resume}", ""])


def _step(step: StepRun) -> str:
    attempts = f", attempt {step.attempts[-1].number} of {step.step.retries + 1}" if step.step.retries else ""
    return f"  step {step.step.id}: {step.why or step.status}{attempts}, after {format_duration(step.duration)}"
