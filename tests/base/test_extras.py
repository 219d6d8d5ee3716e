"""The extras of the package."""

from __future__ import annotations

import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import batchctl
from batchctl.base import extras

DECLARED = tomllib.loads((Path(batchctl.__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS: dict[str, list[str]] = DECLARED["optional-dependencies"]


def test_the_extras_are_those_of_the_project() -> None:
    """Each that a user may ask for is known, `all` is all of them, and it brings the modules that are looked for."""
    assert extras.EXTRAS.keys() == EXTRAS.keys() - {"all", "dev"}
    assert EXTRAS["all"] == [f"batchctl[{','.join(sorted(extras.EXTRAS))}]"]
    packages = packages_distributions()
    for extra, modules in extras.EXTRAS.items():
        brought = {line.partition(">")[0].lower() for line in EXTRAS[extra]}
        assert {packages[module][0].lower() for module in modules} <= brought, extra


def test_what_the_tests_have() -> None:
    """Whoever works on batchctl has all of it."""
    assert "batchctl[all]" in EXTRAS["dev"]


def test_every_bound_above_has_its_reason() -> None:
    """An upper bound stands in a line with a comment."""
    text = (Path(batchctl.__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    bounded = [line for line in text.splitlines() if line.startswith('    "') and ("<" in line or "==" in line)]
    assert len(bounded) >= 1
    assert [line for line in bounded if "#" not in line] == []
