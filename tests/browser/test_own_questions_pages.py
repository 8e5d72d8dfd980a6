"""Pages of somebody's own questions and imported replies, in a real browser."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Locator, expect

from emoreal_bench import api
from tests.browser.conftest import OpenPage
from tests.own_questions import OPEN, OwnQuestions

pytestmark = pytest.mark.browser

LAPTOP, PHONE = {"width": 1280, "height": 900}, {"width": 360, "height": 800}


class Pages:
    """A page of two imported runs side by side, and a leaderboard with a blind baseline."""

    def __init__(self, home: Path) -> None:
        own = OwnQuestions(home)
        first, second = own.bring("model-a"), own.bring("model-b", **{OPEN: None})
        baseline = own.ask("baseline/first-choice")
        pair = api.view_run(second, home / "pair", other=first, clips=False)
        self.pair = pair.as_uri()
        self.site = api.build_leaderboard([first, second, baseline], home / "site").as_uri()


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    return Pages(tmp_path_factory.mktemp("own pages"))


def width_beyond(place: Locator) -> int:
    """Return by how many pixels what a box holds is wider than it."""
    return int(place.evaluate("box => box.scrollWidth - box.clientWidth"))


@pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
def test_the_list_of_two_runs_is_not_cut(
    pages: Pages, open_at: OpenPage, viewport: dict[str, int]
) -> None:
    page = open_at(pages.pair, viewport=viewport)
    expect(page.locator("#list tbody tr")).to_have_count(7)
    assert width_beyond(page.get_by_role("group", name="List of items")) == 0


@pytest.mark.parametrize("viewport", [LAPTOP, PHONE], ids=["laptop", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_an_imported_reply_is_shown_without_what_nobody_knows(
    pages: Pages, open_at: OpenPage, viewport: dict[str, int], scheme: str
) -> None:
    page = open_at(pages.pair, viewport=viewport, color_scheme=scheme)
    page.get_by_role("link", name="q01").click()
    detail = page.locator("#detail")
    expect(detail).to_contain_text("The reply was imported")
    expect(detail).to_contain_text("This page was written without clips.")
    for unknown in ("Prompt as sent", "Times asked", "Seconds of the model", "no clip file"):
        expect(detail).not_to_contain_text(unknown)
    assert Axe().run(page).response["violations"] == []


def edge(place: Locator) -> int:
    """Return how bright a box is at the foot of its right edge, 0 to 255."""
    picture = Image.open(io.BytesIO(place.screenshot())).convert("L")
    brightness = picture.getpixel((picture.width - 4, picture.height - 30))
    assert isinstance(brightness, int)
    return brightness


def test_a_table_that_goes_on_to_the_right_says_so(pages: Pages, open_at: OpenPage) -> None:
    page = open_at(pages.site, viewport={"width": 700, "height": 900}, color_scheme="light")
    table = page.locator(".scroll:has(> .scores)").first
    assert width_beyond(table) > 0
    before = edge(table)
    table.evaluate("box => { box.scrollLeft = box.scrollWidth; }")
    assert before < edge(table) - 20
