"""The configuration: what the files say becomes jobs, with every default, every override and its origin."""

from __future__ import annotations

import subprocess
import sys
import unicodedata
from typing import TYPE_CHECKING

import pytest

from batchctl.base.errors import ConfigError
from batchctl.config import load, load_as, load_presets
from batchctl.core.model import Group, Window
from batchctl.core.time import zones
from batchctl.core.time.cadence import share_of
from batchctl.core.time.schedule import fires
from batchctl.present.config import job_as_json, job_as_toml

if TYPE_CHECKING:
    from pathlib import Path

    from batchctl.core.model import Job

CONTRACT = """
timezone = "Asia/Seoul"
[pools]
collectors = 1
[jobs.daily-batch]
description = "키워드 검색 후 마켓 업로드"
schedule = "0 1 * * *"
timeout = "30h"
stale_after = "36h"
min_gap = "6h"
params = { account = "계정1", limit = 100 }
[[jobs.daily-batch.steps]]
id = "31"
group = "keyword-search"
run = "collect --step 31 --account {account} --limit {limit}"
params = { limit = 300 }
timeout = "6h"
retries = 2
[jobs.daily-batch.groups.keyword-search]
parallel = false
"""


def write(tmp_path: Path, text: str, name: str = "batchctl.toml") -> str:
    """Write a configuration file and return its path."""
    file = tmp_path / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return str(file)


def only_job(tmp_path: Path, keys: str) -> Job:
    """Return the job of these keys, which is one step unless they say otherwise."""
    (job,) = load(write(tmp_path, f"[jobs.x]\n{keys}")).jobs.values()
    return job


def test_the_contracts_example(tmp_path: Path) -> None:
    """The example of the contract means what it says."""
    path = write(tmp_path, CONTRACT)
    config = load(path)
    job = config.jobs["daily-batch"]
    assert (config.path, config.files, config.timezone, config.pools) == (
        path,
        (path,),
        "Asia/Seoul",
        {"collectors": 1},
    )
    assert (job.schedule.text, job.timeout, job.grace, job.origin) == ("0 1 * * *", 108000.0, 10.0, path)
    assert job.schedule.cron is not None
    assert job.schedule.cron.hours == (1,)
    assert (job.rules.stale_after, job.rules.on_stale, job.rules.min_gap) == (129600.0, "takeover", 21600.0)
    assert job.rules.zone == zones.NamedZone("Asia/Seoul")
    assert (job.params, job.steps[0].params) == ({"account": "계정1", "limit": 100}, {"limit": 300})
    assert (job.steps[0].id, job.steps[0].timeout, job.steps[0].retries) == ("31", 21600.0, 2)
    assert job.groups == (Group(name="keyword-search"),)


def test_without_a_file_there_are_no_jobs() -> None:
    """No configuration at all: nothing is a job, and what is ready-made can still be asked for."""
    assert not load(None).jobs
    config = load_presets(None)
    job = config.jobs["daily-batch"]
    assert (config.path, config.timezone, job.origin) == (None, None, "preset daily-batch")
    assert [step.id for step in job.steps] == ["31", "32", "33", "61", "62", "63"]
    assert [group.name for group in job.groups] == ["keyword-search", "market-upload"]
    assert config.origins["jobs.daily-batch.timeout"] == "preset daily-batch"


def test_a_job_that_is_one_command(tmp_path: Path) -> None:
    """`run`, `argv` or `function` on the job itself is one step with the id 1."""
    job = only_job(tmp_path, 'function = "shop.prices:refresh"\npython = "/opt/py"\nretries = 3\nretry_delay = "5s"')
    (step,) = job.steps
    assert (step.id, step.function, step.python, step.retries, step.retry_delay) == (
        "1",
        "shop.prices:refresh",
        "/opt/py",
        3,
        5.0,
    )


@pytest.mark.parametrize(
    ("keys", "text", "every", "at"),
    [
        ('every = "30h"', "every 30h", 108000.0, None),  # counted from the last start
        ("every = 90", "every 1m 30s", 90.0, None),  # a bare number is seconds
        ("at = 2026-12-01T12:00:00", "at 2026-12-01T12:00:00", None, 1796094000.0),  # wall time of the zone
        ("at = 2026-12-01T12:00:00Z", "at 2026-12-01T12:00:00+00:00", None, 1796126400.0),  # its own offset
        ("", "", None, None),  # by hand only
    ],
)
def test_schedules_without_cron(tmp_path: Path, keys: str, text: str, every: float | None, at: float | None) -> None:
    """`every` and `at` reach schedule and rules alike."""
    config = load(write(tmp_path, f'timezone = "Asia/Seoul"\n[jobs.x]\nrun = "true"\n{keys}'))
    job = config.jobs["x"]
    assert (job.schedule.text, job.schedule.every, job.schedule.at, job.schedule.cron) == (text, every, at, None)
    assert (job.rules.every, job.rules.at) == (every, at)


def test_daily_is_cron(tmp_path: Path) -> None:
    """`daily = "14:30"` is the cron expression of that time."""
    cron = only_job(tmp_path, 'run = "true"\ndaily = "14:30"').schedule.cron
    assert cron is not None
    assert (cron.text, cron.hours, cron.minutes) == ("30 14 * * *", (14,), (30,))


def test_jitter_delays_by_the_jobs_own_share(tmp_path: Path) -> None:
    """Two jobs of one schedule fire apart, each at its share of the jitter, and the preview knows."""
    text = "".join(f'[jobs.{name}]\nrun = "true"\ndaily = "01:00"\njitter = "30m"\n' for name in ("a", "b"))
    config = load(write(tmp_path, f'timezone = "Asia/Seoul"\n{text}'))
    delays = [job.schedule.delay for job in config.jobs.values()]
    assert delays == [share_of(1800.0, "a"), share_of(1800.0, "b")]
    assert delays[0] != delays[1]
    job = config.jobs["a"]
    one_o_clock = zones.parse_time("2026-11-21T01:00", job.rules.zone)
    assert next(fires(job.schedule, job.rules.zone, one_o_clock - 60)) == one_o_clock + delays[0]
    assert job_as_json(job)["jitter"] == 1800.0
    assert 'jitter = "30m"  # ' in "\n".join(job_as_toml(job, config.origins, str(tmp_path)))


def test_kind_arrives(tmp_path: Path) -> None:
    """What a job is for is one of five words."""
    assert only_job(tmp_path, 'run = "true"\nkind = "analysis"').kind == "analysis"


def test_a_change_is_judged_before_it_is_made(tmp_path: Path) -> None:
    """Files as they will be, new, changed or gone, stand in for those on disk."""
    path = write(tmp_path, '[jobs.x]\nrun = "true"')
    write(tmp_path, 'run = "true"', "jobs.d/old.toml")
    changes = {
        path: b'[jobs.y]\nrun = "true"',
        f"{tmp_path}/jobs.d/old.toml": None,
        f"{tmp_path}/jobs.d/new.toml": b'run = "true"',
    }
    assert list(load_as(path, changes).jobs) == ["y", "new"]
    assert list(load(path).jobs) == ["x", "old"]


def test_every_rule_arrives(tmp_path: Path) -> None:
    """Each key that the decision needs is in the rules."""
    text = """
    [pools]
    p = 2
    [jobs.x]
    run = "true"
    enabled = false
    active_hours = "22:30-6:00"
    stale_after = "2d"
    on_stale = "alert"
    gap_factor = 1.2
    gap_after = "success"
    pool = "p"
    """
    rules = load(write(tmp_path, text)).jobs["x"].rules
    assert (rules.enabled, rules.active_hours) == (False, Window(start=1350, end=360))
    assert (rules.stale_after, rules.on_stale, rules.gap_factor) == (172800.0, "alert", 1.2)
    assert (rules.gap_after, rules.pool, rules.pool_limit) == ("success", "p", 2)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ('"200MB"', 200_000_000),  # decimal
        ('"64MiB"', 67_108_864),  # binary
        ('"1.5k"', 1500),
        ("4096", 4096),  # bytes
        ('"10 GB"', 10_000_000_000),
    ],
)
def test_sizes(tmp_path: Path, written: str, expected: int) -> None:
    """A size is bytes, or text with a unit."""
    assert only_job(tmp_path, f'run = "true"\nlog_max = {written}').log_max == expected


def test_paths_start_from_the_file(tmp_path: Path, home: Path) -> None:
    """A relative path starts from the directory of the file that says it, `~` is the home directory."""
    keys = 'run = "true"\nenv_file = "secret.env"\ncwd = "~/work"\npath = "bin:/opt/bin"'
    job = only_job(tmp_path, keys)
    assert (job.env_file, job.cwd) == (f"{tmp_path}/secret.env", f"{home}/work")
    assert job.path == (f"{tmp_path}/bin", "/opt/bin")


def test_env_file_is_not_read_at_load(tmp_path: Path) -> None:
    """What an env_file says is for the moment a run starts; that it is missing is no error of the configuration."""
    assert only_job(tmp_path, 'run = "true"\nenv_file = "not-there"').env_file == f"{tmp_path}/not-there"


def test_dates_in_params_become_text(tmp_path: Path) -> None:
    """Parameters are JSON values, so a date is its ISO text."""
    job = only_job(tmp_path, 'run = "true"\nparams = { since = 2026-01-02, at = [07:30:00], deep = { a = true } }')
    assert job.params == {"since": "2026-01-02", "at": ["07:30:00"], "deep": {"a": True}}


def test_names_are_kept_in_one_normal_form(tmp_path: Path) -> None:
    """A name typed in decomposed Hangul is the same name."""
    decomposed = unicodedata.normalize("NFD", "키워드-검색")
    assert list(load(write(tmp_path, f'[jobs."{decomposed}"]\nrun = "true"')).jobs) == ["키워드-검색"]


@pytest.mark.parametrize("prefix", ["\ufeff", ""])
def test_byte_order_mark_and_crlf_are_accepted(tmp_path: Path, prefix: str) -> None:
    """A file saved by a Windows editor is a configuration like any other."""
    file = tmp_path / "c.toml"
    file.write_bytes((prefix + '[jobs.x]\r\nrun = "true"\r\n').encode())
    assert list(load(str(file)).jobs) == ["x"]


def test_jobs_d(tmp_path: Path) -> None:
    """A file in jobs.d is one job, its keys at the top level; other files there are nobody's business."""
    path = write(tmp_path, '[jobs.x]\nrun = "true"')
    other = write(tmp_path, 'run = "true"\nenv_file = "e"', "jobs.d/나중.toml")
    write(tmp_path, "not toml", "jobs.d/notes.toml.bak")
    write(tmp_path, "not toml", "jobs.d/.hidden.toml")
    config = load(path)
    assert list(config.jobs) == ["x", "나중"]
    assert config.files == (path, other)
    assert (config.jobs["나중"].origin, config.jobs["나중"].env_file) == (other, f"{tmp_path}/jobs.d/e")


def test_a_preset_is_overridden_key_by_key(tmp_path: Path) -> None:
    """The job's own keys win, tables entry by entry, and another schedule replaces the preset's."""
    path = write(tmp_path, '[jobs.shop]\npreset = "daily-batch"\nevery = "48h"\nparams = { limit = 5 }')
    config = load(path)
    job, preset = config.jobs["shop"], load_presets(None).jobs["daily-batch"]
    assert (job.steps, job.timeout, job.origin) == (preset.steps, preset.timeout, path)
    assert (job.schedule.every, job.schedule.cron) == (172800.0, None)
    assert job.params == {**preset.params, "limit": 5}
    assert config.origins["jobs.shop.params.limit"] == path
    assert config.origins["jobs.shop.params.account"] == "preset daily-batch"
    assert config.origins["jobs.shop.grace"] == "default"


def test_own_steps_replace_a_presets_chain(tmp_path: Path) -> None:
    """A command or steps of its own take the place of the preset's whole chain."""
    assert [step.run for step in only_job(tmp_path, 'preset = "daily-batch"\nrun = "true"').steps] == ["true"]


def test_an_override_that_breaks_a_preset_is_told_at_the_override(tmp_path: Path) -> None:
    """The operator is sent to the key that can be changed, not into the package."""
    path = write(tmp_path, '[jobs.x]\npreset = "daily-batch"\ntimeout = "40h"')
    with pytest.raises(ConfigError, match=f"^{path}:3: jobs.x.timeout: stale_after .* is not longer than timeout"):
        load(path)


def test_importing_the_package_imports_nothing_heavy() -> None:
    """The cron line comes through `batchctl.config`, so that import must cost next to nothing."""
    code = "import sys, batchctl.config; print(sorted(set(sys.modules) & {'msgspec', 'tomllib', 're', 'typing'}))"
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path[:0] = {sys.path!r}; {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "[]\n"
