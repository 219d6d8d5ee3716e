"""What of a program's output reaches a screen: colours, never a command; the last of what was drawn over."""

from __future__ import annotations

import pytest

from batchctl.core.text.screen import Screen

RED, PLAIN = "\x1b[31m", "\x1b[0m"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"{RED}a{PLAIN} b\n", f"{RED}a{PLAIN} b\n"),  # kept
        (f"{RED}a\n", f"{RED}a{PLAIN}\n"),  # ended with its line
        (f"{RED}a\nb{PLAIN}c\nd\n", f"{RED}a{PLAIN}\n{RED}b{PLAIN}c{PLAIN}\nd\n"),  # and taken up in the next
        ("\x1b[1;38;5;208ma\x1b[m\n", "\x1b[1;38;5;208ma\x1b[m\n"),  # 256 colours; an empty reset
        ("\x1b[38;2;8;8;8ma\x1b[0m\n", "\x1b[38;2;8;8;8ma\x1b[0m\n"),  # the 8 of a colour hides nothing
        ("\x1b[8ma\n", "\\x1b[8ma\n"),  # what hides letters
        ("\x1b[31;08ma\n", "\\x1b[31;08ma\n"),  # among others
        ("\x1b[2Ja\x1b]0;t\x07\x1bc\x9b31m\n", "\\x1b[2Ja\\x1b]0;t\\x07\\x1bc\\x9b31m\n"),  # anything else
        ("\x1b[?25l\x1b[31\n", "\\x1b[?25l\\x1b[31\n"),  # half of one
        ("10%\r 20%\r100%\n", "100%\n"),  # drawn over
        ("a\r\n", "a\n"),  # a line end of Windows
        ("a\r\r\n", "a\n"),  # twice
        ("\r\n", "\n"),
        ("열\u202e림\n", "열\\u202e림\n"),
    ],
)
@pytest.mark.parametrize("size", [1, 3, 1000])  # characters a piece
def test_a_screen_in_colour(text: str, shown: str, size: int) -> None:
    """However the output is cut into pieces."""
    screen = Screen(colours=True)
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    assert "".join(map(screen.feed, pieces)) + screen.rest() == shown


def test_without_colours_every_escape_is_visible() -> None:
    """A file or a pipe gets text."""
    assert Screen().feed(f"{RED}a\rb{PLAIN}\n") == "b\\x1b[0m\n"


def test_an_unfinished_line_waits_and_is_not_lost() -> None:
    """It is shown at the end, and at once where it is too long to be kept."""
    screen = Screen()
    assert screen.feed("a") == ""
    assert screen.feed("b") == ""
    assert screen.rest() == "ab"
    assert screen.rest() == ""
    long = "x" * 70_000
    assert screen.feed(long) + screen.feed("y\n") == f"{long}y\n"


def test_a_live_line_is_drawn_again_where_the_program_draws_it_again() -> None:
    """It grows as it comes; what replaces it begins at the left."""
    screen = Screen(live=True)
    assert [screen.feed(piece) for piece in ("5", "0%", "\r", "100%", "\n", "next")] == [
        "5",
        "0%",
        "",
        "\r\x1b[K100%",
        "\n",
        "next",
    ]
    assert screen.rest() == ""
