"""Zones, and instants as they are written: also where the clock changes, and where there is no offset at all."""

from __future__ import annotations

import pytest

from batchctl.base.clock import SystemZone
from batchctl.core.time.zones import _OFFSETS_KEPT, NamedZone, human, iso, parse_time

SEOUL, NEW_YORK, UTC = NamedZone("Asia/Seoul"), NamedZone("America/New_York"), NamedZone("Etc/UTC")
KATHMANDU = NamedZone("Asia/Kathmandu")
_NOON = 1796094000.0  # 2026-12-01T12:00:00+09:00


@pytest.mark.parametrize(
    ("zone", "instant", "seconds"),
    [
        (SEOUL, _NOON, 9 * 3600),
        (NEW_YORK, _NOON, -5 * 3600),
        (NEW_YORK, 1780000000.0, -4 * 3600),  # in summer
        (UTC, _NOON, 0),
        (KATHMANDU, _NOON, 5 * 3600 + 45 * 60),
    ],
)
def test_the_offset_in_force(zone: NamedZone, instant: float, seconds: int) -> None:
    """What is added to UTC at that instant, west of it too."""
    assert zone.offset(instant) == seconds


@pytest.mark.parametrize("name", ["Asia/Soul", "", "/etc/passwd", "../zone"])
def test_a_name_of_no_zone_is_refused_at_once(name: str) -> None:
    """The message shows how one is written."""
    with pytest.raises(ValueError, match="is not a time zone; write for example Asia/Seoul"):
        NamedZone(name)


def test_a_verified_name_is_not_looked_up_before_it_is_asked() -> None:
    """Most fires never ask; one that does gets the same."""
    assert NamedZone("Asia/Soul", verified=True).name == "Asia/Soul"
    assert NamedZone("Asia/Seoul", verified=True).offset(_NOON) == 9 * 3600


def test_zones_are_the_same_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of one name are equal; the system's zone, which may change, equals none of them."""
    assert NamedZone("Asia/Seoul") == SEOUL
    assert len({NamedZone("Asia/Seoul"), SEOUL, UTC}) == 2
    assert SEOUL != UTC
    monkeypatch.setenv("TZ", "Asia/Seoul")
    assert SystemZone().name == SEOUL.name
    assert SystemZone() != SEOUL
    assert SEOUL != SystemZone()  # noqa: SIM300 - each of the two is asked


def test_what_was_asked_is_kept_for_a_while() -> None:
    """Midnights are asked for again and again; a preview of centuries does not fill the memory."""
    zone = NamedZone("Asia/Seoul")
    counts = []
    for day in range(3 * _OFFSETS_KEPT):
        assert zone.offset(_NOON + day * 86400) == 9 * 3600
        counts.append(len(zone._known))
    assert counts[:100] == list(range(1, 101))
    assert max(counts) <= _OFFSETS_KEPT + 1


@pytest.mark.parametrize(
    ("instant", "zone", "text"),
    [
        (None, SEOUL, None),
        (_NOON, SEOUL, "2026-12-01T12:00:00+09:00"),
        (_NOON, NEW_YORK, "2026-11-30T22:00:00-05:00"),
        (_NOON, UTC, "2026-12-01T03:00:00+00:00"),
        (_NOON, KATHMANDU, "2026-12-01T08:45:00+05:45"),
        (_NOON, NamedZone("America/St_Johns"), "2026-11-30T23:30:00-03:30"),
        (_NOON + 0.000001, SEOUL, "2026-12-01T12:00:00.000001+09:00"),  # what the history keeps
        (_NOON + 0.0000004, SEOUL, "2026-12-01T12:00:00+09:00"),  # less than that is nothing
        (_NOON + 0.9999996, SEOUL, "2026-12-01T12:00:01+09:00"),
    ],
)
def test_an_instant_in_iso_8601(instant: float | None, zone: NamedZone, text: str | None) -> None:
    """With the offset, and microseconds where there are any; it reads back as the same instant."""
    assert iso(instant, zone) == text
    if text is not None and instant is not None:
        assert parse_time(text, UTC) == pytest.approx(instant, abs=1e-6)


def test_an_instant_as_operators_read_it() -> None:
    """The day of the week first, to the minute, in that zone; a dash for none."""
    assert human(_NOON + 59, SEOUL) == "Tue 2026-12-01 12:00"
    assert human(_NOON, NEW_YORK) == "Mon 2026-11-30 22:00"
    assert human(None, SEOUL) == "-"


@pytest.mark.parametrize(
    ("text", "zone", "expected"),
    [
        ("2026-12-01T12:00:00+09:00", NEW_YORK, "2026-12-01T03:00:00+00:00"),  # its own offset counts
        (" 2026-12-01T12:00 ", SEOUL, "2026-12-01T03:00:00+00:00"),  # blanks around it do not
        ("2026-12-01", SEOUL, "2026-11-30T15:00:00+00:00"),  # a day is its midnight
        ("2026-11-30T22:00", NEW_YORK, "2026-12-01T03:00:00+00:00"),
        # around changes of the clock: the offset at that wall time, not at the same time in UTC
        ("2026-03-08T01:59", NEW_YORK, "2026-03-08T06:59:00+00:00"),
        ("2026-03-08T02:30", NEW_YORK, "2026-03-08T07:30:00+00:00"),  # skipped: right after
        ("2026-03-08T03:00", NEW_YORK, "2026-03-08T07:00:00+00:00"),
        ("2026-03-29T02:30", NamedZone("Europe/Berlin"), "2026-03-29T01:30:00+00:00"),
        ("2026-11-01T01:30", NEW_YORK, "2026-11-01T05:30:00+00:00"),  # repeated: the first
        ("2026-10-25T02:30", NamedZone("Europe/Berlin"), "2026-10-25T00:30:00+00:00"),
        ("2026-11-01T03:00", NEW_YORK, "2026-11-01T08:00:00+00:00"),
        ("2026-03-08T07:30", NEW_YORK, "2026-03-08T11:30:00+00:00"),
        ("2026-10-04T05:00", NamedZone("Australia/Sydney"), "2026-10-03T18:00:00+00:00"),
        ("2026-04-05T09:00", NamedZone("Australia/Sydney"), "2026-04-04T23:00:00+00:00"),
    ],
)
def test_a_time_as_it_is_written(text: str, zone: NamedZone, expected: str) -> None:
    """Without an offset it is wall time of the zone."""
    assert iso(parse_time(text, zone), UTC) == expected


@pytest.mark.parametrize("text", ["now", "", "tomorrow", "25:00", "2026-13-01", "01:00"])
def test_what_is_no_time_is_refused(text: str) -> None:
    """The message shows both ways to write one."""
    with pytest.raises(ValueError, match=r"is not a time; write for example 2026-12-01T01:00 or .*\+09:00"):
        parse_time(text, SEOUL)


def test_now_is_a_time_where_there_is_one() -> None:
    """In any case and with blanks; anything else still means what it says."""
    assert [parse_time(text, SEOUL, _NOON) for text in ("now", " NOW ")] == [_NOON, _NOON]
    assert parse_time("2026-12-01T13:00", SEOUL, _NOON) == _NOON + 3600
