"""Programs can do what the commands can: each command has its call, or a reason why it has none."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from helps import helps
from history_rows import HOUR, Rows
from support import wait_for

from batchctl import Batchctl, UsageError
from batchctl.base import clock

CALLS = {
    "run": "run start run_command dry_run", "status": "status", "explain": "explain", "upcoming": "upcoming",
    "simulate": "simulate", "report": "report", "logs": "logs find_lines follow", "events": "events follow_events",
    "stop": "stop", "pause": "pause", "resume": "resume", "check": "check", "catch-up": "catch_up", "prune": "prune",
    "advise": "advise", "backup": "backup verify_backup", "init": "init", "config": "config", "doctor": "doctor",
    "crontab show": "crontab", "crontab diff": "diff_crontab", "crontab install": "install_crontab",
    "crontab remove": "remove_crontab", "alerts list": "alerts", "alerts test": "test_alerts",
    "alerts ack": "ack_alerts", "jobs list": "jobs", "jobs show": "job", "jobs add": "create_job",
    "jobs remove": "delete_job", "jobs enable": "update_job", "jobs disable": "update_job", "jobs set": "update_job",
    "jobs presets": "presets install_presets", "jobs import": "import_jobs",
}  # fmt: skip
NONE = {
    "jobs edit": "opens an editor for a person",
    "sample-server": "runs until it is stopped, for a person who tries the catalogue",
    "serve": "runs until it is stopped; what is below it is about who may come in",
}
GROUPS = {"crontab", "alerts", "jobs"}


def test_every_command_has_its_call() -> None:
    """No command is without a call of the door, but those that are for a person at a terminal."""
    words = {" ".join(each) for each in helps()} - GROUPS - {""}
    assert sorted(each for each in words - CALLS.keys() if not {each, each.split()[0]} & NONE.keys()) == []
    assert sorted(CALLS.keys() - words) == []


def test_every_call_is_a_command() -> None:
    """The door has nothing that the commands have not."""
    calls = {name for name in dir(Batchctl) if name[0] != "_" and not hasattr(getattr(Batchctl, name), "__wrapped__")}
    assert calls - {"register_job_function"} == {name for names in CALLS.values() for name in names.split()}


@pytest.fixture
def ctl(tmp_path: Path) -> Batchctl:
    """Return a door to a job that writes as it is told, and to one that missed a fire."""
    os.mkfifo(tmp_path / "gate")
    (tmp_path / "batchctl.toml").write_text(
        f"[jobs.slow]\nrun = 'echo 처음; read line < {tmp_path}/gate; echo $line'\n"
        "[jobs.prices]\nschedule = '* * * * *'\nrun = 'echo made up'\ncatch_up = true\n",
        encoding="utf-8",
    )
    return Batchctl(tmp_path / "batchctl.toml", tmp_path / "state")


def test_a_run_is_followed_while_it_writes(ctl: Batchctl, tmp_path: Path) -> None:
    """`follow` yields what is there at once, and what comes later until the run has ended; events go on as well."""
    ctl.start("slow")
    pieces, events = ctl.follow("slow"), ctl.follow_events("slow", since="1h")
    assert next(pieces) == "처음\n"
    seen = [next(events).event for _ in range(2)]
    (tmp_path / "gate").write_text("나중\n", encoding="utf-8")
    assert "".join(pieces) == "나중\n"
    while "end" not in seen:
        seen.append(next(events).event)
    assert seen[0] == "start"


def test_following_blocks_no_event_loop(ctl: Batchctl, tmp_path: Path) -> None:
    """`async for` waits for a run's output while the loop does what lets the run go on."""
    ctl.start("slow")

    async def follow() -> str:
        heard = ""
        async for piece in ctl.afollow("slow"):
            heard += piece
            if heard == "처음\n":
                await asyncio.to_thread((tmp_path / "gate").write_text, "나중\n", encoding="utf-8")
        return heard

    assert asyncio.run(asyncio.wait_for(follow(), 60)) == "처음\n나중\n"


def test_catching_up_leaves_the_program_its_own_children(ctl: Batchctl, tmp_path: Path) -> None:
    """A fire that was missed is made up for, and a child of the program that ends meanwhile stays to be waited for."""
    Rows(tmp_path / "state").run("prices", clock.now() - HOUR, 1.0)
    script = (
        "import os\nfrom batchctl import Batchctl\nchild = os.spawnlp(os.P_NOWAIT, 'true', 'true')\n"
        f"made = Batchctl('{tmp_path}/batchctl.toml', '{tmp_path}/state').catch_up()\n"
        "print(*[(each.job, each.missed > 50, each.exit_code, each.fire.tzinfo is not None) for each in made])\n"
        "print(os.waitpid(child, 0)[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=120)
    assert (done.stdout, done.stderr) == ("('prices', True, 0, True)\n0\n", "")


def test_a_crontab_becomes_jobs(ctl: Batchctl, tmp_path: Path) -> None:
    """Lines of an old crontab are proposed, then written as jobs, disabled until somebody lets them start."""
    old = tmp_path / "old.txt"
    old.write_text("0 3 * * * flock -n /tmp/a timeout 6h collect --all\n")
    assert ctl.import_jobs(old).written == ()
    assert len(ctl.import_jobs(old, write=True).written) == 1
    assert ctl.job("collect").enabled is False


def test_a_command_is_guarded_by_name(ctl: Batchctl) -> None:
    """Any command runs under a name of its own, which the history knows; a job's name is refused."""
    assert ctl.run_command("space", ["echo", "a b", "계정"], min_gap="6h").status == "succeeded"
    assert ctl.logs("space") == "a b 계정\n"
    assert ctl.run_command("space", ["echo"], min_gap="6h").reason == "min_gap"
    with pytest.raises(UsageError):
        ctl.run_command("slow", ["true"])


def test_a_dry_run_changes_nothing(ctl: Batchctl) -> None:
    """It says what would be done with these parameters, and leaves no trace."""
    wait_for(lambda: ctl.dry_run("prices").verdict == "start", "the verdict")
    assert ctl.report("prices").runs == ()
    with pytest.raises(UsageError, match="limit"):
        ctl.dry_run("prices", params={"limit": object()})
