"""Decorated functions as jobs: found through `modules`, checked, compiled; a broken module hurts no other job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import unicodedata
from typing import TYPE_CHECKING, Any

import pytest
from support import batchctl, rows, wait_for

from batchctl import Batchctl, UsageError
from batchctl.config import compiled, load, load_job, loader

if TYPE_CHECKING:
    from pathlib import Path

SHOP = '''\
from batchctl import after, daily, job

@job(schedule=daily("02:00"), min_gap="6h", stale_after="8h", timeout="6h", retries=3, kind="collection")
async def collect(suppliers: list[str] = ["ownerclan"], *, limit: int = 100, test_mode: bool = False) -> dict:
    """수집: collect wholesale
    products.

    More of it.
    """
    print("수집", *suppliers)
    return {"suppliers": suppliers, "limit": limit, "test_mode": test_mode}

@job
def plain():
    print("plain")

@job(schedule=after("collect"), params={"day": "2026-12-01"})
def publish(day: "datetime.date", where: "pathlib.Path | None" = None) -> str:
    return f"{type(day).__name__} {where!r}"

import datetime, pathlib
'''


class Home:
    """A folder with a configuration, a package and a state directory."""

    def __init__(self, folder: Path) -> None:
        """Write one job of the configuration beside the package's."""
        self.folder, self.state, self.file = folder, folder / "state", folder / "etc" / "batchctl.toml"
        (folder / "etc" / "shop").mkdir(parents=True)
        self.configure('modules = ["shop.jobs"]\n')
        self.module(SHOP)

    def configure(self, top: str) -> None:
        """Write the main file."""
        self.file.write_text(f'{top}[jobs.other]\nrun = "echo other"\n', encoding="utf-8")

    def module(self, text: str, name: str = "shop/jobs.py") -> None:
        """Write a module."""
        (self.folder / "etc" / name).write_text(text, encoding="utf-8")

    def __call__(self, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run a command."""
        return batchctl("--config", str(self.file), "--state", str(self.state), *words, **more)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """Make a folder with decorated functions."""
    return Home(tmp_path)


def test_a_decorated_function_is_a_job(home: Home) -> None:
    """Name, description, rules, schedule and parameters are those of the decorator, the docstring and the signature."""
    done = home("config", "--json")
    assert done.returncode == 0, done.stderr
    jobs = json.loads(done.stdout)["jobs"]
    assert list(jobs) == ["other", "collect", "plain", "publish"]
    collect = jobs["collect"]
    assert collect["description"] == "수집: collect wholesale products."
    assert (collect["daily"], collect["min_gap"], collect["timeout"]) == ("02:00", 21600, 21600)
    assert collect["params"] == {"suppliers": ["ownerclan"], "limit": 100, "test_mode": False}
    assert collect["steps"] == [{"id": "1", "function": "shop.jobs:collect", "retries": 3}]
    assert jobs["publish"]["after"] == ["collect"]
    origins = json.loads(done.stdout)["origins"]
    assert origins["jobs.collect.min_gap"] == "module shop.jobs"


def test_it_runs_like_any_other_and_fires_what_follows(home: Home) -> None:
    """Parameters come as the signature says, the return is the result, and its end fires the next."""
    done = home("run", "collect", "--json", "--param", 'suppliers=["zentrade", "계정1"]')
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"][0]["result"] == {
        "suppliers": ["zentrade", "계정1"],
        "limit": 100,
        "test_mode": False,
    }
    wait_for(
        lambda: rows(home.state, "select status from runs where job = 'publish'") == [("succeeded",)], "the follower"
    )
    assert rows(home.state, "select result from steps order by run_id, seq")[-1] == ('{"value": "date None"}',)
    done = home("run", "publish", "--json", "--param", "where=/srv")
    assert json.loads(done.stdout)["steps"][0]["result"] == {"value": "date PosixPath('/srv')"}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["limit=many"], 2, "limit must be a whole number, not text: 'many'"),  # of the command line
        (["suppliers=[1]"], 2, "suppliers[0] must be text, not a whole number: [1]"),  # inside a list
        (["limt=3"], 2, "there is no parameter limt; it takes suppliers, limit, test_mode"),  # a slip
        (["test_mode=1"], 2, "test_mode must be true or false, not a whole number: 1"),  # 1 is no truth
    ],
)
def test_wrong_parameters_start_nothing(home: Home, words: list[str], code: int, said: str) -> None:
    """A value that the signature does not take is refused by its name, before anything runs."""
    done = home("run", "collect", *(f"--param={word}" for word in words))
    assert done.returncode == code
    assert said in done.stderr
    assert rows(home.state, "select count(*) from runs") == [(0,)]


def test_a_fire_costs_no_import_of_the_module(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled copy has the job; a change of the module's source is seen at once."""
    monkeypatch.setattr(compiled, "FINE_TICK", -60.0)
    old = time.time() - 10
    for file in (home.folder / "etc").rglob("*.py"):
        os.utime(file, (old, old))
    load(str(home.file), str(home.state))
    time.sleep(0.02)
    assert load_job(str(home.file), "collect", str(home.state))[0] is not None
    loads: list[str | None] = []
    really = loader.load_all

    def counted(path: str | None, **more: Any) -> object:
        loads.append(path)
        return really(path, **more)

    monkeypatch.setattr(loader, "load_all", counted)
    job, _ = load_job(str(home.file), "collect", str(home.state))
    assert job is not None
    assert loads == []
    assert job == load(str(home.file), str(home.state)).jobs["collect"]
    home.module(SHOP.replace("6h", "7h"))
    job, _ = load_job(str(home.file), "collect", str(home.state))
    assert job is not None
    assert (job.rules.min_gap, loads) == (25200.0, [str(home.file)])


def test_a_change_of_what_a_module_imports_is_seen(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """A helper of the operator's own, in `python_path`, is watched like the module itself."""
    monkeypatch.setattr(compiled, "FINE_TICK", -60.0)
    lib = home.folder / "lib"
    lib.mkdir()
    (lib / "settings.py").write_text("GAP = '1h'\n")
    home.module("import settings\nfrom batchctl import job\n@job(min_gap=settings.GAP)\ndef f(): pass\n")
    home.configure('modules = ["shop.jobs"]\npython_path = ["../lib"]\n')
    old = time.time() - 10
    for file in (*home.folder.rglob("*.py"), home.file):
        os.utime(file, (old, old))
    time.sleep(0.02)
    load(str(home.file), str(home.state))
    (lib / "settings.py").write_text("GAP = '22h'\n")
    job, _ = load_job(str(home.file), "f", str(home.state))
    assert job is not None
    assert job.rules.min_gap == 79200.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def f(:", "SyntaxError: invalid syntax"),
        ("raise ValueError('망가짐')", "ValueError: 망가짐"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("import os; os._exit(4)", "with exit code 4"),
        ("import os; os.closerange(0, 4096)", "with exit code"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "with exit code -9"),
    ],
)
def test_a_module_that_cannot_be_imported_says_why(home: Home, text: str, said: str) -> None:
    """Whatever an import does, its last words are kept, and the jobs of all others are there."""
    home.module(text)
    home.configure('modules = ["shop.jobs", "shop.more"]\n')
    home.module("from batchctl import job\n@job\ndef more(): print('more')\n", "shop/more.py")
    found = load(str(home.file), str(home.state))
    assert list(found.jobs) == ["other", "more"]
    assert found.broken[0][0].startswith(f"{home.file}:1: modules: shop.jobs cannot be imported: ")
    assert said in found.broken[0][0]


def test_a_broken_module_is_told_and_hurts_no_other_job(home: Home) -> None:
    """`config` and `doctor` say why it cannot be imported; every other job runs, and its own are not unknown."""
    text, said = "import nowhere", "ModuleNotFoundError: No module named 'nowhere'"
    home.module(text)
    home.configure('modules = ["shop.jobs", "shop.more"]\n')
    home.module("from batchctl import job\n@job\ndef more(): print('more')\n", "shop/more.py")
    done = home("config")
    assert done.returncode == 78
    assert f"{home.file}:1: modules: shop.jobs cannot be imported: " in done.stderr
    assert said in done.stderr
    assert "[jobs.more]" in done.stdout
    done = home("doctor")
    assert done.returncode == 1
    assert "shop.jobs cannot be imported" in done.stdout
    assert "shop.jobs cannot be imported" in home("status").stdout
    done = home("check")
    assert (done.returncode, "shop.jobs cannot be imported" in done.stdout) == (1, True)
    for job in ("other", "more"):
        done = home("run", job)
        assert (done.returncode, done.stdout) == (0, ""), done.stderr
    done = home("run", "collect")
    assert done.returncode == 78
    assert said in done.stderr
    home.module(SHOP)
    assert home("run", "collect").returncode == 0


@pytest.mark.parametrize(
    "text",
    [
        "print('x' * 200_000)",  # more than any pipe holds
        "import os, sys; sys.stderr.write('no newline'); os.system('echo from a child')",
        "import os\nif os.fork() == 0: pass",  # the copy goes on with the import
        "import os\nif os.fork() == 0:\n    import time; time.sleep(600)",  # and one that stays
        "import threading, time; threading.Thread(target=time.sleep, args=(600,)).start()",  # is not waited for
    ],
)
def test_what_a_module_does_at_import_is_its_own(home: Home, text: str) -> None:
    """Prints, copies and threads reach no answer: its jobs are there, each once."""
    home.module(f"{text}\n{SHOP}")
    found = load(str(home.file), str(home.state))
    assert (list(found.jobs), found.broken) == (["other", "collect", "plain", "publish"], ())


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("@job\ndef wrong(client=object()): pass", "client: <object object at"),  # a default that JSON does not have
        ("@job\ndef wrong(**options): pass", "takes **options: name each parameter"),
        ("@job\ndef wrong(*suppliers): pass", "takes *suppliers: name each parameter"),
        ("@job\ndef wrong(limit, /): pass", "takes limit by position only"),
        ("@job\ndef wrong(): yield 1", "is a generator"),
        ("@job\nasync def wrong(): yield 1", "is a generator"),
        ("wrong = job(lambda: 1)", "is a lambda"),
        ("def made():\n    @job\n    def wrong(): pass\nmade()", "is defined inside another function"),
        ("import functools\nwrong = job(functools.partial(print, 1))", "is no function but partial"),
        ("def other(f): return lambda: f()\n@other\n@job\ndef wrong(): pass", "@job must be the outermost decorator"),
        ("@job(params={'limt': 1})\ndef wrong(limit=2): pass", "there is no parameter limt; it takes limit"),
        ("@job(params={'limit': 'x'})\ndef wrong(limit: int = 2): pass", "limit must be a whole number"),
        ("@job(min_gap='soon')\ndef wrong(): pass", "min_gap: 'soon' is not a duration"),
        ("@job(mingap='1h')\ndef wrong(): pass", "mingap: is not a known key"),
        ("@job(min_gap=object())\ndef wrong(): pass", "no value that JSON has"),
        ("@job(run='true')\ndef wrong(): pass", "is a second command beside"),
        ("@job(schedule=after('nowhere'))\ndef wrong(): pass", "there is no job 'nowhere'"),
        ("@job(name='other')\ndef wrong(): pass", "a job of this name is already defined in"),
    ],
)
def test_a_function_that_cannot_be_a_job_is_told_with_its_place(home: Home, text: str, said: str) -> None:
    """The error names file, line and function; the other jobs of its module are there and nothing of it starts."""
    home.module(f"from batchctl import after, job\n@job\ndef good(): pass\n{text}\n")
    found = load(str(home.file), str(home.state))
    assert said in found.broken[0][0]
    assert f"{home.file.parent}/shop/jobs.py:" in found.broken[0][0] or "partial" in said
    assert "good" in found.jobs


@pytest.mark.parametrize(
    ("name", "made", "title"),
    [
        ("커스텀 수집 작업", "커스텀-수집-작업", "커스텀 수집 작업"),  # blanks
        ("Prices (daily)", "Prices-daily", "Prices (daily)"),  # what no name has
        (unicodedata.normalize("NFD", "수집"), "수집", ""),  # the same name, decomposed
    ],
)
def test_a_name_that_is_none_becomes_the_title(home: Home, name: str, made: str, title: str) -> None:
    """The name is made of it, in the form in which all names are kept."""
    home.module(f"from batchctl import job\n@job(name={name!r})\ndef f(): pass\n")
    found = load(str(home.file), str(home.state))
    assert found.broken == ()
    assert found.jobs[made].title == title


def test_names_of_parameters_are_the_same_in_either_form(home: Home) -> None:
    """A decomposed name on the command line or in the decorator is the one of the signature."""
    decomposed = unicodedata.normalize("NFD", "계정")
    home.module(f"from batchctl import job\n@job(params={{{decomposed!r}: 'a'}})\ndef f(계정): return 계정\n")
    assert load(str(home.file), str(home.state)).jobs["f"].params == {"계정": "a"}
    done = home("run", "f", "--json", "--param", f"{decomposed}=b")
    assert json.loads(done.stdout)["steps"][0]["result"] == {"value": "b"}


def test_modules_of_the_command_line(home: Home) -> None:
    """`--module` finds jobs without a word in the configuration, also as cron's line has it, and only then."""
    home.configure("")
    assert home("run", "plain").returncode == 2
    assert home("--module", "shop.jobs", "run", "plain").returncode == 0  # the form of a crontab
    assert home("run", "--module", "shop.jobs", "plain", "--json").returncode == 0
    assert home("run", "plain").returncode == 2
    done = home("crontab", "show", "--module", "shop.jobs")
    assert "--module shop.jobs run collect" in done.stdout
    done = home("--module", "no such", "status")
    assert (done.returncode, "--module: 'no such' is not the name of a module" in done.stderr) == (2, True)
    done = home("--module", "nowhere", "config")
    assert (done.returncode, "--module: nowhere cannot be imported" in done.stderr) == (78, True)


def test_modules_need_no_configuration(home: Home) -> None:
    """Without any file they are looked for where one is."""
    place = str(home.folder / "etc")
    done = batchctl("--state", str(home.state), "--module", "shop.jobs", "run", "plain", cwd=place)
    assert done.returncode == 0, done.stderr


def test_another_interpreter_and_another_folder(home: Home, tmp_path: Path) -> None:
    """`python` imports them and runs them; `python_path` is where they are."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv"], check=True)
    site = next((tmp_path / "venv").glob("lib/python*/site-packages"))
    ours = [path for path in sys.path if path.endswith("site-packages")]
    (site / "ours.pth").write_text(
        "\n".join([*ours, os.path.dirname(os.path.dirname(compiled.__file__))[: -len("/batchctl")]])
    )
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "elsewhere.py").write_text(
        "import sys\nfrom batchctl import job\n@job\ndef where(limit: int = 1): return sys.prefix\n"
    )
    home.configure(f'modules = ["elsewhere"]\npython = "{tmp_path}/venv/bin/python"\npython_path = ["../lib"]\n')
    done = home("run", "where", "--json", "--param", "limit=2")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["steps"][0]["result"] == {"value": str(tmp_path / "venv")}
    home.configure('modules = ["elsewhere"]\npython = "/no/such/python"\n')
    done = home("config")
    assert (done.returncode, "cannot start /no/such/python" in done.stderr) == (78, True)


def test_an_install_takes_no_line_of_a_broken_module_out(home: Home) -> None:
    """The crontab stays as it is, and the error says so; a decorated job is changed where it is."""
    home.module("import nowhere")
    done = home("crontab", "diff")
    assert done.returncode == 78
    assert "the crontab is as it was" in done.stderr
    home.module(SHOP)
    done = home("jobs", "disable", "plain")
    assert done.returncode == 1
    assert "plain is a decorated function of module shop.jobs" in done.stderr


def test_functions_by_a_name(home: Home) -> None:
    """A job calls what `[functions]` names; what cannot be imported is told by its name."""
    home.module("def custom(limit: int = 1):\n    return {'limit': limit}\n", "shop/more.py")
    home.configure(
        '[functions]\n"수집" = "shop.more:custom"\n[jobs.custom]\nfunction = "수집"\nparams = { limit = 3 }\n'
    )
    done = home("run", "custom", "--json")
    assert json.loads(done.stdout)["steps"][0]["result"] == {"limit": 3}
    home.configure('[functions]\ngone = "shop.more:gone"\n[jobs.custom]\nfunction = "gon"\n')
    done = home("config")
    assert done.returncode == 78
    assert "'gon' names no function" in done.stderr
    assert "did you mean gone?" in done.stderr
    home.configure('[functions]\ngone = "shop.more:gone"\n')
    done = home("config")
    assert done.returncode == 78
    assert "functions.gone: shop.more:gone cannot be imported: AttributeError" in done.stderr


@pytest.mark.parametrize("where", ["configuration", "command line"])
def test_a_parameter_of_a_megabyte_starts_nothing(home: Home, where: str) -> None:
    """What no program can be given is refused in words, wherever it comes from."""
    long = "가" * 350_000
    home.file.write_text(
        f'[jobs.big]\nrun = "true"\nparams = {{ text = "{long if where == "configuration" else ""}" }}\n'
    )
    if where == "configuration":
        done = home("run", "big")
        assert done.returncode == 78
        assert "job big, step 1: its parameters are 1,050,012 bytes as JSON" in done.stderr
    else:
        with pytest.raises(UsageError, match="text is longer than the"):
            Batchctl(str(home.file), str(home.state)).run("big", params={"text": long})
        done = home("run", "big", f"--param=text={'x' * 131_050}")
        assert done.returncode == 2
        assert "is the most that a program can be given" in done.stderr
    assert rows(home.state, "select count(*) from runs") == [(0,)]


def test_a_run_can_be_stopped_though_its_module_is_broken(home: Home) -> None:
    """Whoever breaks a module while its batch runs does not lose the way to end it."""
    home.module(
        "import time\nfrom batchctl import job\n@job\ndef long():\n    open('began', 'w')\n    time.sleep(600)\n"
    )
    assert home("run", "long", "--detach").returncode == 0
    wait_for((home.file.parent / "began").exists, "the function")
    home.module("import nowhere")
    done = home("stop", "long")
    assert done.returncode == 0, done.stderr
    assert rows(home.state, "select status from runs") == [("cancelled",)]
