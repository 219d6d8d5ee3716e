"""Commands that are guarded without a configuration: what each was last given, as a job file in the state directory.

`run --name NAME -- CMD` writes it, and whatever knows jobs reads it like a file in jobs.d, so every preview decides by
the rules that the fires go by. What the top of the main configuration file says holds for these jobs too.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from batchctl.base.errors import ConfigError, StateError, UsageError
from batchctl.base.paths import here
from batchctl.base.state_dir import DIR_MODE, StateDir, open_private
from batchctl.core.text.placeholders import literally
from batchctl.core.text.words import escaped, is_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from batchctl.core.model import Config, Job


def load(config_path: str | None, state_dir: str, names: Sequence[str]) -> Config:
    """Return the guarded commands of these names in place of the configured jobs.

    Raises:
        ConfigError: as for every job file.
    """
    from batchctl.config.loader import load_all

    return load_all(config_path, files=[StateDir(state_dir).guarded(name) for name in names])[0]


def names(state_dir: str) -> list[str]:
    """Return the names of all guarded commands, sorted."""
    try:
        found = os.listdir(os.path.dirname(StateDir(state_dir).guarded("")))
    except OSError:
        return []
    return sorted(name.removesuffix(".toml") for name in found if name.endswith(".toml"))


def text_of(argv: Sequence[str], rules: Mapping[str, Any]) -> str:
    """Return the job file of a command that runs where batchctl runs now; `rules` are keys of a job.

    Raises:
        UsageError: if no text can hold a word of it.
    """
    table: dict[str, Any] = {"argv": [literally(word) for word in argv]}
    if not is_text(argv):
        table = {"argv": [escaped(word) for word in table["argv"]], "argv_bytes": True}
    if cwd := here():
        table["cwd"] = cwd
    # Strings, arrays of them and whole numbers are written in TOML as in JSON, but for this one character.
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in (table | dict(rules)).items()]
    text = "".join(f"{line}\n" for line in lines).replace("\x7f", "\\u007f")
    if not is_text([text]):
        message = "the name of the current directory is not UTF-8, so it cannot be written down"
        raise UsageError(message, remedy="go to another directory first, and name files in full")
    return text


def job_of(config_path: str | None, state_dir: str, name: str, text: str) -> Job:
    """Return the guarded command that this job file makes; nothing is written.

    Raises:
        UsageError: if the text makes none.
    """
    from batchctl.config.loader import load_all

    file = StateDir(state_dir).guarded(name)
    try:
        return load_all(config_path, {file: text.encode()}, files=[file])[0].jobs[name]
    except ConfigError as error:
        what = str(error).rpartition(f"jobs.{name}.")[2]
        message = f"{name}: {what}"
        raise UsageError(message, remedy=error.remedy) from error


def remember(state_dir: str, name: str, text: str) -> None:
    """Write the job file of a guarded command where it says something else, as a whole or not at all.

    Raises:
        StateError: if it cannot be written.
    """
    path, content = StateDir(state_dir).guarded(name), text.encode()
    draft = f"{path}.{os.getpid()}.part"
    try:
        os.makedirs(os.path.dirname(path), mode=DIR_MODE, exist_ok=True)
        if os.path.exists(path):
            with open(path, "rb") as file:
                if file.read() == content:
                    return
        with open(open_private(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), "wb") as file:
            file.write(content)
        os.replace(draft, path)
    except OSError as error:
        message = f"cannot write {path}: {error.strerror}"
        raise StateError(message, remedy="free disk space (`df -h`), or check mode and owner of that place") from error


def forget(state_dir: str, name: str) -> bool:
    """Take the job file of a guarded command away; False where there is none. Its history stays."""
    try:
        os.unlink(StateDir(state_dir).guarded(name))
    except OSError:
        return False
    return True
