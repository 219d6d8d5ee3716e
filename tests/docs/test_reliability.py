"""The page on faults promises tests: each of them exists."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs" / "explanation" / "reliability.md").read_text(encoding="utf-8")
_NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", _PAGE)))


@pytest.mark.parametrize(("file", "name"), _NAMED, ids=[name for _, name in _NAMED])
def test_a_promised_test_exists(file: str, name: str) -> None:
    """It is a function of that file."""
    tree = ast.parse((_ROOT / file).read_text(encoding="utf-8"))
    assert name in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_row_names_a_test() -> None:
    """No fault is claimed to be survived without showing it."""
    lines = [line for line in _PAGE.splitlines() if line.startswith("|")]
    claims = [line for line in lines if not line.startswith(("| fault", "| ---"))]
    assert len(claims) > 40
    assert [line for line in claims if "::test_" not in line] == []
