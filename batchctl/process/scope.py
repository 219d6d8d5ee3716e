"""A scope of systemd's for a step with limits, where batchctl itself may not make a control group that limits.

`systemd-run --scope` becomes the program after it has asked for the scope, so pid, environment and descriptors stay.
"""

from __future__ import annotations

import os

from batchctl.base.record import replace
from batchctl.process.ask import ask
from batchctl.process.cgroup import NAME, controllers
from batchctl.process.spawn import find_program

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection

    from batchctl.core.attempt import Command
    from batchctl.core.limits import Limits

_RUNNING = "/run/systemd/system"
"""What there is where systemd runs (sd_booted(3))."""
_PROGRAM = "/usr/bin/systemd-run"
_BUS = "/run/user/{uid}/bus"


def is_better(limits: Limits, held: Collection[str]) -> bool:
    """Say whether a scope of the user's own systemd could limit what is not in force otherwise; root needs none."""
    return len(held) < len(controllers(limits)) and can_be_had()


def can_be_had() -> bool:
    """Say whether this user has a systemd of their own, running, and the program to ask it with."""
    if os.geteuid() == 0 or not os.path.isdir(_RUNNING):
        return False
    return os.path.exists(_BUS.format(uid=os.geteuid())) and os.access(_PROGRAM, os.X_OK)


def is_in_unit() -> bool:
    """Say whether systemd has started this program as a unit, whose end would end what it has started too."""
    return "INVOCATION_ID" in os.environ and os.path.isdir(_RUNNING)


def apart(words: list[str]) -> list[str]:
    """Return the command line in a scope of its own, where this is a unit of systemd's and a scope can be had."""
    return [*_scope_of_unit(), *words] if is_in_unit() else words


def outlives() -> bool:
    """Say whether what is started apart outlives the end of the unit that this is, be it by a scope or by KillMode."""
    if not is_in_unit() or _scope_of_unit():
        return True
    with open("/proc/self/cgroup", encoding="utf-8", errors="replace") as file:
        unit = os.path.basename(file.read().strip().rpartition(":")[2])
    where = ["--user"] if f"/user@{os.geteuid()}.service/" in unit else []
    _, said = ask(("/usr/bin/systemctl", *where, "show", "--property=KillMode", "--value", unit), os.environ, None)
    return said.strip() in {"process", "none"}


def _scope_of_unit() -> list[str]:
    if not os.access(_PROGRAM, os.X_OK) or not (os.geteuid() == 0 or can_be_had()):
        return []
    return [_PROGRAM, *([] if os.geteuid() == 0 else ["--user"]), "--scope", "--quiet", "--collect", "--"]


def wrapped(command: Command, name: str, limits: Limits) -> Command:
    """Return the command within a scope that limits it; the rest of its limits stays to be seen to."""
    program = find_program(command.argv[0], command.env.get("PATH", os.defpath), command.cwd)
    if not os.access(os.path.join(command.cwd or "", program), os.X_OK):
        return command  # whose failure to start says more than systemd-run's
    shares = (
        ("MemoryMax", limits.memory_max),
        ("CPUQuota", None if limits.cpu_max is None else f"{limits.cpu_max * 100:g}%"),
        ("TasksMax", limits.tasks_max),
    )
    properties = [f"--property={key}={value}" for key, value in shares if value is not None]
    scope = (_PROGRAM, "--user", "--scope", "--quiet", "--collect", f"--unit={NAME}{name}", *properties, "--")
    runtime = os.path.dirname(_BUS.format(uid=os.geteuid()))
    return replace(
        command,
        argv=(*scope, program, *command.argv[1:]),
        env={"XDG_RUNTIME_DIR": runtime, **command.env},
        limits=replace(limits, memory_max=None),
    )
