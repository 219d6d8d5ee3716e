"""Which steps of a job a run executes: all, those named, those from one on, those an earlier run left undone."""

from __future__ import annotations

from batchctl.base.errors import UsageError
from batchctl.base.record import Record
from batchctl.base.said import Said, said
from batchctl.core import model
from batchctl.core.text.unfit import unfit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from batchctl.core.model import Job, Selection, Step
    from batchctl.core.run import StepRun


class Earlier(Record):
    """The run that is being continued: what became of each step, by id."""

    run_id: int
    status: str
    statuses: Mapping[str, str]
    attempts: Mapping[str, int]
    results: Mapping[str, Any]
    params: Mapping[str, Any]
    done_in: Mapping[str, int] = {}
    """The runs of some steps since that have done what it had not, by step."""


def going_on(job: Job, *, left: bool) -> str:
    """Return the words that, after `batchctl` and its options, go on from the job's last run.

    Where no step is left, because its results were wrong or batchctl vanished after the last one, it is run again.
    """
    return f"run {job.name} --resume" if left else f"run {job.name} --force"


def go_on(job: Job, called: str, *, left: bool) -> Said:
    """Return the sentence that tells of it; `called` is batchctl with its options."""
    return said("resume it: %s" if left else "run it again: %s", f"{called} {going_on(job, left=left)}")


def is_left(step: Step, status: str | None) -> bool:
    """Say whether a step is a reason to continue a run that left it so; what only follows others is where it failed."""
    if step.when == model.ON_SUCCESS:
        return status not in {model.SUCCEEDED, model.SKIPPED}
    return status == model.RUNNING or status in model.UNFINISHED


def any_left(job: Job, statuses: Mapping[str, str]) -> bool:
    """Say whether `--resume` has anything to do after a run that left the steps so, by id."""
    return any(is_left(step, statuses.get(step.id)) for step in job.steps)


def check(job: Job, selection: Selection) -> None:
    """Raise UsageError where the selection names a step or group that the job does not have."""
    known = [*(step.id for step in job.steps), *dict.fromkeys(step.group for step in job.steps if step.group)]
    for option, names in (("--only", selection.only), ("--from", (selection.start_from,))):
        for name in names:
            if name is not None and name not in known:
                message = f"{option} {name!r}: job {job.name} has no such step or group"
                raise UsageError(message, remedy=_suggestion(name, known))


def _suggestion(name: str, known: Sequence[str]) -> str:
    from difflib import get_close_matches

    close = get_close_matches(name, known, n=1)
    all_of_them = f"steps and groups: {', '.join(known)}"
    return f"did you mean {close[0]}? {all_of_them}" if close else all_of_them


def inherited(earlier: Earlier | None, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters that override the configuration's: those of the run being continued, and these over them.

    Raises:
        UsageError: if one cannot be handed to a program, or the history has it only masked, because it held a secret.
    """
    kept = {} if earlier is None else earlier.params
    hidden = [name for name, value in kept.items() if name not in given and _is_hidden(value)]
    if hidden and earlier is not None:
        message = f"run {earlier.run_id} had a secret in its parameter {hidden[0]}, which the history does not keep"
        again = " ".join(f"--param {name}=…" for name in hidden)
        raise UsageError(message, remedy=f"give it again: --resume {again}")
    params = {**kept, **given}
    for name, value in params.items():
        reason = unfit(value)
        if reason:
            message = f"parameter {name} {reason}"
            raise UsageError(message, remedy=f"write it as UTF-8 text or JSON: --param {name}=…; nothing was started")
    return params


def _is_hidden(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_is_hidden(key) or _is_hidden(inner) for key, inner in value.items())
    if isinstance(value, list):
        return any(_is_hidden(inner) for inner in value)
    from batchctl.core.text.masking import MASK

    return isinstance(value, str) and MASK in value


def chosen(job: Job, selection: Selection, earlier: Earlier | None) -> list[StepRun]:
    """Return all steps of the job: pending those that the run will execute, skipped the others.

    A step that succeeded in the run being continued keeps its result and the count of its attempts; one that run did
    not select stays unselected. Steps are the same where their ids are: what else the configuration says of them may
    have changed since.

    Raises:
        UsageError: if no step is left to execute.
    """
    from batchctl.core.run import StepRun

    found = []
    for seq, step in enumerate(job.steps, 1):
        run = StepRun(seq, step)
        if earlier is not None:
            run.attempts_before = earlier.attempts.get(step.id, 0)
            # What cleans up after a run cleans up after this one too.
            if step.when == model.ON_SUCCESS and not is_left(step, earlier.statuses.get(step.id)):
                run.status = model.SKIPPED
                run.result = earlier.results.get(step.id)
                run.why = _why_skipped(earlier, step.id)
        if run.status == model.PENDING and not _selected(job.steps, step, selection):
            run.status, run.why = model.SKIPPED, "not selected"
        found.append(run)
    if not any(_is_reason(run, earlier) for run in found):
        message = f"no step of {job.name} is left to run: {'; '.join(f'{run.step.id} {run.why}' for run in found)}"
        remedy = f"see `batchctl run {job.name} --dry-run`, and select other steps"
        if earlier is not None and not any_left(job, earlier.statuses):
            remedy = f"run all of it again: batchctl {going_on(job, left=False)}"
        raise UsageError(message, remedy=remedy)
    return found


def _is_reason(run: StepRun, earlier: Earlier | None) -> bool:
    is_pending = run.status == model.PENDING
    return is_pending and (earlier is None or is_left(run.step, earlier.statuses.get(run.step.id)))


def _why_skipped(earlier: Earlier, step: str) -> str:
    if earlier.statuses[step] == model.SUCCEEDED:
        return f"done in run {earlier.done_in.get(step, earlier.run_id)}"
    # What was done already when that run began was tried before it; what was not selected never was.
    tried = earlier.attempts.get(step)
    return f"done before run {earlier.run_id}" if tried else f"not selected in run {earlier.run_id}"


def _selected(steps: Sequence[Step], step: Step, selection: Selection) -> bool:
    if selection.only and step.id not in selection.only and step.group not in selection.only:
        return False
    first = selection.start_from
    if first is None:
        return True
    position = next(number for number, one in enumerate(steps) if first in {one.id, one.group})
    return steps.index(step) >= position
