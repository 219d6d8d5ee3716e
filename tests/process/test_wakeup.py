"""What wakes a supervisor, and how children are reaped: signals, ended children, orphans."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from support import wait_for

from batchctl.process import signals, tree
from batchctl.process.wakeup import Wakeup

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def wakeup() -> Iterator[Wakeup]:
    """Return a wakeup of this process, which gives the signals back."""
    one = Wakeup()
    yield one
    one.close()


def test_a_wait_ends_by_itself(wakeup: Wakeup) -> None:
    """Where nothing happens it is the time that ends it, and it says so."""
    assert not wakeup.wait(0.01)
    assert not wakeup.wait(-1.0)
    assert wakeup.stopped_by is None


def test_the_end_of_a_child_wakes(wakeup: Wakeup) -> None:
    """However long the wait would be: the signal of the child is enough, and no stop."""
    child = subprocess.Popen(["true"])
    assert wakeup.wait(60)
    assert wakeup.stopped_by is None
    assert child.wait() == 0


def test_the_first_stop_signal_counts(wakeup: Wakeup) -> None:
    """It is what the operator, or the system going down, asked for; what came before the wait wakes it at once."""
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)
    assert wakeup.wait(60)
    assert wakeup.stopped_by == signal.SIGINT
    assert not wakeup.wait(0)


def test_signals_are_given_back() -> None:
    """After `close` the handlers are those of before, and no descriptor is left open."""
    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)]
    descriptors = os.listdir("/proc/self/fd")
    Wakeup().close()
    after = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD)]
    assert after == before
    assert os.listdir("/proc/self/fd") == descriptors


@pytest.mark.parametrize(
    ("number", "name"),
    [
        (15, "SIGTERM"),
        (9, "SIGKILL"),
        (40, "signal 40"),  # a real-time signal, which has no name
    ],
)
def test_signals_have_names(number: int, name: str) -> None:
    """Where the operator reads of them."""
    assert signals.name_of(number) == name


def test_children_are_reaped_with_what_they_ended_with() -> None:
    """Statuses by pid, and whether there is any child at all, in a process that has no other."""
    code = (
        "import os, time\nfrom batchctl.process import tree\nprint(tree.reap({}), tree.children_now())\n"
        "stays = os.posix_spawn('/bin/sleep', ['sleep', '60'], os.environ)\n"
        "gone = os.posix_spawn('/bin/sh', ['sh', '-c', 'exit 3'], os.environ)\n"
        "os.waitid(os.P_PID, gone, os.WEXITED | os.WNOWAIT)\n"
        "ended = {}\nnone = tree.reap(ended)\nassert (list(ended), ended[gone][0], none) == ([gone], 3 << 8, False)\n"
        "used = ended[gone][1]\nassert 0 <= used.ru_utime < 5 and 1 << 8 < used.ru_maxrss < 1 << 20\n"
        "assert tree.children_now() == (stays,)\n"
        "os.kill(stays, 9)\nos.waitid(os.P_PID, stays, os.WEXITED | os.WNOWAIT)\nassert tree.children_now() == ()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("True ()\n", "")


def test_a_process_is_signalled_only_while_it_is_the_one_that_was_found() -> None:
    """A pid that another process has by now, or nobody, is not hit."""
    child = subprocess.Popen(["sleep", "60"])
    found = tree.stat_or_none(child.pid)
    assert found is not None
    recycled = type(found)(**{**found.__dict__, "start_ticks": found.start_ticks - 1})
    assert not tree.send(recycled, signal.SIGKILL)
    assert child.poll() is None
    assert tree.send(found, signal.SIGKILL)
    assert wait_for(lambda: child.poll() is not None, "the end of the child")
    assert not tree.send(found, signal.SIGKILL)
