"""Sample data that move with the date: products and films of a day, the same whenever that day is asked for.

Prices step every week or two, stock sells and is refilled, ranks change places; each day a few products vanish and as
many are new, and every week or so a new fashion is in their names. Some records have the faults that real data has.
"""

from datetime import date, timedelta
from functools import lru_cache
from hashlib import blake2b
from typing import Any
from zlib import crc32

PRODUCTS = 300
FILMS = 1200
GENRES = {28: "액션", 35: "코미디", 18: "드라마", 27: "공포", 10749: "로맨스"}

_ORIGIN = date(2020, 1, 1).toordinal()
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
_FASHIONS = (
    *("레트로", "캠핑룩", "미니멀", "벨벳", "코듀로이", "라탄", "파스텔", "네온", "우드톤", "체크", "크림", "테라조"),
    *("누빔", "민트", "모던", "빈티지", "글라스", "코지", "러스틱", "올리브", "라벤더", "모카", "스모키", "아이보리"),
)
_TITLES = ("밤", "도시", "바다", "편지", "여름", "기억")
_CATEGORIES = ("주방", "가전", "생활", "캠핑", "패션")
_SELLERS = ("ownerclan", "zentrade")
_RATES = (0.0, 0.3, 1.0, 4.0, 12.0)
"""Units that a product sells a day."""
_BORN_A_DAY = 3
_FASHION_LASTS = 20
"""So many products, about a week's."""
_BAD_EVERY = 60
"""One record in so many is wrong: a missing name, a negative price, a price that is text, a date that is none."""
_BAD = ({"name": ""}, {"price": -100}, {"price": "문의"}, {"updated": "어제"}, {"name": ""})
_BAD_FILMS = ({"title": ""}, {"vote_average": 11.5}, {"release_date": "미정"})


def _chances(*key: object) -> list[float]:
    """Return nine numbers from 0 up to 1 that look drawn and depend on the key alone."""
    digest = blake2b(repr(key).encode(), digest_size=63).digest()
    return [int.from_bytes(digest[at : at + 7]) / 2**56 for at in range(0, 63, 7)]


def _chance(*key: object) -> float:
    return _chances(*key)[0]


def _pick(choices: tuple[Any, ...], chance: float) -> Any:
    return choices[int(chance * len(choices))]


@lru_cache(maxsize=64)
def products(source: str, day: date, count: int = PRODUCTS) -> tuple[dict[str, Any], ...]:
    """Return a supplier's products of a day: code, name, price (won), stock, category, image path, date of change."""
    today = day.toordinal() - _ORIGIN
    # One to five numbers a day begin and end, so how many there are never changes.
    oldest = _BORN_A_DAY * today + int(3 * _chance(source, "born", today))
    found = [_product(source, number % 99_999 + 1, today) for number in range(oldest, oldest + count)]
    # A supplier that sends one product twice is no rarity.
    return (*found, dict(found[0]))


def _product(source: str, number: int, today: int) -> dict[str, Any]:
    adjective, thing, lasts, price, category, filled, rate, *_ = _chances(source, number)
    fashion = _FASHIONS[number // _FASHION_LASTS % len(_FASHIONS)]
    season, since = divmod(today + number, 5 + int(10 * lasts))
    filling, sold_for = divmod(today + number, 7 + int(14 * filled))
    delivered = 20 + int(480 * _chance(source, number, "stock", filling))
    product: dict[str, Any] = {
        "code": f"{source[:2].upper()}{crc32(source.encode()) % 100:02d}{number:05d}",
        "name": f"{fashion} {_pick(_ADJECTIVES, adjective)} {_pick(_THINGS, thing)} {number}호",
        "price": int((10 + 890 * price) * (0.75 + 0.5 * _chance(source, number, "price", season))) * 100,
        "stock": max(0, delivered - int(_pick(_RATES, rate) * sold_for)),
        "category": _pick(_CATEGORIES, category),
        "image": f"/images/{number}.png",
        "updated": (date.fromordinal(_ORIGIN + today) - timedelta(days=since)).isoformat(),
    }
    if number % _BAD_EVERY == 0:
        product |= _BAD[number // _BAD_EVERY % len(_BAD)]
    return product


def best_sellers(source: str, day: date, count: int) -> list[dict[str, Any]]:
    """Return the best sold products of a day, the first first: a standing favourite, or one whose week it is."""
    week = (day.toordinal() - _ORIGIN) // 7

    def rank(product: dict[str, Any]) -> float:
        code = product["code"]
        return float(_chance(code, "liked") + 0.3 * _chance(code, week) + 0.05 * _chance(code, day.toordinal()))

    return sorted(products(source, day, count + count // 2)[:-1], key=rank, reverse=True)[:count]


def sales(day: date) -> list[tuple[str, int, int]]:
    """Return what was sold on a day: code, units and price of each supplier's product whose stock went down."""
    before = {product["code"]: product["stock"] for name in _SELLERS for product in products(name, day)}
    after = (product for name in _SELLERS for product in products(name, day + timedelta(days=1))[:-1])
    return [
        (product["code"], before[product["code"]] - product["stock"], product["price"])
        for product in after
        if product["stock"] < before.get(product["code"], 0) and isinstance(product["price"], int)
    ]


@lru_cache(maxsize=16)
def films(day: date) -> tuple[dict[str, Any], ...]:
    """Return a day's films as TMDB describes them: id, title, vote_average, popularity, genre_ids, release_date."""
    today = day.toordinal() - _ORIGIN
    return tuple(_film(number, today) for number in range(today + 1, today + FILMS + 1))


def _film(number: int, today: int) -> dict[str, Any]:
    age = today + FILMS - number  # days; the newest came out today
    adjective, title, old, popular, votes, genres, *liked = _chances(number)
    older = int(10_000 * old) if number % 3 == 0 else 0
    first, many = int(genres * 97) % len(GENRES), 1 + int(3 * genres)
    popularity = 400 * popular**4 * (0.8 + 0.4 * _chance(number, today))
    film: dict[str, Any] = {
        "id": number,
        "title": f"{_pick(_ADJECTIVES, adjective)} {_pick(_TITLES, title)} {number}",
        "original_language": "ko",
        "vote_average": round(1.5 + 8.5 * sum(liked) / len(liked), 1),
        "vote_count": 1 + int(20_000 * votes) + 3 * age,
        "popularity": round(popularity, 3),
        "genre_ids": sorted((list(GENRES) * 2)[first : first + many]),
        "release_date": date.fromordinal(_ORIGIN + today - age - older).isoformat(),
        "overview": "샘플 데이터",
    }
    if number % _BAD_EVERY == 0:
        film |= _BAD_FILMS[number // _BAD_EVERY % len(_BAD_FILMS)]
    return film


def trending(day: date, window: str) -> list[dict[str, Any]]:
    """Return the films in the order of a window's talk, `day` or `week`: not only the popular ones."""
    period = day.toordinal() // (7 if window == "week" else 1)
    talk = {film["id"]: (1 + film["popularity"]) * _chance(film["id"], window, period) ** 3 for film in films(day)}
    return sorted(films(day), key=lambda film: -talk[film["id"]])
