"""Ownerclan: a wholesaler's GraphQL API with a token of its own service and cursor pages.

The seller API takes a JSON login at `/auth` (service, userType, username, password), which answers with a token for the
`Authorization: Bearer` header, and GraphQL at `/v1/graphql`; lists follow the Relay connection convention
(`first`, `after`, `edges`, `pageInfo`). In the real service login and API have hosts of their own; `base_url` names the
API's, `{host}/auth` is asked for the token, so a proxy in front of both, or the sample server, stands for them.
"""

from typing import Any

from batchctl.jobs.collecting.client import Client, SourceError, UnauthorizedError
from batchctl.jobs.collecting.collect import Listing, Page
from batchctl.jobs.sources.rules import number, product_validator

PATH = "/ownerclan"
REAL_AUTH = "https://auth.ownerclan.com/auth"

_QUERY = """
query ($first: Int, $after: String) {
  allItems(first: $first, after: $after) {
    pageInfo { hasNextPage endCursor }
    edges { cursor node {
      key name price(currency: KRW) status updatedAt category { name } images options { quantity }
    } }
  }
}
"""


class Ownerclan:
    """One session; it logs in when it first needs to, and once more when the token has run out."""

    def __init__(self, client: Client) -> None:
        """Keep the connection."""
        self._client, self._token = client, ""

    def fetch(self, cursor: str | None) -> Page:
        """Return one page of all items."""
        for last_try in (False, True):
            if not self._token:
                self._log_in()
            try:
                return self._page(cursor)
            except UnauthorizedError:
                self._token = ""
                if last_try:
                    raise
        raise AssertionError  # the loop returns or raises

    def _log_in(self) -> None:
        source = self._client.source
        login = {
            "service": "ownerclan",
            "userType": "seller",
            "username": source.username or "",
            "password": source.password or "",
        }
        address = "/auth" if source.base_url is None else _auth_of(source.base_url)
        answer = self._client.json("POST", address, json=login)
        token = answer.get("token") if isinstance(answer, dict) else answer
        if not isinstance(token, str) or not token:
            message = f"{source.name}: the login answered without a token"
            raise SourceError(message)
        self._token = token

    def _page(self, cursor: str | None) -> Page:
        variables = {"first": self._client.source.batch_size, "after": cursor}
        answer = self._client.json(
            "POST",
            "/v1/graphql",
            json={"query": _QUERY, "variables": variables},
            headers={"authorization": f"Bearer {self._token}"},
        )
        try:
            items = answer["data"]["allItems"]
            info = items["pageInfo"]
            records = [_record(edge["node"]) for edge in items["edges"]]
        except (KeyError, TypeError) as error:
            message = f"{self._client.source.name}: the answer is not an item list: {str(answer)[:200]}"
            raise SourceError(message) from error
        return Page(records, info["endCursor"] if info["hasNextPage"] else None)


def _auth_of(base_url: str) -> str:
    return REAL_AUTH if base_url.startswith("https://api.ownerclan.com") else f"{base_url}/auth"


def _record(node: dict[str, Any]) -> dict[str, Any]:
    options = node.get("options") or []
    images = node.get("images") or [None]
    return {
        "code": node.get("key"),
        "name": node.get("name"),
        "price": number(node.get("price")),
        "stock": sum(option.get("quantity") or 0 for option in options),
        "category": (node.get("category") or {}).get("name"),
        "image": images[0],
        "updated": node.get("updatedAt"),
    }


def listing(client: Client) -> Listing:
    """Return the listing of all items."""
    return Listing(client.source.name, Ownerclan(client).fetch, product_validator())
