"""Writes products.csv, the catalogue of 3,000 invented products that batchctl brings; always the same bytes.

    python tools/generate_products.py > batchctl/jobs/daily_batch/products.csv

Everything in it is made up. It only has to look like a wholesaler's list in what matters to a search: compounds written
with and without a space (무선이어폰, 무선 이어폰), words of one or two syllables (컵, 도마), sold-out items, prices
that lie close together.
"""

import csv
import os
import random
import sys
from typing import NamedTuple, TextIO, TypeVar

COUNT = 3000
COLUMNS = ("id", "name", "price", "stock", "supplier", "category")

_SEED = 316
_SOLD_OUT = 0.04
_JOINED = 0.25  # the share of names that write modifier and noun as one word
_T = TypeVar("_T")


class _Category(NamedTuple):
    """What a category's names and prices are made of; prices in won."""

    name: str
    lowest: int
    highest: int
    modifiers: tuple[str, ...]
    nouns: tuple[str, ...]
    options: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _category(name: str, prices: tuple[int, int], modifiers: str, nouns: str, options: str) -> _Category:
    return _Category(name, *prices, _words(modifiers), _words(nouns), _words(options))


_CATEGORIES = (
    _category(
        "주방용품",
        (2900, 69000),
        "스테인리스 실리콘 도자기 원목 내열 대용량 접이식 북유럽",
        "텀블러 머그컵 프라이팬 냄비 도마 밀폐용기 주전자 수저세트 접시 물병 식기건조대 계량컵",
        "화이트 블랙 2개입 3종 500ml 대형 소형",
    ),
    _category(
        "생활용품",
        (1900, 39000),
        "다용도 투명 항균 극세사 대용량 무향 벽걸이 접이식",
        "수납함 빨래바구니 옷걸이 행주 고무장갑 휴지통 욕실매트 칫솔 우산 돗자리 청소포 종이컵",
        "화이트 그레이 1+1 10개입 50매 대형 소형",
    ),
    _category(
        "세제위생",
        (2500, 32000),
        "천연 고농축 저자극 대용량 무향 베이비 라벤더 친환경",
        "주방세제 세탁세제 섬유유연제 물티슈 손세정제 화장지 마스크 탈취제 표백제 핸드워시",
        "1L 2L 리필 30롤 100매 3개입 10팩",
    ),
    _category(
        "디지털",
        (4900, 159000),
        "무선 휴대용 고속 블루투스 초경량 차량용 접이식 게이밍",
        "이어폰 충전기 보조배터리 키보드 마우스 스피커 거치대 케이블 멀티탭 웹캠 마이크 헤드셋",
        "블랙 화이트 C타입 1m 2m 20W 10000mAh",
    ),
    _category(
        "계절가전",
        (12900, 249000),
        "미니 탁상용 휴대용 저소음 무선 대용량 리모컨 절전",
        "선풍기 가습기 제습기 전기히터 전기요 서큘레이터 공기청정기 손난로 온풍기",
        "화이트 핑크 1인용 2인용 USB 5단조절 대형",
    ),
    _category(
        "침구홈데코",
        (5900, 129000),
        "알러지케어 순면 극세사 사계절 암막 북유럽 냉감 호텔식",
        "이불 베개 매트리스커버 쿠션 커튼 러그 담요 방석 무드등 액자 벽시계",
        "싱글 퀸 킹 아이보리 네이비 베이지 2장",
    ),
    _category(
        "의류잡화",
        (3900, 89000),
        "기모 여름 순면 남녀공용 경량 방수 오버핏 캐주얼",
        "양말 티셔츠 바람막이 조끼 모자 장갑 목도리 슬리퍼 백팩 에코백 벨트 후드집업",
        "블랙 네이비 프리 L XL 5켤레 베이지",
    ),
    _category(
        "식품",
        (3500, 59000),
        "국내산 유기농 저당 무설탕 수제 대용량 프리미엄 산지직송",
        "견과류 현미 사과즙 누룽지 김 꿀 미숫가루 녹차 커피믹스 고구마말랭이 참기름 들깨가루",
        "500g 1kg 30포 20봉 선물세트 2병 100티백",
    ),
    _category(
        "반려동물",
        (2900, 79000),
        "강아지 고양이 대형견 소형견 저알러지 방수 휴대용 천연",
        "사료 간식 배변패드 하네스 방석 이동장 장난감 급수기 스크래처 샴푸",
        "2kg 6kg 50매 S M L 3개입",
    ),
    _category(
        "캠핑스포츠",
        (4900, 219000),
        "접이식 초경량 방수 휴대용 대형 감성 고강도 미끄럼방지",
        "캠핑의자 캠핑테이블 텐트 침낭 랜턴 아이스박스 요가매트 아령 폼롤러 줄넘기 등산스틱",
        "블랙 카키 2인용 4인용 10mm 5kg 세트",
    ),
    _category(
        "문구사무",
        (1200, 45000),
        "투명 고급 대용량 무선 저소음 컬러 사무용 휴대용",
        "볼펜 형광펜 공책 다이어리 파일철 스테이플러 점착메모지 계산기 책상정리함 독서대 마우스패드",
        "흑색 12색 A4 A5 10권 5개입 100매",
    ),
    _category(
        "유아완구",
        (4500, 99000),
        "원목 실리콘 안전 항균 자석 대형 말랑 코끼리",
        "블록 퍼즐 딸랑이 이유식용기 턱받이 유아식탁의자 보행기 인형 목욕장난감 색칠공부",
        "핑크 민트 50피스 100피스 2개입 3종 세트",
    ),
)
_BRANDS = _words(
    "가온결 나래솔 다온재 라온별 마루담 바른볕 새록터 아라온 윤슬가 초롱채 하늬솔 해담뜰 도담결 미르온 봄내음"
)
_SUPPLIERS = _words("가람유통 누리상회 다솜무역 두레물산 벼리산업 새길도매 슬기상사 예그리나 이든무역 한울유통")


def main() -> None:
    """Write the catalogue to standard output."""
    with open(sys.stdout.fileno(), "w", encoding="utf-8", newline="", closefd=False) as file:
        write(file)


def write(file: TextIO) -> None:
    """Write the catalogue, a header and 3,000 rows, as CSV to an open text file."""
    rng = random.Random(_SEED)  # noqa: S311 - the catalogue must come out the same each time, not be unguessable
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(COLUMNS)
    names: set[str] = set()
    while len(names) < COUNT:
        category = _pick(rng, _CATEGORIES)
        name = _name(rng, category)
        if name in names:
            continue
        names.add(name)
        row = (_price(rng, category), _stock(rng), _pick(rng, _SUPPLIERS), category.name)
        writer.writerow((f"P{len(names):05d}", name, *row))


def _pick(rng: random.Random, choices: tuple[_T, ...]) -> _T:
    # Of the generator's methods only random() is promised to give the same sequence under every Python version.
    return choices[int(rng.random() * len(choices))]


def _name(rng: random.Random, category: _Category) -> str:
    space = "" if rng.random() < _JOINED else " "
    item = _pick(rng, category.modifiers) + space + _pick(rng, category.nouns)
    return f"{_pick(rng, _BRANDS)} {item} {_pick(rng, category.options)}"


def _price(rng: random.Random, category: _Category) -> int:
    # Squared, because a wholesaler lists many cheap things and few dear ones; all end in 900, as prices do.
    won = category.lowest + (category.highest - category.lowest) * rng.random() ** 2
    return max(int(won) // 1000 * 1000 + 900, 900)


def _stock(rng: random.Random) -> int:
    return 0 if rng.random() < _SOLD_OUT else 1 + int(999 * rng.random() ** 2)


if __name__ == "__main__":
    if os.isatty(sys.stdout.fileno()):
        sys.exit("generate_products: redirect the output to a file, products.csv")
    main()
