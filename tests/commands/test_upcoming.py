"""`batchctl upcoming`: the coming fires of all jobs in one list, at both widths and as the contract's JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from history_rows import DAY, HOUR, Rows
from support import batchctl, cron_fires_all

from batchctl.answers.upcoming import _overlaps
from batchctl.base import clock
from batchctl.commands.cli import main
from batchctl.core.time.zones import NamedZone, parse_time
from batchctl.process import identity

NOW = parse_time("2026-11-24T22:30", NamedZone("Asia/Seoul"))
CONFIG = """
timezone = "Asia/Seoul"
[jobs.keyword-search]
schedule = "0 1 * * *"
timeout = "15h"
run = "true"
[jobs.market-upload]
after = "keyword-search"
run = "true"
[jobs."재고-동기화"]
schedule = "*/10 * * * *"
active_hours = "08:00-22:59"
timeout = "5m"
run = "true"
[jobs.import]
schedule = "0 2 * * *"
run = "true"
"""

SCREENS = Path(__file__).parent / "screens"
"""What the command printed when somebody last looked at it and found it good."""


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Write the configuration and a history of one usual upload and one import under way; stop the clock."""
    rows = Rows(tmp_path / "state")
    rows.run("market-upload", NOW - DAY, 2 * HOUR)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    cron_fires_all(monkeypatch)
    rows.run("import", NOW - HOUR, None, owner=identity.myself())
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    (tmp_path / "c.toml").write_text(CONFIG, encoding="utf-8")
    return ["--config", str(tmp_path / "c.toml"), "--state", str(tmp_path / "state")]


@pytest.mark.parametrize("width", [80, 200])
def test_the_screen(
    command: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """What runs now stands above; many fires that do the same are one row; nothing is cut off."""
    monkeypatch.setenv("COLUMNS", str(width))
    assert main([*command, "upcoming"]) == 0
    shown = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert shown == (SCREENS / f"upcoming-{width}.txt").read_text(encoding="utf-8").splitlines()


def test_the_contract(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Every fire stands for itself, with its end and the jobs beside it; an end that nobody knows is null."""
    assert main([*command, "upcoming", "--for", "20h", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["from"], found["to"]) == ("2026-11-24T22:30:00+09:00", "2026-11-25T18:30:00+09:00")
    assert [fire["at"] for fire in found["fires"]] == sorted(fire["at"] for fire in found["fires"])
    of: dict[str, list[dict[str, Any]]] = {}
    for fire in found["fires"]:
        of.setdefault(fire.pop("job"), []).append(fire)
    assert of["keyword-search"] == [
        {
            "at": "2026-11-25T01:00:00+09:00",
            "verdict": "start",
            "reason": None,
            "ends_at": "2026-11-25T16:00:00+09:00",
            "overlaps": ["import", "재고-동기화"],
        }
    ]
    assert of["market-upload"][0]["at"] == "2026-11-25T16:00:00+09:00"
    assert of["import"] == [
        {
            "at": "2026-11-25T02:00:00+09:00",
            "verdict": "skip",
            "reason": "already_running",
            "ends_at": None,
            "overlaps": [],
        }
    ]


def test_what_no_crontab_line_fires(command: list[str]) -> None:
    """Where cron does not fire a job, or the first one of its chain, no start is promised; JSON keeps the decision."""
    shown = " ".join(batchctl(*command, "upcoming").stdout.split())
    # A row for each of the two that are due once, and one or two for the hours of the third, by the time of day.
    assert shown.count("no crontab line fires it") in {3, 4}
    assert ": 0 start, 0 skip" in shown
    fires = json.loads(batchctl(*command, "upcoming", "--json").stdout)["fires"]
    assert "start" in {fire["verdict"] for fire in fires}


@pytest.mark.parametrize(
    ("horizon", "code", "said"),
    [
        # no duration
        ("soon", 2, "--for"),
        # none at all, and more than a year
        ("0s", 2, "not between 0 and a year"),
        ("400d", 2, "not between 0 and a year"),
    ],
)
def test_what_is_refused(command: list[str], horizon: str, code: int, said: str) -> None:
    """A horizon that cannot be meant is refused with the remedy."""
    done = batchctl(*command, "upcoming", "--for", horizon)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr
    assert "24h" in done.stderr


def test_nothing_to_come(tmp_path: Path) -> None:
    """Jobs by hand have no fires, and a history that cannot be read is not taken for an empty one."""
    (tmp_path / "c.toml").write_text('[jobs.a]\nrun = "true"\n')
    command = ["--config", str(tmp_path / "c.toml"), "--state", str(tmp_path / "state")]
    assert batchctl(*command, "upcoming").stdout.startswith("Nothing will be fired until ")
    assert not (tmp_path / "state").exists()
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "batchctl.db").write_bytes(b"no history")
    assert batchctl(*command, "upcoming").returncode == 74


@pytest.mark.parametrize(
    ("spans", "expected"),
    [
        # one begins when the other ends
        ([("a", 0, 5), ("b", 5, 6)], [set(), set()]),
        # one within another, and one beside both
        ([("a", 0, 9), ("b", 1, 2), ("c", 1, 10)], [{"b", "c"}, {"a", "c"}, {"a", "b"}]),
        # runs of one job are not beside each other, and one without end is beside all that come
        ([("a", 0, float("inf")), ("a", 3, 4), ("b", 7, 7)], [{"b"}, set(), {"a"}]),
    ],
)
def test_overlaps(spans: list[tuple[str, float, float]], expected: list[set[str]]) -> None:
    """Two runs overlap where each begins before the other ends."""
    assert _overlaps(spans) == expected
