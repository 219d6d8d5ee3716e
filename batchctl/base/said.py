"""Sentences that know what they are made of, so that they can be said in another language too.

A sentence is a `%`-template with its facts; English is what stands in the code, and what a sentence is as text.
"""

from __future__ import annotations


class Said(str):
    """A sentence in English that knows its template and its facts, and so can be said in another language."""

    __slots__ = ("facts", "template")

    template: str
    facts: tuple[object, ...]


class Moment(Said):
    """An instant as operators read it, `Sat 2026-11-21 01:00`."""

    __slots__ = ()


class Lasting(Said):
    """A duration as operators read it, `26h 05m`."""

    __slots__ = ()


def said(template: str, *facts: object) -> Said:
    """Return a sentence whose facts may be sentences themselves."""
    made = Said(template % facts if facts else template)
    made.template, made.facts = template, facts
    return made


_STORED_TEXTS = (
    "step %s wrote %s once: %s",
    "step %s wrote %s %s times: %s",
    "step %s: %s",
    "exit code %s",
    "timed out",
    "killed by %s",
    "batchctl vanished (crash, kill -9 or reboot)",
    "taken over after %s (stale_after %s)",
    "stopped by batchctl stop",
    "could not be started before the run was stopped",
    "no step before it failed",
    "no step reported %s, expected %s",
    "%s is %s, which is no number; expected %s",
    "%s is %s, expected %s",
)
"""What the history keeps as finished English sentences."""


def recalled(text: str) -> str:
    """Return a sentence that was kept in the history with its facts again, where it is one of batchctl's own."""
    several = [recalled(part) for part in text.split("; ")] if "; " in text else []
    if several and all(isinstance(part, Said) for part in several):
        return said("; ".join("%s" for _ in several), *several)
    for template in _STORED_TEXTS:
        first, *rest = template.split("%s")
        if not text.startswith(first) or (not rest and text != template):
            continue
        facts, left = [], text[len(first) :]
        for part in rest:
            fact, found, left = left.partition(part) if part else (left, template, "")
            facts.append(fact if found else None)
        if None not in facts and not left:
            return said(template, *(recalled(fact) if fact else "" for fact in facts))
    return text
