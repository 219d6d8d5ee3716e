"""batchctl makes system cron safe for long batches: it skips, it never waits.

    from batchctl import Batchctl, Skipped, cron, daily, every, guard, job

Each of these is loaded when it is asked for: importing the package costs a start of a job nothing.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from batchctl.api.client import Batchctl as Batchctl
    from batchctl.api.decorated import job as job
    from batchctl.api.guarded import Guarded as Guarded
    from batchctl.api.guarded import Skipped as Skipped
    from batchctl.api.guarded import TimedOut as TimedOut
    from batchctl.api.guarded import guard as guard
    from batchctl.api.schedules import Schedule as Schedule
    from batchctl.api.schedules import after as after
    from batchctl.api.schedules import at as at
    from batchctl.api.schedules import cron as cron
    from batchctl.api.schedules import daily as daily
    from batchctl.api.schedules import every as every
    from batchctl.api.schedules import hourly as hourly
    from batchctl.api.schedules import monthly as monthly
    from batchctl.api.schedules import weekly as weekly
    from batchctl.base.errors import BatchctlError as BatchctlError
    from batchctl.base.errors import ConfigError as ConfigError
    from batchctl.base.errors import StateError as StateError
    from batchctl.base.errors import UsageError as UsageError
    from batchctl.base.version import VERSION as __version__  # noqa: F401, N811 - the name that packages have

_PLACES = {
    "Batchctl": "batchctl.api.client",
    "job": "batchctl.api.decorated",
    **dict.fromkeys(("Guarded", "Skipped", "TimedOut", "guard"), "batchctl.api.guarded"),
    **dict.fromkeys(
        ("Schedule", "after", "at", "cron", "daily", "every", "hourly", "monthly", "weekly"), "batchctl.api.schedules"
    ),
    **dict.fromkeys(("BatchctlError", "ConfigError", "StateError", "UsageError"), "batchctl.base.errors"),
}
__all__ = [
    "Batchctl",
    "BatchctlError",
    "ConfigError",
    "Guarded",
    "Schedule",
    "Skipped",
    "StateError",
    "TimedOut",
    "UsageError",
    "after",
    "at",
    "cron",
    "daily",
    "every",
    "guard",
    "hourly",
    "job",
    "monthly",
    "weekly",
]


def __getattr__(name: str) -> object:
    """Load what is asked for."""
    if name == "__version__":
        from batchctl.base.version import VERSION

        return VERSION
    if name not in _PLACES:
        message = f"module 'batchctl' has no attribute {name!r}"
        raise AttributeError(message)
    from importlib import import_module

    value = getattr(import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """List what there is to ask for."""
    return sorted([*globals(), *_PLACES])
