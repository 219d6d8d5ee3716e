"""Dated tables in SQLite and in a real PostgreSQL."""

from __future__ import annotations

import os
import shutil
import subprocess
from datetime import date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import pytest

pytest.importorskip("sqlalchemy", reason="the extra batchctl[catalogue] is not installed")

import sqlalchemy as sa

from batchctl.jobs.tables.dated import Database, Series, TablesError
from batchctl.jobs.tables.maintain import main

if TYPE_CHECKING:
    from collections.abc import Iterator

NOW = datetime(2026, 11, 30, 2, 0)  # noqa: DTZ001 - dates are what the tables are about
SALES = Series("sales_template", "sales")


def _postgres_programs() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    return found[-1].parent if found else None


@pytest.fixture(scope="module")
def postgres() -> Iterator[str]:
    """Start a PostgreSQL server of our own on a socket in a directory of our own, and end it."""
    programs = _postgres_programs()
    if programs is None:
        pytest.skip("PostgreSQL's server is not installed (Debian package postgresql)")
    pytest.importorskip("psycopg", reason="psycopg is not installed")
    user = "postgres" if os.geteuid() == 0 else ""
    # Not among pytest's own directories, which another session that begins meanwhile makes root's alone again.
    with TemporaryDirectory(prefix="batchctl-pg-") as place:
        yield from _serving(programs, Path(place), user)


def _serving(programs: Path, place: Path, user: str) -> Iterator[str]:
    if user:
        (place / "data").mkdir()
        shutil.chown(place / "data", user)
        shutil.chown(place, user)
    as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"] if user else []
    data = str(place / "data")

    # It outlives the test that asks first, whose home it would have.
    env = os.environ | {"HOME": str(place)}

    def run(program: str, *options: str) -> None:
        # Not captured: the server would keep the pipe open for as long as it lives.
        command = [*as_user, str(programs / program), "-D", data, *options]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=place, env=env)

    run("initdb", "-A", "trust", "-U", "tester", "-E", "UTF8")
    options = f"-k {place} -c listen_addresses='' -c fsync=off"
    run("pg_ctl", "-w", "-o", options, "-l", str(place / "log"), "start")
    try:
        yield f"postgresql+psycopg://tester@/postgres?host={place}"
    finally:
        run("pg_ctl", "-m", "immediate", "stop")


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Database]:
    """Open a database with the template, empty of dated tables."""
    url = f"sqlite:///{tmp_path}/t.db" if request.param == "sqlite" else request.getfixturevalue("postgres")
    one = Database(url)
    metadata = sa.MetaData()
    metadata.reflect(one.engine)
    metadata.drop_all(one.engine)
    one.close()
    one = Database(url)
    one.make_sample_template("sales_template")
    yield one
    one.close()


def names(database: Database) -> list[str]:
    """Return the tables that begin with `sales_`."""
    return sorted(name for name in sa.inspect(database.engine).get_table_names() if name.startswith("sales_2"))


def test_days_are_made_once_from_the_template(database: Database) -> None:
    """Each has the template's columns and key; a second call makes nothing."""
    made = database.make_days(SALES, date(2026, 11, 30), 3, NOW)
    assert made == names(database) == ["sales_20261130", "sales_20261201", "sales_20261202"]
    assert database.make_days(SALES, date(2026, 11, 30), 3, NOW) == []
    inspector = sa.inspect(database.engine)
    template = [(column["name"], column["nullable"]) for column in inspector.get_columns("sales_template")]
    assert [(column["name"], column["nullable"]) for column in inspector.get_columns("sales_20261201")] == template
    assert inspector.get_pk_constraint("sales_20261201")["constrained_columns"] == ["id"]


def test_a_month_is_summed_up(database: Database) -> None:
    """Per day and numeric column; made again, it replaces itself."""
    database.make_days(SALES, date(2026, 11, 1), 2, NOW)
    table = sa.Table("sales_20261101", sa.MetaData(), autoload_with=database.engine)
    with database.engine.begin() as connection:
        connection.execute(table.insert(), [{"id": n, "code": "가", "amount": n, "price": 1.5} for n in (1, 2, 3)])
    for _ in range(2):
        assert database.summarise(SALES, date(2026, 11, 1), NOW) == ("sales_monthly_202611", 4)
    with database.engine.connect() as connection:
        query = (
            "select rows, total, least, average, most from sales_monthly_202611 where day='20261101' and field='amount'"
        )
        assert tuple(connection.execute(sa.text(query)).one()) == (3, 6.0, 1.0, 2.0, 3.0)


def test_only_its_own_tables_are_dropped(database: Database) -> None:
    """A table that somebody named alike stays; a dry run drops nothing; the kept days stay."""
    database.make_days(SALES, date(2026, 8, 30), 4, NOW)
    with database.engine.begin() as connection:
        connection.execute(sa.text("create table sales_20200101 (id integer)"))
        connection.execute(sa.text("create table sales_backup (id integer)"))
    before = names(database)
    assert database.drop_older(SALES, date(2026, 9, 1), dry_run=True) == ["sales_20260830", "sales_20260831"]
    assert names(database) == before
    assert database.drop_older(SALES, date(2026, 9, 1), dry_run=False) == ["sales_20260830", "sales_20260831"]
    assert names(database) == ["sales_20200101", "sales_20260901", "sales_20260902"]
    assert sa.inspect(database.engine).has_table("sales_backup")
    assert database.drop_older(SALES, date(2026, 9, 1), dry_run=False) == []


def test_a_missing_template_is_named(database: Database) -> None:
    """The error says which table is missing, and nothing was made."""
    with pytest.raises(TablesError, match="no_such"):
        database.make_days(Series("no_such", "sales"), date(2026, 11, 30), 1, NOW)
    assert names(database) == []


def test_the_program_speaks_plainly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """An unreachable database is one line on stderr and exit 1; a hostile name is refused before anything is opened."""
    monkeypatch.setenv("TABLES_URL", "sqlite:////no/such/directory/t.db")
    assert main(["daily", "--data", str(tmp_path)]) == 1
    assert capfd.readouterr().err.count("\n") == 1
    with pytest.raises(SystemExit):
        main(["daily", "--data", str(tmp_path), "--prefix", "x; drop table y"])
