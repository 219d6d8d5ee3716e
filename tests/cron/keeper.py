"""Lends the real crontab, and a running cron, to one test at a time, and takes them back however the test ends.

A fixture alone cannot promise that: pytest may be killed, and lines that were left behind would fire every minute. So
this program, in a session of its own, waits for the lock, saves and empties the crontab, starts cron where it is asked
to and none runs, and says "ready" on its stdout (or why not on stderr). It undoes all of that when its stdin ends: when
the test is over, or its process gone.

    keeper.py LOCK MARK crontab|cron

MARK is NAME=VALUE, found in the environment of whatever the test's lines start: that is what is ended, nothing else.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

PIDFILE = Path("/run/crond.pid")
ENVIRONMENT = os.environ | {"LC_ALL": "C", "VISUAL": "cat"}


def stored() -> bytes | None:
    """Return the crontab, None where there is none."""
    done = subprocess.run(["crontab", "-l"], capture_output=True, check=False, env=ENVIRONMENT)
    if done.returncode == 0:
        # The listing shows some control characters escaped; an editor is given the bytes.
        return subprocess.run(["crontab", "-e"], capture_output=True, check=True, env=ENVIRONMENT, input=b"").stdout
    if not done.stderr.startswith(b"no crontab for "):
        sys.exit(f"crontab -l: {done.stderr.decode()}")
    return None


def store(text: bytes | None) -> None:
    """Write the crontab; None removes it."""
    if text is not None:
        subprocess.run(["crontab", "-"], input=text, check=True)
    elif stored() is not None:
        subprocess.run(["crontab", "-r"], check=True)


def daemon_runs() -> bool:
    """Say whether a cron daemon runs on this machine."""
    try:
        return (Path("/proc") / PIDFILE.read_text().strip() / "comm").read_text() == "cron\n"
    except OSError:
        return False


def start_daemon() -> subprocess.Popen[bytes]:
    """Start cron in an environment as bare as at boot: what the lines get must come from cron alone."""
    program = shutil.which("cron", path=os.environ.get("PATH", "") + ":/usr/sbin")
    if program is None or os.getuid() != 0:
        sys.exit("no cron daemon runs, and only root can start one (package cron)")
    bare = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin"}
    daemon = subprocess.Popen([program, "-f"], env=bare, stdin=subprocess.DEVNULL, cwd="/")
    while daemon.poll() is None and not daemon_runs():
        time.sleep(0.01)
    if daemon.poll() is not None:
        sys.exit(f"{program} -f ended with exit code {daemon.returncode}")
    return daemon


def end_marked(mark: str) -> None:
    """Kill what the test's lines have started."""
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and mark.encode() in (entry / "environ").read_bytes().split(b"\0"):
                os.kill(int(entry.name), signal.SIGKILL)
        except OSError:  # it ended meanwhile, or is somebody else's
            continue


def main(lock: str, mark: str, what: str) -> None:
    """Lend, wait, take back."""
    if shutil.which("crontab") is None:
        sys.exit("no crontab program: apt-get install cron (tests/ensure_packages.sh tries)")
    with Path(lock).open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        before = stored()
        own = None
        try:
            store(None)
            # Cron knows a change by its second: had it looked within this one, it would never see the test's lines.
            emptied = int(time.time())
            while int(time.time()) == emptied:
                time.sleep(0.05)
            own = start_daemon() if what == "cron" and not daemon_runs() else None
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            sys.stdin.read()
        finally:
            store(before)
            if own is not None:
                own.terminate()
                own.wait()
            end_marked(mark)


main(*sys.argv[1:])
