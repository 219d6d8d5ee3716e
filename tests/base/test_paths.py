"""How batchctl is called from any shell."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

import pytest

from batchctl.base import paths

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("config", "state", "configured", "options"),
    [
        (None, "HOME/.local/state/batchctl", None, []),  # all where it belongs
        ("HOME/.config/batchctl/batchctl.toml", "HOME/.local/state/batchctl", None, []),  # found by itself
        ("/etc/other.toml", "HOME/.local/state/batchctl", None, ["--config", "/etc/other.toml"]),
        (None, "/srv/상태", None, ["--state", "/srv/상태"]),  # Hangul as it is
        ("/a b/c.toml", "/srv/it's", None, ["--config", "/a b/c.toml", "--state", "/srv/it's"]),  # quoted
        ("/x.toml", "/srv/s", "/srv/s", ["--config", "/x.toml"]),  # the file says where
        ("/x.toml", "/srv/s", "/srv/t", ["--config", "/x.toml", "--state", "/srv/s"]),  # and was overruled
    ],
)
def test_what_has_to_be_named(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    config: str | None,
    state: str,
    configured: str | None,
    options: list[str],
) -> None:
    """Only what a bare `batchctl` would not find, whatever this process has in its environment."""
    home = str(tmp_path)
    monkeypatch.setenv("HOME", home)
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("BATCHCTL_STATE", "/srv/s")
    (tmp_path / ".config/batchctl").mkdir(parents=True)
    (tmp_path / ".config/batchctl/batchctl.toml").touch()
    config = config and config.replace("HOME", home)
    called = paths.called(config, state.replace("HOME", home), configured)
    assert shlex.split(called) == ["batchctl", *options]
    assert "'/srv/상태'" not in called
