"""The pages as a real Chromium shows them: on a phone and on a desk, in light and in dark."""

from __future__ import annotations

import html
import json
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import live_page
import pytest
import sample_history as sample
from PIL import Image, ImageColor

from batchctl.commands.cli import main

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.chromium,
    pytest.mark.xdist_group("chromium"),
    pytest.mark.skipif(_CHROMIUM is None, reason="there is no chromium here, and tests/ensure_packages.sh got none"),
]
_FLAGS = (
    "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync --hide-scrollbars"
)
_PICTURE = Path(__file__).parents[2] / "docs" / "report.png"
# What --ok, --bad, --skip, --bg and --tint of the style sheet are in either scheme.
_COLOURS = {
    "light": ("#2f9e7a", "#d1495b", "#b9c1cd", "#f6f7f9", "#3b6ea8"),
    "dark": ("#45b892", "#ee7482", "#4d5868", "#10141a", "#7fb0e6"),
}
_HEIGHT = 9000

# Asks a page of a given width, in a frame of the same origin, for what no screenshot tells.
_PROBE = """<!DOCTYPE html><meta charset="utf-8"><body style="margin:0">
<iframe id="f" style="border:0;width:%dpx;height:9000px" srcdoc="%s"></iframe><pre id="found"></pre><script>
document.getElementById("f").onload = event => {
  const page = event.target.contentDocument, width = page.documentElement.clientWidth, cut = [], over = [];
  const seen = each => { const box = each.getBoundingClientRect(); return box.width && box.height ? box : null };
  const name = each => each.textContent.trim().slice(0, 40);
  for (const each of page.querySelectorAll("body *")) {
    const box = seen(each);
    if (box && (box.right > width + 0.5 || box.left < -0.5)) cut.push(each.tagName + " " + name(each));
  }
  for (const chart of page.querySelectorAll("svg.chart")) {
    const frame = seen(chart);
    if (!frame) continue;
    const labels = [...chart.querySelectorAll("text")].map(each => [each, seen(each)]).filter(pair => pair[1]);
    labels.forEach(([each, box], place) => {
      if (box.right > frame.right + 1 || box.left < frame.left - 1 || box.top < frame.top - 1 ||
          box.bottom > frame.bottom + 1) cut.push(name(each));
      for (const [other, its] of labels.slice(place + 1))
        if (Math.min(box.right, its.right) - Math.max(box.left, its.left) > 1 &&
            Math.min(box.bottom, its.bottom) - Math.max(box.top, its.top) > 5)
          over.push(name(each) + " / " + name(other));
    });
  }
  document.getElementById("found").textContent = JSON.stringify({
    scroll: page.documentElement.scrollWidth, width, cut, over, height: page.documentElement.scrollHeight,
    charts: [...page.querySelectorAll("svg.chart")].filter(seen).length, text: page.body.innerText,
    font: Math.min(...[...page.querySelectorAll("svg.chart text")].map(seen).filter(Boolean).map(box => box.height)),
  });
};
</script>"""


def chromium(place: Path, address: Path, *options: str) -> str:
    """Show a page in a Chromium with nothing of its own, and return what it prints."""
    assert _CHROMIUM is not None
    profile = place / "profile"
    shutil.rmtree(profile, ignore_errors=True)
    line = [_CHROMIUM, *_FLAGS.split(), f"--user-data-dir={profile}", *options, address.as_uri()]
    env = os.environ | {"HOME": str(place)}
    done = subprocess.run(line, capture_output=True, text=True, encoding="utf-8", check=True, timeout=120, env=env)
    return done.stdout


def asked(place: Path, page: Path, width: int) -> dict[str, Any]:
    """Return what the probe finds on a page in a window of this width."""
    probe = place / "probe.html"
    source = page.read_text(encoding="utf-8")
    probe.write_text(_PROBE % (width, html.escape(source)), encoding="utf-8")
    dom = chromium(place, probe, "--dump-dom", f"--window-size={max(width, 800)},1000", "--virtual-time-budget=5000")
    found = json.loads(html.unescape(dom.partition('<pre id="found">')[2].partition("</pre>")[0]))
    assert isinstance(found, dict)
    return found


@pytest.fixture(scope="module", params=["report", "now", "simulation"])
def kind(request: pytest.FixtureRequest) -> str:
    """Name the page."""
    return str(request.param)


@pytest.fixture
def page(tmp_path: Path, kind: str) -> Path:
    """Write the page of the sample history."""
    options, target = (live_page if kind == "now" else sample).write(tmp_path), tmp_path / "page.html"
    words = {
        "report": ["report", "--since", "2026-09-22", "--until", "2026-11-21T00:30", "--weekly"],
        "now": ["report"],
        "simulation": ["simulate", sample.BATCH, "--duration", "26h", "--start", "2026-11-21T01:00", "--for", "14d"],
    }[kind]
    assert main([*options, *words, "--format", "html", "--output", str(target)]) == 0
    return target


@pytest.mark.parametrize("width", [400, 761, 1120])
def test_nothing_is_cut_or_overlaps(page: Path, tmp_path: Path, width: int, kind: str) -> None:
    """At no width does the page scroll sideways, a label leave its picture, or one label cover another."""
    found = asked(tmp_path, page, width)
    assert found["width"] == width
    assert found["scroll"] <= width
    assert found["cut"] == []
    assert found["over"] == []
    # Letters are as large as drawn: no picture is a shrunk copy of a wide one.
    assert found["font"] >= 11
    assert found["charts"] >= {"report": 20, "now": 5, "simulation": 1}[kind]


def test_the_words_are_there(page: Path, tmp_path: Path, kind: str) -> None:
    """What an operator looks for is visible text, in Hangul too."""
    text = asked(tmp_path, page, 1400)["text"]
    expected = {
        "report": ("Batch report", sample.BATCH, sample.SETTLE, "93% (28 of 30)", "48h 00m", "already running 29",
                   "마켓-업로드", "timeout 30h", "MarketDown: 503", "2026-W46", "Asia/Seoul"),
        "now": ("Now", "일괄-수집", "step 33 (3/6)", "so far", "Needs a hand", "--resume", "Next fires", "Open alerts"),
        "simulation": (f"Preview of {sample.BATCH}", "48h 00m", "effective interval", "skipped fire"),
    }[kind]  # fmt: skip
    for piece in expected:
        assert piece in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [400, 1400])
def test_screenshots(page: Path, tmp_path: Path, width: int, scheme: str, kind: str) -> None:
    """In either scheme the page has its ground, and the pictures their colours, in plenty."""
    shot = tmp_path / "shot.png"
    preferred = "0" if scheme == "dark" else "1"
    chromium(
        tmp_path, page, f"--screenshot={shot}", f"--window-size={width},{_HEIGHT}",
        f"--blink-settings=preferredColorScheme={preferred}",
    )  # fmt: skip
    with Image.open(shot) as image:
        picture = image.convert("RGB")
    assert picture.size == (width, _HEIGHT)
    counted = {colour: count for count, colour in picture.getcolors(1 << 24) or []}
    good, bad, skipped, ground, tint = (counted.get(ImageColor.getrgb(name), 0) for name in _COLOURS[scheme])
    assert ground > 50_000
    # The squares of the calendar and the bars of the time line.
    assert good > (1000 if kind == "now" else 8000)
    if kind == "report":
        assert bad > 500
        assert skipped > 3000
        assert tint > 3000
        if (width, scheme) == (1400, "light"):
            _keep(picture)


def _keep(picture: Image.Image) -> None:
    """Make the picture that the README shows where it is missing: a run of the tests changes no file of the project."""
    part = picture.crop((130, 0, 1270, 1700)).resize((760, 1133), Image.Resampling.LANCZOS)
    made = part.quantize(255, method=Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
    if not _PICTURE.exists() and os.access(_PICTURE.parent, os.W_OK):
        made.save(_PICTURE, optimize=True)
    assert 0 < _PICTURE.stat().st_size < 200_000
