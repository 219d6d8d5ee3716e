"""The jobs of `modules`: decorated functions, asked of the interpreter that has them.

What is wrong with a module, or with one of its functions, is kept beside the configuration and not raised: other jobs
go on.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any, NamedTuple
from unicodedata import normalize

from batchctl.base import clock
from batchctl.base.errors import ConfigError
from batchctl.base.paths import identity_of
from batchctl.config.toml_file import TomlFile
from batchctl.config.values import name_of
from batchctl.process.ask import lines_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import NoReturn

    from batchctl.base.paths import Identity
    from batchctl.config.key_path import KeyPath
    from batchctl.config.toml_file import Keys

_NANO = 1_000_000_000


class Function(TomlFile):
    """A decorated function as a source of a job's keys: an error of a key names the function's file and line."""

    def __init__(self, found: Mapping[str, Any], module: str, directory: str) -> None:
        """Take what was found of it; paths that its keys name start from the configuration's folder."""
        self.said = normalize("NFC", str(found["name"]))
        self.name = name_of(self.said)
        self.path, self.label, self.prefix = str(found["file"]), f"module {module}", ("jobs", self.name)
        self.text, self.identity, self.table = "", None, {}
        self.reference, self._directory = found["function"], directory
        self._place = f"{self.path}:{found['line']}" if found["file"] else f"module {module}"

    @property
    def directory(self) -> str:
        """The directory that relative paths start from."""
        return self._directory

    def refuse(self, keys: Keys, what: str, remedy: str) -> NoReturn:
        """Raise the ConfigError about a key of the function's decorator."""
        key = self.dotted(keys[len(self.prefix) :])
        message = f"{self._place}: job function {self.reference}: {f'{key}: ' if key else ''}{what}"
        raise ConfigError(message, remedy=remedy, keys=keys)


class Found(NamedTuple):
    """What modules hold."""

    jobs: list[tuple[Function, dict[str, Any]]]
    """Each decorated function with its keys, as a job file would have them."""
    wrong: list[ConfigError]
    files: dict[str, Identity]
    """The source files that the answer depends on."""


def look(
    modules: Sequence[str],
    functions: Mapping[str, str],
    where: KeyPath | None,
    python: str | None,
    directories: Sequence[str],
) -> Found:
    """Import modules and functions in an interpreter (default: our own), from the first of the directories.

    Returns the jobs of the modules; `functions` must only be there. `where` is the top of the main file.
    """
    began, answers = clock.now(), dict[str, dict[str, Any]]()
    waiting = list(dict.fromkeys((*modules, *functions.values())))
    while waiting:
        code, lines, said = _ask(waiting, python, directories)
        answers |= {module: json.loads(line) for module, line in zip(waiting, lines, strict=False)}
        del waiting[: len(lines)]
        if waiting:  # it ended the interpreter; those behind it are asked anew
            words = f"importing it ended {python or sys.executable} with exit code {code}"
            answers[waiting.pop(0)] = {"wrong": f"{words}: {said}" if said else words, "files": []}
    found = Found([], [], {})
    seen: set[str] = set()
    for module, answer in answers.items():
        # What has changed since may not be what was imported; such a copy is never up to date.
        identities = {file: identity_of(file) for file in answer["files"]}
        found.files.update({file: each if _is_older(each, began) else None for file, each in identities.items()})
        if "wrong" in answer:
            found.wrong.append(_cannot_import(module, answer["wrong"], functions, where))
        for each in answer.get("jobs", ()):
            if each["function"] not in seen:
                seen.add(each["function"])
                _take(each, module, found, directories[0])
    return found


def _ask(modules: Sequence[str], python: str | None, directories: Sequence[str]) -> tuple[int, list[bytes], str]:
    program = (python or sys.executable, "-P", "-m", "batchctl.api.discover")
    return lines_of(lambda answer: (*program, str(answer), ":".join(directories[1:]), *modules), directories[0])


def _is_older(identity: Identity, began: float) -> bool:
    return identity is not None and max(identity[-2:]) < began * _NANO


def _cannot_import(wanted: str, reason: str, functions: Mapping[str, str], where: KeyPath | None) -> ConfigError:
    what = f"{wanted} cannot be imported: {reason}"
    if ":" not in wanted:
        remedy = "correct it, modules, python or python_path; its jobs are missing"
        if where is None or wanted not in where.source.table.get("modules", ()):
            return ConfigError(f"--module: {what}", remedy=remedy)
        where = where.at("modules")
    else:
        remedy = "correct it, [functions], python or python_path"
        name = next(name for name, reference in functions.items() if reference == wanted)
        where = None if where is None else where.at("functions").at(name)
    try:
        assert where is not None  # noqa: S101 - functions stand in a file
        where.refuse(what, remedy)
    except ConfigError as error:
        return error


def _take(each: Mapping[str, Any], module: str, found: Found, directory: str) -> None:
    source = Function(each, module, directory)
    wrong = each.get("wrong") or (
        "" if source.name else f"{source.said!r} cannot be the name of a job, nor be made one"
    )
    if wrong:
        try:
            source.refuse(source.prefix, wrong, "correct the function or its decorator; other jobs go on")
        except ConfigError as error:
            found.wrong.append(error)
        return
    title = {} if source.name == source.said else {"title": source.said}
    found.jobs.append((source, {"cwd": directory, **title, **each["keys"], "function": each["function"]}))
