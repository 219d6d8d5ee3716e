"""Data quality: named rules over records, a reason for each rejected one, a rate in percent and a score out of 10."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

Record = dict[str, Any]
Rule = Callable[[Record], str | None]
"""Returns why a record is wrong, None where it is right."""


@dataclass
class Validation:
    """What a validation found; `rejected` has the record's key, the rule's name and the reason."""

    valid: list[Record] = field(default_factory=list)
    rejected: list[tuple[str, str, str]] = field(default_factory=list)
    by_rule: Counter[str] = field(default_factory=Counter)

    @property
    def rate(self) -> float:
        """Percent of the records that are valid; 100 without records."""
        total = len(self.valid) + len(self.rejected)
        return 100.0 if not total else round(100.0 * len(self.valid) / total, 2)

    @property
    def score(self) -> float:
        """The rate as a score out of 10."""
        return round(self.rate / 10, 1)


class Validator:
    """Named rules, asked in the order given; the first that a record breaks is its reason."""

    def __init__(self, key: str, rules: Sequence[tuple[str, Rule]]) -> None:
        """Take the field that identifies a record, and the rules with their names."""
        self._key, self._rules = key, tuple(rules)
        self._seen: set[Any] = set()

    def check(self, records: Iterable[Record]) -> Validation:
        """Return the report on these records; a key seen before, in this call or an earlier one, is a duplicate."""
        report, key, seen, rules = Validation(), self._key, self._seen, self._rules
        for record in records:
            for name, rule in rules:
                reason = rule(record)
                if reason is not None:
                    report.by_rule[name] += 1
                    report.rejected.append((str(record.get(key)), name, reason))
                    break
            else:
                identity = record.get(key)
                if identity in seen:
                    report.by_rule["duplicate"] += 1
                    report.rejected.append((str(identity), "duplicate", f"{key} {identity} came before"))
                else:
                    seen.add(identity)
                    report.valid.append(record)
        return report


def required(*fields: str) -> tuple[str, Rule]:
    """Return the rule that these fields are there and not empty."""

    def rule(record: Record) -> str | None:
        for name in fields:
            if record.get(name) in (None, ""):
                return f"{name} is missing"
        return None

    return "required", rule


def in_range(name: str, low: float, high: float) -> tuple[str, Rule]:
    """Return the rule that a field, where it is there, is a number from low to high."""

    def rule(record: Record) -> str | None:
        value = record.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"{name} is not a number: {value!r:.40}"
        return None if low <= value <= high else f"{name} {value} is not within {low:g} and {high:g}"

    return f"range:{name}", rule


def is_date(name: str) -> tuple[str, Rule]:
    """Return the rule that a field, where it is there and not empty, is an ISO date."""

    def rule(record: Record) -> str | None:
        value = record.get(name)
        if value in (None, ""):
            return None
        try:
            date.fromisoformat(value[:10])
        except (ValueError, TypeError):
            return f"{name} is not a date: {value!r:.40}"
        return None

    return f"date:{name}", rule
