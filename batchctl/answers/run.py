"""One fire of a job; the way that cron takes comes through here, so that nothing heavy is imported."""

from __future__ import annotations

from batchctl.base import clock, paths
from batchctl.base.errors import EXIT_OK
from batchctl.base.record import Record
from batchctl.engine import fire as engine

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from batchctl.answers.site import Site
    from batchctl.core.guard.decide import Decision
    from batchctl.core.model import Job, Selection
    from batchctl.core.run import Run, StepRun
    from batchctl.engine.supervise import Observer
    from batchctl.watch.underway import Current

Outcome = engine.Outcome
Request = engine.Request


def fire_by_cron(name: str, options: Mapping[str, str], command: Sequence[str] | None = None) -> Outcome:
    """Fire a job as the crontab's line does: through the compiled configuration, with nothing asked for.

    With a `command` it is what guards that; `options` are those of the line, of batchctl and of the job.

    Raises:
        UsageError: if there is no such job, or as `guarded` does.
        ConfigError, StateError: as for any fire; nothing was started.
    """
    from batchctl.config import load_job

    chosen = options.get("--config"), options.get("--state")
    path = paths.config_file(chosen[0])
    job, state_dir = load_job(path, name, chosen[1])
    if command is not None:
        job = _guarded_by_cron(name, chosen, command, options, None if job is not None else (path, state_dir))
    elif job is None:
        from batchctl.answers.site import Site

        job = Site(*chosen).job(name)
    return engine.fire(job, Request(state_dir=state_dir))


def _guarded_by_cron(
    name: str,
    chosen: tuple[str | None, str | None],
    command: Sequence[str],
    options: Mapping[str, str],
    place: tuple[str | None, str] | None,
) -> Job:
    """Return what guards a command, as it was compiled where nothing has changed; without a `place` it is refused.

    Raises:
        UsageError, StateError: as `guarded` does.
    """
    from batchctl.config import compiled

    rules = {key: options[f"--{key.replace('_', '-')}"] for key in _RULES if f"--{key.replace('_', '-')}" in options}
    asked = (tuple(command), tuple(rules.items()), paths.here())
    job = None if place is None else compiled.load_guarded(*place, name, asked)
    if job is None:
        from batchctl.answers.site import Site

        given = {key: int(rule) if key == "retries" else rule for key, rule in rules.items()}
        job = guarded(Site(*chosen), name, command, given)
        if place is not None:
            compiled.keep_guarded(*place, job.name, asked)
    return job


_RULES = ("min_gap", "timeout", "stale_after", "retries")
"""What the command line may say of a guarded command."""


def request(
    site: Site,
    job: Job,
    *,
    force: bool = False,
    selection: Selection,
    params: Mapping[str, Any],
    exit_on_skip: int,
    scheduled_for: str | None = None,
) -> Request:
    """Return what is asked of one fire.

    Raises:
        UsageError: if `scheduled_for` is no time, or the job's programs do not take a parameter.
    """
    instant = None
    _refuse_misfits(job, params)
    if scheduled_for is not None:
        from batchctl.base.errors import UsageError
        from batchctl.core.time import zones

        try:
            instant = zones.parse_time(scheduled_for, job.rules.zone, clock.now())
        except ValueError as error:
            raise UsageError(str(error)) from error
    return Request(
        state_dir=site.state,
        force=force,
        selection=selection,
        params=params,
        exit_on_skip=exit_on_skip,
        scheduled_for=instant,
    )


def _refuse_misfits(job: Job, params: Mapping[str, Any]) -> None:
    from batchctl.core.parameters import known, misfit

    takes = known(job) if params else None
    for key, value in params.items() if takes is not None else ():
        if found := misfit(key, value, takes or {}):
            from batchctl.base.errors import UsageError

            message = f"--param {key} {found[0]}"
            raise UsageError(message, remedy=found[1])


def meant(site: Site, name: str | None, words: Sequence[str], rules: Mapping[str, str | int], *, keep: bool) -> Job:
    """Return the job that a command line means: a known one, or with `name` the command that its words are.

    Raises:
        UsageError: if it means none, or both at once; see `guarded` for the rest.
    """
    from batchctl.base.errors import UsageError

    if name is not None:
        return guarded(site, name, words, rules, keep=keep)
    if not words:
        message = "run needs the name of a job"
        raise UsageError(message, remedy="`batchctl status` lists them; or guard a command: run --name NAME -- CMD")
    if len(words) > 1:
        message = f"run takes one job, and {words[1]!r} comes after it"
        raise UsageError(message, remedy=f"to guard a command, name it: batchctl run --name NAME -- {words[0]} …")
    if rules:
        option = next(iter(rules)).replace("_", "-")
        message = f"--{option} goes with --name"
        raise UsageError(message, remedy=f"a job's own rules stand in the configuration: batchctl jobs show {words[0]}")
    return site.job(words[0])


def guarded(site: Site, name: str, argv: Sequence[str], rules: Mapping[str, str | int], *, keep: bool = True) -> Job:
    """Return the job that guards a command without a configuration; `rules` are keys of a job.

    With `keep` its name is known from then on, with these rules, to whatever knows jobs.

    Raises:
        UsageError: if the name is no job's name or is taken, there is no command, or a rule is wrong.
        StateError: if it cannot be written down.
    """
    from batchctl.base.errors import UsageError
    from batchctl.base.state_dir import StateDir
    from batchctl.config import guarded as kept
    from batchctl.config.ready_made import is_ready_made
    from batchctl.config.values import job_name

    valid = job_name(name)
    if valid in site.config.jobs or is_ready_made(valid):
        whose = "a job of the configuration" if valid in site.config.jobs else "a ready-made job"
        message = f"{valid} is the name of {whose}"
        raise UsageError(message, remedy=f"choose another name; `batchctl run {valid}` fires that job")
    if not argv or not argv[0]:
        message = f"{valid}: there is no command to guard"
        raise UsageError(message, remedy=f"write it after --, as in: batchctl run --name {valid} -- rsync -a /from /to")
    for key, rule in rules.items():
        if isinstance(rule, str) and rule.strip().replace(".", "", 1).isdecimal():
            message = f"--{key.replace('_', '-')} {rule}: a bare number says no unit"
            raise UsageError(message, remedy=f"write {rule.strip()}h, {rule.strip()}m or {rule.strip()}s")
    text = kept.text_of(argv, rules)
    job = kept.job_of(site.config_path, site.state, valid, text)
    if keep:
        StateDir(site.state).ensure()
        kept.remember(site.state, valid, text)
    return job


def selection(*, resume: bool = False, only: Sequence[str] = (), start_from: str | None = None) -> Selection:
    """Return which steps are asked for, their names in the form in which the configuration keeps them."""
    from unicodedata import normalize

    from batchctl.core.model import Selection

    return Selection(
        resume=resume,
        only=tuple(normalize("NFC", name) for name in only),
        start_from=None if start_from is None else normalize("NFC", start_from),
    )


def run(job: Job, asked: Request, observer: Observer | None = None) -> Outcome:
    """Fire; see `engine.fire.fire` for what it raises."""
    return engine.fire(job, asked, observer)


def detach(
    job: Job,
    asked: Request,
    begun: Callable[[Outcome], str],
    skipped: Callable[[Outcome], None],
    failed: Callable[[Exception], int],
) -> tuple[int, str]:
    """Fire in a session of its own; return exit code and output as soon as the run is written down, or there is none.

    `begun` says what to print of a run that is under way; a skip and an error are told by the other two, in the
    background.

    Raises:
        StateError: if the background was ended before it could tell.
    """
    from batchctl.process import background

    def work(tell: background.Tell) -> int:
        try:
            outcome = engine.fire(job, asked, begun=lambda under_way: tell(EXIT_OK, _said(begun, under_way)))
        except Exception as error:  # noqa: BLE001 - nothing may leave a forked child but its exit code
            return failed(error)
        if outcome.run is None:
            skipped(outcome)
        return outcome.exit_code

    return background.leave(work)


def _said(begun: Callable[[Outcome], str], outcome: Outcome) -> str:
    try:
        return begun(outcome)
    except Exception:  # noqa: BLE001 - what cannot be shown must not cost the run that has begun
        return "" if outcome.run is None else f"{outcome.run.id}\n"


class Plan(Record):
    """What a fire would do now."""

    job: Job
    decision: Decision
    steps: Sequence[StepRun]
    commands: Mapping[int, str]
    """What each step runs, by its place in the chain, as the configuration has it; secrets masked."""
    resumes: int | None


def plan(job: Job, asked: Request) -> Plan:
    """Decide, and change nothing; see `engine.fire.plan_of` for what it raises."""
    from batchctl.core.guard import decide
    from batchctl.core.text.masking import mask
    from batchctl.process import environment

    state, steps, resumes = engine.plan_of(job, asked)
    secrets = environment.secret_values(job, environment.read_env_files(job))
    return Plan(
        job=job,
        decision=decide.decide(clock.now(), state, job.rules, force=asked.force, resume=asked.selection.resume),
        steps=steps,
        commands={
            each.seq: mask(each.step.run or each.step.function or " ".join(each.step.argv or ()), secrets)
            for each in steps
        },
        resumes=resumes,
    )


class Glances:
    """Looks at a run that goes on, for whoever draws it: what its steps say of their progress, when it will end."""

    _EVERY = 2.0
    """Seconds between two looks at progress and history."""

    def __init__(self, job: Job, state_dir: str) -> None:
        """Keep whose run it is."""
        self.job, self._state_dir = job, state_dir
        self._looked = -self._EVERY
        self._current: Current | None = None

    def look(self) -> tuple[float, Current | None]:
        """Return the time, and where the run stands; None where the history does not say."""
        if clock.monotonic() - self._looked >= self._EVERY:
            self._looked = clock.monotonic()
            self._current = self._standing()
        return clock.now(), self._current

    def _standing(self) -> Current | None:
        from batchctl.base.errors import BatchctlError
        from batchctl.store.history import History
        from batchctl.watch.standing import job_status

        try:
            return job_status(self.job, History(self._state_dir), self._state_dir, clock.now()).current
        except BatchctlError:
            # The picture is a comfort; what is wrong with the history the end of the run will say.
            return None


def last_lines(outcome: Outcome) -> list[str]:
    """Return the last lines that the first failed step of a run wrote, harmless and masked."""
    from batchctl.base.state_dir import StateDir
    from batchctl.store import tail

    step = failed_step(outcome.run)
    if step is None or step.last is None:
        return []
    return tail.last_lines(StateDir(outcome.state_dir).at(step.last.log), outcome.secrets)


def go_on(outcome: Outcome) -> str:
    """Return the sentence with the command, for any shell, that continues a run or, with no step left, repeats it."""
    from batchctl.core.guard import selection

    job, steps = outcome.job, () if outcome.run is None else outcome.run.steps
    left = selection.any_left(job, {step.step.id: step.status for step in steps})
    return selection.go_on(job, paths.called(job.config_path, outcome.state_dir, job.state_home), left=left)


def failed_step(run: Run | None) -> StepRun | None:
    """Return the first step of a run that did not end well."""
    from batchctl.core import model

    return None if run is None else next((step for step in run.steps if step.status in model.UNFINISHED), None)
