"""Which steps a run executes, and which parameters it takes over from the run that it continues."""

from __future__ import annotations

import pytest
from support import job, step

from batchctl.base.errors import UsageError
from batchctl.core.guard.selection import Earlier, check, chosen, inherited
from batchctl.core.model import Selection
from batchctl.core.text.masking import MASK

RESUME = Selection(resume=True)
CHAIN = [
    *(step(name, group="keyword-search") for name in ("31", "32", "33")),
    *(step(name, group="market-upload") for name in ("61", "62", "63")),
]


def earlier(**statuses: str) -> Earlier:
    """Return a run that is continued, its steps by `s31="failed"`."""
    by_id = {name[1:]: status for name, status in statuses.items()}
    tried = {name: 0 if status in {"blocked", "skipped"} else 2 for name, status in by_id.items()}
    results = {name: {"n": 1} for name, status in by_id.items() if status == "succeeded"}
    return Earlier(run_id=7, status="failed", statuses=by_id, attempts=tried, results=results, params={})


_FAILED = {
    "s31": "succeeded",
    "s32": "succeeded",
    "s33": "failed",
    "s61": "blocked",
    "s62": "blocked",
    "s63": "blocked",
}


@pytest.mark.parametrize(
    ("selection", "before", "runs"),
    [
        (Selection(), None, "31 32 33 61 62 63"),  # everything
        (Selection(start_from="33"), None, "33 61 62 63"),  # from a step
        (Selection(start_from="market-upload"), None, "61 62 63"),  # from a group's first
        (Selection(only=("62",)), None, "62"),  # one step
        (Selection(only=("market-upload",)), None, "61 62 63"),  # one group
        (Selection(only=("62", "31")), None, "31 62"),  # several, in the order written
        (Selection(only=("market-upload", "31")), None, "31 61 62 63"),  # both kinds
        (Selection(only=("keyword-search",), start_from="32"), None, "32 33"),  # the conditions add up
        (RESUME, _FAILED, "33 61 62 63"),  # what did not succeed
        (RESUME, _FAILED | {"s33": "timed_out"}, "33 61 62 63"),
        (RESUME, _FAILED | {"s33": "cancelled"}, "33 61 62 63"),
        (RESUME, _FAILED | {"s33": "lost"}, "33 61 62 63"),
        (RESUME, _FAILED | {"s33": "stale"}, "33 61 62 63"),
        (RESUME, _FAILED | {"s33": "running"}, "33 61 62 63"),  # of a run about to be found lost
        (RESUME, _FAILED | {"s61": "skipped"}, "33 62 63"),  # what was not selected stays so
        (Selection(resume=True, start_from="62"), _FAILED, "62 63"),
        (Selection(resume=True, only=("33",)), _FAILED, "33"),
        (RESUME, {"s31": "succeeded", "s99": "failed"}, "32 33 61 62 63"),  # steps came and went since
    ],
)
def test_which_steps_run(selection: Selection, before: dict[str, str] | None, runs: str) -> None:
    """The selection's conditions and the continued run decide, and the order stays the one written."""
    found = chosen(job(*CHAIN), selection, None if before is None else earlier(**before))
    assert [run.step.id for run in found if run.status == "pending"] == runs.split()
    assert [(run.seq, run.step.id) for run in found] == list(enumerate((one.id for one in CHAIN), 1))


def test_what_is_done_keeps_result_and_count() -> None:
    """A step that is not run again has its result, and one that is has its attempts counted on."""
    before = earlier(**_FAILED, s99="failed")
    found = {run.step.id: run for run in chosen(job(*CHAIN), RESUME, before)}
    assert (found["31"].result, found["31"].why) == ({"n": 1}, "done in run 7")
    assert (found["33"].result, found["33"].attempts_before) == (None, 2)


def test_what_is_new_was_never_tried() -> None:
    """A step that the continued run did not have counts its attempts from none."""
    (_, new) = chosen(job(step("31"), step("99")), RESUME, earlier(s31="failed"))
    assert (new.attempts_before, new.result, new.why) == (0, None, "")


def test_what_is_done_and_not_selected_is_done() -> None:
    """The better reason of the two is named, and the result kept."""
    found = chosen(job(*CHAIN), Selection(resume=True, only=("33",)), earlier(**_FAILED))
    assert [run.why for run in found[:4]] == ["done in run 7", "done in run 7", "", "not selected"]
    assert found[0].result == {"n": 1}


def test_why_a_skipped_step_was_skipped() -> None:
    """Done before the continued run began is another thing than never selected."""
    before = Earlier(
        run_id=7, status="failed", statuses={"1": "skipped", "2": "skipped", "3": "failed"}, attempts={"1": 2},
        results={"1": {"n": 1}}, params={},
    )  # fmt: skip
    found = chosen(job(step("1"), step("2"), step("3")), RESUME, before)
    assert [run.why for run in found] == ["done before run 7", "not selected in run 7", ""]
    assert found[0].result == {"n": 1}


@pytest.mark.parametrize(
    ("selection", "before"),
    [
        (Selection(only=("31",), start_from="61"), None),  # they exclude each other
        (Selection(resume=True, only=("31",)), _FAILED),  # done already
        (RESUME, dict.fromkeys(_FAILED, "succeeded")),  # it failed for another reason than its steps
    ],
)
def test_a_selection_that_leaves_nothing_is_refused(selection: Selection, before: dict[str, str] | None) -> None:
    """A run of no step would end as a success that means nothing: it is a wrong command line."""
    with pytest.raises(UsageError, match="no step of 작업 is left to run"):
        chosen(job(*CHAIN), selection, None if before is None else earlier(**before))


@pytest.mark.parametrize(
    ("selection", "says", "remedy"),
    [
        (Selection(only=("market-uplod",)), "--only 'market-uplod'", "did you mean market-upload?"),
        (Selection(only=("31", "x")), "--only 'x'", "steps and groups: 31, 32, 33, 61, 62, 63, keyword-search"),
        (Selection(start_from="63b"), "--from '63b'", "did you mean 63?"),
    ],
)
def test_an_unknown_step_is_named_with_a_suggestion(selection: Selection, says: str, remedy: str) -> None:
    """The message says which option, the remedy what there is."""
    with pytest.raises(UsageError) as raised:
        check(job(*CHAIN), selection)
    assert says in str(raised.value)
    assert remedy in raised.value.remedy


@pytest.mark.parametrize(
    "selection",
    [
        Selection(),
        Selection(only=("31", "market-upload")),
        Selection(start_from="63"),
        Selection(start_from="market-upload"),
    ],
)
def test_what_the_job_has_may_be_selected(selection: Selection) -> None:
    """Steps by id, groups by name; nothing is continued unless asked."""
    check(job(*CHAIN, step("99")), selection)
    assert selection.resume is False


@pytest.mark.parametrize(
    ("value", "hidden"),
    [
        (MASK, True),
        (f"Bearer {MASK}", True),
        ({"a": 1, "b": MASK}, True),
        ({"a": 1, MASK: 2}, True),  # a name is written down as well
        ([1, {"a": ["x", MASK]}], True),
        ("plain", False),
        ({"a": "plain"}, False),
        (["plain", 5], False),
        (None, False),
    ],
)
def test_a_hidden_parameter_is_found_wherever_it_hides(value: object, hidden: bool) -> None:
    """What the history has only masked, at any depth, cannot be taken over."""
    before = Earlier(run_id=7, status="failed", statuses={}, attempts={}, results={}, params={"a": 1, "key": value})
    if not hidden:
        assert inherited(before, {}) == {"a": 1, "key": value}
        return
    with pytest.raises(UsageError, match="a secret in its parameter key"):
        inherited(before, {})


def test_inherited_parameters() -> None:
    """Those of the earlier run stay unless they are given again; one that held a secret must be."""
    before = Earlier(
        run_id=7, status="failed", statuses={}, attempts={}, results={},
        params={"limit": 5, "key": MASK, "list": [{"inner": f"a{MASK}"}]},
    )  # fmt: skip
    assert inherited(None, {"a": 1}) == {"a": 1}
    assert inherited(before, {"key": "new", "list": 0}) == {"limit": 5, "key": "new", "list": 0}
    with pytest.raises(UsageError, match="run 7 had a secret in its parameter key") as raised:
        inherited(before, {"limit": 6})
    assert raised.value.remedy == "give it again: --resume --param key=… --param list=…"


def test_what_cannot_be_handed_to_a_program_is_refused() -> None:
    """Before anything starts: given now or kept of the run being continued, the parameter is named."""
    before = Earlier(run_id=7, status="failed", statuses={}, attempts={}, results={}, params={"old": "a\0b"})
    for run, given, name in ((None, {"new": "a\0b"}, "new"), (before, {}, "old")):
        with pytest.raises(UsageError, match=f"parameter {name} holds a NUL"):
            inherited(run, given)


@pytest.mark.parametrize(
    ("selection", "before", "runs"),
    [
        (Selection(only=("clean",)), None, "clean"),  # asked for by itself, in a run of its own
        (RESUME, {"s1": "failed", "sclean": "succeeded"}, "1 clean"),  # it cleans up after this run too
        (RESUME, {"s1": "succeeded", "sclean": "failed"}, "clean"),  # nothing else is left, and it had failed
        (RESUME, {"s1": "succeeded", "sclean": "succeeded"}, ""),  # alone it is no reason for a run
        (RESUME, {"s1": "succeeded"}, ""),  # nor where it is new
    ],
)
def test_a_step_that_follows_others(selection: Selection, before: dict[str, str] | None, runs: str) -> None:
    """What cleans up runs with what it cleans up after, and by itself where it is asked for or has failed."""
    chain = job(step("1"), step("clean", when="always"))
    continued = None if before is None else earlier(**before)
    if not runs:
        with pytest.raises(UsageError, match="no step of 작업 is left to run"):
            chosen(chain, selection, continued)
        return
    assert [run.step.id for run in chosen(chain, selection, continued) if run.status == "pending"] == runs.split()
