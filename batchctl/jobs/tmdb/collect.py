"""Collects films: `python -m batchctl.jobs.tmdb.collect daily|weekly|hourly|monthly --data DIR`."""

import argparse
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from batchctl import step
from batchctl.jobs.common import moment, need

GENRES = (28, 35, 18, 27, 10749)
"""Action, comedy, drama, horror, romance."""
TOP_RATED_FROM = 7.5


def main(arguments: list[str]) -> int:
    """Collect what the cadence takes, save it, and leave the counts as the step's result."""
    options = _options(arguments)
    need("httpx", "stamina")
    from batchctl.jobs.collecting.client import SourceError
    from batchctl.jobs.collecting.settings import SettingsError

    try:
        result = _collect(options.cadence, options.data, moment(), test_mode=options.test_mode)
    except (SourceError, SettingsError, OSError) as error:
        step.complain(f"tmdb {options.cadence}: failed: {error}")
        return 1
    step.result(**result)
    return 0


def _collect(cadence: str, data: str, day: datetime, *, test_mode: bool) -> dict[str, Any]:
    from batchctl.jobs.sources.known import connected
    from batchctl.jobs.tmdb.films import PATH, Tmdb, distributions, merged, summary

    with connected("tmdb", PATH) as client:
        if client.source.is_sample:
            step.log("tmdb: no [sources.tmdb] base_url is configured, so this is the sample server's data")
        total = 1 if test_mode else {"daily": 9, "weekly": 61, "hourly": 2, "monthly": 50}[cadence]
        tmdb = Tmdb(client, every=10 if cadence == "monthly" else 0, total=total)
        films, report, by_label = merged([tmdb.popular(1)] if test_mode else _streams(tmdb, cadence))
        for key, rule, reason in report.rejected[:5]:
            step.log(f"tmdb: rejected {key} ({rule}): {reason}")
        found = summary(films, tmdb.genre_names() if cadence in {"weekly", "monthly"} and not test_mode else {})
    result = {
        "collected": len(films),
        "total_valid": len(films),
        "failed_items": len(report.rejected),
        "quality_rate": report.rate,
        "quality_score": report.score,
        "duplicates": sum(by_label.values()) - len(films) - len(report.rejected),
        "sources": by_label,
    }
    if test_mode:
        return result | {"test_mode": True}
    name, period = _name(cadence, day)
    result = _about(cadence, day, len(films) + len(report.rejected), by_label, total) | period | result
    content = {"name": name, "statistics": found, **result, "films": films}
    _save(f"{data}/{name}.json", content)
    if cadence in {"weekly", "monthly"}:
        target = f"{cadence}_reports/{cadence}_report_{name.partition('_')[2]}.json"
        written = {"report_type": cadence, **period, "generation_time": moment().isoformat(timespec="seconds")}
        stats = {key: value for key, value in result.items() if key != "sources"}
        _save(f"{data}/{target}", {"name": name, **written, "collection_stats": stats, **distributions(films), **found})
        result |= {"report": target, "ratings": found["ratings"]}
    step.log(f"tmdb: {len(films)} films in {name}.json, {len(report.rejected)} rejected")
    return result | {"file": f"{name}.json"}


def _streams(tmdb: Any, cadence: str) -> list[Iterator[Any]]:
    if cadence == "daily":
        return [tmdb.popular(5), tmdb.trending("day"), tmdb.latest(3)]
    if cadence == "weekly":
        return [*(tmdb.genre(genre, 10) for genre in GENRES), tmdb.top_rated(10, TOP_RATED_FROM), tmdb.trending("week")]
    if cadence == "hourly":
        return [tmdb.trending("day", 2)]
    return [tmdb.popular(50)]


def _save(path: str, content: dict[str, Any]) -> None:
    step.save(path, json.dumps(content, ensure_ascii=False, indent=1))


def _name(cadence: str, day: datetime) -> tuple[str, dict[str, Any]]:
    """Return the name of the file, which a second collection of the period overwrites, and the fields that say when."""
    if cadence == "hourly":
        return f"trending_{day:%Y%m%d_%H}", {"hour": day.hour}
    if cadence == "weekly":
        week = day.isocalendar().week
        return f"weekly_W{week}", {"week_number": week}
    if cadence == "monthly":
        return f"monthly_{day:%Y%m}", {"month": f"{day:%Y%m}"}
    return f"daily_{day:%Y%m%d}", {}


def _about(cadence: str, day: datetime, found: int, by_label: dict[str, int], pages: int) -> dict[str, Any]:
    """Return what identifies a collection: its kind and day, how many films there were, and where they stood."""
    by_source: dict[str, int] = {}
    for label, count in by_label.items():
        kind = {"genre": "genres", "trending": "trending"}.get(label.split("_")[0], label)
        by_source[kind] = by_source.get(kind, 0) + count
    hourly = cadence == "hourly"
    return {
        "collection_type": "hourly_trending" if hourly else cadence,
        "timestamp": f"{day:%Y%m%d_%H}" if hourly else f"{day:%Y%m%d}",
        "total_collected": found,
        "by_source": by_source,
        "pages_processed": pages,
    }


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tmdb", description="Collect films from TMDB.")
    parser.add_argument("cadence", choices=("daily", "weekly", "hourly", "monthly"))
    parser.add_argument("--data", required=True, help="directory that takes the files")
    parser.add_argument("--test-mode", type=lambda text: text == "true", default=False, metavar="true|false")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main(step.arguments()))
