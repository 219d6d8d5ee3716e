"""What attempts have used: processor time and memory of all their processes, orphans too, and whose it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from firing import fire
from support import job, rows, step

from batchctl.core.model import Group

if TYPE_CHECKING:
    from pathlib import Path

_BURN = "import time\nwhile time.process_time() < {seconds}: pass"
_MIB = 1024 * 1024


def _burn(seconds: float) -> str:
    return f'python3 -c "{_BURN.format(seconds=seconds)}"'


_ORPHAN = f"""d=$(mktemp -d); export d
setsid --fork sh -c '{_burn(0.4)}; touch $d/ended'
while ! test -e $d/ended; do sleep 0.1; done; rm -r $d"""


@pytest.mark.parametrize(
    "line",
    [
        _burn(0.4),  # the first process itself
        f"({_burn(0.4)}); true",  # a child that is waited for
        f"setsid --fork {_burn(0.4)}",  # an orphan, which is ended with its step, or ends
        _ORPHAN,  # one that ends before its step does
    ],
    ids=["itself", "child", "orphan left", "orphan ended"],
)
def test_processor_time_is_that_of_all_processes(tmp_path: Path, line: str) -> None:
    """Whoever used it and however it ended; it is recorded with the attempt and with its step."""
    found = fire(job(step("1", line, grace=20.0)), tmp_path / "state")
    (cpu,) = rows(tmp_path / "state", "select cpu_s from attempts")[0]
    if line.startswith("setsid"):
        assert cpu > 0.001  # TERM ended it, maybe before it began to work
    else:
        assert 0.4 <= cpu < 5
    assert found["steps"][0]["cpu_s"] == cpu == rows(tmp_path / "state", "select cpu_s from steps")[0][0]


def test_memory_is_the_most_that_a_process_had(tmp_path: Path) -> None:
    """Over all attempts of the step, whichever process it was."""
    line = 'python3 -c "bytearray(200 * 1024 * 1024)"; exit $((3 - BATCHCTL_ATTEMPT))'
    small = step("2", "true")
    found = fire(job(step("1", line, retries=2), small), tmp_path / "state")
    most = [one["max_rss_bytes"] for one in found["steps"]]
    assert 200 * _MIB < most[0] < 300 * _MIB
    assert 1 * _MIB < most[1] < 100 * _MIB
    attempts = rows(tmp_path / "state", "select max_rss_bytes, cpu_s from attempts where seq = 1")
    assert len(attempts) == 3
    assert max(attempts)[0] == most[0]
    assert found["steps"][0]["cpu_s"] == pytest.approx(sum(cpu for _, cpu in attempts))


def test_side_by_side_each_has_its_own(tmp_path: Path) -> None:
    """What one step burns is not told of the one beside it."""
    busy, idle = step("busy", f"{_burn(0.5)}; sleep 0.2", group="g"), step("idle", "sleep 0.5", group="g")
    groups = (Group(name="g", parallel=True),)
    found = fire(job(busy, idle, groups=groups), tmp_path / "state")
    assert found["steps"][0]["cpu_s"] > 0.45
    assert found["steps"][1]["cpu_s"] < 0.3


def test_what_could_not_be_started_has_used_nothing(tmp_path: Path) -> None:
    """Nothing is told where there is nothing to tell, which is not zero."""
    found = fire(job(step("1", argv=("/nope",))), tmp_path / "state")
    assert (found["steps"][0]["cpu_s"], found["steps"][0]["max_rss_bytes"]) == (None, None)
