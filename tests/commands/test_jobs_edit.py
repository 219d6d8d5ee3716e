"""`batchctl jobs add | remove | enable | disable | edit | presets --install | import`, as an operator calls them."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from support import alive, batchctl, rows, start_batchctl, wait_for

from batchctl.commands.cli import main
from batchctl.config import load, load_presets

FAKE = Path(__file__).parent.parent / "cron" / "fake_crontab.sh"
MAIN = '# mine\n[jobs.a]\nschedule = "0 1 * * *" # at night\nrun = "true"\n'

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Write a configuration with one job."""
    made = tmp_path / "etc" / "c.toml"
    made.parent.mkdir()
    made.write_text(MAIN)
    return made


@pytest.fixture
def call(tmp_path: Path, file: Path, capsys: pytest.CaptureFixture[str]) -> Call:
    """Call `batchctl jobs ...`; return exit code, stdout and stderr."""

    def call(*words: str) -> tuple[int, str, str]:
        code = main(["--config", str(file), "--state", str(tmp_path / "state"), "jobs", *words])
        said = capsys.readouterr()
        return code, said.out, said.err

    return call


@pytest.fixture
def editor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that makes a shell script the editor; the file is its "$1"."""

    def make(script: str) -> None:
        program = tmp_path / "my editor"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o700)
        monkeypatch.setenv("EDITOR", f"'{program}'")
        monkeypatch.delenv("VISUAL", raising=False)
        monkeypatch.setenv("TMPDIR", str(tmp_path / "copies"))
        (tmp_path / "copies").mkdir(exist_ok=True)
        monkeypatch.setattr("tempfile.tempdir", None)

    return make


def copies(tmp_path: Path) -> list[Path]:
    """Return the copies that were kept."""
    return [path for path in (tmp_path / "copies").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (["--run", "x {n}", "--param", "n=5"], 'params = {n = 5}\nrun = "x {n}"\n'),
        (["--argv", "x", "--argv=-a b"], 'argv = ["x", "-a b"]\n'),
        (
            ["--every", "30h", "--timeout", "2h", "--kind", "report", "--description", "매일", "--run", "x"],
            'description = "매일"\nkind = "report"\nevery = "30h"\ntimeout = "2h"\nrun = "x"\n',
        ),
        (["--schedule", "0 1 * * *", "--run", "x"], 'schedule = "0 1 * * *"\nrun = "x"\n'),
        (["--at", "2030-12-01T12:00", "--run", "x"], 'at = 2030-12-01T12:00:00\nrun = "x"\n'),
        (["--after", "a", "--run", "x"], 'after = ["a"]\nrun = "x"\n'),
        (["--preset", "daily-batch", "--daily", "13:00"], 'preset = "daily-batch"\ndaily = "13:00"\n'),
    ],
)
def test_add(call: Call, file: Path, words: list[str], text: str) -> None:
    """The options become the keys of a file of its own."""
    code, out, _ = call("add", "키워드", *words)
    made = file.parent / "jobs.d" / "키워드.toml"
    assert (code, out) == (0, f"wrote {made}\n")
    assert made.read_text() == text


def test_add_says_what_the_crontab_lacks(call: Call, file: Path) -> None:
    """One line on stderr, where the schedules changed, with the configuration that was named."""
    install = f"batchctl: `batchctl --config {file} crontab install` still has to"
    assert call("add", "x", "--daily", "13:00", "--run", "x")[2] == f"{install} add x\n"
    assert call("add", "y", "--run", "x")[2] == ""
    assert call("add", "z", "--after", "y", "--run", "x")[2] == ""
    assert call("disable", "x")[2] == f"{install} take out x\n"
    assert call("disable", "y")[2] == ""
    assert call("remove", "a")[2] == f"{install} take out a\n"


def test_add_from_a_file(call: Call, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A table is taken as it is, comments and all; `-` is stdin."""
    text = '# 왜\r\nrun = "true" # now\r\n'
    (tmp_path / "job.toml").write_bytes(text.encode())
    assert call("add", "x", "--from", str(tmp_path / "job.toml"))[0] == 0
    assert (file.parent / "jobs.d" / "x.toml").read_bytes() == text.encode()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert call("add", "y", "--from", "-")[0] == 0
    assert (file.parent / "jobs.d" / "y.toml").read_bytes() == text.encode()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["add", "x"], 2, "a job needs something to do"),
        (["add", "a/b", "--run", "x"], 2, "cannot be the name of a job"),
        (["add", "x", "--at", "noon", "--run", "x"], 2, "--at 'noon' is not a time"),
        (["add", "x", "--param", "n", "--run", "x"], 2, "is not KEY=VALUE"),
        (["add", "x", "--param", "n=null", "--run", "x"], 2, "params: .* cannot be written as TOML"),
        (["add", "x", "--from", "/none"], 2, "--from /none: No such file"),
        (["add", "x", "--from", "-", "--param", "a=1"], 2, "so --param cannot stand beside it"),
        (["add", "a", "--run", "x"], 1, "there is already a job 'a'"),
        (["add", "x", "--daily", "1:00", "--every", "3h", "--run", "x"], 78, r"x\.toml:\d: jobs\.x\.daily: is a"),
        (["add", "x", "--kind", "batch", "--run", "x"], 78, r"jobs\.x\.kind: 'batch' is not one of its values"),
        (["add", "x", "--after", "y", "--run", "x"], 78, r"x\.toml:\d: jobs\.x\.after: there is no job 'y'"),
        (["add", "market-upload", "--preset", "market-upload"], 78, "jobs presets --install keyword-search market-up"),
        (["add", "x", "--preset", "none"], 78, "there is no preset 'none'"),
        (["remove", "b"], 2, "there is no job 'b'"),
        (["edit", "b"], 2, "there is no job 'b'"),
        (["import", "/none"], 2, "/none: No such file"),
    ],
)  # fmt: skip
def test_what_cannot_be_done(call: Call, file: Path, words: list[str], code: int, message: str) -> None:
    """A message, a remedy, the exit code of its kind, and nothing written."""
    before = (file.read_bytes(), file.stat().st_mtime_ns)
    found, _, err = call(*words)
    assert found == code
    assert "→" in err
    assert re.search(message, err), err
    assert (file.read_bytes(), file.stat().st_mtime_ns) == before
    assert not (file.parent / "jobs.d").exists()


def test_enable_and_disable(call: Call, file: Path) -> None:
    """The main file changes in that one line."""
    assert call("disable", "a")[:2] == (0, f"disabled a in {file}\n")
    assert file.read_text() == MAIN.replace("[jobs.a]\n", "[jobs.a]\nenabled = false\n")
    assert call("disable", "a")[1] == "a is disabled already; nothing was written\n"
    assert call("enable", "a")[:2] == (0, f"enabled a in {file}\n")
    assert load(str(file)).jobs["a"].rules.enabled


def test_remove(call: Call, file: Path) -> None:
    """From the main file, and as a file of its own."""
    call("add", "x", "--run", "x")
    own = file.parent / "jobs.d" / "x.toml"
    assert call("remove", "x")[:2] == (0, f"removed {own}; its history stays\n")
    assert call("remove", "a")[:2] == (0, f"removed a from {file}; its history stays\n")
    assert file.read_text() == "# mine\n"


def test_a_running_job_is_not_removed(call: Call, file: Path, tmp_path: Path) -> None:
    """It could no longer be stopped by its name; once it has ended it goes, and its history stays."""
    call("add", "긴-작업", "--run", f"echo $$ > {tmp_path}/pid; exec sleep 600")
    arguments = ["--config", str(file), "--state", str(tmp_path / "state")]
    fire = start_batchctl(*arguments, "run", "긴-작업")
    pid = int(wait_for(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), "the step"))
    code, _, err = call("remove", "긴-작업")
    assert code == 1
    assert "run 1 of 긴-작업 is running" in err
    assert (file.parent / "jobs.d" / "긴-작업.toml").exists()
    assert batchctl(*arguments, "stop", "긴-작업").returncode == 0
    fire.communicate()
    assert not alive(pid)
    assert call("remove", "긴-작업")[0] == 0
    assert rows(tmp_path / "state", "select job, status from runs") == [("긴-작업", "cancelled")]


def test_edit(call: Call, file: Path, tmp_path: Path, editor: Callable[[str], None]) -> None:
    """What the editor leaves takes the file's place, byte for byte, and no copy stays."""
    editor("""sed -i 's/0 1 /0 2 /' "$1" """)
    code, out, err = call("edit", "a")
    assert (code, out) == (0, f"wrote {file}\n")
    assert err == f"batchctl: `batchctl --config {file} crontab install` still has to change a\n"
    assert file.read_text() == MAIN.replace("0 1 ", "0 2 ")
    assert copies(tmp_path) == []


def test_edit_that_changes_nothing(call: Call, file: Path, tmp_path: Path, editor: Callable[[str], None]) -> None:
    """The file is not touched."""
    editor("true")
    before = file.stat()
    assert call("edit", "a") == (0, "unchanged; nothing was written\n", "")
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert copies(tmp_path) == []


def test_edit_that_is_wrong(call: Call, file: Path, tmp_path: Path, editor: Callable[[str], None]) -> None:
    """The error says what is wrong and where the copy is; everything stays as it was."""
    editor("""sed -i 's/0 1 /0 99 /' "$1" """)
    code, _, err = call("edit", "a")
    assert code == 78
    assert f"{file}:3: jobs.a.schedule" in err
    (copy,) = copies(tmp_path)
    assert f"what you wrote is kept in {copy}" in err
    assert copy.read_text() == MAIN.replace("0 1 ", "0 99 ")
    assert copy.stat().st_mode & 0o077 == 0
    assert file.read_text() == MAIN


def test_edit_meets_a_rival(call: Call, file: Path, tmp_path: Path, editor: Callable[[str], None]) -> None:
    """What somebody else wrote meanwhile stays."""
    editor(f"""echo '# also' >> "$1"; echo '# rival' >> '{file}' """)
    code, _, err = call("edit", "a")
    assert code == 1
    assert "was changed by somebody else" in err
    assert file.read_text() == f"{MAIN}# rival\n"
    assert [copy.read_text() for copy in copies(tmp_path)] == [f"{MAIN}# also\n"]


def test_edit_repairs_a_broken_file(call: Call, file: Path, editor: Callable[[str], None]) -> None:
    """A job's own file is found however wrong it is."""
    call("add", "x", "--run", "x")
    own = file.parent / "jobs.d" / "x.toml"
    own.write_text("broken")
    assert call("list")[0] == 78
    editor("""echo 'run = "true"' > "$1" """)
    assert call("edit", "x")[0] == 0
    assert own.read_text() == 'run = "true"\n'


@pytest.mark.parametrize(
    ("script", "kept"),
    [
        ("exit 3", []),  # left without writing
        ("""echo '# half' >> "$1"; exit 3""", [f"{MAIN}# half\n"]),  # what was written is not lost
    ],
)
def test_an_editor_that_fails(
    call: Call, file: Path, tmp_path: Path, editor: Callable[[str], None], script: str, kept: list[str]
) -> None:
    """Nothing is put in place."""
    editor(script)
    code, _, err = call("edit", "a")
    assert (code, "ended with exit code 3" in err) == (1, True)
    assert [copy.read_text() for copy in copies(tmp_path)] == kept
    assert file.read_text() == MAIN


def test_no_editor(call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The remedy names the variables."""
    for name in ("VISUAL", "EDITOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    code, _, err = call("edit", "a")
    assert (code, "there is no editor" in err, "EDITOR" in err) == (1, True, True)


def test_install_the_presets(call: Call, file: Path) -> None:
    """Each is a file of its own; one that is there is named and stays."""
    call("add", "daily-batch", "--run", "mine")
    code, out, err = call("presets", "--install")
    assert code == 0
    assert "daily-batch is there already and stays as it is" in out
    assert "still has to add" in err
    config = load(str(file))
    assert config.jobs["daily-batch"].steps[0].run == "mine"
    assert set(load_presets(None).jobs) | {"a"} == set(config.jobs)
    code, out, err = call("presets", "--install", "--json")
    assert (json.loads(out)["jobs"], json.loads(out)["files"], err) == ([], [], "")


def test_install_one_preset(call: Call, file: Path) -> None:
    """Only what is named becomes a job; a name that is none is refused with a suggestion."""
    code, out, _ = call("presets", "--install", "collect-zentrade")
    assert (code, out) == (0, f"wrote {file.parent}/jobs.d/collect-zentrade.toml\n")
    assert set(load(str(file)).jobs) == {"a", "collect-zentrade"}
    code, _, err = call("presets", "--install", "collect-zentrad")
    assert (code, "did you mean collect-zentrade?" in err) == (2, True)


def test_import_proposes_and_writes(call: Call, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without --write nothing is written; with it the jobs are there, disabled, and the crontab is as it was."""
    shutil.copy(FAKE, tmp_path / "crontab")
    spool = tmp_path / "spool"
    lines = "# 수집\n0 3 * * * timeout 2h /srv/수집.sh > /dev/null 2>&1\n0 4 * * * mail x%hello\n@reboot /srv/d\n"
    spool.write_text(lines)
    monkeypatch.setenv("FAKE_CRONTAB", str(spool))
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    code, out, err = call("import")
    assert code == 0
    assert 'jobs.d/수집.toml\n    description = "수집"\n    schedule = "0 3 * * *"\n    enabled = false\n' in out
    assert "line 4: @reboot /srv/d\n  not imported: fires at boot" in out
    assert "nothing was written; --write puts 2 job(s) into" in err
    assert not (file.parent / "jobs.d").exists()
    code, out, err = call("import", "--write")
    assert code == 0
    assert "the lines are still in the crontab" in err
    assert "crontab install" not in err
    jobs = load(str(file)).jobs
    assert [(name, jobs[name].rules.enabled) for name in ("mail", "수집")] == [("mail", False), ("수집", False)]
    assert jobs["수집"].timeout == 7200.0
    text = (file.parent / "jobs.d" / "수집.toml").read_text()
    assert text.startswith("# line 2 of the crontab: 0 3 * * * timeout 2h /srv/수집.sh > /dev/null 2>&1\n")
    assert spool.read_text() == lines


def test_import_again_never_overwrites(call: Call, file: Path, tmp_path: Path) -> None:
    """A second import finds other names; --enable enables what is complete."""
    old = tmp_path / "old"
    old.write_text("0 3 * * * /srv/a.sh\n0 4 * * * mail x%hello\n")
    call("import", str(old), "--write")
    code, out, err = call("import", str(old), "--write", "--enable", "--json")
    found = json.loads(out)
    assert code == 0
    assert [(job["line"], job["job"], job["complete"]) for job in found["jobs"]] == [
        (1, "a-3", True),
        (2, "mail-2", False),
    ]
    assert found["written"] == [f"{file.parent}/jobs.d/{name}.toml" for name in ("a-3", "mail-2")]
    jobs = load(str(file)).jobs
    assert {name: job.rules.enabled for name, job in jobs.items()} == {
        "a": True, "a-2": False, "a-3": True, "mail": False, "mail-2": False,
    }  # fmt: skip
    assert "still has to add a-3\n" in err


def test_import_of_nothing(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty crontab is no error."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"# only this\n")))
    code, out, err = call("import", "-", "--write")
    assert (code, out, err) == (0, "", "batchctl: no line of the crontab can become a job\n")


def test_in_the_c_locale(home: Path, tmp_path: Path) -> None:
    """A new home, no locale, Hangul in name and description: the whole way through a real process."""
    env = {"HOME": str(home), "PATH": "/usr/bin:/bin", "LC_ALL": "C", "EDITOR": "true"}
    done = batchctl("jobs", "add", "키워드", "--run", "echo 안녕", "--daily", "01:00", "--description", "매일", env=env)
    directory = home / ".config" / "batchctl"
    assert (done.returncode, done.stdout) == (
        0,
        f"wrote {directory}/batchctl.toml (there was no configuration)\nwrote {directory}/jobs.d/키워드.toml\n",
    )
    assert done.stderr.splitlines()[-1] == "batchctl: `batchctl crontab install` still has to add 키워드"
    assert (directory / "jobs.d" / "키워드.toml").read_text("utf-8").startswith('description = "매일"\n')
    for words in (["edit", "키워드"], ["disable", "키워드"], ["list"], ["remove", "키워드"]):
        done = batchctl("jobs", *words, env=env)
        assert (done.returncode, "Traceback" in done.stderr) == (0, False), done.stderr
    assert list((directory / "jobs.d").iterdir()) == []


SET = """\
# the shop's batches
[jobs.a]
daily = "01:00"  # at night
params = { limit = 100 }
run = "collect --limit {limit}"

[jobs.b]   # another
run = "true"
"""


@pytest.mark.parametrize(
    ("settings", "old", "new"),
    [
        # a key that is there keeps its place and its comment
        (["daily=02:00"], 'daily = "01:00"  # at night', 'daily = "02:00"  # at night'),
        # one that is not there comes first
        (["timeout=30h"], "[jobs.a]\n", '[jobs.a]\ntimeout = "30h"\n'),
        # a key of a table
        (["params.limit=200"], "limit = 100", "limit = 200"),
        # a key of a table that is not there yet; JSON numbers, truth and lists stay what they are
        (["expect.collected=>= 5"], "[jobs.a]\n", '[jobs.a]\nexpect = {collected = ">= 5"}\n'),
        (["enabled=false"], "[jobs.a]\n", "[jobs.a]\nenabled = false\n"),
        # another way to say when takes the place of the one that is there
        (["schedule=0 5 * * *"], '[jobs.a]\ndaily = "01:00"  # at night\n', '[jobs.a]\nschedule = "0 5 * * *"\n'),
        # null takes out, what is not there too
        (["daily=null", "timeout=null"], 'daily = "01:00"  # at night\n', ""),
    ],
)
def test_set(settings: list[str], old: str, new: str, call: Call, file: Path) -> None:
    """Keys are set in the file that defines the job, with every other byte of it kept."""
    file.write_text(SET, encoding="utf-8")
    code, out, _ = call("set", "a", *settings)
    assert (code, out) == (0, f"wrote {file}\n")
    assert file.read_text(encoding="utf-8") == SET.replace(old, new, 1)
    load(str(file))


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["a", "timeout=soon"], 78, "timeout"),  # a wrong value
        (["a", "batchsize=3"], 78, "batchsize"),  # an unknown key
        (["a", "timeout"], 2, "is not KEY=VALUE"),
        (["nosuch", "timeout=3h"], 2, "there is no job 'nosuch'"),
        (["daily-batch", "timeout=3h"], 1, "no file of yours defines"),  # a ready-made job
        (["a", "params.limit.deep=3"], 1, "cannot be changed"),  # a table in a number
        (["a", "at=soon"], 2, "not a time"),
    ],
)
def test_nothing_wrong_is_set(words: list[str], code: int, said: str, call: Call, file: Path) -> None:
    """What would be wrong is refused with the exit code of its kind, and nothing is written."""
    file.write_text(SET, encoding="utf-8")
    done = call("set", *words)
    assert done[0] == code
    assert said in done[2]
    assert file.read_text(encoding="utf-8") == SET


def test_set_what_is_so_already(call: Call, file: Path) -> None:
    """Where nothing would change nothing is written."""
    file.write_text(SET, encoding="utf-8")
    before = file.stat()
    assert call("set", "a", "params.limit=100")[:2] == (0, "it is so already; nothing was written\n")
    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_set_in_a_file_of_its_own(call: Call, file: Path) -> None:
    """A job that has a file of its own is changed there; the schedule that is replaced goes."""
    file.write_text("", encoding="utf-8")
    own = file.parent / "jobs.d" / "수집.toml"
    own.parent.mkdir(exist_ok=True)
    own.write_text('# nightly\ndaily = "01:00"\nrun = "true"\n', encoding="utf-8")
    assert call("set", "수집", "every=30h")[:2] == (0, f"wrote {own}\n")
    assert own.read_text(encoding="utf-8") == '# nightly\nrun = "true"\nevery = "30h"\n'
