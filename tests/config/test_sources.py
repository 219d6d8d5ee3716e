"""`[sources.NAME]`: typed settings of the catalogue's collectors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from support import batchctl

from batchctl.base.errors import ConfigError
from batchctl.config import load

if TYPE_CHECKING:
    from pathlib import Path


def test_settings_reach_the_steps(tmp_path: Path) -> None:
    """Typed, with defaults and durations in seconds, in BATCHCTL_SOURCES."""
    path, out = tmp_path / "batchctl.toml", tmp_path / "out"
    path.write_text(
        '[sources.ownerclan]\nbase_url = "http://127.0.0.1:9/"\ntimeout = "10s"\nusername_env = "OC_USER"\n'
        f"[jobs.a]\nrun = 'printf %s \"$BATCHCTL_SOURCES\" > {out}'\n",
        encoding="utf-8",
    )
    done = batchctl("--config", str(path), "--state", str(tmp_path / "state"), "run", "a")
    assert done.returncode == 0
    assert json.loads(out.read_text()) == {
        "ownerclan": {
            "base_url": "http://127.0.0.1:9",
            "rate_limit": 5.0,
            "batch_size": 200,
            "interval_hours": 0.0,
            "timeout": 10.0,
            "retries": 3,
            "username_env": "OC_USER",
            "password_env": None,
            "token_env": None,
            "publish_dir": None,
            "model": None,
        }
    }


@pytest.mark.parametrize(
    ("line", "key", "hidden"),
    [
        ('base_url = "ftp://x"', "base_url", ""),  # not http
        ("rate_limit = 0", "rate_limit", ""),  # would wait for ever
        ('password_env = "p@ss word"', "password_env", "p@ss"),  # the secret itself is not repeated
        ('passwort = "x"', "passwort", ""),  # unknown key
        ('publish_dir = "www"\nbase_url = "http://h"', "publish_dir", ""),  # of which folder?
        ('publish_dir = "/srv/www"', "publish_dir", ""),  # published at which address?
    ],
)
def test_wrong_settings_are_named(tmp_path: Path, line: str, key: str, hidden: str) -> None:
    """File and key are named, a misplaced secret is not repeated."""
    path = tmp_path / "batchctl.toml"
    path.write_text(f'[sources.x]\n{line}\n[jobs.a]\nrun = "true"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=key) as raised:
        load(str(path))
    assert not hidden or hidden not in f"{raised.value} {raised.value.remedy}"
