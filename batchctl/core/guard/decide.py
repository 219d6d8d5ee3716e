"""The decision whether a job may start now.

One pure function over (now, state, rules) yields all checks in order; the first that fails is the verdict. `run`,
`status`, `explain` and `simulate` use it and no other, so a preview cannot drift from the truth. It reads no clock,
changes nothing and raises nothing; the caller acts on the value it returns.

Checks are values with a template instead of a finished sentence: a preview of a year decides 525,600 times and shows
few of the sentences, and the words need a time zone only where somebody reads them.
"""

from __future__ import annotations

from batchctl.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batchctl.core.guard.fitness import Machine
    from batchctl.core.model import Rules

PAUSED = "paused"
DISABLED = "disabled"
OUTSIDE_HOURS = "outside_hours"
NOT_DUE = "not_due"
ALREADY_RUNNING = "already_running"
MIN_GAP = "min_gap"
POOL_FULL = "pool_full"
NOT_FIT = "not_fit"
LOCKED = "locked"

NAMES = (PAUSED, DISABLED, OUTSIDE_HOURS, NOT_DUE, ALREADY_RUNNING, MIN_GAP, POOL_FULL, NOT_FIT, LOCKED)
NEVER_FORCED = frozenset({ALREADY_RUNNING, POOL_FULL, LOCKED})
"""`--force` passes every check but these: nothing ever makes two runs of a job overlap."""
PASSED_BY_RESUME = frozenset({NOT_DUE, MIN_GAP})
"""What `--resume` passes by itself: to continue a broken batch is no new fire."""


class Pause(Record):
    """A pause in force; `until` None lasts until `resume`."""

    until: float | None = None


class Running(Record):
    """The running row of the job, and what the machine says of it.

    `owner` is "alive", "dead" (proven: other boot, or no process with that pid and start time on this host) or
    "unknown"; `left_behind` says that its steps left processes, or still hold the lock.
    """

    run_id: int
    started_at: float
    owner: str = "alive"
    left_behind: bool = False
    age: float | None = None
    """Seconds since its start on a clock that nobody can set; None where only the wall clock is known."""
    expected_end: float | None = None


class State(Record):
    """What the history and the machine say at one instant."""

    paused: Pause | None = None
    running: Running | None = None
    last_start: float | None = None
    last_end: float | None = None
    """End of the last run that counts for the gap (any outcome, or successes only)."""
    last_run_id: int | None = None
    typical: float | None = None
    """Median of the last 10 successful durations."""
    pool_running: int = 0
    machine: Machine | None = None
    """None where nobody can know it: of another instant, and for a job that does not ask."""
    lock_held: bool = False


def _filled(text: str, *facts: object) -> str:
    return text % facts


class Check:
    """One check: passed or not, and if not, when it would pass (`until`, None where unknown or never)."""

    __slots__ = ("_facts", "_text", "name", "passed", "until")

    def __init__(
        self,
        name: str,
        passed: bool,  # noqa: FBT001 - 525,600 decisions a preview: keywords cost
        text: str,
        facts: tuple[object, ...] = (),
        until: float | None = None,
    ) -> None:
        """Keep the verdict; `text` is a %-template over facts, in which instants stand as `Instant`."""
        self.name, self.passed, self.until, self._text, self._facts = name, passed, until, text, facts

    def detail(
        self,
        show_time: Callable[[float], str],
        show_duration: Callable[[float], str],
        say: Callable[..., str] = _filled,
    ) -> str:
        """Return the sentence for the operator, with instants and durations shown by these functions, said by `say`."""
        shown = tuple(
            show_time(fact.value)
            if isinstance(fact, Instant)
            else show_duration(fact.value)
            if isinstance(fact, Span)
            else fact
            for fact in self._facts
        )
        return say(self._text, *shown)

    def __repr__(self) -> str:
        """Print what a failing test needs."""
        return f"Check({self.name}, passed={self.passed}, until={self.until})"


def _passed(name: str, text: str, facts: tuple[object, ...] = ()) -> Check:
    return Check(name, True, text, facts)  # noqa: FBT003 - the two names of this value


def _failed(name: str, text: str, facts: tuple[object, ...] = (), until: float | None = None) -> Check:
    return Check(name, False, text, facts, until)  # noqa: FBT003


class Instant:
    """An instant inside a sentence."""

    __slots__ = ("value",)

    def __init__(self, value: float) -> None:
        """Keep the seconds since the epoch."""
        self.value = value


class Span:
    """A duration inside a sentence."""

    __slots__ = ("value",)

    def __init__(self, value: float) -> None:
        """Keep the seconds."""
        self.value = value


class Decision(Record):
    """Start or skip. A start may have to `reclaim` a lost run or `take_over` a stale one first."""

    start: bool
    failed: Check | None = None
    reclaim: int | None = None
    take_over: int | None = None
    forced: tuple[str, ...] = ()
    """Checks that failed and were passed by `--force`."""

    @property
    def reason(self) -> str | None:
        """Return the name of the check that failed, None for a start."""
        return None if self.failed is None else self.failed.name


def checks(now: float, state: State, rules: Rules) -> Iterator[Check]:
    """Yield every check of the contract's section 2, in its order."""
    for check in _CHECKS:
        yield check(now, state, rules)


def decide(now: float, state: State, rules: Rules, *, force: bool = False, resume: bool = False) -> Decision:
    """Return the verdict: the first check that fails skips; `force` and `resume` pass those that they may."""
    forced: tuple[str, ...] = ()
    for function in _CHECKS:
        check = function(now, state, rules)
        if check.passed or (resume and check.name in PASSED_BY_RESUME):
            continue
        if not force or check.name in NEVER_FORCED:
            return Decision(start=False, failed=check, forced=forced)
        forced = (*forced, check.name)
    running = state.running
    if running is None:
        return Decision(start=True, forced=forced)
    if is_lost(running):
        return Decision(start=True, reclaim=running.run_id, forced=forced)
    return Decision(start=True, take_over=running.run_id, forced=forced)


def is_lost(running: Running) -> bool:
    """Say whether the running row belongs to nobody: owner proven dead, no process left behind. Age plays no part."""
    return running.owner == "dead" and not running.left_behind


def _paused(now: float, state: State, _rules: Rules) -> Check:
    pause = state.paused
    if pause is None:
        return _NOT_PAUSED
    if pause.until is None:
        return _failed(PAUSED, "paused until `batchctl resume`")
    if now < pause.until:
        return _failed(PAUSED, "paused until %s", (Instant(pause.until),), pause.until)
    return _NOT_PAUSED


def _disabled(_now: float, _state: State, rules: Rules) -> Check:
    return _ENABLED if rules.enabled else _DISABLED


def _outside_hours(now: float, _state: State, rules: Rules) -> Check:
    window = rules.active_hours
    if window is None:
        return _ANY_HOUR
    if window.contains(now, rules.zone):
        return _passed(OUTSIDE_HOURS, "within active hours %s", (_clock_range(window.start, window.end),))
    until = window.turn(now, rules.zone)
    return _failed(
        OUTSIDE_HOURS,
        "outside active hours %s; they begin %s",
        (_clock_range(window.start, window.end), Instant(until)),
        until,
    )


def _not_due(now: float, state: State, rules: Rules) -> Check:
    if rules.every is not None:
        last = state.last_start
        if last is None:
            return _passed(NOT_DUE, "never started before, so it is due")
        due = last + rules.every
        if now >= due or last > now:
            return _passed(NOT_DUE, "due since %s (every %s)", (Instant(min(due, now)), Span(rules.every)))
        return _failed(
            NOT_DUE,
            "not due before %s (every %s, last start %s)",
            (Instant(due), Span(rules.every), Instant(last)),
            due,
        )
    if rules.at is not None:
        if state.last_start is not None and state.last_start >= rules.at:
            return _failed(
                NOT_DUE, "was due once, at %s, and started %s", (Instant(rules.at), Instant(state.last_start))
            )
        if now - rules.at > _AT_EXPIRES:
            # Its crontab line names no year and fires again: a date that was missed must not start a year late.
            return _failed(NOT_DUE, "was due once, at %s, and was missed", (Instant(rules.at),))
        if now < rules.at:
            return _failed(NOT_DUE, "not due before %s", (Instant(rules.at),), rules.at)
        return _passed(NOT_DUE, "due since %s", (Instant(rules.at),))
    return _DUE


def _already_running(now: float, state: State, rules: Rules) -> Check:
    running = state.running
    if running is None:
        return _NOT_RUNNING
    age = max(0.0, now - running.started_at) if running.age is None else running.age
    if is_lost(running):
        return _passed(
            ALREADY_RUNNING, "run %d is lost (its owner is gone and left no process behind)", (running.run_id,)
        )
    # What cannot be judged from here cannot be ended from here, so it is never taken over.
    if rules.stale_after is not None and age > rules.stale_after and running.owner != "unknown":
        if rules.on_stale == "takeover":
            text = "run %d is stale (%s old, stale_after %s) and is taken over"
            return _passed(ALREADY_RUNNING, text, (running.run_id, Span(age), Span(rules.stale_after)))
        text = "run %d is stale (%s old, stale_after %s) and on_stale = alert leaves it to you"
        return _failed(ALREADY_RUNNING, text, (running.run_id, Span(age), Span(rules.stale_after)))
    if running.owner == "dead":
        text = "run %d lost its batchctl, but processes of its steps still live (started %s, %s ago)"
    elif running.owner == "alive":
        text = "run %d is still running (started %s, %s ago)"
    else:
        text = "run %d cannot be proven dead (started %s, %s ago)"
    facts = (running.run_id, Instant(running.started_at), Span(age))
    until = running.expected_end if running.expected_end is not None and running.expected_end > now else None
    return _failed(ALREADY_RUNNING, text, facts, until)


def _min_gap(now: float, state: State, rules: Rules) -> Check:
    gap = rules.min_gap
    if rules.gap_factor is not None and state.typical is not None:
        gap = max(gap, rules.gap_factor * state.typical)
    end = state.last_end
    if not gap:
        return _NO_GAP
    if end is None:
        return _NO_END
    if end > now:
        return _passed(
            MIN_GAP,
            "the last end, %s, lies in the future (was the clock set back?) and is ignored",
            (Instant(end),),
        )
    until = end + gap
    facts = (Span(gap), Instant(end), Instant(until))
    if now < until:
        return _failed(MIN_GAP, "the gap of %s since the last end, %s, lasts until %s", facts, until)
    return _passed(MIN_GAP, "the gap of %s since the last end, %s, was over at %s", facts)


def _pool_full(_now: float, state: State, rules: Rules) -> Check:
    if rules.pool is None or rules.pool_limit is None:
        return _NO_POOL
    passed = state.pool_running < rules.pool_limit
    text = "pool %s runs %d of %d jobs"
    return Check(POOL_FULL, passed, text, (rules.pool, state.pool_running, rules.pool_limit))


def _not_fit(_now: float, state: State, rules: Rules) -> Check:
    if rules.start_if is None:
        return _ANY_MACHINE
    from batchctl.core.guard import fitness

    if state.machine is None:
        return _passed(NOT_FIT, "whether start_if holds (%s) cannot be foretold", (fitness.asked(rules.start_if),))
    fit, figures = fitness.judged(rules.start_if, state.machine)
    text = "the machine is fit: %s" if fit else "the machine is not fit: %s"
    return Check(NOT_FIT, fit, text, (figures,))


def _locked(_now: float, state: State, _rules: Rules) -> Check:
    # A held lock beside a running row is that run's own, and check 5 has spoken about it.
    if not state.lock_held or state.running is not None:
        return _UNLOCKED
    return _failed(LOCKED, "another fire of this job is starting at this very moment")


def _clock_range(start: int, end: int) -> str:
    return f"{start // 60:02d}:{start % 60:02d}-{end // 60:02d}:{end % 60:02d}"


# Passed checks that say nothing particular are made once.
_NOT_PAUSED = _passed(PAUSED, "not paused")
_ENABLED = _passed(DISABLED, "enabled")
_DISABLED = _failed(DISABLED, "enabled = false in the configuration")
_ANY_HOUR = _passed(OUTSIDE_HOURS, "no active hours set")
_DUE = _passed(NOT_DUE, "due whenever it is fired")
_NOT_RUNNING = _passed(ALREADY_RUNNING, "no run is running")
_NO_GAP = _passed(MIN_GAP, "no gap asked for")
_NO_END = _passed(MIN_GAP, "no earlier run to keep a gap from")
_NO_POOL = _passed(POOL_FULL, "not in a limited pool")
_ANY_MACHINE = _passed(NOT_FIT, "nothing asked of the machine")
_UNLOCKED = _passed(LOCKED, "no other fire is starting")

_AT_EXPIRES = 30 * 86400.0
"""Seconds after `at` for which the job still counts as due."""

_CHECKS = (_paused, _disabled, _outside_hours, _not_due, _already_running, _min_gap, _pool_full, _not_fit, _locked)
