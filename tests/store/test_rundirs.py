"""Directories of runs are measured and removed without leaving them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from batchctl.base.errors import StateError
from batchctl.store.rundirs import RunDirs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state directory with a run and, beside it, something precious."""
    place = tmp_path / "상태"
    (place / "runs" / "1" / "sub").mkdir(parents=True)
    (place / "runs" / "1" / "1.1.log").write_bytes(b"x" * 100_000)
    (place / "runs" / "1" / "sub" / "파일").write_bytes(b"y" * 5000)
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "file").write_text("keep me")
    return place


@pytest.fixture
def dirs(state: Path) -> Iterator[RunDirs]:
    """Return its directories."""
    made = RunDirs(str(state))
    yield made
    made.close()


def test_only_what_runs_make_is_named(state: Path, dirs: RunDirs) -> None:
    """Names that no run gives are not batchctl's to remove."""
    for name in ("7", "7.removed", "notes", "\uff11\uff12", "7.bak", ".removed", "99999999999999999999"):
        (state / "runs" / name).mkdir()
    assert sorted(dirs.names()) == ["1", "7", "7.removed"]


def test_size_is_what_the_disk_holds(state: Path, dirs: RunDirs) -> None:
    """A hole in a log counts for nothing."""
    with open(state / "runs" / "1" / "2.1.log", "wb") as file:
        file.truncate(50_000_000)
    blocks = sum(
        os.lstat(os.path.join(place, name)).st_blocks
        for place, _, files in os.walk(state / "runs" / "1")
        for name in [*files, "."]
    )
    assert dirs.size("1") == blocks * 512
    assert 105_000 <= dirs.size("1") < 1_000_000
    assert dirs.size("2") == 0


@pytest.mark.parametrize("target", ["file", "directory"])
def test_links_inside_are_removed_as_links(state: Path, dirs: RunDirs, target: str) -> None:
    """A link that a step has made is unlinked; what it points to is neither measured nor touched."""
    precious = state.parent / "precious"
    before = dirs.size("1")
    (state / "runs" / "1" / "link").symlink_to(precious / "file" if target == "file" else precious)
    (state / "runs" / "1" / "sub" / "up").symlink_to("../../../..")
    assert dirs.size("1") - before < 20_000
    assert dirs.remove("1")
    assert (precious / "file").read_text() == "keep me"
    assert not (state / "runs" / "1").exists()


def test_a_link_in_the_place_of_a_run_is_removed_as_a_link(state: Path, dirs: RunDirs) -> None:
    """`runs/2` that points elsewhere loses the link and nothing more."""
    (state / "runs" / "2").symlink_to(state.parent / "precious")
    assert dirs.remove("2")
    assert (state.parent / "precious" / "file").exists()
    assert not os.path.lexists(state / "runs" / "2")


def test_runs_itself_may_be_no_link(state: Path) -> None:
    """A link in the place of `runs` is refused, with what to do."""
    (state / "runs").rename(state / "elsewhere")
    (state / "runs").symlink_to("elsewhere")
    with pytest.raises(StateError, match="runs is not a directory") as caught:
        RunDirs(str(state))
    assert "link" in caught.value.remedy
    assert (state / "elsewhere" / "1" / "1.1.log").exists()


def test_no_runs_yet(tmp_path: Path) -> None:
    """Without a `runs` directory there is nothing to name, measure or remove."""
    dirs = RunDirs(str(tmp_path))
    assert (dirs.names(), dirs.size("1"), dirs.remove("1"), dirs.not_removed) == ([], 0, False, [])


def test_what_will_not_go_is_told(state: Path, dirs: RunDirs, monkeypatch: pytest.MonkeyPatch) -> None:
    """A directory that cannot be removed stays, and is named with the reason."""

    def refuse(*_arguments: object, **_options: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("shutil.rmtree", refuse)
    assert not dirs.remove("1")
    assert dirs.not_removed == [f"{state}/runs/1: Permission denied"]


def test_a_directory_set_aside_is_out_of_the_way(state: Path, dirs: RunDirs) -> None:
    """After it a run of the same id begins with an empty directory."""
    assert dirs.set_aside("1")
    assert not (state / "runs" / "1").exists()
    assert (state / "runs" / "1.removed" / "1.1.log").exists()
    assert not dirs.set_aside("1")
    assert dirs.remove("1.removed")
