"""Where the ready-made jobs lie; nothing is imported for it, since the path that cron takes asks too."""

from __future__ import annotations

import os

PRESETS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "jobs")


def file_of(name: str) -> str:
    """Return the file of the ready-made job of this name, whether there is one or not."""
    return os.path.join(PRESETS, name.replace("-", "_"), "job.toml")


def is_ready_made(name: str) -> bool:
    """Say whether there is a ready-made job of this name."""
    return "/" not in name and "_" not in name and os.path.isfile(file_of(name))


def names() -> list[str]:
    """Return the names of the ready-made jobs, sorted."""
    return sorted(name for entry in os.listdir(PRESETS) if is_ready_made(name := entry.replace("_", "-")))
