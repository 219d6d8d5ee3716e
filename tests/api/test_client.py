"""The Python API: calls do what their examples say, results are the commands' JSON, errors those of the commands."""

from __future__ import annotations

import asyncio
import inspect
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import support
from support import batchctl, rows, wait_for

import batchctl as package
from batchctl import Batchctl, ConfigError, Skipped, StateError, UsageError, cron
from batchctl.api.convert import attribute
from batchctl.base.record import Record

CONFIG = """\
timezone = "Asia/Seoul"
[jobs.prices]
daily = "03:00"
timeout = "2h"
run = "echo 512 prices"
params = { limit = 100 }
[jobs.nightly]
run = "echo $BATCHCTL_PARAMS; {gate}"
params = { account = "계정1" }
"""


@pytest.fixture
def example(tmp_path: Path) -> SimpleNamespace:
    """Make a home with two jobs, one of which has run once."""
    gate = tmp_path / "gate"
    os.mkfifo(gate)
    config = tmp_path / "batchctl.toml"
    config.write_text(CONFIG.replace("{gate}", f"read line < {gate}"), encoding="utf-8")
    made = SimpleNamespace(config=str(config), state=str(tmp_path / "state"), home=str(tmp_path), gate=gate)
    assert Batchctl(made.config, made.state).run("prices").status == "succeeded"
    return made


@pytest.fixture
def ctl(example: SimpleNamespace) -> Batchctl:
    """Return the door to that home."""
    return Batchctl(config=example.config, state=example.state)


@pytest.mark.parametrize("name", [name for name in dir(Batchctl) if name[0] != "_"])
def test_every_call_has_a_twin(name: str) -> None:
    """Each method has a twin for asyncio; one that goes on is to be followed with `async for`."""
    call = getattr(Batchctl, name)
    twin = call if name.startswith("a") and hasattr(call, "__wrapped__") else getattr(Batchctl, f"a{name}")
    assert asyncio.iscoroutinefunction(twin) or inspect.isasyncgenfunction(twin)


def _same(value: Any, said: Any, where: str) -> None:
    """Hold a result against the JSON of the command: keys, nesting and values."""
    if isinstance(value, Record):
        assert {attribute(key) for key in said} <= set(value._fields), where
        for key, each in said.items():
            _same(getattr(value, attribute(key)), each, f"{where}.{key}")
    elif isinstance(value, tuple):
        assert len(value) == len(said), where
        for place, (each, other) in enumerate(zip(value, said, strict=True)):
            _same(each, other, f"{where}[{place}]")
    elif isinstance(value, dict):
        for key, each in value.items():
            _same(each, said[key], f"{where}.{key}")
    elif isinstance(value, datetime):
        assert value.tzinfo is not None, where
        moving = timedelta(seconds=60) if where.endswith((".at", ".to", ".from")) else timedelta()
        assert abs(value - datetime.fromisoformat(said)) <= moving, where
    elif not where.endswith("elapsed_s"):
        assert value == said, where


@pytest.mark.parametrize(
    ("words", "ask"),
    [
        ("status", lambda ctl: ctl.status()),
        ("explain prices", lambda ctl: ctl.explain("prices")),
        ("simulate --duration 26h --every 24h --start 2026-12-01T01:00", lambda ctl: ctl.simulate(
            duration=timedelta(hours=26), every=86400, start=datetime(2026, 12, 1, 1, 0))),  # noqa: DTZ001
        ("simulate prices --duration 20h..30h --for 30d --seed 3", lambda ctl: ctl.simulate(
            "prices", duration="20h..30h", for_=timedelta(days=30), seed=3)),
        ("upcoming --for 48h", lambda ctl: ctl.upcoming("48h")),
        ("report prices --days 7", lambda ctl: ctl.report("prices", days=7)),
        ("advise prices", lambda ctl: ctl.advise("prices")),
        ("jobs show prices", lambda ctl: ctl.job("prices")),
    ],
)  # fmt: skip
def test_results_are_the_commands_json(words: str, ask: Any, example: SimpleNamespace, ctl: Batchctl) -> None:
    """What the API returns is what the command prints, key by key."""
    done = batchctl("--config", example.config, "--state", example.state, *words.split(), "--json")
    assert done.returncode == 0, done.stderr
    _same(ask(ctl), json.loads(done.stdout), words)


def test_jobs_and_one_job(ctl: Batchctl) -> None:
    """A job of `status` is the object of that job in the whole."""
    assert ctl.status("prices").job == "prices"
    assert [each.job for each in ctl.status().jobs] == ["prices", "nightly"]


@pytest.mark.parametrize(
    ("call", "error", "said"),
    [
        (lambda ctl: ctl.run("nosuch"), UsageError, "there is no job 'nosuch'"),
        (lambda ctl: ctl.status("price"), UsageError, "there is no job 'price'"),
        (lambda ctl: ctl.run("prices", params={"limit": object()}), UsageError, "limit"),
        (lambda ctl: ctl.run("prices", params={"limit": float("nan")}), UsageError, "limit"),
        (lambda ctl: ctl.update_job("prices", timeout="soon"), ConfigError, "timeout"),
        (lambda ctl: ctl.create_job("...", run="true"), UsageError, "'...' cannot be the name of a job"),
        (lambda ctl: ctl.create_job("prices ", run="true"), package.BatchctlError, "there is already a job 'prices'"),
        (lambda ctl: ctl.register_job_function("x", lambda: 1), UsageError, "is a lambda"),
        (lambda ctl: ctl.register_job_function("x", 7), UsageError, "is no function but int"),
        (lambda ctl: ctl.register_job_function("x", support.rows), ConfigError, "functions.x: support:rows cannot be"),
        (lambda ctl: ctl.create_job("two words", run="true", schedule=cron("61 * * * *")), package.BatchctlError, ""),
        (lambda ctl: ctl.pause("prices", for_="soon"), UsageError, "soon"),
    ],
)
def test_errors_have_message_and_remedy(call: Any, error: type[Exception], said: str, ctl: Batchctl) -> None:
    """What goes wrong is an exception of its kind, with the sentence of the command and what to do next."""
    with pytest.raises(error) as raised:
        call(ctl)
    assert said in str(raised.value)
    assert isinstance(raised.value, package.BatchctlError)
    assert raised.value.remedy


def test_a_history_that_cannot_be_trusted(example: SimpleNamespace, ctl: Batchctl) -> None:
    """A run on a broken history raises StateError; a broken configuration ConfigError, both before anything starts."""
    with open(example.state + "/batchctl.db", "wb") as file:
        file.write(b"no history" * 1000)
    for call in (ctl.run, ctl.start, ctl.status):
        with pytest.raises(StateError):
            call("prices")
    with open(example.config, "a", encoding="utf-8") as file:
        file.write("nosuchkey = 1\n")
    for call in (ctl.run, ctl.start, ctl.status):
        with pytest.raises(ConfigError):
            call("prices")


def test_a_run_from_start_to_stop(example: SimpleNamespace, ctl: Batchctl) -> None:
    """A started run goes on by itself, a second fire is a skip that says until when, and stop ends it."""
    run = ctl.start("nightly", params={"account": "계정 2; $(x)"})
    assert ctl.status("nightly").state == "running"
    assert ctl.run("nightly").reason == "already_running"
    with pytest.raises(Skipped) as raised:
        ctl.start("nightly")
    assert raised.value.reason == "already_running"
    wait_for(lambda: "계정 2; $(x)" in ctl.logs("nightly"), "the step's output")
    assert (ctl.stop("nightly").run_id, ctl.stop("nightly").run_id) == (run, None)
    assert ctl.report("nightly").runs[0].status == "cancelled"


def test_pause_and_resume(ctl: Batchctl) -> None:
    """A pause of everything for an hour ends in an hour, and lets nothing start."""
    paused = ctl.pause(for_=3600)
    assert paused.until is not None
    assert abs(paused.until - datetime.now(UTC) - timedelta(hours=1)) < timedelta(minutes=1)
    assert ctl.run("prices").reason == "paused"
    assert ctl.resume().was_paused
    assert not ctl.resume().was_paused


def test_a_job_from_cradle_to_grave(example: SimpleNamespace, ctl: Batchctl) -> None:
    """A created job is a file like any other, is changed with its other keys kept, and is gone after delete."""
    ctl.create_job(
        "custom",
        run="true",
        schedule=cron("15 * * * *"),
        params={"b": [1, "이"]},
        retries=3,
        timeout=timedelta(hours=1),
    )
    text = (example.gate.parent / "jobs.d" / "custom.toml").read_text(encoding="utf-8")
    assert 'schedule = "15 * * * *"' in text
    assert 'timeout = "3600s"' in text
    ctl.update_job("custom", schedule=package.every("30h"), params={"c": 2}, retries=None)
    shown = ctl.job("custom")
    assert (shown.timeout, shown.params) == (3600.0, {"b": [1, "이"], "c": 2})
    assert "retries" not in (example.gate.parent / "jobs.d" / "custom.toml").read_text(encoding="utf-8")
    ctl.delete_job("custom")
    with pytest.raises(UsageError):
        ctl.job("custom")


def test_asyncio_goes_on(ctl: Batchctl, example: SimpleNamespace) -> None:
    """While a run is awaited the event loop does other things."""

    async def both() -> tuple[str | None, int]:
        run = asyncio.create_task(ctl.arun("nightly"))
        turns = 0
        while (await ctl.astatus("nightly")).run is None:
            turns += 1
        await asyncio.to_thread(example.gate.write_text, "on\n")
        return (await run).status, turns

    status, turns = asyncio.run(both())
    assert status == "succeeded"
    assert turns >= 1


def test_a_program_that_is_killed_leaves_its_run_running(example: SimpleNamespace, ctl: Batchctl) -> None:
    """The run of a program that is gone goes on to its end."""
    code = f"from batchctl import Batchctl; Batchctl({example.config!r}, {example.state!r}).run('nightly')"
    with subprocess.Popen([sys.executable, "-c", code]) as program:
        wait_for(lambda: ctl.status("nightly").run, "the run")
        program.kill()
    with open(example.gate, "w", encoding="utf-8") as gate:
        gate.write("on\n")
    wait_for(
        lambda: rows(
            example.gate.parent / "state", "select 1 from runs where job = 'nightly' and status = 'succeeded'"
        ),
        "its end",
    )


def test_importing_costs_nothing() -> None:
    """`import batchctl` loads nothing but itself, and takes less than 3 ms beyond Python."""
    code = "import sys; old = set(sys.modules); import batchctl; print(sorted(set(sys.modules) - old))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.strip() == "['batchctl']"
    took = []
    for _ in range(20):
        for name in [name for name in sys.modules if name == "batchctl"]:
            kept = sys.modules.pop(name)
        began = time.perf_counter()
        __import__("batchctl")
        took.append(time.perf_counter() - began)
        sys.modules["batchctl"] = kept
    assert min(took) < 0.003


def test_every_name_is_there() -> None:
    """What `__all__` and the checker of types are told of is what there is; anything else is an AttributeError."""
    for name in package.__all__:
        assert getattr(package, name) is not None
        assert name in dir(package)
    with pytest.raises(AttributeError):
        package.nosuch  # noqa: B018


@pytest.mark.parametrize(
    ("schedule", "fires"),
    [
        (cron("15 * * * *"), ["00:15", "01:15"]),
        (package.daily("02:00"), ["02:00", "02:00"]),
        (package.hourly(5), ["00:05", "01:05"]),
        (package.weekly("Sunday", "03:00"), ["03:00", "03:00"]),
        (package.monthly(1, "04:00"), ["04:00", "04:00"]),
        (package.at("2026-12-01T12:00"), ["12:00"]),
        (package.after("a", "b"), []),
    ],
)
def test_schedules_foretell(schedule: package.Schedule, fires: list[str]) -> None:
    """Each schedule knows its next fires, as cron will make them."""
    found = schedule.next(2, timezone="Asia/Seoul", start="2026-12-01")
    assert [f"{fire:%H:%M}" for fire in found] == fires


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: cron("61 * * * *").next(),
        lambda: package.daily("25:00").next(),
        lambda: package.weekly("someday"),
        lambda: package.monthly(32),
        lambda: package.hourly(60),
        lambda: package.at("soon"),
        lambda: cron("* * * * *").next(timezone="Nowhere/City"),
        lambda: cron("* * * * *").next(start="soon"),
        lambda: package.weekly("sun", "noon"),
    ],
)
def test_schedules_that_cannot_be(wrong: Any) -> None:
    """What is no schedule is refused in words."""
    with pytest.raises(UsageError) as raised:
        wrong()
    assert raised.value.remedy


def test_a_title_and_a_named_function(example: SimpleNamespace, ctl: Batchctl) -> None:
    """A name that is none becomes the title; a registered name stands for its function, comments and all kept."""
    made = ctl.create_job("커스텀 수집 작업", run="true")
    assert made.jobs == ("커스텀-수집-작업",)
    assert ctl.status("커스텀-수집-작업").title == "커스텀 수집 작업"
    ctl.register_job_function("dump", json.dumps)
    assert ctl.register_job_function("dump", json.dumps).files == ()  # as wanted
    ctl.create_job("custom", function="dump", params={"obj": [1]})
    assert ctl.run("custom").steps[0].result == {"value": "[1]"}
    with open(example.config, encoding="utf-8") as file:
        assert file.read().endswith('\n[functions]\ndump = "json:dumps"\n')
