"""One foresight: whoever is asked about the same instant says the same."""

from __future__ import annotations

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from history_rows import DAY, HOUR, Rows
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchctl.answers import check, explain, status
from batchctl.answers.site import Site
from batchctl.base import clock
from batchctl.core.run import Identity
from batchctl.core.time import zones
from batchctl.process import identity

_JOB = "키워드"
_CONFIG = """
timezone = "Asia/Seoul"
[jobs."키워드"]
schedule = "0 * * * *"
timeout = "40h"
min_gap = "{gap}h"
[[jobs."키워드".steps]]
id = "1"
run = "true"
[[jobs."키워드".steps]]
id = "2"
run = "true"
"""


def _history(place: Path, took: list[tuple[float, float]], now: float, begun: float, first: float | None) -> None:
    """Write successes (hours of both steps), and a run that began so many hours ago; `first` None: in step 1."""
    rows = Rows(place / "state")
    for back, (one, two) in enumerate(reversed(took), 2):
        run = rows.run(_JOB, now - back * 3 * DAY, (one + two) * HOUR)
        rows.step(run, 1, "1", duration_s=one * HOUR)
        rows.step(run, 2, "2", duration_s=two * HOUR)
    owner = identity.myself()
    run = rows.run(_JOB, now - begun * HOUR, None, owner=Identity(**(owner.__dict__ | {"host": "elsewhere"})))
    started = now - begun * HOUR
    if first is None:
        rows.step(run, 1, "1", "running", started_at=started)
        rows.step(run, 2, "2", "pending")
    else:
        rows.step(run, 1, "1", duration_s=first * HOUR, started_at=started)
        rows.step(run, 2, "2", "running", started_at=now - (begun - first) * HOUR)
    (place / "state" / "history-began").touch(0o600)


def _site(place: Path, gap: int) -> Site:
    (place / "batchctl.toml").write_text(_CONFIG.format(gap=gap), encoding="utf-8")
    return Site(str(place / "batchctl.toml"), str(place / "state"))


def _unwritten(*_: Any) -> str:
    return json.dumps({})


_HOURS = st.floats(0.2, 12)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    took=st.lists(st.tuples(_HOURS, _HOURS), max_size=6),
    begun=st.floats(0.1, 30),
    share=st.none() | st.floats(0.05, 0.95),
    gap=st.integers(0, 8),
)
def test_all_who_are_asked_say_the_same(
    took: list[tuple[float, float]], begun: float, share: float | None, gap: int
) -> None:
    """status, explain and check agree on standing, expected end and the verdict of each coming fire."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        now, uptime = clock.now(), clock.monotonic()
        patch.setattr(clock, "now", lambda: now)
        patch.setattr(clock, "monotonic", lambda: uptime)
        _history(Path(folder), took, now, begun, None if share is None else share * begun)
        site = _site(Path(folder), gap)
        stands = status.status(site, _JOB).jobs[0]
        looked = check.check(site, written=_unwritten).health.jobs[0]
        asked = explain.explain(site, _JOB)
        assert stands.current is not None
        assert (looked.state, looked.expected_end) == (stands.state, stands.current.expected_end_at)
        running = next(each for each in asked.checks if each.name == "already_running")
        end = stands.current.expected_end_at
        assert running.until == (end if end is not None and end > now else None)
        for fire in stands.next_fires:
            at = explain.explain(site, _JOB, zones.iso(fire.at, site.config.zone))
            assert (at.reason or "start") == (fire.reason or fire.verdict)


def test_a_slow_first_step_moves_every_answer(tmp_path: Path) -> None:
    """Step 1 took five times as long as usual, and step 2 has just begun: nobody says that the run is about over."""
    now = clock.now()
    _history(tmp_path, [(1.0, 6.0), (1.1, 5.9), (0.9, 6.1)], now, 5.1, 5.0)
    site = _site(tmp_path, 0)
    stands = status.status(site, _JOB).jobs[0]
    assert stands.current is not None
    assert stands.current.expected_end_at is not None
    assert stands.current.expected_end_at - now > 5 * HOUR
    later = explain.explain(site, _JOB, zones.iso(now + 4 * HOUR, site.config.zone))
    assert later.reason == "already_running"
