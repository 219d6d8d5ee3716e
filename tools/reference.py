"""Write the reference pages of the documentation from the code.

    .venv/bin/python tools/reference.py

A test compares the pages with what this would write.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
from itertools import pairwise
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

import msgspec
from helps import built, root

import batchctl
from batchctl import step
from batchctl.base import errors, state_dir
from batchctl.commands.cli import COMMANDS
from batchctl.config import keys
from batchctl.config.schema import (
    AlertKeys,
    CommandKeys,
    EventsTable,
    FileTable,
    GroupTable,
    JobTable,
    SourceTable,
    StartIfTable,
    StepTable,
    WebTable,
    keys_of,
)
from batchctl.core import model
from batchctl.present import contract, contract_jobs, contract_upkeep

_NOTE = "<!-- Written by tools/reference.py from the code; changes here are lost. -->\n"


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = [head, ["---"] * len(head), *([cell.replace("|", "\\|") for cell in row] for row in rows)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


# Configuration

_CONFIGURATION = """
# Configuration

It is read from `--config FILE`, else `BATCHCTL_CONFIG`, else `~/.config/batchctl/batchctl.toml`, else
`/etc/batchctl/batchctl.toml`. Beside that file, jobs may stand in files of their own, `jobs.d/NAME.toml`. An unknown
key is an error. [Write jobs](../howto/jobs.md) shows most of the keys at work.

A **duration** is `90s`, `24h30m`, `2d` or `500ms`, with the units w, d, h, m, s and ms; a bare number is seconds. A
**size** is `500MB` or `2GB`, or in powers of two `2GiB`; a bare number is bytes. A relative path starts from the folder
of the file, and `~` is the home.
"""
_UNITS = {"h": 3600, "m": 60, "s": 1, "ms": 0.001}
_AT_TOP = (
    "The main file's first lines. [What is told and kept](#what-is-told-and-kept) may stand here too, for every job."
)
_IN_JOB = """\
Below `[jobs.NAME]` in the main file, or at the top of `jobs.d/NAME.toml`. A job has one of `schedule`, `every`, `daily`
and `at`, or cron does not fire it. It has `steps`, or all the keys of [a step](#a-step) but the first two, and is that
one step."""
_IN_STEP = "Below `[[jobs.NAME.steps]]`, in a file of its own `[[steps]]`. It has one of `run`, `argv` and `function`."
_SECTIONS: dict[str, tuple[type[msgspec.Struct], str]] = {
    "At the top": (FileTable, _AT_TOP),
    "A job": (JobTable, _IN_JOB),
    "A step": (StepTable, _IN_STEP),
    "What a start asks of the machine": (StartIfTable, "`start_if` of a job; what is not asked for does not count."),
    "A group": (GroupTable, "Below `[jobs.NAME.groups.GROUP]`."),
    "What is told and kept": (AlertKeys, "At the top for every job, or in a job for itself."),
    "Events": (EventsTable, "Below `[events]`; [Read and keep the history](../howto/history.md) shows the lines."),
    "Web": (WebTable, "Below `[web]`: what `batchctl serve` allows."),
    "A source": (SourceTable, "Below `[sources.NAME]`, for the collectors of [the catalogue](catalogue.md)."),
}


def configuration() -> str:
    """Return the page of the configuration's keys, from the tables that it is checked against."""
    text = _NOTE + _CONFIGURATION
    for title, (struct, intro) in _SECTIONS.items():
        rows = []
        for key in _keys(struct):
            example, meaning = _entry(struct, key)
            rows.append([f"`{key}`", _example(example), _default(struct, key), meaning])
        text += f"\n## {title}\n\n{intro}\n\n{table(['key', 'for example', 'default', 'means'], rows)}"
    return text


def _keys(struct: type[msgspec.Struct]) -> list[str]:
    """Return the keys to list below a table, in the order of keys.py; those of another section are left to it."""
    own = set(keys_of(struct))
    if struct in {SourceTable, EventsTable, WebTable}:
        return keys_of(struct)
    if struct in {JobTable, FileTable}:
        own -= set(keys_of(AlertKeys))
    if struct is JobTable:
        own -= set(keys_of(CommandKeys))
    return [key for key in keys.KEYS if key in own]


def _entry(struct: type[msgspec.Struct], key: str) -> tuple[str, str]:
    table = {SourceTable: "sources", EventsTable: "events", WebTable: "web"}.get(struct, "")
    return keys.KEYS.get(f"{table}.{key}") or keys.KEYS[key]


def _example(text: str) -> str:
    if '" or "' in text:
        return re.sub(r'("[^"]*")', r"`\1`", text)  # all the values it may have
    return f"`{text}`" if text else "a table"


def _default(struct: type[msgspec.Struct], key: str) -> str:
    """Return the default that is in force: the table's own, else that of the model it becomes."""
    names, defaults = keys_of(struct), struct.__struct_defaults__
    value = dict(zip(names[::-1], defaults[::-1], strict=False)).get(key, msgspec.NODEFAULT)
    if value is msgspec.NODEFAULT:
        return "required"
    if value is None:
        owners = (model.Alerting, model.Retention) if struct is AlertKeys else (model.Job, model.Rules)
        value = next((owner._defaults[key] for owner in owners if key in owner._defaults), None)
    return _written(key, value)


def _written(key: str, value: Any) -> str:
    """Return a default as the configuration would have it; nothing where it means none."""
    if value is None or value in ("", (), []) or isinstance(value, dict) or hasattr(value, "factory"):
        return ""
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str):
        return f'`"{value}"`'
    if not keys.KEYS[key][0].startswith('"'):
        return f"`{value:g}`"
    unit, seconds = next(((unit, size) for unit, size in _UNITS.items() if value >= size), ("", 0))
    return f'`"{value / seconds:g}{unit}"`' if seconds else ""


# Commands

_COMMANDS = """
# Commands

Each has `--help`, which says the same. `BATCHCTL_DEBUG=1` adds the traceback to an error.

These options stand before the command:

"""


def commands() -> str:
    """Return the page of the commands, from the help that they have."""
    text = _NOTE + _COMMANDS + _options(root().params)
    for name in COMMANDS:
        command = built(name)
        inner = getattr(command, "commands", {})
        text += _command(command, name, group=bool(inner))
        for word in inner:
            text += _command(inner[word], f"{name} {word}")
    return text


def _command(command: Any, name: str, *, group: bool = False) -> str:
    """Return the section of one command; of a group only what it is for, since its commands come below."""
    about, _, examples = inspect.cleandoc(command.help).partition("Examples:")
    text = f"\n{'###' if ' ' in name else '##'} {name}\n\n{_paragraphs(about)}\n"
    if group:
        return text
    arguments = [param for param in command.params if param.param_type_name == "argument"]
    usage = " ".join([f"batchctl {name}", *(_argument(param) for param in arguments), "[OPTIONS]"])
    text += f"\n    {usage}\n\n"
    if arguments:
        text += table(["argument", "is"], [[f"`{_metavar(param)}`", _help(param)] for param in arguments]) + "\n"
    text += _options([param for param in command.params if param.param_type_name == "option"])
    lines = [re.sub(r"^\W*|`$", "", line) for line in examples.splitlines() if line.strip()]
    return text + "\nExamples:\n\n" + "".join(f"    {line}\n" for line in lines)


def _paragraphs(text: str) -> str:
    return re.sub(r"\n\s*\n", "\n\n", text.replace("\b", "").strip())  # Click's mark not to wrap


def _options(options: list[Any]) -> str:
    rows = []
    for option in options:
        if not option.hidden and option.name != "help":
            names = ", ".join(option.opts)
            rows.append([f"`{names}`" if option.is_flag else f"`{names} {_metavar(option)}`", _help(option)])
    return table(["option", "does"], rows) if rows else "It has no options.\n"


def _metavar(param: Any) -> str:
    return str(param.metavar or param.name.upper()).strip("[]{}")


def _argument(argument: Any) -> str:
    name = _metavar(argument) + ("..." if argument.nargs == -1 else "")
    return name if argument.required else f"[{name}]"


def _help(param: Any) -> str:
    silent = param.default in (None, False, (), []) or callable(param.default)
    return str(param.help) if silent else f"{param.help} Default: {param.default}."


# JSON

_JSON = """
# JSON

A time is ISO 8601 with offset, a share a number from 0 to 1, a name as it is written in any script; null where there
is nothing to tell. Keys may be added, and are never renamed or removed.

Runs and alerts come newest first. `report` covers 30 days unless told otherwise, and so does `success_rate`.

A key is shown as jq takes it: `jobs[].run.id` is, for each job, the number of its run. NAME stands for any name.
"""
_ALONE = {
    str: "text",
    int: "whole number",
    float: "number",
    bool: "true or false",
    type(None): "null",
    Any: "any value",
}
_TIMES = {
    *("at", "from", "to", "since", "until", "first", "last", "next_fire", "timestamp"),
    *("running_since", "watched_since", "expected_end_between"),
}
_MODULES = (contract, contract_jobs, contract_upkeep)


def json_page() -> str:
    """Return the page of the JSON, from the types that renderers return: a section for each that names a command."""
    sections = {}
    for typed, about in _typed().items():
        named = re.match(r"`([^`]+)`", about)
        if named is not None:
            sections[named[1]] = (about, _flat(typed))
    order = [*COMMANDS]
    text = _NOTE + _JSON
    for command in sorted(sections, key=lambda line: order.index(line.split()[0])):
        about, rows = sections[command]
        sentence = re.sub(r"^`[^`]+`(?:[;:,]| \(|\.)?\s*", "", about)
        text += f"\n## {command}\n\n"
        text += f"{sentence[:1].upper()}{sentence[1:]}\n\n" if sentence else ""
        text += table(["key", "is", "to know"], rows)
    return text


def _typed() -> dict[Any, str]:
    """Return every type of the contract with what its module says of it, in one line."""
    found = {}
    for module in _MODULES:
        for node, after in pairwise([*ast.parse(inspect.getsource(module)).body, ast.Pass()]):
            if isinstance(node, ast.ClassDef):
                found[getattr(module, node.name)] = _line(ast.get_docstring(node))
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                value = getattr(module, node.targets[0].id)
                if is_typeddict(value):
                    words = ast.literal_eval(after.value) if isinstance(after, ast.Expr) else None
                    found[value] = _line(words)
    return found


def _line(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "").strip()


def _flat(typed: Any, prefix: str = "") -> list[list[str]]:
    """Return a row for each key of a type and, below it, of the types that it holds."""
    rows = []
    for key, hint in get_type_hints(typed, include_extras=True).items():
        kind, below, inner = _kind(hint)
        optional = get_origin(hint) is NotRequired or key in typed.__optional_keys__
        about = "" if inner is None else _typed()[inner]
        rows.append([f"`{prefix}{key}`", _named(key, kind) + (", or not there" if optional else ""), about])
        if inner is not None:
            rows += _flat(inner, f"{prefix}{key}{below}.")
    return rows


def _named(key: str, kind: str) -> str:
    """Return a kind as the key's name has it: texts may be times, numbers seconds."""
    if key in _TIMES or key.endswith("_at"):
        return kind.replace("text", "time")
    unit = next((unit for end, unit in (("_s", "seconds"), ("_bytes", "bytes")) if key.endswith(end)), "")
    return re.sub("(whole )?number", unit, kind) if unit else kind


def _kind(hint: Any) -> tuple[str, str, Any]:
    """Return a type in words, how jq steps into it, and the type of the contract that is found there."""
    origin, inside = get_origin(hint), get_args(hint)
    if origin is NotRequired:
        return _kind(inside[0])
    if origin is Literal:
        return " or ".join(f"`{value}`" for value in inside), "", None
    if origin in {Union, UnionType}:
        kinds = [_kind(each) for each in inside]
        below, inner = next(((below, inner) for _, below, inner in kinds if inner is not None), ("", None))
        return " or ".join(kind for kind, _, _ in kinds), below, inner
    if origin is list:
        kind, below, inner = _kind(inside[0])
        return f"list of {_several(kind)}", f"[]{below}", inner
    if origin is dict:
        kind, below, inner = _kind(inside[1])
        return f"object: NAME to {kind}", f".NAME{below}", inner
    if is_typeddict(hint):
        return "object", "", hint
    return _ALONE[hint], "", None


def _several(kind: str) -> str:
    return {"text": "texts", "object": "objects", "number": "numbers", "whole number": "whole numbers"}.get(kind, kind)


# Exit codes

_EXIT_CODES = """
# Exit codes

They are those of `batchctl run`. The other commands use 0, 1, 2, 70, 74 and 78 alike.

"""


def exit_codes() -> str:
    """Return the page of the exit codes, with the words that stand below each in errors.py."""
    rows = []
    for assigned, words in pairwise(ast.parse(inspect.getsource(errors)).body):
        if not isinstance(assigned, ast.Assign) or not isinstance(words, ast.Expr):
            continue
        if ast.unparse(assigned).startswith("EXIT_"):
            code = ast.literal_eval(assigned.value)
            rows.append([f"{code}+n" if code == errors.EXIT_SIGNAL_BASE else str(code), ast.literal_eval(words.value)])
    return _NOTE + _EXIT_CODES + table(["code", "when"], rows)


# Python

_PYTHON = """
# Python

`from batchctl import Batchctl, guard, …`; each is loaded when it is asked for. [Use batchctl from
Python](../howto/python.md) shows them at work. Durations are seconds where they are returned, and text (`26h`),
seconds or timedeltas where they are given; instants are aware datetimes, or ISO 8601 text where they are given. Results
are the objects of the [JSON](json.md) as frozen values, attributes for keys. What goes wrong is a
[BatchctlError](#batchctlerror) with a `remedy`. Tests run each example; `ctl` is `Batchctl()` in a home with two jobs,
`prices`, which has run once, and `nightly`.

Each method of `Batchctl` has a twin for asyncio whose name begins with `a` (`await ctl.arun("prices")`); of `follow`
and `follow_events` it is for `async for`.
"""


def python() -> str:
    """Return the page of the Python API, from the docstrings, whose examples the tests run."""
    text = _NOTE + _PYTHON
    for name in batchctl.__all__:
        text += _documented(f"## {name}", getattr(batchctl, name))
        if name in {"Batchctl", "Guarded", "Schedule"}:
            text += "".join(_documented(f"### {name}.{method.__name__}", method) for method in _methods(name))
    text += f"\n## batchctl.step\n\n{_prose(inspect.cleandoc(step.__doc__ or ''))}\n"
    functions = [each for each in vars(step).values() if inspect.isfunction(each) and each.__name__[0] != "_"]
    return text + "".join(_documented(f"### step.{each.__name__}", each) for each in functions)


def _methods(name: str) -> list[Any]:
    own = [each for kind in getattr(batchctl, name).__mro__[-2::-1] for each in vars(kind).values()]
    return [
        each
        for each in own
        if inspect.isfunction(each) and each.__name__[0] != "_" and not hasattr(each, "__wrapped__")
    ]


def _documented(heading: str, thing: Any) -> str:
    """Return heading, signature and docstring of a name."""
    text = f"\n{heading}\n\n"
    if not (isinstance(thing, type) and issubclass(thing, Exception)):
        signature = re.sub(r"^\(self(?:, /)?(?:, )?", "(", str(inspect.signature(thing)))
        signature = re.sub(r"(: |-> )'([^']+)'", r"\1\2", signature)
        text += f"```python\n{thing.__name__}{signature}\n```\n\n"
    return f"{text}{_prose(inspect.getdoc(thing) or '')}\n"


def _prose(text: str) -> str:
    """Return a docstring as Markdown: examples in fences, arguments and errors as lists."""
    return "\n\n".join(map(_paragraph, re.split(r"\n\n+", text)))


def _paragraph(text: str) -> str:
    if text.startswith(">>> "):
        triple = text.replace("'''", '"""')  # which could not stand within a docstring
        return f"```pycon\n{triple}\n```"
    if text.startswith("    "):
        return f"```python\n{inspect.cleandoc(text)}\n```"
    head, _, below = text.partition("\n")
    if head not in {"Args:", "Raises:"}:
        return text
    items = (" ".join(item.split()) for item in re.split(r"\n(?=\S)", inspect.cleandoc(below)))
    return f"{head}\n\n" + "\n".join(re.sub(r"^([\w, ]+): ", r"- `\1`: ", item) for item in items)


# The state directory

_STATE_DIRECTORY = f"""
# State directory

It is `--state DIR`, else `BATCHCTL_STATE`, else `state_dir` of the configuration, else `~/.local/state/batchctl`. Its
mode is {state_dir.DIR_MODE:04o}, that of its files {state_dir.FILE_MODE:04o}. A directory that others can write to, or
that belongs to somebody else, is refused (74). Keep it on a local disk: locks and SQLite's journal are not to be
trusted over NFS.

"""
_AFTER_STATE = """
[Read and keep the history](../howto/history.md) says what is removed, and when. The tables of `batchctl.db` may change
with any version; what is promised are the [JSON](json.md) and the [views](sql.md).
"""


def state_directory() -> str:
    """Return the page of the state directory, from what the module of StateDir says of it."""
    described = inspect.cleandoc(state_dir.__doc__ or "")
    entries = re.findall(r"^ {4}(\S+) {2,}(.*(?:\n {20,}.*)*)", described, re.MULTILINE)
    rows = [[f"`{name}`", re.sub(r"\s+", " ", what)] for name, what in entries]
    programs = sorted({name for file in ROOT.glob("batchctl/jobs/*/job.toml") for name in _kept_by(file)})
    rows.append([", ".join(f"`{name}/`" for name in programs), "what the programs of the ready-made jobs keep"])
    return _NOTE + _STATE_DIRECTORY + table(["in it", "is"], rows) + _AFTER_STATE


def _kept_by(file: Path) -> list[str]:
    return re.findall(r"\{state\}/([\w-]+)", file.read_text(encoding="utf-8"))


PAGES = {
    "configuration": configuration,
    "commands": commands,
    "json": json_page,
    "exit-codes": exit_codes,
    "state-directory": state_directory,
    "python": python,
}


def main() -> None:
    """Write every page."""
    for name, page in PAGES.items():
        (ROOT / "docs" / "reference" / f"{name}.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
