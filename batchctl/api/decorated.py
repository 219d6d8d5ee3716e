"""`@job`: a function that is a job, and what its signature says of its parameters.

Nothing heavy is imported here: a module with decorated functions is imported wherever they are wanted.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeVar, overload
from unicodedata import normalize

from batchctl.api.schedules import plain

if TYPE_CHECKING:
    import inspect
    from collections.abc import Callable, Mapping

    from batchctl.api.schedules import Schedule

    F = TypeVar("F", bound=Callable[..., Any])

MARK = "__batchctl_job__"
"""The attribute that makes a function a job; its value are the keys of the configuration that it was given."""
FOUND: list[tuple[Any, dict[str, Any]]] = []
"""Whatever was decorated in this process, in that order, with its keys."""


@overload
def job(function: F, /) -> F: ...
@overload
def job(
    *,
    name: str | None = None,
    schedule: Schedule | None = None,
    params: Mapping[str, Any] | None = None,
    **keys: Any,
) -> Callable[[F], F]: ...
def job(
    function: Any = None,
    /,
    *,
    name: str | None = None,
    schedule: Schedule | None = None,
    params: Mapping[str, Any] | None = None,
    **keys: Any,
) -> Any:
    """Make a function, plain or async, a job; it stays the function that it is.

    The job is found through `modules = ["shop.jobs"]` in the configuration. Its name is the function's unless `name`
    says another, its description the first paragraph of the docstring. Parameters are those of the signature: their
    defaults, or what `params` says, hold where the command line gives nothing else, and each value is checked against
    its annotation before a run starts. `keys` are those of the configuration (`min_gap`, `timeout`, `retries`, `pool`,
    …), durations also as seconds or timedeltas. What is wrong is told by `batchctl config` and `doctor`; decorating
    never fails.

    >>> from batchctl import daily, job
    >>> @job(schedule=daily("02:00"), min_gap="6h", retries=3)
    ... def collect(suppliers: list[str], test_mode: bool = False) -> dict[str, int]:
    ...     '''Collect wholesale products.'''
    ...     return {"collected": len(suppliers)}
    >>> collect(["ownerclan"])
    {'collected': 1}
    """
    given = {"name": name, "params": params, **keys}
    table = {**(schedule.keys if schedule else {}), **{key: plain(value) for key, value in given.items()}}
    table = {key: value for key, value in table.items() if value is not None}

    def marked(function: Any) -> Any:
        FOUND.append((function, table))
        with suppress(AttributeError, TypeError):
            setattr(function, MARK, table)
        return function

    return marked if function is None else marked(function)


def described(function: Any, keys: Mapping[str, Any], reach: Callable[[str], Any]) -> dict[str, Any]:
    """Return a decorated function as the configuration needs it: name, reference, keys, place, or what is wrong.

    `reach` imports a `module:attribute`.
    """
    import inspect

    plain = inspect.unwrap(function) if callable(function) else function
    code = getattr(plain, "__code__", None)
    name = str(getattr(function, "__qualname__", type(function).__name__))
    place = f"{getattr(function, '__module__', None)}:{name}"
    found: dict[str, Any] = {
        "function": place,
        "file": getattr(code, "co_filename", None),
        "line": getattr(code, "co_firstlineno", None),
        "name": keys.get("name", name.rpartition(".")[2]),
    }
    try:
        _refuse(function, keys, place, reach)
        takes = _parameters(function).items()
        defaults = {key: as_json(each.default, key) for key, each in takes if _has_default(each)}
        given = as_json({key: value for key, value in keys.items() if key != "name"}, "its keys")
        params = {normalize("NFC", key): value for key, value in given.pop("params", {}).items()}
        fitted(function, params, whole=False)
    except Exception as error:  # noqa: BLE001 - annotations and defaults are the operator's own objects
        return {**found, "wrong": str(error) or type(error).__name__}
    doc = (inspect.getdoc(function) or "").partition("\n\n")[0]
    return {**found, "keys": {"description": " ".join(doc.split()), **given, "params": {**defaults, **params}}}


def reference(function: Any) -> str:
    """Return `module:attribute` of a function, by which another process finds it.

    Raises:
        UsageError: if none does.
    """
    name = f"{getattr(function, '__module__', None)}:{getattr(function, '__qualname__', type(function).__name__)}"
    wrong = _unreachable(function, name)
    if name.startswith("__main__:"):
        wrong = "is of the program itself, which other processes cannot import: move it to a module"
    if wrong:
        from batchctl.base.errors import UsageError

        message = f"{name} {wrong.partition(': ')[0]}"
        raise UsageError(message, remedy=wrong.partition(": ")[2])
    return name


def _unreachable(function: Any, name: str) -> str:
    import inspect

    if not inspect.isroutine(function):
        return f"is no function but {type(function).__name__}: take a function of a module"
    if "<lambda>" in name:
        return "is a lambda, which has no name to call it by: write it as def"
    if "<locals>" in name:
        return "is defined inside another function, where nothing else can reach it: move it to the top of its module"
    if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
        return "is a generator, and calling it would run nothing of it: return the result instead of yielding it"
    return ""


def _refuse(function: Any, keys: Mapping[str, Any], name: str, reach: Callable[[str], Any]) -> None:
    """Refuse what cannot be called by its name in another process."""
    wrong = _unreachable(function, name)
    if not wrong and getattr(_reached(name, reach), MARK, None) is not keys:
        wrong = f"is not what {name} is by now: @job must be the outermost decorator, and the name must stay"
    if wrong:
        raise TypeError(wrong)
    for parameter, each in _parameters(function).items():
        if each.kind in {each.VAR_KEYWORD, each.VAR_POSITIONAL}:
            message = (
                f"takes {'**' if each.kind is each.VAR_KEYWORD else '*'}{parameter}: name each parameter that it takes"
            )
            raise TypeError(message)
        if each.kind is each.POSITIONAL_ONLY:
            message = f"takes {parameter} by position only, and parameters have names: remove the / behind it"
            raise TypeError(message)


def _reached(reference: str, reach: Callable[[str], Any]) -> Any:
    try:
        return reach(reference)
    except (ImportError, AttributeError, TypeError):
        return None


def _parameters(function: Any) -> Mapping[str, inspect.Parameter]:
    import inspect

    return inspect.signature(function).parameters


def _has_default(parameter: inspect.Parameter) -> bool:
    return parameter.default is not parameter.empty


def as_json(value: Any, what: str) -> Any:
    """Return a value as JSON has it: dates as text, tuples and sets as lists, data classes as dictionaries.

    Raises:
        TypeError: naming `what`, if JSON has nothing of the kind.
    """
    import json

    import msgspec

    try:
        made = msgspec.to_builtins(value, str_keys=True, enc_hook=_path)
        json.dumps(made, allow_nan=False)
    except (TypeError, ValueError, RecursionError, NotImplementedError) as error:
        message = f"{what}: {value!r} is no value that JSON has, so it cannot be handed to a run"
        raise TypeError(message) from error
    return made


def _path(value: Any) -> str:
    if hasattr(value, "__fspath__"):
        return str(value)
    raise NotImplementedError


def fitted(function: Any, params: Mapping[str, Any], *, whole: bool = True) -> dict[str, Any]:
    """Return the keyword arguments of a call: each value as its annotation says, from what JSON holds.

    What is as the default is left to the default. Without `whole` parameters may be missing.

    Raises:
        TypeError: naming the parameter that is missing, unknown, or of the wrong type.
    """
    import json

    takes = _parameters(function)
    for name in params:
        if name not in takes:
            message = f"there is no parameter {name}; it takes {', '.join(takes) or 'none'}"
            raise TypeError(message)
    for name, each in takes.items():
        if whole and name not in params and not _has_default(each):
            message = f"missing a required parameter: {name}"
            raise TypeError(message)
    kinds, found = _annotations(function), {}
    for name, value in params.items():
        default = takes[name].default
        if _has_default(takes[name]) and json.dumps(as_json(default, name)) == json.dumps(value):
            continue
        found[name] = _converted(name, value, kinds.get(name, Any))
    return found


def _annotations(function: Any) -> dict[str, Any]:
    import inspect
    from typing import get_type_hints

    try:
        return get_type_hints(inspect.unwrap(function), include_extras=True)
    except Exception:  # noqa: BLE001 - annotations may be anything, and may raise anything
        return {}


def _converted(name: str, value: Any, kind: Any) -> Any:
    import msgspec

    from batchctl.core.text.types_in_words import in_words

    try:
        return msgspec.convert(value, kind, dec_hook=_made)
    except msgspec.ValidationError as error:
        text, _, inside = str(error).partition(" - at `$")
        words = in_words(text) if text.startswith(("Expected `", "Invalid enum")) else text
        message = f"{name}{inside.rstrip('`')} {words}: {value!r}" if len(repr(value)) < _LONG else f"{name} {words}"
        raise TypeError(message) from error
    except (TypeError, NotImplementedError) as error:
        message = f"{name} is annotated as {kind!r}, which no JSON value can become"
        raise TypeError(message) from error


_LONG = 80


def _made(kind: Any, value: Any) -> Any:
    """Make what msgspec does not know: a path."""
    if isinstance(kind, type) and hasattr(kind, "__fspath__") and isinstance(value, str):
        return kind(value)
    raise NotImplementedError
