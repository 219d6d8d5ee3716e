"""Runs a Python function as a step: `python call.py package.module:name [DIRECTORY…]`, in the Python that it names.

batchctl need not be installed in that interpreter, so this file stands alone: it imports the standard library only and
nothing of the package. Parameters come as keyword arguments from BATCHCTL_PARAMS; what the function returns is written
to BATCHCTL_RESULT. `--check` only imports the function and holds the parameters against its signature. Those of a
function with `@job`, whose interpreter has batchctl, are held against its annotations in full, and come as these say.
"""

import asyncio
import importlib
import inspect
import json
import os
import sys
import types
import typing
from collections.abc import Callable
from typing import Any

_USAGE = 2
_MARK = "__batchctl_job__"
_WRONG = 3
"""Exit code of `--check` where the function cannot be called with these parameters; the reason is on stdout."""


def find(name: str) -> Callable[..., Any]:
    """Import `package.module:name` and return it.

    Raises:
        ImportError, AttributeError, TypeError: if it is not there, or cannot be called.
    """
    module, _, attributes = name.partition(":")
    target: Any = importlib.import_module(module)
    for attribute in attributes.split("."):
        target = getattr(target, attribute)
    if not callable(target):
        message = f"{name} is not a function"
        raise TypeError(message)
    if inspect.isgeneratorfunction(target) or inspect.isasyncgenfunction(target):
        message = f"{name} is a generator: calling it would run nothing of it; return the result instead of yielding it"
        raise TypeError(message)
    found: Callable[..., Any] = target
    return found


def call(function: Callable[..., Any], params: dict[str, Any]) -> Any:
    """Call the function, waiting for what it awaits."""
    value = function(**(_fitted(function, params) if hasattr(function, _MARK) else params))
    return asyncio.run(_awaited(value)) if inspect.isawaitable(value) else value


def _fitted(function: Callable[..., Any], params: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = importlib.import_module("batchctl.api.decorated").fitted(function, params)
    return found


async def _awaited(value: Any) -> Any:
    return await value


def keep(value: Any) -> None:
    """Write what the function returned as the step's result; anything but a dictionary becomes {"value": …}.

    Its work is done by now: what cannot be written as JSON, or for want of disk, is complained of and does not fail it.
    """
    path = os.environ.get("BATCHCTL_RESULT")
    if value is None or not path:
        return
    try:
        text = json.dumps(value if isinstance(value, dict) else {"value": value}, default=str)
        with open(path, "w", encoding="ascii", opener=_private) as file:
            file.write(text)
    except (TypeError, ValueError, RecursionError, OSError) as error:
        sys.stderr.write(f"batchctl: the result could not be recorded: {type(error).__name__}: {error}\n")


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def check(name: str, params: dict[str, Any]) -> int:
    """Say on stdout, in its last line, why the function could not be called with these parameters; 0 where it could."""
    try:
        function = find(name)
    except BaseException as error:  # noqa: BLE001 - importing the operator's module may raise anything, SystemExit too
        return _refuse(error)
    if hasattr(function, _MARK):
        try:
            _fitted(function, params)
        except TypeError as error:
            return _refuse(error)
        return 0
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return 0  # a builtin without a signature: the call itself will tell
    try:
        signature.bind(**params)
    except TypeError as error:
        return _refuse(error)
    wrong = _wrong_type(function, params)
    return 0 if wrong is None else _refuse(wrong)


def _wrong_type(function: Callable[..., Any], params: dict[str, Any]) -> TypeError | None:
    """Return what is wrong with the first parameter that is not of the plain type which the function says it takes."""
    try:
        hints = typing.get_type_hints(function)
    except Exception:  # noqa: BLE001 - annotations may be anything, and may raise anything
        return None
    for name, value in params.items():
        kinds = _plain_types(hints.get(name))
        if kinds and type(value) not in kinds and not (type(value) is int and float in kinds):
            return TypeError(f"{name} must be {' or '.join(kind.__name__ for kind in kinds)}, not {value!r}")
    return None


def _plain_types(hint: Any) -> tuple[type, ...]:
    """Return the types that an annotation allows, as far as JSON has them; none where it may be anything else."""
    if isinstance(hint, types.UnionType) or typing.get_origin(hint) is typing.Union:
        parts = [_plain_types(part) for part in typing.get_args(hint)]
        return tuple(kind for part in parts for kind in part) if all(parts) else ()
    kind = typing.get_origin(hint) or hint
    return (kind,) if kind in (int, float, bool, list, dict, type(None)) else ()


def _refuse(error: BaseException) -> int:
    reason = f"{type(error).__name__}: {error}".replace("\n", " ")
    sys.stdout.flush()
    sys.stdout.buffer.write(f"\n{reason}\n".encode(errors="replace"))
    sys.stdout.buffer.flush()
    return _WRONG


def main(arguments: list[str]) -> int:
    """Run the command line and return the exit code; an exception of the function goes to stderr with its traceback."""
    if not arguments:
        return _USAGE
    # Modules are looked for in the step's working directory, as with `python -m`, and not in this file's, which `-P`
    # or PYTHONSAFEPATH has left out already.
    name, *directories = arguments[1:] if arguments[0] == "--check" else arguments
    sys.path[: 0 if getattr(sys.flags, "safe_path", False) else 1] = dict.fromkeys([os.getcwd(), *directories])
    # UTF-8 whatever the locale says, as batchctl wrote it.
    params: dict[str, Any] = json.loads(os.environb.get(b"BATCHCTL_PARAMS") or b"{}")
    if arguments[0] == "--check":
        code = check(name, params)
        sys.stdout.flush()
        os._exit(code)  # threads that the module started are not waited for
    keep(call(find(name), params))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
