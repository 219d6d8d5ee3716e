"""Changing jobs, asked as Python asks: what was written, and what the crontab would need."""

from __future__ import annotations

from pathlib import Path

import pytest

from batchctl.answers import jobs_edit
from batchctl.answers.site import Site
from batchctl.base.errors import BatchctlError


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Return a site with one scheduled job."""
    file = tmp_path / "batchctl.toml"
    file.write_text('[jobs.a]\nschedule = "0 1 * * *"\nrun = "true"\n', encoding="utf-8")
    return Site(str(file), str(tmp_path / "state"))


def test_what_the_crontab_would_need(site: Site, tmp_path: Path) -> None:
    """A job that comes, goes, or is switched off changes the lines; one without a schedule does not."""
    added = jobs_edit.add(site, "b", {"schedule": "0 2 * * *", "run": "true"})
    assert added.files == (str(tmp_path / "jobs.d" / "b.toml"),)
    assert added.crontab == {"add": ["b"], "change": [], "take out": []}
    assert jobs_edit.add(site, "c", {"run": "true"}).crontab == {"add": [], "change": [], "take out": []}
    again = Site(site.config_option, site.state_option)
    assert jobs_edit.enable(again, "a", enabled=False).crontab["take out"] == ["a"]
    assert jobs_edit.enable(again, "a", enabled=False).files == ()
    assert jobs_edit.remove(again, "b").crontab["take out"] == ["b"]


def test_a_name_that_is_taken_changes_nothing(site: Site, tmp_path: Path) -> None:
    """Neither the configuration nor a file of its own."""
    before = (tmp_path / "batchctl.toml").read_bytes()
    with pytest.raises(BatchctlError, match="there is already a job 'a'"):
        jobs_edit.add(site, "a", {"run": "false"})
    assert (tmp_path / "batchctl.toml").read_bytes() == before
    assert not (tmp_path / "jobs.d" / "a.toml").exists()
