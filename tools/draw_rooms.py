"""Draw the rooms of the package and the imports between them, and list the rooms, for docs/explanation/architecture.md.

    .venv/bin/python tools/draw_rooms.py

Rooms stand above one another by rank; an arc on the right leads from each room down to one that it imports, for types
as well. A test compares picture and list with what this would make.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import Counter
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from house import ROOMS
from package_source import House, read

PICTURE = ROOT / "docs" / "explanation" / "rooms.svg"
PAGE = ROOT / "docs" / "explanation" / "architecture.md"
_LIST = re.compile(r"(<!-- rooms -->\n).*?(<!-- /rooms -->)", re.DOTALL)

_ROW, _BOX, _LEFT, _WIDTH = 44, 32, 150, 520
_GROUND = ("base", "core")
"""What nearly every room stands on: drawn in grey, so that the others can be seen."""
_STYLE = """
text { font: 14px ui-monospace, monospace; fill: #1b1f24 }
rect { fill: #eef3fb; stroke: #4a6da7 }
path { fill: none; opacity: .75 }
path:hover { opacity: 1; stroke-width: 4 }
"""


def arrows(house: House) -> set[tuple[str, str]]:
    """Return which room imports from which."""
    return {
        (module.room, target)
        for module in house.values()
        for target in {house[name].room for name in module.arrows}
        if {module.room, target} <= set(ROOMS) and target not in {module.room, ""} and module.room
    }


def rooms(house: House) -> list[str]:
    """Return the rooms that there are, the highest first."""
    there = {module.room for module in house.values()}
    return [room for room in reversed(ROOMS) if room and room in there]


def picture(house: House) -> str:
    """Return the picture, as SVG."""
    names = rooms(house)
    found = sorted(sorted(arrows(house)), key=lambda pair: names.index(pair[0]) - names.index(pair[1]))
    middle = {room: 10 + _BOX / 2 + _ROW * place for place, room in enumerate(names)}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_ROW * len(names) + 10}" role="img">',
        f"<title>The rooms of batchctl, and who imports from whom</title><style>{_STYLE}</style>",
        '<rect width="100%" height="100%" style="fill:#fff;stroke:none"/>',
    ]
    leaving, arriving = (_ports([pair[end] for pair in found]) for end in (0, 1))
    for (upper, lower), out, into in zip(found, leaving, arriving, strict=True):
        # Longer arcs leave a box higher up and arrive further down, so that they do not cross shorter ones.
        top, bottom = middle[upper] + out, middle[lower] - into
        reach = _LEFT + 16 + (bottom - top) * 0.78
        colour = "#b6bcc6" if lower in _GROUND else f"hsl({names.index(upper) * 67 % 360} 60% 42%)"
        parts.append(
            f'<path d="M{_LEFT},{top:.1f} C{reach:.0f},{top:.1f} {reach:.0f},{bottom:.1f} {_LEFT + 2},{bottom:.1f}" '
            f'stroke="{colour}" stroke-width="1.6">'
            f"<title>{upper} imports from {lower}</title></path>"
            f'<path d="M{_LEFT + 9},{bottom - 4:.1f} l-8,4 l8,4 z" style="fill:{colour}"/>'
        )
    for room in names:
        parts.append(f'<rect x="12" y="{middle[room] - _BOX / 2}" width="{_LEFT - 12}" height="{_BOX}" rx="5"/>')
        parts.append(f'<text x="22" y="{middle[room] + 5}">{escape(room)}</text>')
    return "\n".join([*parts, "</svg>"]) + "\n"


def _ports(boxes: list[str]) -> list[float]:
    """Return how far from its box's middle each arc touches it: the arcs of a box side by side, in their order."""
    all_of, seen, found = Counter(boxes), Counter[str](), []
    for box in boxes:
        seen[box] += 1
        found.append((seen[box] / (all_of[box] + 1) - 0.5) * (_BOX - 6))
    return found


def listed(house: House) -> str:
    """Return the table of the rooms, each with the first sentence of its docstring."""
    rows = ["| room | is |", "| --- | --- |"]
    for room in rooms(house):
        source = house[room].path.read_text(encoding="utf-8")
        about = (ast.get_docstring(ast.parse(source)) or "").partition("\n\n")[0]
        rows.append(f"| `{room}` | {' '.join(about.split())} |")
    return "\n".join(rows) + "\n"


def page(house: House) -> str:
    """Return the page with the table in it."""
    return _LIST.sub(lambda found: f"{found[1]}{listed(house)}{found[2]}", PAGE.read_text(encoding="utf-8"))


def main() -> None:
    """Write both."""
    house = read(ROOT / "batchctl")
    PICTURE.write_text(picture(house), encoding="utf-8")
    PAGE.write_text(page(house), encoding="utf-8")


if __name__ == "__main__":
    main()
