"""Collects suppliers and marketplaces: `python -m batchctl.jobs.sources.collect --sources A,B --data DIR`."""

import argparse
import os
import sqlite3
import time
from typing import Any

from batchctl import step
from batchctl.jobs.common import need


def main(arguments: list[str]) -> int:
    """Collect the sources named, one after another; 1 where one failed, after all have had their turn."""
    need("httpx", "stamina", "defusedxml")
    options = _options(arguments)
    from batchctl.jobs.collecting.catalogue import Catalogue

    results: dict[str, dict[str, Any]] = {}
    failures: dict[str, str] = {}
    with Catalogue(os.path.join(options.data, "catalogue.db")) as catalogue:
        for number, name in enumerate(options.sources):
            if number and options.pause:
                time.sleep(options.pause)
            try:
                results[name] = _collect(name, catalogue, test_mode=options.test_mode)
            except _errors() as error:
                failures[name] = str(error)
                step.complain(f"{name}: failed: {error}")
    step.result(**_together(results, failures))
    return 1 if failures else 0


def _errors() -> tuple[type[Exception], ...]:
    from batchctl.jobs.collecting.client import SourceError
    from batchctl.jobs.collecting.settings import SettingsError

    return (SourceError, SettingsError, sqlite3.Error)


def _collect(name: str, catalogue: Any, *, test_mode: bool) -> dict[str, Any]:
    from batchctl.jobs.collecting.collect import collect
    from batchctl.jobs.sources.known import SOURCES, connected

    path, listing = SOURCES[name]
    with connected(name, path) as client:
        if client.source.is_sample:
            step.log(f"{name}: no [sources.{name}] base_url is configured, so this is the sample server's data")
        hours = client.source.interval_hours
        return collect(listing(client), catalogue, interval_hours=hours, test_mode=test_mode).fields()


def _together(results: dict[str, dict[str, Any]], failures: dict[str, str]) -> dict[str, Any]:
    """Return one source's fields as they are, several sources' sums, and what failed."""
    if len(results) == 1 and not failures:
        return next(iter(results.values()))
    sums: dict[str, Any] = {
        key: sum(result[key] for result in results.values()) for key in ("collected", "new", "changed", "failed_items")
    }
    total = sums["collected"] + sums["failed_items"]
    sums["quality_rate"] = round(100.0 * sums["collected"] / total, 2) if total else 100.0
    sums["sources"] = {name: result["collected"] for name, result in results.items()}
    sums["failed_sources"] = len(failures)
    return sums | ({"failures": failures} if failures else {})


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="collect", description="Collect suppliers or marketplaces into the catalogue."
    )
    parser.add_argument("--sources", required=True, type=_names, help="names, separated by commas, or a JSON list")
    parser.add_argument("--data", required=True, help="directory of catalogue.db")
    parser.add_argument("--pause", type=float, default=0.0, help="seconds between two sources")
    parser.add_argument("--test-mode", type=lambda text: text == "true", default=False, metavar="true|false")
    return parser.parse_args(arguments)


def _names(text: str) -> list[str]:
    import json

    from batchctl.jobs.sources.known import SOURCES

    names = json.loads(text) if text.startswith("[") else text.split(",")
    unknown = [name for name in names if name not in SOURCES]
    if unknown or not names:
        message = f"unknown source {', '.join(map(str, unknown))}; known: {', '.join(SOURCES)}"
        raise argparse.ArgumentTypeError(message)
    return [str(name) for name in names]


if __name__ == "__main__":
    raise SystemExit(main(step.arguments()))
