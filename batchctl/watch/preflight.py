"""What of a job would not work when cron fires it: programs, directories, files, functions, addresses.

Looked at as cron would find them: its PATH, its working directory, the rights of the user who asks. The operator's code
is run only to import functions, in the interpreter and the directory of their step; nothing is changed.
"""

from __future__ import annotations

import os
import re
import shlex
import sys
from typing import TYPE_CHECKING, Literal

from batchctl.base import extras
from batchctl.base.errors import ConfigError
from batchctl.base.record import Record
from batchctl.base.said import Said, said
from batchctl.core.text.placeholders import fill_word, names
from batchctl.core.text.shell_line import simple_commands
from batchctl.engine.command import check_functions
from batchctl.process.environment import read_env_files
from batchctl.process.spawn import find_program

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from batchctl.core.model import Job, Step

Level = Literal["ok", "warning", "error"]

_SHELL = """
. : [ [[ { ( ! alias bg break builtin case cd command continue echo eval exec exit export false fg for function getopts
hash if jobs kill local printf pwd read readonly return set shift sleep source test time times trap true type ulimit
umask unalias unset until wait while
"""
"""What a command of a shell's line may begin with that is no program, or need be none."""
_NEED = re.compile(r"^\s*need\(([^)]*)\)", re.MULTILINE)
_INTERPRETER_LINE = 256
"""Bytes of the first line that the kernel reads (execve(2))."""


class Remark(Record):
    """One thing that was looked at."""

    level: Level
    subject: str
    """What it is about: a key of the job, or a part of the machine."""
    text: str
    remedy: str = ""
    job: str | None = None


class AsCron(Record):
    """What a line of the crontab is started with."""

    path: str
    state: str

    @property
    def home(self) -> str:
        """Where it starts."""
        return os.path.expanduser("~")


def remarks(job: Job, cron: AsCron) -> Iterator[Remark]:
    """Yield what is wrong with a job; nothing where all is well."""
    before = set[Remark]()
    for remark in _all(job, cron):
        if remark not in before:
            before.add(remark)
            yield remark


def _all(job: Job, cron: AsCron) -> Iterator[Remark]:
    files_env: Mapping[str, Mapping[str, str]] = {}
    try:
        files_env = read_env_files(job)
    except ConfigError as error:
        yield _wrong(job, "env_file", str(error).removeprefix("env_file "), error.remedy)
        files_env = {path: {} for path in (job.env_file, *(step.env_file for step in job.steps)) if path}
    for step in job.steps:
        yield from _step(job, step, cron, files_env)
    if not any(_directory(job, step) or _no_python(step, cron) for step in job.steps):
        try:
            check_functions(job, {}, files_env)
        except ConfigError as error:
            yield _wrong(job, "function", str(error).partition(": ")[2], error.remedy)
    yield from _told(job, cron)


def _step(job: Job, step: Step, cron: AsCron, files_env: Mapping[str, Mapping[str, str]]) -> Iterator[Remark]:
    trouble = _directory(job, step)
    if trouble:
        yield _wrong(job, _part(step, "cwd"), trouble, said("make the directory, or correct cwd"))
    for directory in (*step.path, *job.path):
        if not os.path.isdir(directory):
            lacking, remedy = said("there is no directory %s", directory), said("correct path")
            yield Remark(level="warning", job=job.name, subject=_part(step, "path"), text=lacking, remedy=remedy)
    env = {**files_env.get(job.env_file or "", {}), **job.env, **files_env.get(step.env_file or "", {}), **step.env}
    search = ":".join((*step.path, *job.path, env.get("PATH", cron.path)))
    directory = step.cwd or job.cwd or cron.home
    for words in _commands(job, step, cron):
        if text := program_trouble(words[0], search, directory):
            found = said("correct the program; cron looks for it in %s", search) if "/" not in words[0] else ""
            yield _wrong(job, _part(step, said("program")), text, found or _remedy(text, words[0], directory))
        elif words[1:2] == ["-m"]:
            yield from _libraries(job, step, words)
    if step.function is not None and (text := _no_python(step, cron)):
        yield _wrong(job, _part(step, "python"), text, said("name an interpreter that is there, or remove python"))


def _part(step: Step, what: str) -> Said:
    return said("step %s: %s", step.id, what)


def _no_python(step: Step, cron: AsCron) -> str:
    return "" if step.python is None else program_trouble(step.python, cron.path, cron.home)


def _directory(job: Job, step: Step) -> str:
    path = step.cwd or job.cwd
    if path is None:
        return ""
    if not os.path.isdir(path):
        return said("%s is not a directory" if os.path.exists(path) else "there is no directory %s", path)
    return "" if os.access(path, os.X_OK) else said("%s may not be entered", path)


def _commands(job: Job, step: Step, cron: AsCron) -> Iterator[Sequence[str]]:
    """Yield the words of each program that a step begins, where that can be told without a shell."""
    params = {**job.params, **step.params}
    values = {"python": sys.executable, "state": cron.state, "job": job.name, "step": step.id, **params}
    if step.argv is not None:
        known = [word for word in step.argv[:3] if set(names(word)) <= values.keys()]
        if known[:1] == list(step.argv[:1]):
            yield [fill_word(word, values) for word in known]
    for words in simple_commands(step.run or ""):
        if words[0] not in _SHELL.split():
            yield [os.path.expanduser(words[0]), *words[1:]]


def program_trouble(name: str, search: str, directory: str) -> str:
    """Return why a program could not be started from a directory; "" where it could."""
    path = os.path.join(directory, find_program(name, search, directory))
    if "/" not in name and not os.path.isabs(find_program(name, search, directory)):
        return said("there is no program %s on PATH=%s", name, search)
    if not os.path.exists(path):
        return said("there is no program %s", path)
    if not os.path.isfile(path):
        return said("%s is not a file", path)
    if not os.access(path, os.X_OK):
        return said("%s is not executable", path)
    try:
        with open(path, "rb") as file:
            first = file.read(_INTERPRETER_LINE).partition(b"\n")[0]
    except OSError:
        return ""  # it may be started all the same
    if first[:2] == b"#!":
        return _interpreter_trouble(path, first[2:].decode("utf-8", "replace"), search)
    return (
        ""
        if first[:4] == b"\x7fELF" or not _is_text(path)
        else said("%s has no first line #! that names its interpreter", path)
    )


def _interpreter_trouble(path: str, line: str, search: str) -> str:
    if line.endswith("\r"):
        return said("%s has line ends of Windows, so its interpreter is not found", path)
    words = line.split()
    if not words or not os.path.exists(words[0]):
        return said("%s names an interpreter that is not there: %s", path, words[0] if words else said("nothing"))
    if os.path.basename(words[0]) == "env":
        named = next((word for word in words[1:] if not word.startswith("-") and "=" not in word), "")
        if named and not os.path.isabs(find_program(named, search, None)):
            return said("%s is run by %s, which is not on PATH=%s", path, named, search)
    executable = os.access(words[0], os.X_OK)
    return "" if executable else said("%s names an interpreter that is not executable: %s", path, words[0])


def _is_text(path: str) -> bool:
    with open(path, "rb") as file:
        return b"\0" not in file.read(_INTERPRETER_LINE)


def _remedy(text: str, name: str, directory: str) -> str:
    if text.endswith("is not executable"):
        return f"chmod +x {shlex.quote(os.path.join(directory, name))}"
    if "Windows" in text:
        return f"sed -i 's/\\r$//' {shlex.quote(os.path.join(directory, name))}"
    if "first line" in text:
        return said("begin the file with #!/bin/sh, or name the interpreter first in argv")
    return said("correct the path; a relative one begins at the step's cwd, else at your home")


def _libraries(job: Job, step: Step, words: Sequence[str]) -> Iterator[Remark]:
    """Yield what a program of batchctl's own lacks: its source names the third-party modules that it needs."""
    from importlib.util import find_spec

    if len(words) < 3 or words[0] != sys.executable or not words[2].startswith("batchctl.jobs."):  # noqa: PLR2004
        return
    spec = find_spec(words[2])
    if spec is None or spec.origin is None:
        text = said("there is no module %s", words[2])
        yield _wrong(job, _part(step, said("program")), text, said("install batchctl anew"))
        return
    with open(spec.origin, encoding="utf-8") as file:
        wanted = re.findall(r'"(\w+)"', " ".join(_NEED.findall(file.read())))
    missing = [name for name in wanted if not extras.is_installed(name)]
    if missing:
        text = said("%s is not installed", ", ".join(missing))
        yield _wrong(job, _part(step, said("library")), text, extras.remedy("catalogue"))


def _told(job: Job, cron: AsCron) -> Iterator[Remark]:
    if job.alerting.on_alert:
        text = program_trouble(job.alerting.on_alert[0], cron.path, cron.home)
        if text:
            yield _wrong(job, "on_alert", text, said("correct on_alert; nobody will be told"))
    addresses = [url for urls in job.alerting.notify.values() for url in urls]
    if not addresses:
        return
    from batchctl.notify.channels import Channel, is_known

    for url in dict.fromkeys(addresses):
        if not is_known(url):
            text = said("%s is no address that Apprise knows", Channel(url=url).label)
            yield _wrong(job, "notify", text, said("correct notify; `batchctl alerts test JOB` tries it"))
    missing = extras.lacking("notify")
    if missing:
        text = said("%s is not installed, so nobody will be told", ", ".join(missing))
        yield _wrong(job, "notify", text, extras.remedy("notify"))


def _wrong(job: Job, subject: str, text: str, remedy: str) -> Remark:
    return Remark(level="error", job=job.name, subject=subject, text=text, remedy=remedy)
