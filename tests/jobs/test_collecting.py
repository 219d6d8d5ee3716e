"""The collecting core against the sample server: protocols, faults, resumption, rates, quality."""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from typing import TYPE_CHECKING, Any

import pytest

pytest.importorskip("httpx", reason="the extra batchctl[catalogue] is not installed")
stamina = pytest.importorskip("stamina", reason="the extra batchctl[catalogue] is not installed")

from batchctl.jobs.collecting.catalogue import Catalogue
from batchctl.jobs.collecting.client import Client, SourceError, UnauthorizedError
from batchctl.jobs.collecting.collect import Listing, Page, collect
from batchctl.jobs.collecting.quality import Validator, in_range, is_date, required
from batchctl.jobs.collecting.settings import SettingsError, Source, source
from batchctl.jobs.sample.server import running
from batchctl.jobs.sources.known import SOURCES as _ALL

pytestmark = pytest.mark.usefixtures("no_waits", "a_day")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from batchctl.jobs.sample.server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    """Run the sample server."""
    with running() as one:
        one.hang_s = 2.0
        yield one


@pytest.fixture
def catalogue(tmp_path: Path) -> Iterator[Catalogue]:
    """Open a new catalogue."""
    with Catalogue(str(tmp_path / "catalogue.db")) as one:
        yield one


def client_of(server: Server, name: str, **settings: Any) -> Client:
    """Return a fast client of a source on the sample server."""
    base_url = server.base_url + _ALL[name][0]
    wanted = Source(name, base_url, **{"rate_limit": 1000.0, "timeout": 0.5, "retries": 2, **settings})
    return Client(wanted, base_url)


@pytest.mark.parametrize("name", sorted(_ALL))
def test_every_source_speaks_its_protocol(server: Server, catalogue: Catalogue, name: str) -> None:
    """Records arrive with code, name and price, the bad ones are rejected for a named rule, Hangul is Hangul."""
    with client_of(server, name) as client:
        result = collect(_ALL[name][1](client), catalogue)
    assert result.collected > 60
    assert result.new == result.collected
    assert result.failed_items == sum(result.rejected.values()) > 0
    assert 0 < result.quality_rate < 100
    rows = catalogue.connection.execute("select name, price from items where source = ?", (name,)).fetchall()
    assert len(rows) == result.collected
    assert all(price > 0 and any("가" <= letter <= "힣" for letter in title) for title, price in rows)


@pytest.mark.parametrize(
    ("name", "fault"),
    [
        (name, fault)
        for name in sorted(_ALL)
        for fault in ("429", "500", "hang", "truncate", "garbage", "encoding")
        # A feed whose XML is wrong is not asked for again: its own test is below.
        if (name, fault) not in {("zentrade", "garbage"), ("zentrade", "encoding")}
    ],
)
def test_a_passing_fault_passes(server: Server, catalogue: Catalogue, name: str, fault: str) -> None:
    """The request is repeated, and the collection is complete as if nothing had been."""
    with client_of(server, name) as client:
        whole = collect(_ALL[name][1](client), catalogue).collected
        server.faults[_ALL[name][0] + ("/v1" if name == "ownerclan" else "")] = [fault]
        again = collect(_ALL[name][1](client), catalogue)
    assert again.collected == whole
    assert (again.new, again.changed) == (0, 0)


@pytest.mark.parametrize("fault", ["500", "hang", "truncate", "garbage"])
def test_a_lasting_fault_is_told_and_the_next_run_goes_on(server: Server, catalogue: Catalogue, fault: str) -> None:
    """What came before it stays; the next collection begins at the page that failed and asks no earlier one again."""
    server.faults["/domeggook"] = []
    with client_of(server, "domeggook", batch_size=100) as client:
        listing = _ALL["domeggook"][1](client)
        fetched: list[str | None] = []

        def fetch(cursor: str | None) -> Page:
            fetched.append(cursor)
            if cursor == "3" and len(fetched) == 3:
                server.faults["/domeggook"] = [fault] * 3
            return listing.fetch(cursor)

        watched = Listing("domeggook", fetch, listing.validator)
        with pytest.raises(SourceError, match="domeggook"):
            collect(watched, catalogue)
        assert catalogue.connection.execute("select count(*) from items").fetchone()[0] > 150
        result = collect(watched, catalogue)
    assert result.resumed
    assert fetched == [None, "2", "3", "3", "4"]
    assert result.collected + result.failed_items == 301


@pytest.mark.parametrize("name", sorted(_ALL))
def test_a_refusal_is_final(server: Server, catalogue: Catalogue, name: str) -> None:
    """401 for good ends the collection and names the source, after one request (Ownerclan: two, newly logged in)."""
    prefix = _ALL[name][0] + ("/v1" if name == "ownerclan" else "")
    server.faults[prefix] = ["401"] * 9
    with client_of(server, name) as client, pytest.raises(UnauthorizedError, match=name):
        collect(_ALL[name][1](client), catalogue)
    asked = [path for _, _, path in server.requests if path.startswith(prefix)]
    assert len(asked) == (2 if name == "ownerclan" else 1)
    assert catalogue.connection.execute("select count(*) from items").fetchone() == (0,)


def test_refused_credentials_are_final_but_for_one_new_login(server: Server, catalogue: Catalogue) -> None:
    """A token that has run out is replaced once; refusal after that is the end, and no hammering."""
    with client_of(server, "ownerclan") as client:
        server.faults["/ownerclan/v1"] = ["401"]
        assert collect(_ALL["ownerclan"][1](client), catalogue).collected == 295
        server.faults["/ownerclan/v1"] = ["401", "401", "401"]
        before = len(server.requests)
        with pytest.raises(UnauthorizedError, match="401"):
            collect(_ALL["ownerclan"][1](client), catalogue)
    assert [path for _, _, path in server.requests[before:]].count("/ownerclan/v1/graphql") == 2


@pytest.mark.parametrize("name", ["ownerclan", "domeggook"])
def test_a_page_that_repeats_is_noticed(server: Server, catalogue: Catalogue, name: str) -> None:
    """A source whose second page is the first again is not collected for ever, and not taken for complete."""
    server.faults[_ALL[name][0] + ("/v1" if name == "ownerclan" else "")] = []
    with client_of(server, name, batch_size=100) as client:
        listing = _ALL[name][1](client)

        def fetch(cursor: str | None) -> Page:
            page = listing.fetch(None if name == "ownerclan" else cursor)
            if cursor is not None and name == "domeggook":
                server.faults["/domeggook"] = ["repeat"]
            return page

        with pytest.raises(SourceError, match=r"repeat|again"):
            collect(Listing(name, fetch, listing.validator), catalogue)


def test_a_feed_in_the_wrong_encoding_is_refused(server: Server, catalogue: Catalogue) -> None:
    """UTF-8 under a EUC-KR declaration is an error, not a catalogue of garbled names."""
    server.faults["/zentrade"] = ["encoding"] * 3
    with client_of(server, "zentrade") as client, pytest.raises(SourceError, match="EUC-KR"):
        collect(_ALL["zentrade"][1](client), catalogue)
    assert catalogue.connection.execute("select count(*) from items").fetchone() == (0,)


def test_an_xml_bomb_is_refused(catalogue: Catalogue) -> None:
    """Entities that explode are not expanded."""
    from batchctl.jobs.sources import zentrade

    class Bomb:
        source = Source("zentrade")

        def content(self, *_: Any, **__: Any) -> bytes:
            return b'<!DOCTYPE z [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><zentrade>&b;</zentrade>'

    with pytest.raises(SourceError):
        collect(zentrade.listing(Bomb()), catalogue)  # type: ignore[arg-type]


def test_what_changed_is_counted_and_observed(catalogue: Catalogue) -> None:
    """A second collection counts new, changed and unchanged records; only changes make observations."""
    first = [{"code": str(n), "name": f"상품 {n}", "price": 100 + n} for n in range(10)]
    second = [{**row, "price": 999} if row["code"] in {"1", "2"} else row for row in first[1:]]
    second.append({"code": "new", "name": "새 상품", "price": 5})

    def listing(rows: list[dict[str, Any]]) -> Listing:
        return Listing("s", lambda _cursor: Page(rows, None), Validator("code", [required("code", "name")]))

    collect(listing(first), catalogue)
    result = collect(listing(second), catalogue)
    assert (result.new, result.changed, result.unchanged) == (1, 2, 7)
    seen = catalogue.connection.execute("select count(*) from observations").fetchone()[0]
    assert seen == 10 + 3
    vanished = "select code from items where last_seen < (select max(last_seen) from items)"
    assert catalogue.connection.execute(vanished).fetchall() == [("0",)]


def test_test_mode_takes_one_page_and_writes_nothing(server: Server, catalogue: Catalogue) -> None:
    """One request for data, no record, no collection."""
    with client_of(server, "domeggook", batch_size=50) as client:
        result = collect(_ALL["domeggook"][1](client), catalogue, test_mode=True)
    assert (result.test_mode, result.pages) == (True, 1)
    assert len(server.requests) == 1
    for table in ("items", "collections"):
        assert catalogue.connection.execute(f"select count(*) from {table}").fetchone() == (0,)  # noqa: S608


def test_interval_hours_leave_a_source_alone(server: Server, catalogue: Catalogue) -> None:
    """A source collected a moment ago is not asked again, and the result says so."""
    with client_of(server, "zentrade") as client:
        collect(_ALL["zentrade"][1](client), catalogue, interval_hours=12)
        asked = len(server.requests)
        again = collect(_ALL["zentrade"][1](client), catalogue, interval_hours=12)
    assert again.skipped
    assert "interval_hours = 12" in again.skipped
    assert len(server.requests) == asked


def test_the_rate_holds_on_the_servers_own_clock(server: Server) -> None:
    """Thirty requests at 50 a second take 29/50 s by the server's clock: never less, and nowhere far more."""
    settings = Source("domeggook", server.base_url, rate_limit=50.0)
    with Client(settings, server.base_url + "/domeggook") as client:
        for _ in range(30):
            client.json("GET", "/ssl/api/", params={"mode": "getItemList", "market": "dome", "sz": "1"})
    times = [at for at, _, _ in server.requests]
    assert 29 / 50 * 0.95 < times[-1] - times[0] < 29 / 50 * 3


@pytest.mark.parametrize(
    ("faults", "waits"),
    [
        # 429 comes with Retry-After: 1, which is more than the first wait of half a second
        (["429"], [1.0]),
        # without it the waits double
        (["500", "truncate", "garbage"], [0.5, 1.0, 2.0]),
        # and what the server asks for is no reason to wait less than that
        (["500", "500", "429"], [0.5, 1.0, 2.0]),
    ],
)
def test_the_waits_grow_and_retry_after_is_obeyed(
    server: Server, monkeypatch: pytest.MonkeyPatch, faults: list[str], waits: list[float]
) -> None:
    """The wait before the next attempt doubles from half a second, and is at least what the server asks for."""
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    server.faults["/domeggook"] = faults
    settings = Source("domeggook", server.base_url, rate_limit=1000.0, timeout=0.5)
    with stamina.set_testing(False), Client(settings, server.base_url + "/domeggook") as client:
        client.json("GET", "/ssl/api/", params={"mode": "getItemList", "market": "dome"})
    assert [wait for wait in waited if wait >= 0.1] == pytest.approx(waits)


def test_the_attempts_are_counted(server: Server) -> None:
    """As many as are configured and one, and the error says how many there were."""
    server.faults["/domeggook"] = ["500"] * 9
    with (
        client_of(server, "domeggook", retries=3) as client,
        pytest.raises(SourceError, match=r"500: .*\(4 attempts\)"),
    ):
        client.json("GET", "/ssl/api/")
    assert len(server.requests) == 4


def test_quality_names_rules_and_scores() -> None:
    """Each record has its first broken rule as reason; rate in percent, score out of ten."""
    rules = [required("code", "name"), in_range("price", 1, 1000), is_date("day")]
    rows: list[dict[str, Any]] = [
        {"code": "1", "name": "가", "price": 5, "day": "2026-11-21"},
        {"code": "2", "name": "", "price": 5},
        {"code": "3", "name": "다", "price": 5000},
        {"code": "4", "name": "라", "price": True},
        {"code": "5", "name": "마", "day": "2026-02-30"},
        {"code": "1", "name": "가"},
        {"code": "6", "name": "바", "price": None, "day": ""},
        {"code": "7", "name": "사", "day": 20261121},
    ]
    report = Validator("code", rules).check(rows)
    assert [row["code"] for row in report.valid] == ["1", "6"]
    assert report.by_rule == {"required": 1, "range:price": 2, "date:day": 2, "duplicate": 1}
    assert report.rejected[0] == ("2", "required", "name is missing")
    assert (report.rate, report.score) == (25.0, 2.5)


def test_settings_come_typed_and_credentials_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A named variable that is not set is an error that says which; a secret never shows in the repr."""
    monkeypatch.setenv("BATCHCTL_SOURCES", '{"x": {"base_url": "http://h", "token_env": "X_TOKEN"}}')
    with pytest.raises(SettingsError, match="X_TOKEN"):
        source("x")
    monkeypatch.setenv("X_TOKEN", "s3cret")
    assert source("x").token == "s3cret"  # noqa: S105
    assert "s3cret" not in repr(source("x"))
    assert source("other").is_sample


def test_a_catalogue_is_private(tmp_path: Path) -> None:
    """So are its journals, whatever the umask; one that an earlier version made is made private."""
    path = tmp_path / "catalogue" / "catalogue.db"
    before = os.umask(0)
    try:
        for _ in range(2):
            with Catalogue(str(path)) as one:
                one.begin("s", "all", time.time())
                modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
            assert modes == dict.fromkeys(["catalogue.db", "catalogue.db-wal", "catalogue.db-shm"], 0o600)
            path.chmod(0o644)
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_dying_process_loses_no_page(tmp_path: Path) -> None:
    """Page and cursor are one transaction: what is in the catalogue is what the cursor says."""
    path = str(tmp_path / "c.db")
    with Catalogue(path) as one:
        collection = one.begin("s", "all", time.time())
        one.add_page(collection, [{"code": "1", "name": "가"}], 0, "2")
        with pytest.raises(KeyError):
            one.add_page(collection, [{"code": "2", "name": "나"}, {"name": "no code"}], 0, "3")
    with Catalogue(path) as two:
        again = two.begin("s", "all", time.time())
        assert (again.resumed, again.cursor, again.collected) == (True, "2", 1)
        assert two.connection.execute("select code from items").fetchall() == [("1",)]
    assert sqlite3.connect(path).execute("pragma integrity_check").fetchone() == ("ok",)
