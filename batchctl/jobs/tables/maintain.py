"""Makes, sums up and drops dated tables: `python -m batchctl.jobs.tables.maintain daily|fill|monthly|cleanup …`."""

import argparse
import os
import re
from datetime import date, datetime, timedelta
from typing import Any

from batchctl import step
from batchctl.jobs.common import CANNOT, moment, need, private

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}")


def main(arguments: list[str]) -> int:
    """Carry out one task on the operator's database."""
    options = _options(arguments)
    need("sqlalchemy")
    from sqlalchemy.exc import NoSuchModuleError, SQLAlchemyError

    from batchctl.jobs.tables.dated import TablesError

    try:
        step.result(**_work(options))
    except (ImportError, NoSuchModuleError) as error:
        step.complain(f"tables {options.task}: no driver for {options.url_env}: {error}; install it beside batchctl")
        return CANNOT
    except (SQLAlchemyError, TablesError, OSError) as error:
        # SQLAlchemy's text may quote the statement over many lines; the first one says it.
        step.complain(f"tables {options.task}: failed: {str(error).splitlines()[0]}")
        return 1
    return 0


def _work(options: argparse.Namespace) -> dict[str, Any]:
    from batchctl.jobs.tables.dated import Database, Series

    series, now = Series(options.template, options.prefix), moment()
    database = Database(_url(options))
    try:
        if _is_default(options):
            database.make_sample_template(options.template)
        if options.task == "daily":
            made = database.make_days(series, now.date(), options.days, now)
            step.log(f"tables: made {len(made)}: {', '.join(made) or 'none, all were there'}")
            return {"made": len(made), "tables": made}
        if options.task == "fill":
            return _fill(database, series, now, default=_is_default(options))
        if options.task == "monthly":
            month = (now.date().replace(day=1) - timedelta(days=1)).replace(day=1)
            name, rows = database.summarise(series, month, now)
            step.log(f"tables: {name} has {rows} rows")
            return {"table": name, "rows": rows}
        before = date.fromordinal(now.date().toordinal() - options.keep_days)
        dropped = database.drop_older(series, before, dry_run=options.dry_run)
        verb = "would drop" if options.dry_run else "dropped"
        step.log(f"tables: {verb} {len(dropped)} older than {before}: {', '.join(dropped) or 'none'}")
        return {"dropped": 0 if options.dry_run else len(dropped), "tables": dropped, "dry_run": options.dry_run}
    finally:
        database.close()


def _fill(database: Any, series: Any, now: datetime, *, default: bool) -> dict[str, Any]:
    """Put the sample's sales of the day before into that day's table; into a database of the operator's nothing."""
    if not default:
        step.log("tables: the tables of a database of yours are filled by your own programs; nothing to do")
        return {"filled": 0}
    from batchctl.jobs.sample.data import sales

    day = now.date() - timedelta(days=1)
    at = datetime(day.year, day.month, day.day, 12)  # noqa: DTZ001 - the column is a time of that day
    rows = [{"code": code, "amount": units, "price": price, "at": at} for code, units, price in sales(day)]
    count = database.fill(series, day, rows, now)
    step.log(f"tables: {series.daily(day)} has {count} sales of the sample")
    return {"filled": count, "table": series.daily(day)}


def _is_default(options: argparse.Namespace) -> bool:
    return not os.environ.get(options.url_env)


def _url(options: argparse.Namespace) -> str:
    """Return the URL from the environment, where a password may be; without one the preset's own SQLite file."""
    url = os.environ.get(options.url_env)
    if url:
        return url
    return f"sqlite:///{private(f'{options.data}/tables.db')}"


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        message = f"{text!r} is not a plain table name (letters, digits and _)"
        raise argparse.ArgumentTypeError(message)
    return text


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tables", description="Make, sum up and drop dated tables.")
    parser.add_argument("task", choices=("daily", "fill", "monthly", "cleanup"))
    parser.add_argument("--data", required=True, help="directory of the SQLite file that is used without a URL")
    parser.add_argument("--url-env", default="TABLES_URL", help="variable with the SQLAlchemy URL")
    parser.add_argument("--template", type=_name, default="sales_template", help="table whose columns are copied")
    parser.add_argument("--prefix", type=_name, default="sales", help="what the names of the tables begin with")
    parser.add_argument("--days", type=int, default=7, help="days from today on (daily)")
    parser.add_argument("--keep-days", type=int, default=90, help="days to keep (cleanup)")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be dropped (cleanup)")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main(step.arguments()))
