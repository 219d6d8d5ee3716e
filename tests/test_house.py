"""Each rule of the house finds what breaks it: one planted breach of each kind, in a small house that is in order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import house
import pytest
from package_source import read

if TYPE_CHECKING:
    from pathlib import Path

# In order, with much that only looks like a breach.
_SOUND = {
    "__init__.py": '__version__ = "1"\n',
    "__main__.py": "from batchctl.commands.hello import hello\nhello()\n",
    "step.py": "import json\n",
    "base/record.py": "class Record: ...\n",
    "base/clock.py": "import time\ndef now() -> float:\n    return time.time()\n",
    "core/model.py": (
        '"""Select what you like from here."""\n'
        "import math\n"
        "from batchctl.base.record import Record\n"
        "class Job(Record):\n"
        '    when: float = 0.0\n    """Update it set by set."""\n'
    ),
    "core/time/zones.py": "import time\nlocal = time.gmtime(0.0)\nsaid = time.strftime('%H', local)\n",
    "core/guard/decide.py": (
        "from batchctl.core.model import Job\nclass Check: ...\ndef decide(job: Job) -> Check: ...\n"
    ),
    "process/spawn.py": "import os, socket\nos.fork()\nsocket.socket()\n",
    "store/rows.py": "import sqlite3, sqlite_utils\nQUERY = 'select id from runs'\n",
    "watch/standing.py": (
        "from batchctl.base import clock\nfrom batchctl.store.rows import QUERY\nclass Standing: ...\nnow = clock.now\n"
    ),
    "answers/status.py": "from batchctl.watch.standing import Standing\ndef status() -> Standing: ...\n",
    "present/status.py": (
        "from rich.text import Text\n"
        "open = 'a name that is given, not used'\n"
        "from batchctl.core.guard.decide import Check\n"
        "TYPE_CHECKING = False\n"
        "if TYPE_CHECKING:\n"
        "    from subprocess import Popen\n"
        "    from batchctl.watch.standing import Standing\n"
        "def status(standing: Standing, select: Popen[str] | None) -> str:\n"
        "    return 'select a job, then its steps' + Check().reopen(standing)\n"
    ),
    "commands/hello.py": (
        "import typer\n"
        "from batchctl.answers.status import status\n"
        "def hello() -> None:\n"
        "    from batchctl.present.status import status as shown\n"
        "    shown(status())\n"
    ),
    "jobs/daily/program.py": "import subprocess, sqlite3\nfrom batchctl.step import save\nQ = 'delete from goods'\n",
}


def _broken(tmp_path: Path, planted: dict[str, str]) -> list[str]:
    for name, source in {**_SOUND, **planted}.items():
        path = tmp_path / "batchctl" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
        if path.parent != tmp_path / "batchctl":
            (path.parent / "__init__.py").touch()
    return house.broken(read(tmp_path / "batchctl"))


def test_a_house_in_order_breaks_no_rule(tmp_path: Path) -> None:
    """What only looks like a breach is none: prose, types, arguments, a time that is given, a program of a preset."""
    assert _broken(tmp_path, {}) == []


_FOR_TYPES = "TYPE_CHECKING = False\nif TYPE_CHECKING:\n    "


@pytest.mark.parametrize(
    ("place", "source", "found"),
    [
        # From above: at the top of a module, inside a function, for types, by a relative import, by the package.
        ("store/a.py", "import batchctl.watch.standing\n", "rank: store.a imports watch.standing, which lies above it"),
        ("store/a.py", "def f():\n    from batchctl.watch import standing\n",
         "rank: store.a imports watch.standing, which lies above it"),
        ("store/a.py", _FOR_TYPES + "from batchctl.watch.standing import Standing\n",
         "rank: store.a imports watch.standing, which lies above it"),
        ("store/a.py", "from ..watch.standing import Standing\n",
         "rank: store.a imports watch.standing, which lies above it"),
        ("store/a.py", "from .. import watch\n", "rank: store.a imports watch, which lies above it"),
        # The rooms of core have an order too, and a new one has none until it is given one.
        ("core/time/a.py", "from batchctl.core.guard.decide import Check\n",
         "rank: core.time.a imports core.guard.decide, which lies above it"),
        ("core/new.py", "from batchctl.core.model import Job\n",
         "rank: core.new imports core.model: one of them has no rank"),
        # Directly below the package.
        ("loose.py", "", "door: loose stands loose below the package"),
        ("guard/a.py", "", "door: guard has the name of something that `import batchctl` gives"),
        ("attic/a.py", "", "door: attic is no room of the house"),
        # Past the answers, and to what no program of a step is offered.
        ("commands/a.py", _FOR_TYPES + "from batchctl.store.rows import QUERY\n",
         "floor: commands.a reaches past the answers to store.rows"),
        ("commands/a.py", "from batchctl.core.model import Job\n",
         "floor: commands.a reaches past the answers to core.model"),
        ("present/a.py", "from batchctl.watch.standing import Standing\n",
         "floor: present.a reaches past the answers to watch.standing"),
        ("__main__.py", "def f():\n    import batchctl.watch.standing\n",
         "floor: __main__ reaches past the answers to watch.standing"),
        ("jobs/a.py", "from batchctl.base.clock import now\n",
         "floor: jobs.a uses base.clock, which no program of a step is offered"),
        ("answers/a.py", "from batchctl.jobs.daily import program\n", "floor: answers.a imports a program of a preset"),
        # A clock: by its module, by its name, under another name, as a default, by leaving the instant out.
        ("present/a.py", "import time\ntime.monotonic()\n", "clock: present.a uses time.monotonic"),
        ("present/a.py", "from time import sleep as rest\n", "clock: present.a uses time.sleep"),
        ("present/a.py", "from datetime import datetime as D\ndef f(now=D.now): ...\n",
         "clock: present.a uses datetime.datetime.now"),
        ("commands/a.py", "from batchctl.base import clock\nclock.now()\n",
         "clock: commands.a uses batchctl.base.clock.now"),
        ("core/time/zones.py", "import time\ntime.gmtime()\n", "clock: core.time.zones uses time.gmtime()"),
        ("core/time/zones.py", "import time\ntime.strftime('%H')\n", "clock: core.time.zones uses time.strftime()"),
        # A file, the environment.
        ("core/model.py", "class Job: ...\ndef f(path):\n    with open(path): ...\n",
         "file: core.model uses builtins.open"),
        ("present/a.py", "import os.path\nos.path.exists('a')\n", "file: present.a uses os.path.exists"),
        ("present/a.py", "import pathlib\n", "file: present.a uses pathlib"),
        ("present/a.py", "from os import environ\nenviron['A']\n", "environment: present.a uses os.environ"),
        # A process: made, waited for, signalled.
        ("watch/a.py", "import os\nos.fork()\n", "process: watch.a uses os.fork"),
        ("watch/a.py", "from os import execv as go\n", "process: watch.a uses os.execv"),
        ("store/a.py", "import subprocess as s\ns.run([])\n", "process: store.a uses subprocess.run"),
        ("watch/a.py", "def f(pid):\n    import os\n    os.kill(pid, 9)\n", "process: watch.a uses os.kill"),
        # A socket.
        ("watch/a.py", "import socket\n", "socket: watch.a uses socket"),
        ("store/a.py", "from urllib.request import urlopen\n", "socket: store.a uses urllib.request.urlopen"),
        # What could do any of these.
        ("core/text/a.py", "import random\n", "pure: core.text.a imports random"),
        ("core/text/a.py", _FOR_TYPES + "from sqlite3 import Connection\n",
         "pure: core.text.a imports sqlite3.Connection"),
        ("core/text/a.py", "def f():\n    from batchctl.base.clock import now\n",
         "pure: core.text.a imports base.clock"),
        # A decision in a renderer: the type of a check is none.
        ("present/a.py", "from batchctl.core.guard.decide import decide\n",
         "decision: present.a uses batchctl.core.guard.decide.decide"),
        ("present/a.py", "from batchctl.core.guard import decide\ndef f(job):\n    decide.decide(job)\n",
         "decision: present.a uses batchctl.core.guard.decide.decide"),
        # A statement: plain, put together, over lines; one that is handed to another's connection.
        ("watch/a.py", "Q = 'SELECT id FROM runs'\n", "sql: watch.a says 'SELECT id FROM runs'"),
        ("watch/a.py", "def f(t):\n    return f'update {t} set a = 1'\n", "sql: watch.a says 'update x set a = 1'"),
        ("watch/a.py", "Q = '''\n  with a as (select 1)\n  select a'''\n",
         "sql: watch.a says 'with a as (select 1) select a'"),
        ("watch/a.py", "def f(c):\n    c.execute('begin immediate')\n", "sql: watch.a says 'begin immediate'"),
        ("watch/a.py", "def f(c, q):\n    c.executemany(q, [])\n", "sql: watch.a calls executemany"),
        # A library among strangers.
        ("watch/a.py", "def f():\n    from rich.table import Table\n", "library: watch.a imports rich"),
        # A module too long to read.
        ("watch/a.py", "\n" * 401, "size: watch.a has 401 lines"),
    ],
)  # fmt: skip
def test_a_planted_breach_is_found(tmp_path: Path, place: str, source: str, found: str) -> None:
    """One module is added or changed, and the rule that it breaks says so."""
    assert found in _broken(tmp_path, {place: source})


@pytest.mark.parametrize(
    ("planted", "ring"),
    [
        # Two modules that need each other's types.
        (
            {"watch/a.py": "import batchctl.watch.b\n", "watch/b.py": _FOR_TYPES + "from .a import A\n"},
            "watch.a … watch.b",
        ),
        # Three, of which one imports late; who only leads there is not part of it.
        (
            {
                "watch/a.py": "from batchctl.watch.b import B\n",
                "watch/b.py": "def f():\n    from batchctl.watch import c\n",
                "watch/c.py": "from batchctl.watch.a import A\n",
                "watch/d.py": "from batchctl.watch.a import A\n",
            },
            "watch.a … watch.b, watch.c",
        ),
        # Through the package's own file.
        (
            {"watch/__init__.py": "from batchctl.watch.a import A\n", "watch/a.py": "from batchctl.watch import A\n"},
            "watch … watch.a",
        ),
        # Between rooms.
        (
            {"store/a.py": _FOR_TYPES + "from batchctl.watch.a import A\n", "watch/a.py": "import batchctl.store.a\n"},
            "store.a … watch.a",
        ),
    ],
)
def test_a_planted_circle_is_found(tmp_path: Path, planted: dict[str, str], ring: str) -> None:
    """Whatever closes it: a type, an import inside a function, a package's own file."""
    first, _, rest = ring.partition(" … ")
    found = [line for line in _broken(tmp_path, planted) if line.startswith("circle")]
    assert found == [f"circle: {first} reaches itself by {rest}"]


def test_the_length_of_a_function_is_that_of_its_lines(tmp_path: Path) -> None:
    """From `def` to the last line, methods and nested ones too, but not those of the presets' programs."""
    _broken(
        tmp_path,
        {"watch/a.py": "class A:\n    async def f(self):\n        def g():\n            ...\n        return g\n"},
    )
    assert house.function_lengths(read(tmp_path / "batchctl"))[-3:] == [2, 3, 4]
