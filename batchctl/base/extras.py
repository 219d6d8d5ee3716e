"""The extras of the package: which of them brings a module that the core does not need."""

from __future__ import annotations

import sys
from importlib.util import find_spec

from batchctl.base.said import Said, said

EXTRAS = {
    "catalogue": ("PIL", "defusedxml", "httpx", "sqlalchemy", "stamina"),
    "notify": ("apprise",),
    "web": ("starlette", "uvicorn"),
}
"""What each extra is needed for at first; pyproject.toml says which packages these are of."""


def lacking(extra: str) -> list[str]:
    """Return the modules of an extra that batchctl's own interpreter does not have."""
    return [name for name in EXTRAS[extra] if not is_installed(name)]


def is_installed(module: str) -> bool:
    """Say whether batchctl's own interpreter has a module; it is not loaded."""
    return find_spec(module) is not None


def remedy(extra: str) -> Said:
    """Return what to do where an extra is missing."""
    return said("pip install 'batchctl[%s]' into %s", extra, sys.prefix)
