"""`batchctl doctor`: each fault that is planted is found, with a remedy; other commands say of it in passing."""

from __future__ import annotations

import json
import os
import re
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len

from batchctl.base import clock, extras
from batchctl.base.files import make_directory
from batchctl.commands.cli import main
from batchctl.core.time import zones
from batchctl.crontab import firing, managed
from batchctl.watch import doctor

if TYPE_CHECKING:
    from collections.abc import Callable

    Examine = Callable[..., list[dict[str, Any]]]

FAKE = Path(__file__).parent.parent / "cron" / "fake_crontab.sh"
WELL = "[jobs.a]\ndaily = '01:00'\nrun = 'true'\n"


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory with a crontab stand-in, on a machine whose cron runs and whose own crontabs are empty."""
    shutil.copy(FAKE, tmp_path / "crontab")
    (tmp_path / "sendmail").symlink_to("/bin/true")
    monkeypatch.setenv("FAKE_CRONTAB", str(tmp_path / "spool"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(managed, "cron_zone", lambda: zones.NamedZone("Etc/UTC"))
    monkeypatch.setattr(firing, "daemon", lambda: "running")
    monkeypatch.setattr(firing, "SYSTEM_CRONTAB", str(tmp_path / "etc-crontab"))
    monkeypatch.setattr(firing, "SYSTEM_DIRECTORY", str(tmp_path / "cron.d"))
    return tmp_path


@pytest.fixture
def examine(place: Path, capsys: pytest.CaptureFixture[str]) -> Examine:
    """Return a function that writes a configuration, installs its block, examines it and returns what is not well."""

    def run(text: str, *words: str, install: bool = True, code: int | None = None) -> list[dict[str, Any]]:
        (place / "c.toml").write_text(text, encoding="utf-8")
        options = ["--config", str(place / "c.toml"), "--state", str(place / "state")]
        if install:
            assert main([*options, "crontab", "install"]) == 0
        capsys.readouterr()
        done = main([*options, "doctor", "--json", *words])
        found = json.loads(capsys.readouterr().out)["findings"]
        wrong = [each for each in found if each["level"] != "ok"]
        assert done == (any(each["level"] == "error" for each in found) if code is None else code)
        assert all(each["remedy"] for each in wrong), "whatever is wrong has a remedy"
        return wrong

    return run


def test_all_is_well(examine: Examine) -> None:
    """A sound job on a sound machine: nothing is found, and the exit code is 0."""
    assert examine(WELL) == []


def script(place: Path, name: str, first: str, mode: int = 0o755) -> None:
    """Write a program."""
    (place / name).write_text(first)
    (place / name).chmod(mode)


# What is wrong with the job x; level, subject and words of what is said
JOBS = {
    "a program that is not there": (
        "argv = ['/nope/prog']",
        "error",
        "step 1: program",
        "there is no program /nope/prog",
    ),
    "one that is not on cron's PATH": ("argv = ['collect']", "error", "step 1: program", "on PATH=/usr/bin:/bin"),
    "one in the home": ("argv = ['~/bin/x']", "error", "step 1: program", "/bin/x"),
    "one that a shell line begins with": (
        "run = 'collect --all | sort'",
        "error",
        "step 1: program",
        "no program collect",
    ),
    "one behind a pipe": (
        "run = 'true | frobnicate -u > x'",
        "error",
        "step 1: program",
        "no program frobnicate",
    ),
    "one that follows": ("run = 'cd / && /nope/next 2>&1; true'", "error", "step 1: program", "/nope/next"),
    "one after variables": ("run = 'A=1 exec /nope/x'", "error", "step 1: program", "/nope/x"),
    "one relative to cwd": ("argv = ['./x']\ncwd = '/usr'", "error", "step 1: program", "/usr/./x"),
    "a directory for a program": ("argv = ['/usr']", "error", "step 1: program", "/usr is not a file"),
    "no right to execute": ("argv = ['{p}/plain']", "error", "step 1: program", "plain is not executable"),
    "no first line": ("argv = ['{p}/bare']", "error", "step 1: program", "no first line #!"),
    "an interpreter that is not there": ("argv = ['{p}/old']", "error", "step 1: program", "/usr/bin/python2.4"),
    "an interpreter that env does not find": ("argv = ['{p}/env']", "error", "step 1: program", "run by no-such-ruby"),
    "line ends of Windows": ("argv = ['{p}/dos']", "error", "step 1: program", "line ends of Windows"),
    "a cwd that is not there": ("run = 'true'\ncwd = '/nope'", "error", "step 1: cwd", "there is no directory /nope"),
    "a cwd that is a file": ("run = 'true'\ncwd = '{p}/plain'", "error", "step 1: cwd", "is not a directory"),
    "a path that is not there": (
        "run = 'true'\npath = ['/nope']",
        "warning",
        "step 1: path",
        "there is no directory /nope",
    ),
    "an env_file that is missing": ("run = 'true'\nenv_file = 'n.env'", "error", "env_file", "n.env: No such file"),
    "an env_file with a wrong line": (
        "run = 'true'\nenv_file = 'w.env'",
        "error",
        "env_file",
        "line 2: not NAME=VALUE",
    ),
    "a module that is not there": (
        "function = 'no_such_module:f'",
        "error",
        "function",
        "No module named 'no_such_module'",
    ),
    "a function that is not there": ("function = 'os:nothing'", "error", "function", "has no attribute 'nothing'"),
    "parameters it does not take": ("function = 'os:getpid'\nparams = {{ a = 1 }}", "error", "function", "getpid"),
    "a python that is not there": (
        "function = 'os:getpid'\npython = '/nope/py'",
        "error",
        "step 1: python",
        "/nope/py",
    ),
    "an address that there is not": (
        "run = 'true'\nnotify = ['nosuch://x']",
        "error",
        "notify",
        "no address that Apprise",
    ),
    "nobody can be told": (
        "run = 'true'\nnotify = ['json://localhost']",
        "error",
        "notify",
        "apprise is not installed, so nobody will be told",
    ),
    "nobody to be told": ("run = 'true'\non_alert = ['/nope/tell']", "error", "on_alert", "/nope/tell"),
    "a library of a ready-made job": ("preset = 'collect-zentrade'", "error", "step zentrade: library", "httpx"),
}


@pytest.mark.parametrize("fault", JOBS)
def test_faults_of_a_job(fault: str, place: Path, examine: Examine, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each is found, told of the job and the key, and makes the exit code 1 where the job cannot work."""
    script(place, "plain", "#!/bin/sh\n", 0o644)
    script(place, "bare", "echo\n")
    script(place, "old", "#!/usr/bin/python2.4\n")
    script(place, "env", "#!/usr/bin/env no-such-ruby\n")
    script(place, "dos", "#!/bin/sh\r\necho\r\n")
    (place / "w.env").write_text("A=1\nnonsense\n")
    keys, level, subject, text = JOBS[fault]
    missing = {"a library of a ready-made job": "httpx", "nobody can be told": "apprise"}.get(fault)
    if missing:
        monkeypatch.setattr(extras, "is_installed", lambda name: name != missing)
    found = examine(f"[jobs.x]\n{keys.format(p=place)}\n", install=False)
    (one,) = [each for each in found if each["job"] == "x"]
    assert (one["level"], one["subject"]) == (level, subject)
    assert text in one["text"]


@pytest.mark.parametrize(
    ("there", "said"),
    [
        (
            ("apprise", "starlette", "uvicorn"),
            "without catalogue; where they are wanted: pip install 'batchctl[catalogue]' into ",
        ),
        (
            (),
            "without catalogue, notify, web; where they are wanted: pip install 'batchctl[catalogue,notify,web]' into ",
        ),
    ],
)
def test_extras(
    there: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which extras are not installed is said in a line, with what brings them, and is no fault by itself."""
    monkeypatch.setattr(extras, "is_installed", there.__contains__)
    main(["--state", str(place / "state"), "doctor", "--json"])
    (line,) = [each for each in json.loads(capsys.readouterr().out)["findings"] if each["subject"] == "extras"]
    assert (line["level"], line["text"]) == ("ok", said + sys.prefix)


def test_what_cannot_be_known_is_not_claimed(place: Path, examine: Examine) -> None:
    """Words that only a shell or a run can tell, and programs that are there in other ways, are no faults."""
    script(place, "works", "#!/bin/sh\n")
    for line in (
        "$HOME/bin/x",
        "cd /nope && ./x",
        "for i in 1 2; do x; done",
        "{p}/works | cat",
        "test -e x || x",
        "> x",
    ):
        assert examine("[jobs.x]\n" + f"run = '{line.replace('{p}', str(place))}'\n", install=False) == [], line
    assert examine("[jobs.x]\nargv = ['{prog}']\nparams = { prog = 'true' }\n", install=False) == []
    assert examine(f"[jobs.x]\nargv = ['works']\npath = '{place}'\n", install=False) == []
    assert examine("[jobs.x]\nfunction = 'os.path:exists'\nparams = { path = '/' }\n", install=False) == []


def _no_cron(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(firing, "daemon", lambda: "stopped")


def _no_block(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "spool").unlink()


def _old_block(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (place / "spool").read_text()
    (place / "spool").write_text(text.replace("0 1 * * *", "0 2 * * *"))


def _unreadable(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(place, "crontab", "#!/bin/sh\necho 'you are not allowed to use this program' >&2\nexit 1\n")


def _no_crontab(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(managed, "installed", lambda: False)


def _no_mail(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor.shutil, "which", lambda _name: None)  # type: ignore[attr-defined]


def _foreign(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "spool").write_text(
        (place / "spool").read_text() + f"*/5 * * * * cd / && {place}/works --fast >/dev/null\n"
    )


def _foreign_of_the_system(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "cron.d").mkdir()
    (place / "cron.d" / "shop").write_text(f"1 2 * * * root flock -n /tmp/l {place}/works\n")


def _open_configuration(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "c.toml").chmod(0o666)


def _open_state(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "state").chmod(0o777)


def _open_file(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "state" / "health.json").write_text("{}")
    (place / "state" / "health.json").chmod(0o644)


def _damaged(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "state" / "batchctl.db").write_bytes(b"nonsense" * 1000)


def _file_for_a_state(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.rmtree(place / "state")
    (place / "state").write_text("")


def _full(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "c.toml").write_text("disk_free_min = '1000000GB'\n" + (place / "c.toml").read_text())


def _unset_clock(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: 86400.0)


def _other_zone(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "c.toml").write_text("timezone = 'Asia/Seoul'\n" + (place / "c.toml").read_text())


def _few_files(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda _which: (64, 64))


def _no_groups(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "c.toml").write_text("[jobs.a]\ndaily = '01:00'\nrun = 'true'\ncpu_max = 1.5\nmemory_max = '1GB'\n")
    monkeypatch.setattr(doctor.cgroup, "at_hand", lambda: frozenset({"memory"}))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("plant", "level", "subject", "text"),
    [
        (_no_cron, "error", "cron", "not running, so nothing fires"),
        (_no_block, "warning", "crontab", "no line fires the 1 job(s)"),
        (_old_block, "warning", "crontab", "not what the configuration says now"),
        (_unreadable, "error", "crontab", "not allowed to use this program"),
        (_no_crontab, "error", "crontab", "no crontab program"),
        (_no_mail, "warning", "mail", "no sendmail"),
        (_foreign, "warning", "foreign line", "crontab, line 10 runs what a runs, unguarded"),
        (_foreign_of_the_system, "warning", "foreign line", "cron.d/shop, line 1 runs what a runs"),
        (_open_configuration, "warning", "configuration", "may be written by others"),
        (_open_state, "error", "state", "state"),
        (_open_file, "warning", "state", "health.json in"),
        (_damaged, "error", "state", "batchctl.db"),
        (_file_for_a_state, "error", "state", "File exists"),
        (_full, "error", "disk", "less than disk_free_min"),
        (_unset_clock, "error", "clock", "1970"),
        (_other_zone, "warning", "time zone", "Asia/Seoul, and cron counts in Etc/UTC"),
        (_no_groups, "warning", "limits", "no control group with cpu can be had: cpu_max is not in force"),
        (_few_files, "warning", "limits", "no more than 64 open files"),
    ],
)
def test_faults_of_the_machine(
    plant: Callable[[Path, pytest.MonkeyPatch], None],
    level: str,
    subject: str,
    text: str,
    place: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each is found beside sound jobs, and makes the exit code 1 where nothing could run."""
    script(place, "works", "#!/bin/sh\n")
    config = place / "c.toml"
    config.write_text(f"[jobs.a]\ndaily = '01:00'\nargv = ['{place}/works']\n")
    options = ["--config", str(config), "--state", str(place / "state")]
    make_directory(str(place / "state"))
    (place / "state").chmod(0o700)
    assert main([*options, "crontab", "install"]) == 0
    assert main([*options, "doctor", "--json"]) == 0
    plant(place, monkeypatch)
    capsys.readouterr()
    code = main([*options, "doctor", "--json"])
    found = [each for each in json.loads(capsys.readouterr().out)["findings"] if each["level"] != "ok"]
    matching = [each for each in found if (each["level"], each["subject"]) == (level, subject)]
    assert matching, found
    assert text in matching[0]["text"]
    assert matching[0]["remedy"]
    assert code == int(any(each["level"] == "error" for each in found))


def test_one_job(examine: Examine) -> None:
    """Of several jobs only the one that is asked for is looked at, beside the machine; an unknown one is exit 2."""
    text = "[jobs.a]\nargv = ['/nope/a']\n[jobs.b]\nargv = ['/nope/b']\n"
    assert [each["job"] for each in examine(text, install=False)] == ["a", "b"]
    assert [each["job"] for each in examine(text, "b", install=False)] == ["b"]
    assert main(["doctor", "no-such-job"]) == 2


def test_other_commands_warn(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`config`, `crontab install` and `run --dry-run` say on stderr what is wrong, and exit as before."""
    (place / "c.toml").write_text("[jobs.a]\ndaily = '01:00'\nargv = ['/nope/prog']\n[jobs.b]\nargv = ['/nope/b']\n")
    options = ["--config", str(place / "c.toml"), "--state", str(place / "state")]
    said = "batchctl: warning: a: step 1: program: there is no program /nope/prog\n  → correct the path"
    for command, other in (["config"], True), (["crontab", "install"], False), (["run", "a", "--dry-run"], False):
        assert main([*options, *command]) == 0
        err = capsys.readouterr().err
        assert said in err, command
        assert ("/nope/b" in err) == other
    assert main([*options, "config", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["jobs"]


@pytest.mark.parametrize("columns", ["80", "200"])
def test_the_screen(
    columns: str, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One line each with its remedy below, whole words, no line longer than the terminal."""
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    (place / "c.toml").write_text("[jobs.수집]\nargv = ['/nope/prog']\n".replace("수집", '"수집"') + WELL)
    options = ["--config", str(place / "c.toml"), "--state", str(place / "state")]
    assert main([*options, "doctor"]) == 1
    lines = [line.rstrip() for line in capsys.readouterr().out.splitlines()]
    assert max(map(len, lines)) <= int(columns)
    out = " ".join(" ".join(lines).split())
    assert f"✓ ok configuration: {place}/c.toml, 2 job(s)" in out or columns == "80"
    assert "! warning crontab: no line fires the 1 job(s) → `batchctl crontab install`" in out
    assert "✗ error 수집: step 1: program: there is no program /nope/prog" in out
    assert "✓ ok a: job: everything it needs is there" in out
    assert lines[-1] == "1 error(s), 1 warning(s)"


@pytest.mark.parametrize("columns", [80, 200])
def test_the_screen_in_korean(
    columns: int, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Findings and remedies are told in Korean, within the terminal; keys and commands keep their names."""
    monkeypatch.setenv("COLUMNS", str(columns))
    script(place, "plain", "#!/bin/sh\n", 0o644)
    steps = f"""
[[jobs.x.steps]]
id = '1'
argv = ['/nope/prog']
[[jobs.x.steps]]
id = '2'
argv = ['{place}/plain']
cwd = '/nope'
"""
    (place / "c.toml").write_text(steps + "[jobs.b]\nrun = 'true'\nenv_file = 'n.env'\n" + WELL, encoding="utf-8")
    options = ["--config", str(place / "c.toml"), "--state", str(place / "state")]
    seen = {}
    for lang in ("en", "ko"):
        monkeypatch.setenv("BATCHCTL_LANG", lang)
        assert main([*options, "doctor"]) == 1
        screen = capsys.readouterr().out
        assert main([*options, "doctor", "--json"]) == 1
        # the age of what is looked at and the disk's free bytes differ with the moment
        seen[lang] = re.sub(r"[\d.]+", "0", capsys.readouterr().out)
    assert seen["ko"] == seen["en"], "what programs read does not change"
    assert max(cell_len(line.rstrip()) for line in screen.splitlines()) <= columns
    out = " ".join(screen.split())
    wanted = [
        "x: 단계 1: 프로그램: 프로그램이 없습니다: /nope/prog",
        "→ 경로를 고치십시오.",
        "a: 작업: 필요한 것이 모두 있습니다",
    ]
    wanted += ["x: 단계 2: cwd: 디렉터리가 없습니다: /nope", "b: env_file: ", "실행 권한이 없습니다", "→ chmod +x"]
    bare = out.replace(" ", "")
    assert [text for text in wanted if text.replace(" ", "") not in bare] == []


def test_cron_gives_another_path(place: Path, examine: Examine) -> None:
    """A PATH line above the block is what its lines are started with."""
    script(place, "collect", "#!/bin/sh\n")
    text = "[jobs.x]\ndaily = '01:00'\nargv = ['collect']\n"
    assert [each["subject"] for each in examine(text)] == ["step 1: program"]
    (place / "spool").write_text(f'PATH = "{place}:/usr/bin:/bin"\n' + (place / "spool").read_text())
    assert examine(text, install=False) == []


def test_a_daemon_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """cron is known by its pid file or by its name; a pid file that was left behind is not believed."""
    monkeypatch.setattr(firing, "_PID_FILE", str(tmp_path / "crond.pid"))
    (tmp_path / "crond.pid").write_text(f"{os.getpid()}\n")
    real = firing.daemon()
    assert real in {"running", "stopped"}
    with open("/proc/self/comm", "rb") as file:
        monkeypatch.setattr(firing, "_DAEMONS", frozenset({file.read().strip()}))
    assert firing.daemon() == "running"
    (tmp_path / "crond.pid").unlink()
    assert firing.daemon() == "running"
    monkeypatch.setattr(firing, "_DAEMONS", frozenset({sys.executable.encode() + b"-no"}))
    assert firing.daemon() == "stopped"
