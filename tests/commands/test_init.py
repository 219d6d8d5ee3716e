"""`batchctl init`: a starter that works as it stands and never costs anybody a file."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from batchctl.commands.cli import main
from batchctl.config import load
from batchctl.config.starter import STARTER

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def test_the_starter_loads(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is written where batchctl looks for it, for its owner alone, and is a valid configuration."""
    assert main(["init"]) == 0
    file = home / ".config/batchctl/batchctl.toml"
    assert f"wrote {file}" in capsys.readouterr().out
    assert file.stat().st_mode & 0o777 == 0o600
    job = load(str(file)).jobs["daily-batch"]
    assert [step.id for step in job.steps] == ["31", "32", "33", "61", "62", "63"]
    assert (job.rules.pool, job.rules.pool_limit) == ("collectors", 1)
    assert not job.schedule.text, "cron must not fire the echo in the place of the operator's programs"
    assert main(["config"]) == 0


def test_every_commented_key_works(tmp_path: Path) -> None:
    """Taking the # away from every line that is no prose gives a valid configuration, too."""
    lines = [line[1:] if line[:1] == "#" and line[1:2].strip() else line for line in STARTER.splitlines()]
    file = tmp_path / "batchctl.toml"
    file.write_text("\n".join(lines), encoding="utf-8")
    config = load(str(file))
    assert config.timezone == "Asia/Seoul"
    expected = {"daily-batch", "keyword-search", "market-upload", "refresh-prices", "year-end", "demo"}
    assert set(config.jobs) == expected
    assert config.jobs["daily-batch"].groups[0].parallel


def _a_file(path: Path) -> None:
    path.write_text("mine")


def _an_empty_file(path: Path) -> None:
    path.touch()


def _a_directory(path: Path) -> None:
    path.mkdir()


def _a_link_to_nothing(path: Path) -> None:
    path.symlink_to("nowhere")


def _a_link_to_a_file(path: Path) -> None:
    path.with_name("target").write_text("mine")
    path.symlink_to("target")


@pytest.mark.parametrize("make", [_a_file, _an_empty_file, _a_directory, _a_link_to_nothing, _a_link_to_a_file])
def test_nothing_is_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], make: Callable[[Path], None]
) -> None:
    """Whatever has the name already stays as it is, nothing comes beside it, and the exit code is 1."""
    file = tmp_path / "c.toml"
    make(file)

    def everything() -> list[tuple[Path, int, int, bytes]]:
        found = sorted((path, path.lstat()) for path in tmp_path.rglob("*"))
        return [(path, is_.st_ino, is_.st_mode, path.read_bytes() if path.is_file() else b"") for path, is_ in found]

    before = everything()
    assert main(["init", "--path", str(file)]) == 1
    assert f"{file} already exists; nothing was written" in capsys.readouterr().err
    assert everything() == before


def test_elsewhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Missing directories are made, and the next command is told with --config."""
    file = tmp_path / "설정" / "deep" / "c.toml"
    assert main(["init", "--path", str(file)]) == 0
    assert f"batchctl --config {file} config" in capsys.readouterr().out
    assert file.read_text(encoding="utf-8") == STARTER


def test_the_global_option_names_it_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`--config` and BATCHCTL_CONFIG say where the configuration is, so init writes it there."""
    assert main(["--config", str(tmp_path / "a.toml"), "init"]) == 0
    monkeypatch.setenv("BATCHCTL_CONFIG", str(tmp_path / "b.toml"))
    assert main(["init"]) == 0
    assert sorted(name for name in os.listdir(tmp_path) if name.endswith(".toml")) == ["a.toml", "b.toml"]


def test_a_place_that_is_none(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file in the way of the directory is told as such."""
    (tmp_path / "file").write_text("")
    assert main(["init", "--path", str(tmp_path / "file" / "c.toml")]) == 1
    assert "nothing was written" in capsys.readouterr().err
