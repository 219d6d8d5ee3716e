"""Sixty days of two Korean jobs, always the same: skips, failures, timeouts, a resumed story, results."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from history_rows import DAY, HOUR, Rows

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_795_188_600.0
"""Sat 2026-11-21 00:30 in Seoul."""
BATCH, SETTLE = "일괄-수집", "정산-마감"
SECRET = "s3cr3t-키-값"  # noqa: S105 - made up
CONFIG = f"""
timezone = "Asia/Seoul"
[jobs."{BATCH}"]
description = "키워드 검색 후 마켓 업로드"
schedule = "0 1 * * *"
timeout = "30h"
min_gap = "6h"
secrets = ["API_KEY"]
env = {{ API_KEY = "{SECRET}" }}
steps = [
  {{ id = "31", group = "키워드-검색", run = "true" }}, {{ id = "32", group = "키워드-검색", run = "true" }},
  {{ id = "33", group = "키워드-검색", run = "true" }}, {{ id = "61", group = "마켓-업로드", run = "true" }},
  {{ id = "62", group = "마켓-업로드", run = "true" }}, {{ id = "63", group = "마켓-업로드", run = "true" }},
]
[jobs."{SETTLE}"]
description = "하루 매출 정산"
schedule = "30 6 * * *"
timeout = "1h"
run = "true"
"""
_STEPS = (
    ("31", "키워드-검색", 5.2),
    ("32", "키워드-검색", 3.9),
    ("33", "키워드-검색", 4.1),
    ("61", "마켓-업로드", 5.6),
    ("62", "마켓-업로드", 4.4),
    ("63", "마켓-업로드", 2.8),
)
_LOG = """06:12:40 계정1: 상품 412건 업로드 준비
06:12:41 마켓 로그인 (키 {secret})
06:14:02 \x1b[31m오류\x1b[0m: <응답 503> 마켓 서버가 응답하지 않습니다
Traceback (most recent call last):
  File "upload.py", line 88, in upload
    raise MarketDown(response.status)
MarketDown: 503
"""


def write(place: Path) -> list[str]:
    """Write configuration and history into a directory and return the global options that choose them."""
    (place / "batchctl.toml").write_text(CONFIG, encoding="utf-8")
    rows, chance = Rows(place / "state"), random.Random(26)  # noqa: S311 - the same rows each time
    _batch(rows, chance)
    _settle(rows, chance)
    return ["--config", str(place / "batchctl.toml"), "--state", str(place / "state")]


def _batch(rows: Rows, chance: random.Random) -> None:
    at, day, ends, run = NOW - 60 * DAY + HOUR / 2, 0, 0.0, 0
    while at + day * DAY < NOW - DAY / 2:
        fire = at + day * DAY
        day += 1
        if fire < ends:
            rows.skip(BATCH, fire, run=run)
        elif fire - ends < 6 * HOUR:
            rows.skip(BATCH, fire, "min_gap")
        else:
            run, ends = _one_batch(rows, chance, fire, day)


def _one_batch(rows: Rows, chance: random.Random, fire: float, day: int) -> tuple[int, float]:
    slower = 1 + 0.0022 * day
    took = [hours * HOUR * slower * chance.uniform(0.94, 1.06) for _, _, hours in _STEPS]
    broken = {11: ("failed", 3), 37: ("timed_out", 5), 51: ("failed", 4)}.get(day)
    if broken is None:
        last = fire > NOW - 2.2 * DAY
        run = rows.run(BATCH, fire, None if last and fire + sum(took) > NOW else sum(took))
        _steps(rows, chance, run, took)
        return run, fire + sum(took)
    status, place = broken
    spent = 30 * HOUR if status == "timed_out" else sum(took[: place + 1])
    run = rows.run(BATCH, fire, spent, status)
    _steps(rows, chance, run, took[: place + 1], status)
    rows.log(run, place + 1, 1, _LOG.format(secret=SECRET).encode())
    if day != 51:
        return run, fire + spent
    # The operator continued this one the same morning.
    again = rows.run(BATCH, fire + spent + 2 * HOUR, sum(took[place:]))
    rows.change("update runs set resumed_from = ? where id = ?", run, again)
    _steps(rows, chance, again, took, first=place)
    return again, fire + spent + 2 * HOUR + sum(took[place:])


def _steps(
    rows: Rows, chance: random.Random, run: int, took: list[float], last: str = "succeeded", first: int = 0
) -> None:
    for place, ((step, group, _), spent) in enumerate(zip(_STEPS, took, strict=False)):
        if place < first:
            rows.step(run, place + 1, step, "skipped", step_group=group)
            continue
        status = last if place == len(took) - 1 else "succeeded"
        values = {} if status != "succeeded" else {"result": _result(chance, step)}
        code = {"failed": 1, "succeeded": 0}.get(status)
        rows.step(run, place + 1, step, status, step_group=group, duration_s=spent, exit_code=code, **values)


def _result(chance: random.Random, step: str) -> dict[str, object]:
    return (
        {"검색": chance.randint(880, 1240), "저장": chance.randint(700, 880)}
        if step.startswith("3")
        else {"업로드": chance.randint(380, 520), "계정": "계정1"}
    )


def _settle(rows: Rows, chance: random.Random) -> None:
    for day in range(60):
        at = NOW - 60 * DAY + 6 * HOUR + day * DAY
        if day in {17, 18, 50}:
            run = rows.run(SETTLE, at, chance.uniform(30, 300), "lost" if day == 50 else "failed")
            rows.step(run, 1, "1", "lost" if day == 50 else "failed", duration_s=60.0, exit_code=2)
            continue
        took = chance.lognormvariate(6.3, 0.25)
        run = rows.run(SETTLE, at, took)
        rows.step(run, 1, "1", duration_s=took, exit_code=0, result={"매출": chance.randint(2_100_000, 3_400_000)})
