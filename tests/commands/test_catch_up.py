"""`batchctl catch-up` fires once what was missed, through the guard."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from history_rows import DAY, HOUR, Rows
from support import batchctl, rows

from batchctl.base import clock
from batchctl.core.time import zones

if TYPE_CHECKING:
    import subprocess
    from pathlib import Path

DAILY = 'timezone = "Asia/Seoul"\n[jobs."일일"]\nschedule = "0 1 * * *"\nrun = "{run}"\n{more}'


class Place:
    """A daily job that last ran the day before yesterday."""

    def __init__(self, tmp_path: Path) -> None:
        """Make the history."""
        self.rows, self.config, self.state = Rows(tmp_path / "state"), tmp_path / "batchctl.toml", tmp_path / "state"
        self.rows.run("일일", clock.now() - 2.5 * DAY, 60.0)

    def catch_up(self, more: str = "catch_up = true", run: str = "true") -> subprocess.CompletedProcess[str]:
        """Make up in a process of its own."""
        self.config.write_text(DAILY.format(more=more, run=run), encoding="utf-8")
        done = batchctl("--config", str(self.config), "--state", str(self.state), "catch-up")
        assert "Traceback" not in done.stderr
        return done

    def runs(self) -> list[tuple[str, float]]:
        """Return status and fire of the runs that were made."""
        found = rows(self.state, "select status, scheduled_for from runs where id > 1 order by id")
        return [(row[0], row[1]) for row in found]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """Return a place of its own."""
    return Place(tmp_path)


def last_one_oclock() -> float:
    """Return the last 01:00 in Seoul that is over."""
    now = clock.now()
    return now - (now + zones.NamedZone("Asia/Seoul").offset(now) - HOUR) % DAY


def test_once_for_the_last_fire(place: Place, tmp_path: Path) -> None:
    """The last missed fire is made up for, the step knows which it is, and the second time there is nothing."""
    done = place.catch_up(run=f"printf %s $BATCHCTL_SCHEDULED_FOR > {tmp_path}/meant")
    fire = round(last_one_oclock())
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0].startswith("일일: 1 fire missed, making up for that of ")
    assert done.stdout.splitlines()[1:] == ["일일: succeeded"]
    assert [(status, round(meant)) for status, meant in place.runs()] == [("succeeded", fire)]
    assert (tmp_path / "meant").read_text().endswith("T01:00:00+09:00")
    again = place.catch_up(run=f"printf %s $BATCHCTL_SCHEDULED_FOR > {tmp_path}/meant")
    assert (again.returncode, again.stdout, len(place.runs())) == (0, "", 1)


def test_the_window(place: Place) -> None:
    """What lies further back than the window stays missed; a wider one counts more fires and still starts once."""
    assert place.catch_up('catch_up = true\ncatch_up_window = "1s"').stdout == ""
    done = place.catch_up('catch_up = true\ncatch_up_window = "6d"')
    assert done.stdout.startswith(("일일: 2 fires missed", "일일: 3 fires missed"))
    assert len(place.runs()) == 1


@pytest.mark.parametrize("more", ["", "catch_up = true\nenabled = false"])
def test_who_does_not_want_it(place: Place, more: str) -> None:
    """Only enabled jobs that say so are made up for."""
    assert place.catch_up(more).stdout == ""
    assert place.runs() == []


def test_the_guard_has_the_last_word(place: Place) -> None:
    """A pause is respected: nothing starts."""
    place.rows.insert("pauses", job="", since=clock.now() - 60, until=None)
    done = place.catch_up()
    assert done.returncode == 0
    assert "skipped; see `batchctl explain 일일`" in done.stdout
    assert place.runs() == []


def test_a_failure(place: Place) -> None:
    """It ends with 1, and the report of the failed run is there for cron's mail."""
    done = place.catch_up(run="exit 3")
    assert done.returncode == 1
    assert "일일: ended with exit code 1" in done.stdout
    assert "일일: run 2 failed" in done.stderr


def test_side_by_side(tmp_path: Path) -> None:
    """A long batch holds back nobody: the second job ends while the first still runs."""
    history = Rows(tmp_path / "state")
    for name in ("long", "short"):
        history.run(name, clock.now() - 2.5 * DAY, 60.0)
    config = tmp_path / "batchctl.toml"
    config.write_text(
        'timezone = "Asia/Seoul"\n'
        f'[jobs.long]\nschedule = "0 1 * * *"\ncatch_up = true\n'
        f'run = "until test -e {tmp_path}/done; do sleep 0.05; done"\n'
        f'[jobs.short]\nschedule = "0 1 * * *"\ncatch_up = true\nrun = "touch {tmp_path}/done"\n'
    )
    done = batchctl("--config", str(config), "--state", str(tmp_path / "state"), "catch-up", timeout=60)
    assert done.returncode == 0
    assert sorted(done.stdout.splitlines()[2:]) == ["long: succeeded", "short: succeeded"]


def test_without_a_history(tmp_path: Path) -> None:
    """Where nothing ever ran nothing was missed, and no history is begun."""
    config = tmp_path / "batchctl.toml"
    config.write_text(DAILY.format(more="catch_up = true", run="true"), encoding="utf-8")
    done = batchctl("--config", str(config), "--state", str(tmp_path / "state"), "catch-up")
    assert (done.returncode, done.stdout) == (0, "")
    assert not (tmp_path / "state").exists()
