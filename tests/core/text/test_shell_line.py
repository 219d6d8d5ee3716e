"""Which programs a line for the shell begins, as far as that is certain."""

from __future__ import annotations

import pytest

from batchctl.core.text.shell_line import simple_commands


@pytest.mark.parametrize(
    ("line", "programs"),
    [
        ("a --all | b; c & d && e\nf", "a b c d e f"),  # every operator between simple commands
        ("a 'x;y' \"z|$HOME\" x\\;y | b", "a b"),  # none of these is one
        ("a > f 2>&1 < g | b >> h", "a b"),  # redirections are no words
        ("> f a; 2>/dev/null b", "a b"),  # before the program, too
        ("A=1 B='x y' exec a", "a"),  # assignments
        ("~/bin/a x && /b/c && ./d", "~/bin/a /b/c ./d"),  # paths
        ("cd x && ./a && b && /c", "cd b /c"),  # a directory that only the shell will know
        ("'a b' c; a\\ b; \"a\"", "a b|a b|a"),  # quoted
        ("a#b | c # d; e", "c"),  # a comment ends it; what is odd is passed over
        ("a *.csv [x] {{}} ~ | b", "a b"),  # what the shell makes of arguments changes no program
        ("$a x | b", "b"),  # only the shell knows it
        ("a $(b) | c", "a"),  # from here on only the shell could tell
        ('a "$(b)" && c', "a"),
        ("a `b` && c", "a"),
        ("a && (b; c)", "a"),
        ("a <<E\nb\nE", "a"),  # here-documents
        ("a | while read x; do b; done; c", "a"),  # compound commands
        ("if a; then b; fi", ""),
        ("{ a; }", ""),
        ("a; f() { b; }; f", "a"),
        (". ./env; a", ""),  # PATH may be another one then
        ("export PATH=/x; a", ""),
        ("PATH=/x a", ""),
        ("a || b", "b"),  # it may be missing: the line has an answer
        ("a x $(y) || b", ""),
        ("test -x /a && /a; b", "b"),  # it may be missing: the line asks first
        ("[ -x /a ] && /a || b; c", "c"),
        ("command -v a > /dev/null && a; b", "b"),
        ("a 'open && b", "a"),  # no shell takes it; its first program is certain
        ("", ""),
    ],
)
def test_programs(line: str, programs: str) -> None:
    """Each that is certain is told, in order, and none that may be missing."""
    found = [words[0] for words in simple_commands(line)]
    assert found == (programs.split("|") if "|" in programs else programs.split())


def test_words() -> None:
    """The words of a command come with it, without their quotes."""
    assert list(simple_commands("python3 -m 'x y' \"z\" | b -u")) == [["python3", "-m", "x y", "z"], ["b", "-u"]]
