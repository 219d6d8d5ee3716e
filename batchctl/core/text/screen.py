"""Output made fit for a screen: colours stay where they may, what a carriage return overwrote goes, the rest is shown.

Of all that a terminal would obey only SGR, `ESC [ … m`, is let through: it changes how letters look and nothing else.
What hides them (8, conceal) is not.
"""

from __future__ import annotations

import re

from batchctl.core.text.harmless import harmless

_SGR = re.compile("\x1b\\[([0-9;:]*)m")
_RESET = "\x1b[0m"
_LONGEST = 1 << 16
"""Characters of a line that are kept together; what follows is shown as it comes."""
_LONGEST_STYLE = 128
_CONCEAL = "8"
_EXTENDED = {"38", "48", "58"}
_ARGUMENTS = {"5": 1, "2": 3}
"""How many numbers follow 38;5 (one of 256 colours) and 38;2 (red, green, blue)."""


class Screen:
    """One stream of output, piece by piece.

    With `live` an unfinished line is shown as it grows, and drawn again where the program draws it again; without, a
    line is shown once it is whole. With `colours` SGR stays.
    """

    def __init__(self, *, colours: bool = False, live: bool = False) -> None:
        """Begin at the start of a line."""
        self._colours, self._live = colours, live
        self._line, self._printed, self._style = "", "", ""

    def feed(self, text: str) -> str:
        """Return what can be shown by now."""
        *whole, last = (self._line + text).split("\n")
        out = [f"{self._end(line)}\n" for line in whole]
        self._line = last
        if len(last) > _LONGEST:
            out.append(self._end(last))
            self._line = ""
        elif self._live and last:
            shown, _ = self._paint(last)
            out.append(self._over(shown))
            self._printed = shown
        return "".join(out)

    def rest(self) -> str:
        """Return what an unfinished line has left waiting."""
        line, self._line = self._line, ""
        return self._end(line) if line else ""

    def _end(self, line: str) -> str:
        shown, style = self._paint(line)
        out = self._over(shown) + (_RESET if style or self._style else "")
        self._printed, self._style = "", style
        return out

    def _over(self, shown: str) -> str:
        """Return what makes `shown` of what stands in the line."""
        if shown.startswith(self._printed):
            return shown[len(self._printed) :]
        return f"\r\x1b[K{shown}"

    def _paint(self, line: str) -> tuple[str, str]:
        """Return a line as it may be shown, and the style in which the next one begins."""
        drawn = [part for part in line.split("\r") if part]
        text, style, at = drawn[-1] if drawn else "", self._style, 0
        out = [style]
        if not self._colours:
            return harmless(text), ""
        for found in _SGR.finditer(text):
            out.append(harmless(text[at : found.start()]))
            at = found.end()
            codes = found[1].replace(":", ";").split(";")
            if _conceals(codes):
                out.append(harmless(found[0]))
                continue
            out.append(found[0])
            last_reset = max((place for place, code in enumerate(codes) if code in {"", "0", "00"}), default=-1)
            plain = last_reset == len(codes) - 1 and not _is_argument(codes)
            style = "" if plain else (style + found[0])[-_LONGEST_STYLE:]
        out.append(harmless(text[at:]))
        return "".join(out), style if len(style) < _LONGEST_STYLE else ""


def _conceals(codes: list[str]) -> bool:
    """Say whether one of the codes hides what follows; a number of a colour is none."""
    waiting = iter(codes)
    for code in waiting:
        if code in _EXTENDED:
            for _ in range(_ARGUMENTS.get(next(waiting, ""), 0)):
                next(waiting, "")
        elif code.lstrip("0") == _CONCEAL:
            return True
    return False


def _is_argument(codes: list[str]) -> bool:
    """Say whether the last code is the number of a colour: 38;5;0 is black and no reset."""
    return any(code in _EXTENDED for code in codes[-5:-1])
