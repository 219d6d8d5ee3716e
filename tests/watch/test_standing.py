"""One foresight: whoever is asked about the same instant says the same."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from history_rows import DAY, HOUR, Rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchctl.answers import check, explain, status, upcoming
from batchctl.answers.site import Site
from batchctl.base import clock
from batchctl.core.run import Identity
from batchctl.core.time import zones
from batchctl.process import identity

if TYPE_CHECKING:
    from batchctl.answers.upcoming import Fire

_JOB = "키워드"
_CONFIG = """
timezone = "Asia/Seoul"
[jobs."키워드"]
schedule = "{schedule}"
timeout = "40h"
min_gap = "{gap}h"
{more}
[[jobs."키워드".steps]]
id = "1"
run = "true"
[[jobs."키워드".steps]]
id = "2"
run = "true"
"""


def _history(place: Path, took: list[tuple[float, float]], now: float) -> Rows:
    """Write successes, hours of both steps each."""
    rows = Rows(place / "state")
    for back, (one, two) in enumerate(reversed(took), 2):
        run = rows.run(_JOB, now - back * 3 * DAY, (one + two) * HOUR)
        rows.step(run, 1, "1", duration_s=one * HOUR)
        rows.step(run, 2, "2", duration_s=two * HOUR)
    (place / "state" / "history-began").touch(0o600)
    return rows


def _under_way(rows: Rows, now: float, begun: float, first: float | None, *, here: bool = False) -> None:
    """Write a run that began so many hours ago; `first`: hours of step 1, None where it is under way."""
    owner = identity.myself()
    if not here:
        owner = Identity(**(owner.__dict__ | {"host": "elsewhere"}))
    run = rows.run(_JOB, now - begun * HOUR, None, owner=owner)
    started = now - begun * HOUR
    if first is None:
        rows.step(run, 1, "1", "running", started_at=started)
        rows.step(run, 2, "2", "pending")
    else:
        rows.step(run, 1, "1", duration_s=first * HOUR, started_at=started)
        rows.step(run, 2, "2", "running", started_at=now - (begun - first) * HOUR)


def _site(place: Path, schedule: str = "0 * * * *", gap: int = 0, more: str = "") -> Site:
    text = _CONFIG.format(schedule=schedule, gap=gap, more=more)
    (place / "batchctl.toml").write_text(text, encoding="utf-8")
    return Site(str(place / "batchctl.toml"), str(place / "state"))


def _unwritten(*_: Any) -> str:
    return json.dumps({})


def _upcoming(site: Site, job: str) -> list[Fire]:
    """Return the first fires of a job within a day, as the list of all coming fires has them."""
    return [fire for fire in upcoming.upcoming(site).fires if fire.job == job][:8]


_HOURS = st.floats(0.2, 12)
_RUN = st.tuples(st.floats(0.1, 50), st.none() | st.floats(0.05, 0.95), st.booleans())


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    took=st.lists(st.tuples(_HOURS, _HOURS), max_size=6),
    run=st.none() | _RUN,
    schedule=st.sampled_from(["0 * * * *", "30 */5 * * *", "15 1 * * *"]),
    gap=st.integers(0, 8),
    more=st.sampled_from(
        ["", "enabled = false", "gap_factor = 1.2", 'active_hours = "08:00-22:59"', 'stale_after = "41h"']
    ),
    pause=st.none() | st.none() | st.floats(0.5, 20),
)
def test_all_who_are_asked_say_the_same(
    took: list[tuple[float, float]],
    run: tuple[float, float | None, bool] | None,
    schedule: str,
    gap: int,
    more: str,
    pause: float | None,
) -> None:
    """status, explain, check and a list of coming fires agree on standing, expected end and verdicts."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        now = clock.now()
        # Nobody is asked at the very same instant, so that of both clocks is held.
        since_boot = clock.monotonic()
        patch.setattr(clock, "now", lambda: now)
        patch.setattr(clock, "monotonic", lambda: since_boot)
        rows = _history(Path(folder), took, now)
        if run is not None:
            begun, share, here = run
            _under_way(rows, now, begun, None if share is None else share * begun, here=here)
        if pause is not None:
            rows.insert("pauses", job=_JOB, since=now - 60, until=now + pause * HOUR)
        site = _site(Path(folder), schedule, gap, more)
        stands = status.status(site, _JOB).jobs[0]
        looked = check.check(site, written=_unwritten).health.jobs[0]
        asked = explain.explain(site, _JOB)
        coming = _upcoming(site, _JOB)
        end = None if stands.current is None else stands.current.expected_end_at
        assert (stands.current is None) == (run is None)
        assert (looked.state, looked.expected_end) == (stands.state, end)
        running = next(each for each in asked.checks if each.name == "already_running")
        assert running.passed or running.until == (end if end is not None and end > now else None)
        assert asked.reason == "paused" if pause is not None else asked.reason != "paused"
        first = next((fire.at for fire in coming if fire.verdict == "start"), asked.next_start_at)
        assert asked.next_start_at == first
        shown = [(fire.at, fire.verdict, fire.reason) for fire in stands.next_fires]
        assert shown[: len(coming)] == [(fire.at, fire.verdict, fire.reason) for fire in coming][: len(shown)]
        for fire in coming:
            at = explain.explain(site, _JOB, zones.iso(fire.at, site.config.zone))
            assert (at.reason or "start") == (fire.reason or fire.verdict)


_CHAIN = """
timezone = "Asia/Seoul"
[jobs.a]
schedule = "0 */6 * * *"
run = "true"
[jobs.b]
daily = "03:00"
run = "true"
[jobs.c]
after = {after}
after_any = {any_end}
min_gap = "{gap}h"
run = "true"
"""


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    took=st.dictionaries(st.sampled_from("abc"), st.floats(0.1, 30), max_size=3),
    begun=st.dictionaries(st.sampled_from("abc"), st.floats(0.01, 20), max_size=2),
    after=st.sampled_from(['"a"', '["b"]', '["a", "b"]']),
    any_end=st.sampled_from(["true", "false"]),
    gap=st.integers(0, 30),
)
def test_of_what_comes_after_another_all_say_the_same(
    took: dict[str, float], begun: dict[str, float], after: str, any_end: str, gap: int
) -> None:
    """status, explain, check and upcoming agree on the fires that the ends of other jobs make."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        now, since_boot = clock.now(), clock.monotonic()
        patch.setattr(clock, "now", lambda: now)
        patch.setattr(clock, "monotonic", lambda: since_boot)
        rows = Rows(Path(folder) / "state")
        (Path(folder) / "state" / "history-began").touch(0o600)
        for name, hours in took.items():
            rows.step(rows.run(name, now - 4 * DAY, hours * HOUR), 1, "1", duration_s=hours * HOUR)
        for name, hours in begun.items():
            run = rows.run(name, now - hours * HOUR, None, owner=identity.myself())
            rows.step(run, 1, "1", "running", started_at=now - hours * HOUR)
        (Path(folder) / "batchctl.toml").write_text(_CHAIN.format(after=after, any_end=any_end, gap=gap))
        site = Site(str(Path(folder) / "batchctl.toml"), str(Path(folder) / "state"))
        shown = [(fire.at, fire.verdict, fire.reason) for fire in status.status(site, "c").jobs[0].next_fires]
        looked = check.check(site, written=_unwritten).health.jobs[2]
        assert looked.next_fire == (shown[0][0] if shown else None)
        listed = [(fire.at, fire.verdict, fire.reason) for fire in _upcoming(site, "c")][:3]
        assert listed == [each for each in shown if each[0] < now + DAY]
        first = next((at for at, verdict, _ in shown if verdict == "start"), None)
        assert first is None or explain.explain(site, "c").next_start_at == first
        for at, verdict, reason in shown:
            asked = explain.explain(site, "c", zones.iso(at, site.config.zone))
            assert (asked.reason or "start") == (reason or verdict)


def test_a_slow_first_step_moves_every_answer(tmp_path: Path) -> None:
    """Step 1 took five times as long as usual, and step 2 has just begun: nobody says that the run is about over."""
    now = clock.now()
    rows = _history(tmp_path, [(1.0, 6.0), (1.1, 5.9), (0.9, 6.1)], now)
    _under_way(rows, now, 5.1, 5.0)
    site = _site(tmp_path)
    stands = status.status(site, _JOB).jobs[0]
    assert stands.current is not None
    assert stands.current.expected_end_at is not None
    assert stands.current.expected_end_at - now > 5 * HOUR
    later = explain.explain(site, _JOB, zones.iso(now + 4 * HOUR, site.config.zone))
    assert later.reason == "already_running"
