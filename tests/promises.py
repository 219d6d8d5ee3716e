"""docs/explanation/reliability.md names a test for each fault: a run of the whole suite fails unless each has run.

A test counts as run when it passed with at least one of its parameters. One that was skipped with all of them for a
reason (no strace, no root) is listed at the end with that reason. What fails the run is a promised test that is not
there, was taken out by a hook, was skipped unconditionally, or is expected to fail. Whoever runs a part of the suite is
not held to the rest.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

PAGE = "docs/explanation/reliability.md"
_NAMED = re.compile(r"`(tests/[\w/]+\.py::\w+)`")
_NO_REASON = {"", "unconditional skip"}
_NO_PARAMETERS = "got empty parameter set"
_SELECTING = ("keyword", "markexpr", "deselect", "ignore", "ignore_glob", "lf", "collectonly")


def promised(page: Path) -> list[str]:
    """Return the tests that a page names, each once, in its order."""
    return list(dict.fromkeys(_NAMED.findall(page.read_text(encoding="utf-8"))))


class Promises:
    """Watches, in the process that starts the workers, which promised tests run."""

    def __init__(self, page: Path) -> None:
        """Read the promises."""
        self.promised = promised(page)
        self.passed = set[str]()
        self.skipped = dict[str, str]()
        self.broken = list[str]()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember what became of a test."""
        name = report.nodeid.partition("[")[0]
        if report.when == "call" and report.passed and not hasattr(report, "wasxfail"):
            self.passed.add(name)
        elif report.skipped and not hasattr(report, "wasxfail") and isinstance(report.longrepr, tuple):
            self.skipped[name] = report.longrepr[2].removeprefix("Skipped: ")

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Fail a run of everything in which a promised test did not run."""
        if not _is_whole(session):
            return
        reasons = {
            name
            for name, reason in self.skipped.items()
            if reason not in _NO_REASON and not reason.startswith(_NO_PARAMETERS)
        }
        self.broken = [name for name in self.promised if name not in self.passed | reasons]
        if self.broken and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Say what was promised and not shown."""
        for name in self.broken:
            terminalreporter.write_line(f"PROMISED, AND DID NOT RUN: {name} ({PAGE})", red=True)
        for name in self.promised:
            if name in self.skipped and name not in self.passed | {*self.broken}:
                terminalreporter.write_line(f"promised, and skipped here: {name}: {self.skipped[name]}", yellow=True)


def _is_whole(session: pytest.Session) -> bool:
    """Say whether nothing was left out by whoever called, and nothing stopped the run."""
    config = session.config
    selected = any(config.getoption(name, None) for name in _SELECTING)
    return config.args_source is config.ArgsSource.TESTPATHS and not (
        selected or session.shouldfail or session.shouldstop
    )
