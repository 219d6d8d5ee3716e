"""The presets over several days: the sample moves, and each job has something to do with what moved."""

from __future__ import annotations

import json
import sqlite3
import sys
from contextlib import closing
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("httpx", reason="the extra batchctl[catalogue] is not installed")
pytest.importorskip("stamina", reason="the extra batchctl[catalogue] is not installed")
pytest.importorskip("defusedxml", reason="the extra batchctl[catalogue] is not installed")
pytest.importorskip("sqlalchemy", reason="the extra batchctl[catalogue] is not installed")

from batchctl.jobs.analyze_trends import trends
from batchctl.jobs.cleanup_old_data import cleanup
from batchctl.jobs.daily_batch import market_day, search
from batchctl.jobs.daily_report import statistics
from batchctl.jobs.sample import data
from batchctl.jobs.sources import collect
from batchctl.jobs.tables import maintain

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

FIRST = date(2026, 11, 24)


class Days:
    """Runs programs in one state directory, each on a day of its own, and returns their results."""

    def __init__(self, state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Keep the directory; sources answer as fast as they can."""
        self.state, self._patch = state, monkeypatch
        fast = {name: {"rate_limit": 1000.0} for name in ("zentrade", "coupang")}
        monkeypatch.setenv("BATCHCTL_SOURCES", json.dumps(fast))
        monkeypatch.setenv("BATCHCTL_RESULT", str(state / "result"))

    def run(self, day: int, main: Callable[[list[str]], int], *arguments: str) -> dict[str, Any]:
        """Run a program on the n-th day after the first."""
        self._patch.setenv("BATCHCTL_SAMPLE_DATE", str(FIRST + timedelta(days=day)))
        assert main(list(arguments)) == 0
        found: dict[str, Any] = json.loads((self.state / "result").read_text(encoding="utf-8"))
        return found

    def collect(self, day: int, source: str = "zentrade") -> dict[str, Any]:
        """Collect a source."""
        return self.run(day, collect.main, "--sources", source, "--data", str(self.state / "catalogue"))

    def trends(self, day: int) -> dict[str, Any]:
        """Analyse the last seven days and return what the report says."""
        result = self.run(day, trends.main, "--data", str(self.state))
        with open(result["file"], encoding="utf-8") as file:
            found: dict[str, Any] = json.load(file)
        return found


@pytest.fixture
def days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Days:
    """Return what runs programs on days."""
    return Days(tmp_path, monkeypatch)


def test_a_day_is_always_the_same_and_no_other() -> None:
    """Asked for twice, a day's data are equal; the next day prices, stock, ranks and the range have moved."""
    data.products.cache_clear()
    data.films.cache_clear()
    today, tomorrow = (data.products("zentrade", FIRST + timedelta(days=n)) for n in (0, 1))
    data.products.cache_clear()
    assert data.products("zentrade", FIRST) == today
    before, after = ({row["code"]: row for row in rows} for rows in (today, tomorrow))
    both = before.keys() & after.keys()
    assert 1 <= len(before.keys() - after.keys()) == len(after.keys() - before.keys()) <= 5
    for field in ("price", "stock"):
        assert 10 < sum(before[code][field] != after[code][field] for code in both) < len(both)
    best = [[row["code"] for row in data.best_sellers("coupang-1", FIRST + timedelta(days=n), 50)] for n in (0, 1)]
    assert best[0] != best[1]
    assert len(set(best[0]) & set(best[1])) > 25
    popular = [film["id"] for film in sorted(data.films(FIRST), key=lambda film: -film["popularity"])[:20]]
    talk = {window: [film["id"] for film in data.trending(FIRST, window)[:20]] for window in ("day", "week")}
    assert 0 < len(set(popular) & set(talk["day"])) < 15
    assert talk["day"] != talk["week"]


def test_the_second_day_finds_changes(days: Days) -> None:
    """New and changed products are counted; the statistics of the day and the trends show them, the biggest first."""
    assert days.collect(0)["new"] == 295
    assert days.trends(0)["price_movers"] == []
    again = days.collect(1)
    assert 1 <= again["new"] <= 5
    assert again["changed"] > 100
    assert again["unchanged"] > 20
    days.collect(0, "coupang")
    days.collect(1, "coupang")
    found = days.trends(1)
    moves = [abs(row["after"] - row["before"]) / row["before"] for row in found["price_movers"]]
    assert len(moves) == 20
    assert moves == sorted(moves, reverse=True)
    assert found["rank_movers"]
    assert found["stock_movers"]
    assert days.run(1, statistics.main, "--data", str(days.state))["changed"] > 100


def test_a_change_within_the_window_counts_from_what_was_known_before_it(days: Days) -> None:
    """A price that was last noted before the window and changed once in it is a mover."""
    for day in (0, 8, 9):
        days.collect(day)
    window = (FIRST + timedelta(days=2)).isoformat()
    with closing(sqlite3.connect(days.state / "catalogue/catalogue.db")) as database:
        query = (
            "select code from observations group by code having count(*) = 2 and min(date(seen_at, 'unixepoch')) < ?"
        )
        once = {code for (code,) in database.execute(query, (window,))}
    found = days.run(9, trends.main, "--data", str(days.state), "--top", "999")
    with open(found["file"], encoding="utf-8") as file:
        report = json.load(file)
    assert once & {row["code"] for row in report["price_movers"]}


def test_new_words_come_and_old_ones_go(days: Days) -> None:
    """Within two weeks a fashion begins and one ends."""
    for day in range(0, 15, 2):
        days.collect(day)
    found = days.trends(14)
    assert found["new_words"]
    assert found["vanished_words"]


def test_daily_batch_finds_new_products_each_day(days: Days) -> None:
    """The steps of each day find some that no day before had, and what they find can be bought that day."""
    with open(search._BUNDLED, encoding="utf-8") as file:
        rows = list(search._read_products(file.name))
    for day in range(4):
        options = ["--account", "계정1", "--limit", "100", "--part", "3/3", "--order", "stock"]
        days._patch.setenv("BATCHCTL_RUN_ID", str(day + 1))
        days._patch.setattr(sys, "argv", ["search", *options, "--data", str(days.state / "daily-batch")])
        found = days.run(day, lambda _: search.main())
        assert 0 < found["new"] < found["found"] or day == 0
    with closing(sqlite3.connect(days.state / "daily-batch/found.db")) as database:
        last = dict(database.execute("select product, price from found where run = 4"))
    listed = {row[0]: row[2] for row in market_day.on(FIRST + timedelta(days=3), rows) if row[3] > 0}
    assert last.items() <= listed.items()
    assert any(code.startswith("N2611") for code in last)


def test_old_data_are_there_to_be_cleaned_up(days: Days) -> None:
    """What vanished more than 30 days ago is removed, and nothing that is still sold."""
    days.collect(0)
    assert days.run(1, cleanup.main, "--data", str(days.state))["items"] == 0
    days.collect(40)
    removed = days.run(40, cleanup.main, "--data", str(days.state))
    assert 40 < removed["items"] < 200
    assert removed["observations"] >= removed["items"]
    with closing(sqlite3.connect(days.state / "catalogue/catalogue.db")) as database:
        assert database.execute("select count(*) from items").fetchone() == (295,)


def test_the_daily_tables_are_filled_summed_up_and_dropped(days: Days) -> None:
    """Each day's sales stand in its table, the month's summary says how much, and after 90 days the tables go."""
    where = ("--data", str(days.state / "tables"))
    for day in range(5, 9):
        days.run(day, maintain.main, "daily", *where)
        filled = days.run(day, maintain.main, "fill", *where)
        assert filled["table"] == f"sales_{FIRST + timedelta(days=day - 1):%Y%m%d}"
        assert filled["filled"] > 100
    assert days.run(8, maintain.main, "fill", *where) == filled
    summary = days.run(8, maintain.main, "monthly", *where)
    with closing(sqlite3.connect(days.state / "tables/tables.db")) as database:
        query = "select rows, total from sales_monthly_202611 where day = '20261130' and field = 'amount'"
        (rows, total) = database.execute(query).fetchone()
        real = database.execute("select count(*), sum(amount) from sales_20261130").fetchone()
    assert (summary["table"], (rows, total)) == ("sales_monthly_202611", real)
    assert total > rows > 100
    assert days.run(8, maintain.main, "cleanup", *where)["dropped"] == 0
    assert "sales_20261128" in days.run(100, maintain.main, "cleanup", *where)["tables"]


def test_a_database_of_ones_own_is_not_filled(days: Days, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With TABLES_URL nothing is written into the operator's tables."""
    monkeypatch.setenv("TABLES_URL", f"sqlite:///{tmp_path}/mine.db")
    assert days.run(0, maintain.main, "fill", "--data", str(tmp_path / "tables")) == {"filled": 0}
    with closing(sqlite3.connect(tmp_path / "mine.db")) as database:
        names = [name for (name,) in database.execute("select name from sqlite_master where type = 'table'")]
    assert names == ["batchctl_tables"]


def test_a_date_that_is_none_is_refused(days: Days, capfd: pytest.CaptureFixture[str]) -> None:
    """One line says what a date looks like."""
    days._patch.setenv("BATCHCTL_SAMPLE_DATE", "어제")
    with pytest.raises(SystemExit) as caught:
        trends.main(["--data", str(days.state)])
    assert caught.value.code == 1
    assert "2026-11-25: 어제" in capfd.readouterr().err
