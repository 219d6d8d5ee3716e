"""What batchctl offers any step program written in Python: its parameters, its progress, its result, its log.

A step is an ordinary program; batchctl talks to it through environment variables and two small files, and everything
here but `save` only reads and writes those. Where a variable is unset, as when the program is run by hand, reading
gives an empty answer and writing does nothing. Only the standard library is used, and nothing of batchctl.

    from batchctl import step

    limit = step.params().get("limit", 100)
    for done, item in enumerate(items, 1):
        ...
        step.progress(done, len(items))
    step.result(items=len(items))
"""

from __future__ import annotations

import json
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from datetime import datetime
    from typing import Any, TextIO


def params() -> dict[str, Any]:
    """Return the step's parameters, BATCHCTL_PARAMS; empty where it is unset.

    >>> params()
    {'limit': 100}

    Raises:
        ValueError: if the variable does not hold a JSON object.
    """
    text = os.environ.get("BATCHCTL_PARAMS")
    if not text:
        return {}
    values = json.loads(text)
    if not isinstance(values, dict):
        message = f"BATCHCTL_PARAMS is not a JSON object: {text:.80}"
        raise ValueError(message)  # noqa: TRY004 - the type of a text's content is a matter of its value
    return values


def run_id() -> int | None:
    """Return the number of the run, BATCHCTL_RUN_ID; None where it is unset.

    >>> run_id()
    17

    Raises:
        ValueError: if the variable is not a whole number.
    """
    text = os.environ.get("BATCHCTL_RUN_ID")
    return int(text) if text else None


def step_id() -> str | None:
    """Return the id that the configuration gives this step, BATCHCTL_STEP; None where it is unset.

    >>> step_id()
    '31'
    """
    return os.environ.get("BATCHCTL_STEP") or None


def scheduled_for() -> datetime | None:
    """Return the fire that cron meant, BATCHCTL_SCHEDULED_FOR, with its offset; None where it is unset.

    What is named after a day takes it from here: a run that starts late still writes its own day's file.

    >>> scheduled_for().date().isoformat()
    '2026-12-01'

    Raises:
        ValueError: if the variable is not a time with an offset.
    """
    from datetime import datetime

    text = os.environ.get("BATCHCTL_SCHEDULED_FOR")
    if not text:
        return None
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        message = f"BATCHCTL_SCHEDULED_FOR has no offset: {text:.80}"
        raise ValueError(message)
    return moment


def progress(done: float, total: float, *, path: str | None = None) -> None:
    """Say that `done` of `total` units of work are done; a unit is whatever the program counts.

    `path` is where, BATCHCTL_PROGRESS unless told otherwise.

    Trouble in writing it (a full disk) is ignored: progress is for onlookers, and no reason to end a batch.

    >>> progress(3, 10)

    Raises:
        ValueError: if a number is negative.
    """
    if done < 0 or total < 0:
        message = f"progress cannot be negative: {done}/{total}"
        raise ValueError(message)
    path = path or os.environ.get("BATCHCTL_PROGRESS")
    if not path:
        return
    try:
        _replace(path, f"{done}/{total}\n".encode())
    except OSError:
        return


def result(**fields: Any) -> None:
    """Record the step's result, a JSON object of these fields; a second call replaces the first.

    Trouble in writing it is told on stderr and otherwise ignored: the work it speaks of is done all the same.

    >>> result(collected=512, market="쿠팡")

    Raises:
        TypeError, ValueError: if a field cannot be written as JSON.
    """
    text = json.dumps(fields, ensure_ascii=False, allow_nan=False)
    path = os.environ.get("BATCHCTL_RESULT")
    if not path:
        return
    try:
        _replace(path, f"{text}\n".encode())
    except OSError as error:
        complain(f"the result could not be recorded: {error}")


def save(path: str, content: str | bytes) -> None:
    """Put a file in its place at once: whoever looks, after a power cut too, finds the old content or the new.

    It is the owner's alone (0600), and so is its directory where that has to be made (0700). Text becomes UTF-8.

    >>> save("reports/2026-12-01.json", "{}")

    Raises:
        OSError: if it cannot be written; the old file is then as it was.
    """
    directory = os.path.dirname(path)
    if directory:
        os.makedirs(directory, mode=0o700, exist_ok=True)
    _replace(path, content.encode() if isinstance(content, str) else content, synced=True)


def log(line: str) -> None:
    """Write one line to the step's output, at once and in UTF-8 whatever the locale.

    >>> log("오너클랜: 120 products")
    오너클랜: 120 products
    """
    _write(sys.stdout, line)


def complain(line: str) -> None:
    """Write one line to the step's error output, at once and in UTF-8 whatever the locale.

    >>> complain("zentrade does not answer")
    """
    _write(sys.stderr, line)


def arguments() -> list[str]:
    """Return the command line without the program's name, read as UTF-8 whatever the locale.

    batchctl passes UTF-8. Cron sets no locale that would say so, and under a wrong one `sys.argv` holds something else.

    >>> arguments()
    ['--account', '계정1']

    Raises:
        ValueError: if an argument is not UTF-8.
    """
    return [os.fsencode(argument).decode("utf-8") for argument in sys.argv[1:]]


def _write(stream: TextIO, line: str) -> None:
    # The bytes go past the stream's own encoding, and past its buffer too: a line that waits in a buffer is lost when
    # the step is killed, and it is the line that would have said where.
    stream.flush()
    stream.buffer.write(line.encode("utf-8", "backslashreplace") + b"\n")
    stream.buffer.flush()


def _replace(path: str, content: bytes, *, synced: bool = False) -> None:
    # A reader sees the old content or the new and never half of either, even if this process is killed in between.
    if path.startswith("/dev/fd/"):
        # What a step that runs as another user is given: it may write the file, and not into its directory.
        with open(path, "wb") as file:
            file.write(content)
        return
    part = f"{path}.{os.getpid()}.part"
    try:
        with open(part, "wb", opener=_private) as file:
            file.write(content)
            if synced:
                file.flush()
                os.fsync(file.fileno())
        os.replace(part, path)
    except OSError:
        if os.path.exists(part):
            os.unlink(part)
        raise


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
