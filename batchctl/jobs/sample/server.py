"""The sample server: real HTTP on loopback, one route a source; faults on demand for the tests."""

import json
import struct
import threading
import time
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit
from xml.sax.saxutils import escape, quoteattr

from batchctl.jobs.common import moment
from batchctl.jobs.sample import data

_TOKEN = "sample-token"  # noqa: S105 - of the sample server itself
_PAGE = 20
"""Films a page, as TMDB has it."""


class Server(ThreadingHTTPServer):
    """The server with its faults: `faults[prefix]` is a list of faults that requests below that path meet in turn.

    Faults: a status as text ("401", "429", "500"), "hang", "truncate", "encoding", "garbage", "repeat" (a page
    that was asked for before).
    """

    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        """Bind to loopback; port 0 takes any free one."""
        super().__init__(("127.0.0.1", port), _Handler)
        self.faults: dict[str, list[str]] = defaultdict(list)
        self.requests: list[tuple[float, str, str]] = []
        """Every request: when (monotonic seconds), method, path."""
        self.hang_s = 30.0
        self.fixed_day: date | None = None
        self.guard = threading.Lock()

    @property
    def base_url(self) -> str:
        """The address to ask."""
        return f"http://127.0.0.1:{self.server_address[1]}"

    @property
    def day(self) -> date:
        """The day whose data are served: the one that is set, else today."""
        return self.fixed_day or moment().date()

    def next_fault(self, path: str) -> str | None:
        """Take the next fault that is meant for this path."""
        with self.guard:
            for prefix, waiting in self.faults.items():
                if waiting and path.startswith(prefix):
                    return waiting.pop(0)
        return None


@contextmanager
def running(port: int = 0) -> Iterator[Server]:
    """Run the server in a thread for as long as the context lasts; midnight changes none of its data meanwhile."""
    server = Server(port)
    server.fixed_day = moment().date()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Head and body in one packet: apart, they would wait for each other (Nagle, delayed ACK) for 40 ms a request.
    wbufsize = 1 << 16
    server: Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Say nothing: the steps' output is the operator's."""

    def do_GET(self) -> None:
        """Answer a GET."""
        self._answer()

    def do_POST(self) -> None:
        """Answer a POST."""
        self._answer()

    def _answer(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length)
        parts = urlsplit(self.path)
        with self.server.guard:
            self.server.requests.append((time.monotonic(), self.command, self.path))
        fault = self.server.next_fault(parts.path)
        if fault is not None and fault.isdigit():
            headers = {"retry-after": "1"} if fault == "429" else {}
            self._send(int(fault), b'{"error": "sample fault"}', "application/json", headers)
            return
        if fault == "hang":
            time.sleep(self.server.hang_s)
        query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
        for prefix, route in _ROUTES:
            if parts.path.startswith(prefix):
                asked = Asked(parts.path.removeprefix(prefix), query, body, dict(self.headers), fault, self.server.day)
                status, content, kind = route(asked)
                self._send(status, content, kind, {}, cut=fault == "truncate")
                return
        self._send(404, b'{"error": "no such path"}', "application/json", {})

    def _send(self, status: int, content: bytes, kind: str, headers: dict[str, str], *, cut: bool = False) -> None:
        self.send_response(status)
        self.send_header("content-type", kind)
        self.send_header("content-length", str(len(content)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(content[: len(content) // 2] if cut else content)
        except (BrokenPipeError, ConnectionResetError):
            return
        if cut:
            self.close_connection = True


class Asked(NamedTuple):
    """A request below a route, the fault it is to meet, and the day whose data it gets."""

    path: str
    query: dict[str, str]
    body: bytes
    headers: dict[str, str]
    fault: str | None
    day: date


Answer = tuple[int, bytes, str]
Route = Callable[[Asked], Answer]


def _json(value: Any, status: int = 200) -> Answer:
    return status, json.dumps(value, ensure_ascii=False).encode(), "application/json; charset=utf-8"


def _broken(fault: str | None) -> Answer | None:
    if fault == "garbage":
        return 200, b"<html>maintenance</html>", "text/html"
    if fault == "encoding":
        return 200, '{"name": "한글"}'.encode("euc-kr"), "application/json; charset=utf-8"
    return None


def _ownerclan(asked: Asked) -> Answer:
    if asked.path == "/auth":
        return _json({"token": _TOKEN, "expiresIn": 2592000})
    lowered = {name.lower(): value for name, value in asked.headers.items()}
    if lowered.get("authorization") != f"Bearer {_TOKEN}":
        return _json({"errors": [{"message": "unauthorized"}]}, 401)
    if (broken := _broken(asked.fault)) is not None:
        return broken
    variables = json.loads(asked.body).get("variables", {})
    first = int(variables.get("first") or 100)
    start = int(variables.get("after") or 0)
    if asked.fault == "repeat":
        start = max(0, start - first)
    items = data.products("ownerclan", asked.day)
    chunk = items[start : start + first]
    edges = [{"cursor": str(start + number), "node": _node(item)} for number, item in enumerate(chunk, 1)]
    end = start + len(chunk)
    info = {"hasNextPage": end < len(items), "endCursor": str(end)}
    return _json({"data": {"allItems": {"pageInfo": info, "edges": edges}}})


def _node(item: dict[str, Any]) -> dict[str, Any]:
    return {
        "key": item["code"],
        "name": item["name"],
        "price": item["price"],
        "status": "available" if item["stock"] else "soldout",
        "category": {"name": item["category"]},
        "images": [item["image"]],
        "updatedAt": item["updated"],
        "options": [{"quantity": item["stock"]}],
    }


def _zentrade(asked: Asked) -> Answer:
    rows = [
        f"<product code={quoteattr(item['code'])}><dome_category>{escape(item['category'])}</dome_category>"
        f"<prdtname>{escape(item['name'])}</prdtname><price buyprice={quoteattr(str(item['price']))}/>"
        f"<stock>{item['stock']}</stock><listimg url1={quoteattr(item['image'])}/>"
        f"<upddate>{escape(item['updated'])}</upddate></product>"
        for item in data.products("zentrade", asked.day)
    ]
    text = f'<?xml version="1.0" encoding="euc-kr"?><zentrade>{"".join(rows)}</zentrade>'
    # The fault of such feeds: they say EUC-KR and send something else.
    content = text.encode("utf-8") if asked.fault == "encoding" else text.encode("euc-kr", "xmlcharrefreplace")
    return 200, b"<zentrade>" if asked.fault == "garbage" else content, "text/xml"


def _domeggook(asked: Asked) -> Answer:
    if (broken := _broken(asked.fault)) is not None:
        return broken
    query = asked.query
    if query.get("mode") != "getItemList" or query.get("market") not in {"dome", "supply"}:
        return _json({"errors": {"code": 404, "message": "UNKNOWN_SERVICE"}}, 404)
    items = data.products("domeggook" if query["market"] == "dome" else "domomae", asked.day)
    size, page = int(query.get("sz", "20")), int(query.get("pg", "1"))
    if asked.fault == "repeat":
        page = max(1, page - 1)
    chunk = items[(page - 1) * size : page * size]
    header = {
        "numberOfItems": len(items),
        "firstItem": (page - 1) * size + 1,
        "currentPage": page,
        "itemsPerPage": size,
        "numberOfPages": -(-len(items) // size),
    }
    rows = [
        {
            "no": item["code"],
            "title": item["name"],
            "thumb": item["image"],
            "price": str(item["price"]),
            "unitQty": "1",
            "qty": {"inventory": str(item["stock"])},
            "category": {"name": item["category"]},
        }
        for item in chunk
    ]
    return _json({"domeggook": {"header": header, "list": {"item": rows}}})


def _coupang(asked: Asked) -> Answer:
    if (broken := _broken(asked.fault)) is not None:
        return broken
    category = asked.path.rsplit("/", 1)[-1]
    items = data.best_sellers(f"coupang-{category}", asked.day, int(asked.query.get("limit", "20")))
    rows = [
        {
            "productId": item["code"],
            "productName": item["name"],
            "productPrice": item["price"],
            "productImage": item["image"],
            "categoryName": item["category"],
            "rank": number,
        }
        for number, item in enumerate(items, 1)
    ]
    return _json({"rCode": "0", "rMessage": "", "data": rows})


def _naver(asked: Asked) -> Answer:
    if (broken := _broken(asked.fault)) is not None:
        return broken
    query = asked.query
    start, display = int(query.get("start", "1")), int(query.get("display", "10"))
    items = data.best_sellers(f"naver-{query.get('query', '')}", asked.day, 200)
    chunk = items[start - 1 : start - 1 + display]
    rows = [
        {
            "productId": item["code"],
            "title": f"<b>{item['name']}</b>",
            "lprice": str(item["price"]),
            "image": item["image"],
            "category1": item["category"],
        }
        for item in chunk
    ]
    return _json({"total": len(items), "start": start, "display": len(rows), "items": rows})


def _tmdb(asked: Asked) -> Answer:
    if (broken := _broken(asked.fault)) is not None:
        return broken
    path, query, films = asked.path, asked.query, list(data.films(asked.day))
    if path == "/genre/movie/list":
        return _json({"genres": [{"id": key, "name": name} for key, name in data.GENRES.items()]})
    if path == "/movie/top_rated":
        films.sort(key=lambda film: -film["vote_average"])
    elif path == "/movie/now_playing":
        films.sort(key=lambda film: film["release_date"], reverse=True)
    elif path == "/discover/movie":
        films = [film for film in films if int(query.get("with_genres", "0")) in film["genre_ids"]]
    elif path.startswith("/trending/movie/"):
        films = data.trending(asked.day, path.rsplit("/", 1)[-1])
    else:
        films.sort(key=lambda film: -film["popularity"])
    page = int(query.get("page", "1"))
    if asked.fault == "repeat":
        page = max(1, page - 1)
    pages = -(-len(films) // _PAGE)
    chunk = films[(page - 1) * _PAGE : page * _PAGE]
    return _json({"page": page, "results": chunk, "total_pages": pages, "total_results": len(films)})


def _image(asked: Asked) -> Answer:
    number = int("".join(filter(str.isdigit, asked.path)) or 0)
    content = b"not a picture" if asked.fault == "garbage" or number % 50 == 0 else png(number)
    return 200, content, "image/png"


def png(number: int, side: int = 640) -> bytes:
    """Return a square PNG picture of one colour that depends on the number."""
    colour = bytes((number * 37 % 256, number * 91 % 256, number * 151 % 256))
    rows = (b"\0" + colour * side) * side

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


_ROUTES: tuple[tuple[str, Route], ...] = (
    ("/ownerclan", _ownerclan),
    ("/zentrade", _zentrade),
    ("/domeggook", _domeggook),
    ("/coupang", _coupang),
    ("/naver", _naver),
    ("/tmdb/3", _tmdb),
    ("/images", _image),
)
