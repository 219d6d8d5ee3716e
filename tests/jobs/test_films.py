"""TMDB's protocol against the sample server, faults included."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("httpx", reason="the extra batchctl[catalogue] is not installed")
pytest.importorskip("stamina", reason="the extra batchctl[catalogue] is not installed")

from batchctl.jobs.collecting.client import Client, SourceError, UnauthorizedError
from batchctl.jobs.collecting.settings import Source
from batchctl.jobs.sample.server import running
from batchctl.jobs.tmdb.films import PATH, Tmdb, merged, summary

pytestmark = pytest.mark.usefixtures("no_waits", "a_day")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from batchctl.jobs.sample.server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    """Run the sample server."""
    with running() as one:
        one.hang_s = 2.0
        yield one


@pytest.fixture
def tmdb_of() -> Iterator[Callable[..., Tmdb]]:
    """Return what makes a fast client that does not really wait between attempts; all are closed at the end."""
    with ExitStack() as stack:

        def make(server: Server, token: str | None = None) -> Tmdb:
            base_url = server.base_url + PATH
            source = Source("tmdb", base_url, rate_limit=1000.0, timeout=0.5, retries=2, token=token)
            return Tmdb(stack.enter_context(Client(source, base_url)))

        yield make


@pytest.mark.parametrize("fault", ["429", "500", "hang", "truncate", "garbage", "encoding"])
def test_a_passing_fault_passes(server: Server, tmdb_of: Callable[..., Tmdb], fault: str) -> None:
    """The page is asked for again, and nothing is missing or twice."""
    server.faults[PATH] = [fault]
    films, _, counts = merged([tmdb_of(server).popular(3)])
    assert counts == {"popular": 60}
    assert len({film["id"] for film in films}) == len(films) >= 55


def test_a_page_that_repeats_is_noticed(server: Server, tmdb_of: Callable[..., Tmdb]) -> None:
    """Asked for page 2 and given page 1 again, it is an error and not a shorter list."""
    pages = tmdb_of(server).popular(3)
    for _ in range(20):
        next(pages)
    server.faults[PATH] = ["repeat"]
    with pytest.raises(SourceError, match="page 2"):
        list(pages)


def test_a_wrong_key_is_final(server: Server, tmdb_of: Callable[..., Tmdb]) -> None:
    """One request, and the answer names it."""
    server.faults[PATH] = ["401"] * 5
    with pytest.raises(UnauthorizedError, match="401"):
        list(tmdb_of(server).popular(1))
    assert len(server.requests) == 1


def test_the_token_goes_where_it_belongs(server: Server, tmdb_of: Callable[..., Tmdb]) -> None:
    """A short key goes into the query, a long token never into an address that is logged."""
    list(tmdb_of(server, token="k" * 32).popular(1))
    list(tmdb_of(server, token="t" * 60).popular(1))
    short, long = (path for _, _, path in server.requests)
    assert f"api_key={'k' * 32}" in short
    assert "t" * 60 not in long


def test_films_of_two_lists_are_one(server: Server, tmdb_of: Callable[..., Tmdb]) -> None:
    """A film keeps the names of all lists it was in; ratings fall into their bands."""
    tmdb = tmdb_of(server)
    films, report, counts = merged([tmdb.popular(2), tmdb.trending("day"), tmdb.top_rated(2, 7.5)])
    assert counts["popular"] == 40
    assert any(set(film["sources"]) >= {"popular", "trending_day"} for film in films)
    assert all(film["vote_average"] >= 7.5 for film in films if film["sources"] == ["top_rated"])
    assert len(report.rejected) + len(films) < sum(counts.values())
    found = summary(films, {28: "액션"})
    assert sum(found["ratings"].values()) == found["films"] == len(films)
    assert found["top_10"][0]["popularity"] == max(film["popularity"] for film in films)
    assert "액션" in found["genres"]
