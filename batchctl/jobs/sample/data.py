"""Sample data: some hundred products and films, the same at every start, with the faults that real data has."""

import random
from functools import cache
from typing import Any
from zlib import crc32

PRODUCTS = 300
FILMS = 1200
GENRES = {28: "액션", 35: "코미디", 18: "드라마", 27: "공포", 10749: "로맨스"}

_ADJECTIVES = ("프리미엄", "국산", "휴대용", "무선", "스테인리스", "접이식", "대용량", "친환경", "저소음", "방수")
_THINGS = (
    "텀블러",
    "이어폰",
    "도마",
    "우산",
    "선반",
    "가습기",
    "담요",
    "캠핑의자",
    "수납함",
    "손전등",
    "마스크팩",
    "양말",
)
_TITLES = ("밤", "도시", "바다", "편지", "여름", "기억")
_CATEGORIES = ("주방", "가전", "생활", "캠핑", "패션")
_BAD_EVERY = 60
"""One record in so many is wrong: a missing name, a negative price, a price that is text."""


@cache
def products(source: str, count: int = PRODUCTS) -> tuple[dict[str, Any], ...]:
    """Return a supplier's products: code, name, price (won), stock, category, image path, ISO date of change."""
    draw = random.Random(f"batchctl {source}")  # noqa: S311 - sample data
    found = []
    for number in range(1, count + 1):
        product: dict[str, Any] = {
            "code": f"{source[:2].upper()}{crc32(source.encode()) % 100:02d}{number:05d}",
            "name": f"{draw.choice(_ADJECTIVES)} {draw.choice(_THINGS)} {number}호",
            "price": draw.randrange(10, 900) * 100,
            "stock": draw.randrange(0, 500),
            "category": draw.choice(_CATEGORIES),
            "image": f"/images/{number}.png",
            "updated": f"2026-{draw.randrange(1, 12):02d}-{draw.randrange(1, 28):02d}",
        }
        if number % _BAD_EVERY == 0:
            product |= draw.choice(({"name": ""}, {"price": -100}, {"price": "문의"}, {"updated": "어제"}))
        found.append(product)
    # A supplier that sends one product twice is no rarity.
    return (*found, dict(found[0]))


@cache
def films() -> tuple[dict[str, Any], ...]:
    """Return films as TMDB describes them: id, title, vote_average, popularity, genre_ids, release_date."""
    draw = random.Random("batchctl films")  # noqa: S311 - sample data
    found = []
    for number in range(1, FILMS + 1):
        votes = draw.betavariate(6, 3) * 10
        film: dict[str, Any] = {
            "id": number,
            "title": f"{draw.choice(_ADJECTIVES)} {draw.choice(_TITLES)} {number}",
            "original_language": "ko",
            "vote_average": round(votes, 1),
            "vote_count": draw.randrange(1, 20_000),
            "popularity": round(draw.expovariate(1 / 80), 3),
            "genre_ids": sorted(draw.sample(list(GENRES), draw.randrange(1, 4))),
            "release_date": f"{draw.randrange(1990, 2027)}-{draw.randrange(1, 13):02d}-{draw.randrange(1, 28):02d}",
            "overview": "샘플 데이터",
        }
        if number % _BAD_EVERY == 0:
            film |= draw.choice(({"title": ""}, {"vote_average": 11.5}, {"release_date": "미정"}))
        found.append(film)
    return tuple(found)
