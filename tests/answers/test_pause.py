"""Pausing and resuming, asked as Python asks: text in, frozen values out."""

from __future__ import annotations

from pathlib import Path
from unicodedata import normalize

import pytest

from batchctl.answers import explain, pause
from batchctl.answers.site import Site
from batchctl.base import clock
from batchctl.base.errors import UsageError


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site with one job."""
    file = tmp_path / "batchctl.toml"
    file.write_text('timezone = "Asia/Seoul"\n[jobs."작업"]\nrun = "true"\n', encoding="utf-8")
    return Site(str(file), str(tmp_path / "state"))


@pytest.mark.parametrize(
    "job",
    [
        None,  # everything, and so this job
        "작업",  # this job alone
        normalize("NFD", "작업"),  # its name decomposed, as macOS and some terminals send it
    ],
)
def test_what_is_paused_does_not_start(site: Site, job: str | None) -> None:
    """The guard sees the pause, and sees it end; ending it twice says that there was none."""
    before = clock.now()
    done = pause.pause(site, job, "2h")
    assert done.job == (None if job is None else "작업")
    assert done.until is not None
    assert before + 7200 <= done.until <= clock.now() + 7200
    assert explain.explain(site, "작업").reason == "paused"
    assert pause.resume(site, job).was_paused
    assert explain.explain(site, "작업").reason is None
    assert not pause.resume(site, job).was_paused


def test_a_wrong_duration_pauses_nothing(site: Site) -> None:
    """The words of the operator are judged before anything is written."""
    with pytest.raises(UsageError, match="2 hours"):
        pause.pause(site, None, "2 hours")
    assert explain.explain(site, "작업").reason is None
