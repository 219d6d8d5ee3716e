"""Text made harmless: what a terminal, a mail header or a log reader would obey becomes visible."""

from __future__ import annotations

_KEPT = "\n\t"
_table: dict[int, str] = {}


def _escapes() -> dict[int, str]:
    # Filled when first asked: most fires show nothing.
    if not _table:
        codes = [*range(0x20), 0x7F, *range(0x80, 0xA0)]
        # Invisible characters that reorder what is shown around them, or that end a line for some terminals.
        reordering = [0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x2028, 0x2029, 0x061C]
        _table.update({code: f"\\x{code:02x}" for code in codes if chr(code) not in _KEPT})
        _table.update({code: f"\\u{code:04x}" for code in reordering})
    return _table


def harmless(text: str) -> str:
    r"""Return text with everything that a terminal would obey made visible: ESC becomes `\x1b`.

    Newlines (also as CR LF) and tabs stay.
    """
    return text.replace("\r\n", "\n").translate(_escapes())


def one_line(text: str) -> str:
    """Return harmless text on a single line, for a cell or a heading."""
    return " ".join(harmless(text).split())


def harmful() -> list[int]:
    """Return the code points that `harmless` makes visible."""
    return list(_escapes())
