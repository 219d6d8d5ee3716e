"""Says which jobs modules hold: `python -P -m batchctl.api.discover DESCRIPTOR DIRECTORIES MODULE…`.

`MODULE:ATTRIBUTE` is a function that is only looked for.

Runs in the interpreter that the configuration names, in the configuration's folder. What the operator's modules do at
import is theirs: each answer, one line of JSON a module, goes to a descriptor of its own that no print reaches, and as
soon as it is written, so that a module that ends the interpreter takes only itself along.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import traceback
from typing import Any

from batchctl.api import decorated


def main(arguments: list[str]) -> None:
    """Import the modules in turn and write what is found in each."""
    answer, directories, *modules = arguments
    own = [os.getcwd(), *filter(None, directories.split(os.pathsep))]
    sys.path[:0] = own
    ours = os.getpid()
    for module in modules:
        found = {**_jobs_of(module), "files": _files(module.partition(":")[0], own)}
        if os.getpid() != ours:
            os._exit(0)  # the module forked, and this is the copy
        os.write(int(answer), json.dumps(found).encode() + b"\n")
    os._exit(0)  # threads that a module started are not waited for


def _jobs_of(wanted: str) -> dict[str, Any]:
    """Return the jobs of a module, or why it cannot be imported."""
    module, colon, _ = wanted.partition(":")
    try:
        importlib.import_module(module)
        if colon:
            decorated.reference(_reach(wanted))
            return {}
    except BaseException as error:  # noqa: BLE001 - a module may raise anything, SystemExit too
        return {"wrong": _last_line(error)}
    held = {id(value) for value in vars(sys.modules[module]).values()}
    jobs = [
        decorated.described(function, keys, _reach)
        for function, keys in decorated.FOUND
        if id(function) in held or _is_within(getattr(function, "__module__", ""), module)
    ]
    return {"jobs": jobs}


def _is_within(name: str | None, module: str) -> bool:
    return f"{name}.".startswith(f"{module}.")


def _reach(reference: str) -> Any:
    module, _, attributes = reference.partition(":")
    found: Any = sys.modules[module]
    for attribute in attributes.split("."):
        found = getattr(found, attribute)
    return found


def _last_line(error: BaseException) -> str:
    """Return the last line of a traceback, with the place that it speaks of."""
    said = traceback.format_exception_only(error)[-1].strip()
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")]
    place = (frames[-1].filename, frames[-1].lineno) if len(frames) > 2 else ("", None)  # noqa: PLR2004 - ours, importlib
    if isinstance(error, SyntaxError) and error.filename:
        place = error.filename, error.lineno
    return f"{said} ({place[0]}, line {place[1]})" if place[0] else said


def _files(module: str, own: list[str]) -> list[str]:
    """Return the source files of the module's package, and of whatever else lies in the operator's own directories."""
    first = module.partition(".")[0]
    directories = tuple(f"{directory}/" for directory in own)
    found = set()
    for name, each in list(sys.modules.items()):
        file = getattr(each, "__file__", None)
        if isinstance(file, str) and (_is_within(name, first) or _is_own(file, directories)):
            found.add(os.path.abspath(file))
    return sorted(found)


def _is_own(file: str, directories: tuple[str, ...]) -> bool:
    return file.startswith(directories) and "/site-packages/" not in file and "/dist-packages/" not in file


if __name__ == "__main__":
    main(sys.argv[1:])
