"""Cron expressions as Debian's cron 3.0pl1 reads them.

croniter expands the fields, but it is not cron: it accepts what the daemon refuses (six fields, `L`) or never fires
(`5-1`), and the daemon accepts what can only be a slip (it drops whatever follows a value, so `1#2` is 1). So a field
is read by the rules of the daemon's entry.c first, slips are refused, and croniter's expansion must agree with that.

Importing this page is cheap: the path that cron takes rebuilds its expressions with `from_data` and never parses.
"""

from __future__ import annotations

from batchctl.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    CronData = tuple[
        str,
        tuple[int, ...],
        tuple[int, ...],
        tuple[int, ...],
        tuple[int, ...],
        tuple[int, ...],
        bool,
        bool,
        bool,
    ]

MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
WEEKDAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_FEBRUARY, _SHORT = 2, (4, 6, 9, 11)

NICKNAMES = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_DIGITS = frozenset("0123456789")
_SUNDAY = 7
"""The other number of Sunday; only the weekday field goes up to it."""


class Cron(Record):
    """A cron expression, expanded: sorted values of each field (months from 1, Sunday is 0).

    `day_star` and `weekday_star` say that the field begins with `*` (also `*/2`): if either does, a day must match both
    fields, otherwise one of them is enough. `wild` says that the minute or hour field begins with `*`: such a job
    follows the wall clock when the clock changes, any other is a fixed-time job.
    """

    text: str
    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: tuple[int, ...]
    months: tuple[int, ...]
    weekdays: tuple[int, ...]
    day_star: bool
    weekday_star: bool
    wild: bool


class Schedule(Record):
    """When a job fires; `text` is what the operator wrote. At most one of `cron`, `every`, `at` and `after` is set."""

    text: str = ""
    cron: Cron | None = None
    every: float | None = None
    at: float | None = None
    after: tuple[str, ...] = ()
    """The jobs whose ends fire it: of several, once all of them have ended since its last start."""
    after_any: bool = False
    """Whether any end counts, and not only success."""
    jitter: float | None = None
    """Seconds over which jobs of one schedule spread, as the operator wrote it."""
    delay: float = 0.0
    """This job's share of the jitter, whole seconds: every fire comes so much later."""


class _Field:
    """The name, bounds and value names of one of the five fields."""

    __slots__ = ("high", "low", "name", "names")

    def __init__(self, name: str, low: int, high: int, names: tuple[str, ...] = ()) -> None:
        self.name, self.low, self.high, self.names = name, low, high, names


_FIELDS = (
    _Field("minute", 0, 59),
    _Field("hour", 0, 23),
    _Field("day of month", 1, 31),
    _Field("month", 1, 12, MONTHS),
    _Field("day of week", 0, 7, WEEKDAYS),
)


def parse_cron(text: str, *, second_opinion: bool = True) -> Cron:
    """Return the expression that `text` means to Debian's cron.

    What has passed before, or stands in a crontab already, needs no second opinion: importing croniter
    takes long.

    Raises:
        ValueError: if cron would refuse it, would misread it, or would never fire it; the message names the field, what
            is wrong with it and what would be right.
    """
    # Blanks are what the daemon takes for blanks; any other white space is part of a field, and wrong there.
    written = " ".join(part for part in text.replace("\t", " ").split(" ") if part)
    fields = _five_fields(written)
    values = [_values(field, part) for field, part in zip(_FIELDS, fields, strict=True)]
    if second_opinion:
        _agree_with_croniter(fields, values)
    minutes, hours, days, months, weekdays = values
    cron = Cron(
        text=written,
        minutes=minutes,
        hours=hours,
        days=days,
        months=months,
        weekdays=weekdays,
        day_star=fields[2].startswith("*"),
        weekday_star=fields[4].startswith("*"),
        wild=fields[0].startswith("*") or fields[1].startswith("*"),
    )
    _refuse_impossible_date(cron, fields)
    return cron


def to_data(cron: Cron) -> CronData:
    """Return the expression as builtins that `marshal` can write."""
    return (
        cron.text,
        cron.minutes,
        cron.hours,
        cron.days,
        cron.months,
        cron.weekdays,
        cron.day_star,
        cron.weekday_star,
        cron.wild,
    )


def from_data(data: CronData) -> Cron:
    """Return the expression that `to_data` took apart."""
    text, minutes, hours, days, months, weekdays, day_star, weekday_star, wild = data
    return Cron(
        text=text,
        minutes=tuple(minutes),
        hours=tuple(hours),
        days=tuple(days),
        months=tuple(months),
        weekdays=tuple(weekdays),
        day_star=day_star,
        weekday_star=weekday_star,
        wild=wild,
    )


def civil(day: int) -> tuple[int, int]:
    """Return month and day of the month of a day counted from 1970-01-01, in the Gregorian calendar."""
    # Years that begin in March put the leap day last; 1,461 days are four years, 146,097 four hundred.
    since = day + 719468
    era_day = since % 146097
    year = (era_day - era_day // 1460 + era_day // 36524 - era_day // 146096) // 365
    year_day = era_day - (365 * year + year // 4 - year // 100)
    march_month = (5 * year_day + 2) // 153
    return (march_month + 2) % 12 + 1, year_day - (153 * march_month + 2) // 5 + 1


def days_in(month: int, *, leap: bool) -> int:
    """Return how many days a month has, in a leap year or another one."""
    return 28 + leap if month == _FEBRUARY else 30 if month in _SHORT else 31


def matches(cron: Cron, day: int) -> bool:
    """Say whether the expression fires on a day, counted from 1970-01-01."""
    month, month_day = civil(day)
    if month not in cron.months:
        return False
    in_days, in_week = month_day in cron.days, (day + 4) % 7 in cron.weekdays
    return (in_days and in_week) if cron.day_star or cron.weekday_star else (in_days or in_week)


def _five_fields(text: str) -> list[str]:
    if text.startswith("@"):
        return _nickname(text).split(" ")
    fields = text.split(" ") if text else []
    if len(fields) == len(_FIELDS):
        return fields
    found = f"{len(fields)} field" + ("" if len(fields) == 1 else "s")
    message = f"cron {text!r} has {found}; write five: minute hour day-of-month month day-of-week, as in '0 1 * * *'"
    if len(fields) == len(_FIELDS) + 1:
        message += ' (cron has no field for seconds or years; for seconds use every = "30s")'
    raise ValueError(message)


def _nickname(text: str) -> str:
    found = NICKNAMES.get(text)
    if found is not None:
        return found
    if text.lower() == "@reboot":
        message = "cron '@reboot' fires at no time of day, so nothing can be previewed or found missed; give a time"
    elif text.lower() in NICKNAMES:
        message = f"cron {text!r}: cron knows it in lower case only; write {text.lower()}"
    else:
        message = f"cron {text!r} is not a nickname that cron knows; write one of {', '.join(NICKNAMES)}"
    raise ValueError(message)


def _values(field: _Field, text: str) -> tuple[int, ...]:
    """Return the sorted values of one field, by the rules of entry.c (get_list, get_range, get_number)."""
    found = {value for item in text.split(",") for value in _item(field, text, item)}
    if field.high == _SUNDAY:
        found = {value % _SUNDAY for value in found}
    return tuple(sorted(found))


def _item(field: _Field, text: str, item: str) -> range:
    body, slash, step_text = item.partition("/")
    if not body:
        raise _wrong(field, text, "a value is missing", _example(field))
    low, high = field.low, field.high
    if body != "*":
        first, dash, last = body.partition("-")
        low = _number(field, text, first)
        if not dash and slash:
            right = f"write {low}-{field.high}/{step_text or 2}"
            raise _wrong(field, text, f"a step needs a range or *, and {first} is a single value", right)
        high = _number(field, text, last) if dash else low
        if low > high:
            raise _backwards(field, text, body, low, high)
    return range(low, high + 1, _step(field, text, step_text) if slash else 1)


def _backwards(field: _Field, text: str, body: str, low: int, high: int) -> ValueError:
    right = f"write {low}-{field.high},{field.low}-{high}"
    if field.high == _SUNDAY:
        right = f"write {low}-7" if high == 0 else f"write {low}-6,0-{high}"
    return _wrong(field, text, f"the range {body} runs backwards, so cron would never fire it", right)


def _number(field: _Field, text: str, value: str) -> int:
    lower = value.lower()
    if lower in field.names:
        return field.names.index(lower) + field.low
    if not value or not _DIGITS.issuperset(value):
        raise _wrong(field, text, _strange(value), _example(field))
    number = _int(value)
    if not field.low <= number <= field.high:
        raise _wrong(field, text, f"{value} is out of range", f"write {field.low}-{field.high}")
    return number


def _strange(value: str) -> str:
    if not value:
        return "a range needs a value on both sides"
    if "%" in value:
        return "% ends the command in a crontab and has no place in a field"
    for mark in value:
        if mark in "LW#?R~H":
            return f"{mark!r} is an extension that Debian's cron does not have"
    return f"{value!r} is not a value"


def _step(field: _Field, text: str, value: str) -> int:
    if not _DIGITS.issuperset(value) or not value.strip("0"):
        raise _wrong(field, text, f"the step /{value} is not a number from 1", "write for example */2")
    return _int(value)


def _int(digits: str) -> int:
    # No field is longer than 60, and int() of thousands of digits is an error of its own.
    return int(digits.lstrip("0")[:4] or "0")


def _example(field: _Field) -> str:
    names = f" or names ({field.names[0]}-{field.names[-1]})" if field.names else ""
    return f"write numbers {field.low}-{field.high}{names}, ranges (1-3), lists (1,3), steps (*/2) or *"


def _wrong(field: _Field, text: str, what: str, right: str) -> ValueError:
    return ValueError(f"cron {field.name} field {text!r}: {what}; {right}")


def _agree_with_croniter(fields: list[str], values: list[tuple[int, ...]]) -> None:
    from croniter import croniter

    spelled = (_for_croniter(field, text) for field, text in zip(_FIELDS, fields, strict=True))
    expanded = croniter.expand(" ".join(spelled))[0]
    for field, text, ours, theirs in zip(_FIELDS, fields, values, expanded, strict=True):
        everything = range(field.low, field.high + 1)
        found = set(everything) if "*" in theirs else {int(value) for value in theirs}
        if field.high == _SUNDAY:
            found = {value % _SUNDAY for value in found}
        if tuple(sorted(found)) != ours:
            listed = ",".join(str(value) for value in ours)
            raise _wrong(field, text, "cron and croniter read it differently", f"write {listed}")


def _for_croniter(field: _Field, text: str) -> str:
    """Return a field that croniter reads as cron does: to croniter `3-3` is a round of all values, to cron it is 3."""
    items = []
    for item in text.lower().split(","):
        first, dash, last = item.partition("/")[0].partition("-")
        short = dash and _number(field, text, first) == _number(field, text, last)
        items.append(first if short else item)
    return ",".join(items)


def _refuse_impossible_date(cron: Cron, fields: list[str]) -> None:
    # Where no field begins with a star the weekday alone is enough, and a day that begins with one has the first.
    if not cron.weekday_star or any(cron.days[0] <= days_in(month, leap=True) for month in cron.months):
        return
    message = (
        f"cron {cron.text!r} never fires: there is no day {fields[2]} in month {fields[3]}; "
        "write a day that the month has, for example 28"
    )
    raise ValueError(message)
