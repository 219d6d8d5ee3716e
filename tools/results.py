"""Write batchctl/api/results*.py: the frozen results of the Python API, one class for each object of the JSON.

    python tools/results.py

The JSON's types are the contract (batchctl/present/contract*.py); attributes are its keys, nested alike. An instant is
an aware datetime there, and a list a tuple; `from`, which Python keeps for itself, is `from_`. A test notices when the
pages are not what this makes of the contract.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from batchctl.api.convert import attribute
from batchctl.present import contract, contract_jobs, contract_upkeep

ROOT = Path(__file__).parent.parent
PAGES = ("results", "results_jobs", "results_upkeep")
MODULES = (contract, contract_jobs, contract_upkeep)
AS_WRITTEN = {contract_jobs.JobKeys, contract_jobs.ShownJob}
"""Types whose instants are those of the configuration, in its own words."""
INSTANTS = {
    *("at", "from", "to", "since", "until", "first", "last", "timestamp"),
    *("paused_until", "running_since", "watched_since", "next_fire"),
}

_HEAD = '''"""The results of the Python API: what the commands print as JSON, as frozen values.

Attributes are the keys of the JSON, nested alike; instants are aware datetimes, durations float seconds, lists tuples.
Fields may be added, and are never renamed. Made by tools/results.py from the JSON's contract.
"""

# ruff: noqa: D101, E501 - one class for each object of the JSON, described there
from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

{others}from batchctl.base.record import Record
'''


def pages() -> dict[Path, str]:
    """Return each page's text by its path."""
    own, homes = {}, {}
    for place, module in zip(PAGES, MODULES, strict=True):
        for name, hint in vars(module).items():
            if is_typeddict(hint) and hint.__module__ == module.__name__ and not name.startswith("_"):
                own[hint], homes[hint] = name, place
    made = {}
    for place in PAGES:
        classes = "".join(f"\n\n{_class(name, hint, own)}" for hint, name in own.items() if homes[hint] == place)
        others = [
            f"from batchctl.api.{other} import {', '.join(names)}\n"
            for other in PAGES
            if other != place
            and (names := sorted(own[h] for h in own if homes[h] == other and re.search(rf"\b{own[h]}\b", classes)))
        ]
        made[ROOT / "batchctl" / "api" / f"{place}.py"] = _HEAD.replace("{others}", "".join(others)) + classes
    return made


def _class(name: str, hint: Any, own: dict[Any, str]) -> str:
    lines = [f"class {name}(Record):"]
    text = (hint.__doc__ or "").strip()
    if text and not text.startswith("dict("):
        lines += [f'    """{" ".join(text.split())}"""', ""]
    fields = get_type_hints(hint, include_extras=True)
    # Of annotations that are text, __required_keys__ does not see what says NotRequired.
    there = {key for key in hint.__required_keys__ if get_origin(fields[key]) is not NotRequired}
    kinds = {key: get_args(kind)[0] if get_origin(kind) is NotRequired else kind for key, kind in fields.items()}
    required = {key: kind for key, kind in kinds.items() if key in there}
    optional = {key: kind for key, kind in kinds.items() if key not in there}
    for key, kind in required.items():
        lines.append(f"    {attribute(key)}: {_spelt(kind, own, instant=_is_instant(hint, key))}")
    for key, kind in optional.items():
        spelt = _spelt(kind, own, instant=_is_instant(hint, key))
        lines.append(f"    {attribute(key)}: {spelt if spelt.endswith('| None') else f'{spelt} | None'} = None")
    return "\n".join(lines) + "\n"


def _is_instant(hint: Any, key: str) -> bool:
    return hint not in AS_WRITTEN and (key in INSTANTS or key.endswith(("_at", "_between")))


def _spelt(kind: Any, own: dict[Any, str], *, instant: bool = False) -> str:
    origin, inside = get_origin(kind), get_args(kind)
    if origin in {Union, UnionType}:
        return " | ".join(_spelt(each, own, instant=instant) for each in inside)
    if origin is list:
        return f"tuple[{_spelt(inside[0], own, instant=instant)}, ...]"
    if origin is dict:
        return f"Mapping[str, {_spelt(inside[1], own)}]"
    if origin is Literal:
        return f"Literal[{', '.join(map(repr, inside))}]".replace("'", '"')
    if kind is NoneType or kind is None:
        return "None"
    if kind is Any:
        return "Any"
    if is_typeddict(kind):
        return own[kind]
    return "datetime" if instant and kind is str else str(kind.__name__)


def write() -> None:
    """Write the pages in the project's form."""
    for path, text in pages().items():
        path.write_text(text, encoding="utf-8")
    paths = [str(path) for path in pages()]
    subprocess.run([sys.executable, "-m", "ruff", "check", "-q", "--fix", *paths], check=True)
    subprocess.run([sys.executable, "-m", "ruff", "format", "-q", *paths], check=True)


if __name__ == "__main__":
    write()
