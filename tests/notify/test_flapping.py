"""A job that goes back and forth is told of once, and again when it is steady."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from firing import execute
from support import batchctl, rows

if TYPE_CHECKING:
    from pathlib import Path


class Place:
    """A job whose every end is chosen, and what is told of it."""

    def __init__(self, tmp_path: Path, more: str) -> None:
        """Write the configuration."""
        self.flag, self.state = tmp_path / "fails", tmp_path / "state"
        (tmp_path / "c.toml").write_text(
            f'[jobs."검색"]\nrun = "test ! -e {self.flag}"\non_alert = ["/bin/true"]\n{more}', encoding="utf-8"
        )
        self.command = ["--config", str(tmp_path / "c.toml"), "--state", str(self.state)]

    def end(self, good: str) -> list[str]:
        """Let a run succeed (`s`) or fail (`f`); return the kinds of alerts that are new."""
        before = self.told()
        self.flag.unlink(missing_ok=True)
        if good == "f":
            self.flag.touch()
        assert batchctl(*self.command, "run", "검색").returncode == (good == "f")
        return self.told()[len(before) :]

    def told(self) -> list[str]:
        """Return the kinds of all alerts."""
        if not (self.state / "history-began").exists():
            return []
        return [kind for (kind,) in rows(self.state, "select kind from outbox order by id")]

    def found(self) -> list[str]:
        """Return the kinds of what `check` finds."""
        done = batchctl(*self.command, "check", "--format", "json")
        return sorted(each["kind"] for each in json.loads(done.stdout)["findings"] if each["job"])


@pytest.mark.parametrize(
    ("more", "ends"),
    [
        # the third turn is told as flapping, then there is silence until three are alike
        (
            "",
            [
                ("s", []),
                ("f", ["failed"]),
                ("s", ["recovered"]),
                ("f", ["flapping"]),
                ("s", []),
                ("f", []),
                ("f", []),
                ("f", ["failed", "failing"]),
                ("s", ["flapping"]),
                ("s", []),
                ("s", ["recovered"]),
                ("s", []),
            ],
        ),
        # never
        ("flap_window = 0\n", [("s", []), ("f", ["failed"]), ("s", ["recovered"]), ("f", ["failed"])]),
    ],
)
def test_silence_until_it_is_steady(tmp_path: Path, more: str, ends: list[tuple[str, list[str]]]) -> None:
    """What is told after each end."""
    place = Place(tmp_path, more)
    assert [(good, place.end(good)) for good, _ in ends] == ends


def test_check_sees_it_and_its_end(tmp_path: Path) -> None:
    """`check` finds it while it lasts; once the turns are long past, the state that is left is told."""
    place = Place(tmp_path, "")
    for good in "sfsf":
        place.end(good)
    assert place.found() == ["failed", "flapping"]
    assert place.told() == ["failed", "recovered", "flapping"]
    execute(place.state, "update runs set started_at = started_at - 7200, ended_at = ended_at - 7200")
    assert place.found() == ["failed"]
    assert place.told() == ["failed", "recovered", "flapping", "failed"]
    assert rows(place.state, "select count(*) from outbox where kind = 'flapping' and over_at is null") == [(0,)]
