"""A fire in a process of its own, for programs: what `run --json` says of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from unicodedata import normalize

from batchctl.answers.apart import ask
from batchctl.base.errors import BatchctlError, UsageError
from batchctl.core.parameters import LONGEST_WORD
from batchctl.process.scope import outlives

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batchctl.answers.site import Site


__all__ = ["as_json", "fire", "outlives", "told"]


def fire(  # noqa: PLR0913 - the options of the command
    site: Site,
    job: str,
    more: Sequence[str] = (),
    *,
    params: Mapping[str, Any] | None,
    force: bool,
    resume: bool,
    only: Sequence[str],
    from_: str | None,
    outlive: bool = False,
) -> dict[str, Any]:
    """Fire a job; with `outlive` in a scope of systemd's own where one can be had, so that no service's end ends it.

    Raises:
        UsageError: if a parameter cannot be handed on, or the command refuses it.
        ConfigError, StateError: as for any fire; nothing was started.
        BatchctlError: if the fire told nothing.
    """
    words = [*more, *(["--force"] if force else []), *(["--resume"] if resume else [])]
    words += [f"--only={name}" for name in only] + ([] if from_ is None else [f"--from={from_}"])
    words += [f"--param={normalize('NFC', key)}={as_json(key, value)}" for key, value in (params or {}).items()]
    return told(site, job, [*words, "--", job], outlive=outlive)


def told(site: Site, job: str, words: Sequence[str], *, outlive: bool = False) -> dict[str, Any]:
    """Return what `run --json` says, given these words; see `fire`."""
    said = ask(site, ["run", "--json", *words], outlive=outlive)
    try:
        found: dict[str, Any] = json.loads(said.out)
    except ValueError as error:
        message = f"the fire of {job} ended with exit code {said.exit_code} and told nothing: {said.err.strip()}"
        raise BatchctlError(message, remedy=f"see `batchctl status {job}`") from error
    return found


def as_json(key: str, value: Any) -> str:
    """Return the value of a parameter as the command takes it; UsageError where it cannot be handed on."""
    try:
        text = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError) as error:
        message = f"the parameter {key} cannot be handed on: {error}"
        raise UsageError(message, remedy="give text, numbers, true, false, None, lists or dictionaries") from error
    if len(text.encode(errors="surrogatepass")) > LONGEST_WORD - len(f"--param={key}=".encode()):
        message = f"the parameter {key} is longer than the {LONGEST_WORD:,} bytes that a program can be given"
        raise UsageError(message, remedy="write it to a file, and give the file's path")
    return text
