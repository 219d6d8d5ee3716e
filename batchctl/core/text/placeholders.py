"""Placeholders: how parameters reach `argv` and `run`.

`{identifier}` not preceded by `$` is a placeholder. `{{` stands for `{`, and the `}}` that closes it for `}`; every
other brace (JSON, awk, `${VAR}`, `{1..3}`) stays as it is, so the `}}` that ends nested JSON needs no care.

A word of `argv` simply takes the value. In a `run` line the value becomes one literal shell word, whatever is in it,
and so the text is followed as /bin/sh reads it: inside quotes they are closed, the value is quoted on its own, and they
are opened again. Where no quoting keeps a value literal (here-documents, backquotes, `${…}`, `$((…))`), or where two
shells read the text differently, the placeholder is refused instead of hoped for. What a step hands to a second shell
(`sh -c '… {x}'`, `ssh`, `eval`) is read again over there; `sh -c '… "$1"' _ {x}` is the way to do that.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

BUILT_IN = ("python", "state", "job", "run_id", "step", "scheduled_for")
"""Names that every step knows besides its parameters; a parameter of the same name goes before them."""

_BLANK = " \t\n"
_ENDS_WORD = _BLANK + ";&|()<>"


def names(text: str) -> tuple[str, ...]:
    """Return the names of the placeholders in a text, each once, in the order in which they appear."""
    return tuple(dict.fromkeys(_split(text)[1]))


def literally(text: str) -> str:
    """Return a word of `argv` that stands for exactly this text."""
    written, opened = [], 0
    for letter in text:
        doubled = letter == "{" or (letter == "}" and opened > 0)
        opened += 0 if not doubled else 1 if letter == "{" else -1
        written.append(letter * 2 if doubled else letter)
    return "".join(written)


def fill_word(text: str, values: Mapping[str, Any]) -> str:
    """Return one word of `argv` with its placeholders replaced.

    Raises:
        KeyError: if a placeholder is not among the values.
        ValueError: if a value holds a NUL character, which no program can be given.
    """
    literals, found = _split(text)
    filled = [literals[0]]
    for name, literal in zip(found, literals[1:], strict=True):
        filled += (_text_of(name, values[name]), literal)
    return "".join(filled)


def fill_shell(text: str, values: Mapping[str, Any]) -> str:
    """Return a `run` line with each placeholder replaced by its value as one literal shell word.

    A placeholder in a comment stays as it is. Whether a placeholder is refused depends on the text alone.

    Raises:
        KeyError: if a placeholder is not among the values.
        ValueError: if a placeholder stands where no quoting keeps a value literal, or a value holds a NUL character.
    """
    literals, found = _split(text)
    scan = _ShellScan()
    scan.read(literals[0])
    filled = [literals[0]]
    for name, literal in zip(found, literals[1:], strict=True):
        filled += (scan.place(name, values), literal)
        scan.read(literal)
    return "".join(filled)


def _split(text: str) -> tuple[list[str], list[str]]:
    """Return the literal texts, braces unescaped, and the names between them: always one text more than names."""
    literals: list[str] = []
    found: list[str] = []
    current: list[str] = []
    opened = at = 0
    while at < len(text):
        pair = text[at : at + 2]
        if pair == "{{" or (pair == "}}" and opened):
            opened += 1 if pair == "{{" else -1
            current.append(pair[0])
            at += 2
            continue
        end = text.find("}", at) if text[at] == "{" and (at == 0 or text[at - 1] != "$") else -1
        name = text[at + 1 : end] if end > 0 else ""
        if name.isidentifier():
            literals.append("".join(current))
            found.append(name)
            current = []
            at = end + 1
            continue
        current.append(text[at])
        at += 1
    return [*literals, "".join(current)], found


def _text_of(name: str, value: object) -> str:
    if isinstance(value, str):
        text = value
    elif value is None:
        text = ""
    elif isinstance(value, bool):
        text = "true" if value else "false"
    elif isinstance(value, int | float):
        text = repr(value)
    else:
        from json import dumps

        text = dumps(value, ensure_ascii=False)
    if "\0" in text:
        message = f"the value of {{{name}}} holds a NUL character, which no program can be given"
        raise ValueError(message)
    return text


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "'\"'\"'") + "'"


class _ShellScan:
    """How /bin/sh has read the text so far: inside which quotes, in which command substitutions, in a comment or not.

    `_doubt` names the first thing after which the reading is no longer certain; from there on nothing is placed.
    """

    def __init__(self) -> None:
        self._quote = ""
        self._frames: list[tuple[str, int]] = []  # of each open `$(`: the quote around it, the parentheses open there
        self._parens = 0
        self._comment = False
        self._fresh = True  # at the beginning of a word, where `#` begins a comment
        self._escaped = False
        self._word = ""
        self._doubt = ""

    def place(self, name: str, values: Mapping[str, Any]) -> str:
        """Return what stands for the placeholder at this point of the text."""
        if self._comment:
            return f"{{{name}}}"
        doubt = "a backslash" if self._escaped else self._doubt
        if doubt:
            message = f"{{{name}}} stands after or inside {doubt}, where no quoting keeps its value one literal word"
            raise ValueError(message)
        self._fresh, self._word = False, ""
        word = _quoted(_text_of(name, values[name]))
        return f"{self._quote}{word}{self._quote}"

    def read(self, text: str) -> None:
        """Read on over literal text."""
        at = 0
        while at < len(text) and not self._doubt:
            if self._comment:
                at = self._leave_comment(text, at)
            elif self._escaped:
                # A backslash and a line end vanish together: the word goes on, or has still not begun.
                self._fresh = self._fresh and text[at] == "\n"
                self._escaped = False
                at += 1
            elif self._quote == "'":
                end = text.find("'", at)
                self._quote, at = ("", end + 1) if end >= 0 else ("'", len(text))
            else:
                at = self._read_active(text, at)

    def _leave_comment(self, text: str, at: int) -> int:
        end = text.find("\n", at)
        if end < 0:
            return len(text)
        self._comment, self._fresh = False, True
        return end

    def _read_active(self, text: str, at: int) -> int:
        """Read one piece of text outside single quotes, where `$`, backquotes and backslashes work."""
        char = text[at]
        if char == "\\":
            self._escaped, self._word = True, ""
            return at + 1
        if char == "`":
            return self._skip_backquotes(text, at + 1)
        if char == "$":
            return self._read_dollar(text, at)
        if char == '"':
            self._quote = "" if self._quote else '"'
            self._fresh, self._word = False, ""
            return at + 1
        if not self._quote:
            self._read_bare(text, at)
        return at + 1

    def _read_bare(self, text: str, at: int) -> None:
        char = text[at]
        if char == "'":
            self._quote = "'"
        elif char == "#" and self._fresh:
            self._comment = True
        elif text.startswith("((", at):
            self._doubt = "((, which dash and bash read differently"
        elif text.startswith("<<", at):
            self._doubt = "a here-document (<<)"
        self._note_word(char)
        # The `)` that ends a $(…) does not end the word: in `$(a)#b` there is no comment.
        self._fresh = char in _ENDS_WORD and not (char == ")" and self._ends_substitution())
        self._parens += char == "("

    def _ends_substitution(self) -> bool:
        if self._parens or not self._frames:
            self._parens = max(0, self._parens - 1)
            return False
        self._quote, self._parens = self._frames.pop()
        return True

    def _note_word(self, char: str) -> None:
        # Inside $(…) the `)` of a case pattern looks like the end of the substitution.
        self._word = self._word + char if char.isalpha() else ""
        if self._frames and self._word == "case":
            self._doubt = "`case` inside $(…)"

    def _read_dollar(self, text: str, at: int) -> int:
        self._fresh, self._word = False, ""
        after = text[at + 1 : at + 2]
        if text.startswith("$((", at):
            return self._skip(text, at + 3, ("(", ")"), 2)
        if after == "(":
            self._frames.append((self._quote, self._parens))
            self._quote, self._parens, self._fresh = "", 0, True
            return at + 2
        if after == "{":
            return self._skip(text, at + 2, ("${", "}"), 1)
        if after == "[" or (after == "'" and not self._quote):
            self._doubt = f"${after}…, which dash and bash read differently"
        # In `$$(` the second `$` belongs to `$$`, and the `#` of `$#` begins no comment.
        return at + 2 if after and after in "$#?!-@*" else at + 1

    def _skip(self, text: str, at: int, brackets: tuple[str, str], depth: int) -> int:
        """Skip a bracketed expansion whose inside is plain; one with quotes or commands in it leaves doubt."""
        opening, closing = brackets
        while at < len(text):
            if text.startswith(opening, at):
                depth, at = depth + 1, at + len(opening)
                continue
            if text[at] in "'\"\\`{;\n" or text.startswith("$(", at) or (opening == "(" and text[at] == "#"):
                break
            depth -= text[at] == closing
            at += 1
            if depth == 0:
                return at
        self._doubt = "${…}" if closing == "}" else "$((…))"
        return len(text)

    def _skip_backquotes(self, text: str, at: int) -> int:
        self._fresh, self._word = False, ""
        while at < len(text):
            if text[at] == "`":
                return at + 1
            at += 2 if text[at] == "\\" else 1
        self._doubt = "backquotes; write $(…) instead"
        return at
