"""Images: fetched, made small, published where a web server has them, and taken away with their product."""

from __future__ import annotations

import json
import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("httpx", reason="the extra batchctl[catalogue] is not installed")
pytest.importorskip("stamina", reason="the extra batchctl[catalogue] is not installed")
pytest.importorskip("PIL", reason="the extra batchctl[catalogue] is not installed")

from batchctl.jobs.cleanup_old_data.cleanup import main as clean
from batchctl.jobs.collecting.catalogue import Catalogue
from batchctl.jobs.common import clock
from batchctl.jobs.process_images.images import main
from batchctl.jobs.sample.server import running

if TYPE_CHECKING:
    from pathlib import Path

ADDRESS = "https://img.example.com/shop"


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a catalogue of three products, the last of which has an image that is none."""
    place = tmp_path / "catalogue"
    rows = [{"code": f"{n}", "name": f"상품 {n}", "price": 1000, "image": f"/images/{n}.png"} for n in (1, 2, 50)]
    with Catalogue(str(place / "catalogue.db")) as catalogue:
        collection = catalogue.begin("shop", "all", clock())
        catalogue.add_page(collection, rows, 0, None)
        catalogue.end(collection, clock())
    monkeypatch.setenv("BATCHCTL_RESULT", str(tmp_path / "result"))
    return place


def process(data: Path, monkeypatch: pytest.MonkeyPatch, **sources: dict[str, Any]) -> dict[str, Any]:
    """Process all images with these sources configured."""
    fast = {"images": {"rate_limit": 1000.0, **sources.pop("images", {})}, **sources}
    monkeypatch.setenv("BATCHCTL_SOURCES", json.dumps(fast))
    assert main(["--data", str(data)]) == 0
    found: dict[str, Any] = json.loads((data.parent / "result").read_text(encoding="utf-8"))
    return found


def addresses(data: Path) -> list[tuple[str, str | None]]:
    """Return each product's code and where its image is published."""
    with closing(sqlite3.connect(data / "catalogue.db")) as database:
        return database.execute("select code, address from images order by code").fetchall()


def test_images_are_published(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was processed before is published too, once; a web server can read it, and the address is recorded."""
    assert process(data, monkeypatch) == {"processed": 2, "failed_items": 1}
    assert addresses(data) == [("1", None), ("2", None), ("50", None)]
    www = tmp_path / "www" / "images"
    hosting = {"publish_dir": str(www), "base_url": ADDRESS}
    assert process(data, monkeypatch, images=hosting)["published"] == 2
    assert process(data, monkeypatch, images=hosting)["published"] == 0
    (first, second) = (address for _, address in addresses(data) if address)
    assert {f"{ADDRESS}/{path.name}" for path in www.iterdir()} == {first, second}
    assert {stat.S_IMODE(path.stat().st_mode) for path in www.iterdir()} == {0o644}
    moved = {**hosting, "base_url": "https://cdn.example.com"}
    assert process(data, monkeypatch, images=moved)["published"] == 2
    monkeypatch.setenv("BATCHCTL_SAMPLE_DATE", "2099-01-01")
    assert clean(["--data", str(tmp_path)]) == 0
    assert list(www.iterdir()) == []


def test_an_address_without_a_host_is_the_suppliers_own(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked for there, and never where images are published."""
    with running() as server:
        hosting = {"publish_dir": str(tmp_path / "www"), "base_url": ADDRESS}
        process(data, monkeypatch, images=hosting, shop={"base_url": server.base_url})
        assert [path for _, _, path in server.requests] == ["/images/1.png", "/images/2.png", "/images/50.png"]


def test_a_database_of_an_earlier_version(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The column is added, and what stood there stays."""
    with closing(sqlite3.connect(data / "catalogue.db")) as database, database:
        database.execute(
            "create table images (source text not null, code text not null, url text not null, file text,"
            " width integer, height integer, error text, primary key (source, code)) without rowid"
        )
        database.execute("insert into images values ('shop', '1', '/images/1.png', null, null, null, 'broken')")
    assert process(data, monkeypatch)["processed"] == 1
    assert [code for code, _ in addresses(data)] == ["1", "2", "50"]
