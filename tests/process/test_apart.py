"""A program that is started apart: nobody's child, in its own session, with nothing of its parent's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from support import wait_for

from batchctl.process.apart import start_apart

if TYPE_CHECKING:
    from pathlib import Path


def test_nothing_is_handed_on(tmp_path: Path) -> None:
    """A descriptor that is open without close-on-exec, a lock for example, is closed; the words come as UTF-8."""
    lock = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    os.set_inheritable(lock, True)
    try:
        script = (
            'ls -l /proc/$$/fd >"$1.part"; ps -o sid=,pid= -p $$ >>"$1.part"; echo "$2" >>"$1.part"; mv "$1.part" "$1"'
        )
        start_apart(["/bin/sh", "-c", script, "sh", str(tmp_path / "held"), "키워드"])
        wait_for((tmp_path / "held").exists, "the list")
    finally:
        os.close(lock)
    *listed, ids, word = (tmp_path / "held").read_text(encoding="utf-8").splitlines()
    session, pid = ids.split()
    assert session == pid
    assert word == "키워드"
    assert sorted(line.rpartition(" -> ")[2] for line in listed if " -> " in line)[:3] == ["/dev/null"] * 3
    assert "lock" not in "".join(listed)


def test_what_cannot_be_started_is_not(tmp_path: Path) -> None:
    """No such program is no error: whoever starts something apart has a result of its own to write."""
    start_apart([str(tmp_path / "none")])
