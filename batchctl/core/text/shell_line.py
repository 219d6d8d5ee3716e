"""Which programs a line for the shell begins, as far as that can be told with certainty; pure.

The line is read as dash reads it: words with quotes, the operators between simple commands, redirections. Where it goes
on in a way that only a shell could follow (compound commands, substitutions, here-documents, a changed PATH, sourced
files) nothing more is told.
"""

from __future__ import annotations

import re
from itertools import dropwhile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    r"""(?P<blank>[ \t]+|\\\n)
    |(?P<between>&&|\|\||[;|&\n])
    |(?P<redirection>[0-9]*(?:<>|<&|>&|>>|>\||<(?!<)|>)(?!\())
    |(?P<word>(?:[^\s;&|()<>`$'"\\\#]|(?<!\s)(?<!^)\#|\\[^\n]|'[^']*'|"(?:[^"$`\\]|\\.|\$\w+|\$\{\w+\})*"|\$\w+|\$\{\w+\})+)""",
    re.VERBOSE,
)
_PLAIN = re.compile(r"""(?:[\w./@%:,+=-]|'[^'$]*'|"[^"$`\\]*"|\\[ ])+|~/[\w./@%:,+=-]+""")
"""A first word that is what it says."""
_QUOTED = re.compile(r"""'([^']*)'|"([^"]*)"|\\(.)""")
_ASSIGNMENT = re.compile(r"\w+=")
_KEYWORDS = frozenset(
    ("!", "{", "}", "if", "then", "elif", "else", "fi", "for", "while", "until", "do", "done", "case")
)
_CHANGING = frozenset((".", "source", "eval", "alias", "unalias", "export", "readonly", "set", "function", "hash"))
"""After what nobody can tell which program a name means, or whether the line goes on."""
_ASKING = frozenset(("test", "[", "[[", "command", "type", "which"))
"""What is asked before a program is run that may be missing."""


def simple_commands(line: str) -> Iterator[list[str]]:
    """Yield the words of each simple command that the line begins with certainty, its assignments and `exec` left out.

    A command whose failure the line itself answers (`a || b`), or that an earlier question allows (`test -x a && a`),
    may be missing, and is left out; so is a program that is named from a directory which the line has changed.
    """
    asked = moved = False
    for all_words, after in _split(line):
        words = list(dropwhile(lambda word: _ASSIGNMENT.match(word) or word == "exec", all_words))
        first = words[0] if words else ""
        if any(word.startswith("PATH=") for word in all_words[: len(all_words) - len(words)]):
            return
        if first in _KEYWORDS or first in _CHANGING:
            return
        asked |= first in _ASKING
        named = _PLAIN.fullmatch(first) is not None
        program = _plain(first) if named else ""
        if program and not asked and after != "||" and not (moved and "/" in program and program[0] not in "/~"):
            yield [program, *(_plain(word) for word in words[1:])]
        moved |= first in {"cd", "pushd", "popd"}
        asked &= after in {"&&", "||"}


def _plain(word: str) -> str:
    return _QUOTED.sub(lambda found: found[1] or found[2] or found[3] or "", word)


def _split(line: str) -> Iterator[tuple[list[str], str]]:
    """Yield the words of each simple command with the operator after it, up to where reading is no longer certain."""
    words: list[str] = []
    at, target = 0, False
    while at < len(line):
        found = _TOKEN.match(line, at)
        if found is None:
            break
        at = found.end()
        if found["between"]:
            yield words, found[0]
            words = []
        elif found["redirection"]:
            target = True
        elif found["word"]:
            words, target = (words, False) if target else ([*words, found[0]], False)
    else:
        yield words, ""
        return
    if words and line[at - 1] in " \t":  # a comment, or a word that only a shell could read
        yield words, "||" if line[at] != "#" and "||" in line[at:] else ""
