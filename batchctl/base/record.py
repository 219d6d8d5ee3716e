"""Frozen values without `dataclasses`.

Every fire that cron starts imports the domain, and most of them only to skip: importing `dataclasses` would cost such a
fire more than Python's own start (22 ms against 16 here, because it pulls `inspect`). To type checkers a `Record` is a
frozen keyword-only dataclass; at run time it is this page.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, ClassVar, TypeVar, dataclass_transform

    R = TypeVar("R", bound="Record")
else:

    def dataclass_transform(**_options: object) -> object:
        """Stand in for `typing.dataclass_transform`, which only type checkers need."""
        return lambda cls: cls


@dataclass_transform(kw_only_default=True, frozen_default=True)
class Record:
    """Base of frozen values: annotate the fields, give defaults, build with keywords; compares and prints by value."""

    if TYPE_CHECKING:
        _fields: ClassVar[tuple[str, ...]]
        _names: ClassVar[frozenset[str]]
        _defaults: ClassVar[dict[str, Any]]
    else:
        _fields = ()
        _names = frozenset()
        _defaults = {}

    def __init_subclass__(cls) -> None:
        """Collect the fields of the class and of its bases, in the order written."""
        own = tuple(cls.__dict__.get("__annotations__", {}))  # noqa: RUF063 - the function for it lives in inspect
        cls._fields = cls._fields + tuple(name for name in own if name not in cls._fields)
        cls._names = frozenset(cls._fields)
        cls._defaults = cls._defaults | {name: cls.__dict__[name] for name in own if name in cls.__dict__}

    def __init__(self, **values: Any) -> None:
        """Take every field by keyword; a missing or unknown one is a TypeError, as with a dataclass."""
        fields = self.__dict__
        fields.update(self._defaults)
        fields.update(values)
        if fields.keys() != self._names:
            wrong = self._names ^ fields.keys()
            message = f"{type(self).__name__}: missing or unknown field {', '.join(sorted(wrong))}"
            raise TypeError(message)

    def __setattr__(self, name: str, value: object) -> None:
        """Refuse: a record does not change."""
        message = f"{type(self).__name__} is frozen"
        raise AttributeError(message)

    def __eq__(self, other: object) -> bool:
        """Compare by type and value."""
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def __hash__(self) -> int:
        """Hash by value; records that hold dictionaries cannot be hashed."""
        return hash(tuple(self.__dict__[name] for name in self._fields))

    def __repr__(self) -> str:
        """Print as it would be written."""
        inside = ", ".join(f"{name}={self.__dict__[name]!r}" for name in self._fields)
        return f"{type(self).__name__}({inside})"


def replace(record: R, **changes: Any) -> R:
    """Return a copy of the record with these fields changed."""
    return type(record)(**(record.__dict__ | changes))
