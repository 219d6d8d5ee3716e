"""In a container: what each command says of a batch whose batchctl was killed, as JSON; argv: a directory, a scene."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from support import alive, batchctl, rows, start_batchctl, wait_for

_ORPHAN = "import os, time; os.setsid(); open('{pid}', 'w').write(str(os.getpid())); time.sleep(600)"


def _commands(place: Path) -> dict[str, object]:
    options = ("--config", str(place / "b.toml"), "--state", str(place / "state"))
    explained = batchctl(*options, "explain", "a", "--json")
    status = batchctl(*options, "status", "a", "--json")
    fired = batchctl(*options, "run", "a", "--json")
    stopped = batchctl(*options, "stop", "a")
    return {
        "explain": json.loads(explained.stdout),
        "status": json.loads(status.stdout),
        "run": json.loads(fired.stdout),
        "run_code": fired.returncode,
        "stop_code": stopped.returncode,
        "stop": stopped.stdout + stopped.stderr,
    }


def _orphaned(place: Path) -> dict[str, object]:
    """Kill a batchctl whose step left a process without environment, in a session of its own, and nothing else."""
    pid, state = place / "orphan", place / "state"
    code = _ORPHAN.format(pid=pid)
    begun = f"test -s {pid}"
    line = (
        f'{begun} && exit; env -i "{sys.executable}" -c "{code}" & while ! {begun}; do sleep 0.05; done; kill -9 $PPID'
    )
    (place / "b.toml").write_text(f"[jobs.a]\n[[jobs.a.steps]]\nid = '1'\nrun = '''{line}'''\n")
    start_batchctl("--config", str(place / "b.toml"), "--state", str(state), "run", "a").communicate()
    (leader,) = (row[0] for row in rows(state, "select pid from attempts"))
    wait_for(lambda: not alive(leader), "the end of the step's first process")
    said = _commands(place)
    orphan = int(pid.read_text())
    held = alive(orphan)
    if held:
        os.kill(orphan, 9)
    wait_for(lambda: not alive(orphan), "the end of the orphan")
    return {"first": said, "orphan": orphan, "lived": held, "then": _commands(place)}


def _locked(place: Path) -> dict[str, object]:
    """Hold the job's lock by a process that did not take it: flock(1) did, and has ended."""
    (place / "b.toml").write_text("[jobs.a]\n[[jobs.a.steps]]\nid = '1'\nrun = 'true'\n")
    batchctl("--config", str(place / "b.toml"), "--state", str(place / "state"), "run", "a")
    lock = place / "state/locks/a.lock"
    line = f"exec 9<>{lock}; flock -n 9 && echo && exec cat >/dev/null"
    holder = subprocess.Popen(["sh", "-c", line], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdout
    assert holder.stdout.readline() == b"\n"
    said = _commands(place)
    holder.communicate()
    return {"first": said, "then": _commands(place)}


if __name__ == "__main__":
    scene = {"orphaned": _orphaned, "locked": _locked}[sys.argv[2]]
    sys.stdout.write(json.dumps(scene(Path(sys.argv[1]))))
