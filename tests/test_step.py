"""What batchctl offers any step program: `batchctl.step`."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from batchctl import step


def test_reads_and_writes_what_batchctl_names(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Parameters, run and step come from the variables; progress and result go to the files, whole or not at all."""
    monkeypatch.setenv("BATCHCTL_PARAMS", '{"account": "계정1", "limit": 3}')
    monkeypatch.setenv("BATCHCTL_RUN_ID", "17")
    monkeypatch.setenv("BATCHCTL_STEP", "31")
    monkeypatch.setenv("BATCHCTL_PROGRESS", str(tmp_path / "p"))
    monkeypatch.setenv("BATCHCTL_RESULT", str(tmp_path / "r"))
    assert (step.params(), step.run_id(), step.step_id()) == ({"account": "계정1", "limit": 3}, 17, "31")
    step.progress(1, 30)
    step.progress(2, 30)
    step.result(market="쿠팡", uploaded=1)
    step.result(market="쿠팡", uploaded=2)
    assert (tmp_path / "p").read_text() == "2/30\n"
    assert (tmp_path / "r").read_text(encoding="utf-8") == '{"market": "쿠팡", "uploaded": 2}\n'
    assert sorted(path.name for path in tmp_path.iterdir()) == ["p", "r"]


@pytest.mark.parametrize("value", [None, ""])
def test_is_harmless_by_hand(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """Where batchctl's variables are unset or empty, reading is empty and writing does nothing."""
    for name in ("PARAMS", "RUN_ID", "STEP", "PROGRESS", "RESULT"):
        monkeypatch.delenv(f"BATCHCTL_{name}", raising=False)
        if value is not None:
            monkeypatch.setenv(f"BATCHCTL_{name}", value)
    assert (step.params(), step.run_id(), step.step_id()) == ({}, None, None)
    step.progress(1, 2)
    step.result(found=1)


def test_never_ends_a_batch_over_its_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A progress file that cannot be written is ignored; a result that cannot be is told on stderr."""
    monkeypatch.setenv("BATCHCTL_PROGRESS", str(tmp_path / "gone" / "p"))
    monkeypatch.setenv("BATCHCTL_RESULT", str(tmp_path / "gone" / "r"))
    step.progress(1, 2)
    assert capfd.readouterr() == ("", "")
    step.result(found=1)
    assert "the result could not be recorded" in capfd.readouterr().err


def test_refuses_what_is_a_mistake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nonsense from the program or in the variables is an error, not a silent nothing."""
    with pytest.raises(ValueError, match="negative"):
        step.progress(-1, 2)
    with pytest.raises(ValueError, match="JSON"):
        step.result(rate=float("nan"))
    with pytest.raises(TypeError):
        step.result(path=Path())
    for text in ("[1]", "{"):
        monkeypatch.setenv("BATCHCTL_PARAMS", text)
        with pytest.raises(ValueError, match=r"JSON|Expecting"):
            step.params()


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        # not run by batchctl, or by hand
        (None, None),
        ("", None),
        # as batchctl writes it
        ("2026-11-01T01:00:00+09:00", datetime(2026, 11, 1, 1, tzinfo=timezone(timedelta(hours=9)))),
        ("2026-11-01T01:00:00Z", datetime(2026, 11, 1, 1, tzinfo=UTC)),
    ],
)
def test_the_fire_that_cron_meant(monkeypatch: pytest.MonkeyPatch, text: str | None, moment: datetime | None) -> None:
    """It comes with its offset, or not at all."""
    if text is not None:
        monkeypatch.setenv("BATCHCTL_SCHEDULED_FOR", text)
    found = step.scheduled_for()
    assert found == moment
    assert found is None or found.utcoffset() is not None


@pytest.mark.parametrize("text", ["tomorrow", "2026-11-01T01:00:00"])
def test_a_fire_that_is_no_instant(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    """Nobody guesses an offset."""
    monkeypatch.setenv("BATCHCTL_SCHEDULED_FOR", text)
    with pytest.raises(ValueError, match=r"offset|isoformat"):
        step.scheduled_for()


def test_saved_files_are_private_and_whole(tmp_path: Path) -> None:
    """Text and bytes, under a careless umask, in a directory that is made; nothing is left beside them."""
    path = tmp_path / "reports" / "하루.json"
    before = os.umask(0)
    try:
        step.save(str(path), "한글\n")
        assert path.read_bytes() == "한글\n".encode()
        path.chmod(0o644)  # as 0.1 wrote it
        step.save(str(path), b"\x00\xff")
    finally:
        os.umask(before)
    assert path.read_bytes() == b"\x00\xff"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert list(path.parent.iterdir()) == [path]


def test_a_file_that_cannot_be_saved_is_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a full disk the old content stays, no part is left, and the program is told."""
    path = tmp_path / "x"
    step.save(str(path), "old")

    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        step.save(str(path), "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_it_stands_alone_and_is_light() -> None:
    """A foreign interpreter imports the one file, and pays for json at most."""
    script = (
        "import sys; before = set(sys.modules)\n"
        f"import importlib.util as u; s = u.spec_from_file_location('step', {step.__file__!r})\n"
        "import json; before |= set(sys.modules)\n"
        "m = u.module_from_spec(s); s.loader.exec_module(m)\n"
        "print(*(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-I", "-c", script], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) <= {"__future__"}
