"""Every test has its own home and state; one that touches the real ones, or the real crontab, fails."""

from __future__ import annotations

import ctypes
import os
import signal
import stat
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import leftovers
import pytest
from promises import PAGE, Promises

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

_REAL_HOME = Path(os.path.expanduser("~"))
_REAL_PLACES = (
    _REAL_HOME / ".config" / "batchctl",
    _REAL_HOME / ".local" / "state" / "batchctl",
    Path("/etc/batchctl"),
)
# Whoever looks finds an empty one; whoever would write has gone too far.
_SHIM = (
    "#!/bin/sh\n[ \"$1\" = -l ] && {{ echo 'no crontab for a test' >&2; exit 1; }}\n"
    "touch '{trace}'\necho 'a test called the real crontab' >&2\nexit 70\n"
)


if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    # Under nohup batchctl ignores SIGHUP, as it should; a handler, unlike that, is not inherited by what tests start.
    signal.signal(signal.SIGHUP, lambda _number, _frame: None)


def _crontab() -> bytes | None:
    try:
        return subprocess.run(["crontab", "-l"], capture_output=True, check=False, timeout=30).stdout
    except FileNotFoundError:
        return None


def pytest_configure(config: pytest.Config) -> None:
    """Watch whether the tests that the documents promise are run."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(Promises(config.rootpath / PAGE))


def pytest_sessionstart(session: pytest.Session) -> None:
    """Remember the real crontab and where the tests' folders lie, once, in the process that starts the workers."""
    if not hasattr(session.config, "workerinput"):
        session.config.stash[_CRONTAB_BEFORE] = _crontab()
        factory: pytest.TempPathFactory = session.config._tmp_path_factory  # type: ignore[attr-defined]
        session.config.stash[_PLACE] = f"{factory.getbasetemp()}/"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the whole session if the real crontab is not what it was; end what an interrupted worker left behind."""
    if hasattr(session.config, "workerinput"):
        return
    before = session.config.stash.get(_CRONTAB_BEFORE, None)
    if before is not None and _crontab() != before:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        print("\nERROR: the tests changed the real crontab")  # noqa: T201
    place = session.config.stash.get(_PLACE, None)
    for pid, command in (leftovers.end(place, set(), grace=False) if place else {}).items():
        print(f"\nended process {pid}, which the tests had left: {command}")  # noqa: T201


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Remember for the teardown that a test failed."""
    report = yield
    if report.failed:
        item.stash[_FAILED] = True
    return report


_CRONTAB_BEFORE = pytest.StashKey[bytes | None]()
_PLACE = pytest.StashKey[str]()
_FAILED = pytest.StashKey[bool]()


def _traces() -> tuple[float | None, ...]:
    return tuple(place.stat().st_mtime if place.exists() else None for place in _REAL_PLACES)


def _stop_being_subreaper() -> bool:
    """Say whether this process is the new parent of every orphan below it (prctl(2)), and be it no more."""
    flag, prctl = ctypes.c_int(), ctypes.CDLL(None).prctl
    prctl(37, ctypes.byref(flag), 0, 0, 0)  # PR_GET_CHILD_SUBREAPER
    if flag.value:
        prctl(36, 0, 0, 0, 0)  # PR_SET_CHILD_SUBREAPER
    return bool(flag.value)


@pytest.fixture(autouse=True)
def home(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Iterator[Path]:
    """Give the test a home of its own and an environment without batchctl's variables; its tmp_path stays empty."""
    own = tmp_path_factory.mktemp("own")
    place = own / "home"
    place.mkdir()
    monkeypatch.setenv("HOME", str(place))
    for name in [*os.environ]:
        if name.startswith(("BATCHCTL_", "XDG_")):
            monkeypatch.delenv(name)
    trace = own / "real-crontab-was-called"
    if request.node.get_closest_marker("cron") is None:
        shim = own / "shim" / "crontab"
        shim.parent.mkdir()
        shim.write_text(_SHIM.format(trace=trace))
        shim.chmod(shim.stat().st_mode | stat.S_IXUSR)
        monkeypatch.setenv("PATH", f"{shim.parent}:{os.environ['PATH']}")
    before, running = _traces(), leftovers.processes()
    mask = os.umask(0o022)  # programs that are called within this process set their own
    yield place
    os.umask(mask)
    failed = request.node.stash.get(_FAILED, False)
    left = leftovers.end(f"HOME={place}", running, grace=not failed)
    assert failed or not left, f"the test left processes behind: {left}"
    assert not _stop_being_subreaper(), "the test made this process the parent of later tests' orphans: fire elsewhere"
    assert _traces() == before, "the test touched the real configuration or state"
    assert not trace.exists(), "the test called the real crontab"
