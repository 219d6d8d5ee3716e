"""What a run's output and results say at its end, beyond its exit codes."""

from __future__ import annotations

import os

from batchctl.base.record import Record
from batchctl.base.state_dir import StateDir
from batchctl.core import model
from batchctl.core.judge.expect import unmet
from batchctl.core.text.masking import mask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batchctl.core.model import Job
    from batchctl.core.run import Run

LIMIT = 64 * 1024 * 1024
"""Bytes of one log that are looked at: its first half and its last half where it is longer."""
_BLOCK = 1024 * 1024
_QUOTED = 200
"""Characters of the line that is quoted: it may be 10 MB long."""
_AROUND = 4096
"""Bytes that are read on either side of a place to find its line."""


class Warning(Record):  # noqa: A001 - the word that the operator reads
    """Something that a run has to say although its steps may have succeeded."""

    seq: int
    """The step that it is about, 0 for the run as a whole."""
    kind: str
    """`expect` or `output`."""
    text: str


def judge(run: Run, job: Job, state_dir: str, secrets: Sequence[str] = ()) -> list[Warning]:
    """Return the expectations that a run does not meet and the texts that were found in its output.

    A log that cannot be read has nothing to say: a run must not end otherwise for it.
    """
    found: list[Warning] = []
    if job.expect.conditions:
        results = {step.step.id: step.result for step in run.steps}
        complaints = unmet(job.expect, results, complete=run.status == model.SUCCEEDED)
        found += [Warning(seq=0, kind="expect", text=mask(text, secrets)) for text in complaints]
    if job.alerting.alert_on_output:
        for step in run.steps:
            last = step.last
            if last is None:
                continue
            path = StateDir(state_dir).at(last.log)
            for pattern, count, line in matches(job.alerting.alert_on_output, path, secrets=secrets):
                times = "once" if count == 1 else f"{count} times"
                found.append(
                    Warning(seq=step.seq, kind="output", text=f"step {step.step.id} wrote {pattern!r} {times}: {line}")
                )
    return found


def matches(
    patterns: Sequence[str], path: str, limit: int = LIMIT, *, secrets: Sequence[str] = ()
) -> list[tuple[str, int, str]]:
    """Return each plain text that a file contains, how often, and of the first line with it what can be quoted.

    At most `limit` bytes are read, the first and the last half of them; a file that cannot be read contains nothing.
    """
    wanted = {pattern: pattern.encode() for pattern in patterns if pattern}
    if not wanted:
        return []
    counts, first = dict.fromkeys(wanted, 0), dict[str, int]()
    keep = max(map(len, wanted.values())) - 1
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return []
    try:
        for begin, end in _parts(os.fstat(file).st_size, limit):
            carry = b""
            for start, block in _blocks(file, begin, end):
                text = carry + block
                for pattern, raw in wanted.items():
                    if raw in text:
                        # What lies wholly in the carry was counted with the block before.
                        counts[pattern] += text.count(raw) - carry.count(raw)
                        first.setdefault(pattern, start - len(carry) + text.find(raw))
                carry = text[len(text) - keep :] if keep else b""
        return [
            (pattern, counts[pattern], _quote(file, first[pattern], secrets)) for pattern in wanted if pattern in first
        ]
    except OSError:
        return []
    finally:
        os.close(file)


def since(texts: Sequence[str], path: str, begin: int, secrets: Sequence[str] = ()) -> tuple[dict[str, str], int]:
    """Return for each plain text that a file has from `begin` on the first line with it, and up to where was looked.

    Not more than `LIMIT` bytes at once; what begins before `begin` and goes on after it is found too.
    """
    wanted = {text: text.encode() for text in texts if text}
    keep = max(map(len, wanted.values()), default=1) - 1
    found: dict[str, str] = {}
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return {}, begin
    try:
        end, carry = min(os.fstat(file).st_size, begin + LIMIT), b""
        for start, block in _blocks(file, max(0, begin - keep), end):
            whole = carry + block
            for text, raw in wanted.items():
                if text not in found and raw in whole:
                    found[text] = _quote(file, start - len(carry) + whole.find(raw), secrets)
            carry = whole[len(whole) - keep :] if keep else b""
    finally:
        os.close(file)
    return found, max(begin, end)


def _parts(size: int, limit: int) -> list[tuple[int, int]]:
    return [(0, size)] if size <= limit else [(0, limit // 2), (size - limit // 2, size)]


def _blocks(file: int, begin: int, end: int) -> Iterator[tuple[int, bytes]]:
    while begin < end:
        block = os.pread(file, min(_BLOCK, end - begin), begin)
        if not block:
            return
        yield begin, block
        begin += len(block)


def _quote(file: int, place: int, secrets: Sequence[str]) -> str:
    """Return the line around a place, masked first and then cut, so that no cut goes through a secret."""
    before = os.pread(file, min(place, _AROUND), max(0, place - _AROUND)).rpartition(b"\n")[2]
    after = os.pread(file, _AROUND, place).partition(b"\n")[0]
    head, tail = (mask(part.decode(errors="replace"), secrets) for part in (before, after))
    if secrets and mask((before + after).decode(errors="replace"), secrets) != head + tail:
        head = ""  # a secret that lies across the place: what is before it stays unsaid
        tail = mask((before + after).decode(errors="replace"), secrets)
    begin = "…" if len(head) > _QUOTED // 4 else ""
    text = f"{begin}{head[-(_QUOTED // 4) :]}{tail}".strip()
    return text if len(text) <= _QUOTED else text[:_QUOTED] + "…"
