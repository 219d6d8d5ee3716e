"""Put what batchctl prints today below the `$` lines of the documentation's pages.

    .venv/bin/python tools/console.py [PAGE]...

Only output that is no longer true is rewritten; Korean pages get the blocks of the English ones.
"""

from __future__ import annotations

import re
import sys
import tempfile
from itertools import groupby
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from pages import ENGLISH, KOREAN, ROOT, Shown, blocks, read
from scenes import Stage, play, same


def refresh(page: str, stage: Stage) -> None:
    """Play a page, and rewrite each block that shows something else."""
    text = read(page)
    for block, cases in groupby(play(page, stage), key=lambda played: played[0]):
        pieces, changed = [], False
        for _, case, code, output in cases:
            kept = same(case, output)
            changed = changed or not kept
            pieces.append(f"$ {case.command}\n{case.output if kept else last_picture(case, output)}".rstrip() + "\n")
            if code or not kept:
                print(f"{page}: {case.command}: " + (f"exit {code}" if code else "rewritten"))
        if changed:
            text = text.replace(block.text, "\n".join(pieces), 1)
    (ROOT / page).write_text(text, encoding="utf-8")


def last_picture(case: Shown, output: str) -> str:
    """Return an output as a page shows it: of a run under way only what stays on the terminal, no blanks at ends."""
    output = re.sub(r" +$", "", output.strip("\n"), flags=re.MULTILINE)
    output = re.sub(r"\(Etc/GMT\S*\)$", "(Asia/Seoul)", output, flags=re.MULTILINE)  # the scene's zone
    return output.rpartition("\n\n")[2] if " run " in f" {case.command}" else output


def translate(korean: str, english: str) -> None:
    """Give a Korean page the blocks of the English one."""
    theirs = blocks(english)
    if len(blocks(korean)) != len(theirs):
        print(f"{korean}: has not as many blocks as {english}")
        return
    left = iter(theirs)
    fence = re.compile(r"(^```\w*\n)(.*?)(^```$)", re.MULTILINE | re.DOTALL)
    text = fence.sub(lambda found: found[1] + next(left).text + found[3], read(korean))
    (ROOT / korean).write_text(text, encoding="utf-8")


def main(pages: list[str]) -> None:
    """Refresh these pages, or all."""
    with tempfile.TemporaryDirectory() as place:
        stage = Stage(Path(place))
        for page in pages:
            refresh(page, stage)
        stage.close()
    read.cache_clear()
    for korean, english in KOREAN.items():
        if english in pages:
            translate(korean, english)


if __name__ == "__main__":
    main(sys.argv[1:] or [page for page in ENGLISH if page != "docs/migration.md"])
