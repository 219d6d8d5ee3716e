"""What the numbers of the trends say, in a paragraph, in Korean or English."""

import os
from typing import Any

_KO = {
    "none": "최근 {days:g}일 동안 눈에 띄는 변화가 없습니다.",
    "price": "최근 {days:g}일 동안 가격 변동이 가장 큰 상품은 {name}입니다"
    "({before:,.0f}원에서 {after:,.0f}원으로 {share:.0f}% {way}).",
    "prices": "변동 폭이 큰 상품 {count}개 중 {up}개는 오르고 {down}개는 내렸습니다.",
    "rank": "순위 변동이 가장 큰 상품은 {name}입니다({before:.0f}위에서 {after:.0f}위로 {way}).",
    "stock": "재고 변동이 가장 큰 상품은 {name}입니다({before:,.0f}개에서 {after:,.0f}개로 {way}).",
    "new_words": "상품명에 새로 나타난 단어는 {words}입니다.",
    "vanished_words": "사라진 단어는 {words}입니다.",
}
_EN = {
    "none": "Nothing has moved much in the last {days:g} days.",
    "price": "In the last {days:g} days the price of {name} has moved most, from {before:,.0f} to {after:,.0f} won:"
    " it {way} by {share:.0f}%.",
    "prices": "Of the {count} that moved most {up} are dearer and {down} cheaper.",
    "rank": "In rank {name} has moved most: it {way} from {before:.0f} to {after:.0f}.",
    "stock": "In stock {name} has moved most: it {way} from {before:,.0f} to {after:,.0f}.",
    "new_words": "New in the names: {words}.",
    "vanished_words": "Gone from them: {words}.",
}
_WAYS = {
    "ko": {"price": ("상승", "하락"), "rank": ("하락", "상승"), "stock": ("증가", "감소")},
    "en": {"price": ("rose", "fell"), "rank": ("fell", "climbed"), "stock": ("rose", "fell")},
}
_WORDS_NAMED = 5


def language() -> str:
    """Return `ko` or `en`: BATCHCTL_LANG, else the locale."""
    wanted = next((value for name in ("BATCHCTL_LANG", "LC_ALL", "LC_MESSAGES", "LANG")
                   if (value := os.environ.get(name))), "")  # fmt: skip
    return "ko" if wanted.startswith("ko") else "en"


def paragraph(found: dict[str, Any], days: float, lang: str) -> str:
    """Return in a few sentences which products moved most, and which words are new or gone."""
    texts = _KO if lang == "ko" else _EN
    said = []
    for field in ("price", "rank", "stock"):
        movers = found[f"{field}_movers"]
        if not movers:
            continue
        first = movers[0]
        up, share = first["after"] > first["before"], abs(first["after"] - first["before"]) / max(first["before"], 1)
        said.append(texts[field].format(**first, days=days, way=_WAYS[lang][field][not up], share=100 * share))
        if field == "price" and len(movers) > 1:
            dearer = sum(mover["after"] > mover["before"] for mover in movers)
            said.append(texts["prices"].format(count=len(movers), up=dearer, down=len(movers) - dearer))
    for kind in ("new_words", "vanished_words"):
        words = [item["word"] for item in found[kind][:_WORDS_NAMED]]
        if words:
            said.append(texts[kind].format(words=", ".join(words)))
    return " ".join(said) or texts["none"].format(days=days)
