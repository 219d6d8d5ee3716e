"""Job files: what is changed, what stays byte for byte, and what a crash, a rival or a mistake leaves behind."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import subprocess
import sys
import unicodedata
from typing import TYPE_CHECKING

import pytest

from batchctl.base import files
from batchctl.base.errors import BatchctlError, ConfigError, UsageError
from batchctl.config import load
from batchctl.config.edit import jobfiles
from batchctl.config.edit.jobtext import to_toml
from batchctl.config.values import job_name

if TYPE_CHECKING:
    from pathlib import Path

JOB = 'run = "true"\n'
MAIN = """\
# the shop's batches
timezone = "Asia/Seoul"

# collects
[jobs.a]   # first
run = "true"  # does nothing
# between
params = { x = [
  1, # one
] }

# sells
[jobs."키워드"]
daily = "01:00"

# its only step
[[jobs."키워드".steps]]
id = "31"
run = \"\"\"
[jobs.a]
\"\"\"

[pools]
p = 1
"""


@pytest.fixture
def main_file(tmp_path: Path) -> Path:
    """Write a configuration with comments in every corner."""
    file = tmp_path / "etc" / "batchctl.toml"
    file.parent.mkdir()
    file.write_text(MAIN, encoding="utf-8")
    return file


def everything(directory: Path) -> dict[str, tuple[bytes, int, int]]:
    """Return every file below a directory: content, inode and mtime."""
    found = [path for path in directory.rglob("*") if path.is_file()]
    return {str(path): (path.read_bytes(), path.stat().st_ino, path.stat().st_mtime_ns) for path in found}


def test_add_to_a_configuration(main_file: Path) -> None:
    """A job is a file of its own, private, beside the configuration, which stays as it was."""
    before = everything(main_file.parent)
    done = jobfiles.add(str(main_file), {"나중": JOB})
    file = main_file.parent / "jobs.d" / "나중.toml"
    assert (done.files, done.created) == ((str(file),), None)
    assert file.read_text() == JOB
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert {path: found for path, found in everything(main_file.parent).items() if path != str(file)} == before
    assert list(load(str(main_file)).jobs) == ["a", "키워드", "나중"]


def test_add_without_a_configuration(home: Path) -> None:
    """The first job brings a minimal configuration with it, both private."""
    done = jobfiles.add(None, {"x": JOB})
    main = home / ".config" / "batchctl" / "batchctl.toml"
    assert done.created == str(main)
    assert stat.S_IMODE(main.stat().st_mode) == 0o600
    assert stat.S_IMODE(main.parent.stat().st_mode) == 0o700
    assert list(load(str(main)).jobs) == ["x"]


def test_a_wrong_first_job_leaves_nothing(home: Path) -> None:
    """Not even a directory is made for a job that cannot be."""
    with pytest.raises(ConfigError, match=r"x\.toml:1: jobs\.x\.daily: '25:00' is not a time of day") as caught:
        jobfiles.add(None, {"x": 'daily = "25:00"\nrun = "true"\n'})
    assert caught.value.remedy.endswith("nothing was written")
    assert list(home.iterdir()) == []


def test_a_named_configuration_that_is_missing_is_not_made(tmp_path: Path) -> None:
    """A slip in --config makes no second configuration."""
    with pytest.raises(ConfigError, match="No such file"):
        jobfiles.add(str(tmp_path / "typo" / "c.toml"), {"x": JOB})
    assert not (tmp_path / "typo").exists()


@pytest.mark.parametrize(
    ("name", "text", "error", "message"),
    [
        ("a", JOB, BatchctlError, "there is already a job 'a', in /"),  # taken by the main file
        ("x", "run = 1\n", ConfigError, r"jobs\.x\.run: must be text"),  # a wrong value
        ("x", "not toml", ConfigError, "not TOML"),  # no TOML at all
        ("x", '[jobs.x]\nrun = "true"\n', ConfigError, "jobs: is not a known key"),  # a whole configuration
        ("x", f'{JOB}pool = "none"\n', ConfigError, "there is no pool 'none'"),  # only the whole shows it
        ("x", "#" * (4 * 1024 * 1024 + 1), ConfigError, "larger than 4 MiB"),  # what could not be loaded later
    ],
)
def test_a_refused_add_changes_nothing(
    main_file: Path, name: str, text: str, error: type[Exception], message: str
) -> None:
    """Content, inode and mtime of every file stay as they were."""
    before = everything(main_file.parent)
    with pytest.raises(error, match=message):
        jobfiles.add(str(main_file), {"good": JOB, name: text})
    assert everything(main_file.parent) == before


def test_keep_leaves_taken_names_alone(main_file: Path) -> None:
    """Where many are added, those that are there are named and left."""
    done = jobfiles.add(str(main_file), {"a": JOB, "b": JOB}, keep=True)
    assert (done.jobs, done.skipped) == (("b",), ("a",))
    assert load(str(main_file)).jobs["a"].origin == str(main_file)


@pytest.mark.parametrize("name", ["", "-x", ".x", "a/b", "a b", "x" * 65, "a\n"])
def test_names_that_cannot_be(name: str) -> None:
    """What could lead out of jobs.d, or be no file's name, is refused."""
    with pytest.raises(UsageError, match="cannot be the name of a job"):
        job_name(name)


def test_a_name_is_kept_in_one_form() -> None:
    """Decomposed Hangul is the same name."""
    assert job_name(unicodedata.normalize("NFD", "키워드")) == "키워드"


def test_to_toml_writes_what_toml_holds() -> None:
    """Comments, tables, quotes and line breaks survive; what TOML has no word for is refused."""
    text = to_toml({"run": 'a "b"\n', "params": {"계정 1": [1, True], "deep": {"x": 0.5}}}, ["first"])
    assert text.startswith("# first\nrun = ")
    assert "\n" not in text.removesuffix("\n").partition("\nparams")[2]
    for value in (None, "\udcff"):
        with pytest.raises(UsageError, match=r"params: .* cannot be written as TOML"):
            to_toml({"params": {"x": value}})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # the key is there: only its value changes
        ('[jobs.x]\nrun = "true"\nenabled  =  true\t# c\n', '[jobs.x]\nrun = "true"\nenabled  =  false\t# c\n'),
        # it is not: a line below the header
        ('# c\n[jobs.x] # h\nrun = "true"', '# c\n[jobs.x] # h\nenabled = false\nrun = "true"'),
        ("[jobs.x]", "[jobs.x]\nenabled = false\n"),
        # line ends and indentation are the neighbour's
        ('\t[jobs.x]\r\n\trun = "true"\r\n', '\t[jobs.x]\r\n\tenabled = false\r\n\trun = "true"\r\n'),
        # dotted keys
        ('jobs.x.run = "true" # c\n', 'jobs.x.run = "true" # c\njobs.x.enabled = false\n'),
        ('[jobs]\nx.run = "true"', '[jobs]\nx.run = "true"\nx.enabled = false\n'),
        ('jobs.x.run = "true"\njobs.x.enabled=true\n', 'jobs.x.run = "true"\njobs.x.enabled=false\n'),
        # inline tables
        ('[jobs]\nx = { run = "true" } # c\n', '[jobs]\nx = { run = "true", enabled = false} # c\n'),
        ('jobs = {x = {run = "true"}}\n', 'jobs = {x = {run = "true",enabled = false}}\n'),
        # only tables below it
        (
            '# s\n[[jobs.x.steps]]\nid = "1"\nrun = "true"\n',
            '# s\n[jobs.x]\nenabled = false\n\n[[jobs.x.steps]]\nid = "1"\nrun = "true"\n',
        ),
        # its header comes after one of its tables
        (
            '[[jobs.x.steps]]\nid = "1"\nrun = "true"\n[jobs.x]\n# last',
            '[[jobs.x.steps]]\nid = "1"\nrun = "true"\n[jobs.x]\nenabled = false\n# last',
        ),
        # a key of the same name elsewhere, a byte order mark
        (
            '\ufeff[jobs.x]\nrun = "true"\nparams = {enabled = 1}\n',
            '\ufeff[jobs.x]\nenabled = false\nrun = "true"\nparams = {enabled = 1}\n',
        ),
    ],
)  # fmt: skip
def test_disable_in_the_main_file(tmp_path: Path, old: str, new: str) -> None:
    """One statement changes or comes, and every other byte stays; enabling again changes that one value back."""
    file = tmp_path / "c.toml"
    if 'run = "true"' not in old:
        old, new = (f'{text.rstrip()}\nrun = "true"\n' for text in (old, new))
    file.write_bytes(old.encode())
    jobfiles.enable(str(file), "x", enabled=False)
    written = file.read_bytes().decode()
    assert written == new
    assert not load(str(file)).jobs["x"].rules.enabled
    jobfiles.enable(str(file), "x", enabled=True)
    assert file.read_bytes().decode() == written.replace("false", "true")


def test_disable_in_its_own_file(main_file: Path) -> None:
    """Comments stand where they stood."""
    text = '# why\n\n# what\nrun = "true" # now\n# end\n[params]\na = 1\n'
    jobfiles.add(str(main_file), {"x": text})
    done = jobfiles.enable(str(main_file), "x", enabled=False)
    file = main_file.parent / "jobs.d" / "x.toml"
    assert done.files == (str(file),)
    assert file.read_text() == text.replace("# now\n", "# now\nenabled = false\n")


def test_disable_below_steps_only(main_file: Path) -> None:
    """A file that begins with a table gets the key above it."""
    text = '# c\n[[steps]]\nid = "1"\nrun = "true"\n'
    jobfiles.add(str(main_file), {"x": text})
    jobfiles.enable(str(main_file), "x", enabled=False)
    assert (main_file.parent / "jobs.d" / "x.toml").read_text() == text.replace("[[", "enabled = false\n\n[[")


def test_what_is_so_already_is_not_written(main_file: Path) -> None:
    """The file keeps its inode and its mtime."""
    before = everything(main_file.parent)
    assert jobfiles.enable(str(main_file), "a", enabled=True).files == ()
    assert everything(main_file.parent) == before


def test_a_preset_has_no_file_to_change() -> None:
    """The remedy says how to get one."""
    with pytest.raises(BatchctlError) as caught:
        jobfiles.enable(None, "daily-batch", enabled=False)
    assert "presets --install" in caught.value.remedy


@pytest.mark.parametrize(
    ("name", "gone"),
    [
        # from its header to its last value; the comments around it stay
        ("a", MAIN[MAIN.index("[jobs.a]   #") : MAIN.index("\n# sells")]),
        ("키워드", MAIN[MAIN.index('[jobs."키') : MAIN.index("\n[pools]")]),
    ],
)
def test_remove_from_the_main_file(main_file: Path, name: str, gone: str) -> None:
    """The job's tables go, comments inside them too; every other line stays, in order."""
    jobfiles.remove(str(main_file), name)
    rest = MAIN.replace(gone, "")
    assert main_file.read_text() == rest
    assert name not in load(str(main_file)).jobs


def test_remove_the_inline_and_the_last(tmp_path: Path) -> None:
    """An entry of a table, and a table without any other."""
    file = tmp_path / "c.toml"
    file.write_text('[jobs] # all\nx = { run = "true" }\n# two\ny.run = "true"\n')
    jobfiles.remove(str(file), "x")
    assert file.read_text() == '[jobs] # all\n# two\ny.run = "true"\n'
    file.write_text('jobs = { x = { run = "true" }, y = { run = "false" } } # c\n')
    jobfiles.remove(str(file), "x")
    assert list(load(str(file)).jobs) == ["y"]
    assert file.read_text().endswith("} # c\n")
    jobfiles.remove(str(file), "y")
    assert dict(load(str(file)).jobs) == {}


def test_remove_a_file_of_its_own(main_file: Path) -> None:
    """The file goes, and where it is a link only the link."""
    jobfiles.add(str(main_file), {"x": JOB})
    target = main_file.parent / "elsewhere"
    file = main_file.parent / "jobs.d" / "x.toml"
    file.rename(target)
    file.symlink_to(target)
    jobfiles.remove(str(main_file), "x")
    assert not file.is_symlink()
    assert target.read_text() == JOB


def test_links_and_modes_are_kept(main_file: Path, tmp_path: Path) -> None:
    """A configuration that is a link stays one; the file behind it changes and keeps its mode."""
    real = tmp_path / "dotfiles" / "batchctl.toml"
    real.parent.mkdir()
    main_file.rename(real)
    real.chmod(0o640)
    main_file.symlink_to("../dotfiles/batchctl.toml")
    jobfiles.enable(str(main_file), "a", enabled=False)
    assert os.readlink(main_file) == "../dotfiles/batchctl.toml"
    assert "enabled = false" in real.read_text()
    assert stat.S_IMODE(real.stat().st_mode) == 0o640


@pytest.mark.parametrize("moment", ["os.fsync", "os.replace"])
def test_kill_9_leaves_the_old_file(main_file: Path, moment: str) -> None:
    """Killed before the rename, the old file is whole; what was left over goes with the next change."""
    script = (
        "import os, signal\n"
        "from batchctl.config.edit import jobfiles\n"
        f"{moment} = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"jobfiles.enable({str(main_file)!r}, 'a', enabled=False)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], check=False)
    assert done.returncode == -signal.SIGKILL
    assert main_file.read_text() == MAIN
    assert len(list(main_file.parent.iterdir())) == 2
    assert load(str(main_file)).jobs["a"].rules.enabled
    jobfiles.enable(str(main_file), "a", enabled=False)
    assert [path.name for path in main_file.parent.iterdir()] == ["batchctl.toml"]


def test_kill_9_while_the_first_job_is_written(home: Path) -> None:
    """The main file comes last: killed before it, there is still no configuration, and the next add finds a way."""
    script = (
        "import os, signal\n"
        "from batchctl.config.edit import jobfiles\n"
        "real, count = os.replace, []\n"
        "def second(*names):\n"
        "    count.append(1)\n"
        "    os.kill(os.getpid(), signal.SIGKILL) if len(count) == 2 else real(*names)\n"
        "os.replace = second\n"
        "jobfiles.add(None, {'x': 'run = \"true\"\\n'})\n"
    )
    subprocess.run([sys.executable, "-c", script], check=False)
    main = home / ".config" / "batchctl" / "batchctl.toml"
    assert not main.exists()
    jobfiles.add(None, {"y": JOB})
    assert list(load(str(main)).jobs) == ["x", "y"]
    assert sorted(path.name for path in main.parent.iterdir()) == ["batchctl.toml", "jobs.d"]


def test_a_failure_half_way_takes_the_first_files_back(main_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of several jobs all are written, or none."""
    real, names = os.replace, []

    def full(source: str, target: str) -> None:
        names.append(target)
        if len(names) == 2:
            raise OSError(28, "No space left on device", target)
        real(source, target)

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(BatchctlError, match=r"y\.toml: No space left on device; nothing was written"):
        jobfiles.add(str(main_file), {"x": JOB, "y": JOB})
    assert list((main_file.parent / "jobs.d").iterdir()) == []


def test_many_at_once(home: Path) -> None:
    """Adds of different names all arrive, of one name exactly one; the first of all makes the configuration."""
    script = (
        "import sys\n"
        "from batchctl.config.edit import jobfiles\n"
        "from batchctl.base.paths import config_file\n"
        "jobfiles.add(config_file(None), {sys.argv[1]: 'run = \"true\"\\n'})\n"
    )
    names = ["x", "x", "x", "작업", "y", "z"]
    running = [
        subprocess.Popen([sys.executable, "-c", script, name], stderr=subprocess.PIPE, text=True) for name in names
    ]
    said = [process.communicate()[1] for process in running]
    codes = [process.returncode for process in running]
    assert codes[3:] == [0, 0, 0]
    assert sorted(codes[:3]) == [0, 1, 1]
    assert sum("there is already a job 'x'" in text for text in said) == 2
    main = home / ".config" / "batchctl" / "batchctl.toml"
    assert sorted(load(str(main)).jobs) == ["x", "y", "z", "작업"]


def test_two_changes_of_the_main_file_at_once(main_file: Path) -> None:
    """Neither undoes the other."""
    script = (
        "import sys; from batchctl.config.edit import jobfiles;"
        f" jobfiles.enable({str(main_file)!r}, sys.argv[1], enabled=False)"
    )
    running = [subprocess.Popen([sys.executable, "-c", script, name]) for name in ("a", "키워드")]
    assert [process.wait() for process in running] == [0, 0]
    assert [job.rules.enabled for job in load(str(main_file)).jobs.values()] == [False, False]


def test_a_rival_that_does_not_end(main_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever holds the lock too long is named, and nothing is written."""
    monkeypatch.setattr(files, "_LOCK_LIMIT", 0.05)
    descriptor = os.open(main_file.parent, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        with pytest.raises(BatchctlError, match="another command has been changing"):
            jobfiles.enable(str(main_file), "a", enabled=False)
    finally:
        os.close(descriptor)
    assert main_file.read_text() == MAIN


def test_somebody_elses_change_wins(main_file: Path) -> None:
    """What was written since it was read is not written over."""
    with pytest.raises(BatchctlError, match="was changed by somebody else"):
        jobfiles.put(str(main_file), "a", str(main_file), b"# as it was\n", b"# new\n")
    assert main_file.read_text() == MAIN
