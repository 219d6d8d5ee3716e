"""Words of a command line, which are bytes and need not be UTF-8, as text that is."""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def is_text(words: Iterable[str]) -> bool:
    """Say whether words are UTF-8, as the bytes of a command line need not be."""
    try:
        "".join(words).encode()
    except UnicodeEncodeError:
        return False
    return True


def escaped(word: str) -> str:
    r"""Return a word that may hold bytes that are not UTF-8 as text: `\xHH` is one of them, `\\` is a backslash."""
    return word.replace("\\", "\\\\").encode(errors="surrogateescape").decode(errors="backslashreplace")


def unescaped(text: str) -> str:
    """Return the word that `escaped` has written so."""

    def meant(found: re.Match[bytes]) -> bytes:
        return bytes.fromhex(found[1].decode()) if found[1] else b"\\"

    return re.sub(rb"\\(?:x([0-9a-fA-F]{2})|\\)", meant, text.encode()).decode(errors="surrogateescape")
