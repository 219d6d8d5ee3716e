"""Fires on request, each in a fork of this warm process: pickled (job, state, options) in, exit code and text out."""

from __future__ import annotations

import os
import pickle
import sys
import traceback

from batchctl.base.errors import BatchctlError
from batchctl.engine import fire, start, stop, supervise  # noqa: F401 - warm
from batchctl.present.run import as_json
from batchctl.present.text import json_text


def main() -> None:
    """Serve until stdin ends."""
    while True:
        try:
            job, state, options = pickle.load(sys.stdin.buffer)  # noqa: S301 - from the test itself
        except EOFError:
            return
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(read)
            _fire(job, state, options, write)
        os.close(write)
        with open(read, "rb") as pipe:
            text = pipe.read()
        _, status = os.waitpid(pid, 0)
        pickle.dump((os.waitstatus_to_exitcode(status), text.decode()), sys.stdout.buffer)
        sys.stdout.buffer.flush()


def _fire(job: object, state: str, options: dict[str, object], write: int) -> None:
    code, text = 99, ""
    try:
        outcome = fire.fire(job, fire.Request(state_dir=state, **options))  # type: ignore[arg-type]
        code, text = outcome.exit_code, json_text(as_json(outcome))
    except BatchctlError as error:
        code, text = error.exit_code, f"{error} → {error.remedy}"
    except BaseException:  # noqa: BLE001 - whatever it is, the test must see it
        text = traceback.format_exc()
    finally:
        os.write(write, text.encode())
        os._exit(code)


if __name__ == "__main__":
    main()
