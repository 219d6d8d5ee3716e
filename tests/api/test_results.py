"""The results' types: made of the contract of the JSON."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from pages import ROOT

from batchctl.api.convert import attribute

if TYPE_CHECKING:
    from pathlib import Path


def _tool() -> Any:
    spec = importlib.util.spec_from_file_location("results_tool", ROOT / "tools" / "results.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _in_form(text: str, path: Path) -> str:
    for verb in (["check", "--fix"], ["format"]):
        command = [sys.executable, "-m", "ruff", *verb, "-q", "--stdin-filename", str(path), "-"]
        text = subprocess.run(command, input=text, capture_output=True, text=True, check=True, cwd=ROOT).stdout
    return text


def test_the_pages_are_made_of_the_contract() -> None:
    """The types are what tools/results.py makes of the JSON's types; run it after a change there."""
    for path, text in _tool().pages().items():
        assert _in_form(text, path) == path.read_text(encoding="utf-8"), "run `python tools/results.py`"


@pytest.mark.parametrize(
    ("key", "name"), [("job", "job"), ("from", "from_"), ("1m", "over_1m"), ("take out", "take_out")]
)
def test_attributes(key: str, name: str) -> None:
    """Every key has an attribute that Python can say."""
    assert attribute(key) == name
