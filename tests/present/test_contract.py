"""The JSON contract: what every command prints is of the type that its renderer promises, key by key."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from types import UnionType
from typing import Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

import pytest
from history_rows import DAY, HOUR, Rows
from support import batchctl, start_batchctl, wait_for

from batchctl.base import clock
from batchctl.present import contract, contract_jobs, contract_upkeep

_CRONTAB = Path(__file__).parent.parent / "cron" / "fake_crontab.sh"
_CONFIG = """
timezone = "Asia/Seoul"
[pools]
collectors = 1
[jobs."매일-배치"]
description = "키워드 검색 후 업로드"
schedule = "0 1 * * *"
timeout = "30h"
steps = [{ id = "31", group = "검색", run = "true" }, { id = "61", group = "올림", run = "true" }]
[jobs.works]
run = "printf '{\\"found\\": 3}' > $BATCHCTL_RESULT; echo oh dear; false"
on_alert = ["/bin/true"]
alert_on_output = ["oh"]
[jobs.then]
after = "works"
after_any = true
enabled = false
argv = ["printf", "caf\\\\xe9"]
argv_bytes = true
[jobs.off]
enabled = false
at = 2026-01-01T12:00:00
run = "true"
[jobs.goes-on]
every = "36h"
run = "echo 1/4 > $BATCHCTL_PROGRESS; sleep 600"
[jobs.unfired]
schedule = "0 * * * *"
run = "true"
[jobs.cleans]
steps = [{ id = "1", run = "true" }, { id = "2", run = "true", when = "always" }]
[jobs.full]
daily = "14:30"
title = "모두"
kind = "analysis"
jitter = "5m"
active_hours = "08:00-22:59"
stale_after = "40h"
min_gap = "6h"
gap_factor = 1.2
pool = "collectors"
start_if = { load_below = 4.0, memory_above = "2GB", disk_above = "5GB" }
grace = "20s"
log_max = "5MB"
memory_max = "2GB"
cpu_max = 1.5
tasks_max = 500
nice = 10
io_class = "idle"
user = "nobody"
env_file = "secrets.env"
cwd = "/tmp"
path = ["/opt/bin"]
secrets = ["TOKEN"]
env = { TOKEN = "tell-nobody" }
params = { limit = 3 }
[jobs.full.groups.together]
parallel = true
max_parallel = 2
[[jobs.full.steps]]
id = "1"
group = "together"
argv = ["true", "{limit}"]
params = { limit = 4 }
env = { A = "b" }
env_file = "other.env"
cwd = "/"
path = ["/usr/local/bin"]
timeout = "1h"
grace = "5s"
retries = 2
retry_delay = "1s"
retry_backoff = 2.0
retry_max_delay = "1m"
continue_on_failure = true
log_max = "1MB"
memory_max = "1GB"
cpu_max = 1.0
tasks_max = 50
nice = 5
io_class = "best-effort"
user = "root"
[[jobs.full.steps]]
id = "2"
function = "shop.jobs:collect"
python = "/usr/bin/python3"
"""
_OLD_CRONTAB = "0 3 * * * /usr/bin/collect >> /var/log/collect.log 2>&1\n@reboot /usr/bin/at-boot\n"


def _complaints(value: Any, hint: Any, where: str, seen: set[tuple[Any, str]]) -> Iterator[str]:
    """Yield how a JSON value differs from its type; `seen` takes the keys that were there, by type."""
    kind, inner = get_origin(hint), get_args(hint)
    if kind is NotRequired:
        yield from _complaints(value, inner[0], where, seen)
    elif kind in {Union, UnionType}:  # there is none in the contract but that with null
        yield from () if value is None else _complaints(value, inner[0], where, seen)
    elif is_typeddict(hint):
        yield from _of_keys(value, hint, where, seen)
    elif kind in {list, dict} and isinstance(value, kind):
        for key, item in value.items() if kind is dict else enumerate(value):
            yield from _complaints(item, inner[-1], f"{where}[{key!r}]", seen)
    elif value not in inner if kind is Literal else not _is_of(value, hint):
        yield f"{where}: {value!r} is no {hint}"


def _is_of(value: Any, kind: Any) -> bool:
    # A bool is no int here.
    return kind is Any or type(value) is kind or (kind is float and type(value) is int)


def _of_keys(value: Any, hint: Any, where: str, seen: set[tuple[Any, str]]) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{where}: {value!r} is no object"
        return
    hints = get_type_hints(hint, include_extras=True)
    # Where annotations are strings, Python does not see that a key is not required.
    optional = {key for key, inner in hints.items() if get_origin(inner) is NotRequired}
    yield from (f"{where}.{key} is missing" for key in sorted(hint.__required_keys__ - optional - value.keys()))
    yield from (f"{where}.{key} is unknown" for key in sorted(value.keys() - hints.keys()))
    for key in sorted(value.keys() & hints.keys()):
        seen.add((hint, key))
        yield from _complaints(value[key], hints[key], f"{where}.{key}", seen)
        is_time = key in {"at", "from", "to", "since", "until", "first", "last", "timestamp"} or key.endswith("_at")
        if is_time and hint not in _AS_WRITTEN and isinstance(value[key], str):
            yield from [] if _has_offset(value[key]) else [f"{where}.{key}: {value[key]!r} is no instant"]


def _has_offset(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


@pytest.mark.parametrize(
    ("value", "complaint"),
    [
        # as it should be
        ({"at": "2026-01-01T01:00:00+09:00", "verdict": "skip", "reason": None}, None),
        # a key is missing
        ({"at": "2026-01-01T01:00:00+09:00", "verdict": "skip"}, "x.reason is missing"),
        # a key that nobody promised
        ({"at": "2026-01-01T01:00:00+09:00", "verdict": "skip", "reason": None, "why": ""}, "x.why is unknown"),
        # null where there is always something
        ({"at": None, "verdict": "start", "reason": None}, "x.at: None is no <class 'str'>"),
        # no word of the contract
        (
            {"at": "2026-01-01T01:00:00+09:00", "verdict": "go", "reason": None},
            "x.verdict: 'go' is no typing.Literal['start', 'skip']",
        ),
        # an instant without its offset
        ({"at": "2026-01-01T01:00:00", "verdict": "start", "reason": None}, "is no instant"),
        # a number where there is a text
        ({"at": "2026-01-01T01:00:00+09:00", "verdict": "start", "reason": 3}, "x.reason: 3 is no <class 'str'>"),
    ],
)
def test_the_checker_notices(value: dict[str, Any], complaint: str | None) -> None:
    """The checker of this page finds what it is there to find."""
    found = list(_complaints(value, contract.NextFire, "x", set()))
    assert len(found) == (complaint is not None)
    assert complaint is None or complaint in found[0]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Make a configuration, a month of history and an operator's crontab; return the global options."""
    (tmp_path / "batchctl.toml").write_text(_CONFIG, encoding="utf-8")
    for name in ("secrets.env", "other.env"):
        (tmp_path / name).write_text("B=c\n", encoding="utf-8")
    (tmp_path / "old-crontab").write_text(_OLD_CRONTAB, encoding="utf-8")
    shutil.copy(_CRONTAB, tmp_path / "crontab")
    (tmp_path / "spool").write_bytes(b"5 4 * * * true\n")
    monkeypatch.setenv("FAKE_CRONTAB", str(tmp_path / "spool"))
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    rows, now = Rows(tmp_path / "state"), clock.now()
    rows.run("매일-배치", now - 60 * DAY)
    rows.run("unfired", now - 5 * HOUR)
    for day in range(28, 1, -2):
        run = rows.run("매일-배치", now - day * DAY, (25 + day % 3) * HOUR, "failed" if day == 14 else "succeeded")
        for seq, step in enumerate(("31", "61"), 1):
            rows.step(run, seq, step, step_group="검색", duration_s=12.5 * HOUR, started_at=now - day * DAY)
        rows.skip("매일-배치", now - (day - 1) * DAY, run=run)
    return ["--config", str(tmp_path / "batchctl.toml"), "--state", str(tmp_path / "state")]


_AS_WRITTEN = [contract_jobs.JobKeys, contract_jobs.ShownJob]
"""Types whose instants are those of the configuration, in its own time zone."""
_BASES = [contract.Detail, contract_jobs.JobSummary, contract_jobs._Shown, contract_upkeep.Machine]
"""What others extend, and nothing is by itself."""

_ASKED: list[tuple[str, Any]] = [
    ("prune --dry-run --json", contract_upkeep.Pruned),
    ("prune --json", contract_upkeep.Pruned),
    ("backup {place}/kept/ --json", contract_upkeep.Backup),
    ("backup --verify {place}/kept/ --json", contract_upkeep.Backup),
    ("run works --json", contract.Run),
    ("run works --resume --json", contract.Run),
    ("run off --json", contract.Run),
    ("run full --dry-run --json", contract.DryRun),
    ("status --json", contract.Status),
    ("status works --json", contract.Status),
    ("explain 매일-배치 --json", contract.Explain),
    ("explain off --json", contract.Explain),
    ("simulate --duration 26h --every 24h --json", contract.Simulate),
    ("simulate 매일-배치 --from-history 매일-배치 --json", contract.Simulate),
    ("simulate --every 24h --group a=13h --group b=13h --split 12h --json", contract.Simulate),
    ("report --json", contract.Report),
    ("report 매일-배치 --weekly --json", contract.Report),
    ("check --format json", contract_upkeep.Health),
    ("check works --format json", contract_upkeep.Health),
    ("config --json", contract_jobs.Config),
    ("doctor --json", contract_upkeep.Doctor),
    ("upcoming --json", contract.Upcoming),
    ("jobs list --json", contract_jobs.JobList),
    ("jobs show full --json", contract_jobs.ShownJob),
    ("jobs show 매일-배치 --json", contract_jobs.ShownJob),
    ("jobs show goes-on --json", contract_jobs.ShownJob),
    ("jobs show off --json", contract_jobs.ShownJob),
    ("jobs show then --json", contract_jobs.ShownJob),
    ("jobs show cleans --json", contract_jobs.ShownJob),
    ("jobs presets --json", contract_jobs.Presets),
    ("jobs import {place}/old-crontab --json", contract_jobs.Imported),
    ("crontab show --json", contract_jobs.Crontab),
    ("alerts list --json", contract_upkeep.Alerts),
    ("alerts test works --json", contract_upkeep.AlertTest),
    ("alerts ack --json", contract_upkeep.Acked),
    ("advise --json", contract_upkeep.Advise),
    ("jobs presets --install --json", contract_jobs.Changed),
    ("events --since 3d --json", contract.Event),
    ("--module nowhere config --json", contract_jobs.Config),
]
"""What is asked, in this order, and what the answer must be."""


@pytest.mark.slow
def test_every_command_keeps_the_contract(command: list[str], tmp_path: Path) -> None:
    """No key is missing, none is unknown, each value is of its type; and no type has a key that nothing shows."""
    seen: set[tuple[Any, str]] = set()
    wrong: list[str] = []
    with start_batchctl(*command, "run", "goes-on") as going_on:
        try:
            wait_for(lambda: _is_under_way(command), "a step with progress")
            for asked, hint in _ASKED:
                done = batchctl(*command, *asked.format(place=tmp_path).split())
                assert done.stdout, f"{asked}: {done.stderr}"
                for said in done.stdout.splitlines() if hint is contract.Event else [done.stdout]:
                    wrong += _complaints(json.loads(said), hint, asked, seen)
        finally:
            going_on.terminate()
            going_on.communicate()
    (tmp_path / "state" / "batchctl.db").write_bytes(b"no history")
    assert batchctl(*command, "check").returncode == 74
    wrong += _complaints(
        json.loads((tmp_path / "state" / "health.json").read_bytes()), contract_upkeep.Untrusted, "health.json", seen
    )
    assert "\n".join(wrong) == ""
    promised = {
        (hint, key)
        for page in (contract, contract_jobs, contract_upkeep)
        for hint in vars(page).values()
        if is_typeddict(hint) and hint not in _BASES
        for key in hint.__annotations__
    }
    assert sorted(f"{hint.__name__}.{key}" for hint, key in promised - seen) == []


def _is_under_way(command: list[str]) -> bool:
    (job,) = json.loads(batchctl(*command, "status", "goes-on", "--json").stdout)["jobs"]
    return job["run"] is not None and job["run"]["progress"] is not None
