"""What a catalogue program says where the extra that it needs is not installed."""

from importlib import import_module

from batchctl import step


def need(*modules: str) -> None:
    """Exit with 1 and the remedy on stderr where one of these third-party modules is missing."""
    for name in modules:
        try:
            import_module(name)
        except ImportError:
            step.complain(
                f"this job needs {name}: pip install 'batchctl[catalogue]' into the Python that runs batchctl"
            )
            raise SystemExit(1) from None
