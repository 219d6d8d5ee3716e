"""Dated tables in the operator's database, through SQLAlchemy.

A template is an ordinary table; each day gets a copy of its columns under PREFIX_YYYYMMDD, each month a summary under
PREFIX_monthly_YYYYMM. What was made is written into the table `batchctl_tables`, in the same transaction, and only what
stands there is ever dropped: a table that somebody else named alike is none of ours.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

REGISTRY = "batchctl_tables"


class TablesError(Exception):
    """The database is not as the job needs it; `str()` says what and what to do."""


@dataclass(frozen=True)
class Series:
    """The tables of one template."""

    template: str
    prefix: str

    def daily(self, day: date) -> str:
        """Return the name of a day's table."""
        return f"{self.prefix}_{day:%Y%m%d}"

    def monthly(self, month: date) -> str:
        """Return the name of a month's summary."""
        return f"{self.prefix}_monthly_{month:%Y%m}"


class Database:
    """The operator's database with the registry of what was made in it."""

    def __init__(self, url: str) -> None:
        """Connect and make the registry where it is missing.

        Raises:
            sqlalchemy.exc.SQLAlchemyError: if the database cannot be reached.
        """
        self.engine = sa.create_engine(url)
        self._registry = sa.Table(
            REGISTRY,
            sa.MetaData(),
            sa.Column("name", sa.String(200), primary_key=True),
            sa.Column("template", sa.String(200), nullable=False),
            sa.Column("period", sa.String(8), nullable=False),
            sa.Column("made_at", sa.DateTime(), nullable=False),
        )
        self._registry.create(self.engine, checkfirst=True)

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def make_sample_template(self, name: str) -> None:
        """Make a small template where there is none, for the SQLite database that the preset starts with."""
        metadata = sa.MetaData()
        sa.Table(
            name,
            metadata,
            sa.Column("id", sa.Integer(), primary_key=True),
            sa.Column("code", sa.String(64), nullable=False),
            sa.Column("amount", sa.Integer()),
            sa.Column("price", sa.Float()),
            sa.Column("at", sa.DateTime()),
        )
        metadata.create_all(self.engine, checkfirst=True)

    def make_days(self, series: Series, first: date, days: int, now: datetime) -> list[str]:
        """Make the tables of `days` days from `first` on, those that are missing, and return their names.

        Raises:
            TablesError: if there is no such template.
        """
        made = []
        for number in range(days):
            day = first + timedelta(days=number)
            name = series.daily(day)
            with self.engine.begin() as connection:
                if self._exists(connection, name):
                    continue
                self._copy(connection, series.template, name)
                self._register(connection, name, series, f"{day:%Y%m%d}", now)
            made.append(name)
        return made

    def fill(self, series: Series, day: date, rows: list[dict[str, Any]], now: datetime) -> int:
        """Put a day's rows into its table in place of what is there, making the table where it is missing.

        Returns how many there are.

        Raises:
            TablesError: if there is no such template.
        """
        name = series.daily(day)
        self.make_days(series, day, 1, now)
        with self.engine.begin() as connection:
            table = sa.Table(name, sa.MetaData(), autoload_with=connection)
            connection.execute(table.delete())
            connection.execute(table.insert(), rows)
        return len(rows)

    def summarise(self, series: Series, month: date, now: datetime) -> tuple[str, int]:
        """Make, or make anew, a month's summary: per day and numeric column count, sum, smallest, average, largest.

        Returns the summary's name and its number of rows.
        """
        name = series.monthly(month)
        with self.engine.begin() as connection:
            found = self._of(connection, series)
            days = sorted(row for row in found if len(found[row]) == 8 and found[row].startswith(f"{month:%Y%m}"))  # noqa: PLR2004
            rows = [row for day in days for row in self._day_rows(connection, day, found[day])]
            if self._exists(connection, name):
                if name not in found:
                    message = f"table {name} exists and was not made by this job; rename it or choose another prefix"
                    raise TablesError(message)
                sa.Table(name, sa.MetaData()).drop(connection)
            summary = _summary_table(name)
            summary.create(connection)
            if rows:
                connection.execute(summary.insert(), rows)
            self._register(connection, name, series, f"{month:%Y%m}", now)
        return name, len(rows)

    def drop_older(self, series: Series, before: date, *, dry_run: bool) -> list[str]:
        """Drop this job's own daily tables of days before a date, and return their names; `dry_run` only names them."""
        dropped = []
        with self.engine.begin() as connection:
            for name, period in sorted(self._of(connection, series).items()):
                if len(period) != 8 or name != f"{series.prefix}_{period}" or period >= f"{before:%Y%m%d}":  # noqa: PLR2004
                    continue
                dropped.append(name)
                if dry_run:
                    continue
                sa.Table(name, sa.MetaData()).drop(connection, checkfirst=True)
                connection.execute(self._registry.delete().where(self._registry.c.name == name))
        return dropped

    def _copy(self, connection: sa.Connection, template: str, name: str) -> None:
        try:
            source = sa.Table(template, sa.MetaData(), autoload_with=connection)
        except sa.exc.NoSuchTableError as error:
            message = f"there is no template table {template!r}; create it, or set the parameter template"
            raise TablesError(message) from error
        copy = source.to_metadata(sa.MetaData(), name=name)
        # Names of keys and indexes are the database's own namespace in PostgreSQL: the copy gets fresh ones.
        for constraint in copy.constraints:
            constraint.name = None
        for index in copy.indexes:
            fields = "_".join(column.name for column in index.columns)
            index.name = sa.sql.quoted_name(f"{name}_{fields}"[:63], quote=None)
        copy.create(connection)

    def _register(self, connection: sa.Connection, name: str, series: Series, period: str, now: datetime) -> None:
        table = self._registry
        connection.execute(table.delete().where(table.c.name == name))
        row = {"name": name, "template": series.template, "period": period, "made_at": now.replace(tzinfo=None)}
        connection.execute(table.insert().values(**row))

    def _of(self, connection: sa.Connection, series: Series) -> dict[str, str]:
        table = self._registry
        query = sa.select(table.c.name, table.c.period).where(table.c.template == series.template)
        return {name: period for name, period in connection.execute(query) if self._exists(connection, name)}

    def _exists(self, connection: sa.Connection, name: str) -> bool:
        return sa.inspect(connection).has_table(name)

    def _day_rows(self, connection: sa.Connection, name: str, period: str) -> list[dict[str, Any]]:
        table = sa.Table(name, sa.MetaData(), autoload_with=connection)
        rows = []
        for column in table.columns:
            if column.primary_key or not isinstance(column.type, sa.Integer | sa.Numeric | sa.Float):
                continue
            query = sa.select(
                sa.func.count(column),
                sa.func.sum(column),
                sa.func.min(column),
                sa.func.avg(column),
                sa.func.max(column),
            )
            count, *values = connection.execute(query).one()
            total, least, average, most = (None if value is None else float(value) for value in values)
            rows.append(
                {
                    "day": period,
                    "field": column.name,
                    "rows": count,
                    "total": total,
                    "least": least,
                    "average": average,
                    "most": most,
                }
            )
        return rows


def _summary_table(name: str) -> sa.Table:
    return sa.Table(
        name,
        sa.MetaData(),
        sa.Column("day", sa.String(8), primary_key=True),
        sa.Column("field", sa.String(64), primary_key=True),
        sa.Column("rows", sa.Integer(), nullable=False),
        sa.Column("total", sa.Float()),
        sa.Column("least", sa.Float()),
        sa.Column("average", sa.Float()),
        sa.Column("most", sa.Float()),
    )
