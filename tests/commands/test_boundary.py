"""The exit boundary: what should never happen still speaks to the operator."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from batchctl.__main__ import fire_quietly
from batchctl.answers import run as answer
from batchctl.answers.site import Site
from batchctl.commands import boundary
from batchctl.commands.cli import main

if TYPE_CHECKING:
    from collections.abc import Callable


def test_a_bug_is_named_and_not_thrown_at_the_operator(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Exit 70, one line and what to do, by both ways; the traceback only for BATCHCTL_DEBUG=1."""

    def broken(*_: object) -> None:
        message = "이럴 리가"
        raise KeyError(message)

    monkeypatch.setattr(answer, "fire_by_cron", broken)
    monkeypatch.setattr(Site, "job", broken)
    ways: list[Callable[[], int]] = [lambda: fire_quietly("x", {}, None), lambda: main(["run", "x"])]
    for way in ways:
        assert way() == 70
        said = capfd.readouterr().err
        assert "internal error: KeyError" in said
        assert "이럴 리가" in said
        assert "BATCHCTL_DEBUG=1" in said
        assert "Traceback" not in said
    monkeypatch.setenv("BATCHCTL_DEBUG", "1")
    assert boundary.report(ValueError("x")) == 70
