"""Answers are plain functions that read files and wait for processes: they run in threads, few of them."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import TYPE_CHECKING, ParamSpec, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

# Each thread costs memory of its own, and a question is mostly Python, which runs in one of them at a time.
_QUESTIONS = ThreadPoolExecutor(3, "ask")
_ACTIONS = ThreadPoolExecutor(16, "act")
"""A stop waits for the grace of what it ends: questions must not queue behind it."""


async def ask(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Return what the function answers; the loop goes on meanwhile."""
    return await _in(_QUESTIONS, function, *args, **kwargs)


async def act(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Do the same with what changes something, and may take its time."""
    return await _in(_ACTIONS, function, *args, **kwargs)


async def _in(pool: ThreadPoolExecutor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    context = copy_context()
    return await asyncio.get_running_loop().run_in_executor(pool, lambda: context.run(function, *args, **kwargs))
