"""crontab.example is a crontab that cron takes as it stands, and its commands are ones that batchctl has."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from batchctl.commands.cli import main
from batchctl.core.time.cron import parse_cron

if TYPE_CHECKING:
    from cron.conftest import RealCrontab

EXAMPLE = Path(__file__).parents[2] / "crontab.example"
PROGRAM = "/usr/local/bin/batchctl"


def jobs(*, commented: bool) -> list[tuple[str, str]]:
    """Return schedule and command of the example's job lines, or of those that are commented out."""
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    if commented:
        lines = [line[1:] for line in lines if line.startswith("#")]
    split = [line.split(None, 1 if line[0] == "@" else 5) for line in lines if line[:1] in tuple("0123456789*@")]
    return [(" ".join(parts[:-1]), parts[-1]) for parts in split]


@pytest.mark.cron
@pytest.mark.xdist_group("cron")
def test_cron_takes_it(real_crontab: RealCrontab) -> None:
    """Debian's crontab accepts the file and lists it back byte for byte."""
    real_crontab.write(EXAMPLE.read_bytes())
    assert real_crontab.read() == EXAMPLE.read_bytes()


@pytest.mark.cron
@pytest.mark.xdist_group("cron")
def test_cron_takes_the_commented_lines(real_crontab: RealCrontab) -> None:
    """What the file offers in comments is accepted as well once somebody takes the comment sign away."""
    text = "".join(f"{schedule} {command}\n" for schedule, command in jobs(commented=True)).encode()
    real_crontab.write(text)
    assert real_crontab.read() == text


def test_it_fires_the_long_batch() -> None:
    """The case that everything is measured against stands in it: daily-batch at 01:00."""
    assert ("0 1 * * *", f"{PROGRAM} run daily-batch") in jobs(commented=False)


def test_it_keeps_house() -> None:
    """So do the check, the clean-up, and what makes up for missed fires when the machine comes up."""
    words = [(schedule, command.split()[:2]) for schedule, command in jobs(commented=False)]
    assert ("*/10 * * * *", [PROGRAM, "check"]) in words
    assert ("40 4 * * *", [PROGRAM, "prune"]) in words
    assert ("@reboot", [PROGRAM, "catch-up"]) in words


@pytest.mark.parametrize(("schedule", "command"), jobs(commented=False) + jobs(commented=True))
def test_every_line_would_work(schedule: str, command: str, tmp_path: Path) -> None:
    """Each schedule is valid, each percent sign escaped, and each command one that batchctl carries out."""
    config = tmp_path / "c.toml"
    config.touch()
    assert schedule == "@reboot" or parse_cron(schedule).text == schedule
    assert "%" not in command.replace("\\%", "")
    # A stand-in tells how the shell that cron starts would call batchctl.
    script = tmp_path / "batchctl"
    script.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" >{tmp_path}/called\n')
    script.chmod(0o755)
    shell = command.replace("\\%", "%").replace(PROGRAM, str(script)).replace("sleep 30", "sleep 0")
    subprocess.run(["/bin/sh", "-c", shell], check=True, env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)})
    called = (tmp_path / "called").read_text().splitlines()
    if called[0] == "run":
        assert len(called) == 2
    else:
        state = ["--config", str(config), "--state", str(tmp_path / "state")]
        assert main([*state, *called]) == 0
