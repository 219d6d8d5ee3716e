"""`batchctl crontab` as an operator calls it: what it prints, where, and with which exit code."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from batchctl.commands.cli import main
from batchctl.core.time import zones
from batchctl.crontab import firing, managed

FAKE = Path(__file__).parent.parent / "cron" / "fake_crontab.sh"
CONFIG = """
[jobs.daily-batch]
description = "키워드 검색 후 마켓 업로드"
schedule = "0 1 * * *"
[[jobs.daily-batch.steps]]
id = "31"
run = "true"

[jobs.by-hand]
[[jobs.by-hand.steps]]
id = "1"
run = "true"
"""
MINE = b"# \xff mine\r\n5 4 * * * true\n"

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Write a configuration with one scheduled job."""
    file = tmp_path / "c.toml"
    file.write_text(CONFIG, encoding="utf-8")
    return file


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a stand-in for crontab(1) on PATH, with the operator's lines in it."""
    shutil.copy(FAKE, tmp_path / "crontab")
    file = tmp_path / "spool"
    file.write_bytes(MINE)
    monkeypatch.setenv("FAKE_CRONTAB", str(file))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return file


@pytest.fixture
def call(
    tmp_path: Path, config: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> Call:
    """Call `batchctl crontab ...`; return exit code, stdout and stderr."""
    monkeypatch.setattr(managed, "cron_zone", lambda: zones.NamedZone("Etc/UTC"))
    monkeypatch.setattr(firing, "daemon", lambda: "running")

    def call(*words: str) -> tuple[int, str, str]:
        code = main(["--config", str(config), "--state", str(tmp_path / "state"), "crontab", *words])
        out, err = capfdbinary.readouterr()
        return code, out.decode("utf-8", "replace"), err.decode()

    return call


def test_install_and_remove(call: Call, spool: Path, tmp_path: Path) -> None:
    """Install appends the block, a second install writes nothing, remove restores the crontab byte for byte."""
    code, out, err = call("install")
    assert (code, err) == (0, "")
    assert out.startswith("Installed 1 line(s) for 1 job(s), and for their care ")
    assert "The old crontab is kept in" in out
    text = spool.read_bytes()
    assert text.startswith(MINE + f"# >>> batchctl {tmp_path}/c.toml\n".encode())
    assert "# daily-batch: 키워드 검색 후 마켓 업로드\n0 1 * * * /".encode() in text
    assert b"by-hand" not in text
    (backup,) = (tmp_path / "state").glob("crontab.backup-*")
    assert backup.read_bytes() == MINE

    assert call("install")[:2] == (0, "The crontab is up to date; nothing was written.\n")
    assert spool.with_name("spool.log").read_text() == "write\n"

    code, out, err = call("remove")
    assert (code, err) == (0, "")
    assert "Removed the block." in out
    assert spool.read_bytes() == MINE
    assert call("remove")[:2] == (0, "The crontab has no block of this configuration; nothing was written.\n")


def test_diff(call: Call, spool: Path) -> None:
    """Diff shows what install would do with exit 1, nothing with exit 0 afterwards, and never writes."""
    code, out, err = call("diff")
    assert (code, err) == (1, "")
    assert out.startswith("--- crontab\n+++ crontab after install\n")
    assert "\n+0 1 * * * /" in out
    assert spool.read_bytes() == MINE
    call("install")
    assert call("diff") == (0, "", "")


def test_show(call: Call, spool: Path) -> None:
    """Show prints the block that install then writes."""
    code, out, err = call("show")
    assert (code, err) == (0, "")
    assert spool.read_bytes() == MINE
    call("install")
    assert spool.read_bytes() == MINE + out.encode()


def test_show_json(call: Call, spool: Path) -> None:
    """Show prints the lines of each job as JSON, Hangul as it is."""
    code, out, _ = call("show", "--json")
    found = json.loads(out)
    assert code == 0
    assert "키워드" in out
    (job,) = found["jobs"]
    assert (job["job"], job["note"]) == ("daily-batch", None)
    assert job["lines"][0] in found["block"]


def test_show_without_cron(call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Show works on a machine without cron; install says which package is missing (74)."""
    monkeypatch.setenv("PATH", str(tmp_path / "empty"))
    code, out, _ = call("show")
    assert (code, "run daily-batch" in out) == (0, True)
    code, out, err = call("install")
    assert (code, out) == (74, "")
    assert "package cron" in err


@pytest.mark.parametrize("command", ["install", "remove", "diff", "show"])
def test_unreadable_crontab(call: Call, spool: Path, command: str) -> None:
    """A crontab that cannot be read is exit 74 with a remedy, and nothing is written."""
    spool.with_name("spool.deny").touch()
    code, out, err = call(command)
    assert (code, out) == (74, "")
    assert "not allowed" in err
    assert "→" in err
    assert spool.read_bytes() == MINE


@pytest.mark.parametrize("command", ["install", "remove", "diff"])
def test_damaged_markers(call: Call, spool: Path, tmp_path: Path, command: str) -> None:
    """Damaged markers are exit 74, name the line, and nothing is written."""
    damaged = MINE + f"# >>> batchctl {tmp_path}/c.toml\n0 1 * * * x\n".encode()
    spool.write_bytes(damaged)
    code, _, err = call(command)
    assert code == 74
    assert "line 3 does not end" in err
    assert spool.read_bytes() == damaged


def test_another_zone(call: Call, spool: Path, config: Path) -> None:
    """Where cron's zone is another, the shifted line is announced on stderr and explained in the block."""
    config.write_text('timezone = "Asia/Seoul"\n' + CONFIG, encoding="utf-8")
    code, _, err = call("install")
    assert code == 0
    assert "written in cron's zone, Etc/UTC" in err
    assert b"\n# NOTE: " in spool.read_bytes()
    assert b"\n0 16 * * * /" in spool.read_bytes()


def test_a_zone_that_cron_cannot_keep(call: Call, spool: Path, config: Path) -> None:
    """A fixed hour under a clock that changes at other times than cron's is exit 78, and nothing is written."""
    config.write_text('timezone = "America/New_York"\n' + CONFIG, encoding="utf-8")
    code, _, err = call("install")
    assert code == 78
    assert "daily-batch" in err
    assert "→ write the schedule in Etc/UTC" in err
    assert spool.read_bytes() == MINE


def test_remove_without_a_configuration(call: Call, spool: Path, config: Path) -> None:
    """The block can be removed when its configuration is already broken."""
    call("install")
    config.write_text("this is no TOML", encoding="utf-8")
    assert call("remove")[0] == 0
    assert spool.read_bytes() == MINE


def test_care(call: Call, spool: Path) -> None:
    """An install says which lines look after the jobs; --no-care leaves them out, and is remembered until --care."""
    code, out, _ = call("install")
    assert code == 0
    assert "`check` every 10 minutes, `prune` every night, `catch-up` after a boot (--no-care leaves that out)" in out
    care = json.loads(call("show", "--json")[1])["care"]
    assert [line.removesuffix(" >/dev/null").rsplit(" ", 1)[1] for line in care] == ["check", "prune", "catch-up"]
    assert call("diff")[0] == 0
    assert call("install", "--no-care")[1].startswith("Installed 1 line(s) for 1 job(s). ")
    assert (b" check " in spool.read_bytes(), call("diff")[0], call("diff", "--care")[0]) == (False, 0, 1)
    assert "up to date" in call("install")[1]
    call("install", "--care")
    assert b" check >/dev/null\n" in spool.read_bytes()
    call("remove")
    spool.write_bytes(MINE + b"*/30 * * * * /usr/local/bin/batchctl check\n")
    assert json.loads(call("show", "--json")[1])["care"] == care[1:]


def test_nothing_to_install(call: Call, spool: Path, config: Path) -> None:
    """Without a job to fire nothing is written, and that is said; a block that is there goes when its last job does."""
    config.write_text("[jobs.by-hand]\nrun = 'true'\n")
    code, out, _ = call("install")
    assert (code, spool.read_bytes()) == (0, MINE)
    assert out.startswith("No enabled job has a schedule, so nothing was written; `batchctl jobs add")
    config.write_text(CONFIG)
    assert call("install")[0] == 0
    config.write_text("[jobs.by-hand]\nrun = 'true'\n")
    assert "so the block was removed" in call("install")[1]
    assert spool.read_bytes() == MINE
