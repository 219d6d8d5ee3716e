"""The example package: installed into a venv of its own, it does what its README says, under cron itself too."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pages import ROOT
from support import rows, wait_for

if TYPE_CHECKING:
    from cron.conftest import RealCrontab

EXAMPLE = ROOT / "examples" / "shop"
COLLECT = "collect_wholesale_products"
PATIENCE = 150.0
"""Seconds; cron's next minute, and what a loaded machine takes for a run."""


class Shop:
    """The package in a venv, its configuration in a folder, its history in another."""

    def __init__(self, place: Path) -> None:
        """Install it as its README says."""
        self.place, self.state, self.bin = place / "가게", place / "state", place / "venv" / "bin"
        subprocess.run([sys.executable, "-m", "venv", str(place / "venv")], check=True)
        for each in (ROOT, EXAMPLE):  # a copy: building writes beside the sources
            shutil.copytree(each, place / each.name, ignore=shutil.ignore_patterns(".*", "*.egg-info", "tests", "site"))
        pip = [str(self.bin / "pip"), "install", "-q", "--disable-pip-version-check"]
        subprocess.run([*pip, str(place / ROOT.name), str(place / EXAMPLE.name)], check=True, timeout=280)
        self.place.mkdir()
        self.config = self.place / "batchctl.toml"
        shutil.copy(EXAMPLE / "batchctl.toml", self.config)

    def __call__(self, *words: str, code: int = 0) -> str:
        """Run a program of the venv in the shop's folder; return what it prints."""
        env = os.environ | {"BATCHCTL_CONFIG": str(self.config), "BATCHCTL_STATE": str(self.state)}
        done = subprocess.run(
            [str(self.bin / words[0]), *words[1:]], env=env, cwd=self.place, capture_output=True, text=True, check=False
        )
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout + done.stderr

    def ask(self, *words: str) -> Any:
        """Return what batchctl prints as JSON."""
        return json.loads(self("batchctl", *words, "--json"))


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Install the example once."""
    return Shop(tmp_path_factory.mktemp("shop"))


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_shop_does_what_it_shows(shop: Shop) -> None:
    """Its functions are jobs, one fires the next, the guard skips by itself, the asyncio program looks on."""
    jobs = {each["job"]: each for each in shop.ask("jobs", "list")["jobs"]}
    assert set(jobs) == {"take_orders", COLLECT, "update_prices", "weekly_report"}
    assert jobs["take_orders"]["description"].startswith("주문 수집")
    shop("batchctl", "run", COLLECT, "--param", "suppliers=zentrade", code=2)
    shop("batchctl", "run", COLLECT, "--param", 'suppliers=["zentrade"]')
    wait_for(lambda: _succeeded(shop, "update_prices"), "the job that comes after", PATIENCE)
    shop("python", "-m", "shop.nightly")
    assert "not now: " in shop("python", "-m", "shop.nightly", code=75)
    assert shop.ask("report", "stocktaking")["runs"][0]["steps"][0]["result"] == {"counted": 20}
    assert "succeeded {'collected': 20}" in shop("python", "-m", "shop.desk")
    shop("batchctl", "run", "weekly_report")
    assert shop("batchctl", "logs", "weekly_report").endswith("products\n")


@pytest.mark.slow
@pytest.mark.cron
@pytest.mark.timeout(600)
def test_cron_fires_the_shop_s_functions(shop: Shop, real_cron: RealCrontab) -> None:
    """Debian's cron fires a decorated function from the installed block, and no more once that is removed."""
    real_cron.install("# the shop's own lines")
    shop("batchctl", "crontab", "install", "--no-care")
    try:
        text = real_cron.read().decode()
        assert [text.count(f" run {name}") for name in ("take_orders", COLLECT, "update_prices", "weekly_report")] == [
            1, 1, 0, 1,
        ]  # fmt: skip
        wait_for(lambda: _succeeded(shop, "take_orders"), "cron's fire", PATIENCE)
    finally:
        shop("batchctl", "crontab", "remove")
    run = shop.ask("report", "take_orders")["runs"][0]
    assert run["steps"][0]["result"] == {"taken": 3}
    assert time.time() - 2 * PATIENCE < rows(shop.state, "select max(scheduled_for) from runs")[0][0] <= time.time()


def _succeeded(shop: Shop, job: str) -> bool:
    return any(run["status"] == "succeeded" for run in shop.ask("report", job)["runs"])
