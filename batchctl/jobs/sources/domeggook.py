"""Domeggook and Domomae (도매꾹, 도매매): one open API, two markets.

Documented at openapi.domeggook.com: `getItemList` of version 4.1 takes `aid` (the key), `market` (`dome` for Domeggook,
`supply` for Domomae), `om=json`, `sz` (at most 200 a page) and `pg`; it answers with a header and `list.item`.
"""

from typing import Any

from batchctl.jobs.collecting.client import Client, SourceError
from batchctl.jobs.collecting.collect import Listing, Page
from batchctl.jobs.sources.rules import number, product_validator

PATH = "/domeggook"
MARKETS = {"domeggook": "dome", "domomae": "supply"}
_LARGEST_PAGE = 200


def _fetch(client: Client, cursor: str | None) -> Page:
    source, page = client.source, int(cursor or 1)
    query = {
        "ver": "4.1",
        "mode": "getItemList",
        "aid": source.token or "",
        "market": MARKETS[source.name],
        "om": "json",
        "sz": str(min(source.batch_size, _LARGEST_PAGE)),
        "pg": str(page),
        "so": "da",
    }
    answer = client.json("GET", "/ssl/api/", params=query)
    try:
        header = answer["domeggook"]["header"]
        items = answer["domeggook"]["list"]["item"]
        if int(header["currentPage"]) != page:
            message = f"{source.name}: asked for page {page}, got page {header['currentPage']} again"
            raise SourceError(message)
        more = page < int(header["numberOfPages"])
        rows = items if isinstance(items, list) else [items]
        return Page([_record(item) for item in rows], str(page + 1) if more else None, int(header["numberOfItems"]))
    except (KeyError, TypeError, ValueError) as error:
        message = f"{source.name}: the answer is not an item list: {str(answer)[:200]}"
        raise SourceError(message) from error


def _record(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "code": item.get("no"),
        "name": item.get("title"),
        "price": number(item.get("price")),
        "stock": number((item.get("qty") or {}).get("inventory")),
        "category": (item.get("category") or {}).get("name"),
        "image": item.get("thumb"),
    }


def listing(client: Client) -> Listing:
    """Return the listing of all items of the source's market."""
    return Listing(client.source.name, lambda cursor: _fetch(client, cursor), product_validator())
