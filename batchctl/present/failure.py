"""The short report on a failed run that cron puts into its mail; plain text, no import that a fire does not need."""

from __future__ import annotations

from batchctl.base.duration import format_duration
from batchctl.core import model

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.core.model import Job
    from batchctl.core.run import Run


def failure_report(run: Run, job: Job, shown: Sequence[str]) -> str:
    """Return job, step, why, how long, the last lines of output (`shown`) and the command that shows the rest."""
    how_long = format_duration(run.duration)
    lines = [
        f"batchctl: {job.name}: run {run.id} {run.status.replace('_', ' ')} after {how_long} (exit {run.exit_code})"
    ]
    step = next((step for step in run.steps if step.status in model.UNFINISHED), None)
    if step is None:
        return "\n".join([*lines, f"  {run.why}", ""])
    attempts = f", attempt {step.attempts[-1].number} of {step.step.retries + 1}" if step.step.retries else ""
    lines.append(f"  step {step.step.id}: {step.why or step.status}{attempts}, after {format_duration(step.duration)}")
    if run.why and not run.why.startswith("step "):
        lines.append(f"  {run.why}")
    blocked = [one.step.id for one in run.steps if one.status == model.BLOCKED]
    if blocked:
        lines.append(f"  not run: {', '.join(blocked)}")
    if shown:
        lines.append(f"  last {len(shown)} lines of its output:")
        lines += [f"  | {line}" for line in shown]
    lines.append(f"  all of it: batchctl logs {job.name} --run {run.id} --step {step.step.id}")
    return "\n".join([*lines, ""])
