"""The whole story under Debian's cron itself: a batch longer than its interval starts, is skipped, and starts again."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from support import wait_for

from batchctl.crontab import managed
from batchctl.crontab.block import command

if TYPE_CHECKING:
    from cron.conftest import RealCrontab

LOCK = Path(tempfile.gettempdir()) / f"batchctl-tests-crontab-{os.getuid()}.lock"  # as in conftest.py

JOB = "일일-배치"
STEP_SECONDS = 12.5  # six of them take 75 s: longer than the minute between two fires
STEPS = ("31", "32", "33", "61", "62", "63")
NASTY = r"""상태 100% \% it's "here" $HOME"""
PATIENCE = 280.0  # seconds; three fires and their run take 180 to 240


def config_text() -> str:
    """Return a configuration whose one job is fired every minute and takes 75 seconds."""
    text = f'[jobs."{JOB}"]\nschedule = "* * * * *"\ntimeout = "5m"\n'
    for step, group in zip(STEPS, ["keyword-search"] * 3 + ["market-upload"] * 3, strict=True):
        text += f'[[jobs."{JOB}".steps]]\nid = "{step}"\ngroup = "{group}"\n'
        text += f'run = "sleep {STEP_SECONDS} && echo 단계 {step} 끝"\n'
    return text


def recording_shell(directory: Path) -> Path:
    """Write a shell that notes what a command of cron prints, how it ends, and in which environment it began."""
    script = directory / "shell"
    script.write_text(
        "#!/bin/sh\n"
        f"cd {directory} || exit 1\n"
        "env >environment\n"
        "[ -t 0 ] && echo terminal >>output\n"
        '/bin/sh "$@" >>output 2>&1\n'
        'echo "$?" >>codes\n'
    )
    script.chmod(0o755)
    return script


class Installation:
    """One configuration and one state directory, seen through the command line as an operator sees them."""

    def __init__(self, directory: Path) -> None:
        """Write the configuration; the state directory has a name that has to be quoted well."""
        self.config, self.state = directory / "설정 %.toml", directory / NASTY
        self.config.write_text(config_text(), encoding="utf-8")

    def call(self, *words: str) -> str:
        """Run batchctl; return what it prints."""
        options = ["--config", str(self.config), "--state", str(self.state)]
        done = subprocess.run(
            [sys.executable, "-m", "batchctl", *options, *words], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def history(self) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Return runs, oldest first, and skips."""
        report = json.loads(self.call("report", "--json"))
        return report["runs"][::-1], report["skips"]


@pytest.mark.slow
@pytest.mark.cron
@pytest.mark.timeout(420, func_only=True)  # before it, it may wait for another test to give the crontab back
@pytest.mark.xdist_group("cron")
def test_start_skip_start(real_cron: RealCrontab, tmp_path: Path) -> None:
    """Installed with `crontab install` and fired every minute, a 75 s batch starts, skips, starts, and says nothing."""
    here = Installation(tmp_path)
    shell, probe = recording_shell(tmp_path), tmp_path / "probe"
    real_cron.install(
        f"SHELL={shell}",
        f"HOME={tmp_path}",
        # Proves that quoting survives cron and the shell word for word.
        f"* * * * * {command(['printf', '%s', NASTY])} >{probe}",
    )
    assert "Installed 1 line(s) for 1 job(s)" in here.call("crontab", "install", "--no-care")

    runs, skips = wait_for_second_start(here)

    first, second = runs[:2]
    assert (first["job"], first["status"]) == (JOB, "succeeded")
    assert [step["id"] for step in first["steps"]] == list(STEPS)
    assert first["duration_s"] >= STEP_SECONDS * len(STEPS)
    (skip,) = [skip for skip in skips if skip["run_id"] == first["id"]]
    assert (skip["job"], skip["reason"], skip["count"]) == (JOB, "already_running", 1)
    assert first["started_at"] < skip["first_at"] < first["ended_at"] < second["started_at"]

    assert probe.read_text() == NASTY
    assert "단계 63 끝" in here.call("logs", JOB, "--run", str(first["id"]))
    # A start that succeeded and a skip: nothing for cron to mail, and the probe's exit code 0 beside the skip's 75.
    assert (tmp_path / "output").read_bytes() == b""
    codes = (tmp_path / "codes").read_text().split()
    assert set(codes) == {"0", "75"}
    environment = dict(line.split("=", 1) for line in (tmp_path / "environment").read_text().splitlines())
    assert environment["PATH"] == "/usr/bin:/bin"
    assert not {"TERM", "LANG", "VIRTUAL_ENV", "BATCHCTL_CONFIG", "BATCHCTL_STATE"} & set(environment)


def wait_for_second_start(here: Installation) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Ask the history until there are two runs; fail after PATIENCE seconds with what there is."""
    give_up = time.monotonic() + PATIENCE
    while True:
        runs, skips = here.history()
        if len(runs) > 1:
            return runs, skips
        if time.monotonic() > give_up:
            spoken = here.state.parent / "output"
            printed = spoken.read_text() if spoken.exists() else "(no fire at all)"
            pytest.fail(f"no second start after {PATIENCE:.0f} s: {runs} {skips}; printed: {printed}")
        time.sleep(2)


@pytest.mark.cron
@pytest.mark.xdist_group("cron")
@pytest.mark.parametrize(
    "mine",
    [
        # no crontab yet
        b"",
        # comments, an empty line, bytes that are no UTF-8
        b"# \xff mine\n\nMAILTO=me\n5 4 * * * true\n",
        # what `crontab -l` shows alike: control characters and their escapes, written out
        b"# mine\r\n# \b\n5 4 * * * printf 'a\\r\\n' | grep '\\bb'\n",
    ],
)
def test_install_and_remove(real_crontab: RealCrontab, tmp_path: Path, mine: bytes) -> None:
    """Debian's crontab takes the block, and gives the operator's lines back byte for byte after its removal."""
    here = Installation(tmp_path)
    if mine:
        real_crontab.write(mine)
    here.call("crontab", "install")
    assert real_crontab.read().startswith(mine + f"# >>> batchctl {here.config}\n".encode())
    for care in (b" check >/dev/null\n", b" prune >/dev/null\n", b" catch-up\n"):
        assert care in real_crontab.read()
    assert here.call("crontab", "diff") == ""
    here.call("crontab", "remove")
    assert real_crontab.read() == mine


@pytest.mark.cron
@pytest.mark.xdist_group("cron")
def test_the_keeper_restores_after_a_kill(tmp_path: Path) -> None:
    """The crontab comes back even if its borrower is killed: no test may leave lines behind."""
    before = as_it_is()
    borrower = (
        "import os, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "from conftest import lent\n"
        "with lent('crontab') as crontab:\n"
        "    crontab.write(b'# borrowed\\n')\n"
        "    print(crontab.read(), flush=True)\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run([sys.executable, "-c", borrower], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (-9, "b'# borrowed\\n'\n"), done.stderr
    assert as_it_is() == before


def as_it_is() -> bytes:
    """Return the crontab while nobody has it on loan."""
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return managed.read()


@pytest.mark.slow
@pytest.mark.cron
@pytest.mark.timeout(420, func_only=True)  # before it, it may wait for another test to give the crontab back
@pytest.mark.xdist_group("cron")
def test_the_end_of_one_job_fires_the_next(real_cron: RealCrontab, tmp_path: Path) -> None:
    """Cron fires the first job only; its end fires the second, and cron's command waits for none of that."""
    here = Installation(tmp_path)
    text = '[jobs."검색"]\nschedule = "* * * * *"\nrun = "sleep 2"\n'
    text += '[jobs."업로드"]\nafter = "검색"\nrun = "sleep 20 && echo $BATCHCTL_SCHEDULED_FOR"\n'
    here.config.write_text(text, encoding="utf-8")
    real_cron.install(f"SHELL={recording_shell(tmp_path)}", f"HOME={tmp_path}")
    assert "Installed 1 line(s) for 1 job(s)" in here.call("crontab", "install")
    assert "업로드" not in here.call("crontab", "show")

    runs, _ = wait_for_second_start(here)
    while [run["status"] for run in runs[:2]] != ["succeeded", "succeeded"]:
        time.sleep(1)
        runs, _ = here.history()

    search, upload = runs[:2]
    assert (search["job"], upload["job"]) == ("검색", "업로드")
    assert 0 <= seconds_between(search["ended_at"], upload["started_at"]) < 30
    meant = datetime.fromisoformat(here.call("logs", "업로드", "--run", str(upload["id"])).split()[-1])
    assert meant.second == 0  # the minute that cron fired the first job for
    # cron's own command had ended before the upload did, with nothing to mail.
    assert (tmp_path / "output").read_bytes() == b""


@pytest.mark.slow
@pytest.mark.cron
@pytest.mark.timeout(420, func_only=True)
@pytest.mark.xdist_group("cron")
def test_what_cron_detaches_goes_on(real_cron: RealCrontab, tmp_path: Path) -> None:
    """A line with --detach ends at once and its run goes on; a command guarded by name needs no configuration."""
    here, ids = Installation(tmp_path), tmp_path / "ids"

    def codes() -> list[str]:
        return (tmp_path / "codes").read_text().split() if (tmp_path / "codes").exists() else []

    here.config.write_text('[jobs."길게"]\nrun = "sleep 300"\n', encoding="utf-8")
    batchctl = [sys.executable, "-m", "batchctl", "--config", str(here.config), "--state", str(here.state)]
    real_cron.install(
        f"SHELL={recording_shell(tmp_path)}",
        f"HOME={tmp_path}",
        f"* * * * * {command([*batchctl, 'run', '길게', '--detach'])} >>{ids}",
        f"* * * * * {command([*batchctl, 'run', '--name', '날짜', '--min-gap', '6h', '--', 'date', '-u', '+%F'])}",
    )
    wait_for(lambda: ids.exists() and ids.read_text().strip(), "the detached run", PATIENCE)
    wait_for(lambda: len(codes()) == 2, "the end of both lines")
    states = {run["job"]: (str(run["id"]), run["status"]) for run in here.history()[0]}
    assert states["길게"] == (ids.read_text().strip(), "running")
    assert states["날짜"][1] == "succeeded"
    assert here.call("logs", "날짜") == f"{datetime.now(tz=UTC):%F}\n"
    assert here.call("stop", "길게") == f"길게: run {states['길게'][0]} cancelled\n"
    assert set(codes()) <= {"0", "75"}
    assert (tmp_path / "output").read_bytes() == b""


def seconds_between(first: str, second: str) -> float:
    """Return the seconds from one time of the contract to another."""
    return (datetime.fromisoformat(second) - datetime.fromisoformat(first)).total_seconds()
