"""Jobs by number."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.core.text.ids import id_of
from batchctl.store import numbers

if TYPE_CHECKING:
    from batchctl.answers.site import Site


def numbers_of(site: Site) -> dict[str, int]:
    """Return the number of each job that has one."""
    return numbers.Numbers(site.state).all()


def number(site: Site) -> None:
    """Give every job a number that has none.

    Raises:
        StateError: if the history cannot be read or written.
    """
    known = numbers_of(site)
    if new := [name for name in site.listed.jobs if name not in known]:
        numbers.give(site.state, new)


def name_of(site: Site, text: str) -> str:
    """Return the name of the job that a name or a number means; a name wins, and what means none stays as it is."""
    number = id_of(text)
    if number is None or site.find(text) is not None:
        return text
    return next((name for name, found in numbers_of(site).items() if found == number), text)
