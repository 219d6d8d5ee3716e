"""Whether the machine is fit for a start: `start_if` against what it has at that instant.

Pure. It is written in figures and signs, which need no language.
"""

from __future__ import annotations

from batchctl.base.record import Record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from batchctl.core.model import StartIf


class Machine(Record):
    """What the machine has at this instant; None is what it does not say."""

    load: float | None = None
    """Average of the last minute."""
    memory: int | None = None
    """Bytes that programs can have without swapping."""
    disk: int | None = None
    """Bytes free where the state directory lies."""


def judged(wanted: StartIf, machine: Machine) -> tuple[bool, str]:
    """Return whether it is fit, and the figures that say so, or those that say not.

    What cannot be read holds nothing back: a job must not stop for ever because /proc lacks a file.
    """
    seen = list(_seen(wanted, machine))
    unmet = [words for met, words in seen if not met]
    return not unmet, ", ".join(unmet or [words for _, words in seen])


def _seen(wanted: StartIf, machine: Machine) -> Iterator[tuple[bool, str]]:
    if wanted.load_below is not None:
        met = machine.load is None or machine.load < wanted.load_below
        have = "unknown" if machine.load is None else f"{machine.load:.2f}"
        yield met, f"load {have} {'<' if met else '>='} {wanted.load_below:g}"
    for what, left, least in _sizes(wanted, machine):
        met = left is None or left > least
        yield met, f"{what} {'unknown' if left is None else _size(left)} {'>' if met else '<='} {_size(least)}"


def _sizes(wanted: StartIf, machine: Machine) -> Iterator[tuple[str, int | None, int]]:
    if wanted.memory_above is not None:
        yield "memory", machine.memory, wanted.memory_above
    if wanted.disk_above is not None:
        yield "disk", machine.disk, wanted.disk_above


def asked(wanted: StartIf) -> str:
    """Return what is asked for."""
    load = [] if wanted.load_below is None else [f"load < {wanted.load_below:g}"]
    return ", ".join([*load, *(f"{what} > {_size(least)}" for what, _, least in _sizes(wanted, Machine()))])


def _size(count: int) -> str:
    return f"{count / 1e9:.2f} GB"
