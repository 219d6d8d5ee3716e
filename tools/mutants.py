"""How much the tests of the guard notice: change one thing at a time, run the tests that should mind, count.

    make mutants                                all of it
    python tools/mutants.py --quick             an even sample that takes some minutes
    python tools/mutants.py core/time/cron.py   one module

A driver of our own, because both that exist were tried here and leave out what matters. mutmut 3 changes nothing
outside functions and nothing inside SQL, and its wrappers import mutmut into modules whose tests pin what they import.
cosmic-ray rewrites the working tree, starts an interpreter for each of 4,100 mutants (most of which swap `+` for `<<`,
`**` and the like) and does not look into SQL either. Here every mutant is one change in a copy, tests run in a child
forked from a process that has imported pytest but nothing of batchctl, and what they start runs the copy too.

Equivalent mutants stand in tools/equivalent_mutants.toml with the reason; they are not counted.
"""

from __future__ import annotations

import argparse
import ast
import ctypes
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import hypothesis.stateful  # noqa: F401 - with pytest the slowest import of a test; every child has it from here
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import NoReturn

ROOT = Path(__file__).parent.parent
EQUIVALENT = ROOT / "tools" / "equivalent_mutants.toml"
AIM = 0.92
_SAMPLE = 160
_PR_SET_CHILD_SUBREAPER = 36

TARGETS = {
    "core/guard/decide.py": ("core/guard/test_checks.py", "core/guard/test_decide.py"),
    "core/guard/plan.py": ("core/guard/test_plan.py",),
    "core/guard/selection.py": ("core/guard/test_selection.py",),
    "core/time/cadence.py": ("core/time/test_cadence.py",),
    "core/time/cron.py": ("core/time/test_cron.py", "core/time/test_schedule.py"),
    "core/time/periods.py": ("core/time/test_periods.py",),
    "core/time/schedule.py": ("core/time/test_schedule.py",),
    "core/time/shift_zone.py": ("core/time/test_shift_zone.py",),
    "core/time/zones.py": ("core/time/test_zones.py",),
    "store/guard.py": ("store/test_guard.py",),
    "store/lockfile.py": ("store/test_lockfile.py",),
    "store/runs.py": ("store/test_runs.py",),
    "engine/file_lease.py": ("engine/test_start.py",),
    "engine/state.py": ("engine/test_start.py", "engine/test_fire.py"),
    "engine/start.py": ("engine/test_start.py", "engine/test_fire.py"),
    "engine/fire.py": ("engine/test_start.py", "engine/test_fire.py"),
}
"""Each module with the tests that should notice whatever happens to it."""


class Mutant(NamedTuple):
    """One change: the text from `start` to `end` of a module becomes `new`."""

    path: str
    line: int
    start: int
    end: int
    new: str

    def shown(self, source: str) -> tuple[str, str]:
        """Return the changed line before and after, on one line each."""
        first = source.rfind("\n", 0, self.start) + 1
        last = source.find("\n", self.end)
        before, after = source[first:last], source[first : self.start] + self.new + source[self.end : last]
        return " ".join(before.split()), " ".join(after.split())


_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.FloorDiv,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
}
_CALLED = {"min": "max", "max": "min", "any": "all", "all": "any", "floor": "ceil", "ceil": "floor"}

_IS_SQL = re.compile(
    r"\b(select\b.*\bfrom|insert into|insert or|update\b.*\bset|delete from)\b|^\W*(and|where) ", re.DOTALL
)
_IN_SQL = (
    *((r"<=", "<"), (r">=", ">"), (r"<(?![=>])", "<="), (r"(?<![<])>(?!=)", ">="), (r"<>", "="), (r" = ", " <> ")),
    *(
        (r"\band\b", "or"),
        (r"\bor\b(?! (ignore|replace))", "and"),
        (r"\bis not\b", "is"),
        (r"\bis\b(?! not)", "is not"),
    ),
    *((r"\bnot (?=in\b|exists\b)", ""), (r"\bexists\b", "not exists"), (r" desc\b", ""), (r"\bmax\(", "min(")),
    *((r"\bmin\(", "max("), (r" \+ ", " - "), (r" - ", " + "), (r"(?<!limit )(?<!select )\b1\b", "2"), (r"\b0\b", "1")),
)
"""What is changed in a statement; `=` of an assignment stays, since `<>` there is no SQL, `limit 1`, which is
there for speed: its one row is fetched, and the 1 of `select 1`, which stands for any value."""


def mutants(path: str, source: str) -> list[Mutant]:
    """Return every change that is made to a module, in the order of its lines."""
    starts = [0]
    for line in source.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    lines = source.splitlines()

    def place(line: int, column: int) -> int:
        return starts[line - 1] + len(lines[line - 1].encode()[:column].decode())

    def span(node: _Placed) -> tuple[int, int]:
        return place(node.lineno, node.col_offset), place(node.end_lineno or node.lineno, node.end_col_offset or 0)

    found = {
        Mutant(path, node.lineno, *span(node), new)
        for whole in _code(ast.parse(source))
        for node, new in _changes(whole)
    }
    for node in _code(ast.parse(source)):
        if _is_text(node) and _IS_SQL.search(_said(node)):
            start, end = span(node)
            for a, b, new in _in_statement(source[start:end]):
                found.add(Mutant(path, source.count("\n", 0, start + a) + 1, start + a, start + b, new))
    return sorted(found, key=lambda each: (each.start, each.end, each.new))


_Placed = ast.expr | ast.stmt


def _code(node: ast.AST) -> Iterator[_Placed]:
    """Yield what runs: no docstrings, no annotations, nothing for types, nothing inside an f-string."""
    if isinstance(node, ast.expr | ast.stmt):
        yield node
    if isinstance(node, ast.JoinedStr):
        return  # Python 3.11 does not say where in the text its parts stand
    for name, value in ast.iter_fields(node):
        if name in {"annotation", "returns", "decorator_list"}:
            continue
        for child in value if isinstance(value, list) else [value]:
            prose = isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant)
            types = isinstance(child, ast.If) and isinstance(child.test, ast.Name) and child.test.id == "TYPE_CHECKING"
            index = isinstance(node, ast.Subscript) and isinstance(child, ast.Constant)
            flag = isinstance(child, ast.Assign) and ast.unparse(child) == "TYPE_CHECKING = False"
            net = isinstance(child, ast.keyword) and child.arg == "strict"  # of zip(): like assert, it never speaks
            if isinstance(child, ast.AST) and not (prose or types or index or flag or net):
                yield from _code(child)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def _said(node: ast.AST) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(map(_said, node.values))
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else " x "


def _in_statement(text: str) -> Iterator[tuple[int, int, str]]:
    assigned = [match.span() for match in re.finditer(r"\bset\b.*?(\bwhere\b|$)", text, re.DOTALL)]
    for pattern, new in _IN_SQL:
        for match in re.finditer(pattern, text):
            comment = "#" in text[text.rfind("\n", 0, match.start()) + 1 : match.start()]
            if not comment and (pattern != " = " or not any(a <= match.start() < b for a, b in assigned)):
                yield match.start(), match.end(), new


def _changes(node: _Placed | ast.comprehension) -> Iterator[tuple[_Placed, str]]:
    """Yield what could stand where this node, or the condition of it, stands."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant) and isinstance(node.slice.value, int):
        yield node.slice, repr(node.slice.value + 1)
    match node:
        case ast.If(test=test) | ast.While(test=test) | ast.IfExp(test=test) if not _turns_anyway(test):
            yield test, f"(not ({ast.unparse(test)}))"
        case ast.comprehension(ifs=conditions):
            yield from ((condition, "True") for condition in conditions)
    if not isinstance(node, ast.comprehension):
        yield from ((node, new) for new in (*_instead(node), *_instead_of_statement(node)))


def _turns_anyway(test: ast.expr) -> bool:
    """Say whether one of the other changes already is the negation."""
    exact = ast.Eq | ast.NotEq | ast.Is | ast.IsNot | ast.In | ast.NotIn
    return isinstance(test, ast.UnaryOp) or (isinstance(test, ast.Compare) and isinstance(test.ops[0], exact))


def _instead(node: _Placed) -> Iterator[str]:
    match node:
        case ast.Compare(ops=ops):
            for position, operator in enumerate(ops):
                changed = [*ops[:position], _COMPARED[type(operator)](), *ops[position + 1 :]]
                yield f"({ast.unparse(ast.Compare(node.left, changed, node.comparators))})"
        case ast.BoolOp(op=operator, values=values):
            yield f"({ast.unparse(ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values))})"
            for position in range(len(values)):
                rest = [*values[:position], *values[position + 1 :]]
                yield f"({ast.unparse(rest[0] if len(rest) == 1 else ast.BoolOp(operator, rest))})"
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield f"({ast.unparse(operand)})"
        case ast.BinOp(op=operator) if type(operator) in _COMPUTED:
            yield f"({ast.unparse(ast.BinOp(node.left, _COMPUTED[type(operator)](), node.right))})"
        case ast.Constant(value=bool() | int() | float() as value):
            yield from _instead_of_number(value)
        case ast.Call(func=ast.Name(id=name)) if name in _CALLED:
            yield ast.unparse(ast.Call(ast.Name(_CALLED[name]), node.args, node.keywords))


def _instead_of_number(value: float) -> Iterator[str]:
    if isinstance(value, bool):
        yield str(not value)
        return
    yield repr(value + 1)
    if value > 1:
        yield repr(value - 1)


def _instead_of_statement(node: _Placed) -> Iterator[str]:
    match node:
        case ast.Expr(value=ast.Call()) | ast.Raise() | ast.AugAssign():
            yield "pass"
        case ast.Return(value=value) if value is not None and not isinstance(value, ast.Constant):
            yield "return None"
        case ast.Continue():
            yield "break"
        case ast.Break():
            yield "continue"


_TRACKED = ("/usr/bin/env", "git", "ls-files", "-z")
_OPTIONS = (
    *("-x", "-q", "-m", "not slow", "--hypothesis-seed=0"),
    *("-p", "no:cacheprovider", "-p", "no:xdist"),
    "--assert=plain",  # a failure is not looked at, and hypothesis is imported already
)


class Bench:
    """A copy of the repository in which one mutant at a time is tried; one in each process of the pool."""

    def __init__(self, place: Path) -> None:
        """Copy what tests need, compiled, so that only what changes is compiled again."""
        self._place = place
        tracked = subprocess.run(_TRACKED, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        for name in filter(None, tracked.split("\0")):
            target = place / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, target)
        subprocess.run([sys.executable, "-m", "compileall", "-q", "batchctl"], cwd=place, check=True)
        os.environ |= {"PYTHONPATH": str(place), "PYTHONDONTWRITEBYTECODE": "1"}
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)

    def notices(self, mutant: Mutant, source: str, limit: float) -> bool:
        """Say whether the module's tests fail, or do not end within `limit` seconds, with this change."""
        module = self._place / "batchctl" / mutant.path
        for compiled in (module.parent / "__pycache__").glob(f"{module.stem}.*"):
            compiled.unlink()
        module.write_text(source[: mutant.start] + mutant.new + source[mutant.end :], encoding="utf-8")
        try:
            return not self.passes(TARGETS[mutant.path], limit)
        finally:
            module.write_text(source, encoding="utf-8")

    def passes(self, tests: Sequence[str], limit: float) -> bool:
        """Run tests in a child, and end whatever they leave behind."""
        child = os.fork()
        if child == 0:
            self._test(tests)
        pidfd = os.pidfd_open(child)
        ended, _, _ = select.select([pidfd], [], [], limit)
        os.close(pidfd)
        if not ended:
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        _end_children()
        return os.waitstatus_to_exitcode(status) == 0

    def _test(self, tests: Sequence[str]) -> NoReturn:
        os.setsid()
        os.chdir(self._place)
        sys.path.insert(0, str(self._place))
        output = os.open(self._place / "output", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(output, 1)
        os.dup2(output, 2)
        code = 3
        try:
            code = int(pytest.main([*_OPTIONS, *(f"tests/{test}" for test in tests)]))
            sys.stdout.flush()
        finally:
            os._exit(code)


def _end_children() -> None:
    """Kill and reap every child of this process, and theirs, which become its own as their parents end."""
    while True:
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text(encoding="ascii").split()
        if not children:
            return
        for pid in map(int, children):
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


_bench: Bench


def _begin(place: str) -> None:
    global _bench  # noqa: PLW0603 - one per process of the pool
    _bench = Bench(Path(tempfile.mkdtemp(dir=place)))


def _baseline(tests: Sequence[str]) -> tuple[Sequence[str], float | None]:
    began = time.monotonic()
    passed = _bench.passes(tests, 600)
    return tests, time.monotonic() - began if passed else None


def _try(asked: tuple[Mutant, str, float]) -> tuple[Mutant, bool]:
    return asked[0], _bench.notices(*asked)


def _equivalent() -> set[tuple[str, str, str]]:
    entries = tomllib.loads(EQUIVALENT.read_text(encoding="utf-8"))["mutant"]
    return {(each["path"], each["before"], each["after"]) for each in entries}


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modules", nargs="*", help=f"of {', '.join(TARGETS)}", metavar="MODULE")
    parser.add_argument("--quick", action="store_true", help=f"an even sample of {_SAMPLE}")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="how many at a time")
    asked = parser.parse_args()
    if unknown := {*asked.modules} - TARGETS.keys():
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    return asked


def main() -> int:
    """Try the mutants and say which nobody noticed; 1 where the aim is missed, 2 where tests fail without any."""
    asked = _asked()
    sources = {path: (ROOT / "batchctl" / path).read_text(encoding="utf-8") for path in asked.modules or TARGETS}
    known = _equivalent()
    todo = [
        mutant
        for path, source in sources.items()
        for mutant in mutants(path, source)
        if (path, *mutant.shown(source)) not in known
    ]
    if asked.quick:
        todo = todo[:: max(1, len(todo) // _SAMPLE)]
    with (
        tempfile.TemporaryDirectory(prefix="mutants-") as place,
        get_context("fork").Pool(asked.jobs, _begin, (place,)) as pool,
    ):
        took = dict(pool.imap(_baseline, {TARGETS[path] for path in sources}, chunksize=1))
        if failing := [" ".join(tests) for tests, seconds in took.items() if seconds is None]:
            print("fails without a mutant:", *failing)
            return 2
        limits = {path: 10 + 5 * (took[TARGETS[path]] or 0) for path in sources}
        questions = [(mutant, sources[mutant.path], limits[mutant.path]) for mutant in todo]
        found = list(_told(pool.imap(_try, questions, chunksize=1), sources))
    for path in sources:
        of_module = [noticed for mutant, noticed in found if mutant.path == path]
        print(f"{path}: {sum(of_module)} of {len(of_module)} noticed")
    share = sum(noticed for _, noticed in found) / len(found)
    print(f"all: {share:.1%} of {len(found)}, aim {AIM:.0%}; {len(known)} more are equivalent")
    return share < AIM


def _told(found: Iterable[tuple[Mutant, bool]], sources: Mapping[str, str]) -> Iterator[tuple[Mutant, bool]]:
    for mutant, noticed in found:
        if not noticed:
            before, after = mutant.shown(sources[mutant.path])
            print(f"{mutant.path}:{mutant.line}\n  before = {before!r}\n  after  = {after!r}", flush=True)
        yield mutant, noticed


if __name__ == "__main__":
    sys.exit(main())
