"""Collecting one source: page by page, validated, written, resumable, with progress and a result."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from batchctl import step
from batchctl.jobs.collecting.catalogue import Catalogue
from batchctl.jobs.collecting.client import SourceError
from batchctl.jobs.collecting.quality import Record, Validation, Validator
from batchctl.jobs.common import clock

_REASONS_SHOWN = 5


@dataclass(frozen=True)
class Page:
    """One page of a source: records, the cursor of the next page (None: the last), and how many records there are."""

    records: Iterable[Record]
    cursor: str | None
    total: int | None = None


@dataclass(frozen=True)
class Listing:
    """One listing of a source: how to fetch a page by its cursor (None: the first), and what its records must be."""

    source: str
    fetch: Callable[[str | None], Page]
    validator: Validator
    part: str = "all"


@dataclass
class Result:
    """What a collection brought, as the step's result has it."""

    source: str
    collected: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    failed_items: int = 0
    pages: int = 0
    quality_rate: float = 100.0
    quality_score: float = 10.0
    rejected: dict[str, int] = field(default_factory=dict)
    skipped: str | None = None
    resumed: bool = False
    test_mode: bool = False

    def fields(self) -> dict[str, Any]:
        """Return the fields that say something."""
        always = {"collected", "new", "changed", "failed_items", "quality_rate", "quality_score"}
        return {key: value for key, value in self.__dict__.items() if key in always or value}


def collect(listing: Listing, catalogue: Catalogue, *, interval_hours: float = 0.0, test_mode: bool = False) -> Result:
    """Collect a listing into the catalogue; `test_mode` takes one page and writes nothing.

    Raises:
        SourceError: if the source fails for good; what was collected until then stays, and the next call goes on there.
    """
    if test_mode:
        return _look_only(listing)
    now = clock()
    last = catalogue.last_collected(listing.source, listing.part)
    if last is not None and 0 <= now - last < interval_hours * 3600:
        why = f"collected {(now - last) / 3600:.1f} h ago, interval_hours = {interval_hours:g}"
        step.log(f"{listing.source}: left alone: {why}")
        return Result(listing.source, skipped=why)
    collection = catalogue.begin(listing.source, listing.part, now)
    if collection.resumed:
        step.log(f"{listing.source}: goes on at page {collection.pages + 1}, after {collection.collected} records")
    rejected: dict[str, int] = {}
    seen: set[str] = set()
    cursor = collection.cursor
    while True:
        page = listing.fetch(cursor)
        report = listing.validator.check(page.records)
        _refuse_repetition(listing, page, seen)
        _tell(listing, report, rejected)
        catalogue.add_page(collection, report.valid, len(report.rejected), page.cursor)
        if page.total:
            step.progress(min(collection.collected + collection.failed, page.total), page.total)
        cursor = page.cursor
        if cursor is None:
            break
    counts = catalogue.end(collection, clock())
    total = collection.collected + collection.failed
    rate = 100.0 if not total else round(100.0 * collection.collected / total, 2)
    step.log(
        f"{listing.source}: {collection.collected} collected on {collection.pages} pages: {counts.new} new,"
        f" {counts.changed} changed, {collection.failed} rejected"
    )
    return Result(
        listing.source,
        collected=collection.collected,
        new=counts.new,
        changed=counts.changed,
        unchanged=counts.unchanged,
        failed_items=collection.failed,
        pages=collection.pages,
        quality_rate=rate,
        quality_score=round(rate / 10, 1),
        rejected=rejected,
        resumed=collection.resumed,
    )


def _look_only(listing: Listing) -> Result:
    report = listing.validator.check(listing.fetch(None).records)
    rejected: dict[str, int] = {}
    _tell(listing, report, rejected)
    step.log(f"{listing.source}: test mode: one page, {len(report.valid)} valid records, nothing written")
    return Result(
        listing.source,
        collected=len(report.valid),
        failed_items=len(report.rejected),
        pages=1,
        quality_rate=report.rate,
        quality_score=report.score,
        rejected=rejected,
        test_mode=True,
    )


def _refuse_repetition(listing: Listing, page: Page, seen: set[str]) -> None:
    """Refuse a source that sends the same page for ever: its next cursor is one that was followed already."""
    if page.cursor is None:
        return
    if page.cursor in seen:
        message = f"{listing.source}: the page after cursor {page.cursor!r} repeats; the listing has no end"
        raise SourceError(message)
    seen.add(page.cursor)


def _tell(listing: Listing, report: Validation, rejected: dict[str, int]) -> None:
    for name, count in report.by_rule.items():
        rejected[name] = rejected.get(name, 0) + count
    for key, rule, reason in report.rejected[:_REASONS_SHOWN]:
        step.log(f"{listing.source}: rejected {key} ({rule}): {reason}")
