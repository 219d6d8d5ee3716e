"""The rules of the house, checked on the source: who may import whom, and which room may call what.

`package_source.read` parses a package once; every rule takes that house and yields what breaks it. They guard against
drift, not against malice.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from package_source import House, is_under

ROOMS: tuple[str, ...] = (
    "step",
    "call",
    "base",
    "core",
    "process",
    "store",
    "config",
    "crontab",
    "notify",
    "engine",
    "watch",
    "answers",
    "present",
    "api",
    "web",
    "commands",
    "",
    "__main__",
)
"""From the ground up, one rank each: a room may import from itself and from those before it."""

CORE: tuple[str, ...] = (
    "text",
    "time",
    "limits",
    "attempt",
    "model",
    "parameters",
    "statistics",
    "outcome",
    "run",
    "retention",
    "events",
    "guard",
    "stories",
    "foresight",
    "judge",
    "advise",
)
"""The same within core."""

DOORS = ("__main__", "__init__", "step", "call")
"""The only modules directly below the package."""
EXPORTED = ("Batchctl", "Skipped", "after", "at", "cron", "daily", "every", "guard", "job")
"""What `import batchctl` gives: a room of that name would rebind it as soon as it is imported."""

_ABOVE = {"base", "answers", "present", "commands"}
"""What a command may import."""
_BELOW = {
    "present": {"base", "core", "answers", "present"},
    "api": {"base", "core", "answers", "present", "api", "step"},
    "web": {"base", "core", "answers", "present", "api", "web"},
}


def _of(module: str, names: str) -> tuple[str, ...]:
    return tuple(f"{module}.{name}" for name in names.split())


_CLOCK = (
    *_of("time", "time time_ns monotonic monotonic_ns perf_counter perf_counter_ns process_time thread_time"),
    *_of("time", "clock_gettime clock_gettime_ns gmtime() localtime() ctime() asctime() strftime()"),
    *("datetime.datetime.now", "datetime.datetime.utcnow", "datetime.datetime.today", "datetime.date.today"),
    "batchctl.base.clock",
)
_FILES = (
    *("builtins.open", "fcntl", "glob", "io.open", "io.FileIO", "mmap", "pathlib", "shutil", "sqlite3", "tempfile"),
    *_of(
        "os", "open fdopen read write stat lstat fstat access listdir scandir walk mkdir makedirs remove unlink rename"
    ),
    *_of("os", "replace rmdir link symlink readlink chmod chown truncate utime fsync"),
    *_of("os.path", "exists lexists isfile isdir islink getsize getmtime realpath samefile expanduser"),
    *_of("batchctl.base", "files paths state_dir"),
)
_ENVIRONMENT = _of("os", "environ environb getenv getenvb putenv getcwd uname")
_PROCESSES = (
    *("subprocess", "multiprocessing", "pty", "concurrent.futures.ProcessPoolExecutor"),
    *_of("os", "fork forkpty posix_spawn posix_spawnp system popen execl execle execlp execlpe execv execve execvp"),
    *_of("os", "execvpe spawnl spawnle spawnlp spawnlpe spawnv spawnve spawnvp spawnvpe kill killpg abort wait wait3"),
    *_of("os", "wait4 waitid waitpid pidfd_open setsid setpgid"),
    *_of("signal", "pidfd_send_signal raise_signal pthread_kill"),
    *_of("asyncio", "create_subprocess_exec create_subprocess_shell"),
)
_SOCKETS = (
    *("socket", "ssl", "http.client", "http.server", "urllib.request", "smtplib", "selectors", "httpx"),
    *_of("asyncio", "open_connection open_unix_connection start_server start_unix_server"),
)
_DECIDING = ("guard.decide", "guard.selection", "guard.plan", "foresight", "judge", "advise")
"""The rooms of core whose functions answer a question instead of giving a value its form."""

_STATEMENT = re.compile(
    r"\s*(select\s.+\sfrom\s|select\s+(\*|\d|count|max|min)|with\s+(recursive\s+)?\w+\s*(\([^)]*\)\s*)?as\s*\(|"
    r"insert\s+(or\s+\w+\s+)?into\s|update\s+\w+\s+set\s|delete\s+from\s|replace\s+into\s|pragma\s|attach\s|vacuum\b|"
    r"(create|drop|alter)\s+(\w+\s+)*(table|index|view|trigger)\s|begin(\s+\w+)?\s*$|(commit|rollback)\s*$)",
    re.IGNORECASE | re.DOTALL,
)

LIBRARIES = {
    "rich": {"present"},
    "sqlite_utils": {"store"},
    "filelock": {"store", "config", "crontab"},
    "croniter": {"core"},
    "msgspec": {"config", "api", "web"},
    "tomllib": {"config"},
    "tomlkit": {"config", "present"},
    "apprise": {"notify"},
    "jinja2": {"present", "web"},
    "markupsafe": {"present", "web"},
    "starlette": {"web"},
    "uvicorn": {"web"},
    "typer": {"commands"},
    "click": {"commands"},
}
"""The rooms that each library is known to, whatever lies between."""
_CORE_IMPORTS = (
    *("__future__", "bisect", "collections", "croniter", "datetime", "difflib", "functools", "hashlib", "heapq"),
    *("itertools", "json", "math", "operator", "re", "statistics", "typing", "zoneinfo"),
)
_CORE_BASE = ("base.duration", "base.errors", "base.record", "base.said")

LONGEST_MODULE = 400


class Broken(NamedTuple):
    """One breach of a rule."""

    rule: str
    module: str
    what: str

    def __str__(self) -> str:
        """Say it in a line, as `EXCEPTIONS` does."""
        return f"{self.rule}: {self.module or 'batchctl'} {self.what}"


def ranks(house: House) -> Iterator[Broken]:
    """Every room has one rank, and so has every room within core; nobody imports from above, not even a type."""
    for module in house.values():
        if module.room == "jobs":
            continue
        for other in sorted(module.arrows):
            if house[other].room == "jobs":
                continue  # see `floors`
            if module.room == house[other].room == "core":
                order, mine, theirs = CORE, module.name.split(".")[1:2], other.split(".")[1:2]
            else:
                order, mine, theirs = ROOMS, [module.room], [house[other].room]
            if not {*mine, *theirs} <= {*order}:
                yield Broken("rank", module.name, f"imports {other}: one of them has no rank")
            elif mine and theirs and order.index(mine[0]) < order.index(theirs[0]):
                yield Broken("rank", module.name, f"imports {other}, which lies above it")


def circles(house: House) -> Iterator[Broken]:
    """No module reaches itself again over what it imports, inside functions and for types included."""
    left = {name: set(module.arrows) for name, module in house.items()}
    while ends := [name for name, arrows in left.items() if not arrows & left.keys()]:
        for name in ends:
            del left[name]
    reached = {name: _reached(name, left) for name in left}
    rings = {tuple(sorted(other for other in reached[name] if name in reached[other])) for name in left}
    for ring in sorted(ring for ring in rings if ring):
        yield Broken("circle", ring[0], "reaches itself by " + ", ".join(ring[1:]))


def _reached(start: str, arrows: dict[str, set[str]]) -> set[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        new = (arrows[ahead.pop()] & arrows.keys()) - found
        found |= new
        ahead += new
    return found


def doors(house: House) -> Iterator[Broken]:
    """Nothing but the four doors stands directly below the package, and nothing there hides what `import` gives."""
    for name, module in house.items():
        if "." not in name and name and module.path.name != "__init__.py" and name not in DOORS:
            yield Broken("door", name, "stands loose below the package")
        if name in EXPORTED:
            yield Broken("door", name, "has the name of something that `import batchctl` gives")
        if name and "." not in name and name not in (*ROOMS, "jobs"):
            yield Broken("door", name, "is no room of the house")


def floors(house: House) -> Iterator[Broken]:
    """Commands and renderers know the answers and nothing below; the presets' programs know what any program does."""
    for module in house.values():
        if module.room in {"commands", "present", "api", "web", "__main__"}:
            # An answer is made of values of the floors below: a renderer may name their types and the forms of core.
            allowed = _BELOW.get(module.room, _ABOVE)
            seen = module.run_time if module.room == "present" else module.arrows
            for other in sorted(seen):
                if house[other].room not in {"", *allowed}:
                    yield Broken("floor", module.name, f"reaches past the answers to {other}")
        elif module.room == "jobs":
            for other in sorted(module.arrows):
                if other and house[other].room not in {"step", "jobs"}:
                    yield Broken("floor", module.name, f"uses {other}, which no program of a step is offered")
        elif "jobs" in {house[other].room for other in module.arrows}:
            yield Broken("floor", module.name, "imports a program of a preset")


class Ban(NamedTuple):
    """What certain rooms may not call; `only` names the rooms that alone may, otherwise `rooms` may not."""

    rule: str
    names: tuple[str, ...]
    rooms: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()


BANS = (
    Ban("clock", _CLOCK, rooms=frozenset({"core", "present", "commands"})),
    Ban("clock", ("time.sleep", "threading", "select"), rooms=frozenset({"core", "present"})),
    Ban("file", _FILES, rooms=frozenset({"core", "present", "commands"})),
    Ban("environment", _ENVIRONMENT, rooms=frozenset({"core", "present"})),
    Ban("process", _PROCESSES, only=frozenset({"process", "jobs"})),
    Ban("socket", _SOCKETS, only=frozenset({"process", "notify", "call", "jobs", "web"})),
)


def calls(house: House) -> Iterator[Broken]:
    """No clock, file, process or socket where none belongs."""
    for module in house.values():
        for ban in BANS:
            if module.room in ban.rooms or (ban.only and module.room not in ban.only):
                for use in _outermost(use for use in module.uses if any(is_under(use, name) for name in ban.names)):
                    yield Broken(ban.rule, module.name, f"uses {use}")


def _outermost(uses: Iterable[str]) -> list[str]:
    """Leave out `a` where `a.b` stands, which says the same more exactly."""
    found = set(uses)
    return sorted(use for use in found if not any(other.startswith(f"{use}.") for other in found))


def purity(house: House) -> Iterator[Broken]:
    """Core imports values and arithmetic only."""
    for module in house.values():
        if module.room == "core":
            for full in sorted(module.foreign):
                if full.partition(".")[0] not in _CORE_IMPORTS:
                    yield Broken("pure", module.name, f"imports {full}")
            for other in sorted(module.arrows):
                if house[other].room == "base" and other not in _CORE_BASE:
                    yield Broken("pure", module.name, f"imports {other}")


def decisions(house: House) -> Iterator[Broken]:
    """Let a renderer call no function that decides, foretells, judges or advises."""
    for module in house.values():
        if module.room != "present":
            continue
        for use in sorted(module.uses):
            name = use.removeprefix("batchctl.")
            where, _, last = name.rpartition(".")
            answers = any(is_under(where, f"core.{room}") for room in _DECIDING)
            if answers and where in house and name not in house and last[0].islower():
                yield Broken("decision", module.name, f"uses {use}")


def statements(house: House) -> Iterator[Broken]:
    """Keep SQL in the store: no text elsewhere is a statement, and nobody else executes one."""
    for module in house.values():
        if module.room in {"store", "jobs"}:
            continue
        prose = {id(node.value) for node in module.nodes if isinstance(node, ast.Expr)}
        for node in module.nodes:
            text = _text(node) if id(node) not in prose else ""
            if _STATEMENT.match(text):
                yield Broken("sql", module.name, f"says {' '.join(text.split())[:40]!r}")
            if isinstance(node, ast.Attribute) and node.attr in {"execute", "executemany", "executescript"}:
                yield Broken("sql", module.name, f"calls {node.attr}")


def _text(node: ast.AST) -> str:
    """Return a text as far as it is written down; `x` stands for what is put in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) or "x" for part in node.values)
    return ""


def libraries(house: House) -> Iterator[Broken]:
    """Each library is known to its rooms only."""
    for module in house.values():
        found = {full.partition(".")[0] for full in module.foreign}
        for library in sorted(found & LIBRARIES.keys()):
            if module.room not in {*LIBRARIES[library], "jobs"}:
                yield Broken("library", module.name, f"imports {library}")


def sizes(house: House) -> Iterator[Broken]:
    """No module is longer than a person reads at once."""
    for module in house.values():
        lines = module.path.read_text(encoding="utf-8").count("\n")
        if lines > LONGEST_MODULE:
            yield Broken("size", module.name, f"has {lines} lines")


Rule = Callable[[House], Iterator[Broken]]
RULES: tuple[Rule, ...] = (
    ranks,
    circles,
    doors,
    floors,
    calls,
    purity,
    decisions,
    statements,
    libraries,
    sizes,
)


EXCEPTIONS = {
    "pure: core.time.zones imports time": "gmtime() and strftime() of an instant given",
    "floor: __main__ reaches past the answers to process.utf8": "the encoding has to be right before anything is read",
    "floor: commands.sample_server reaches past the answers to jobs.sample.server": "it is that program, as a command",
    "environment: present.text uses os.environ.get": "the locale of the terminal that it writes to",
    "file: present.html uses builtins.open": "its own style sheets, which are as much code as its templates",
}
"""What a rule would forbid and a reason allows."""


def broken(house: House) -> list[str]:
    """Return a line for every breach of every rule that has no reason, in order and once each."""
    return sorted(_lines(house) - EXCEPTIONS.keys())


def idle_exceptions(house: House) -> list[str]:
    """Return the exceptions that nothing needs any more."""
    return sorted(EXCEPTIONS.keys() - _lines(house))


def _lines(house: House) -> set[str]:
    return {str(each) for rule in RULES for each in rule(house)}


def function_lengths(house: House, *, without: str = "jobs") -> list[int]:
    """Return the length of every function outside one room, in lines, in ascending order."""
    return sorted(
        (node.end_lineno or node.lineno) - node.lineno + 1
        for module in house.values()
        if module.room != without
        for node in module.nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
