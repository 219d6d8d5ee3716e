"""Finds trends: `python -m batchctl.jobs.analyze_trends.trends --data DIR --days 7 --top 20`.

Movers by price, rank and stock between what was known when the window began and its newest observation, and the words
of product names that are new or vanished: of products first seen, or last seen, within the window and of no other.
"""

import argparse
import json
import os
import sqlite3
from collections import Counter
from typing import Any

from batchctl import step
from batchctl.jobs.analyze_trends import words
from batchctl.jobs.collecting.settings import SettingsError, source
from batchctl.jobs.common import moment

_MOVERS = """
with ends as (
    select source, code, max(seen_at) as last_at, coalesce(
        (select max(seen_at) from observations as before
         where before.source = observations.source and before.code = observations.code and seen_at < :since),
        min(seen_at)) as first_at
    from observations where seen_at >= :since group by source, code having first_at < last_at
)
select items.source, items.code, items.name, old.{field}, new.{field} from ends
join observations as old on old.source = ends.source and old.code = ends.code and old.seen_at = ends.first_at
join observations as new on new.source = ends.source and new.code = ends.code and new.seen_at = ends.last_at
join items on items.source = ends.source and items.code = ends.code
where old.{field} is not null and new.{field} is not null and old.{field} <> new.{field}
order by abs(new.{field} - old.{field}) / cast(max(abs(old.{field}), 1) as real) desc, items.code limit :top
"""
FIELDS = ("price", "rank", "stock")


def main(arguments: list[str]) -> int:
    """Analyse the window and write the report."""
    options = _options(arguments)
    day = moment()
    path = os.path.join(options.data, "catalogue", "catalogue.db")
    found: dict[str, Any] = {f"{field}_movers": [] for field in FIELDS} | {"new_words": [], "vanished_words": []}
    if os.path.exists(path):
        try:
            found = analyse(path, day.timestamp() - options.days * 86400, options.top)
        except sqlite3.Error as error:
            step.complain(f"trends: {path}: {error}")
            return 1
    target = os.path.join(options.data, "reports", f"trends_{day:%Y%m%d}.json")
    text, author = _words_for(found, options.days)
    content = {"date": f"{day:%Y-%m-%d}", "days": options.days, "text": text, "text_by": author, **found}
    step.save(target, json.dumps(content, ensure_ascii=False, indent=1))
    step.log("trends: " + ", ".join(f"{len(value)} {key}" for key, value in found.items()))
    step.log(text)
    step.result(**{key: len(value) for key, value in found.items()}, text=text, text_by=author, file=target)
    return 0


def _words_for(found: dict[str, Any], days: float) -> tuple[str, str]:
    """Return what the numbers say and who says it: the model of [sources.llm] where there is one, else `batchctl`."""
    lang, plain = words.language(), words.paragraph(found, days, words.language())
    try:
        model = source("llm")
        if model.base_url is None:
            return plain, "batchctl"
        from batchctl.jobs.analyze_trends.llm import ModelError, paragraph
    except SettingsError as error:
        step.complain(f"trends: warning: {error}")
        return plain, "batchctl"
    try:
        return paragraph(model, {"days": days, **found}, lang), model.model or "default"
    except ModelError as error:
        step.complain(f"trends: warning: no model's words, [sources.llm] {error}")
        return plain, "batchctl"


def analyse(path: str, since: float, top: int) -> dict[str, Any]:
    """Return the movers and words of the window that began at `since`, the `top` most of each.

    Raises:
        sqlite3.Error: if the catalogue cannot be read.
    """
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)
    try:
        found = {f"{field}_movers": _movers(connection, field, since, top) for field in FIELDS}
        rows = connection.execute("select name, first_seen, last_seen, source from items").fetchall()
        newest = dict(connection.execute("select source, max(last_seen) from items group by source").fetchall())
    finally:
        connection.close()
    fresh = _words(name for name, first, _, _ in rows if first >= since)
    known = _words(name for name, first, _, _ in rows if first < since)
    # Gone is what its own source's latest collection did not bring any more, and an earlier one of the window did.
    gone = _words(name for name, _, last, source in rows if since <= last < newest[source])
    there = _words(name for name, _, last, source in rows if last >= newest[source])
    return {
        **found,
        "new_words": _most(fresh, known, top) if known else [],
        "vanished_words": _most(gone, there, top),
    }


def _movers(connection: sqlite3.Connection, field: str, since: float, top: int) -> list[dict[str, Any]]:
    names = ("source", "code", "name", "before", "after")
    rows = connection.execute(_MOVERS.format(field=field), {"since": since, "top": top})
    return [dict(zip(names, row, strict=True)) for row in rows]


def _words(names: Any) -> Counter[str]:
    return Counter(word for name in names for word in set(name.split()) if len(word) > 1 and not word[0].isdigit())


def _most(these: Counter[str], not_these: Counter[str], top: int) -> list[dict[str, Any]]:
    return [{"word": word, "products": count} for word, count in these.most_common() if word not in not_these][:top]


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="trends", description="Find trends in the collected data.")
    parser.add_argument("--data", required=True, help="the state directory")
    parser.add_argument("--days", type=float, default=7.0, help="length of the window")
    parser.add_argument("--top", type=int, default=20, help="how many of each")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main(step.arguments()))
