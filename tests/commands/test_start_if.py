"""`start_if`: a fire that the machine is not fit for is skipped, and no preview pretends to know."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from support import batchctl, cron_fires_all, rows

from batchctl.commands.cli import main

if TYPE_CHECKING:
    from pathlib import Path

JOB = "수집"


class Place:
    """One job with conditions, and its state."""

    def __init__(self, tmp_path: Path, start_if: str) -> None:
        """Write the configuration."""
        self.state = tmp_path / "state"
        self.config = tmp_path / "c.toml"
        self.config.write_text(
            f'[jobs."{JOB}"]\nschedule = "0 1 * * *"\nrun = "true"\nstart_if = {start_if}\n', encoding="utf-8"
        )

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Call batchctl."""
        return batchctl("--config", str(self.config), "--state", str(self.state), *words)

    def asked(self, *words: str) -> Any:
        """Return what a command says as JSON."""
        return json.loads(self(*words, "--json").stdout)


@pytest.mark.parametrize(
    ("start_if", "starts"),
    [
        ("{ load_below = 100000, memory_above = 1, disk_above = 1 }", True),  # every machine
        ("{ load_below = 0.000001, memory_above = 1 }", False),  # none, or one that idles for minutes
        ('{ memory_above = "4000000GB" }', False),  # none yet
        ('{ disk_above = "4000000000GB" }', False),  # none yet
    ],
)
def test_a_fire_looks_at_the_machine(tmp_path: Path, start_if: str, starts: bool) -> None:
    """What it has at that instant decides; the skip is recorded, `--force` passes it, `explain` shows the values."""
    place = Place(tmp_path, start_if)
    if "load" in start_if and not starts:
        with open("/proc/loadavg", encoding="ascii") as file:
            if float(file.read().split()[0]) == 0:
                pytest.skip("this machine is idle")
    before = place.asked("explain", JOB)
    check = next(check for check in before["checks"] if check["name"] == "not_fit")
    assert check["passed"] is starts
    assert [check["name"] for check in before["checks"]][-3:] == ["pool_full", "not_fit", "locked"]
    assert place("run", JOB).returncode == (0 if starts else 75)
    if not starts:
        assert rows(place.state, "select job, reason, run_id, count from skips") == [(JOB, "not_fit", None, 1)]
        assert place("run", JOB, "--force").returncode == 0
        assert rows(place.state, "select forced from runs") == [("not_fit",)]


def test_previews_say_that_they_cannot_know(tmp_path: Path) -> None:
    """What the machine has now says nothing of later: starts are shown, and that they depend on it."""
    place = Place(tmp_path, '{ memory_above = "4000000GB" }')
    assert place("run", JOB).returncode == 75
    words = "cannot be foretold"
    (status,) = place.asked("status")["jobs"]
    assert {fire["verdict"] for fire in status["next_fires"]} == {"start"}
    later = place.asked("explain", JOB, "--at", "2099-01-01 01:00")
    assert (later["verdict"], words in later["assumption"]) == ("start", True)
    simulated = place.asked("simulate", JOB, "--duration", "1h")
    assert [advice["code"] for advice in simulated["advice"]] == ["not_fit"]
    # Where no crontab line fires it, `status` and `upcoming` promise no start in the first place.
    for command in (["explain", JOB], ["simulate", JOB, "--duration", "1h"]):
        assert words in " ".join(place(*command).stdout.split()), command


@pytest.mark.parametrize("width", ["80", "200"])
@pytest.mark.parametrize("word", ["status", "upcoming"])
def test_screens_of_coming_fires_say_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], word: str, width: str
) -> None:
    """Where cron fires the job, its coming starts come with the word that they depend on the machine."""
    cron_fires_all(monkeypatch)
    monkeypatch.setenv("COLUMNS", width)
    place = Place(tmp_path, "{ load_below = 4.0 }")
    assert main(["--config", str(place.config), "--state", str(place.state), word]) == 0
    out = capsys.readouterr().out
    assert max(len(line) for line in out.splitlines()) <= int(width)
    assert "start" in out
    assert "cannot be foretold" in " ".join(out.split())


@pytest.mark.parametrize(
    ("start_if", "says"),
    [
        ("{ load_above = 1 }", "load_above"),  # no such key
        ("{ load_below = 0 }", "load_below"),  # never
        ('{ memory_above = "much" }', "is not a size"),  # no size
        ("4.0", "start_if"),  # of what?
    ],
)
def test_a_wrong_condition_is_a_configuration_error(tmp_path: Path, start_if: str, says: str) -> None:
    """It is named with its key."""
    done = Place(tmp_path, start_if)("run", JOB)
    assert done.returncode == 78
    assert says in done.stderr


def test_the_configuration_shows_it(tmp_path: Path) -> None:
    """`config` prints what is in force, and what it prints says the same again."""
    place = Place(tmp_path, '{ load_below = 4.0, disk_above = "5GB" }')
    printed = place("config").stdout
    assert "start_if = { load_below = 4.0, disk_above = 5000000000 }" in printed
    place.config.write_text(printed, encoding="utf-8")
    assert place.asked("config")["jobs"][JOB]["start_if"] == {"load_below": 4.0, "disk_above": 5_000_000_000}
