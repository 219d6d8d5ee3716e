"""The bundled catalogue on a given day: prices and stock move, some products rest, and each day has new arrivals.

A list of one's own (`--products`) is taken as it is. The day's list is the same whenever that day is asked for.
"""

from collections.abc import Iterable, Iterator
from datetime import date, timedelta
from zlib import crc32

Row = tuple[str, str, int, int, str, str]
"""Id, name, price (won), stock, supplier, category."""

_ARRIVALS = 20
_SOLD_FOR = 30
"""So many products arrive each day and are sold for so many days."""
_RESTING = 20
"""Of a thousand: the products that the wholesaler does not list at the moment."""


def on(day: date, rows: Iterable[Row]) -> Iterator[Row]:
    """Yield the rows of a day: those of the list that are not resting, then the arrivals of the last 30 days."""
    today, listed = day.toordinal(), list(rows)
    for row in listed:
        if (_mix(row[0]) + today * 7) % 1000 >= _RESTING:
            yield _moved(row, row[0], today)
    for age in range(_SOLD_FOR):
        born = day - timedelta(days=age)
        for number in range(_ARRIVALS):
            code = f"N{born:%y%m%d}{number:02d}"
            pattern = listed[_mix(code) % len(listed)]
            # Another maker's product of the same kind: the brand is the first word of a name.
            brand = listed[_mix(code + "brand") % len(listed)][1].partition(" ")[0]
            name = f"{brand} {pattern[1].partition(' ')[2]} {born.month}월신상{number + 1}"
            yield _moved((code, name, pattern[2], 1000 + _mix(code) % 200, *pattern[4:]), code, today)


def _moved(row: Row, code: str, today: int) -> Row:
    season, age = divmod(today + _mix(code) % 14, 14)
    price = max(900, row[2] * (85 + _mix(f"{code} {season}") % 31) // 100 // 1000 * 1000 + 900)
    sold = _mix(code + "sold") % 25 * age
    return code, row[1], price, max(0, row[3] - sold) if row[3] > sold or row[3] == 0 else 1, row[4], row[5]


def _mix(text: str) -> int:
    # CRCs of like texts are alike; the multiplication (Knuth's, 2**32 / golden ratio) spreads them.
    return crc32(text.encode()) * 2654435761 % 2**32 >> 8
