"""Collects films: `python -m batchctl.jobs.tmdb.collect daily|weekly|hourly|monthly --data DIR`."""

import argparse
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from batchctl import step
from batchctl.jobs.common import need

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
        moment = step.scheduled_for() or datetime.now().astimezone()
        result = _collect(options.cadence, options.data, moment, test_mode=options.test_mode)
    except (SourceError, SettingsError, OSError) as error:
        step.complain(f"tmdb {options.cadence}: failed: {error}")
        return 1
    step.result(**result)
    return 0


def _collect(cadence: str, data: str, moment: datetime, *, test_mode: bool) -> dict[str, Any]:
    from batchctl.jobs.sources.known import connected
    from batchctl.jobs.tmdb.films import PATH, Tmdb, merged, summary

    with connected("tmdb", PATH) as client:
        if client.source.is_sample:
            step.log("tmdb: no [sources.tmdb] base_url is configured, so this is the sample server's data")
        total = 1 if test_mode else {"daily": 9, "weekly": 61, "hourly": 2, "monthly": 50}[cadence]
        tmdb = Tmdb(client, every=10 if cadence == "monthly" else 0, total=total)
        films, report, counts = merged([tmdb.popular(1)] if test_mode else _streams(tmdb, cadence))
        for key, rule, reason in report.rejected[:5]:
            step.log(f"tmdb: rejected {key} ({rule}): {reason}")
        found = summary(films, tmdb.genre_names() if cadence in {"weekly", "monthly"} and not test_mode else {})
    result = {
        "collected": len(films),
        "failed_items": len(report.rejected),
        "quality_rate": report.rate,
        "quality_score": report.score,
        "duplicates": sum(counts.values()) - len(films) - len(report.rejected),
        "sources": counts,
    }
    if test_mode:
        return result | {"test_mode": True}
    name = _name(cadence, moment)
    content = {"name": name, "statistics": found, **result, "films": films}
    step.save(f"{data}/{name}.json", json.dumps(content, ensure_ascii=False, indent=1))
    if cadence in {"weekly", "monthly"}:
        step.save(f"{data}/report_{name}.json", json.dumps({"name": name, **found}, ensure_ascii=False, indent=1))
        result |= {"report": f"report_{name}.json", "ratings": found["ratings"]}
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


def _name(cadence: str, moment: datetime) -> str:
    """Return the name of the file; within its period a second collection overwrites the first."""
    if cadence == "hourly":
        return f"trending_{moment:%Y%m%d_%H}"
    return f"{cadence}_{moment:%Y%m}" if cadence == "monthly" else f"{cadence}_{moment:%Y%m%d}"


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tmdb", description="Collect films from TMDB.")
    parser.add_argument("cadence", choices=("daily", "weekly", "hourly", "monthly"))
    parser.add_argument("--data", required=True, help="directory that takes the files")
    parser.add_argument("--test-mode", type=lambda text: text == "true", default=False, metavar="true|false")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main(step.arguments()))
