"""Keys of alerts, expectations and retention: a job's own word, then the top level's, then the default."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from batchctl.base.errors import ConfigError
from batchctl.config import load, load_job
from batchctl.core.model import Alerting, Condition, Expect, Retention, Window

if TYPE_CHECKING:
    from pathlib import Path

_TEXT = """
notify = ["json://localhost/all"]
remind_every = "4h"
keep_days = 7
disk_free_min = "2GB"
[jobs.a]
run = "true"
alert_after = 2
quiet_hours = "22:00-07:00"
alert_on_output = ["ERROR", "실패"]
on_alert = ["/bin/tell", "me"]
long_after = "28h"
catch_up = true
catch_up_window = "12h"
keep_bytes = "1GB"
[jobs.a.notify]
failed = ["mailto://x"]
[jobs.a.expect]
collected = ">= 500"
quality_rate = ">= 80 %"
fail = true
[jobs.b]
run = "true"
"""


def test_keys_are_inherited_and_survive_compiling(tmp_path: Path) -> None:
    """What is written arrives, by the full way and by the compiled one."""
    path = tmp_path / "batchctl.toml"
    path.write_text(_TEXT, encoding="utf-8")
    config = load(str(path))
    a, b = config.jobs["a"], config.jobs["b"]
    assert a.alerting == Alerting(
        notify={"failed": ("mailto://x",)},
        on_alert=("/bin/tell", "me"),
        alert_after=2,
        long_after=28 * 3600.0,
        alert_on_output=("ERROR", "실패"),
        quiet_hours=Window(start=22 * 60, end=7 * 60),
        remind_every=4 * 3600.0,
    )
    bounds = (
        Condition(key="collected", operator=">=", bound=500.0),
        Condition(key="quality_rate", operator=">=", bound=80.0),
    )
    assert a.expect == Expect(conditions=bounds, fail=True)
    assert a.retention == Retention(keep_days=7.0, keep_bytes=10**9)
    assert (a.catch_up, a.catch_up_window) == (True, 12 * 3600.0)
    assert b.alerting == Alerting(notify={"default": ("json://localhost/all",)}, remind_every=4 * 3600.0)
    assert config.disk_free_min == 2 * 10**9
    state = tmp_path / "state"
    end = time.monotonic() + 20
    while not list(state.glob("config-*.bin")):  # a file that changed just now is not compiled yet
        assert time.monotonic() < end
        load_job(str(path), "a", str(state))
    assert load_job(str(path), "a", str(state))[0] == a


@pytest.mark.parametrize(
    ("line", "key", "remedy"),
    [
        ('notify = ["no-address"]', "notify", "mailtos://"),  # no scheme
        ("notify = 3", "notify", "notify"),  # neither list nor table
        ('notify = { faild = ["json://x"] }', "faild", "failed"),  # a condition that does not exist
        ('ping_url = "ftp://x"', "ping_url", "https://"),  # not http
        ("alert_after = 0", "alert_after", "3"),  # out of range
        ('quiet_hours = "25:00-1"', "quiet_hours", "quiet_hours ="),  # no time of day
        ('expect = { collected = "many" }', "collected", ">= 500"),  # no condition
        ('expect = { fail = "yes" }', "fail", "true"),  # not a boolean
        ('every = "500ms"', "every", "30h"),  # finer than cron
        ('alert_on_output = [""]', "alert_on_output", "ERROR"),  # matches everything
    ],
)
def test_wrong_values_are_named(tmp_path: Path, line: str, key: str, remedy: str) -> None:
    """Each error names the file, the key and what to write."""
    path = tmp_path / "batchctl.toml"
    path.write_text(f'[jobs.a]\nrun = "true"\n{line}\n', encoding="utf-8")
    with pytest.raises(ConfigError) as raised:
        load(str(path))
    assert str(path) in str(raised.value)
    assert key in str(raised.value)
    assert remedy in raised.value.remedy
