"""Cron expressions: what Debian's cron takes, and nothing else, expanded as the daemon would."""

from __future__ import annotations

import marshal
import subprocess
import sys
from calendar import monthrange
from datetime import date
from pathlib import Path

import croniter
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from batchctl.core.time import cron
from batchctl.core.time.cron import (
    NICKNAMES,
    Cron,
    Schedule,
    _agree_with_croniter,
    civil,
    days_in,
    from_data,
    parse_cron,
    to_data,
)

ALL_MINUTES, ALL_HOURS = tuple(range(60)), tuple(range(24))
ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS = tuple(range(1, 32)), tuple(range(1, 13)), tuple(range(7))

ACCEPTED = [
    # the case everything is measured against
    ("0 1 * * *", (0,), (1,), ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS),
    # every field a star
    ("* * * * *", ALL_MINUTES, ALL_HOURS, ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS),
    # lists, ranges, steps, and all of them in one field
    ("1,5,9 8-11 */10 1-12/3 1-5", (1, 5, 9), (8, 9, 10, 11), (1, 11, 21, 31), (1, 4, 7, 10), (1, 2, 3, 4, 5)),
    ("0-4,8-12/2,59 0 1 1 1", (0, 1, 2, 3, 4, 8, 10, 12, 59), (0,), (1,), (1,), (1,)),
    # 7 is Sunday too, alone, in a list and at the end of a range
    ("0 0 * * 7", (0,), (0,), ALL_DAYS, ALL_MONTHS, (0,)),
    ("0 0 * * 5-7", (0,), (0,), ALL_DAYS, ALL_MONTHS, (0, 5, 6)),
    ("0 0 * * 0-7/7", (0,), (0,), ALL_DAYS, ALL_MONTHS, (0,)),
    # a star with a step runs from 0 to 7, where 7 is Sunday again
    ("0 0 * * */7", (0,), (0,), ALL_DAYS, ALL_MONTHS, (0,)),
    # names, in any case; the manual forbids them in lists and ranges, entry.c takes them
    ("0 0 * JAN sun", (0,), (0,), ALL_DAYS, (1,), (0,)),
    ("0 0 * jan,Mar mon-FRI/2", (0,), (0,), ALL_DAYS, (1, 3), (1, 3, 5)),
    ("0 0 * feb-4 2-sat", (0,), (0,), ALL_DAYS, (2, 3, 4), (2, 3, 4, 5, 6)),
    # a star inside a list is every value, but the field does not begin with it
    ("5,* 0 * * *", ALL_MINUTES, (0,), ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS),
    # ranges of one value, also as 7-7 and by two spellings of it
    ("3-3 4-4/2 * jan-1 7-7", (3,), (4,), ALL_DAYS, (1,), (0,)),
    # leading zeros, and a step longer than the field
    ("007 08 01 02 *", (7,), (8,), (1,), (2,), ALL_WEEKDAYS),
    ("*/99 0-23/1000 * * *", (0,), (0,), ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS),
    # several blanks and tabs between the fields
    ("  0\t1  *\t\t* * ", (0,), (1,), ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS),
    # the leap day
    ("0 0 29 2 *", (0,), (0,), (29,), (2,), ALL_WEEKDAYS),
    # an impossible date beside weekdays: those are enough, as no field begins with a star
    ("0 0 31 2 1", (0,), (0,), (31,), (2,), (1,)),
    # of several months one has the day
    ("0 0 31 2,3 *", (0,), (0,), (31,), (2, 3), ALL_WEEKDAYS),
]

REFUSED = [
    # the number of fields
    ("", "0 fields"),
    ("0", "1 field;"),
    ("0 1 * *", "4 fields;"),
    ("0 0 1 * * *", "no field for seconds"),
    ("0 1 * * * root x", "7 fields"),
    # out of range
    ("60 * * * *", "minute field '60': 60 is out of range; write 0-59"),
    ("0 24 * * *", "hour field"),
    ("0 0 0 * *", "day of month field '0': 0 is out of range; write 1-31"),
    ("0 0 32 * *", "write 1-31"),
    ("0 0 * 13 *", "month field"),
    ("0 0 * * 8", "day of week field"),
    ("5-64/30 * * * *", "64 is out of range"),
    ("99999999999999999999 * * * *", "out of range"),
    # ranges that run backwards: cron takes them and never fires
    ("5-1 * * * *", "write 5-59,0-1"),
    ("0 0 * * fri-mon", "write 5-6,0-1"),
    ("0 0 * * sat-sun", "write 6-7"),
    ("0 0 * nov-feb *", "write 11-12,1-2"),
    # steps
    ("*/0 * * * *", "the step /0 is not a number from 1"),
    ("*/ * * * *", "the step / is not"),
    ("*/-1 * * * *", "the step /-1"),
    ("1-5/x * * * *", "the step /x"),
    ("5/20 * * * *", "write 5-59/20"),
    # extensions of other crons
    ("0 0 L * *", "'L' is an extension"),
    ("0 0 15W * *", "'W' is an extension"),
    ("0 0 * * 1#2", "'#' is an extension"),
    ("0 0 ? * *", "'?' is an extension"),
    ("R R * * *", "'R' is an extension"),
    ("H * * * *", "'H' is an extension"),
    ("~ * * * *", "'~' is an extension"),
    # what follows a value, which cron drops in silence
    ("*5 * * * *", "'*5' is not a value"),
    ("1-5-7 * * * *", "'5-7' is not a value"),
    ("1;2 * * * *", "'1;2' is not a value"),
    # missing values
    ("1,,2 * * * *", "a value is missing"),
    ("1, * * * *", "a value is missing"),
    ("-5 * * * *", "a value on both sides"),
    ("5- * * * *", "a value on both sides"),
    # signs and digits of other scripts
    ("+5 * * * *", "'+5' is not a value"),
    ("\u0665 * * * *", "is not a value"),
    ("1% * * * *", "% ends the command"),
    # names where none are known, names in full, names of other languages
    ("jan * * * *", "'jan' is not a value"),
    ("0 0 * january *", "or names (jan-dec)"),
    ("0 0 * * 월", "or names (sun-sat)"),
    # white space that is no blank to cron
    ("0 1 * *\n*", "4 fields"),
    ("0\u30001 * * *", "4 fields"),
    # nicknames
    ("@reboot", "fires at no time of day"),
    ("@Daily", "write @daily"),
    ("@fortnightly", "is not a nickname"),
    ("@daily x", "is not a nickname"),
    # dates that never come
    ("0 0 31 2 *", "never fires"),
    ("0 0 30 2 *", "never fires"),
    ("0 0 30,31 2 *", "never fires"),
    ("0 0 31 4,6,9,11 *", "never fires"),
    # a day that no month has is no day
    ("0 0 32 1 *", "day of month field '32': 32 is out of range; write 1-31"),
    # a weekday that begins with a star does not help: both must match
    ("0 0 31 2 */2", "never fires"),
]


@pytest.mark.parametrize(("text", "minutes", "hours", "days", "months", "weekdays"), ACCEPTED)
def test_an_expression_that_cron_takes_is_expanded(
    text: str,
    minutes: tuple[int, ...],
    hours: tuple[int, ...],
    days: tuple[int, ...],
    months: tuple[int, ...],
    weekdays: tuple[int, ...],
) -> None:
    """Each field holds the sorted values that the daemon would set."""
    cron = parse_cron(text)
    assert (cron.minutes, cron.hours, cron.days, cron.months, cron.weekdays) == (minutes, hours, days, months, weekdays)


@pytest.mark.parametrize(("text", "complaint"), REFUSED)
def test_an_expression_that_cron_would_refuse_or_misread_is_refused(text: str, complaint: str) -> None:
    """The message names the field, what is wrong and what would be right."""
    with pytest.raises(ValueError, match="cron ") as caught:
        parse_cron(text)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("text", "day_star", "weekday_star", "wild"),
    [
        # fixed time, any day
        ("0 1 * * *", True, True, False),
        # a star with a step is a star
        ("0 1 */2 * 1", True, False, False),
        ("0 1 1 * */2", False, True, False),
        # neither
        ("0 1 1 * 1", False, False, False),
        # a star that does not begin the field is none
        ("0 1 1,* * 1,*", False, False, False),
        # wild by its minute, by its hour
        ("*/15 1 * * *", True, True, True),
        ("0 * * * *", True, True, True),
        # every minute, written without a star
        ("0-59 0-23 * * *", True, True, False),
    ],
)
def test_stars_are_flagged_by_the_first_character(text: str, day_star: bool, weekday_star: bool, wild: bool) -> None:
    """The daemon looks at the first character of the field only."""
    cron = parse_cron(text)
    assert (cron.day_star, cron.weekday_star, cron.wild) == (day_star, weekday_star, wild)


@pytest.mark.parametrize("name", list(NICKNAMES))
def test_a_nickname_means_its_five_fields(name: str) -> None:
    """A nickname keeps its text and has the values of the fields it stands for."""
    cron, fields = parse_cron(name), parse_cron(NICKNAMES[name])
    assert cron.text == name
    assert to_data(cron)[1:] == to_data(fields)[1:]


def test_the_text_is_kept_with_single_blanks() -> None:
    """The text can be put into a crontab line as it is."""
    assert parse_cron(" 0\t1  * * mon ").text == "0 1 * * mon"


BOUNDS = [(0, 59), (0, 23), (1, 31), (1, 12), (0, 7)]


@st.composite
def field(draw: st.DrawFn, low: int, high: int) -> tuple[str, set[int]]:
    """Draw a field's text together with the values that it means, by construction."""
    texts: list[str] = []
    values: set[int] = set()
    for _ in range(draw(st.integers(1, 3))):
        first = draw(st.integers(low, high))
        last = draw(st.integers(first, high))
        step = draw(st.integers(1, high + 5))
        form = draw(st.sampled_from(["star", "star-step", "single", "range", "range-step"]))
        text, found = {
            "star": ("*", range(low, high + 1)),
            "star-step": (f"*/{step}", range(low, high + 1, step)),
            "single": (f"{first}", range(first, first + 1)),
            "range": (f"{first}-{last}", range(first, last + 1)),
            "range-step": (f"{first}-{last}/{step}", range(first, last + 1, step)),
        }[form]
        texts.append(text)
        values.update(found)
    return ",".join(texts), values


@settings(max_examples=150, deadline=None)
@given(st.tuples(*(field(low, high) for low, high in BOUNDS)))
def test_any_combination_expands_to_what_it_was_made_of(fields: tuple[tuple[str, set[int]], ...]) -> None:
    """Lists of stars, values, ranges and steps mean the union of their values; only impossible dates are refused."""
    text = " ".join(each[0] for each in fields)
    try:
        cron = parse_cron(text)
    except ValueError as error:
        assert "never fires" in str(error)  # noqa: PT017 - either outcome is right, for its own reason
        return
    expected = [*(each[1] for each in fields[:4]), {value % 7 for value in fields[4][1]}]
    assert [set(got) for got in (cron.minutes, cron.hours, cron.days, cron.months, cron.weekdays)] == expected


def test_croniter_is_a_second_opinion() -> None:
    """What croniter reads otherwise is put to it in other words; where it still disagreed, nobody would be right."""
    assert croniter.croniter.expand("0 3-3 * * *")[0][1] == ["*"], "to croniter a range of one hour is a whole day"
    assert parse_cron("0 3-3 * * *").hours == (3,)
    read = [(0,), (2,), ALL_DAYS, ALL_MONTHS, ALL_WEEKDAYS]
    with pytest.raises(ValueError, match="hour field '1': cron and croniter read it differently; write 2"):
        _agree_with_croniter(["0", "1", "*", "*", "*"], read)


@pytest.mark.parametrize("text", ["0 1 * * *", "@hourly", "*/5 1-3 1,15 jan-mar 7"])
def test_an_expression_survives_marshal(text: str) -> None:
    """The compiled configuration keeps expressions as builtins."""
    cron = parse_cron(text)
    assert from_data(marshal.loads(marshal.dumps(to_data(cron)))) == cron  # noqa: S302 - our own bytes
    assert isinstance(from_data(to_data(cron)), Cron)


def test_rebuilding_and_firing_import_no_parser() -> None:
    """The path that cron takes pays for neither croniter nor anything heavy."""
    script = (
        "import sys\n"
        "from batchctl.core.time.cron import from_data\n"
        "from batchctl.core.time.schedule import previous_fire\n"
        "from batchctl.core.time.cron import Schedule\n"
        "from batchctl.base.clock import SystemZone\n"
        "cron = from_data(('0 1 * * *', (0,), (1,), tuple(range(1, 32)), tuple(range(1, 13)), tuple(range(7)),"
        " True, True, False))\n"
        "assert previous_fire(Schedule(cron=cron), SystemZone(), 1.8e9) is not None\n"
        "heavy = {'croniter', 'dataclasses', 'typing', 'enum', 're', 'json', 'datetime'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    # -S: what a virtual environment's own start imports (re, for .pth files) is not ours.
    package = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-S", "-c", script], check=False, capture_output=True, text=True, cwd=package, timeout=60
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("day", "month_and_day"),
    [
        # the epoch, the last day before it
        (0, (1, 1)),
        (-1, (12, 31)),
        # around leap days; 2000 has one, 2100 has none
        (11016, (2, 29)),
        (11017, (3, 1)),
        (47540, (2, 28)),
        (47541, (3, 1)),
    ],
)
def test_a_day_number_is_a_date(day: int, month_and_day: tuple[int, int]) -> None:
    """Days are counted from 1970-01-01 in the Gregorian calendar."""
    assert civil(day) == month_and_day


def test_every_day_of_four_hundred_years_is_its_date() -> None:
    """The calendar repeats after that."""
    first = date(1970, 1, 1).toordinal()
    days = (date.fromordinal(first + day) for day in range(-146097 // 2, 146097 // 2))
    assert all(civil(each.toordinal() - first) == (each.month, each.day) for each in days)


@pytest.mark.parametrize("month", range(1, 13))
def test_the_last_day_of_a_month_is_one_that_comes(month: int) -> None:
    """The 29th of February does; the day after the last is refused, whatever the month."""
    last = monthrange(2024, month)[1]
    assert parse_cron(f"0 0 {last} {month} *").days == (last,)
    assert [days_in(month, leap=True), days_in(month, leap=False)] == [last, monthrange(2026, month)[1]]
    with pytest.raises(ValueError, match="never fires" if last < 31 else "out of range"):
        parse_cron(f"0 0 {last + 1} {month} *")


@pytest.mark.cron
@pytest.mark.parametrize("text", [row[0] for row in ACCEPTED] + list(NICKNAMES))
def test_debians_own_crontab_takes_what_we_take(text: str) -> None:
    """`crontab -n` checks a table and installs nothing."""
    assert crontab_takes(f"{text.strip()} true\n")


@pytest.mark.cron
@pytest.mark.parametrize(
    "text", ["0 24 * * *", "0 0 0 * *", "*/0 * * * *", "5/20 * * * *", "5-64/30 * * * *", "0 0 L * *"]
)
def test_debians_own_crontab_refuses_what_we_refuse(text: str) -> None:
    """What we refuse for more than being a slip, the daemon's own parser refuses too."""
    assert not crontab_takes(f"{text} true\n")


def crontab_takes(table: str) -> bool:
    """Return whether Debian's crontab finds the table right; skip where there is none that can tell."""
    try:
        probe = subprocess.run(
            ["crontab", "-n", "-"], input="", capture_output=True, text=True, check=False, timeout=30
        )
    except FileNotFoundError:
        pytest.skip("there is no crontab program")
    if "successfully checked" not in probe.stdout + probe.stderr:
        pytest.skip("this crontab has no dry run (-n)")
    done = subprocess.run(["crontab", "-n", "-"], input=table, capture_output=True, text=True, check=False, timeout=30)
    return done.returncode == 0


def test_croniter_is_asked_unless_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """What an operator writes gets a second opinion; what has passed before needs none."""
    asked: list[str] = []
    monkeypatch.setattr(cron, "_agree_with_croniter", lambda fields, _values: asked.append(fields))
    found = parse_cron("0 1 * * *")
    assert len(asked) == 1
    assert parse_cron("0 1 * * *", second_opinion=False) == found
    assert len(asked) == 1


def test_an_end_that_fires_is_a_success_unless_said_otherwise() -> None:
    """`after` alone waits for success."""
    assert Schedule(after=("a",)).after_any is False
