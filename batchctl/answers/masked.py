"""What must not show of a log: the secrets of its job, and bytes of the log without them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from batchctl.process.environment import read_env_files, secret_values

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.answers.site import Site


def secrets_of(site: Site, name: str) -> tuple[str, ...]:
    """Return what must not show; that of a job that has left the configuration nobody knows any more."""
    job = site.find(name)
    return () if job is None or not job.secrets else secret_values(job, read_env_files(job))


def in_bytes(secrets: Sequence[str]) -> tuple[bytes, ...]:
    """Return secrets as a program writes them."""
    return tuple(secret.encode(errors="surrogateescape") for secret in secrets if secret)


def overlap_of(secrets: Sequence[bytes]) -> int:
    """Return by how many bytes a secret can reach beyond a part of a log."""
    return max(map(len, secrets), default=1) - 1


def read(descriptor: int, start: int, end: int, secrets: Sequence[bytes]) -> bytes:
    """Return the bytes from `start` to before `end`, a secret as so many asterisks, also where it crosses an edge."""
    overlap = overlap_of(secrets)
    first = max(0, start - overlap)
    content = os.pread(descriptor, end + overlap - first, first)
    shown = bytearray(content)
    for secret in secrets:
        at = content.find(secret)
        while at >= 0:  # in what was written: one secret may overlap another
            shown[at : at + len(secret)] = b"*" * len(secret)
            at = content.find(secret, at + 1)
    return bytes(shown[start - first : end - first])
