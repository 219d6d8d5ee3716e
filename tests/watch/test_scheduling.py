"""What `status` and `check` say of cron: whether it runs, how its block stands, which jobs a line fires."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from history_rows import DAY, HOUR, Rows

from batchctl.base import clock
from batchctl.commands.cli import main
from batchctl.core.time import zones
from batchctl.crontab import firing, managed

if TYPE_CHECKING:
    from collections.abc import Callable

    Ask = Callable[..., dict[str, Any]]

FAKE = Path(__file__).parent.parent / "cron" / "fake_crontab.sh"
CONFIG = (
    "[jobs.a]\ndaily = '01:00'\nargv = ['/srv/a', '-x']\n[jobs.b]\nafter = 'a'\nrun = 'true'\n[jobs.c]\nrun = 'true'\n"
)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory with a crontab stand-in and a configuration, on a machine whose cron runs."""
    shutil.copy(FAKE, tmp_path / "crontab")
    (tmp_path / "c.toml").write_text(CONFIG)
    (tmp_path / "cron.d").mkdir()
    monkeypatch.setenv("FAKE_CRONTAB", str(tmp_path / "spool"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(managed, "cron_zone", lambda: zones.NamedZone("Etc/UTC"))
    monkeypatch.setattr(firing, "daemon", lambda: "running")
    monkeypatch.setattr(firing, "SYSTEM_CRONTAB", str(tmp_path / "etc-crontab"))
    monkeypatch.setattr(firing, "SYSTEM_DIRECTORY", str(tmp_path / "cron.d"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def ask(place: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Return a function that calls a command and returns its JSON, or what it says."""

    def call(*words: str) -> Any:
        main(["--config", str(place / "c.toml"), "--state", str(place / "state"), *words])
        out = capsys.readouterr().out
        return json.loads(out) if "json" in words[-1] else " ".join(out.split())

    return call


def _none(place: Path) -> None:
    """Nothing is installed."""


def _outdated(place: Path) -> None:
    (place / "spool").write_text((place / "spool").read_text().replace("0 1 * * *", "0 2 * * *"))


def _own_line(place: Path) -> None:
    (place / "spool").write_text(f"0 1 * * * /usr/local/bin/batchctl --config {place}/c.toml run a\n")


def _variable(place: Path) -> None:
    (place / "spool").write_text(f"BATCHCTL_CONFIG={place}/c.toml\n0 1 * * * sleep 1 && batchctl run a\n")


def _other_configuration(place: Path) -> None:
    (place / "spool").write_text("0 1 * * * batchctl --config /srv/c.toml run a\n")


def _of_the_system(place: Path) -> None:
    (place / "cron.d" / "shop").write_text(f"0 1 * * * root batchctl --config {place}/c.toml run a\n")


def _other_program(place: Path) -> None:
    (place / "batchctl").write_text("#!/bin/sh\n")
    (place / "batchctl").chmod(0o755)
    text = (place / "spool").read_text()
    program = next(word for word in text.split() if word.endswith("/batchctl"))
    (place / "spool").write_text(text.replace(program, str(place / "batchctl")))


def _unreadable(place: Path) -> None:
    (place / "spool.deny").touch()


@pytest.mark.parametrize(
    ("install", "change", "block", "fired", "said"),
    [
        (False, _none, "absent", False, "no crontab line fires a, b: `batchctl crontab install`"),
        (True, _none, "installed", True, ""),
        (True, _outdated, "outdated", True, "the crontab is not what the configuration says now"),
        # lines that the operator wrote
        (False, _own_line, "absent", True, ""),
        (False, _variable, "absent", True, ""),
        (False, _other_configuration, "absent", False, "no crontab line fires a, b"),
        (False, _of_the_system, "absent", True, ""),
        # another installation of batchctl does as well
        (True, _other_program, "installed", True, ""),
        # unknown is not absent
        (True, _unreadable, "unknown", None, "the crontab cannot be read"),
    ],
)
def test_how_the_crontab_stands(
    *,
    install: bool,
    change: Callable[[Path], None],
    block: str,
    fired: bool | None,
    said: str,
    place: Path,
    ask: Ask,
) -> None:
    """`status`, its JSON, `check` and health.json say the same; by itself none of it makes `check` exit 1."""
    if install:
        ask("crontab", "install")
    change(place)
    found = ask("status", "--json")
    assert found["scheduler"] == {"cron": "running", "block": block, "paused": False, "paused_until": None}
    jobs = {job["job"]: job for job in found["jobs"]}
    assert (jobs["a"]["in_crontab"], jobs["b"]["in_crontab"]) == (fired, fired)
    assert jobs["c"]["in_crontab"] is (None if fired is None else False)
    assert (jobs["a"]["next_run_at"] is None) == (fired is False)
    assert len(jobs["a"]["next_fires"]) == 3
    shown = ask("status", "a")
    assert ("no crontab line fires it" in shown) == (fired is False)
    if said:
        assert said in ask("status")
    health = ask("check", "--format", "json")
    assert (health["system_status"], health["scheduler"]["block"]) == ("healthy", block)
    assert health["scheduler_running"] is True
    assert health["pending_jobs"] == sum(job["next_fire"] is not None for job in health["jobs"]) > 0
    assert [said in one["text"] for one in health["findings"]] == ([True] if said else [])
    assert json.loads((place / "state" / "health.json").read_text())["jobs"][0]["in_crontab"] is fired


def test_after_a_remove_no_start_is_promised(place: Path, ask: Ask) -> None:
    """What `crontab remove` took away is said, in the table at both widths as well."""
    ask("crontab", "install")
    ask("crontab", "remove")
    for columns in ("80", "200"):
        os.environ["COLUMNS"] = columns
        shown = ask("status")
        assert ("no crontab line fires it" in shown, " start" in shown) == (True, False)
    del os.environ["COLUMNS"]


def test_no_cron(place: Path, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that does not run is said; where lines wait for it, it makes `check` exit 1."""
    monkeypatch.setattr(firing, "daemon", lambda: "stopped")
    assert ask("check", "--format", "json")["system_status"] == "healthy"
    ask("crontab", "install")
    assert "cron is not running" in ask("status")
    assert ask("check", "--format", "json")["system_status"] == "degraded"


def test_a_foreign_line(place: Path, ask: Ask) -> None:
    """A line that runs the same program past the guard is said, with its place and number."""
    ask("crontab", "install")
    (place / "spool").write_text(
        "# mine\n*/5 * * * * cd /tmp && timeout 3h /srv/a -x >/dev/null\n" + (place / "spool").read_text()
    )
    said = "crontab, line 2 runs what a runs, unguarded"
    assert said in ask("status")
    assert said in ask("status", "a")
    assert said not in ask("status", "c")
    health = ask("check", "--format", "json")
    assert [(one["kind"], one["severity"]) for one in health["findings"]] == [("cron", "warning")]


def test_counts(place: Path, ask: Ask) -> None:
    """Runs, errors and the last start are counted over the whole history; a stop by hand is no error."""
    rows, now = Rows(place / "state"), clock.now()
    for back, status in ((50, "failed"), (3, "succeeded"), (2, "cancelled"), (1, "timed_out")):
        rows.run("a", now - back * DAY, HOUR, status)
    (job,) = ask("status", "a", "--json")["jobs"]
    assert (job["run_count"], job["error_count"]) == (4, 2)
    assert zones.parse_time(job["last_run_at"], zones.NamedZone("Etc/UTC")) == pytest.approx(now - DAY, abs=1)


@pytest.mark.parametrize(
    ("schedule", "days", "fires"),
    [
        # found by the first check there ever was
        ("daily = '01:00'", 4, 4),
        ("every = '30h'", 4, 1),
        # nothing within the days that are looked back over
        ("schedule = '0 1 1 1 *'", 400, 1),
        # no fire yet
        ("daily = '01:00'", 0, 0),
    ],
)
def test_a_job_that_never_fired(schedule: str, days: int, fires: int, place: Path, ask: Ask) -> None:
    """It is found however long there is no record of it, since its file was written."""
    (place / "c.toml").write_text(f"[jobs.n]\n{schedule}\nrun = 'true'\n")
    os.utime(place / "c.toml", (clock.now() - days * DAY,) * 2)
    health = ask("check", "--format", "json")
    found = [one for one in health["findings"] if one["kind"] == "missed"]
    assert len(found) == bool(fires)
    if fires:
        assert "it has never started" in found[0]["text"]
        assert sum(gap["count"] for gap in health["jobs"][0]["missed"]) in {fires, fires - 1, fires + 1}
        assert health["system_status"] == "degraded"


def test_a_job_that_only_was_run_by_its_name(place: Path, ask: Ask) -> None:
    """Nobody has asked for its fires, so that none is missed, and no line is missing."""
    Rows(place / "state").run("daily-batch", clock.now() - 5 * DAY, HOUR)
    (place / "c.toml").write_text("")
    health = ask("check", "--format", "json")
    assert [job["job"] for job in health["jobs"]] == ["daily-batch"]
    assert health["findings"] == []
    assert "no crontab line fires it" in ask("status")
