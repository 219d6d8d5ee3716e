"""A model's words for the numbers of the trends: one request to an endpoint that speaks OpenAI's chat completions."""

import json
from http.client import HTTPException
from typing import Any
from urllib.request import HTTPRedirectHandler, Request, build_opener

from batchctl.jobs.collecting.settings import Source

_ASKED = {
    "ko": "다음 JSON은 수집한 상품 데이터의 변화를 나타내는 수치입니다. 운영자가 읽을 한 문단으로 설명하세요."
    " 존댓말로 다섯 문장을 넘기지 말고, 수치에 없는 내용은 쓰지 마세요.",
    "en": "These numbers (JSON) say what has moved in collected product data. Tell an operator in one paragraph of at"
    " most five sentences. Write nothing that the numbers do not say.",
}
_MOST = 1 << 20
"""Bytes of an answer."""


class ModelError(Exception):
    """The endpoint gave no paragraph; `str()` says why."""


class _Stay(HTTPRedirectHandler):
    """Follows no redirection: it would carry the token to another host."""

    def redirect_request(self, *_: Any) -> None:
        return None


def paragraph(model: Source, numbers: dict[str, Any], lang: str) -> str:
    """Return what the model writes about the numbers, as one line without control characters.

    Raises:
        ModelError: if the endpoint cannot be reached in time, refuses, or answers something else.
    """
    messages = [
        {"role": "system", "content": _ASKED[lang]},
        {"role": "user", "content": json.dumps(numbers, ensure_ascii=False)},
    ]
    body = json.dumps({"model": model.model or "default", "messages": messages, "temperature": 0.2}).encode()
    headers = {"content-type": "application/json"}
    if model.token:
        headers["authorization"] = f"Bearer {model.token}"
    # The configuration has let nothing but http and https through.
    request = Request(f"{model.base_url}/chat/completions", body, headers)  # noqa: S310
    try:
        with build_opener(_Stay).open(request, timeout=model.timeout) as answer:
            text = json.loads(answer.read(_MOST))["choices"][0]["message"]["content"]
    except (OSError, HTTPException, ValueError, LookupError, TypeError) as error:
        message = f"{model.base_url}: {type(error).__name__}: {error}"
        raise ModelError(message) from None
    said = "".join(letter for letter in " ".join(str(text or "").split()) if letter.isprintable())
    if not said:
        message = f"{model.base_url}: the answer is empty"
        raise ModelError(message)
    return said
