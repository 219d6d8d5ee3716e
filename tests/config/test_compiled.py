"""The compiled copy: equal to the full load, known to be old at once, never trusted blindly, never in the way."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import unicodedata
from typing import TYPE_CHECKING

import pytest

from batchctl.base.errors import ConfigError
from batchctl.config import compiled, load, load_job, loader
from batchctl.config.toml_file import TomlFile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from batchctl.config.earlier import Earlier

TEXT = """
timezone = "Asia/Seoul"
[pools]
p = 1
[jobs."키워드"]
daily = "01:00"
active_hours = "08:00-22:59"
pool = "p"
params = { account = "계정1", deep = { a = [1, 2.5, true] } }
env = { LANG = "C.UTF-8" }
path = ["bin"]
[[jobs."키워드".steps]]
id = "31"
group = "g"
argv = ["echo", "{account}"]
[[jobs."키워드".steps]]
id = "32"
group = "g"
run = "true"
[jobs."키워드".groups.g]
parallel = true
[jobs.later]
at = 2026-12-01T12:00:00
function = "a.b:c"
[jobs.often]
every = "30s"
run = "true"
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Write a configuration, and let it count as settled at once."""
    monkeypatch.setattr(compiled, "FINE_TICK", -60.0)
    file = tmp_path / "etc" / "batchctl.toml"
    file.parent.mkdir()
    file.write_text(TEXT, encoding="utf-8")
    return file


@pytest.fixture
def full_loads(monkeypatch: pytest.MonkeyPatch) -> list[str | None]:
    """Count how often the files are read in full."""
    seen: list[str | None] = []
    really = loader.load_all

    def counted(path: str | None, *, ready_made: bool = False, earlier: Earlier | None = None) -> object:
        seen.append(f"ready-made beside {path}" if ready_made else path)
        return really(path, ready_made=ready_made, earlier=earlier)

    monkeypatch.setattr(loader, "load_all", counted)
    return seen


def copies(state: Path) -> list[Path]:
    """Return the compiled copies in a state directory."""
    return sorted(state.glob("config-*")) if state.exists() else []


def test_the_whole_configuration_is_the_same_both_ways(
    config: Path, tmp_path: Path, full_loads: list[str | None]
) -> None:
    """What commands take from the copy that a fire made equals what the files say, with the origin of each value."""
    state = str(tmp_path / "state")
    load_job(str(config), "later", state)
    assert load(str(config), state) == loader.load_all(str(config))[0]
    assert len(full_loads) == 2, "one for the fire, one to compare with; none for the command"


def test_a_look_makes_no_directory(config: Path, tmp_path: Path, full_loads: list[str | None]) -> None:
    """A command that only looks leaves no copy where no fire has made the state directory; beside one it does."""
    state = tmp_path / "state"
    load(str(config), str(state))
    assert not state.exists()
    state.mkdir(mode=0o700)
    load(str(config), str(state))
    load(str(config), str(state))
    assert (len(copies(state)), len(full_loads)) == (1, 2)


@pytest.mark.parametrize("name", ["키워드", "later", "often"])
def test_both_ways_give_the_same_job(config: Path, tmp_path: Path, full_loads: list[str | None], name: str) -> None:
    """A job from the copy equals the one from the files, to the last field."""
    state = str(tmp_path / "state")
    first, _ = load_job(str(config), name, state)
    second, where = load_job(str(config), name, state)
    assert len(full_loads) == 1
    assert first == second == load(str(config)).jobs[name]
    assert where == state


def test_ready_made_jobs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full_loads: list[str | None]) -> None:
    """Without a configuration and beside one, ready-made jobs are compiled alike, into a copy of their own."""
    monkeypatch.setattr(compiled, "FINE_TICK", -60.0)
    state, path = str(tmp_path / "state"), str(tmp_path / "c.toml")
    (tmp_path / "c.toml").write_text('timezone = "Asia/Seoul"\n[jobs.collect-zentrade]\nrun = "mine"\n')
    assert load_job(None, "daily-batch", state) == load_job(None, "daily-batch", state)
    assert full_loads == [None, "ready-made beside None"]
    beside, _ = load_job(path, "daily-batch", state)
    assert load_job(path, "daily-batch", state)[0] == beside
    assert full_loads[2:] == [path, f"ready-made beside {path}"]
    assert beside is not None
    assert (beside.timezone, beside.config_path, beside.origin) == ("Asia/Seoul", path, "preset daily-batch")
    own, _ = load_job(path, "collect-zentrade", state)
    assert own is not None
    assert own.steps[0].run == "mine"


def test_the_copy_is_private(config: Path, tmp_path: Path) -> None:
    """It is written for its owner alone, and nothing half-written stays behind."""
    load_job(str(config), "often", str(tmp_path / "state"))
    (copy,) = copies(tmp_path / "state")
    assert (copy.stat().st_mode & 0o777, copy.suffix) == (0o600, ".bin")


def test_without_an_option_it_lies_in_the_users_state(config: Path, home: Path, full_loads: list[str | None]) -> None:
    """`state_dir` of the configuration says where the state is, but the copy is looked for before that is known."""
    config.write_text('state_dir = "elsewhere"\n' + TEXT, encoding="utf-8")
    for _ in range(2):
        job, state = load_job(str(config), "often", None)
        assert job is not None
        assert state == f"{config.parent}/elsewhere"
    assert len(full_loads) == 1
    assert len(copies(home / ".local/state/batchctl")) == 1


def test_an_unknown_job_is_none(config: Path, tmp_path: Path, full_loads: list[str | None]) -> None:
    """The copy knows what is not there, too."""
    for _ in range(2):
        assert load_job(str(config), "nothing", str(tmp_path / "s")) == (None, str(tmp_path / "s"))
    assert len(full_loads) == 1


def test_a_name_in_another_normal_form(config: Path, tmp_path: Path) -> None:
    """A job is found by its name in decomposed Hangul, in full and from the copy."""
    name = unicodedata.normalize("NFD", "키워드")
    for _ in range(2):
        job, _ = load_job(str(config), name, str(tmp_path / "s"))
        assert job is not None
        assert job.name == "키워드"


def _edit(file: Path) -> None:
    file.write_text(TEXT.replace("01:00", "02:00"), encoding="utf-8")


def _edit_and_set_the_clock_of_the_file_back(file: Path) -> None:
    before = file.stat()
    file.write_text(TEXT.replace("01:00", "02:00"), encoding="utf-8")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def _replace_by_another_of_the_same_size_and_time(file: Path) -> None:
    before, other = file.stat(), file.with_suffix(".new")
    other.write_text(TEXT.replace("01:00", "02:00"), encoding="utf-8")
    os.utime(other, ns=(before.st_atime_ns, before.st_mtime_ns))
    other.replace(file)


def _point_the_link_elsewhere(file: Path) -> None:
    target = file.with_name("other.toml")
    target.write_text(TEXT.replace("01:00", "02:00"), encoding="utf-8")
    file.unlink()
    file.symlink_to(target)


@pytest.mark.parametrize(
    "change",
    [
        _edit,
        _edit_and_set_the_clock_of_the_file_back,  # only the ctime tells
        _replace_by_another_of_the_same_size_and_time,  # only inode and ctime tell
        _point_the_link_elsewhere,
    ],
)
def test_a_change_is_noticed(config: Path, tmp_path: Path, change: Callable[[Path], None]) -> None:
    """However a file comes to say something else, the next fire goes by what it says."""
    state = str(tmp_path / "state")
    load_job(str(config), "키워드", state)
    change(config)
    job, _ = load_job(str(config), "키워드", state)
    assert job is not None
    assert job.schedule.text == "daily 02:00"


def test_files_that_come_and_go_in_jobs_d_are_noticed(config: Path, tmp_path: Path) -> None:
    """A job added to, changed in or removed from jobs.d is there, changed or gone at the next fire."""
    state, directory = str(tmp_path / "state"), config.parent / "jobs.d"
    assert load_job(str(config), "new", state)[0] is None
    directory.mkdir()
    assert load_job(str(config), "new", state)[0] is None
    (directory / "new.toml").write_text('run = "true"')
    job, _ = load_job(str(config), "new", state)
    assert job is not None
    (directory / "new.toml").write_text('run = "echo"')
    job, _ = load_job(str(config), "new", state)
    assert job is not None
    assert job.steps[0].run == "echo"
    (directory / "new.toml").unlink()
    assert load_job(str(config), "new", state)[0] is None


def test_a_configuration_that_broke_is_told(config: Path, tmp_path: Path) -> None:
    """The copy of yesterday's good configuration never hides today's mistake."""
    load_job(str(config), "often", str(tmp_path / "state"))
    config.write_text("nonsense", encoding="utf-8")
    with pytest.raises(ConfigError):
        load_job(str(config), "often", str(tmp_path / "state"))


def test_a_file_just_changed_is_not_compiled(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a tick of the file system's clock a second change may leave no trace, so the copy waits it out."""
    monkeypatch.setattr(compiled, "FINE_TICK", 3600.0)
    load_job(str(config), "often", str(tmp_path / "state"))
    assert copies(tmp_path / "state") == []


def test_home_and_zone_are_part_of_it(config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`~` and a local time mean something else for another HOME or TZ."""
    config.write_text('[jobs.x]\ncwd = "~"\nat = 2026-12-01T12:00:00\nrun = "true"', encoding="utf-8")
    found = []
    for home, zone in (("/a", "UTC"), ("/b", "UTC"), ("/b", "Asia/Seoul"), ("/a", "UTC")):
        monkeypatch.setenv("HOME", home)
        monkeypatch.setenv("TZ", zone)
        job, _ = load_job(str(config), "x", str(tmp_path / "state"))
        assert job is not None
        found.append((job.cwd, job.rules.zone.name))
    assert found == [("/a", "UTC"), ("/b", "UTC"), ("/b", "Asia/Seoul"), ("/a", "UTC")]


def _flip_a_byte(copy: Path) -> None:
    data = bytearray(copy.read_bytes())
    data[len(data) // 2] ^= 0xFF
    copy.write_bytes(data)


def _cut(copy: Path) -> None:
    copy.write_bytes(copy.read_bytes()[:40])


def _empty(copy: Path) -> None:
    copy.write_bytes(b"")


def _writable_by_others(copy: Path) -> None:
    copy.chmod(0o666)


def _somebody_elses(copy: Path) -> None:
    os.chown(copy, 65534, 65534)


def _a_link(copy: Path) -> None:
    target = copy.with_name("target")
    copy.rename(target)
    copy.symlink_to(target)


def _a_pipe(copy: Path) -> None:
    copy.unlink()
    os.mkfifo(copy)


def _of_another_configuration(copy: Path) -> None:
    other = copy.with_name("other.toml")
    other.write_text('[jobs.often]\nrun = "another"')
    load_job(str(other), "often", str(copy.parent / "s"))
    (found,) = copies(copy.parent / "s")
    shutil.copy(found, copy)


@pytest.mark.parametrize(
    "spoil",
    [
        _flip_a_byte,
        _cut,
        _empty,
        _writable_by_others,
        pytest.param(_somebody_elses, marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")),
        _a_link,
        _a_pipe,
        _of_another_configuration,
    ],
)
def test_a_copy_that_cannot_be_trusted_is_ignored(
    config: Path, tmp_path: Path, full_loads: list[str | None], spoil: Callable[[Path], None]
) -> None:
    """Damaged, replaced or open to others: the files are read in full, and a good copy takes its place."""
    state = tmp_path / "state"
    expected, _ = load_job(str(config), "often", str(state))
    spoil(next(iter(copies(state))))
    full_loads.clear()
    assert load_job(str(config), "often", str(state))[0] == expected
    assert full_loads == [str(config)]
    assert load_job(str(config), "often", str(state))[0] == expected
    assert full_loads == [str(config)]


def _a_file(state: Path) -> None:
    state.write_text("mine")


def _open_to_others(state: Path) -> None:
    state.mkdir()
    state.chmod(0o777)


def _a_link_to_nothing(state: Path) -> None:
    state.symlink_to("nowhere")


@pytest.mark.parametrize("spoil", [_a_file, _open_to_others, _a_link_to_nothing])
def test_a_copy_that_cannot_be_written_harms_nothing(
    config: Path, tmp_path: Path, full_loads: list[str | None], spoil: Callable[[Path], None]
) -> None:
    """Where the state directory is none, or not ours alone, it stays so, and every fire reads the files in full."""
    state = tmp_path / "state"
    spoil(state)
    before = (os.lstat(state).st_mode, state.read_text() if state.is_file() else None, os.listdir(tmp_path))
    expected = load(str(config)).jobs["often"]
    full_loads.clear()
    for _ in range(2):
        assert load_job(str(config), "often", str(state)) == (expected, str(state))
    assert full_loads == [str(config)] * 2
    assert (os.lstat(state).st_mode, state.read_text() if state.is_file() else None, os.listdir(tmp_path)) == before
    assert not state.is_dir() or os.listdir(state) == []


def test_a_secret_in_the_configuration_is_not_copied(config: Path, tmp_path: Path) -> None:
    """A job that holds a secret's value is read in full each time; the others are compiled."""
    config.write_text(TEXT + 'env = { KEY = "hunter2hunter2" }\nsecrets = ["KEY"]\n', encoding="utf-8")
    for _ in range(2):
        job, _ = load_job(str(config), "often", str(tmp_path / "state"))
        assert job is not None
        assert job.env["KEY"] == "hunter2hunter2"
    (copy,) = copies(tmp_path / "state")
    assert b"hunter2" not in copy.read_bytes()
    assert "계정1".encode() in copy.read_bytes()


def test_the_fast_way_imports_no_parser(config: Path, tmp_path: Path) -> None:
    """With a warm copy, no module that costs more than the rest together is imported, not even for the time zone."""
    load_job(str(config), "키워드", str(tmp_path / "state"))
    heavy = {"tomllib", "msgspec", "croniter", "zoneinfo", "datetime", "re", "json", "typing", "dataclasses", "pathlib"}
    code = f"""
import sys
sys.path[:0] = {sys.path!r}
from batchctl.config import load_job
job, _ = load_job({str(config)!r}, "키워드", {str(tmp_path / "state")!r})
assert job.rules.zone.name == "Asia/Seoul"
print(sorted(set(sys.modules) & {heavy!r}))
"""
    done = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the names of the files that are read and parsed from now on."""
    seen: list[str] = []
    really = TomlFile.__init__

    def counted(file: TomlFile, path: str, *rest: object) -> None:
        seen.append(os.path.basename(path))
        really(file, path, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(TomlFile, "__init__", counted)
    return seen


def _write_jobs(config: Path, *names: str, text: str = 'run = "true"\ndaily = "02:00"\n') -> None:
    (config.parent / "jobs.d").mkdir(exist_ok=True)
    for name in names:
        (config.parent / "jobs.d" / f"{name}.toml").write_text(text, encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "read"),
    [
        # One file: nothing else is parsed but the main file, which says what all jobs are given.
        (lambda etc: (etc / "jobs.d/b.toml").write_text('run = "false"\n'), {"b.toml"}),
        # A new one, and one that went.
        (lambda etc: (etc / "jobs.d/새.toml").write_text('run = "true"\n'), {"새.toml"}),
        (lambda etc: (etc / "jobs.d/b.toml").unlink(), set()),
        # Whoever comes after another job is named in that one, whose own file has not changed.
        (lambda etc: (etc / "jobs.d/c.toml").write_text('run = "true"\nafter = "a"\n'), {"c.toml"}),
        (lambda etc: (etc / "jobs.d/follows.toml").write_text('run = "true"\n'), {"follows.toml"}),
        # A job of the main file concerns no other.
        (lambda etc: (etc / "batchctl.toml").write_text(TEXT + '[jobs.x]\nrun = "true"\n', encoding="utf-8"), set()),
        # What the main file says at its top concerns all.
        (
            lambda etc: (etc / "batchctl.toml").write_text(TEXT.replace("Seoul", "Tokyo"), encoding="utf-8"),
            {"a.toml", "b.toml", "c.toml", "follows.toml"},
        ),
    ],
)
def test_only_what_has_changed_is_compiled_anew(
    config: Path, tmp_path: Path, parsed: list[str], change: Callable[[Path], object], read: set[str]
) -> None:
    """And what comes of it, origins and files included, equals what the whole says, now and from the copy."""
    state = str(tmp_path / "state")
    _write_jobs(config, "a", "b", "c")
    (config.parent / "jobs.d" / "follows.toml").write_text('run = "true"\nafter = "a"\n')
    load_job(str(config), "a", state)
    change(config.parent)
    parsed.clear()
    found, _ = load_job(str(config), "a", state)
    # A job of a preset would be read again; the main file always is.
    assert set(parsed) == {"batchctl.toml", *read}
    whole = loader.load_all(str(config))[0]
    parsed.clear()
    copied = load(str(config), state)
    assert parsed == []
    assert (found, copied) == (whole.jobs["a"], whole)
    assert list(copied.jobs) == list(whole.jobs)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        # A job that another file has already.
        ('[jobs.b]\nrun = "true"\n', "a job of this name is already defined"),
        # One that waits for a job that is not there.
        ('[jobs.x]\nrun = "true"\nafter = "nobody"\n', "there is no job 'nobody'"),
        # A circle through a file that has not changed.
        ('[jobs.x]\nrun = "true"\nafter = "b"\n', "circle"),
    ],
)
def test_what_is_wrong_is_told_by_the_whole(config: Path, tmp_path: Path, text: str, told: str) -> None:
    """The error is the same, line and file included, as if nothing had been compiled before."""
    state = str(tmp_path / "state")
    _write_jobs(config, "a")
    _write_jobs(config, "b", text='run = "true"\n')
    if told == "circle":
        config.write_text(TEXT + '[jobs.x]\nrun = "true"\n', encoding="utf-8")
        _write_jobs(config, "b", text='run = "true"\nafter = "x"\n')
    load_job(str(config), "a", state)
    config.write_text(TEXT + text, encoding="utf-8")
    with pytest.raises(ConfigError, match=told) as found:
        load_job(str(config), "a", state)
    with pytest.raises(ConfigError) as whole:
        loader.load_all(str(config))
    assert str(found.value) == str(whole.value)
    assert list(map(str, found.value.others)) == list(map(str, whole.value.others))


def test_a_file_of_a_preset_is_always_read(config: Path, tmp_path: Path, parsed: list[str]) -> None:
    """Its job is made of two files."""
    state = str(tmp_path / "state")
    _write_jobs(config, "a")
    _write_jobs(config, "p", text='preset = "daily-batch"\n')
    load_job(str(config), "a", state)
    _write_jobs(config, "a", text='run = "false"\n')
    parsed.clear()
    load_job(str(config), "a", state)
    assert {"a.toml", "p.toml", "job.toml"} <= set(parsed)
    assert load(str(config), state) == loader.load_all(str(config))[0]
