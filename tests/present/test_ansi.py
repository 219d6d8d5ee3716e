"""Output as markup: colours stay, everything else is shown."""

from __future__ import annotations

import pytest

from batchctl.present.ansi import as_markup


@pytest.mark.parametrize(
    ("output", "markup"),
    [
        (b"\x1b[31mred\x1b[0m plain\n", '<span class="a1">red</span> plain\n'),
        # Bright, bold, and the default colour again.
        (b"\x1b[1;92mok\x1b[39m!\n", '<span class="a2 bold">ok</span><span class="bold">!</span>\n'),
        # 38;5;1 is one of 256 colours and no red; its numbers are no codes.
        (b"\x1b[38;5;1mx\x1b[m\n", "x\n"),
        (b"<script>&\n", "&lt;script&gt;&amp;\n"),
        # A title, a move of the cursor, a link: shown and not obeyed.
        (b"\x1b]0;t\x07\x1b[2J\n", "\\x1b]0;t\\x07\\x1b[2J\n"),
        # What a carriage return overwrote goes, as on a terminal.
        (b"10%\r20%\n", "20%\n"),
        ("한글\n".encode(), "한글\n"),
        (b"\xff\n", "\ufffd\n"),
    ],
)
def test_only_colours_become_markup(output: bytes, markup: str) -> None:
    """Whatever a step writes is data."""
    assert str(as_markup(output)) == markup
