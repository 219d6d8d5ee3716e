"""`batchctl advise` as JSON, and as advice with its figures and lines to paste."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from batchctl.core.statistics import ENOUGH
from batchctl.present.simulation import share_json
from batchctl.present.tables import table
from batchctl.present.text import cell, console, counted, format_duration, percent, say, symbols, told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from batchctl.core.advise.advice import Advice, Paste
    from batchctl.core.advise.observed import Advised
    from batchctl.core.foresight.bootstrap import Numbers, SkipShare
    from batchctl.present import contract_upkeep as contract


def as_json(advised: Sequence[Advised], days: float) -> contract.Advise:
    """Return all that is advised; durations are seconds, shares 0 to 1."""
    return {"days": days, "jobs": [_job_json(each) for each in advised]}


def _job_json(advised: Advised) -> contract.JobAdvice:
    return {
        "job": advised.job,
        "enough_history": advised.enough,
        "runs": None if advised.numbers is None else _numbers_json(advised.numbers),
        "timed_out": advised.timed_out,
        "steps": [{"id": step, **_numbers_json(found)} for step, found in advised.steps.items()],
        "skip_share": None if advised.skip_share is None else share_json(advised.skip_share),
        "advice": [_advice_json(each) for each in advised.advice],
    }


def _advice_json(each: Advice) -> contract.Advised:
    return {
        "code": each.code,
        "text": each.text,
        "numbers": None if each.numbers is None else _numbers_json(each.numbers),
        "skip_share_before": None if each.before is None else share_json(each.before),
        "skip_share_after": None if each.after is None else share_json(each.after),
        "paste": [
            {
                "table": header(paste),
                "replaces": list(paste.replaces),
                "toml": toml(paste),
                "numbers": None if paste.numbers is None else _numbers_json(paste.numbers),
            }
            for paste in each.paste
        ],
    }


def _numbers_json(found: Numbers) -> contract.Numbers:
    return {"n": found.n, "p50_s": found.p50, "p95_s": found.p95, "max_s": found.max}


def toml(paste: Paste) -> str:
    """Return the lines as they stand in the table of the configuration; whole jobs with their headers."""
    import tomlkit

    if not paste.table:
        return tomlkit.dumps({"jobs": _whole_jobs(paste)}).strip()
    return tomlkit.dumps(dict(paste.values)).strip()


def _whole_jobs(paste: Paste) -> Any:
    import tomlkit

    # A super table has no header of its own, so that the jobs can be pasted beside others.
    jobs = tomlkit.table(is_super_table=True)
    for name, keys in paste.values.items():
        jobs.add(name, tomlkit.item({key: value for key, value in keys.items() if key != "steps"}))
        steps = tomlkit.aot()
        for step in keys["steps"]:
            steps.append(tomlkit.item(step))
        jobs[name].add("steps", steps)
    return jobs


def header(paste: Paste) -> str | None:
    """Return the table that the lines belong to, as its header reads; None where they bring their own."""
    import tomlkit

    if not paste.table:
        return None
    names = [tomlkit.key(name).as_string() for name in paste.table]
    if paste.table[1:2] == ("steps",):
        return f"[[jobs.{names[0]}.steps]] with id = {tomlkit.item(paste.table[2]).as_string()}"
    return f"[jobs.{'.'.join(names)}]"


def show(advised: Advised, days: float) -> None:
    """Print what was seen of a job, and each piece of advice with what to paste."""
    out = console()
    out.print(cell(advised.job, "bold"))
    if not advised.enough:
        succeeded = 0 if advised.numbers is None else advised.numbers.n - advised.timed_out
        whole = counted(succeeded, "whole successful run", "whole successful runs")
        template = "too little history: %s in %g days, %d are needed; this is what the configuration alone shows"
        text = say(template, whole, days, ENOUGH)
        out.print(cell(text))
    else:
        _show_figures(advised)
    for each in advised.advice:
        _show_advice(each)
    if not advised.advice:
        out.print(
            cell(
                say("Nothing to advise: all of it fits." if advised.enough else "It shows nothing to correct."), "green"
            )
        )
    out.print()


def _show_figures(advised: Advised) -> None:
    made = table(("", ">N", ">P50", ">P95", ">MAX"))
    rows = [
        (say("whole runs"), advised.numbers),
        *((say("step %s", step), found) for step, found in advised.steps.items()),
    ]
    for name, found in rows:
        if found is not None:
            durations = (format_duration(value) for value in (found.p50, found.p95, found.max))
            made.add_row(cell(name), f"{found.n:,}", *durations)
    out = console()
    out.print(made)
    if advised.timed_out:
        out.print(
            cell(say("%d of these runs were ended by the timeout, and would have taken longer", advised.timed_out))
        )
    if advised.skip_share is not None:
        out.print(
            cell(say("as it is, %s of the fires of the next 28 days would be skipped", _share(advised.skip_share)))
        )


def _show_advice(each: Advice) -> None:
    out = console()
    out.print(cell(f"{each.code}: {told(each.text)}", "yellow"))
    if each.before is not None and each.after is not None:
        out.print(cell(say("  skipped fires: %s now, %s then (simulated)", _share(each.before), _share(each.after))))
    for paste in each.paste:
        out.print(cell(f"  {_where(paste)}"))
        for line in toml(paste).splitlines():
            # As it is, so that it can be copied: never wrapped, and with what a terminal would obey escaped by TOML.
            out.print(cell_line(line), soft_wrap=True)


def cell_line(line: str) -> Any:
    """Return a line of TOML, indented, with its own spaces kept."""
    from rich.text import Text

    from batchctl.present.text import harmless

    return Text(f"    {harmless(line)}" if line else "", style="bold")


def _where(paste: Paste) -> str:
    where = header(paste)
    text = say("as new jobs") if where is None else say("in %s", where)
    return f"{say('%s, instead of %s', text, ' / '.join(paste.replaces)) if paste.replaces else text}:"


def _share(share: SkipShare) -> str:
    spread = "" if share.p5 == share.p95 else f" ({say('%s to %s', percent(share.p5), percent(share.p95))})"
    return f"{symbols().about if spread else ''}{percent(share.mean)}{spread}"
