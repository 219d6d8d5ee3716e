"""Best sellers of marketplaces.

Coupang: the Partners API's best products of a category
(`/v2/providers/affiliate_open_api/apis/openapi/products/bestcategories/ID`), signed with HMAC-SHA256 over date, method,
path and query. Naver: there is no public list of best sellers; the Search API for shopping
(`/v1/search/shop.json`, sorted by relevance) for the configured words is the nearest documented thing, so what is kept
is a rank in that search.
"""

import hashlib
import hmac
import time
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlencode

from batchctl.jobs.collecting.client import Client, SourceError
from batchctl.jobs.collecting.collect import Listing, Page
from batchctl.jobs.sources.rules import number, product_validator

PATHS = {"coupang": "/coupang", "naver": "/naver"}
COUPANG_CATEGORIES = ("1001", "1010", "1013", "1015")
NAVER_WORDS = ("텀블러", "이어폰", "캠핑의자", "우산")
_BEST = "/v2/providers/affiliate_open_api/apis/openapi/products/bestcategories/"
_COUPANG_LIMIT = 100
_NAVER_LIMIT = 100


def _signed(client: Client, path: str, query: str) -> dict[str, str]:
    """Return the header that the Partners API asks for; without credentials, as for the sample, none."""
    source = client.source
    if not source.username or not source.password:
        return {}
    stamp = time.strftime("%y%m%dT%H%M%SZ", time.gmtime())
    text = f"{stamp}GET{path}{query}"
    signature = hmac.new(source.password.encode(), text.encode(), hashlib.sha256).hexdigest()
    value = f"CEA algorithm=HmacSHA256, access-key={source.username}, signed-date={stamp}, signature={signature}"
    return {"authorization": value}


def _coupang(client: Client, cursor: str | None, categories: Sequence[str]) -> Page:
    place = int(cursor or 0)
    path, query = _BEST + categories[place], urlencode({"limit": _COUPANG_LIMIT})
    answer = client.json("GET", f"{path}?{query}", headers=_signed(client, path, query))
    try:
        records = [
            {
                "code": item["productId"],
                "name": item.get("productName"),
                "price": number(item.get("productPrice")),
                "rank": number(item.get("rank")),
                "category": item.get("categoryName"),
                "image": item.get("productImage"),
            }
            for item in answer["data"]
        ]
    except (KeyError, TypeError) as error:
        message = f"{client.source.name}: the answer is not a product list: {str(answer)[:200]}"
        raise SourceError(message) from error
    return Page(records, str(place + 1) if place + 1 < len(categories) else None)


def _naver(client: Client, cursor: str | None, words: Sequence[str]) -> Page:
    source, place = client.source, int(cursor or 0)
    headers = {"X-Naver-Client-Id": source.username or "", "X-Naver-Client-Secret": source.password or ""}
    query = {"query": words[place], "display": _NAVER_LIMIT, "start": 1, "sort": "sim"}
    answer = client.json("GET", "/v1/search/shop.json", params=query, headers=headers)
    try:
        records = [_naver_record(item, rank, words[place]) for rank, item in enumerate(answer["items"], 1)]
    except (KeyError, TypeError) as error:
        message = f"{source.name}: the answer is not a product list: {str(answer)[:200]}"
        raise SourceError(message) from error
    return Page(records, str(place + 1) if place + 1 < len(words) else None)


def _naver_record(item: dict[str, Any], rank: int, word: str) -> dict[str, Any]:
    title = str(item.get("title") or "").replace("<b>", "").replace("</b>", "")
    return {
        "code": item["productId"],
        "name": title,
        "price": number(item.get("lprice")),
        "rank": rank,
        "category": item.get("category1"),
        "image": item.get("image"),
        "word": word,
    }


def listing(client: Client) -> Listing:
    """Return the listing of a marketplace's best sellers: a page for each category or word."""
    if client.source.name == "coupang":
        best = lambda cursor: _coupang(client, cursor, COUPANG_CATEGORIES)  # noqa: E731
        return Listing("coupang", best, product_validator(), "best")
    return Listing("naver", lambda cursor: _naver(client, cursor, NAVER_WORDS), product_validator(), "best")
