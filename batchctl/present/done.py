"""What was changed, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from batchctl.present.text import counted, human, say, told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from batchctl.answers.crontab import Written
    from batchctl.answers.jobs_edit import Changed
    from batchctl.answers.pause import Paused, Resumed
    from batchctl.crontab.managed import Change
    from batchctl.watch.catchup import Made, Missed

_NAMED = 3
"""Jobs that a line names before it counts the others."""


def paused(done: Paused) -> str:
    """Say what is paused, and until when."""
    name = done.job or say("Everything")
    if done.until is None:
        return say("%s is paused until `batchctl resume`.", name)
    return say("%s is paused until %s.", name, human(done.until, done.zone))


def resumed(done: Resumed) -> str:
    """Say what is no longer paused."""
    if done.job is None and not done.was_paused:
        return say("Nothing was paused.")
    return say("%s is resumed." if done.was_paused else "%s was not paused.", done.job or say("Everything"))


def missed(found: Missed) -> str:
    """Say which fire is made up for."""
    fire = human(found.fire, found.job.rules.zone)
    fires = counted(found.count, "fire", "fires")
    return say("%s: %s missed, making up for that of %s", found.job.name, fires, fire)


def made_up(made: Made) -> str:
    """Say how making up for a fire went."""
    name = made.missed.job.name
    if made.skipped:
        return say("%s: skipped; see `batchctl explain %s`", name, name)
    if made.exit_code == 0:
        return say("%s: succeeded", name)
    return say("%s: ended with exit code %d", name, made.exit_code)


def crontab_notes(change: Change) -> Iterator[str]:
    """Return what is to be known of a job's lines, for stderr."""
    return (f"batchctl: {entry.job}: {told(entry.note)}" for entry in change.entries if entry.note)


def no_lines() -> str:
    """Say why there is nothing to show, for stderr."""
    return "batchctl: " + say("no enabled job has a schedule, so cron needs no line")


def installed(change: Change, written: Written) -> str:
    """Say what was installed into the crontab."""
    if not change.entries:
        what = say("the block was removed" if written.changed else "nothing was written")
        remedy = say("`batchctl jobs add NAME --daily 01:00 --run COMMAND` makes one")
        return say("No enabled job has a schedule, so %s; %s.", what, remedy) + _kept(written)
    if not written.changed:
        return say("The crontab is up to date; nothing was written.")
    lines = sum(len(entry.lines) for entry in change.entries)
    done = say("Installed %d line(s) for %d job(s)", lines, len(change.entries))
    return f"{done}{_care(change.care)}.{_kept(written)}"


_CARE_TEXTS = {
    "check": "`check` every 10 minutes",
    "prune": "`prune` every night",
    "catch-up": "`catch-up` after a boot",
}


def _care(lines: Sequence[str]) -> str:
    named = [say(text) for name, text in _CARE_TEXTS.items() if any(f" {name}" in line for line in lines)]
    return say(", and for their care %s (--no-care leaves that out)", ", ".join(named)) if named else ""


def removed(written: Written) -> str:
    """Say what was taken out of the crontab."""
    if not written.changed:
        return say("The crontab has no block of this configuration; nothing was written.")
    return say("Removed the block.") + _kept(written)


def _kept(written: Written) -> str:
    return say(" The old crontab is kept in %s", written.backup) if written.backup else ""


def crontab_to_do(changed: Changed) -> str:
    """Say what an install into the crontab would have to do; "" where nothing."""
    import shlex

    parts = [say(f"{what} %s", _some(names)) for what, names in changed.crontab.items() if names]
    option = "" if changed.config_option is None else f"--config {shlex.quote(changed.config_option)} "
    command = f"`batchctl {option}crontab install`"
    return say("%s still has to %s", command, ", ".join(parts)) if parts else ""


def _some(names: list[str]) -> str:
    more = len(names) - _NAMED
    return ", ".join(names) if more <= 0 else f"{say('%s and %d more', ', '.join(names[:_NAMED]), more)}"
