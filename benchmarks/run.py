"""`make bench`: every benchmark, one after another; prints ratios measured in this one run, and judges nothing."""

from __future__ import annotations

import platform
import runpy
import sys
from pathlib import Path


def main() -> None:
    """Run each bench_*.py beside this file."""
    here = Path(__file__).parent
    sys.path.insert(0, str(here))
    print(f"Python {platform.python_version()} on {platform.machine()}; figure, then bound")
    for path in sorted(here.glob("bench_*.py")):
        print(f"\n{path.stem.removeprefix('bench_')}")
        runpy.run_path(str(path), run_name="__main__")


if __name__ == "__main__":
    main()
