"""What is counted of the whole history: successes by how long they took, skips by reason; a few rows for each job.

The counts are kept by triggers of the database itself (see migrations): in the transaction that ends, inserts or
removes a run, whoever does that. A prune lowers them with the rows it removes.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    import sqlite3


def successes(connection: sqlite3.Connection) -> dict[str, list[tuple[float, int, float]]]:
    """Return for each job: upper bound of a bucket (inf for the last), runs in it, the sum of their seconds."""
    found: dict[str, list[tuple[float, int, float]]] = {}
    query = "select job, at_most, runs, micros from successes where runs > 0 order by job, at_most"
    for job, at_most, runs, micros in connection.execute(query):
        found.setdefault(job, []).append((at_most, runs, micros / 1_000_000))
    return found


def skips(connection: sqlite3.Connection) -> list[tuple[str, str, int]]:
    """Return how often each job was skipped, by reason."""
    return connection.execute("select job, reason, count from skipped where count > 0").fetchall()


def usage_of_last(connection: sqlite3.Connection, job: str) -> tuple[float | None, int | None]:
    """Return the processor seconds of the job's last run that ended, and the most bytes that a step of it had."""
    query = (
        "select sum(cpu_s), max(max_rss_bytes) from steps where run_id ="
        " (select id from runs where job = ? and status <> 'running' order by id desc limit 1)"
    )
    row = connection.execute(query, (job,)).fetchone()
    return row[0], row[1]
