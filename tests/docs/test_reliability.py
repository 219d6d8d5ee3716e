"""The page on faults promises tests: each is there, and a run of the whole suite in which one does not run fails."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest
from pages import ROOT, read, rows
from promises import PAGE, promised

if TYPE_CHECKING:
    from collections.abc import Callable

pytest_plugins = ["pytester"]


@pytest.mark.parametrize("name", promised(ROOT / PAGE))
def test_a_promised_test_is_there(name: str) -> None:
    """It is a function of that file; whether it ran, `promises` watches."""
    file, _, function = name.partition("::")
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    assert function in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


def test_every_row_names_a_test() -> None:
    """No fault is claimed to be survived without showing it."""
    claims = [row for table in rows(read(PAGE)) for row in table]
    assert len(claims) > 40
    assert [row for row in claims if "::test_" not in row[-1]] == []


_CONFTEST = """
from promises import PAGE, Promises

def pytest_configure(config):
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Promises(config.rootpath / PAGE))
"""
_ONLY_FIRST = "def pytest_collection_modifyitems(items): items[:] = items[:1]\n"
_IN_PARTS = """
@pytest.mark.parametrize("x", [1, 2])
def test_two(x):
    if x == 2:
        pytest.skip("no strace")
"""


@pytest.fixture
def suite(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pytest.RunResult]:
    """Return a function that runs a small suite with two promised tests, the first of which passes."""
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")  # half of what these runs cost

    def run(second: str, *options: str, conftest: str = "") -> pytest.RunResult:
        page = pytester.path / PAGE
        page.parent.mkdir(parents=True)
        page.write_text("| fault | `tests/test_a.py::test_one`, `tests/test_a.py::test_two` |\n")
        tests = pytester.mkdir("tests")
        (tests / "conftest.py").write_text(_CONFTEST + conftest)
        (tests / "test_a.py").write_text(f"import pytest\ndef test_one(): pass\n{second}\n")
        pytester.makeini(f"[pytest]\ntestpaths = tests\npythonpath = {ROOT / 'tests'}\naddopts = -p no:cacheprovider\n")
        return pytester.runpytest_subprocess(*options) if "-n" in options else pytester.runpytest_inprocess(*options)

    return run


_BROKEN = "*PROMISED, AND DID NOT RUN: tests/test_a.py::test_two*"
_ELSEWHERE = "*promised, and skipped here: tests/test_a.py::test_two: no strace*"


@pytest.mark.parametrize(
    ("second", "said"),
    [
        # It ran; of several parameters one that passes is enough, another may lack something.
        ("def test_two(): pass", None),
        (_IN_PARTS, None),
        # It cannot be had here: said, and no failure.
        ("@pytest.mark.skipif(True, reason='no strace')\ndef test_two(): pass", _ELSEWHERE),
        ("def test_two(): pytest.skip('no strace')", _ELSEWHERE),
        # It is not there.
        ("def test_three(): pass", _BROKEN),
        # It is there and never runs: switched off, known to fail.
        ("@pytest.mark.skip\ndef test_two(): pass", _BROKEN),
        ("@pytest.mark.xfail\ndef test_two(): assert False", _BROKEN),
        ("@pytest.mark.parametrize('x', [])\ndef test_two(x): pass", _BROKEN),
    ],
)
def test_a_promise_that_is_not_kept_fails_the_run(
    second: str, said: str | None, suite: Callable[..., pytest.RunResult]
) -> None:
    """A run of everything fails where a promised test did not run, unless it said why it cannot."""
    done = suite(second)
    assert done.ret == (1 if said == _BROKEN else 0)
    if said is None:
        done.stdout.no_fnmatch_line("*promised*")
    else:
        done.stdout.fnmatch_lines([said])


def test_a_test_taken_out_by_a_hook_is_missed(suite: Callable[..., pytest.RunResult]) -> None:
    """A conftest that drops a promised test breaks the promise."""
    done = suite("def test_two(): pass", conftest=_ONLY_FIRST)
    assert done.ret == 1
    done.stdout.fnmatch_lines([_BROKEN])


@pytest.mark.parametrize(("second", "code"), [("def test_two(): pass", 0), ("def test_three(): pass", 1)])
def test_workers_report_to_the_one_that_watches(second: str, code: int, suite: Callable[..., pytest.RunResult]) -> None:
    """What ran in a worker counts, and what ran in none is missed."""
    assert suite(second, "-p", "xdist", "-n", "1").ret == code


@pytest.mark.parametrize(
    "options", [("-k", "one"), ("tests/test_a.py::test_one",), ("--deselect", "tests/test_a.py::test_two")]
)
def test_a_selection_promises_nothing(options: tuple[str, ...], suite: Callable[..., pytest.RunResult]) -> None:
    """Who runs a part of the suite is not held to the rest."""
    done = suite("def test_two(): pass", *options)
    assert done.ret == 0
    done.stdout.no_fnmatch_line("*romised*")
