"""`batchctl advise`: figures from real rows, and lines that the configuration takes."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest
import tomlkit
from history_rows import DAY, HOUR, Rows, in_c_locale
from support import batchctl

from batchctl.base import clock
from batchctl.config import load

if TYPE_CHECKING:
    from pathlib import Path

    from batchctl.core.model import Job

_STEPS = (("31", "검색", 5.5), ("32", "검색", 4.0), ("33", "검색", 4.0), ("61", "올림", 4.5), ("62", "올림", 8.0))
_CONFIG = """
timezone = "Asia/Seoul"
[jobs."매일-배치"]
schedule = "0 1 * * *"
params = { account = "계정 1", limit = 100 }
env = { LANG = "C.UTF-8" }
grace = "20s"
"""
_STEP = """
[[jobs."매일-배치".steps]]
id = "{id}"
group = "{group}"
argv = ["collect", "--account", "{{account}}", '--quote="\\']
retries = 2
retry_delay = "500ms"
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Return a configuration with the chain of the contract, without budgets."""
    path = tmp_path / "batchctl.toml"
    steps = "".join(_STEP.format(id=step, group=group) for step, group, _ in _STEPS)
    path.write_text(_CONFIG + steps, encoding="utf-8")
    return path


def fill(tmp_path: Path, runs: int = 8) -> Rows:
    """Add successful runs of 26 hours, two days apart, and some that must not count."""
    history = Rows(tmp_path / "state")
    now = clock.now()
    for back in range(runs):
        run = history.run("매일-배치", now - (3 + 2 * back) * DAY, 26 * HOUR)
        for seq, (step, group, hours) in enumerate(_STEPS, 1):
            history.step(run, seq, step, step_group=group, duration_s=hours * HOUR)
    # Failed, partial, and too long ago: none of them says how long the batch takes.
    history.run("매일-배치", now - 3 * DAY, 60.0, "failed")
    partial = history.run("매일-배치", now - 2.5 * DAY, HOUR)
    history.step(partial, 1, "31", "skipped")
    history.run("매일-배치", now - 200 * DAY, 90 * HOUR)
    return history


def advise(tmp_path: Path, config: Path, *arguments: str) -> dict[str, Any]:
    """Return what `advise --json` says of the only job."""
    done = batchctl("--config", str(config), "--state", str(tmp_path / "state"), "advise", *arguments, "--json")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)["jobs"][0]
    return found


def pasted(config: Path, advice: dict[str, Any]) -> dict[str, Job]:
    """Paste the lines where they say, and return the jobs that the loader makes of it."""
    document: Any = tomlkit.parse(config.read_text(encoding="utf-8"))
    jobs: Any = document["jobs"]
    extra = []
    for paste in advice["paste"]:
        if paste["table"] is None:
            extra.append(paste["toml"])
            continue
        keys = tomlkit.parse(paste["toml"])
        table = jobs["매일-배치"]
        if "steps]]" in paste["table"]:
            table = next(each for each in table["steps"] if f'id = "{each["id"]}"' in paste["table"])
        elif ".groups." in paste["table"]:
            name = tomlkit.parse(f"{paste['table']}\n")["jobs"]["매일-배치"]["groups"]
            table = table.setdefault("groups", {}).setdefault(next(iter(name)), {})
        for key in paste["replaces"]:
            table.pop(key, None)
        table.update(keys)
    changed = config.with_name("changed.toml")
    changed.write_text("\n".join([tomlkit.dumps(document), *extra]), encoding="utf-8")
    return dict(load(str(changed)).jobs)


def test_figures(tmp_path: Path, config: Path) -> None:
    """Only whole runs count; a failure, a part of the chain, and what is too old say nothing."""
    fill(tmp_path)
    found = advise(tmp_path, config, "매일-배치")
    assert found["enough_history"]
    assert found["runs"] == {"n": 8, "p50_s": 26 * HOUR, "p95_s": 26 * HOUR, "max_s": 26 * HOUR}
    assert found["steps"][4] == {"id": "62", "n": 8, "p50_s": 8 * HOUR, "p95_s": 8 * HOUR, "max_s": 8 * HOUR}
    assert found["skip_share"]["mean"] == 0.5
    assert advise(tmp_path, config, "--days", "365")["runs"]["max_s"] == 90 * HOUR


def test_what_is_advised_can_be_pasted(tmp_path: Path, config: Path) -> None:
    """Each piece of advice alone, pasted where it says, makes a configuration that means it."""
    fill(tmp_path)
    advice = {each["code"]: each for each in advise(tmp_path, config)["advice"]}
    assert set(advice) == {"schedule_fits", "parallel_group", "split_groups", "timeout_missing", "step_timeouts"}
    scheduled = pasted(config, advice["schedule_fits"])["매일-배치"]
    assert (scheduled.schedule.every, scheduled.rules.every) == (48 * HOUR, 48 * HOUR)
    side_by_side = pasted(config, advice["parallel_group"])["매일-배치"]
    assert [(group.name, group.parallel) for group in side_by_side.groups] == [("검색", True), ("올림", False)]
    budgeted = pasted(config, advice["timeout_missing"])["매일-배치"]
    assert (budgeted.timeout, budgeted.rules.stale_after) == (33 * HOUR, 40 * HOUR)
    timed = pasted(config, advice["step_timeouts"])["매일-배치"]
    assert [step.timeout for step in timed.steps] == [7 * HOUR, 5 * HOUR, 5 * HOUR, 17 / 3 * HOUR, 10 * HOUR]
    for each in ("schedule_fits", "parallel_group", "split_groups"):
        assert advice[each]["skip_share_before"]["mean"] == 0.5
        assert advice[each]["skip_share_after"]["mean"] == 0.0


def test_the_split_does_the_same_work(tmp_path: Path, config: Path) -> None:
    """The new jobs together have the very steps of the old one, with parameters, environment and quoting."""
    fill(tmp_path)
    split = next(each for each in advise(tmp_path, config)["advice"] if each["code"] == "split_groups")
    jobs = pasted(config, split)
    old, search, upload = jobs["매일-배치"], jobs["매일-배치-검색"], jobs["매일-배치-올림"]
    assert not old.rules.enabled
    assert (*search.steps, *upload.steps) == old.steps
    for new in (search, upload):
        assert (new.params, new.env, new.grace) == (old.params, old.env, 20.0)
        assert new.rules.stale_after is not None
        assert new.timeout is not None
    assert search.schedule.text == "daily 01:00"
    assert upload.schedule.after == ("매일-배치-검색",)


def test_too_little_history(tmp_path: Path, config: Path) -> None:
    """Four runs are told to be too few, and nothing is advised from them."""
    fill(tmp_path, runs=4)
    assert not advise(tmp_path, config, "--days", "20")["enough_history"]
    done = batchctl("--config", str(config), "--state", str(tmp_path / "state"), "advise", "--days", "20")
    assert "too little history: 4 whole successful runs in 20 days, 5 are needed" in done.stdout
    assert "It shows nothing to correct" in done.stdout


@pytest.mark.parametrize("columns", [80, 200])
def test_terminal(tmp_path: Path, config: Path, columns: int) -> None:
    """Figures and advice fit the terminal, and lines to paste are whole."""
    fill(tmp_path)
    done = batchctl(
        *("--config", str(config), "--state", str(tmp_path / "state"), "advise"),
        env={**os.environ, "COLUMNS": str(columns)},
    )
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert '    every = "48h"' in lines
    assert 'in [jobs."매일-배치".groups."검색"]:' in lines
    assert any("skipped fires: 50% now, 0% then" in line for line in lines)
    argv = next(line for line in lines if "argv" in line)
    assert tomlkit.parse(argv.strip())["argv"][2] == "{account}"
    assert max(len(line) for line in lines if not line.startswith("    ")) <= columns


def test_c_locale(tmp_path: Path, config: Path) -> None:
    """In the C locale nothing fails, and the rule of the table is ASCII."""
    fill(tmp_path)
    done = batchctl("--config", str(config), "--state", str(tmp_path / "state"), "advise", env=in_c_locale())
    assert done.returncode == 0, done.stderr
    assert "─" not in done.stdout
    assert 'every = "48h"' in done.stdout


def test_nothing_is_changed_and_little_time_taken(tmp_path: Path, config: Path) -> None:
    """Without a history none is made; with one that is large only the newest runs are read."""
    state = tmp_path / "state"
    assert not advise(tmp_path, config)["enough_history"]
    assert not state.exists()
    history = fill(tmp_path)
    history.change(
        "with recursive n(i) as (select 1 union all select i + 1 from n where i < 50000)"
        " insert into runs (job, status, started_at, ended_at, duration_s, host, boot_id, pid, start_ticks,"
        " started_mono_s, token) select '매일-배치', 'succeeded', ? + i, ? + i + 30, 30, 'h', 'b', 1, 1, 0, 't' from n",
        clock.now() - 2 * DAY,
        clock.now() - 2 * DAY,
    )
    began = time.monotonic()
    assert advise(tmp_path, config)["runs"]["n"] == 500
    assert time.monotonic() - began < 20


def test_wrong_days(tmp_path: Path, config: Path) -> None:
    """A span that is none is a usage error."""
    done = batchctl("--config", str(config), "--state", str(tmp_path / "state"), "advise", "--days", "-1")
    assert done.returncode == 2
    assert "--days" in done.stderr


def test_simulate_from_history_tells_the_spread(tmp_path: Path, config: Path) -> None:
    """`simulate --from-history` adds the share of skipped fires over 200 rounds, with its spread, in JSON and words."""
    history = fill(tmp_path, runs=4)
    for back in range(4):
        history.run("매일-배치", clock.now() - (30 + back) * DAY, 20 * HOUR)
    options = ("--config", str(config), "--state", str(tmp_path / "state"), "simulate", "매일-배치")
    arguments = ("--from-history", "매일-배치", "--for", "28d")
    share = json.loads(batchctl(*options, *arguments, "--json").stdout)["summary"]["skip_share"]
    assert share["rounds"] == 200
    assert 0 < share["p5"] < share["mean"] < share["p95"] < 1
    assert share == json.loads(batchctl(*options, *arguments, "--json").stdout)["summary"]["skip_share"]
    assert share != json.loads(batchctl(*options, *arguments, "--seed", "5", "--json").stdout)["summary"]["skip_share"]
    assert "200 rounds of durations from the history" in batchctl(*options, *arguments).stdout
    fixed = json.loads(batchctl(*options, "--duration", "26h", "--json").stdout)["summary"]
    assert "skip_share" not in fixed


def test_the_split_of_the_ready_made_chain_is_offered_by_name(tmp_path: Path) -> None:
    """advise and simulate name the ready-made pair that is the chain, and no longer once the pair are jobs."""
    config = tmp_path / "batchctl.toml"
    config.write_text('[jobs.daily-batch]\npreset = "daily-batch"\n', encoding="utf-8")
    where = ["--config", str(config), "--state", str(tmp_path / "state")]
    offer = "batchctl jobs presets --install keyword-search market-upload"
    asked = ["simulate", "daily-batch", "--duration", "26h", "--json"]
    found = json.loads(batchctl(*where, *asked).stdout)["advice"]
    assert [offer in each["text"] for each in found if each["code"] == "split_groups"] == [True]
    rows = Rows(tmp_path / "state")
    for day in range(2, 9):
        run = rows.run("daily-batch", clock.now() - day * 2 * DAY, 26 * HOUR)
        for seq, step in enumerate(("31", "32", "33", "61", "62", "63"), 1):
            rows.step(run, seq, step, duration_s=26 / 6 * HOUR)
    found = json.loads(batchctl(*where, "advise", "--json").stdout)["jobs"][0]["advice"]
    assert [offer in each["text"] for each in found if each["code"] == "split_groups"] == [True]
    done = batchctl(*where, *offer.split()[1:])
    assert done.returncode == 0, done.stderr
    found = json.loads(batchctl(*where, *asked).stdout)["advice"]
    assert [offer in each["text"] for each in found if each["code"] == "split_groups"] == [False]
    pair = json.loads(batchctl(*where, "simulate", "market-upload", "--group", "keyword-search=13h", "--json").stdout)
    assert [fire["at"][11:16] for fire in pair["fires"]] == ["14:00"] * 7
