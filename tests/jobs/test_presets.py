"""Every preset, end to end: on a fresh machine, without configuration but for a faster rate."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from support import batchctl, rows, wait_for

pytest.importorskip("httpx", reason="the extra batchctl[catalogue] is not installed")
pytest.importorskip("stamina", reason="the extra batchctl[catalogue] is not installed")
pytest.importorskip("sqlalchemy", reason="the extra batchctl[catalogue] is not installed")
pytest.importorskip("PIL", reason="the extra batchctl[catalogue] is not installed")

from batchctl.config import load
from batchctl.config.loader import presets
from batchctl.jobs.sources import collect, known, zentrade
from batchctl.present.descriptions import IN_ENGLISH

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.usefixtures("a_day")
_SOURCES = ("ownerclan", "zentrade", "domeggook", "domomae", "coupang", "naver", "tmdb", "images")
_SCHEDULES = {
    "daily-batch": "0 1 * * *",
    "keyword-search": "0 1 * * *",
    "market-upload": "after keyword-search",
    "collect-ownerclan": "0 3 * * *",
    "collect-zentrade": "0 4 * * *",
    "collect-suppliers": "0 2 * * 0",
    "collect-wholesale": "0 2 * * *",
    "collect-bestsellers": "0 14 * * *",
    "process-images": "0 3 * * *",
    "cleanup-old-data": "0 1 * * 0",
    "daily-report": "0 23 * * *",
    "analyze-trends": "0 18 * * *",
    "tmdb-daily": "0 2 * * *",
    "tmdb-weekly": "0 3 * * 0",
    "tmdb-hourly": "0 * * * *",
    "tmdb-monthly": "0 4 1 * *",
    "tables-daily": "0 2 * * *",
    "tables-monthly": "30 2 1 * *",
    "tables-cleanup": "0 5 * * 0",
    "health-check": "*/10 * * * *",
}


_PAIR = ("keyword-search", "market-upload")
"""The halves of daily-batch."""


@pytest.fixture
def machine(tmp_path: Path) -> tuple[Path, list[str]]:
    """Return a state directory and the options of a configuration that only makes the sample sources fast."""
    config = tmp_path / "batchctl.toml"
    lines = [f"[sources.{name}]\nrate_limit = 1000\n" for name in _SOURCES]
    lines += [f'[jobs.{name}]\npreset = "{name}"\n' for name in _SCHEDULES]
    config.write_text("".join(lines), encoding="utf-8")
    return tmp_path / "state", ["--config", str(config), "--state", str(tmp_path / "state")]


def run(where: list[str], job: str, *options: str) -> dict[str, Any]:
    """Run a job to success and return the contract's object."""
    done = batchctl(*where, "run", job, "--force", "--json", *options)
    assert done.returncode == 0, done.stderr + done.stdout
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def results(found: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the results of the steps."""
    return [step["result"] for step in found["steps"]]


def test_the_presets_are_the_catalogues() -> None:
    """Names, schedules and the defaults of presets are those that are documented."""
    found = presets()
    assert {name: job.schedule.text for name, job in found.items()} == _SCHEDULES
    for name, job in found.items():
        assert job.description in IN_ENGLISH, name
        assert job.timeout, name
        if name not in {"daily-batch", "health-check"}:
            assert all(step.retries == 3 for step in job.steps) or name in _PAIR, name
            assert job.kind in {"collection", "processing", "maintenance", "report", "analysis"}, name
    hours = found["tmdb-hourly"].rules.active_hours
    assert hours is not None
    assert (hours.start, hours.end) == (8 * 60, 22 * 60 + 59)


@pytest.mark.slow
def test_suppliers_are_collected_one_after_another(machine: tuple[Path, list[str]]) -> None:
    """Four steps, four sources in one catalogue, counts in the results; a second run finds nothing new."""
    state, where = machine
    assert [result["collected"] for result in results(run(where, "collect-suppliers"))] == [295, 295, 296, 296]
    connection = sqlite3.connect(state / "catalogue/catalogue.db")
    assert connection.execute("select count(distinct source) from items").fetchone() == (4,)
    connection.close()
    (again,) = results(run(where, "collect-wholesale"))
    assert (again["collected"], again["new"], again["failed_sources"]) == (1182, 0, 0)
    (only,) = results(run(where, "collect-wholesale", "--param", 'suppliers=["zentrade"]', "--param", "test_mode=true"))
    assert only["test_mode"] is True


def test_one_supplier_that_fails_does_not_stop_the_others(tmp_path: Path) -> None:
    """All the others are collected, and the program ends with 1 and says which one failed and why."""
    result = tmp_path / "result"
    dead = {"zentrade": {"base_url": "http://127.0.0.1:9", "retries": 0, "timeout": 1.0}}
    environment = {**os.environ, "BATCHCTL_SOURCES": json.dumps(dead), "BATCHCTL_RESULT": str(result)}
    names = '["zentrade", "ownerclan", "domeggook"]'
    command = [sys.executable, "-m", "batchctl.jobs.sources.collect", "--sources", names, "--data", str(tmp_path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "zentrade: failed" in done.stderr
    found = json.loads(result.read_text(encoding="utf-8"))
    assert found["failed_sources"] == 1
    assert found["sources"] == {"ownerclan": 295, "domeggook": 296}


def test_a_source_that_was_added(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """A listing named in known.py is all that a new source needs to be collected; other names are refused."""
    monkeypatch.setitem(known.SOURCES, "새도매", (zentrade.PATH, zentrade.listing))
    monkeypatch.setenv("BATCHCTL_SOURCES", json.dumps({"새도매": {"rate_limit": 1000}}))
    monkeypatch.setenv("BATCHCTL_RESULT", str(tmp_path / "result"))
    assert collect.main(["--sources", "새도매", "--data", str(tmp_path / "data")]) == 0
    assert json.loads((tmp_path / "result").read_text(encoding="utf-8"))["collected"] > 200
    with pytest.raises(SystemExit) as caught:
        collect.main(["--sources", "새도매,없는곳", "--data", str(tmp_path / "data")])
    assert caught.value.code == 2
    assert "unknown source 없는곳; known: ownerclan" in capfd.readouterr().err


@pytest.mark.slow
def test_wholesale_and_what_lives_on_it(machine: tuple[Path, list[str]]) -> None:
    """Images, report, trends and clean-up work on what the collectors brought."""
    state, where = machine
    run(where, "collect-zentrade")
    run(where, "collect-bestsellers")
    (images,) = results(run(where, "process-images", "--param", "limit=200"))
    # One picture in 50 is none; which products there are depends on the day.
    assert 1 <= images["failed_items"] <= 10
    assert images["processed"] >= 50
    assert len(list((state / "catalogue/images").glob("*.jpg"))) == images["processed"]
    (again,) = results(run(where, "process-images", "--param", "limit=10"))
    assert again["processed"] == 10
    products, _ = results(run(where, "daily-report"))
    assert products["products"] > 600
    assert (state / "reports/collections.md").stat().st_size > 100
    (trends,) = results(run(where, "analyze-trends"))
    assert trends["price_movers"] == 0
    assert trends["text"]
    run(where, "cleanup-old-data")
    _, cleaned = results(run(where, "cleanup-old-data", "--param", "days=0"))
    assert cleaned["items"] > 600
    assert cleaned["files"] > 60
    assert not list((state / "catalogue/images").glob("*.jpg"))


@pytest.mark.parametrize(
    ("cadence", "files"),
    [("daily", 1), ("weekly", 2), ("hourly", 1), ("monthly", 2)],
)
def test_films(machine: tuple[Path, list[str]], cadence: str, files: int) -> None:
    """The file of the cadence holds films once each, with sources and statistics; the long ones a report beside it."""
    state, where = machine
    (result,) = results(run(where, f"tmdb-{cadence}"))
    (again,) = results(run(where, f"tmdb-{cadence}"))
    assert again["file"] == result["file"]
    assert sum(path.is_file() for path in (state / "tmdb").rglob("*")) == files
    content = json.loads((state / "tmdb" / result["file"]).read_text(encoding="utf-8"))
    ids = [film["id"] for film in content["films"]]
    assert len(ids) == len(set(ids)) == result["collected"]
    assert all(film["sources"] for film in content["films"])
    assert sum(content["statistics"]["ratings"].values()) == len(ids)
    assert len(content["statistics"]["top_10"]) == 10
    assert result["quality_rate"] > 90
    about = {"daily": "daily", "hourly": "hourly_trending", "weekly": "weekly", "monthly": "monthly"}[cadence]
    assert (content["collection_type"], content["timestamp"][:8]) == (about, "20261124")
    assert content["total_valid"] == len(ids) <= content["total_collected"]
    assert sum(content["by_source"].values()) == sum(content["sources"].values())
    if cadence == "weekly":
        assert (result["file"], result["week_number"]) == ("weekly_W48.json", 48)
        assert set(content["by_source"]) == {"genres", "top_rated", "trending"}
        assert result["report"] == "weekly_reports/weekly_report_W48.json"
    if cadence == "monthly":
        assert (result["month"], result["report"]) == ("202611", "monthly_reports/monthly_report_202611.json")
    if files == 2:
        report = json.loads((state / "tmdb" / result["report"]).read_text(encoding="utf-8"))
        assert list(report["ratings"]) == ["9-10", "8-8.9", "7-7.9", "6-6.9", "5-5.9", "below 5"]
        assert "드라마" in report["genres"]
        assert (report["report_type"], report["collection_stats"]["total_valid"]) == (cadence, len(ids))
        assert len(report["top_movies"]) == 20
        assert sum(report["rating_distribution"].values()) == sum(report["release_year_distribution"].values())
        assert set(report["genre_distribution"]) == {"18", "27", "28", "35", "10749"}


def test_the_health_check_gets_well_again(tmp_path: Path) -> None:
    """It fails while another job is failing, never for its own failures, and is well when the cause is gone."""
    config, flag = tmp_path / "batchctl.toml", tmp_path / "ok"
    config.write_text(f'[jobs.health-check]\npreset = "health-check"\n[jobs.a]\nrun = "test -e {flag}"\n')
    where = ["--config", str(config), "--state", str(tmp_path / "state")]
    assert batchctl(*where, "run", "health-check").returncode == 0
    assert batchctl(*where, "run", "a").returncode == 1
    for _ in range(2):
        assert batchctl(*where, "run", "health-check").returncode == 1
    flag.touch()
    assert batchctl(*where, "run", "a").returncode == 0
    assert batchctl(*where, "run", "health-check").returncode == 0


def test_the_sample_server_runs_by_itself(tmp_path: Path) -> None:
    """`batchctl sample-server` serves until it is told to end."""
    import signal
    import urllib.request

    from support import start_batchctl

    process = start_batchctl("sample-server")
    assert process.stdout
    address = process.stdout.readline().split()[3].rstrip(";")
    with urllib.request.urlopen(f"{address}/tmdb/3/movie/popular?page=2") as answer:  # noqa: S310 - our own
        assert json.load(answer)["page"] == 2
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 0


@pytest.mark.slow
def test_what_the_presets_write_is_private(machine: tuple[Path, list[str]]) -> None:
    """Whatever the umask, nobody but the owner reads a file that any preset leaves in the state directory."""
    state, where = machine
    for name in _SCHEDULES:
        if name == "market-upload":  # the end of keyword-search fires it
            query = "select 1 from runs where job = 'market-upload' and status = 'succeeded'"
            wait_for(lambda: rows(state, query), "its end", 60)  # noqa: B023 - asked before the next round
            continue
        done = batchctl(*where, "run", name, "--force", umask=0)
        assert done.returncode == 0, f"{name}: {done.stderr}"
    found = {path: stat.S_IMODE(path.lstat().st_mode) for path in [state, *state.rglob("*")]}
    assert {path: oct(mode) for path, mode in found.items() if mode != (0o700 if path.is_dir() else 0o600)} == {}
    names = {path.name for path in found}
    assert {"catalogue.db", "tables.db", "found.db", "11st.jsonl", "collections.md", "images", "tmdb"} <= names
    assert len(found) > 100


def test_every_preset_is_a_valid_configuration(machine: tuple[Path, list[str]]) -> None:
    """All of them load under a configuration of one's own."""
    assert set(load(machine[1][1]).jobs) == set(_SCHEDULES)


def test_the_pair_is_the_chain() -> None:
    """keyword-search and market-upload together have the steps of daily-batch, and each its own budget within a day."""
    found = presets()
    search, upload = (found[name] for name in _PAIR)
    assert (*search.steps, *upload.steps) == found["daily-batch"].steps
    assert upload.schedule.after == ("keyword-search",)
    for job in (search, upload):
        assert job.params == found["daily-batch"].params
        assert (job.timeout or 0) + job.rules.min_gap <= 86400
