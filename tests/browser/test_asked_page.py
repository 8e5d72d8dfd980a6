"""The page of one question in a real browser, opened from disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from emoreal_bench import api
from tests.browser.conftest import OpenPage
from tests.media_files import Picture, Sound, make_clip

pytestmark = pytest.mark.browser

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"
LONG = "w" * 300


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with the pages of three questions."""
    home = tmp_path_factory.mktemp("asked")
    clip = home / "1 #odd?<b>.mp4"
    make_clip(clip, Picture(frames=50, size=(160, 90)), Sound(seconds=2.0, level=0.02))
    replies = home / "replies.json"
    replies.write_text(json.dumps({"default": f"{HOSTILE} {LONG} (B)"}), encoding="utf-8")
    options = [f"a laugh {HOSTILE}", f"{LONG} rain", "\u0636\u062d\u0643"]
    api.ask(f"scripted/{replies}", clip, f"{HOSTILE} {LONG}?", options).write_page(
        home / "hostile.html"
    )
    api.ask(f"scripted/{replies}", clip, "What happens?").write_page(home / "open.html")
    pytest.importorskip("torch")
    api.ask("tiny/omni", clip, "What is heard?", ["rain", "a laugh"]).write_page(home / "tiny.html")
    return home


def at(home: Path, name: str) -> str:
    return (home / f"{name}.html").as_uri()


@pytest.fixture
def page(open_at: OpenPage, home: Path) -> Page:
    return open_at(at(home, "tiny"))


def test_the_frames_that_reached_the_model_are_shown_with_their_times(page: Page) -> None:
    expect(page.locator(".frames img")).to_have_count(8)
    loaded = "Array.from(document.images).every((one) => one.complete && one.naturalWidth > 0)"
    assert page.evaluate(loaded)
    expect(page.locator(".frames span").first).to_have_text("0.00 s")


def test_quiet_sound_is_drawn_to_its_loudest_place(page: Page) -> None:
    box = page.locator(".wave path").bounding_box()
    drawing = page.locator(".wave").bounding_box()
    assert box is not None
    assert drawing is not None
    assert box["height"] > 0.9 * drawing["height"]


def test_probabilities_and_readings_are_tables(page: Page) -> None:
    expect(page.locator(".probability")).to_have_count(2)
    expect(page.get_by_role("row", name="strict")).to_contain_text("answered")
    expect(page.locator("#reply")).to_contain_text("of all probability")


def test_what_others_wrote_is_text(open_at: OpenPage, home: Path) -> None:
    page = open_at(at(home, "hostile"))
    expect(page.locator("h1")).to_contain_text(HOSTILE)
    expect(page.locator(".said").first).to_contain_text(HOSTILE)
    assert page.title().endswith("EmoReal Bench")
    assert page.locator("img[src=x]").count() == 0


def test_an_open_question_says_that_nobody_reads_it(open_at: OpenPage, home: Path) -> None:
    page = open_at(at(home, "open"))
    expect(page.locator("#reply")).to_contain_text("nobody but a judge")
    expect(page.locator("#reply table")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", ["tiny", "hostile"])
def test_the_page_is_accessible_and_fits(
    open_at: OpenPage, home: Path, name: str, width: int, scheme: str
) -> None:
    page = open_at(at(home, name), viewport={"width": width, "height": 900}, color_scheme=scheme)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") == width
