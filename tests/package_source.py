"""A package read from its source: what each module imports, and every name that it mentions, resolved.

Names are resolved through the imports of each module, so `from os import fork as split` is still `os.fork`. What cannot
be seen in the source, such as `getattr(os, "fo" + "rk")`, is out of reach.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_TAKES_NOW = {"time.gmtime": 0, "time.localtime": 0, "time.ctime": 0, "time.asctime": 0, "time.strftime": 1}
"""With no more than so many arguments they read the clock."""


class Module(NamedTuple):
    """One file of the package; `name` is dotted and begins below the package ("" is the package itself)."""

    name: str
    path: Path
    nodes: tuple[ast.AST, ...]
    arrows: frozenset[str]
    """The other modules of the package that it imports anywhere, for types too."""
    run_time: frozenset[str]
    """The same without what it imports for types."""
    foreign: frozenset[str]
    """What it imports from elsewhere, in full, for types too."""
    uses: frozenset[str]
    """Every name that it imports or mentions at run time, in full: `os.fork`, `builtins.open`."""

    @property
    def room(self) -> str:
        """Return the room that it lies in."""
        return self.name.partition(".")[0]


House = dict[str, Module]
"""The modules of a package by name."""


def read(package: Path) -> House:
    """Parse every module of a package."""
    paths = {
        ".".join(path.relative_to(package).with_suffix("").parts).removesuffix("__init__").removesuffix("."): path
        for path in package.rglob("*.py")
    }
    return {name: _module(name, path, package.name, paths.keys()) for name, path in sorted(paths.items())}


def _module(name: str, path: Path, package: str, names: Iterable[str]) -> Module:
    nodes = tuple(_walk(ast.parse(path.read_text(encoding="utf-8")), typed=False))
    own = f"{package}.{name}".rstrip(".").split(".")
    here = own if path.name == "__init__.py" else own[:-1]
    known: dict[str, set[str]] = {}
    run_time: set[str] = set()
    anywhere: set[str] = set()
    for node, typed in nodes:
        for local, full in _imported(node, here):
            anywhere.add(full)
            if not typed:
                run_time.add(full)
                known.setdefault(local, set()).add(full)
    uses = run_time | {use for node, _ in nodes for use in _mentioned(node, known)}

    def ours(found: Iterable[str]) -> frozenset[str]:
        return frozenset(_target(full, package, names) for full in found if is_under(full, package)) - {name}

    foreign = frozenset(full for full in anywhere if not is_under(full, package))
    plain = tuple(node for node, _ in nodes)
    return Module(name, path, plain, ours(anywhere), ours(run_time), foreign, frozenset(uses))


def _walk(node: ast.AST, *, typed: bool) -> Iterator[tuple[ast.AST, bool]]:
    """Yield every node below one, and whether it is there for types only."""
    for child in ast.iter_child_nodes(node):
        for_types = isinstance(node, ast.If) and child in node.body and "TYPE_CHECKING" in ast.dump(node.test)
        yield child, typed or for_types
        yield from _walk(child, typed=typed or for_types)


def _imported(node: ast.AST, here: list[str]) -> Iterator[tuple[str, str]]:
    """Yield what an import statement binds: the local name, and what it means in full."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            full = alias.name if alias.asname else alias.name.partition(".")[0]
            yield alias.asname or full, full
            yield "", alias.name
    elif isinstance(node, ast.ImportFrom):
        above = here[: len(here) - node.level + 1] if node.level else []
        source = ".".join([*above, *filter(None, [node.module])])
        for alias in node.names:
            yield alias.asname or alias.name, f"{source}.{alias.name}"


def _target(full: str, package: str, names: Iterable[str]) -> str:
    """Return the module that an imported name means or lies in."""
    name = full.removeprefix(package).removeprefix(".")
    while name not in names:
        name = name.rpartition(".")[0]
    return name


def _mentioned(node: ast.AST, known: dict[str, set[str]]) -> Iterator[str]:
    """Yield what a name or a dotted name means in full; with `()` where a call leaves out the instant."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):
        for use in _mentioned(node.func, known):
            if len(node.args) + len(node.keywords) <= _TAKES_NOW.get(use, -1):
                yield f"{use}()"
        return
    rest: list[str] = []
    while isinstance(node, ast.Attribute):
        rest.insert(0, node.attr)
        node = node.value
    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
        for full in known.get(node.id, {f"builtins.{node.id}"}):
            yield ".".join([full, *rest])


def is_under(name: str, above: str) -> bool:
    """Say whether a dotted name is another one or lies below it."""
    return name == above or name.startswith(f"{above}.")
