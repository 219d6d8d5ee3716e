"""Writes the day's product statistics: `python -m batchctl.jobs.daily_report.statistics --data DIR`."""

import argparse
import json
import os
import sqlite3
from typing import Any

from batchctl import step
from batchctl.jobs.common import moment

_BY_SOURCE = """
select source, count(*), sum(stock = 0), round(avg(price), 0), sum(first_seen >= ?),
    sum(changed_at >= ? and first_seen < ?)
from items group by source order by source
"""
_COLLECTIONS = """
select source, part, datetime(ended_at, 'unixepoch'), collected, failed from collections
where ended_at >= ? order by ended_at
"""


def main(arguments: list[str]) -> int:
    """Count what the catalogue has and what the last 24 hours brought."""
    parser = argparse.ArgumentParser(prog="statistics", description="Write the day's product statistics.")
    parser.add_argument("--data", required=True, help="the state directory")
    data = parser.parse_args(arguments).data
    day = moment()
    report = _report(os.path.join(data, "catalogue", "catalogue.db"), day.timestamp() - 86400)
    path = os.path.join(data, "reports", f"products_{day:%Y%m%d}.json")
    step.save(path, json.dumps({"date": f"{day:%Y-%m-%d}", **report}, ensure_ascii=False, indent=1))
    for row in report["sources"]:
        step.log(f"{row['source']}: {row['products']} products, {row['new']} new, {row['changed']} changed in 24 h")
    step.result(
        products=sum(row["products"] for row in report["sources"]),
        new=sum(row["new"] for row in report["sources"]),
        changed=sum(row["changed"] for row in report["sources"]),
        collections=len(report["collections"]),
        file=path,
    )
    return 0


def _report(path: str, since: float) -> dict[str, list[dict[str, Any]]]:
    if not os.path.exists(path):
        step.log("nothing was collected yet")
        return {"sources": [], "collections": []}
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    try:
        names = ("source", "products", "sold_out", "average_price", "new", "changed")
        sources = [dict(zip(names, row, strict=True)) for row in connection.execute(_BY_SOURCE, (since, since, since))]
        columns = ("source", "part", "ended_at", "collected", "failed")
        collections = [dict(zip(columns, row, strict=True)) for row in connection.execute(_COLLECTIONS, (since,))]
    finally:
        connection.close()
    return {"sources": sources, "collections": collections}


if __name__ == "__main__":
    raise SystemExit(main(step.arguments()))
