"""Fires with one call failing once, for every call that is made between the row of a run and its last word.

Nobody lists the calls: a first fire is watched (`sys.setprofile`), and each call that a module of batchctl makes, to
another or to the system, is a place. On stdin, pickled: job, state directory, errors, and which part of how many of the
fires is to be made. On stdout, a line of JSON each: the places of the watched fire, then what came of each further one.
"""

from __future__ import annotations

import errno
import faulthandler
import json
import os
import pickle
import select
import signal
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from batchctl.base.errors import BatchctlError
from batchctl.engine import fire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from batchctl.core.model import Job

    Place = tuple[str, str]

_SYSTEM = {"posix", "io", "_io", "time", "select", "sqlite3", "_sqlite3", "_signal"}

_OUTSIDE = {f"batchctl.engine.fire.{name}" for name in ("_carry_out", "before_steps", "after_steps", "_outcome")}
"""What does nothing but call, in an order; the last makes the value that is returned when all is done."""


def error_of(name: str) -> Exception:
    """Return a fresh error: an OSError by the name of its number, or RuntimeError."""
    number = getattr(errno, name, None)
    return RuntimeError(name) if number is None else OSError(number, os.strerror(number))


def _name(frame: FrameType) -> str:
    return f"{frame.f_globals.get('__name__', '')}.{frame.f_code.co_qualname}"


def place_of(frame: FrameType, event: str, what: Any) -> Place | None:
    """Return who calls whom; None where it is nothing that the supervision of a run calls."""
    if event == "call":
        caller, callee = frame.f_back, _name(frame)
        if caller is None or not callee.startswith("batchctl.") or "<" in frame.f_code.co_name:
            return None
    elif event == "c_call":
        room = type(getattr(what, "__self__", None)).__module__
        module = what.__module__ or (room if room != "builtins" else "")
        caller, callee = frame, f"{module}.{what.__name__}"
        if module not in _SYSTEM:
            return None
    else:
        return None
    return (_name(caller), callee) if _name(caller).startswith("batchctl.") and _name(caller) not in _OUTSIDE else None


def watch(noticed: Callable[[Place], None], name: str = "") -> None:
    """Have every place told from the moment on at which a run is written down; `name`: only calls of what is so called.

    To put a name together at each call of a whole fire would make the fire many times slower.
    """
    begun = False

    def profile(frame: FrameType, event: str, what: Any) -> None:
        nonlocal begun
        if frame.f_code.co_name == "_carry_out" and event in {"call", "return"}:
            begun = event == "call"
            return
        if not begun:
            return
        if name and name != (what.__name__ if event == "c_call" else frame.f_code.co_name):
            return
        place = place_of(frame, event, what)
        if place is not None:
            noticed(place)

    sys.setprofile(profile)


def fire_once(job: Job, state: str, noticed: Callable[[Place], None], name: str = "") -> dict[str, Any]:
    """Fire and say what the fire itself says of it."""
    watch(noticed, name)
    try:
        outcome = fire.fire(job, fire.Request(state_dir=state))
    except BatchctlError as error:
        return {"code": error.exit_code, "said": str(error)}
    finally:
        sys.setprofile(None)
    return {"code": outcome.exit_code, "said": [str(each) for each in outcome.troubles]}


_LIMIT = 60.0
"""Seconds in which a fire has to end; one takes about a second."""


def apart(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Do it in a process of its own, as a fire is one; what escapes is what it says, or where it stood if it hung."""
    reader, writer = os.pipe()
    with tempfile.TemporaryFile("w+") as stood:
        child = os.fork()
        if child == 0:
            faulthandler.register(signal.SIGUSR1, stood)
            try:
                said = work()
            except BaseException as error:  # noqa: BLE001 - that one can escape is what is asked
                said = {"code": None, "said": f"{type(error).__name__}: {error}"}
            os.write(writer, json.dumps(said).encode())
            os._exit(0)
        os.close(writer)
        with open(reader, "rb") as file:
            found = _read(file.fileno())
        if found is None:
            os.kill(child, signal.SIGUSR1)
            time.sleep(1)  # in which its handler writes down where it stands: nothing else could be waited for
            _end(child)
            stood.seek(0)
            found = {"code": None, "said": f"did not end in {_LIMIT:.0f} s, and stood at {stood.read()}"}
    os.waitpid(child, 0)
    return found


def _read(reader: int) -> dict[str, Any] | None:
    said, until = b"", time.monotonic() + _LIMIT
    while select.select([reader], [], [], max(0.0, until - time.monotonic()))[0]:
        part = os.read(reader, 65536)
        if not part:
            return json.loads(said or b"{}")  # type: ignore[no-any-return] # what _places and _failing return
        said += part
    return None


def _end(pid: int) -> None:
    """Kill a process and what descends from it, its parents first, so that none is left to begin another."""
    try:
        os.kill(pid, signal.SIGSTOP)
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
        os.kill(pid, signal.SIGKILL)
    except OSError:
        return
    for each in children:
        _end(int(each))


def _places(job: Job, state: str) -> dict[str, Any]:
    seen: dict[Place, int] = {}
    said = fire_once(job, state, lambda place: seen.update({place: seen.get(place, 0) + 1}))
    return said | {"places": list(seen)}


def _failing(job: Job, state: str, at: Place, name: str) -> dict[str, Any]:
    def noticed(place: Place) -> None:
        if place == at:
            raise error_of(name)  # after which Python itself watches no more: it fails once

    return fire_once(job, state, noticed, at[1].rpartition(".")[2])


def main() -> Iterator[dict[str, Any]]:
    """Yield the places, then what came of each of the fires."""
    job, state, errors, part, parts = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the test itself
    first = apart(lambda: _places(job, f"{state}/watched"))
    yield first
    cases = [(tuple(at), name) for at in first["places"] for name in errors]
    for number, (at, name) in enumerate(cases):
        if number % parts == part:
            what, place = partial(_failing, job, f"{state}/{number}", at, name), f"{state}/{number}"
            yield {"state": place, "at": " -> ".join(at), "error": name} | apart(what)


if __name__ == "__main__":
    for line in main():
        print(json.dumps(line), flush=True)  # noqa: T201
