"""`batchctl jobs import`: jobs made of a crontab's lines do, as real commands, what the lines did."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

import pytest
from support import batchctl, start_batchctl, wait_for

from batchctl.base.errors import BatchctlError
from batchctl.commands.cli import main
from batchctl.config import load
from batchctl.config.edit import jobfiles

LINES = """\
0 1 * * * flock -n {0}/m.lock sh -c 'touch {0}/on; until [ -e {0}/go ]; do sleep 0.05; done' first
0 2 * * * {1}
0 3 * * * sh -c 'sleep 0.5; echo done' > {0}/said 2>&1 &
"""


@pytest.mark.parametrize(
    "second",
    [
        "flock -n {0}/m.lock touch {0}/second",
        "[ -x /bin/sh ] && flock -n {0}/m.lock touch {0}/second",
        "(flock -n 9 || exit 1; touch {0}/second) 9>{0}/m.lock",
        "nice flock -n {0}/m.lock touch {0}/second",
    ],
)
def test_imported_jobs_exclude_each_other(second: str, home: Path, tmp_path: Path) -> None:
    """While the first runs, a fire of the second is skipped; afterwards it starts."""
    (tmp_path / "old").write_text(LINES.format(tmp_path, second.format(tmp_path)))
    done = batchctl("jobs", "import", str(tmp_path / "old"), "--write", "--enable")
    assert (done.returncode, home.joinpath(".config/batchctl/batchctl.toml").is_file()) == (0, True), done.stderr
    config = load(str(home / ".config/batchctl/batchctl.toml"))
    assert (config.pools, {job.rules.enabled for job in config.jobs.values()}) == ({"m": 1}, {True})
    first, other = (next(name for name in config.jobs if config.jobs[name].schedule.text == text)
                    for text in ("0 1 * * *", "0 2 * * *"))  # fmt: skip
    running = start_batchctl("run", first)
    try:
        wait_for((tmp_path / "on").exists, "the first job's program to run")
        skipped = batchctl("run", other, "--json")
        assert (skipped.returncode, json.loads(skipped.stdout)["reason"]) == (75, "pool_full"), skipped
        assert not (tmp_path / "second").exists()
    finally:
        (tmp_path / "go").touch()
        assert running.wait(60) == 0, running.communicate()
        running.communicate()
    assert batchctl("run", other).returncode == 0
    assert (tmp_path / "second").exists()


def test_a_line_in_the_background_runs_to_its_end(home: Path, tmp_path: Path) -> None:
    """What ended with `&` is a step that lasts until its program has ended."""
    (tmp_path / "old").write_text(LINES.format(tmp_path, "true"))
    done = batchctl("jobs", "import", str(tmp_path / "old"), "--write", "--enable", "--json")
    name = json.loads(done.stdout)["jobs"][2]["job"]
    assert batchctl("run", name).returncode == 0
    assert (tmp_path / "said").read_text() == "done\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("# mine\n", "# mine\n\n[pools]\nm = 1\n"),
        ("", "[pools]\nm = 1\n"),
        ('timezone = "UTC"', 'timezone = "UTC"\n\n[pools]\nm = 1\n'),  # its last line without an end
        ("[pools] # few\nx = 2 # x\n\n# c\n[jobs]\n", "[pools] # few\nm = 1\nx = 2 # x\n\n# c\n[jobs]\n"),
        ("pools = {a = 2}\n", "pools = {a = 2, m = 1}\n"),  # but for the blank behind its comma
        ("pools.a = 2\r\n", "pools.a = 2\r\npools.m = 1\r\n"),
        ("[pools]\nm = 1\n", "[pools]\nm = 1\n"),  # it is there
        ("[pools]\nm = 4\n", "[pools]\nm-2 = 1\nm = 4\n"),  # that one excludes nobody
    ],
)  # fmt: skip
def test_pools_of_the_main_file(before: str, after: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The pool is written where it must stand, and every other byte is kept; without --write it is only shown."""
    file, old = tmp_path / "c.toml", tmp_path / "old"
    file.write_bytes(before.encode())
    old.write_text("@daily flock -n /t/m.lock /a\n@daily flock -n /t/m.lock /b\n")
    command = ["--config", str(file), "jobs", "import", str(old)]
    assert main(command) == 0
    assert (f"{file}\n    [pools]\n    m" in capsys.readouterr().out) is (before != after)
    assert file.read_bytes() == before.encode()
    assert main([*command, "--write", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert file.read_bytes().replace(b",m", b", m") == after.encode()
    assert (str(file) in found["written"], bool(found["pools"])) == (before != after, before != after)
    assert load(str(file)).jobs["a"].rules.pool == load(str(file)).jobs["b"].rules.pool


def test_the_main_file_is_put_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the jobs cannot be written after their pool was, the main file says what it said."""
    file, old, seen = tmp_path / "c.toml", tmp_path / "old", []
    file.write_text("# mine\n")
    old.write_text("@daily flock -n /t/m.lock /a\n@daily flock -n /t/m.lock /b\n")

    def full(_files: object) -> None:
        seen.append(file.read_text())
        message = "no space left"
        raise BatchctlError(message, remedy="make room")

    monkeypatch.setattr(jobfiles, "write_all", full)
    assert main(["--config", str(file), "jobs", "import", str(old), "--write"]) != 0
    assert (seen, file.read_text()) == (["# mine\n\n[pools]\nm = 1\n"], "# mine\n")


def test_a_system_crontab_through_a_pipe(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What /etc/crontab says is read alike from stdin: the sixth field is a user."""
    text = "SHELL=/bin/sh\nPATH=/usr/bin:/bin\nMAILTO=ops\n17 * * * *\troot\tcd / && run-parts /etc/cron.hourly\n"
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{text}@daily shop /srv/a.sh\n".encode())))
    file = tmp_path / "c.toml"
    file.touch()
    assert main(["--config", str(file), "jobs", "import", "-", "--json"]) == 0
    jobs = json.loads(capsys.readouterr().out)["jobs"]
    assert [job["toml"].splitlines()[-1] for job in jobs] == ['run = "run-parts /etc/cron.hourly"', 'run = "/srv/a.sh"']
    assert [job["notes"][0].partition(";")[0] for job in jobs] == ["ran as root", "ran as shop"]
