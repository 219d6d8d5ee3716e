"""A job's title stands beside its name wherever people read it."""

from __future__ import annotations

from pathlib import Path

import pytest
from support import cron_fires_all

from batchctl.base import clock
from batchctl.commands.cli import main

CONFIG = """
timezone = "Asia/Seoul"
[jobs.custom]
title = "커스텀 수집 작업"
description = "all suppliers"
daily = "03:00"
run = "true"
[jobs.other]
run = "true"
"""
SCREENS = Path(__file__).parent / "screens"


@pytest.mark.parametrize("width", [80, 200])
def test_the_screens(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    """Beside the name in `status` and `status JOB`; a column of `jobs list`, where a job has one."""
    cron_fires_all(monkeypatch)
    monkeypatch.setattr(clock, "now", lambda: 1_795_527_000.0)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("COLUMNS", str(width))
    (tmp_path / "c.toml").write_text(CONFIG, encoding="utf-8")
    for words in (["status"], ["status", "custom"], ["jobs", "list"]):
        assert main(["--config", str(tmp_path / "c.toml"), "--state", str(tmp_path / "state"), *words]) == 0
    shown = "".join(f"{line.rstrip()}\n" for line in capsys.readouterr().out.splitlines())
    assert shown == (SCREENS / f"titles-{width}.txt").read_text(encoding="utf-8")
