"""Broken configurations: each ends in 78 with file, line, key and remedy on stderr, and never in a traceback."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from support import batchctl

from batchctl.base.errors import ConfigError
from batchctl.config import load
from batchctl.config.toml_file import find_line

STEP = '[jobs.x]\n[[jobs.x.steps]]\nid = "31"\n'
JOB = '[jobs.x]\nrun = "true"\n'

BROKEN = [
    # what, the file, where and which key, what is wrong, remedy
    ("syntax", "[jobs.x]\ntimeout = 30h\n", ":2: not TOML, column 13", "in quotes"),
    ("unfinished", '[jobs.x]\nrun = "true', ":2: not TOML", "correct the line"),
    ("name without quotes", "[jobs.키워드]\nrun = 'a'\n", ":1: not TOML, column 7", 'in quotes, as in [jobs."키워드"]'),
    ("unknown top-level key", 'timzone = "UTC"\n', ":1: timzone: is not a known key", "did you mean timezone?"),
    ("job key at the top", 'timeout = "3h"\n', ":1: timeout: is not a known key", "belongs to a job"),
    ("unknown job key", JOB + 'timout = "3h"\n', ":3: jobs.x.timout: is not a known key", "did you mean timeout?"),
    ("unknown step key", STEP + 'run = "a"\nretires = 2\n', ":5: jobs.x.steps.31.retires", "did you mean retries?"),
    (
        "unknown group key",
        STEP + 'group = "g"\nrun = "a"\n[jobs.x.groups.g]\nparalel = true\n',
        ":7: jobs.x.groups.g.paralel",
        "parallel",
    ),
    (
        "number for an id",
        '[jobs.x]\n[[jobs.x.steps]]\nid = 31\nrun = "a"\n',
        ":3: jobs.x.steps.#1.id: must be text",
        'id = "31"',
    ),
    ("no id", '[jobs.x]\n[[jobs.x.steps]]\nrun = "a"\n', ":2: jobs.x.steps.#1: has no id", 'id = "31"'),
    ("text for a list", '[jobs.x]\nargv = "a b"\n', ":2: jobs.x.argv: must be a list, not text", 'argv = ["'),
    ("number in argv", '[jobs.x]\nargv = ["a", 5]\n', ":2: jobs.x.argv.#2: must be text", "argv = ["),
    ("text for a boolean", JOB + 'enabled = "no"\n', ":3: jobs.x.enabled: must be true or false", "enabled = false"),
    ("a job that is a number", "[jobs]\nx = 3\n", ":2: jobs.x: must be a table", "x"),
    ("steps that are text", '[jobs.x]\nsteps = ["a"]\n', "jobs.x.steps.#1: must be a table", "steps"),
    ("number in env", JOB + "env = { PORT = 8080 }\n", ":3: jobs.x.env.PORT: must be text", 'PORT = "8080"'),
    ("bad duration", JOB + 'timeout = "3 hours"\n', ":3: jobs.x.timeout: '3 hours' is not", 'timeout = "30h"'),
    ("negative duration", JOB + "min_gap = -5\n", ":3: jobs.x.min_gap: -5 is negative", 'min_gap = "6h"'),
    ("zero timeout", JOB + "timeout = 0\n", ":3: jobs.x.timeout: must be more than zero", "leave timeout out"),
    ("absurd duration", JOB + 'every = "99999w"\n', ":3: jobs.x.every: '99999w' is more than ten years", "units"),
    (
        "a kind that there is not",
        JOB + 'kind = "batch"\n',
        ":3: jobs.x.kind: 'batch' is not one of its values",
        '"collection", "processing", "maintenance", "report" or "analysis"',
    ),
    ("after nothing", JOB + "after = []\n", ":3: jobs.x.after: names no job", 'after = "other-job"'),
    ("after nobody", JOB + 'after = "y"\n', ":3: jobs.x.after: there is no job 'y'", "known jobs: x"),
    ("after itself", JOB + 'after = "x"\n', ":3: jobs.x.after: goes round in a circle: x after x", "schedule"),
    (
        "a circle",
        JOB + 'after = ["z", "y"]\n[jobs.y]\nrun = "a"\nafter = "x"\n[jobs.z]\nrun = "a"\n',
        ":3: jobs.x.after: goes round in a circle: x after y after x",
        "a schedule of its own",
    ),
    ("after and daily", JOB + 'daily = "1:00"\nafter = "y"\n', ":4: jobs.x.after: is a second schedule", "keep one"),
    ("any end of nothing", JOB + "after_any = true\n", ":3: jobs.x.after_any: means nothing without after", "name"),
    (
        "jitter after another",
        JOB + 'after = "y"\njitter = "5m"\n[jobs.y]\nrun = "a"\n',
        ":4: jobs.x.jitter: means nothing",
        "schedule",
    ),
    ("jitter without a schedule", JOB + 'jitter = "5m"\n', ":3: jobs.x.jitter: means nothing", "schedule"),
    ("jitter of days", JOB + 'daily = "1:00"\njitter = "2d"\n', ":4: jobs.x.jitter: is more than a day", "schedule"),
    ("infinite duration", JOB + "timeout = inf\n", ":3: jobs.x.timeout: inf is not", 'timeout = "30h"'),
    (
        "negative retries",
        STEP + 'run = "a"\nretries = -1\n',
        ":5: jobs.x.steps.31.retries: must be a whole number, at least 0",
        "retries = 2",
    ),
    ("bad size", JOB + 'log_max = "big"\n', ":3: jobs.x.log_max: 'big' is not a size", "200MB"),
    ("bad hours", JOB + 'active_hours = "08:00-24:00"\n', ":3: jobs.x.active_hours", "23:59"),
    ("bad time of day", JOB + 'daily = "2pm"\n', ":3: jobs.x.daily", 'daily = "14:30"'),
    ("date without a time", JOB + "at = 2026-12-01\n", ":3: jobs.x.at: must be a date and a time", "at = 2026"),
    ("bad cron", JOB + 'schedule = "0 25 * * *"\n', ":3: jobs.x.schedule", "0 1 * * *"),
    ("impossible cron", JOB + 'schedule = "0 0 31 2 *"\n', ":3: jobs.x.schedule", "crontab(5)"),
    ("six fields", JOB + 'schedule = "0 0 1 * * *"\n', ":3: jobs.x.schedule", "crontab(5)"),
    (
        "two schedules",
        JOB + 'schedule = "0 1 * * *"\nevery = "3h"\n',
        ":4: jobs.x.every: is a second schedule",
        "keep one",
    ),
    ("two commands", STEP + 'run = "a"\nargv = ["a"]\n', ":5: jobs.x.steps.31.argv: is a second command", "keep one"),
    (
        "command and steps",
        STEP + 'run = "a"\n[jobs.y]\nrun = "a"\nsteps = [{ id = "1", run = "a" }]\n',
        ":6: jobs.y.run",
        "move it into a step",
    ),
    ("no command", STEP, ":2: jobs.x.steps.31: has no command", "run, argv and function"),
    ("no step", '[jobs.x]\ndescription = "a"\n', ":1: jobs.x: has no step", "[[steps]]"),
    ("empty command", '[jobs.x]\nrun = " "\n', ":2: jobs.x.run: is empty", "run = "),
    ("no program", "[jobs.x]\nargv = []\n", ":2: jobs.x.argv: names no program", "argv = "),
    ("no function", '[jobs.x]\nfunction = "shop.py"\n', ":2: jobs.x.function", "package.module:name"),
    ("python alone", JOB + 'python = "python3"\n', ":3: jobs.x.python", "run or argv"),
    (
        "retries beside steps",
        STEP + 'run = "a"\n[jobs.y]\nretries = 1\nsteps = [{ id = "1", run = "a" }]\n',
        ":6: jobs.y.retries: belongs to a step",
        "[[steps]]",
    ),
    (
        "duplicate step id",
        STEP + 'run = "a"\n[[jobs.x.steps]]\nid = "31"\nrun = "b"\n',
        ":6: jobs.x.steps.31.id: the id '31' is taken",
        "id of its own",
    ),
    ("duplicate job", JOB + '[jobs.x]\nrun = "b"\n', ":3: not TOML", "correct the line"),
    ("name with a slash", '[jobs."a/b"]\nrun = "a"\n', ":1: jobs.'a/b'", "up to 64 letters"),
    ("name that climbs", '[jobs.".."]\nrun = "a"\n', ":1: jobs.'..'", "up to 64 letters"),
    ("name like an option", "[jobs.-x]\nrun = 'a'\n", ":1: jobs.'-x'", "up to 64 letters"),
    ("name too long", f"[jobs.{'a' * 65}]\nrun = 'a'\n", ":1: jobs.aaa", "up to 64 letters"),
    (
        "bad step id",
        '[jobs.x]\n[[jobs.x.steps]]\nid = "a b"\nrun = "a"\n',
        ":3: jobs.x.steps.'a b'.id",
        "up to 64 letters",
    ),
    (
        "stale before timeout",
        JOB + 'timeout = "3h"\nstale_after = "3h"\n',
        ":4: jobs.x.stale_after",
        "make stale_after longer",
    ),
    ("on_stale alone", JOB + 'on_stale = "alert"\n', ":3: jobs.x.on_stale", "set stale_after too"),
    (
        "bad on_stale",
        JOB + 'stale_after = "3h"\non_stale = "kill"\n',
        ":4: jobs.x.on_stale: 'kill'",
        '"takeover" or "alert"',
    ),
    (
        "unknown placeholder",
        STEP + 'run = "a {limt}"\nparams = { limit = 1 }\n',
        ":4: jobs.x.steps.31.run: unknown placeholder {limt}",
        "{limit}",
    ),
    ("unknown in argv", '[jobs.x]\nargv = ["a", "{b}"]\n', ":2: jobs.x.argv: unknown placeholder {b}", "{{b}}"),
    (
        "placeholder in a here-document",
        "[jobs.x]\nrun = 'cat <<E\\n{job}'\n".replace("\\n", "<<E "),
        ":2: jobs.x.run: {job} stands",
        "variable",
    ),
    ("unknown pool", JOB + 'pool = "big"\n[pools]\nbigger = 1\n', ":3: jobs.x.pool: there is no pool 'big'", "bigger"),
    ("pool of none", "[pools]\np = 0\n", ":2: pools.p", "p = 1"),
    ("unknown timezone", 'timezone = "Asia/Soul"\n', ":1: timezone: 'Asia/Soul' is not a time zone", "Asia/Seoul"),
    ("timezone that climbs", 'timezone = "../../etc/passwd"\n', ":1: timezone", "Asia/Seoul"),
    ("unknown preset", '[jobs.x]\npreset = "dayly-batch"\n', ":2: jobs.x.preset", "did you mean daily-batch?"),
    (
        "group of nobody",
        JOB + "[jobs.x.groups.g]\nparallel = true\n",
        ":3: jobs.x.groups.g: no step is in this group",
        "none",
    ),
    (
        "group torn apart",
        STEP
        + 'group = "g"\nrun = "a"\n[[jobs.x.steps]]\nid = "2"\nrun = "a"\n[[jobs.x.steps]]\n'
        + 'id = "3"\ngroup = "g"\nrun = "a"\n[jobs.x.groups.g]\nparallel = true\n',
        ":13: jobs.x.groups.g",
        "together",
    ),
    (
        "max_parallel alone",
        STEP + 'group = "g"\nrun = "a"\n[jobs.x.groups.g]\nmax_parallel = 2\n',
        ":7: jobs.x.groups.g.max_parallel",
        "parallel = true",
    ),
    ("infinite parameter", JOB + "params = { a = nan }\n", ":3: jobs.x.params.a", "in quotes"),
    ("nobody's home", JOB + 'cwd = "~no-such-user/x"\n', ":3: jobs.x.cwd", "absolute"),
    ("NUL by escape", '[jobs.x]\nrun = "a\\u0000b"\n', ":2: jobs.x.run: holds a NUL", "remove"),
    ("NUL itself", '[jobs.x]\nrun = "a\0b"\n', ":2: not TOML", "correct the line"),
    ("huge number", JOB + f"params = {{ a = {'9' * 30} }}\n", ":3: jobs.x.params.a", "in quotes"),
    ("number of 5,000 digits", JOB + f"params = {{ a = {'9' * 5000} }}\n", "not TOML", "correct the line"),
    ("deep lists", f"a = {'[' * 30000}\n", "nested too deeply", "nest at most"),
    (
        "deep tables",
        f"[jobs.x]\nrun = 'a'\nparams.{'a.' * 5000}b = 1\n",
        ":3: jobs.x.params.a: is nested too deeply",
        "nest at most",
    ),
]


@pytest.mark.parametrize(("text", "what", "remedy"), [row[1:] for row in BROKEN], ids=[row[0] for row in BROKEN])
def test_broken_file(text: str, what: str, remedy: str, tmp_path: Path) -> None:
    """Each mistake is told with file, line where known, key, what is wrong, and what would be right."""
    file = tmp_path / "batchctl.toml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(str(file))
    message = str(caught.value)
    assert message.startswith(str(file))
    assert what in message
    assert remedy in caught.value.remedy
    assert "\n" not in message


@pytest.mark.parametrize("name", ["syntax", "unknown step key", "stale before timeout", "deep lists", "bad cron"])
def test_broken_file_on_the_command_line(name: str, tmp_path: Path) -> None:
    """The real command line exits 78 and says it in two lines on stderr, stdout stays empty."""
    _, text, what, remedy = next(row for row in BROKEN if row[0] == name)
    file = tmp_path / "batchctl.toml"
    file.write_text(text, encoding="utf-8")
    done = batchctl("--config", str(file), "config")
    assert (done.returncode, done.stdout) == (78, "")
    assert f"batchctl: {file}" in done.stderr
    assert what in done.stderr
    assert remedy in done.stderr
    assert len(done.stderr.splitlines()) == 2
    assert "Traceback" not in done.stderr


def _missing(place: Path) -> str:
    return str(place / "not-there.toml")


def _directory(place: Path) -> str:
    return str(place)


def _pipe(place: Path) -> str:
    os.mkfifo(place / "pipe")
    return str(place / "pipe")


def _latin(place: Path) -> str:
    (place / "c").write_bytes("# 한글\n[jobs.x]\ndescription = '키워드'\n".encode("cp949"))
    return str(place / "c")


def _huge(place: Path) -> str:
    with (place / "c").open("wb") as file:
        file.truncate(10**10)
    return str(place / "c")


def _loop(place: Path) -> str:
    (place / "c").symlink_to("c")
    return str(place / "c")


def _jobs_d_is_a_file(place: Path) -> str:
    (place / "c").write_text("")
    (place / "jobs.d").write_text("")
    return str(place / "c")


def _bad_job_file(place: Path) -> str:
    (place / "c").write_text("")
    (place / "jobs.d").mkdir()
    (place / "jobs.d" / "y.toml").write_text("run = 'a'\nnope = 1\n")
    return str(place / "c")


def _twice(place: Path) -> str:
    (place / "c").write_text("[jobs.y]\nrun = 'a'\n")
    (place / "jobs.d").mkdir()
    (place / "jobs.d" / "y.toml").write_text("run = 'a'\n")
    return str(place / "c")


@pytest.mark.parametrize(
    ("make", "what", "remedy"),
    [
        (_missing, "not-there.toml: No such file", "batchctl init"),  # named, and not there
        (_directory, "is a directory", "--config"),
        (_pipe, "not a regular file", "--config"),  # and nobody waits for a writer
        (_latin, "c:1: is not UTF-8 (byte 0x", "iconv"),  # saved in a Korean Windows code page
        (_huge, "larger than", "jobs.d"),
        (_loop, "c: Too many levels of symbolic links", "--config"),
        (_jobs_d_is_a_file, "jobs.d: Not a directory", "directory"),
        (_bad_job_file, "jobs.d/y.toml:2: jobs.y.nope: is not a known key", "known keys"),
        (_twice, "jobs.d/y.toml: jobs.y: a job of this name is already defined in", "rename"),
    ],
)
def test_unusable_file(make: object, what: str, remedy: str, tmp_path: Path) -> None:
    """A file that cannot be read, or should not be, is a configuration error too."""
    assert callable(make)
    with pytest.raises(ConfigError) as caught:
        load(make(tmp_path))
    assert what in str(caught.value)
    assert remedy in caught.value.remedy


def test_unreadable_file() -> None:
    """A file that this user may not read is told so; it is tried as somebody who is not root."""
    # Below /tmp, since pytest's own directories let nobody else in.
    with tempfile.TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        file = Path(place) / "batchctl.toml"
        file.write_text('[jobs.x]\nrun = "true"\n')
        file.chmod(0)
        before = os.geteuid()
        try:
            if before == 0:
                os.seteuid(65534)
            with pytest.raises(ConfigError, match="Permission denied") as caught:
                load(str(file))
        finally:
            os.seteuid(before)
        assert "readable" in caught.value.remedy


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (("jobs", "a", "timeout"), 3),  # a key below its header
        (("jobs", "b.c", "run"), 5),  # a quoted name
        (("jobs", "b.c", "steps", 1, "id"), 9),  # the second of an array
        (("jobs", "b.c", "steps", 1, "none"), 8),  # the header for a key that is not there
        (("jobs", "d", "params", "x"), 14),  # dotted, after text that looks like a table
        (("nothing",), None),  # nowhere
    ],
)
def test_find_line(keys: tuple[str | int, ...], line: int | None) -> None:
    """The line of a key is found, or that of what is around it."""
    text = (
        '# top\n[jobs.a]\ntimeout = "3h"\n[jobs."b.c"]\nrun = "x = y"\n[[jobs."b.c".steps]]\nid = "1"\n'
        '[[jobs."b.c".steps]]\n id = "2"\n[jobs.d]\nrun = """\n[jobs.a]\n"""\nparams.x = 1\n'
    )
    assert find_line(text, keys) == line


ALL_WRONG = """
timezne = "UTC"
[pools]
shop = 0
[jobs.a]
timeout = "3 hours"
stale_after = "36x"
on_stale = "alert"
pool = "shop"
[[jobs.a.steps]]
id = "1"
run = "echo {nosuch}"
retires = 2
[[jobs.a.steps]]
id = "1"
argv = ["a", 5]
[jobs.b]
daily = "25:00"
preset = "nonono"
[jobs.c]
run = "true"
after = "zzz"
[jobs."bad name"]
run = "x"
"""


def test_all_errors_are_told_at_once(tmp_path: Path) -> None:
    """Each with file, line, key and remedy, in every file; nothing is said that is wrong only because of another."""
    file, other = tmp_path / "c.toml", tmp_path / "jobs.d" / "d.toml"
    file.write_text(ALL_WRONG.lstrip(), encoding="utf-8")
    other.parent.mkdir()
    other.write_text('run = "true"\nevery = "often"\n')
    (other.parent / "e.toml").write_text("run = \n")
    done = batchctl("--config", str(file), "config")
    assert done.returncode == 78
    said = done.stderr.splitlines()
    assert said[1::2] == [line for line in said if line.startswith("  → ")]
    where = [line.removeprefix(f"batchctl: {tmp_path}/").split(" ")[0] for line in said[::2]]
    assert sorted(where) == sorted(
        [
            "c.toml:1:",
            "c.toml:3:",
            "c.toml:5:",
            "c.toml:6:",
            "c.toml:11:",
            "c.toml:12:",
            "c.toml:14:",
            "c.toml:15:",
            "c.toml:17:",
            "c.toml:18:",
            "c.toml:21:",
            "c.toml:22:",
            "jobs.d/d.toml:2:",
            "jobs.d/e.toml:1:",
        ]
    )


def test_a_program_of_the_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` before the program of argv and on_alert is the home directory, as in cwd; nobody's home is refused."""
    monkeypatch.setenv("HOME", "/home/shop")
    file = tmp_path / "c.toml"
    file.write_text('[jobs.x]\nargv = ["~/bin/x", "~"]\non_alert = ["~/bin/tell"]\ncwd = "~"\n')
    job = load(str(file)).jobs["x"]
    assert job.steps[0].argv == ("/home/shop/bin/x", "~")
    assert (job.alerting.on_alert, job.cwd) == (("/home/shop/bin/tell",), "/home/shop")
    file.write_text('[jobs.x]\nargv = ["~nobody-has-this-name/x"]\n')
    with pytest.raises(ConfigError, match="leads nowhere"):
        load(str(file))
