"""The descriptions of the ready-made jobs in English; in their files, and so in JSON and crontabs, they are Korean."""

from __future__ import annotations

from batchctl.base import language

IN_ENGLISH = {
    "수집 데이터 트렌드 분석": "Trends of the collected data",
    "오래된 데이터 정리": "Clean-up of old data",
    "마켓 베스트셀러 수집": "Best sellers of marketplaces",
    "오너클랜 상품 수집": "Products of Ownerclan",
    "전체 공급사 수집 (주간)": "Products of all suppliers, weekly",
    "도매 상품 수집": "Products of the wholesalers named",
    "젠트레이드 상품 수집": "Products of Zentrade",
    "키워드 검색 후 마켓 업로드": "Keyword search, then market upload",
    "키워드 검색 (daily-batch의 앞부분)": "Keyword search, the first part of daily-batch",
    "마켓 업로드 (daily-batch의 뒷부분)": "Market upload, the second part of daily-batch",
    "일일 상품 통계와 수집 보고서": "The day's product statistics and collection report",
    "상태 점검": "Health check",
    "상품 이미지 처리": "Product images",
    "오래된 테이블 삭제": "Drop old tables",
    "일별 테이블 생성": "Tables of the next days",
    "월별 요약 테이블": "Summary table of the month",
    "TMDB 일간 수집": "TMDB, daily",
    "TMDB 시간별 트렌드": "TMDB, what trends each hour",
    "TMDB 월간 수집과 보고서": "TMDB, monthly, with a report",
    "TMDB 주간 수집과 보고서": "TMDB, weekly, with a report",
}


def described(description: str) -> str:
    """Return a job's description for whoever reads it; what operators have written stays as they wrote it."""
    return description if language.current() == "ko" else IN_ENGLISH.get(description, description)
