"""What a shell proposes for arguments and options: names from the configuration, ids from the history.

Each press of the key starts a batchctl, so what can be answered from the words alone is answered here, before Typer is
imported (a third of the time); the names of commands and options Typer knows itself.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from batchctl.answers.site import Site

    Proposals = list[tuple[str, str]]
    Propose = Callable[[Site, Sequence[str]], Proposals]

VARIABLE = "_BATCHCTL_COMPLETE"
"""Set by the functions that `--install-completion` gives a shell: `complete_bash`, `complete_zsh`, `complete_fish`."""

_KINDS = ("collection", "processing", "maintenance", "report", "analysis")
_GROUPS = {"jobs", "crontab", "alerts"}


def _answer(name: str, *, of_job: bool = False) -> Propose:
    def propose(site: Site, words: Sequence[str]) -> Proposals:
        from batchctl.answers import completion

        found: Proposals = getattr(completion, name)(site, *([_job(site, words)] if of_job else []))
        return found

    return propose


def _job(site: Site, words: Sequence[str]) -> str | None:
    known = {*site.config.jobs}
    return next((word for word in words if word in known), None)


_jobs, _known_jobs, _presets = _answer("jobs"), _answer("known_jobs"), _answer("presets")
_steps, _groups, _runs = (_answer(name, of_job=True) for name in ("steps", "groups", "runs"))

ARGUMENTS: dict[str, Propose] = {
    **dict.fromkeys(("run", "pause", "resume", "simulate", "advise", "check", "config", "doctor"), _jobs),
    **dict.fromkeys(("status", "explain", "report", "logs", "stop", "prune", "events", "alerts list"), _known_jobs),
    **dict.fromkeys(("alerts test", "alerts ack"), _jobs),
    **dict.fromkeys([f"jobs {verb}" for verb in ("show", "remove", "enable", "disable", "set", "edit")], _jobs),
    "jobs presets": _presets,
}
"""What may stand for the first argument of a command."""

OPTIONS: dict[tuple[str, str], Propose] = {
    ("logs", "--step"): _steps,
    ("logs", "--run"): _runs,
    ("run", "--from"): _steps,
    ("run", "--only"): lambda site, words: [*_steps(site, words), *_groups(site, words)],
    ("simulate", "--parallel"): _groups,
    ("simulate", "--from-history"): _known_jobs,
    ("jobs add", "--preset"): _presets,
    ("jobs add", "--kind"): lambda _site, _words: [(kind, "") for kind in _KINDS],
    ("jobs list", "--kind"): lambda _site, _words: [(kind, "") for kind in _KINDS],
}
"""What may stand for the value of an option."""


def complete() -> int | None:
    """Print what may stand for the word under the cursor, as its shell wants it; None where Typer is to answer."""
    words, word = _typed()
    site, words = _site(words[1:])
    command = " ".join(words[: 2 if words[:1] and words[0] in _GROUPS else 1])
    rest = words[command.count(" ") + 1 :]
    propose: Propose | None = None
    if rest and rest[-1].startswith("-"):
        propose = OPTIONS.get((command, rest[-1]))
    elif not word.startswith("-") and not any(each.startswith("-") for each in rest):
        propose = ARGUMENTS.get(command)
    if propose is None:
        return None
    try:
        found = [each for each in propose(site, rest) if each[0].startswith(word)]
    except Exception:  # noqa: BLE001 - nobody can read a message in the middle of the line that is being typed
        found = []
    return _print(found)


def _typed() -> tuple[list[str], str]:
    """Return the words before the cursor, and the one that it stands in."""
    text = os.environ.get("COMP_WORDS")
    if text is not None:
        words = text.split("\n") if "\n" in text else text.split(" ")
        place = int(os.environ.get("COMP_CWORD") or 0)
        return words[:place], "".join(words[place : place + 1])
    words = os.environ.get("_TYPER_COMPLETE_ARGS", "").split(" ")
    return [word for word in words[:-1] if word], words[-1]


def _site(words: list[str]) -> tuple[Site, list[str]]:
    """Take the global options out of the words, wherever they stand."""
    from batchctl.answers.site import Site

    given: dict[str, str] = {}
    rest = []
    waiting = iter(words)
    for word in waiting:
        if word in {"--config", "--state"}:
            given[word] = next(waiting, "")
        else:
            rest.append(word)
    return Site(given.get("--config"), given.get("--state")), rest


def _print(found: Proposals) -> int:
    shell = os.environ.get(VARIABLE, "")
    if os.environ.get("_TYPER_COMPLETE_FISH_ACTION") == "is-args":
        return 0 if found else 1  # 1: fish may propose files
    if shell == "complete_zsh":
        lines = [_zsh(found)]
    elif shell == "complete_fish":
        lines = ["\t".join((value, " ".join(text.split()))) for value, text in found]
    else:
        lines = [value for value, _ in found]
    print("\n".join(lines))  # noqa: T201 - for the shell alone
    return 0


def _zsh(found: Proposals) -> str:
    """Return what zsh is to evaluate; it keeps the order in which runs come, the newest first."""
    if not found:
        return "_files"
    texts = (f"{value}:{' '.join(text.split())}" if text else value for value, text in found)
    quoted = " ".join("'" + text.replace("'", "'\\''") + "'" for text in texts)
    return f"local -a found; found=({quoted}); _describe -V value found"
