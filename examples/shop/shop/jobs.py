"""The shop's jobs: functions that stay functions, and that cron fires through batchctl."""

from __future__ import annotations

import asyncio

from batchctl import after, daily, every, job, step, weekly
from shop import store


@job(schedule=every("1m"), kind="processing", timeout="50s")
def take_orders(limit: int = 100) -> dict[str, int]:
    """주문 수집: take in what was ordered, `limit` orders at most."""
    with store.opened() as shop:
        known = shop.execute("SELECT count(*) FROM orders").fetchone()[0]
        taken = min(3, limit)
        shop.executemany("INSERT INTO orders (won) VALUES (?)", [((known + n) * 1_000,) for n in range(1, taken + 1)])
    return {"taken": taken}


@job(
    schedule=daily("02:00"),
    kind="collection",
    min_gap="6h",
    timeout="5h",
    stale_after="6h",
    retries=3,
    params={"suppliers": ["zentrade", "ownerclan"]},
)
async def collect_wholesale_products(suppliers: list[str], *, test_mode: bool = False) -> dict[str, int]:
    """도매 상품 수집: ask all suppliers side by side."""
    collected = 0
    for done, asking in enumerate(asyncio.as_completed([_ask(supplier) for supplier in suppliers]), start=1):
        found = await asking
        if not test_mode:
            with store.opened() as shop:
                shop.executemany("INSERT OR REPLACE INTO products VALUES (?, ?, ?, ?, NULL)", found)
        collected += len(found)
        step.progress(done, len(suppliers))
    return {"collected": collected}


async def _ask(supplier: str) -> list[tuple[str, str, str, int]]:
    await asyncio.sleep(0.1)  # a supplier takes its time
    print(f"{supplier}: 20 products")
    return [(supplier, f"{supplier}-{number}", f"상품 {number}", number * 1_000) for number in range(1, 21)]


@job(schedule=after("collect_wholesale_products"), kind="processing")
def update_prices(margin: float = 0.2) -> dict[str, int]:
    """가격 갱신: put the margin on what products cost, once they were collected."""
    with store.opened() as shop:
        changed = shop.execute("UPDATE products SET price = cost * (1 + ?)", (margin,)).rowcount
    return {"changed": changed}


@job(schedule=weekly("sun", "03:00"), kind="report")
def weekly_report() -> dict[str, int]:
    """주간 보고: what was ordered this week, and how many products have a price."""
    with store.opened() as shop:
        query = "SELECT count(*), coalesce(sum(won), 0) FROM orders WHERE taken_at >= datetime('now', '-7 days')"
        orders, won = shop.execute(query).fetchone()
        priced = shop.execute("SELECT count(*) FROM products WHERE price IS NOT NULL").fetchone()[0]
    print(f"{orders} orders, {won:,} won, {priced} products")
    return {"orders": orders, "won": won, "priced": priced}
