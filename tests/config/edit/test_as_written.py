"""Job files as people write them: what is changed, and that nothing else is, byte for byte."""

from __future__ import annotations

import tomllib
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchctl.base.errors import BatchctlError
from batchctl.config import load
from batchctl.config.edit import jobfiles
from batchctl.config.edit.jobtext import with_value, without

_MARKS = {"before": " -<", "disabled": " ->", "removed": " ="}
_LAST = {"before": " -<", "disabled": " -", "removed": " "}
"""The marks of a last line that ends as it did in the file as it is."""


class Written(NamedTuple):
    """A file as it is, and as it is to be."""

    own: bool
    before: bytes
    disabled: bytes
    removed: bytes


def _written(flags: list[str], lines: list[str]) -> Written:
    end = "\r\n" if "crlf" in flags else "\n"
    found = {}
    for name, marks in _MARKS.items():
        text = "".join(line[1:] + end for line in lines if line[0] in marks)
        if "open" in flags and lines[-1][0] in _LAST[name]:
            text = text.removesuffix(end)
        found[name] = (("\ufeff" if "bom" in flags else "") + text).encode()
    return Written("own" in flags, **found)


def _all() -> dict[str, Written]:
    text = (Path(__file__).parent / "as_written.txt").read_text(encoding="utf-8")
    found = {}
    for part in text.split("\n=== ")[1:]:
        head, *lines = part.removesuffix("\n").split("\n")
        title, _, flags = head.partition(":")
        found[title] = _written(flags.split(), [line for line in lines if line])
    return found


FILES = _all()


def test_there_are_thirty() -> None:
    """None got lost in reading them, and each says something of its own."""
    assert len(FILES) >= 30
    assert len({file.before for file in FILES.values()}) == len(FILES)


def _placed(file: Written, directory: Path) -> tuple[str, Path]:
    main, path = directory / "batchctl.toml", directory / "batchctl.toml"
    if file.own:
        main.write_bytes(b"")
        path = directory / "jobs.d" / "x.toml"
        path.parent.mkdir()
    path.write_bytes(file.before)
    return str(main), path


@pytest.mark.parametrize("title", FILES)
def test_disable_and_enable(title: str, tmp_path: Path) -> None:
    """One line comes or changes, and enabling again changes its one word back."""
    file = FILES[title]
    main, path = _placed(file, tmp_path)
    jobfiles.enable(main, "x", enabled=False)
    assert path.read_bytes().decode() == file.disabled.decode()
    assert not load(main).jobs["x"].rules.enabled
    jobfiles.enable(main, "x", enabled=True)
    assert load(main).jobs["x"].rules.enabled
    assert len(path.read_bytes()) == len(file.disabled) - 1


@pytest.mark.parametrize("title", [title for title, file in FILES.items() if not file.own])
def test_remove(title: str, tmp_path: Path) -> None:
    """The job's lines go, and no other line, no comment of a neighbour, no blank line but one too many."""
    file = FILES[title]
    main, path = _placed(file, tmp_path)
    others = {name for name in tomllib.loads(file.before.decode().removeprefix("\ufeff"))["jobs"] if name != "x"}
    jobfiles.remove(main, "x")
    assert path.read_bytes().decode() == file.removed.decode()
    assert set(load(main).jobs) == others


@pytest.mark.parametrize(
    "text",
    [
        # tomlkit would move the second step up to the first, above the group
        ('[[jobs.x.steps]]\nid = "1"\ngroup = "g"\nrun = "true"\n[jobs.x.groups.g]\nparallel = true\n'
        '[[jobs.x.steps]]\nid = "2"\nrun = "true"\n'),
        # tomlkit does not take this for TOML: the steps of one job stand in two places, and its table in a third
        ('[jobs.x]\ntimeout = "1h"\n[[jobs.x.steps]]\nid = "1"\nrun = "true"\n[jobs.b]\nrun = "true"\n'
        '[jobs.x.params]\na = 1\n[pools]\np = 1\n[jobs]\n[[jobs.x.steps]]\nid = "2"\nrun = "true"\n'),
    ],
)  # fmt: skip
def test_what_tomlkit_would_damage_is_refused(tmp_path: Path, text: str) -> None:
    """A file that batchctl takes and tomlkit cannot keep as it is stays as it is, and the remedy is the editor."""
    main = tmp_path / "batchctl.toml"
    main.write_text(text)
    assert load(str(main)).jobs["x"].rules.enabled
    refused = r"batchctl\.toml: cannot be changed without touching more than the job; nothing was written"
    with pytest.raises(BatchctlError, match=refused) as caught:
        jobfiles.enable(str(main), "x", enabled=False)
    assert "jobs edit" in caught.value.remedy
    with pytest.raises(BatchctlError, match=refused):
        jobfiles.remove(str(main), "x")
    assert main.read_text() == text


_NAMES = st.sampled_from(["x", "a", '"나"'])
_COMMENT = st.sampled_from(["# one", "  # [jobs.x]", "", "\t", "# enabled = true"])
_KEYS = st.sampled_from(
    ['run = """\n[jobs.x]\n# no\n"""', "timeout = 1 # t", "params = { enabled = true }", "p.q = [\n1, # 1\n]"]
)


@st.composite
def _files(draw: st.DrawFn) -> str:
    """Draw tables of three jobs in any order, comments between and inside; not every one is TOML."""
    lines: list[str] = []
    for name in draw(st.lists(_NAMES, min_size=1, max_size=6)):
        kind = draw(st.sampled_from(["[jobs.{}]", "[[jobs.{}.steps]]", "[jobs.{}.env]", "[jobs.{}.groups.g]"]))
        lines += draw(st.lists(_COMMENT, max_size=2))
        lines.append(kind.format(name) + draw(st.sampled_from(["", " # h"])))
        lines += draw(st.lists(_KEYS | _COMMENT, max_size=4, unique=True))
    end = draw(st.sampled_from(["\n", "\r\n"]))
    return "\n".join(lines).replace("\n", end) + draw(st.sampled_from([end, ""]))


def _are_in(part: str, whole: str) -> bool:
    """Say whether all lines of a text are in another, in their order."""
    lines = iter(whole.splitlines())
    return all(line in lines for line in part.splitlines() if line)


@settings(max_examples=300, deadline=None)
@given(_files())
def test_whatever_stands_in_a_file(text: str) -> None:
    """A change keeps all of a file but what it is about, or is refused: nothing else comes of it, for any file."""
    try:
        jobs = tomllib.loads(text)["jobs"]
    except ValueError:
        return
    if "x" not in jobs:
        return
    with suppress(ValueError):
        disabled = with_value(text, ("jobs", "x"), "enabled", value=False)
        assert "enabled" in jobs["x"] or _are_in(text, disabled)
        assert tomllib.loads(disabled)["jobs"] == {**jobs, "x": {**jobs["x"], "enabled": False}}
    with suppress(ValueError):
        removed = without(text, "x")
        assert _are_in(removed, text)
        assert tomllib.loads(removed).get("jobs", {}) == {name: job for name, job in jobs.items() if name != "x"}
