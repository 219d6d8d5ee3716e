"""What the fires of a job will do: every one of them is put to the decision, and to nothing else.

Pure: the caller brings the fires, the state at the beginning and how long each run takes. Instants are seconds since
the epoch, durations seconds.
"""

from __future__ import annotations

from batchctl.base.record import Record, replace
from batchctl.core import model
from batchctl.core.guard.decide import Running, State, decide
from batchctl.core.statistics import TYPICAL_OF, Starts, effective_interval, typical

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from typing import Literal

    from batchctl.core.guard.decide import Decision
    from batchctl.core.model import Rules

NEVER = float("inf")
_NO_STATE = State()


class Scenario(Record):
    """What is simulated: `fires` in order, of which those in [start, end) count, against the state at `start`."""

    rules: Rules
    fires: Iterable[float] | Callable[[Course], Iterable[float]]
    """Where they depend on what the job does meanwhile, what makes them of its course."""
    start: float
    end: float
    duration: Callable[[int], float]
    """Seconds that the n-th start (from 0) would take if nothing ended it early."""
    state: State = _NO_STATE
    """A run that is running ends, successfully, at its `expected_end`, and without one never. What the state says of
    other jobs (`pool_running`) stays as it is."""
    timeout: float | None = None
    fail_at: float | None = None
    """Seconds into a run at which each one fails that is not over by then."""


class SimulatedFire:
    """One fire: `ends_at` and `status` belong to the run it started; infinity is a run that never ends."""

    __slots__ = ("at", "ends_at", "reason", "status", "verdict")

    def __init__(
        self,
        at: float,
        verdict: Literal["start", "skip"],
        reason: str | None = None,
        ends_at: float | None = None,
        status: str | None = None,
    ) -> None:
        """Keep what the fire does."""
        self.at, self.verdict, self.reason, self.ends_at, self.status = at, verdict, reason, ends_at, status

    def __repr__(self) -> str:
        """Print what a failing test needs."""
        return f"SimulatedFire({self.at}, {self.verdict}, {self.reason}, {self.ends_at}, {self.status})"


class Summary(Record):
    """What the fires amount to. Fires that are not due count as fires and as skips."""

    fires: int
    starts: int
    skips: int
    skips_by_reason: Mapping[str, int]
    effective_interval_s: float | None
    """Mean distance between starts; None with fewer than two."""
    busy_ratio: float
    """Share of the time between start and end in which a run runs."""


class Simulation(Record):
    """All fires of a scenario, and their summary."""

    fires: Sequence[SimulatedFire]
    summary: Summary


class Split(Record):
    """Several jobs side by side: each with its own simulation, and the summary of all."""

    groups: Mapping[str, Simulation]
    summary: Summary
    """Its interval is that of the slowest group: the chain is no faster; busy is when any group is."""


def simulate(scenario: Scenario) -> Simulation:
    """Return what every fire of the scenario does."""
    done = list(walk(scenario))
    return Simulation(fires=done, summary=_summary(scenario, done))


def simulate_groups(scenarios: Mapping[str, Scenario]) -> Split:
    """Return what the groups of a chain do as jobs of their own; all span the same time."""
    groups = {name: simulate(scenario) for name, scenario in scenarios.items()}
    summaries = [simulation.summary for simulation in groups.values()]
    reasons: dict[str, int] = {}
    for summary in summaries:
        for reason, count in summary.skips_by_reason.items():
            reasons[reason] = reasons.get(reason, 0) + count
    spans = [span for name, scenario in scenarios.items() for span in _spans(scenario, groups[name].fires)]
    intervals = [summary.effective_interval_s for summary in summaries]
    known = [interval for interval in intervals if interval is not None]
    first = next(iter(scenarios.values()))
    return Split(
        groups=groups,
        summary=Summary(
            fires=sum(summary.fires for summary in summaries),
            starts=sum(summary.starts for summary in summaries),
            skips=sum(summary.skips for summary in summaries),
            skips_by_reason=reasons,
            effective_interval_s=max(known) if len(known) == len(intervals) else None,
            busy_ratio=_covered(spans) / (first.end - first.start),
        ),
    )


def walk(scenario: Scenario, course: Course | None = None) -> Iterator[SimulatedFire]:
    """Yield what each fire does, one at a time; `course` then says where that has led.

    The fire that started a run is amended when a later one takes the run over: its `ends_at` and `status` change.
    """
    rules, start, end = scenario.rules, scenario.start, scenario.end
    course = course or Course(scenario)
    for at in scenario.fires(course) if callable(scenario.fires) else scenario.fires:
        if at < start:
            continue
        if at >= end:
            return
        if course.ends_at <= at:
            course.finish()
        decision = decide(at, course.state_at(), rules)
        if decision.start:
            yield course.begin(at, decision)
        else:
            yield SimulatedFire(at, "skip", decision.reason)


def settled(state: State, start: float) -> State:
    """Return the state with the age of its run told by the start alone: an age that was measured would stand still."""
    running = state.running
    if running is None or running.age is None:
        return state
    return replace(state, running=replace(running, started_at=start - running.age, age=None))


class Course:
    """Where the simulation stands: the state for the next decision, and the run that is under way."""

    def __init__(self, scenario: Scenario) -> None:
        """Begin at the scenario's state."""
        self._scenario = scenario
        self._adaptive = scenario.rules.gap_factor is not None
        self._any_end_counts = scenario.rules.gap_after == "any"
        first = settled(scenario.state, scenario.start)
        self._state: State | None = first
        self._paused, self._typical = first.paused, first.typical
        self._pool_running, self._lock_held = first.pool_running, first.lock_held
        self._last_start, self._last_end, self._last_run_id = first.last_start, first.last_end, first.last_run_id
        # A known median stands for ten runs of that length; what is simulated replaces it run by run.
        # Newest first.
        self._durations: list[float] = [] if first.typical is None else [first.typical] * TYPICAL_OF
        running = first.running
        self._began: float | None = None if running is None else running.started_at
        self.ends_at = NEVER if running is None or running.expected_end is None else running.expected_end
        self._status = model.SUCCEEDED
        self._fire: SimulatedFire | None = None
        self.starts = 0
        self._run_id = max(first.last_run_id or 0, 0 if running is None else running.run_id)

    def state_at(self) -> State:
        """Return the state as the next fire finds it; a skip leaves it as it is."""
        state = self._state
        if state is None:
            state = self._state = self._build()
        return state

    def state_of(self, instant: float) -> State:
        """Return the state as an instant finds it that lies behind all fires so far."""
        if self.ends_at <= instant:
            self.finish()
        return self.state_at()

    def begin(self, at: float, decision: Decision) -> SimulatedFire:
        """Start a run, after ending the one that the decision takes over."""
        if decision.take_over is not None:
            self._end(at, model.STALE)
        elif decision.reclaim is not None:
            self._end(self._last_end, model.LOST)
        duration, status = self._outcome()
        self._began, self._last_start = at, at
        self.ends_at, self._status = at + duration, status
        self.starts += 1
        self._run_id += 1
        self._state, self._lock_held = None, False
        self._fire = SimulatedFire(at, "start", None, self.ends_at, status)
        return self._fire

    def finish(self) -> None:
        """End the run that is over."""
        self._end(self.ends_at, self._status)

    def _outcome(self) -> tuple[float, str]:
        scenario = self._scenario
        duration, status = scenario.duration(self.starts), model.SUCCEEDED
        if scenario.timeout is not None and duration > scenario.timeout:
            duration, status = scenario.timeout, model.TIMED_OUT
        if scenario.fail_at is not None and duration > scenario.fail_at:
            duration, status = scenario.fail_at, model.FAILED
        return duration, status

    def _end(self, at: float | None, status: str) -> None:
        if self._fire is not None:
            self._fire.ends_at, self._fire.status = at, status
        if status == model.SUCCEEDED or self._any_end_counts:
            self._last_end = at
        if self._adaptive and status == model.SUCCEEDED and at is not None and self._began is not None:
            self._durations = [at - self._began, *self._durations][:TYPICAL_OF]
            self._typical = typical(self._durations)
        self._began, self.ends_at, self._fire, self._state = None, NEVER, None, None
        self._lock_held, self._last_run_id = False, self._run_id

    def _build(self) -> State:
        running = None
        if self._began is not None:
            end = None if self.ends_at == NEVER else self.ends_at
            running = Running(run_id=self._run_id, started_at=self._began, expected_end=end)
        return State(
            paused=self._paused,
            running=running,
            last_start=self._last_start,
            last_end=self._last_end,
            last_run_id=self._last_run_id,
            typical=self._typical,
            pool_running=self._pool_running,
            lock_held=self._lock_held,
        )


def _summary(scenario: Scenario, done: Sequence[SimulatedFire]) -> Summary:
    starts = [fire.at for fire in done if fire.verdict == "start"]
    reasons: dict[str, int] = {}
    for fire in done:
        if fire.reason is not None:
            reasons[fire.reason] = reasons.get(fire.reason, 0) + 1
    return Summary(
        fires=len(done),
        starts=len(starts),
        skips=len(done) - len(starts),
        skips_by_reason=reasons,
        effective_interval_s=effective_interval(
            Starts(count=len(starts), first=starts[0] if starts else None, last=starts[-1] if starts else None)
        ),
        busy_ratio=_covered(_spans(scenario, done)) / (scenario.end - scenario.start),
    )


def _spans(scenario: Scenario, done: Sequence[SimulatedFire]) -> list[tuple[float, float]]:
    """Return from when to when runs run between start and end of the scenario, that at the beginning included."""
    spans = [(fire.at, min(fire.ends_at, scenario.end)) for fire in done if fire.ends_at is not None]
    running = scenario.state.running
    if running is not None:
        over = NEVER if running.expected_end is None else running.expected_end
        # A run that was reclaimed or taken over was so by the first start.
        first = next((fire.at for fire in done if fire.verdict == "start"), scenario.end)
        spans.append((scenario.start, min(over, first, scenario.end)))
    return spans


def _covered(spans: list[tuple[float, float]]) -> float:
    total, reached = 0.0, float("-inf")
    for begin, end in sorted(spans):
        total += max(0.0, end - max(begin, reached))
        reached = max(reached, end)
    return total
