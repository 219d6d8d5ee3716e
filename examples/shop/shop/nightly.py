"""A program that was there before: it guards itself, whoever starts it."""

from __future__ import annotations

import sys

from batchctl import Skipped, guard
from shop import store


def main() -> int:
    """Count the stock, unless that is being done already or was done within the hour; 75 for a skip."""
    try:
        with guard("stocktaking", min_gap="1h", timeout="30m") as run, store.opened() as shop:
            counted = 0
            for done, (supplier, products) in enumerate(
                shop.execute("SELECT supplier, count(*) FROM products GROUP BY supplier").fetchall(), start=1
            ):
                run.log(f"{supplier}: {products} products")
                run.progress(done, done)
                counted += products
            run.result(counted=counted)
    except Skipped as skipped:
        print(f"not now: {skipped.detail}", file=sys.stderr)
        return skipped.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
