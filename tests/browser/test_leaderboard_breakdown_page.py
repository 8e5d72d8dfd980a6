"""The page behind a table of the leaderboard, in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from emoreal_bench.reporting.leaderboard.build import build_leaderboard
from tests.browser.conftest import OpenPage
from tests.label_run import make_label_run
from tests.run_factory import MadeUpRun, write_runs

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("leaderboard")
    runs = [
        make_label_run(root, "better", {1: "sad"}),
        make_label_run(root, "worse", {1: "sad", 2: "Angry.", 7: "a mix of sadness and anger"}),
        *write_runs(
            root / "made-up",
            MadeUpRun("hf/alpha", 0.8),
            MadeUpRun(HOSTILE, 0.7),
            MadeUpRun("hf/partial", 0.6, failed=40),
        ),
    ]
    build_leaderboard(runs, root / "site")
    return root / "site"


@pytest.fixture
def open_details(open_at: OpenPage, site: Path) -> OpenPage:
    def open_it(task: str = "emorealm", link: str = "", **options: object) -> Page:
        (path,) = (site / "breakdowns").glob(f"{task}-*-strict.html")
        return open_at(path.as_uri() + link, **options)

    return open_it


def _shown_models(page: Page) -> list[str]:
    return page.locator(".answers h3:visible bdi").all_inner_texts()


def test_the_leaderboard_leads_there_and_back(open_at: OpenPage, site: Path) -> None:
    page = open_at((site / "index.html").as_uri(), reduced_motion="reduce")
    page.get_by_role("link", name="Slices and confusion tables").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("DFEW")
    page.get_by_role("link", name="EmoReal Bench leaderboard").click()
    expect(page.get_by_role("heading", name="DFEW", level=2)).to_be_in_viewport()


def test_the_tables_of_one_chosen_model_are_shown_and_the_address_names_it(
    open_details: OpenPage,
) -> None:
    page = open_details()
    assert _shown_models(page) == ["hf/alpha"]
    page.get_by_label("Model", exact=True).select_option(label="hf/partial at 99.0 % coverage")
    assert _shown_models(page) == ["hf/partial"]
    again = open_details(link=page.url[page.url.index("#") :])
    assert _shown_models(again) == ["hf/partial"]


def test_an_address_that_names_no_model_shows_the_first(open_details: OpenPage) -> None:
    assert _shown_models(open_details(link="#nobody")) == ["hf/alpha"]


def test_without_javascript_the_tables_of_all_models_are_there(open_details: OpenPage) -> None:
    page = open_details("dfew", java_script_enabled=False)
    assert len(_shown_models(page)) == 2
    expect(page.get_by_role("navigation", name="Models").get_by_role("link")).to_have_count(2)
    table = page.get_by_role("group", name="dfew").nth(1)
    cells = table.locator("tbody tr").first.get_by_role("cell")
    assert cells.all_inner_texts()[:2] == ["4\n66.7 %", "1\n16.7 %"]


def test_slices_show_numbers_with_their_intervals(open_details: OpenPage) -> None:
    page = open_details()
    table = page.get_by_role("group", name="By emotion")
    expect(table.get_by_role("columnheader").nth(1)).to_have_text("anger1,000 items")
    expect(table.get_by_role("row").nth(1)).to_contain_text("80.0")
    expect(table.get_by_role("row", name="hf/partial")).to_contain_text("at 99.0 % coverage")


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("task", ["emorealm", "dfew"])
def test_the_page_itself_never_scrolls_sideways(
    open_details: OpenPage, task: str, width: int
) -> None:
    page = open_details(task, viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_to_complain_about(
    open_details: OpenPage, scheme: str, width: int
) -> None:
    page = open_details(color_scheme=scheme, viewport={"width": width, "height": 800})
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


def test_a_model_is_chosen_with_the_keyboard(open_details: OpenPage) -> None:
    page = open_details()
    page.get_by_label("Model", exact=True).focus()
    page.keyboard.press("ArrowDown")
    assert _shown_models(page) == [HOSTILE]


def test_print_is_light_and_whole(open_details: OpenPage) -> None:
    page = open_details(color_scheme="dark", viewport={"width": 1046, "height": 700})
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    widths = page.locator("table:visible").evaluate_all("all => all.map(one => one.scrollWidth)")
    assert max(widths) <= 1046


def test_what_others_wrote_runs_nowhere(open_details: OpenPage) -> None:
    page = open_details()
    assert page.locator("img").count() == 0
    assert "owned" not in page.title()
