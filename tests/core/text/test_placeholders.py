"""Placeholders: which text is one, and that a value is one literal word whatever stands in it and around it."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from batchctl.core.text.placeholders import fill_shell, fill_word, literally, names

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = [
    "$(touch pwned)",
    "`touch pwned`",
    "'; touch pwned; '",
    '"; touch pwned; "',
    "a\ntouch pwned\n",
    "# not a comment",
    "\\",
    "'",
    '"',
    "",
    " spaces  inside ",
    "키워드 검색",
    "*",
    "~",
    "-n",
    "${HOME}",
    "{x}",
    "!!",
    "é\t\x7f",
]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{a} {b} {a}", ("a", "b")),  # each once, in order
        ("pre{계정}post", ("계정",)),  # any script that makes an identifier
        ("${HOME}", ()),  # the shell's own
        ("$${x}", ()),  # still preceded by a dollar
        ("{{x}}", ()),  # literal braces
        ("{{{x}}}", ("x",)),  # a placeholder in literal braces
        ("{1..3} {a,b} {} { a } {a-b} {a.b}", ()),  # shell, awk and format specs
        ('{"a": {"b": 1}}', ()),  # JSON
        ('{"a":{"b":{x}}}', ("x",)),  # a placeholder in JSON
        ("{unclosed", ()),  # no closing brace
        ("{a{b}", ("b",)),  # the inner one is an identifier
    ],
)
def test_names(text: str, expected: tuple[str, ...]) -> None:
    """Only `{identifier}` without a dollar in front is a placeholder."""
    assert names(text) == expected


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("--limit={n}", {"n": 300}, "--limit=300"),  # inside a word
        ("{x}", {"x": True}, "true"),  # JSON's words for booleans
        ("{x}", {"x": False}, "false"),
        ("{x}", {"x": None}, ""),  # nothing is empty
        ("{x}", {"x": 1.5}, "1.5"),
        ("{x}", {"x": 1e16}, "1e+16"),  # as JSON writes it
        ("{x}", {"x": ["가", 1]}, '["가", 1]'),  # lists as JSON, unescaped
        ("{x}", {"x": {"a": None}}, '{"a": null}'),
        ("{x}", {"x": "{y}"}, "{y}"),  # a value is not read again
        ("{{x}} ${y} {1..3}", {}, "{x} ${y} {1..3}"),  # what is no placeholder
        ('{"a":{"b":1}}', {}, '{"a":{"b":1}}'),  # JSON ends in braces of its own
        ('{{"a":{{"b":{x}}}}}', {"x": 1}, '{"a":{"b":1}}'),  # every literal brace doubled, as in str.format
        ("}}", {}, "}}"),  # closes nothing
    ],
)
def test_fill_word(text: str, values: dict[str, Any], expected: str) -> None:
    """A word of argv takes the value as text."""
    assert fill_word(text, values) == expected


@given(st.text(alphabet="{}$ax \\'"))
def test_any_text_can_stand_for_itself(text: str) -> None:
    """Whatever braces a word has, its literal form has no placeholder and gives the word."""
    assert names(literally(text)) == ()
    assert fill_word(literally(text), {}) == text


def test_unknown_name_and_nul_are_refused() -> None:
    """A missing value is a KeyError, and a NUL character cannot be handed to a program."""
    with pytest.raises(KeyError):
        fill_word("{x}", {})
    with pytest.raises(ValueError, match="NUL"):
        fill_word("{x}", {"x": "a\0b"})
    with pytest.raises(ValueError, match="NUL"):
        fill_shell("echo {x}", {"x": ["a\0b", "\0"][0]})


def _words(line: str, cwd: Path, shell: str = "/bin/sh") -> list[str]:
    script = f'show() {{ for word; do printf "%s\\0" "$word"; done; }}\n{line}'
    done = subprocess.run([shell, "-c", script], cwd=cwd, capture_output=True, check=False, timeout=20)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().split("\0")[:-1]


PLACES = [
    ("show {x}", "%s"),  # bare
    ("show '{x}'", "%s"),  # in single quotes
    ('show "{x}"', "%s"),  # in double quotes
    ("show pre{x}post", "pre%spost"),  # inside a bare word
    ("show 'a b'{x}\"c\"", "a b%sc"),  # between quotes
    ('show "a b {x} c"', "a b %s c"),
    ("show 'a \" {x} b'", 'a " %s b'),  # the other quote is plain here
    ('show "it\'s {x}"', "it's %s"),
    ("show it\\'s{x}", "it's%s"),  # an escaped quote opens nothing
    ('show "\\"{x}"', '"%s'),
    ("show {{{x}}}", "{%s}"),  # literal braces around it
    ("# don't {x}\nshow {x}", "%s"),  # a quote in a comment opens nothing
    ("echo '#' >/dev/null # \"\nshow {x}", "%s"),
    ("n=$# ; show {x}", "%s"),  # `$#` begins no comment
    ('x={x}; show "$x"', "%s"),  # an assignment
    ("v=${HOME:-a}; show {x}", "%s"),  # after plain expansions
    ("n=$((1 + (2 * 3))); show {x}", "%s"),
    ("d=`date '+%s'`; show {x}", "%s"),  # after backquotes
    ('show "$(printf %s. {x})"', "%s."),  # in a command substitution
    ('show "$(printf %s. "{x}")"', "%s."),  # quotes inside it are its own
    ("show \"$(printf %s. '{x}' | cat)\"", "%s."),
    ('show "$( (printf %s. {x}) )"', "%s."),  # parentheses inside it
    ("case {x} in *) show {x};; esac", "%s"),
    ('show "a"#b{x}', "a#b%s"),  # no comment within a word
    ("show a\\\n#b{x}", "a#b%s"),  # nor after a line that goes on
    ("show $(printf a)#b{x}", "a#b%s"),  # nor after a substitution
    (': "$$("; show "{x}"', "%s"),  # `$$` is a number, and the parenthesis plain
]


@pytest.mark.parametrize("value", HOSTILE)
@pytest.mark.parametrize(("line", "expected"), PLACES)
def test_a_value_is_one_literal_word(line: str, expected: str, value: str, tmp_path: Path) -> None:
    """Wherever it stands, /bin/sh takes the value as it is, as part of one word, and runs nothing of it."""
    assert _words(fill_shell(line, {"x": value}), tmp_path) == [expected.replace("%s", value)]
    assert not (tmp_path / "pwned").exists()


@given(value=st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_is_one_literal_word(value: str, tmp_path: Path) -> None:
    """Every text arrives as it is, bare, in quotes and in a substitution, all in one line."""
    line = "show {x} '{x}' \"{x}\" p{x}s \"$(printf %s. '{x}')\""
    expected = [value, value, value, f"p{value}s", f"{value}."]
    assert _words(fill_shell(line, {"x": value}), tmp_path) == expected


_PIECES = [
    *"'\"\\`()#; \n:$[|&<!+1a",
    *(
        "$(",
        "${",
        "}",
        "$((",
        "))",
        "<<E",
        "\nE\n",
        "case a in a)",
        "esac",
        "{{",
        "}}",
        "echo ",
        ":-",
        "$$",
        "$#",
        "$'",
    ),
    *("{x}", "{x}", "{x}"),
]
_PAYLOAD = "';touch pwned;'$(touch pwned)`touch pwned`\";touch pwned;\"\ntouch pwned\n#"


@given(pieces=st.lists(st.sampled_from(_PIECES), min_size=2, max_size=14))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_text_around_it_sets_a_value_free(pieces: list[str], tmp_path: Path) -> None:
    """Shell text at random, mostly broken: either the placeholder is refused, or nothing of its value is run."""
    line = "".join(pieces)
    try:
        filled = fill_shell(line, {"x": _PAYLOAD})
    except ValueError:
        return
    subprocess.run(
        ["/bin/sh", "-c", filled], cwd=tmp_path, capture_output=True, check=False, timeout=20, stdin=subprocess.DEVNULL
    )
    assert not (tmp_path / "pwned").exists(), line


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("cat <<E\n{x}\nE", "here-document"),  # quotes mean nothing there
        ("echo `echo {x}`", "backquotes"),  # read twice
        ("echo ${V:-{x}}", r"\$\{…\}"),  # shells differ
        ("echo $((1 + {x}))", r"\$\(\(…\)\)"),  # arithmetic takes no quotes
        ('echo "${V:-\'}" {x}', r"\$\{…\}"),  # is the quote one? shells differ
        ("echo \\{x}", "backslash"),  # would escape our own quote
        ('echo "\\{x}"', "backslash"),
        ("echo $'\\'' {x}", "differently"),  # bash's quotes
        ("echo $[1] {x}", "differently"),
        ("((i = 1)); echo {x}", "differently"),
        ('echo "$(case a in a) echo;; esac) {x}"', "case"),  # its `)` ends nothing
    ],
)
def test_where_no_quoting_helps_it_is_refused(line: str, why: str) -> None:
    """A placeholder whose value could not be kept literal is an error, whatever its value."""
    with pytest.raises(ValueError, match=why):
        fill_shell(line, {"x": "harmless"})


def test_a_comment_is_left_alone() -> None:
    """A value with a newline would leave the comment, so nothing is put there."""
    assert fill_shell("true # {x}", {"x": "a\ntouch pwned"}) == "true # {x}"
