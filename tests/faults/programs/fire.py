"""One fire of a pickled job from stdin; prints the contract's object."""

from __future__ import annotations

import pickle
import sys

from batchctl.base.errors import BatchctlError
from batchctl.engine import fire
from batchctl.present.run import as_json
from batchctl.present.text import json_text


def main() -> int:
    """Fire and return the exit code."""
    job, state, options = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the test itself
    try:
        outcome = fire.fire(job, fire.Request(state_dir=state, **options))
    except BatchctlError as error:
        sys.stderr.write(f"{error}\n  → {error.remedy}\n")
        return error.exit_code
    print(json_text(as_json(outcome)))  # noqa: T201
    return outcome.exit_code


if __name__ == "__main__":
    sys.exit(main())
