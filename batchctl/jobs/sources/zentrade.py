"""Zentrade: the whole range as one XML document in EUC-KR.

The feed's address and element names are those that its customers use (`/shop/proc/product_api.php` with `id` and
`m_skey`); there is no public document, so what is relied upon stands here in one place.
"""

from typing import Any
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from batchctl.jobs.collecting.client import Client, SourceError
from batchctl.jobs.collecting.collect import Listing, Page
from batchctl.jobs.sources.rules import number, product_validator

PATH = "/zentrade"
_FEED = "/shop/proc/product_api.php"


def _fetch(client: Client) -> Page:
    source = client.source
    login = {"id": source.username or "", "m_skey": source.token or ""}
    content = client.content("POST", _FEED, data=login)
    try:
        # Decoded here and strictly: expat would take UTF-8 under a EUC-KR declaration for Hangul gone wrong.
        text = content.decode("euc-kr")
        root = fromstring(text.partition("?>")[2] if text.startswith("<?xml") else text)
    except (UnicodeDecodeError, ParseError, DefusedXmlException) as error:
        message = f"{source.name}: the feed is no XML in EUC-KR: {error}"
        raise SourceError(message) from error
    return Page([_record(product) for product in root.iter("product")], None)


def _record(product: Element) -> dict[str, Any]:
    price, image = product.find("price"), product.find("listimg")
    return {
        "code": product.get("code"),
        "name": product.findtext("prdtname"),
        "price": None if price is None else number(price.get("buyprice")),
        "stock": number(product.findtext("stock")),
        "category": product.findtext("dome_category"),
        "image": None if image is None else image.get("url1"),
        "updated": product.findtext("upddate"),
    }


def listing(client: Client) -> Listing:
    """Return the listing of the feed: one page."""
    return Listing(client.source.name, lambda _cursor: _fetch(client), product_validator())
