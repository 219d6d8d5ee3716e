"""The output of a run as pieces: whose they are, what is masked, what is lost, and when looking on ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from history_rows import Rows

from batchctl.answers.logs import Logs, Piece
from batchctl.answers.site import Site
from batchctl.base import clock
from batchctl.base.errors import UsageError

_CONFIG = """
[jobs.a]
secrets = ["TOKEN"]
env = { TOKEN = "tell-nobody" }
steps = [{ id = "31", run = "true" }, { id = "32", run = "true" }]
"""


@pytest.fixture
def rows(tmp_path: Path) -> Rows:
    """Make a history with one run of two steps, the first of which was tried twice."""
    (tmp_path / "batchctl.toml").write_text(_CONFIG, encoding="utf-8")
    made = Rows(tmp_path / "state")
    run = made.run("a", clock.now() - 100)
    for seq, step in enumerate(("31", "32"), 1):
        made.step(run, seq, step)
    made.log(run, 1, 1, b"no\n")
    made.log(run, 1, 2, b"tell-nob")  # the beginning of a secret: it may go on
    made.log(run, 2, 1, b"yes, tell-nobody\nend\n")
    return made


@pytest.fixture
def site(tmp_path: Path, rows: Rows) -> Site:
    """Return where the run is."""
    return Site(str(tmp_path / "batchctl.toml"), str(rows.state))


def told(pieces: list[Piece]) -> list[tuple[str, int, str]]:
    """Return step, attempt and text of the pieces that have any."""
    return [(piece.attempt.step, piece.attempt.attempt, piece.text) for piece in pieces if piece.text]


def test_each_piece_has_its_attempt(site: Site) -> None:
    """Pieces come in the order of the chain; what may be a secret waits until it is known to be none."""
    found = Logs(site, "a")
    assert found.several
    assert told([*found.new()]) == [("31", 1, "no\n"), ("32", 1, "yes, ***\nend\n")]
    assert found.found
    assert told([*found.rest()]) == [("31", 2, "tell-nob")]
    assert told([*found.new()]) == []


def test_only_what_is_new_comes_again(site: Site, rows: Rows) -> None:
    """A second look begins where the first one stopped, within a secret too."""
    found = Logs(site, "a", step="31")
    assert told([*found.new()]) == [("31", 1, "no\n")]
    with (rows.state / "runs" / "1" / "1.2.log").open("ab") as log:
        log.write(b"ody!\n")
    assert told([*found.new()]) == [("31", 2, "***!\n")]


def test_looking_on_ends_with_the_run(site: Site) -> None:
    """Of a run that has ended there is one look, and all of it is in it."""
    found = Logs(site, "a", step="32")
    assert [told([*pieces]) for pieces in found.looks()] == [[("32", 1, "yes, ***\nend\n")]]


@pytest.mark.parametrize(
    ("wanted", "texts"),
    [
        (1, ["end\n"]),  # the last line of all attempts together
        (3, ["yes, ***\nend\n"]),  # the one that has not ended counts, and waits
        (9, ["no\n", "yes, ***\nend\n"]),  # more than there are
        (0, []),
    ],
)
def test_the_last_lines(site: Site, wanted: int, texts: list[str]) -> None:
    """Lines are counted over all attempts."""
    found = Logs(site, "a")
    found.skip_to_last_lines(wanted)
    assert [text for _, _, text in told([*found.new()])] == texts


def test_logs_that_are_gone_are_told_from_silence(site: Site, rows: Rows) -> None:
    """Retention may have removed the files; a run that wrote nothing still has them."""
    for log in (rows.state / "runs" / "1").iterdir():
        log.unlink()
    found = Logs(site, "a")
    assert told([*found.new()]) == []
    assert (found.found, found.gone) == (False, True)


@pytest.mark.parametrize(
    ("job", "run", "step", "message"),
    [
        ("a", 7, None, "a has no run 7"),  # never was
        ("b", 1, None, "b has no run 1; it is a run of a"),  # another job's
        ("b", None, None, "there is no job 'b'"),
        ("a", None, "33", "run 1 of a has no step '33'"),
    ],
)
def test_what_there_is_not(site: Site, job: str, run: int | None, step: str | None, message: str) -> None:
    """Each slip has its own words."""
    with pytest.raises(UsageError, match=message):
        Logs(site, job, run, step)
