"""Looks after the Korean of what people read: `python tools/messages.py` says what is missing and compiles the rest.

The messages are those that the code says: what stands in calls of `say` and `said`, the sentences of the guard's
checks, headers of tables, and the words of the contract (statuses, reasons, conditions) that are shown to people.
"""

from __future__ import annotations

import ast
import re
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "batchctl"
PO = PACKAGE / "locale" / "ko" / "LC_MESSAGES" / "batchctl.po"
MO = PO.with_suffix(".mo")
_SAYING = {"say", "said", "_passed", "_failed", "table", "data_table", "counted", "_more"}
_SAID_LATER = {"template", "quiet", "many", "FIRST_STEPS"}
"""Names of variables that hold a message until it is said."""
_PLACE = re.compile(r"%(?:\((\d+)\))?[-+0-9.,]*([sdgf%])")
_IN_TEMPLATE = re.compile(r"""_\(\s*("(?:[^"\\]|\\.)*")""")


def messages() -> set[str]:
    """Return every message that the package may say."""
    found = set(_vocabulary())
    for path in PACKAGE.rglob("*.py"):
        # The programs of presets speak for themselves, and commands/ says nothing by itself.
        if path.relative_to(PACKAGE).parts[0] not in {"jobs", "commands"}:
            found.update(_in_module(path))
    for path in PACKAGE.rglob("*.j2"):
        found.update(ast.literal_eval(text) for text in _IN_TEMPLATE.findall(path.read_text(encoding="utf-8")))
    return {text for text in found if re.search("[A-Za-z]{2}", text)}


def _vocabulary() -> Iterator[str]:
    from batchctl.config.alerting import CONDITIONS
    from batchctl.core import model
    from batchctl.core.guard import decide
    from batchctl.core.judge.findings import SEVERITIES

    states = {"idle", "running", "paused", "disabled", "start", "skip", "stale", "pending", "blocked", "skipped"}
    for name in {*CONDITIONS, *model.RUN_STATUSES, *decide.NAMES, *SEVERITIES, *states}:
        yield name.replace("_", " ")
    yield from ("healthy", "degraded", "unhealthy")
    yield from ("sent", "waiting", "suppressed", "planned", "ok", "error")
    yield from ("add %s", "change %s", "take out %s")
    # Periods of a report, and what its page makes of the headers of the table.
    yield from ("Weeks", "Months", "Week", "Month", "Ok", "Avg", "Max", "Every")


def _in_module(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _in_call(node)
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            name = node.targets[0].id
            if name.endswith(("_HEADERS", "_COLUMNS")) and "present" in path.parts:
                yield from (text.removeprefix(">") for text in _strings(node.value))
            elif (
                name.endswith("_TEXTS")
                or name in {"template", "quiet", "many"}
                or (name == "text" and path.stem == "decide")
            ):
                yield from _strings(node.value)


def _in_call(node: ast.Call) -> Iterator[str]:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    if name not in _SAYING or not node.args:
        return
    if name in {"counted", "_more"}:
        yield from (f"%s {text}" for argument in node.args[1:3] for text in _strings(argument))
    elif name in {"table", "data_table"}:
        found = [text for argument in node.args[:2] for text in _strings(argument)]
        yield from (text.removeprefix(">") for text in found)
    else:
        first = node.args[1:2] if name in {"_passed", "_failed"} else node.args[:1]
        yield from (text for argument in first for text in _strings(argument))


def _strings(node: ast.AST) -> Iterator[str]:
    """Yield the texts that an expression may be, not those that it compares with."""
    if isinstance(node, ast.Constant):
        if isinstance(node.value, str):
            yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _strings(node.body)
        yield from _strings(node.orelse)
    elif isinstance(node, ast.Tuple | ast.List | ast.Set):
        for each in node.elts:
            yield from _strings(each)
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from _strings(value)
    elif isinstance(node, ast.Starred):
        yield from _strings(node.value)


def catalogue() -> dict[str, str]:
    """Return the translations of the .po file by message."""
    found: dict[str, str] = {}
    parts: dict[str, str] = {}
    key = ""
    for line in [*PO.read_text(encoding="utf-8").splitlines(), 'msgid ""']:
        word, _, rest = line.partition(" ")
        if word in {"msgid", "msgstr"}:
            if word == "msgid" and parts:
                found[parts["msgid"]] = parts["msgstr"]
                parts = {}
            key, parts[word] = word, ast.literal_eval(rest)
        elif line.startswith('"'):
            parts[key] += ast.literal_eval(line)
    return found


def wrong() -> list[str]:
    """Return what is wrong with the catalogue: what has no translation, is said nowhere, or has lost a fact."""
    wanted, known = messages(), catalogue()
    known.pop("", None)
    complaints = [f"not translated: {text!r}" for text in sorted(wanted - known.keys())]
    complaints += [f"said nowhere: {text!r}" for text in sorted(known.keys() - wanted)]
    for text, korean in known.items():
        facts = [kind for _, kind in _PLACE.findall(text) if kind != "%"]
        places = {int(place) for place, kind in _PLACE.findall(korean) if kind != "%" and place}
        if not korean.strip():
            complaints.append(f"empty: {text!r}")
        elif places != set(range(1, len(facts) + 1)) or any(not p and k != "%" for p, k in _PLACE.findall(korean)):
            complaints.append(f"the facts of {text!r} are not all in {korean!r}")
    return complaints


def compiled() -> bytes:
    """Return the catalogue in the form that gettext reads (the GNU manual, "The Format of GNU MO Files")."""
    entries = sorted((key.encode(), value.encode()) for key, value in catalogue().items())
    keys, values = (b"".join(text + b"\0" for text in column) for column in zip(*entries, strict=True))
    count, start = len(entries), 28 + 16 * len(entries)
    tables, at = [], start
    for column in zip(*entries, strict=True):
        for text in column:
            tables += [len(text), at]
            at += len(text) + 1
    return struct.pack(f"<7I{len(tables)}I", 0x950412DE, 0, count, 28, 28 + 8 * count, 0, 0, *tables) + keys + values


def main() -> int:
    """Say what is wrong, and write the compiled catalogue."""
    MO.write_bytes(compiled())
    complaints = wrong()
    print(*complaints, sep="\n", end="\n" if complaints else "")
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    raise SystemExit(main())
