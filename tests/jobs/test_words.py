"""What the trends say in words, by batchctl and by a model behind a local endpoint."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

import pytest

from batchctl.jobs.analyze_trends import trends
from batchctl.jobs.analyze_trends.words import language, paragraph
from batchctl.jobs.collecting.catalogue import Catalogue
from batchctl.jobs.common import clock

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DAY = 86400.0
FOUND: dict[str, Any] = {
    "price_movers": [
        {"name": "무선 이어폰", "before": 1000.0, "after": 1500.0},
        {"name": "접이식 우산", "before": 2000.0, "after": 1800.0},
    ],
    "rank_movers": [{"name": "담요", "before": 9, "after": 2}],
    "stock_movers": [{"name": "도마", "before": 50, "after": 0}],
    "new_words": [{"word": "레트로", "products": 3}],
    "vanished_words": [],
}


def test_the_numbers_in_words() -> None:
    """The first of each kind is named with its figures; a week without changes says so."""
    korean = paragraph(FOUND, 7.0, "ko")
    assert "가격 변동이 가장 큰 상품은 무선 이어폰입니다(1,000원에서 1,500원으로 50% 상승)." in korean
    assert "상품 2개 중 1개는 오르고 1개는 내렸습니다." in korean
    assert "담요입니다(9위에서 2위로 상승)." in korean
    assert "도마입니다(50개에서 0개로 감소)." in korean
    assert korean.endswith("상품명에 새로 나타난 단어는 레트로입니다.")
    english = paragraph(FOUND, 7.0, "en")
    assert "the price of 무선 이어폰 has moved most, from 1,000 to 1,500 won: it rose by 50%." in english
    assert "담요 has moved most: it climbed from 9 to 2." in english
    nothing: dict[str, Any] = {key: [] for key in FOUND}
    assert paragraph(nothing, 7.0, "en") == "Nothing has moved much in the last 7 days."
    assert paragraph(nothing, 7.0, "ko").endswith("변화가 없습니다.")


@pytest.mark.parametrize(
    ("variables", "wanted"),
    [
        ({"LANG": "ko_KR.UTF-8"}, "ko"),
        # the variable of batchctl wins over the locale
        ({"BATCHCTL_LANG": "en", "LANG": "ko_KR.UTF-8"}, "en"),
        # and cron has no locale
        ({}, "en"),
    ],
)
def test_the_language(monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], wanted: str) -> None:
    """BATCHCTL_LANG, else the locale, else English."""
    for name in ("BATCHCTL_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert language() == wanted


class Endpoint(ThreadingHTTPServer):
    """A server on loopback that answers every request alike and keeps what it was asked."""

    def __init__(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        """Answer with these."""
        super().__init__(("127.0.0.1", 0), _Answering)
        self.answer = (status, body, headers)
        self.asked: list[tuple[str, str | None, Any]] = []


class _Answering(BaseHTTPRequestHandler):
    server: Endpoint

    def do_POST(self) -> None:
        """Answer."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.asked.append((self.path, self.headers["authorization"], body))
        status, content, headers = self.server.answer
        self.send_response(status)
        for name, value in {"content-length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name of the base class
        """Say nothing."""


@contextmanager
def serving(status: int, body: bytes, headers: dict[str, str] | None = None) -> Iterator[Endpoint]:
    """Run an endpoint for as long as the context lasts."""
    server = Endpoint(status, body, headers or {})
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a state directory in which one price has risen since yesterday."""
    monkeypatch.setenv("BATCHCTL_SAMPLE_DATE", "2026-11-25")
    monkeypatch.setenv("BATCHCTL_RESULT", str(tmp_path / "result"))
    monkeypatch.setenv("BATCHCTL_LANG", "ko")
    monkeypatch.setenv("LLM_TOKEN", "s3cret")
    now = clock()
    with Catalogue(str(tmp_path / "catalogue/catalogue.db")) as catalogue:
        for age, price in ((1, 1000), (0, 1500)):
            collection = catalogue.begin("s", "all", now - age * DAY)
            catalogue.add_page(collection, [{"code": "a", "name": "무선 이어폰", "price": price}], 0, None)
            catalogue.end(collection, now - age * DAY + 1)
    return tmp_path


def analysed(state: Path, monkeypatch: pytest.MonkeyPatch, base_url: str) -> dict[str, Any]:
    """Run the program with a model configured; it succeeds whatever the model does."""
    model = {"base_url": base_url, "model": "작은-모델", "token_env": "LLM_TOKEN", "timeout": 1.0}
    monkeypatch.setenv("BATCHCTL_SOURCES", json.dumps({"llm": model}))
    assert trends.main(["--data", str(state)]) == 0
    found: dict[str, Any] = json.loads((state / "result").read_text(encoding="utf-8"))
    with open(found["file"], encoding="utf-8") as file:
        assert json.load(file)["text"] == found["text"]
    return found


def test_a_model_writes_the_paragraph(state: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It gets the numbers and the token, in the language that is wanted; its text is one line without escapes."""
    said = {"choices": [{"message": {"content": "가격이\n올랐습니다.\x1b[31m"}}]}
    with serving(200, json.dumps(said).encode()) as endpoint:
        found = analysed(state, monkeypatch, _url(endpoint))
    assert (found["text"], found["text_by"]) == ("가격이 올랐습니다.[31m", "작은-모델")
    ((path, token, body),) = endpoint.asked
    assert (path, token, body["model"]) == ("/v1/chat/completions", "Bearer s3cret", "작은-모델")
    assert "존댓말" in body["messages"][0]["content"]
    assert json.loads(body["messages"][1]["content"])["price_movers"][0]["after"] == 1500


def _url(endpoint: Endpoint) -> str:
    return f"http://127.0.0.1:{endpoint.server_address[1]}/v1"


@pytest.mark.parametrize(
    ("status", "body", "headers", "why"),
    [
        # it refuses
        (401, b"{}", {}, "401"),
        # it answers something else
        (200, b"<html>", {}, "JSONDecodeError"),
        (200, b'{"choices": []}', {}, "IndexError"),
        (200, b"[1]", {}, "TypeError"),
        (200, b'{"choices": [{"message": {"content": null}}]}', {}, "the answer is empty"),
        # it would send the token elsewhere
        (302, b"", {"location": "http://127.0.0.1:9/"}, "302"),
        # it breaks off
        (200, b"{", {"content-length": "99"}, ""),
    ],
)
def test_a_model_that_fails_is_a_warning(
    state: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    status: int,
    body: bytes,
    headers: dict[str, str],
    why: str,
) -> None:
    """The report has batchctl's own words, the log one line that says why, and the token nowhere."""
    with serving(status, body, headers) as endpoint:
        found = analysed(state, monkeypatch, _url(endpoint))
    assert found["text_by"] == "batchctl"
    assert "50% 상승" in found["text"]
    error = capfd.readouterr().err
    assert error.startswith("trends: warning: no model's words, [sources.llm] http://127.0.0.1:")
    assert error.count("\n") == 1
    assert why in error
    assert "s3cret" not in error


def test_nobody_is_asked_unless_it_is_configured(
    state: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without [sources.llm] there is no request and no warning; a token that is not set is a warning."""
    monkeypatch.delenv("BATCHCTL_SOURCES", raising=False)
    assert trends.main(["--data", str(state)]) == 0
    assert capfd.readouterr().err == ""
    monkeypatch.delenv("LLM_TOKEN")
    assert analysed(state, monkeypatch, "http://127.0.0.1:9")["text_by"] == "batchctl"
    assert "LLM_TOKEN" in capfd.readouterr().err
