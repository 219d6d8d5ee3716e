"""Films from TMDB's API v3 (developer.themoviedb.org): lists by page, a token in the header, 20 films a page."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from batchctl import step
from batchctl.jobs.collecting.client import Client, SourceError
from batchctl.jobs.collecting.quality import Validation, Validator, in_range, is_date, required

PATH = "/tmdb/3"
Film = dict[str, Any]


def film_validator() -> Validator:
    """Return the rules for films: id and title there, rating from 0 to 10, a release date that is one."""
    rules = [
        required("id", "title"),
        in_range("vote_average", 0, 10),
        in_range("popularity", 0, 1_000_000),
        is_date("release_date"),
    ]
    return Validator("id", rules)


class Tmdb:
    """The lists that the presets take; `source` names where each film was first seen."""

    def __init__(self, client: Client, *, every: int = 0, total: int = 0) -> None:
        """Keep the connection; with `every` a line is logged after so many pages of `total`."""
        self._client, self._every, self._total, self._done = client, every, total, 0
        token = client.source.token
        # A v4 token goes into the header, a v3 key into the query; both are documented for v3.
        self._headers = {"authorization": f"Bearer {token}"} if token and len(token) > 40 else {}  # noqa: PLR2004
        self._query = {"api_key": token} if token and not self._headers else {}

    def pages(self, label: str, path: str, pages: Iterable[int], **query: Any) -> Iterator[tuple[str, Film]]:
        """Yield the films of some pages of a list, each with the label of its source."""
        for page in pages:
            wanted = {**self._query, "language": "ko-KR", **query, "page": page}
            answer = self._client.json("GET", path, params=wanted, headers=self._headers)
            try:
                if answer["page"] != page:
                    message = f"tmdb: asked {path} for page {page}, got page {answer['page']} again"
                    raise SourceError(message)
                films, last = answer["results"], answer["total_pages"]
            except (KeyError, TypeError) as error:
                message = f"tmdb: {path} answered no film list: {str(answer)[:200]}"
                raise SourceError(message) from error
            self._note_progress(label)
            for film in films:
                yield label, film
            if page >= last:
                return

    def _note_progress(self, label: str) -> None:
        self._done += 1
        if self._total:
            step.progress(min(self._done, self._total), self._total)
        if self._every and self._done % self._every == 0:
            step.log(f"tmdb: {self._done} of {self._total} pages ({label})")

    def popular(self, last: int) -> Iterator[tuple[str, Film]]:
        """Yield the popular films of pages 1 to `last`."""
        return self.pages("popular", "/movie/popular", range(1, last + 1))

    def trending(self, window: str, last: int = 1) -> Iterator[tuple[str, Film]]:
        """Yield what trends in a window, `day` or `week`."""
        return self.pages(f"trending_{window}", f"/trending/movie/{window}", range(1, last + 1))

    def latest(self, last: int) -> Iterator[tuple[str, Film]]:
        """Yield the films now in cinemas, newest first as TMDB lists them."""
        return self.pages("latest", "/movie/now_playing", range(1, last + 1))

    def genre(self, genre: int, last: int) -> Iterator[tuple[str, Film]]:
        """Yield the popular films of a genre."""
        return self.pages(
            f"genre_{genre}", "/discover/movie", range(1, last + 1), with_genres=genre, sort_by="popularity.desc"
        )

    def top_rated(self, last: int, least: float) -> Iterator[tuple[str, Film]]:
        """Yield the top rated films that have at least this rating."""
        for label, film in self.pages("top_rated", "/movie/top_rated", range(1, last + 1)):
            if (film.get("vote_average") or 0) >= least:
                yield label, film

    def genre_names(self) -> dict[int, str]:
        """Return the names of the genres."""
        answer = self._client.json("GET", "/genre/movie/list", params={**self._query, "language": "ko-KR"},
                                   headers=self._headers)  # fmt: skip
        return {genre["id"]: genre["name"] for genre in answer["genres"]}


def merged(streams: Iterable[Iterator[tuple[str, Film]]]) -> tuple[list[Film], Validation, dict[str, int]]:
    """Return the films of all streams, each once, with `sources`; the validation's report; the counts by source."""
    films: dict[Any, Film] = {}
    counts: dict[str, int] = {}
    for stream in streams:
        for label, film in stream:
            counts[label] = counts.get(label, 0) + 1
            kept = films.setdefault(film.get("id"), {**film, "sources": []})
            if label not in kept["sources"]:
                kept["sources"].append(label)
    report = film_validator().check(films.values())
    return report.valid, report, counts


BANDS: tuple[tuple[str, Callable[[float], bool]], ...] = (
    ("9-10", lambda rating: rating >= 9),  # noqa: PLR2004 - the bands of the report
    ("8-8.9", lambda rating: 8 <= rating < 9),  # noqa: PLR2004
    ("7-7.9", lambda rating: 7 <= rating < 8),  # noqa: PLR2004
    ("6-6.9", lambda rating: 6 <= rating < 7),  # noqa: PLR2004
    ("5-5.9", lambda rating: 5 <= rating < 6),  # noqa: PLR2004
    ("below 5", lambda rating: rating < 5),  # noqa: PLR2004
)


def summary(films: list[Film], names: dict[int, str]) -> dict[str, Any]:
    """Return the report on films: the ten most popular, how many of each genre, how many in each band of rating."""
    genres: dict[str, int] = {}
    for film in films:
        for genre in film.get("genre_ids", ()):
            label = names.get(genre, str(genre))
            genres[label] = genres.get(label, 0) + 1
    ratings = [film.get("vote_average") or 0.0 for film in films]
    top = sorted(films, key=lambda film: -(film.get("popularity") or 0))[:10]
    return {
        "films": len(films),
        "top_10": [{key: film.get(key) for key in ("id", "title", "popularity", "vote_average")} for film in top],
        "genres": dict(sorted(genres.items(), key=lambda item: -item[1])),
        "ratings": {band: sum(map(inside, ratings)) for band, inside in BANDS},
        "average_rating": round(sum(ratings) / len(ratings), 2) if ratings else None,
    }


_RATINGS = ((9, "9.0-10.0"), (8, "8.0-8.9"), (7, "7.0-7.9"), (6, "6.0-6.9"), (5, "5.0-5.9"), (0, "0.0-4.9"))


def distributions(films: list[Film]) -> dict[str, Any]:
    """Return what the reports add: the twenty best films, and how many there are of each genre, rating and year."""
    genres = Counter(genre for film in films for genre in film.get("genre_ids", ()))
    years = Counter((film.get("release_date") or "")[:4] for film in films)
    years.pop("", None)
    ratings = Counter(
        next(name for least, name in _RATINGS if (film.get("vote_average") or 0) >= least) for film in films
    )
    best = sorted(films, key=lambda film: -(film.get("vote_average") or 0))[:20]
    return {
        "top_movies": [{key: film.get(key) for key in ("id", "title", "popularity", "vote_average")} for film in best],
        "genre_distribution": {str(genre): count for genre, count in genres.most_common()},
        "rating_distribution": {name: ratings[name] for _, name in _RATINGS},
        "release_year_distribution": dict(sorted(years.items(), reverse=True)),
    }
