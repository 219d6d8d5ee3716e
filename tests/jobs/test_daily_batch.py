"""The preset daily-batch: its six programs as batchctl runs them, on real files and a real catalogue."""

import csv
import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import tomllib
import unicodedata
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from batchctl import step
from batchctl.jobs import daily_batch
from batchctl.jobs.daily_batch import market_day

ROOT = Path(step.__file__).parents[1]
FOLDER = Path(daily_batch.__file__).parent
STEPS: dict[str, dict[str, Any]] = {
    entry["id"]: entry for entry in tomllib.loads((FOLDER / "job.toml").read_text(encoding="utf-8"))["steps"]
}
# What cron gives a program, and nothing more; PYTHONPATH stands in for an installed package.
DAY = "2026-11-24"
CRON = {
    "PATH": "/usr/bin:/bin",
    "LANG": "C",
    "HOME": "/nonexistent",
    "PYTHONPATH": str(ROOT),
    "BATCHCTL_SAMPLE_DATE": DAY,
}
HANGUL = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)}


class Desk:
    """Runs the preset's steps below one state directory, the way batchctl would."""

    def __init__(self, state: Path) -> None:
        """Keep the state directory; what the steps keep is in `data` below it."""
        self.state, self.data = state, state / "daily-batch"

    def argv(self, step_id: str, **params: Any) -> list[str]:
        """Return a step's command line, its placeholders filled as batchctl fills them."""
        values = {"python": sys.executable, "state": self.state, "account": "계정1"} | STEPS[step_id]["params"] | params
        return [argument.format_map(values) for argument in STEPS[step_id]["argv"]]

    def env(self, step_id: str, run: int) -> dict[str, str]:
        """Return cron's environment with what batchctl adds for a step."""
        return CRON | {
            "BATCHCTL_RUN_ID": str(run),
            "BATCHCTL_STEP": step_id,
            "BATCHCTL_RESULT": str(self.state / f"{step_id}.result"),
            "BATCHCTL_PROGRESS": str(self.state / f"{step_id}.progress"),
        }

    def run(self, step_id: str, run: int = 1, more: tuple[str, ...] = (), **params: Any) -> dict[str, Any]:
        """Run one step to its end and return its result."""
        done = command([*self.argv(step_id, **params), *more], env=self.env(step_id, run))
        assert (done.returncode, done.stderr) == (0, "")
        result: dict[str, Any] = json.loads((self.state / f"{step_id}.result").read_text(encoding="utf-8"))
        return result

    def upload(self, step_id: str = "62", run: int = 1, **params: Any) -> dict[str, Any]:
        """Run an upload as fast as it may go."""
        return self.run(step_id, run, **({"rate": 1000} | params))

    def start_upload(self, step_id: str = "62", **params: Any) -> subprocess.Popen[bytes]:
        """Start an upload and return once its first request is in the outbox."""
        before = len(self.outbox())
        argv = self.argv(step_id, **params)
        process = subprocess.Popen(argv, env=self.env(step_id, 1), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
        wait_for(lambda: len(self.outbox()) > before)
        return process

    def found(self, columns: str = "step, keyword, product, name, price") -> list[Any]:
        """Return what the searches found, in order."""
        with closing(sqlite3.connect(self.data / "found.db")) as database:
            return database.execute(f"SELECT {columns} FROM found ORDER BY run, step, position").fetchall()  # noqa: S608

    def outbox_path(self, slug: str = "coupang") -> Path:
        """Return the path of a market's outbox."""
        return self.data / "outbox" / f"{slug}.jsonl"

    def outbox(self, slug: str = "coupang") -> list[str]:
        """Return the outbox's lines, a torn last one included."""
        path = self.outbox_path(slug)
        return path.read_text(encoding="utf-8", errors="replace").splitlines() if path.exists() else []

    def uploaded(self, slug: str = "coupang") -> Counter[str]:
        """Return how often each account's product is in the outbox, every line of which must be whole."""
        return Counter(f"{entry['account']}/{entry['product']}" for entry in map(json.loads, self.outbox(slug)))


def command(argv: list[str], env: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run a command to its end with nothing on its stdin and no terminal."""
    return subprocess.run(
        argv, env=env, stdin=subprocess.DEVNULL, capture_output=True, encoding="utf-8", check=False, timeout=60
    )


def wait_for(condition: Callable[[], bool]) -> None:
    """Return as soon as the condition holds; fail where it does not within 30 seconds."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def catalogue() -> dict[str, dict[str, str]]:
    """Return the bundled catalogue's rows of the day by product id."""
    with (FOLDER / "products.csv").open(encoding="utf-8", newline="") as file:
        rows = [(r["id"], r["name"], int(r["price"]), int(r["stock"]), r["supplier"], r["category"])
                for r in csv.DictReader(file)]  # fmt: skip
    columns = ("id", "name", "price", "stock", "supplier", "category")
    moved = market_day.on(date.fromisoformat(DAY), rows)
    return {row[0]: dict(zip(columns, map(str, row), strict=True)) for row in moved}


def small_catalogue(path: Path, *names: str) -> Path:
    """Write a catalogue of these names; the n-th costs n thousand won and is in stock n times."""
    rows = [f"P{n},{name},{n}000,{n},공급사,분류" for n, name in enumerate(names, 1)]
    path.write_text("\n".join(["id,name,price,stock,supplier,category", *rows, ""]), encoding="utf-8")
    return path


def keyword_file(path: Path, *lines: str) -> Path:
    """Write a keyword file of these lines under a comment."""
    path.write_text("\n".join(["# 설명", *lines, ""]), encoding="utf-8")
    return path


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """Return a desk where nothing has run yet."""
    return Desk(tmp_path)


@pytest.fixture(scope="module")
def state_after_search(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the state directory that step 31 leaves; not to be written to."""
    desk = Desk(tmp_path_factory.mktemp("searched"))
    desk.run("31")
    return desk.state


@pytest.fixture
def searched(state_after_search: Path, tmp_path: Path) -> Desk:
    """Return a desk where step 31 has found its 300 products in run 1."""
    shutil.copytree(state_after_search, tmp_path, dirs_exist_ok=True)
    return Desk(tmp_path)


# --- the preset as a whole


def test_whole_chain(desk: Desk) -> None:
    """The six steps in order, with cron's environment: each reports its result and its full progress."""
    results = {step_id: desk.upload(step_id) if step_id > "60" else desk.run(step_id) for step_id in STEPS}
    assert results["31"] == {"keywords": 20, "found": 300, "new": 300}
    assert [results[step_id]["found"] for step_id in ("32", "33")] == [100, 100]
    distinct = len(set(desk.found("product")))
    assert sum(results[step_id]["new"] for step_id in ("31", "32", "33")) == distinct
    for step_id, market, slug in (
        ("61", "스마트스토어", "smartstore"),
        ("62", "쿠팡", "coupang"),
        ("63", "11번가", "11st"),
    ):
        assert results[step_id] == {"market": market, "candidates": distinct, "uploaded": distinct, "skipped": 0}
        assert len(desk.outbox(slug)) == distinct
    for step_id in STEPS:
        done, total = (desk.state / f"{step_id}.progress").read_text().strip().split("/")
        assert done == total != "0"


def test_job_file_is_the_batch_everything_is_measured_against() -> None:
    """The definition has the steps, groups, budgets and markets that operators know."""
    job = tomllib.loads((FOLDER / "job.toml").read_text(encoding="utf-8"))
    assert (job["schedule"], job["timeout"], job["stale_after"], job["min_gap"]) == ("0 1 * * *", "30h", "36h", "6h")
    assert [(entry["id"], entry["group"]) for entry in job["steps"]] == [
        *((step_id, "keyword-search") for step_id in ("31", "32", "33")),
        *((step_id, "market-upload") for step_id in ("61", "62", "63")),
    ]
    assert [STEPS[step_id]["params"]["limit"] for step_id in ("31", "32", "33")] == [300, 100, 100]


def test_programs_use_nothing_of_the_package_but_the_helper(desk: Desk) -> None:
    """Running a program imports batchctl.step, its own package and what the programs share, and nothing more."""
    program = (
        "import sys; from batchctl.jobs.daily_batch import search, upload;"
        "print(*sorted(m for m in sys.modules if m.split('.')[0] == 'batchctl'))"
    )
    done = command([sys.executable, "-c", program], env=CRON)
    own = ["", ".market_day", ".search", ".upload"]
    assert done.stdout.split() == [
        *("batchctl", "batchctl.jobs", "batchctl.jobs.common"),
        *(f"batchctl.jobs.daily_batch{name}" for name in own),
        "batchctl.step",
    ]


# --- search


@pytest.mark.parametrize("step_id", ["31", "32", "33"])
def test_found_products_really_match(desk: Desk, step_id: str) -> None:
    """Every found product is in stock and has each word of its keyword in its name; none is found twice."""
    desk.run(step_id)
    products = catalogue()
    found = desk.found()
    assert len(found) == len({row[2] for row in found}) == STEPS[step_id]["params"]["limit"]
    for _, keyword, product, name, price in found:
        assert all(word in name for word in keyword.split())
        assert (products[product]["name"], products[product]["price"]) == (name, str(price))
        assert products[product]["stock"] != "0"
    assert len({row[1] for row in found}) >= 18  # all keywords get their turn, but for one whose matches others took


@pytest.mark.parametrize(
    ("step_id", "key"),
    [("32", lambda row: int(row["price"])), ("33", lambda row: -int(row["stock"]))],
    ids=["32 lowest price", "33 highest stock"],
)
def test_steps_prefer_different_products(
    desk: Desk, tmp_path: Path, step_id: str, key: Callable[[dict[str, str]], int]
) -> None:
    """Step 32 takes the cheapest matches and step 33 those with the most in stock."""
    keywords = keyword_file(tmp_path / "k.txt", "이불", "이불 # 다시", "텐트", "컵")
    desk.run(step_id, more=("--keywords", str(keywords), "--part", "1/3"), limit=5)
    rows = [row for row in catalogue().values() if "이불" in row["name"] and row["stock"] != "0"]
    best = sorted(rows, key=lambda row: (key(row), row["id"]))[:5]
    assert [row[2] for row in desk.found()] == [row["id"] for row in best]


NAMES = (
    "무선이어폰 A",
    "무선 이어폰 B",
    "머그컵",
    "컵받침",
    "원목 도마",
    "USB-C 케이블 500ml",
    "강아지 매트",
    "Usb 허브",
)


@pytest.mark.parametrize(
    ("keyword", "names"),
    [
        ("이어폰", NAMES[0:2]),  # the end of a compound
        ("무선 이어폰", NAMES[0:2]),  # two words, however the name spaces them
        ("무선이어폰", NAMES[0:1]),  # one word stays one word
        ("컵", NAMES[2:4]),  # one syllable, last or first
        ("도마", NAMES[4:5]),  # two syllables
        ("500ml", NAMES[5:6]),  # digits
        ("usb", (NAMES[5], NAMES[7])),  # either case
        ('"USB" - C*', NAMES[5:6]),  # what the query language would take for an operator is no letter
        ("지매", ()),  # never from one word into the next
        (unicodedata.normalize("NFD", "도마"), NAMES[4:5]),  # typed on a Mac
    ],
)
def test_what_a_keyword_matches(desk: Desk, tmp_path: Path, keyword: str, names: tuple[str, ...]) -> None:
    """A keyword matches the names in which each of its words occurs."""
    products = small_catalogue(tmp_path / "p.csv", *NAMES)
    keywords = keyword_file(tmp_path / "k.txt", keyword)
    result = desk.run("32", more=("--keywords", str(keywords), "--products", str(products), "--part", "1/1"), limit=9)
    assert result == {"keywords": 1, "found": len(names), "new": len(names)}
    assert [row[0] for row in desk.found("name")] == list(names)


def test_search_again_replaces_what_it_found(desk: Desk) -> None:
    """A retry of a step leaves one set of rows and reports the same; the next run finds nothing new."""
    first = desk.run("31"), desk.found()
    assert (desk.run("31"), desk.found()) == first
    assert desk.run("31", run=1, limit=7)["found"] == len(desk.found()) == 7
    assert desk.run("31", run=2, limit=7) == {"keywords": 20, "found": 7, "new": 0}
    assert desk.run("31", run=2, limit=7, account="계정2") == {"keywords": 20, "found": 7, "new": 7}
    assert len(desk.found()) == 21


def test_search_that_fails_while_keeping_changes_nothing(searched: Desk) -> None:
    """What was found is replaced as a whole: where that breaks off half-way, the rows are those of before."""
    before = searched.found()
    with closing(sqlite3.connect(searched.data / "found.db")) as database:
        database.execute(
            "CREATE TRIGGER full BEFORE INSERT ON found WHEN NEW.position = 5 BEGIN SELECT RAISE(ABORT, 'no room'); END"
        )
    done = command(searched.argv("31"), env=searched.env("31", 1))
    assert (done.returncode, "found.db: no room" in one_line(done.stderr)) == (1, True)
    assert searched.found() == before


def test_index_is_made_once_and_again_when_the_data_changes(desk: Desk, tmp_path: Path) -> None:
    """The index is built by the first search, used by the next, and rebuilt for other content of the same file."""
    products = small_catalogue(tmp_path / "p.csv", "원목 도마")
    keywords = keyword_file(tmp_path / "k.txt", "도마", "냄비")
    more = ("--keywords", str(keywords), "--products", str(products), "--part", "1/1")
    indexed = []
    for names in (("원목 도마",), ("원목 도마",), ("양은 냄비",)):
        small_catalogue(products, *names)
        done = command([*desk.argv("31"), *more], env=desk.env("31", 1))
        indexed.append("indexed" in done.stdout)
        assert desk.found("name") == [names]
    assert indexed == [True, False, True]


def test_searches_side_by_side(desk: Desk) -> None:
    """The three searches started at once on an empty directory build one index and each find theirs."""
    started = [
        subprocess.Popen(desk.argv(step_id), env=desk.env(step_id, 1), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
        for step_id in ("31", "32", "33")
    ]
    outputs = [process.communicate(timeout=60)[0] for process in started]
    assert [process.returncode for process in started] == [0, 0, 0]
    assert sum(b"indexed" in output for output in outputs) == 1
    assert Counter(row[0] for row in desk.found()) == {"31": 300, "32": 100, "33": 100}


# --- upload


def test_upload_leaves_out_what_was_uploaded_before(searched: Desk) -> None:
    """A product goes to a market once for an account, whatever the run; other markets and accounts are their own."""
    assert searched.upload()["uploaded"] == 300
    again = {"market": "쿠팡", "candidates": 300, "uploaded": 0, "skipped": 300}
    assert searched.upload() == again
    assert searched.upload(run=2) == again
    searched.run("31", run=2, account="계정2")
    assert searched.upload(run=2, account="계정2")["uploaded"] == 300
    assert searched.upload("61")["uploaded"] == 300
    assert set(searched.uploaded().values()) == {1}
    assert len(searched.outbox()) == 600
    assert sorted(path.name for path in searched.outbox_path().parent.iterdir()) == [
        "coupang.jsonl",
        "smartstore.jsonl",
    ]


def test_upload_takes_what_each_search_found_last(desk: Desk) -> None:
    """A resumed run uploads what was found before the interruption too; a newer search of a step replaces its older."""
    desk.run("31", run=1, limit=40)
    desk.run("32", run=1, limit=30)
    desk.run("32", run=2, limit=20)
    assert desk.upload(run=2)["candidates"] == 60
    desk.run("31", run=3, limit=5)
    assert desk.upload(run=3) == {"market": "쿠팡", "candidates": 25, "uploaded": 0, "skipped": 25}


def test_killed_upload_goes_on_where_it_was(searched: Desk) -> None:
    """Killed with -9 again and again, and then run to the end, it has uploaded each product exactly once."""
    for _ in range(4):
        process = searched.start_upload(rate=100, batch=3)
        process.kill()
        assert process.wait(timeout=30) == -signal.SIGKILL
    before = len(searched.outbox())
    assert 12 <= before < 300
    result = searched.upload()
    assert result["uploaded"] + result["skipped"] == len(searched.outbox()) == len(searched.uploaded()) == 300
    assert result["skipped"] in {before, before - 1}  # the last line may have been torn


@pytest.mark.parametrize("torn", [1, 2, 90, 500, 3000])
def test_torn_append_is_mended(searched: Desk, torn: int) -> None:
    """An append cut short at any byte, in the middle of a Hangul syllable even, loses no product and doubles none."""
    searched.upload(batch=300)
    os.truncate(searched.outbox_path(), searched.outbox_path().stat().st_size - torn)
    whole = searched.outbox_path().read_bytes().count(b"\n")
    result = searched.upload()
    assert (result["skipped"], result["uploaded"]) == (whole, 300 - whole)
    assert len(searched.uploaded()) == len(searched.outbox()) == 300


@pytest.mark.parametrize("damage", ["\n", "[]\n", '{"account": "계정1"}\n', '{"account": "계정1", "product": []}\n'])
def test_damaged_outbox_uploads_nothing(searched: Desk, damage: str) -> None:
    """Where a whole line cannot be read, what was uploaded is unknown: the step fails and writes nothing."""
    searched.upload()
    path = searched.outbox_path()
    path.write_bytes(path.read_bytes() + damage.encode())
    before = path.read_bytes()
    done = command(searched.argv("62"), env=searched.env("62", 1))
    assert (done.returncode, done.stdout) == (1, "")
    assert "line 301: damaged" in done.stderr
    assert path.read_bytes() == before


def test_one_upload_to_a_market_at_a_time(searched: Desk) -> None:
    """A second upload to the same market fails at once with one line; other markets are free, as is this one later."""
    process = searched.start_upload(rate=1, batch=1)
    try:
        done = command(searched.argv("62"), env=searched.env("62", 1))
        assert done.returncode == 1
        assert "another upload to this market is under way" in one_line(done.stderr)
        assert searched.upload("61")["uploaded"] == 300
    finally:
        process.terminate()
        assert process.wait(timeout=30) == -signal.SIGTERM
    assert searched.upload()["skipped"] < 300


def test_rate_is_kept(searched: Desk) -> None:
    """Requests are no closer together than the rate allows, and not much farther apart."""
    searched.upload(rate=20, batch=30)
    times = sorted({datetime.fromisoformat(json.loads(line)["at"]).timestamp() for line in searched.outbox()})
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert len(gaps) == 9
    assert min(gaps) > 0.05 - 0.005  # times are kept in milliseconds, of the wall clock
    assert sum(gaps) < 9 * 0.05 + 2


def test_nothing_found_is_nothing_to_upload(desk: Desk, tmp_path: Path) -> None:
    """A search that matches nothing ends well, and so does the upload after it."""
    keywords = keyword_file(tmp_path / "k.txt", "없는상품")
    assert desk.run("31", more=("--keywords", str(keywords), "--part", "1/1"))["found"] == 0
    assert desk.upload() == {"market": "쿠팡", "candidates": 0, "uploaded": 0, "skipped": 0}


# --- surroundings and bad input


def one_line(text: str) -> str:
    """Return a text that must be one line."""
    assert text.count("\n") == 1
    assert text.endswith("\n")
    return text


@pytest.mark.parametrize(
    "locale",
    [
        {"LANG": "C"},
        {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
        {"PYTHONIOENCODING": "ascii"},
        {},
    ],
)
def test_hangul_whatever_the_locale(desk: Desk, locale: dict[str, str]) -> None:
    """Arguments and output are UTF-8 whatever the locale says, and a program runs without batchctl's variables too."""
    done = command(desk.argv("31", limit=3), env=HANGUL | locale)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("계정1: keywords 텀블러 to 수납함 (20, part 1/3)")
    assert desk.found("DISTINCT account, run, step") == [("계정1", 0, "1/3")]
    done = command(desk.argv("62", rate=1000), env=HANGUL | locale)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[0].startswith("쿠팡, 계정1: 3 candidates")
    assert {path.name for path in desk.state.iterdir()} == {"daily-batch"}
    kept = [path for path in desk.state.rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in kept} == {0o600}


@pytest.mark.parametrize(
    ("step_id", "params", "said"),
    [
        ("31", {"limit": 0}, "argument --limit: '0' is not a whole number from 1 up"),
        ("31", {"limit": "많이"}, "argument --limit: '많이' is not"),
        ("31", {"account": " "}, "argument --account: ' ' is empty"),
        ("31", {"account": "가\n나"}, "holds control characters"),
        ("62", {"market": "옥션"}, "'옥션' is not a known market (스마트스토어, 쿠팡, 11번가)"),
        ("62", {"rate": 0}, "argument --rate: '0' is not"),
        ("62", {"rate": "nan"}, "argument --rate: 'nan' is not"),
        ("62", {"rate": "inf"}, "argument --rate: 'inf' is not"),
        ("62", {"batch": -1}, "argument --batch: '-1' is not"),
    ],
)
def test_bad_arguments(desk: Desk, step_id: str, params: dict[str, Any], said: str) -> None:
    """A bad argument ends the program with 2 and one line that names it, and nothing is written."""
    done = command(desk.argv(step_id, **params), env=desk.env(step_id, 1))
    assert (done.returncode, done.stdout) == (2, "")
    assert said in one_line(done.stderr)
    assert not desk.data.exists()


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--part", "4/3"), "no part such as 1/3"),
        (("--order", "name"), "invalid choice"),
        (("--acc", "x"), "unrecognized arguments"),
    ],
)
def test_more_bad_arguments(desk: Desk, more: tuple[str, ...], said: str) -> None:
    """Options outside the preset's placeholders are checked as well."""
    done = command([*desk.argv("31"), *more], env=desk.env("31", 1))
    assert done.returncode == 2
    assert said in one_line(done.stderr)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "names no column id, name, price, stock, supplier, category"),
        ("id,name,price,stock\n", "names no column supplier, category"),
        ("id,name,price,stock,supplier,category\nP1,도마,싸다,1,가,나\n", "line 2: needs an id"),
        ("id,name,price,stock,supplier,category\nP1,도마\n", "line 2: needs an id"),
        ("id,name,price,stock,supplier,category\nP1,도마,1,1,가,나\nP1,컵,1,1,가,나\n", "line 3: needs an id"),
        ("\x00\x00", "p.csv"),
    ],
)
def test_bad_catalogue(searched: Desk, tmp_path: Path, content: str, said: str) -> None:
    """A catalogue that cannot be used fails the step with one line naming file and line, and the old index stays."""
    products = tmp_path / "p.csv"
    products.write_text(content, encoding="utf-8")
    done = command([*searched.argv("31"), "--products", str(products)], env=searched.env("31", 2))
    assert done.returncode == 1
    assert said in one_line(done.stderr)
    done = command(searched.argv("31"), env=searched.env("31", 3))
    assert done.returncode == 0
    assert "indexed" not in done.stdout


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"# only\n", "part 1/3 of 0 keywords is empty"),
        ("도마\n---\n".encode(), "line 2: '---' holds no letter"),
        ("도마\n".encode("euc-kr"), "is not UTF-8 text"),
    ],
)
def test_bad_keywords(desk: Desk, tmp_path: Path, content: bytes, said: str) -> None:
    """A keyword file that cannot be used fails the step with one line."""
    (tmp_path / "k.txt").write_bytes(content)
    done = command([*desk.argv("31"), "--keywords", str(tmp_path / "k.txt")], env=desk.env("31", 1))
    assert done.returncode == 1
    assert said in one_line(done.stderr)


def test_unusable_data(desk: Desk) -> None:
    """An upload without a search, a file in place of the directory, a file that is no database: one line, exit 1."""
    done = command(desk.argv("62"), env=desk.env("62", 1))
    assert (done.returncode, "run the search steps first" in one_line(done.stderr)) == (1, True)
    desk.data.write_text("")
    done = command(desk.argv("31"), env=desk.env("31", 1))
    assert (done.returncode, "daily-batch" in one_line(done.stderr)) == (1, True)
    desk.data.unlink()
    desk.data.mkdir()
    (desk.data / "found.db").write_text("text " * 1000)
    for step_id in ("31", "62"):
        done = command(desk.argv(step_id), env=desk.env(step_id, 1))
        assert (done.returncode, "found.db: file is not a database" in one_line(done.stderr)) == (1, True)
    (desk.data / "found.db").unlink()
    desk.run("31", limit=1)
    done = command(desk.argv("62", account="계정9"), env=desk.env("62", 1))
    assert (done.returncode, "no search was made for account 계정9" in one_line(done.stderr)) == (1, True)
