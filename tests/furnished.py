"""A history worth looking at: the report's live moment, two months before it, skips, results, and a log."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import live_page
from history_rows import DAY, HOUR, Rows

from batchctl.base import clock

if TYPE_CHECKING:
    from serving import Server

BATCH, BROKEN = "일괄-수집", "재고-동기화"
LOG = (
    "06:12:40 계정1: 상품 412건 업로드 준비\n06:14:02 \x1b[31m오류\x1b[0m: <응답 503> 마켓 서버가 응답하지 않습니다\n"
    "Traceback (most recent call last):\nMarketDown: 503\n"
)
PAGES = {
    "now": "/scheduler",
    "job": f"/ui/jobs/{BATCH}",
    "broken": f"/ui/jobs/{BROKEN}",
    "log": "/ui/runs/{run}/steps/1/log",
    "what-if": f"/ui/what-if?job={BATCH}",
    "new": "/ui/new",
    "upcoming": "/ui/upcoming",
}
"""Each page by what it is called; {run} is the run that failed, whose log there is."""


def furnish(server: Server) -> dict[str, str]:
    """Put configuration and history in the place of the server's own; return the address of each page."""
    live_page.write(server.place)
    server.config = server.place / "c.toml"
    rows, chance, now = Rows(server.state), random.Random(26), clock.now()  # noqa: S311 - the same rows each time
    for day in range(60, 11, -2):
        status = {44: "failed", 26: "timed_out"}.get(day, "succeeded")
        hours = {"failed": 9.4, "timed_out": 30.0}.get(status, 25 + chance.random() * 2.5)
        run = rows.run(BATCH, now - day * DAY - HOUR, hours * HOUR, status)
        rows.step(run, 1, "31", duration_s=hours * HOUR / 6, exit_code=0, result={"검색": chance.randint(880, 1240)})
        rows.skip(BATCH, now - (day - 1) * DAY - HOUR, run=run)
    run = rows.run(BROKEN, now - 500, 40.0, "failed")
    rows.step(run, 1, "1", "failed", duration_s=40.0, exit_code=3)
    rows.log(run, 1, 1, (LOG * 30).encode())
    return {name: path.format(run=run) for name, path in PAGES.items()}
