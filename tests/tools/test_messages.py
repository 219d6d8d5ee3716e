"""The Korean of what people read is whole, keeps every fact, and is what the package carries."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "tools"))

import messages


def test_every_message_is_translated_and_keeps_its_facts() -> None:
    """None is missing, none is left over, and each fact of the English stands in the Korean by its place."""
    assert messages.wrong() == []


def test_the_compiled_catalogue_is_that_of_the_source() -> None:
    """Whoever changes the .po compiles it: python tools/messages.py."""
    assert messages.MO.read_bytes() == messages.compiled()


def test_a_lost_fact_is_noticed(tmp_path: Path, monkeypatch: object) -> None:
    """A translation without one of its facts, one that is empty and one that nobody says are complaints."""
    po = tmp_path / "batchctl.po"
    head = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'
    po.write_text(
        f'{head}msgid "due since %s (every %s)"\nmsgstr "%(1)s부터"\n\nmsgid "idle"\nmsgstr ""\n\n'
        'msgid "nobody says this"\nmsgstr "아무도"\n',
        encoding="utf-8",
    )
    before, messages.PO = messages.PO, po
    try:
        found = "\n".join(messages.wrong())
    finally:
        messages.PO = before
    assert "the facts of 'due since %s (every %s)'" in found
    assert "empty: 'idle'" in found
    assert "said nowhere: 'nobody says this'" in found
    assert "not translated: 'running'" in found
