"""The managed block: what is not batchctl's stays byte for byte, and nothing is written that was not read."""

from __future__ import annotations

import itertools
import os
import shutil
import stat
import sys
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchctl.base.errors import ConfigError, StateError
from batchctl.core.model import Config, Job, Rules
from batchctl.core.time import zones
from batchctl.core.time.cron import Schedule, parse_cron
from batchctl.crontab import managed

UTC = zones.NamedZone("Etc/UTC")
FAKE = Path(__file__).parents[1] / "cron" / "fake_crontab.sh"
BLOCK = b"# >>> batchctl /c.toml\n0 1 * * * batchctl run a\n# <<< batchctl /c.toml\n"
OTHER = BLOCK.replace(b"/c.toml", b"/d.toml")


@pytest.fixture
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a stand-in for crontab(1) on PATH; return the file in which it keeps the crontab."""
    shutil.copy(FAKE, tmp_path / "crontab")
    file = tmp_path / "spool"
    monkeypatch.setenv("FAKE_CRONTAB", str(file))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return file


@pytest.fixture
def bare_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the user of the crontab an empty home and the machine no configuration."""
    monkeypatch.setattr(managed, "_home", lambda: str(tmp_path / "home"))
    monkeypatch.setattr("batchctl.base.paths.SYSTEM_CONFIG", str(tmp_path / "etc.toml"))
    monkeypatch.setattr(managed, "cron_zone", lambda: UTC)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "elsewhere")])
    return str(tmp_path / "home")


def config_at(path: str | None, *, state_dir: str | None = None, timezone: str | None = None) -> Config:
    """Return a configuration with one job at 01:00."""
    schedule = Schedule(text="0 1 * * *", cron=parse_cron("0 1 * * *"))
    rules = Rules(zone=zones.NamedZone(timezone) if timezone else UTC)
    job = Job(name="a", schedule=schedule, rules=rules, steps=(), timezone=timezone)
    return Config(
        path=path, files=(), jobs={"a": job}, timezone=None, zone=UTC, state_dir=state_dir, pools={}, origins={}
    )


def touch(path: str) -> str:
    """Make an empty file and its directories."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    Path(path).touch()
    return path


def test_read(spool: Path) -> None:
    """The crontab is read as bytes, whatever they are; having none is an empty one."""
    assert managed.read() == b""
    spool.write_bytes(b"# \xff\xfe\r\n* * * * * true")
    assert managed.read() == b"# \xff\xfe\r\n* * * * * true"


def test_unreadable_is_not_empty(spool: Path) -> None:
    """A crontab that may not be read is an error (74), not an empty one to be written over."""
    spool.with_name("spool.deny").touch()
    with pytest.raises(StateError, match=r"cannot be read: You .* are not allowed") as caught:
        managed.read()
    assert caught.value.exit_code == 74
    assert "nothing was written" in caught.value.remedy


@pytest.mark.parametrize("escapes", [True, False])
def test_control_characters_are_told_from_their_escapes(spool: Path, escapes: bool) -> None:
    """A listing that shows a carriage return as backslash and r, as Debian's does, never changes a byte."""
    text = b"# dos\r\n5 4 * * * printf 'a\\r\\n'\n"
    spool.write_bytes(text)
    if escapes:
        spool.with_name("spool.escape").touch()
    assert managed.read() == text


def test_an_ambiguous_listing_is_not_guessed_at(spool: Path) -> None:
    """Where the listing is ambiguous and the bytes cannot be had, nothing is written."""
    spool.write_bytes(b"# dos\r\n")
    spool.with_name("spool.escape").touch()
    spool.with_name("spool.noedit").touch()
    with pytest.raises(StateError, match="control character"):
        managed.read()


def test_without_the_program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where there is no crontab program the remedy names Debian's package."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not managed.installed()
    with pytest.raises(StateError, match="no crontab program") as caught:
        managed.read()
    assert "package cron" in caught.value.remedy


@pytest.mark.parametrize(
    ("before", "after"),
    [
        # nothing
        (b"", b""),
        # lines on both sides
        (b"MAILTO=me\n", b"5 * * * * x\n"),
        # carriage returns, also alone in the middle of a line, and bytes that are no text
        (b"# a\r\n\r\n", b"# b\rc \xff\xfe\r\n"),
        # a last line without its newline
        (b"\n\n  # c\n", b"5 * * * * x"),
        # another configuration's block
        (OTHER, b"# end\n"),
        # what only resembles a marker
        (b"#>>> batchctl /c.toml\n", b"# see `# <<< batchctl /c.toml`\n"),
    ],
)
def test_block_in_place(before: bytes, after: bytes) -> None:
    """The block is replaced where it stands and taken away without a trace; the rest stays byte for byte."""
    text = before + BLOCK + after
    new = BLOCK.replace(b"0 1", b"0 2")
    assert managed.replace_block(text, "/c.toml", new) == before + new + after
    assert managed.replace_block(text, "/c.toml", b"") == before + after


def test_block_is_appended() -> None:
    """A new block goes to the end, after a newline where the last line lacks one."""
    assert managed.replace_block(b"", "/c.toml", BLOCK) == BLOCK
    assert managed.replace_block(b"a\n", "/c.toml", BLOCK) == b"a\n" + BLOCK
    assert managed.replace_block(b"a", "/c.toml", BLOCK) == b"a\n" + BLOCK
    assert managed.replace_block(OTHER, "/c.toml", BLOCK) == OTHER + BLOCK


@given(st.binary().map(lambda text: text.replace(b"batchctl", b"")))
def test_any_other_text_survives(text: bytes) -> None:
    """Install, install again and remove give back the bytes, but for the newline that cron itself demands."""
    installed = managed.replace_block(text, "/c.toml", BLOCK)
    assert managed.replace_block(installed, "/c.toml", BLOCK) == installed
    removed = managed.replace_block(installed, "/c.toml", b"")
    assert removed == (text if text.endswith(b"\n") or not text else text + b"\n")


def test_markers_with_carriage_returns_are_found() -> None:
    """A block that an editor gave carriage returns is still the block."""
    assert managed.replace_block(b"a\r\n" + BLOCK.replace(b"\n", b"\r\n"), "/c.toml", BLOCK) == b"a\r\n" + BLOCK


BEGIN, LINE, END = BLOCK.splitlines(keepends=True)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        # no end: everything after it could be the operator's
        (BEGIN + LINE, "line 1 does not end"),
        # no begin
        (LINE + END, "line 2 ends a block that does not begin"),
        # two of the same
        (BLOCK + b"# x\n" + BLOCK, "second block of the same configuration begins in line 5"),
        # one in the other
        (BEGIN + OTHER + END, "line 2 begins a block inside the one that begins in line 1"),
        # the ends exchanged
        (BEGIN + LINE + OTHER.splitlines(keepends=True)[2], "line 3 ends a block that does not begin"),
        # another configuration's damage is as dangerous
        (BLOCK + b"# >>> batchctl /d.toml\n", "line 4 does not end"),
    ],
)
def test_damaged_markers_are_refused(text: bytes, complaint: str) -> None:
    """Where nobody can say which lines are batchctl's, nothing is changed and the line is named."""
    with pytest.raises(StateError, match=complaint) as caught:
        managed.replace_block(text, "/c.toml", BLOCK)
    assert "crontab -e" in caught.value.remedy


def test_write_keeps_a_backup(spool: Path, tmp_path: Path) -> None:
    """The old crontab is kept, readable by its owner only; where there was none, nothing is."""
    state = tmp_path / "state"
    assert managed.write(b"", b"a\n", str(state)) is None
    backup = managed.write(b"a\n", b"b\n", str(state))
    assert backup is not None
    assert (spool.read_bytes(), Path(backup).read_bytes()) == (b"b\n", b"a\n")
    assert stat.S_IMODE(os.stat(backup).st_mode) == 0o600
    assert stat.S_IMODE(state.stat().st_mode) == 0o700


def test_the_last_ten_backups_are_kept(spool: Path, tmp_path: Path) -> None:
    """Older backups go, the newest ten stay, and nothing else in the directory is touched."""
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    (state / "crontab.txt").touch()
    texts = [b"%d\n" % number for number in range(13)]
    spool.write_bytes(texts[0])
    for old, new in itertools.pairwise(texts):
        managed.write(old, new, str(state))
    kept = sorted(state.glob("crontab.backup-*"))
    assert [path.read_bytes() for path in kept] == texts[2:12]
    assert (state / "crontab.txt").exists()


def test_cron_refuses(spool: Path, tmp_path: Path) -> None:
    """What the crontab program says when it refuses reaches the operator, and the old crontab stays."""
    spool.write_bytes(b"a\n")
    spool.with_name("spool.full").touch()
    with pytest.raises(StateError, match="refused the new crontab: -: No space left"):
        managed.write(b"a\n", b"b\n", str(tmp_path / "state"))
    assert spool.read_bytes() == b"a\n"


def test_read_back_is_verified(spool: Path, tmp_path: Path) -> None:
    """A crontab that reads back otherwise than written is reported together with the backup."""
    spool.write_bytes(b"a\n")
    spool.with_name("spool.mangle").touch()
    with pytest.raises(StateError, match="does not read back") as caught:
        managed.write(b"a\n", b"b\n", str(tmp_path / "state"))
    assert "crontab.backup-" in caught.value.remedy


def test_a_change_in_between_is_not_written_over(spool: Path, tmp_path: Path) -> None:
    """Who finds at writing another crontab than was read refuses, so of two installs none is lost."""
    spool.write_bytes(b"a\n")
    spool.with_name("spool.race").touch()
    old = managed.read()
    with pytest.raises(StateError, match="somebody else changed the crontab"):
        managed.write(old, b"b\n", str(tmp_path / "state"))
    assert spool.read_bytes() == b"a\n5 5 * * * somebody-else\n"
    assert not spool.with_name("spool.log").exists()


def test_without_room_for_the_backup_nothing_is_written(spool: Path, tmp_path: Path) -> None:
    """No backup, no change: a state directory that cannot be used stops the install."""
    spool.write_bytes(b"a\n")
    (tmp_path / "state").touch()
    with pytest.raises(StateError, match="state"):
        managed.write(b"a\n", b"b\n", str(tmp_path / "state"))
    assert spool.read_bytes() == b"a\n"


def test_plan_names_what_cron_would_not_find(bare_home: str, tmp_path: Path) -> None:
    """Configuration and state that are not the defaults are given in the line, absolutely and quoted."""
    plan = managed.change(config_at("/srv/100 %/c.toml"), f"{tmp_path}/state", b"# mine\n")
    (line,) = plan.entries[0].lines
    expected = rf" --config '/srv/100 \%/c.toml' --state {tmp_path}/state run a"
    assert line.startswith("0 1 * * * /")
    assert line.endswith(expected)
    assert plan.new.startswith(b"# mine\n# >>> batchctl /srv/100 %/c.toml\n")
    assert plan.new.endswith(b" catch-up\n# <<< batchctl /srv/100 %/c.toml\n")
    assert all(rf" --config '/srv/100 \%/c.toml' --state {tmp_path}/state " in line for line in plan.care)


@pytest.mark.parametrize(
    ("path", "state_dir", "state", "old", "expected"),
    [
        # all by default
        (".config/batchctl/batchctl.toml", None, ".local/state/batchctl", b"", ()),
        # the configuration itself names the state
        (".config/batchctl/batchctl.toml", "/var/x", "/var/x", b"", ()),
        # presets alone
        (None, None, ".local/state/batchctl", b"", ()),
        # the state was named by --state or by the shell's environment
        (".config/batchctl/batchctl.toml", None, "/var/y", b"", ("--state",)),
        # another configuration
        ("other.toml", None, ".local/state/batchctl", b"", ("--config",)),
        # the crontab moves the defaults for its lines, so nothing is left to them
        (".config/batchctl/batchctl.toml", None, ".local/state/batchctl", b"HOME = /x\n", ("--config", "--state")),
        (
            ".config/batchctl/batchctl.toml",
            None,
            ".local/state/batchctl",
            b'"BATCHCTL_STATE"=/x\n',
            ("--config", "--state"),
        ),
        # a comment does not
        (".config/batchctl/batchctl.toml", None, ".local/state/batchctl", b"#HOME=/x\n", ()),
    ],
)
def test_options_that_a_line_needs(
    bare_home: str, path: str | None, state_dir: str | None, state: str, old: bytes, expected: tuple[str, ...]
) -> None:
    """A line has --config and --state exactly where cron's bare environment would not find the same."""
    config = config_at(touch(f"{bare_home}/{path}") if path else None, state_dir=state_dir)
    plan = managed.change(config, state if state.startswith("/") else f"{bare_home}/{state}", old)
    words = plan.entries[0].lines[0].split()
    assert tuple(word for word in words if word.startswith("--")) == expected


def test_labels(bare_home: str) -> None:
    """The configuration that a bare line finds has one label, before and after its file exists."""
    assert managed.label(None) == managed.DEFAULT
    default = touch(f"{bare_home}/.config/batchctl/batchctl.toml")
    assert managed.label(default) == managed.DEFAULT
    assert managed.label("/srv/c.toml") == "/srv/c.toml"


def test_two_configurations_coexist(bare_home: str, tmp_path: Path) -> None:
    """Installing one configuration leaves the other's block alone."""
    state = f"{tmp_path}/state"
    first = managed.change(config_at("/c.toml"), state, b"").new
    both = managed.change(config_at("/d.toml"), state, first).new
    assert both.startswith(first)
    assert managed.change(config_at("/c.toml"), state, both).new == both
    assert managed.replace_block(both, "/d.toml", b"") == first


def test_an_impossible_zone_is_a_configuration_error(bare_home: str, tmp_path: Path) -> None:
    """A schedule that cron cannot keep to is refused with exit 78 and a remedy."""
    with pytest.raises(ConfigError, match="cannot be written for cron in Etc/UTC") as caught:
        managed.change(config_at("/c.toml", timezone="America/New_York"), f"{tmp_path}/state", b"")
    assert "restart cron" in caught.value.remedy


def test_program_is_this_installation(bare_home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program is the batchctl that runs: as called, else beside the interpreter, else by the interpreter."""
    script = tmp_path / "bin" / "batchctl"
    script.parent.mkdir()
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["bin/batchctl"])
    assert managed._program() == (str(script),)
    monkeypatch.setattr(sys, "argv", [str(tmp_path / "batchctl" / "__main__.py")])
    monkeypatch.setattr(sys, "executable", str(script.with_name("python")))
    assert managed._program() == (str(script),)
    script.unlink()
    assert managed._program() == (str(script.with_name("python")), "-m", "batchctl")


def test_cron_zone_is_the_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    """The operator's own TZ does not move cron's clock."""
    monkeypatch.setattr(managed, "_daemon_tz", lambda: "")
    monkeypatch.delenv("TZ", raising=False)
    plain = managed.cron_zone()
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    found = managed.cron_zone()
    assert (found.name, found.offset(0)) == (plain.name, plain.offset(0))
    assert found.offset(1795222800.0) != 14 * 3600


def test_cron_zone_is_that_of_localtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whether /etc/localtime is a link, as Debian makes it, a copy, absent (UTC), or no zone at all (refused)."""
    seoul = files("tzdata") / "zoneinfo" / "Asia" / "Seoul"
    place = tmp_path / "localtime"
    monkeypatch.setattr(managed, "_LOCALTIME", str(place))
    monkeypatch.setattr(managed, "_daemon_tz", lambda: "")
    assert (managed.cron_zone().name, managed.cron_zone().offset(1795222800.0)) == ("UTC", 0)
    place.symlink_to(str(seoul))
    assert (managed.cron_zone().name, managed.cron_zone().offset(1795222800.0)) == ("Asia/Seoul", 9 * 3600)
    place.unlink()
    place.write_bytes(seoul.read_bytes())
    assert (managed.cron_zone().name, managed.cron_zone().offset(1795222800.0)) == (str(place), 9 * 3600)
    place.write_bytes(b"no zone")
    with pytest.raises(StateError, match="cannot be read") as caught:
        managed.cron_zone()
    assert "/usr/share/zoneinfo" in caught.value.remedy


def test_cron_zone_is_the_daemons(monkeypatch: pytest.MonkeyPatch) -> None:
    """A daemon that was started with a TZ reads its fields in that; one that is no name is refused."""
    monkeypatch.setattr(managed, "_daemon_tz", lambda: "Asia/Seoul")
    assert managed.cron_zone().offset(1795222800.0) == 9 * 3600
    monkeypatch.setattr(managed, "_daemon_tz", lambda: "KST-9")
    with pytest.raises(StateError, match="TZ=KST-9"):
        managed.cron_zone()


def test_unified_diff() -> None:
    """The difference is the one that diff -u prints, and nothing where there is none."""
    assert managed.unified_diff(b"a\n\xff\n", b"a\n\xff\n") == b""
    assert managed.unified_diff(b"a\n\xff\n", b"a\nb\n").splitlines()[3:] == [b" a", b"-\xff", b"+b"]
