"""Trends and clean-up over a catalogue with a past."""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("httpx", reason="the extra batchctl[catalogue] is not installed")

from batchctl.jobs.analyze_trends.trends import analyse
from batchctl.jobs.cleanup_old_data.cleanup import main as clean
from batchctl.jobs.collecting.catalogue import Catalogue

if TYPE_CHECKING:
    from pathlib import Path

DAY = 86400.0


@pytest.fixture
def state(tmp_path: Path) -> Path:
    """Return a state directory whose catalogue was collected 40, 3 and 0 days ago."""
    (tmp_path / "catalogue").mkdir()
    now = time.time()
    past = [{"code": "old", "name": "라디오 구형", "price": 10}]
    first = [
        {"code": "a", "name": "무선 이어폰", "price": 1000, "stock": 50, "rank": 3},
        {"code": "b", "name": "접이식 우산", "price": 2000, "stock": 10, "rank": 1},
        {"code": "c", "name": "팩스 용지", "price": 500, "stock": 5},
    ]
    second = [
        {**first[0], "price": 1500, "stock": 0, "rank": 1},
        {**first[1], "price": 2100, "rank": 2},
        {"code": "d", "name": "무선 가습기", "price": 9000, "stock": 7},
    ]
    with Catalogue(str(tmp_path / "catalogue/catalogue.db")) as catalogue:
        for age, rows in ((40, past), (3, first), (0, second)):
            collection = catalogue.begin("s", "all", now - age * DAY)
            catalogue.add_page(collection, rows, 0, None)
            catalogue.end(collection, now - age * DAY + 60)
    return tmp_path


def test_movers_and_words(state: Path) -> None:
    """The biggest relative moves come first; new words are of new products alone, vanished ones of those that went."""
    found: dict[str, Any] = analyse(str(state / "catalogue/catalogue.db"), time.time() - 7 * DAY, 10)
    prices = [(row["code"], row["before"], row["after"]) for row in found["price_movers"]]
    assert prices == [("a", 1000, 1500), ("b", 2000, 2100)]
    assert [row["code"] for row in found["stock_movers"]] == ["a"]
    assert [(row["code"], row["after"]) for row in found["rank_movers"]] == [("b", 2), ("a", 1)]
    assert {row["word"] for row in found["new_words"]} == {"무선", "이어폰", "접이식", "우산", "팩스", "용지", "가습기"}
    assert {row["word"] for row in found["vanished_words"]} == {"팩스", "용지"}


def test_clean_up_keeps_what_is_still_there(state: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Products not seen for 30 days go with their observations, old files too; the rest stays."""
    result = tmp_path / "result"
    monkeypatch.setenv("BATCHCTL_RESULT", str(result))
    (state / "tmdb").mkdir()
    old, new = state / "tmdb/daily_20200101.json", state / "tmdb/daily_20261121.json"
    for file in (old, new):
        file.write_text("{}")
    os.utime(old, (time.time() - 40 * DAY,) * 2)
    assert clean(["--data", str(state), "--days", "30"]) == 0
    found = json.loads(result.read_text())
    assert (found["items"], found["observations"], found["collections"], found["files"]) == (1, 1, 1, 1)
    assert not old.exists()
    assert new.exists()
    with Catalogue(str(state / "catalogue/catalogue.db")) as catalogue:
        codes = [row[0] for row in catalogue.connection.execute("select code from items order by code")]
    assert codes == ["a", "b", "c", "d"]
