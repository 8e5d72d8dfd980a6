"""The leaderboard as a reader uses it, in a real browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from emoreal_bench.reporting.leaderboard.build import build_leaderboard
from tests.browser.conftest import OpenPage
from tests.run_factory import MadeUpRun, write_runs

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
RUNS = (
    MadeUpRun("hf/alpha", 0.80, hallucination_rate=0.10, failed=0),
    MadeUpRun("hf/beta", 0.70, hallucination_rate=0.30, warnings=("Look at the replies.",)),
    MadeUpRun("hf/gamma", 0.6, hallucination_rate=0.05, label="random weights", parameters=9),
    MadeUpRun("hf/partial", 0.90, failed=200),
    MadeUpRun("baseline/random", 0.40, frames=0, audio_seconds=0, hallucination_rate=0.5),
    MadeUpRun("hf/alpha", 0.75, variant="paper", request_hash="d" * 64),
    MadeUpRun(HOSTILE, 0.50, task="hostile", title=HOSTILE, request_hash="e" * 64),
)


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("leaderboard")
    return build_leaderboard(write_runs(folder / "runs", *RUNS), folder / "site").as_uri()


@pytest.fixture
def open_page(open_at: OpenPage, address: str) -> OpenPage:
    return lambda link="", **options: open_at(address + link, **options)


def _group(page: Page, variant: str = "answer-format") -> Any:
    return page.locator(
        "section.group", has=page.get_by_role("heading", name=f"EmoReAlM {variant}")
    )


def _models(page: Page) -> list[str]:
    """Names in the ranked part of the first EmoReAlM table, from top to bottom."""
    rows = _group(page).locator("table.scores").first.locator("tbody").first
    names: list[str] = rows.locator("th.model:visible bdi").all_inner_texts()
    return names


def _header(page: Page, name: str) -> Any:
    return _group(page).locator("table.scores").first.get_by_role("columnheader", name=name)


def test_a_click_on_a_heading_sorts_and_says_so(open_page: OpenPage) -> None:
    page = open_page()
    assert _models(page) == ["hf/alpha", "hf/beta", "hf/gamma", "baseline/random"]
    heading = _header(page, "Hallucination rate")
    heading.get_by_role("button").click()
    assert _models(page) == ["hf/gamma", "hf/alpha", "hf/beta", "baseline/random"]
    expect(heading).to_have_attribute("aria-sort", "ascending")
    heading.get_by_role("button").click()
    assert _models(page) == ["baseline/random", "hf/beta", "hf/alpha", "hf/gamma"]
    expect(heading).to_have_attribute("aria-sort", "descending")
    assert _header(page, "Average accuracy").get_attribute("aria-sort") is None


def test_rows_without_a_rank_stay_last_whichever_way_ranks_are_sorted(open_page: OpenPage) -> None:
    page = open_page()
    button = _header(page, "Rank").get_by_role("button")
    button.click()
    assert _models(page)[-1] == "baseline/random"
    button.click()
    assert _models(page) == ["hf/gamma", "hf/beta", "hf/alpha", "baseline/random"]


def test_a_run_below_full_coverage_never_sorts_in_among_the_full_ones(open_page: OpenPage) -> None:
    page = open_page()
    button = _header(page, "Average accuracy").get_by_role("button")
    for _ in range(2):
        button.click()
        names = _group(page).locator("table.scores").first.locator("th.model bdi").all_inner_texts()
        assert names[-1] == "hf/partial"


def test_the_filter_narrows_every_table_and_figure(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_label("Model", exact=True).fill("ALPHA")
    assert _models(page) == ["hf/alpha"]
    shown = page.locator("[data-model]:visible")
    assert set(shown.evaluate_all("all => all.map(one => one.dataset.model)")) == {"hf/alpha"}
    expect(page.get_by_role("status")).to_have_text(re.compile(r"^4 of \d+ rows shown$"))
    page.get_by_role("button", name="Reset").click()
    assert len(_models(page)) == 4


def test_rows_can_be_chosen_by_source_delivery_and_size(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_label("Source").select_option("reported")
    shown = page.locator("table.scores [data-model]:visible")
    assert set(shown.evaluate_all("all => all.map(one => one.dataset.badge)")) == {"reported"}
    page.get_by_label("Source").select_option("measured")
    page.get_by_label("Size").select_option("under 1 B")
    assert _models(page) == ["hf/gamma"]
    link = page.url[page.url.index("#") :]
    other = open_page(link)
    expect(other.get_by_label("Size")).to_have_value("under 1 B")
    assert _models(other) == ["hf/gamma"]
    other.get_by_role("button", name="Reset").click()
    assert len(_models(other)) == 4


def test_a_column_can_be_hidden_and_its_family_shrinks(open_page: OpenPage) -> None:
    page = open_page()
    family = _header(page, "Stress questions")
    before = int(family.get_attribute("colspan") or 0)
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Stress questions: Spurious rate").uncheck()
    expect(page.get_by_role("columnheader", name="Spurious rate")).to_have_count(0)
    expect(family).to_have_attribute("colspan", str(before - 1))
    row = _group(page).locator("table.scores").first.locator("tbody tr").first
    cells = row.locator("th:visible, td:visible").count()
    headings = _group(page).locator("table.scores").first.locator("[data-column]:visible").count()
    assert cells == headings


def test_a_link_brings_back_the_view(open_page: OpenPage) -> None:
    page = open_page()
    _header(page, "Hallucination rate").get_by_role("button").click()
    page.get_by_label("Model", exact=True).fill("hf/")
    page.get_by_text("Columns", exact=True).click()
    page.get_by_label("Coverage").uncheck()
    link = page.url[page.url.index("#") :]

    other = open_page(link)
    assert _models(other) == ["hf/gamma", "hf/alpha", "hf/beta"]
    expect(other.get_by_role("columnheader", name="Coverage")).to_have_count(0)
    expect(other.get_by_label("Model", exact=True)).to_have_value("hf/")
    other.get_by_role("button", name="Reset").click()
    assert _models(other) == ["hf/alpha", "hf/beta", "hf/gamma", "baseline/random"]


def test_a_broken_link_still_shows_the_page(open_page: OpenPage) -> None:
    page = open_page("#sort=nothing%20at%20all&hide=model&hide=%3Cscript%3E&sort=x&filter=%00")
    page.get_by_role("button", name="Reset").click()
    assert len(_models(page)) == 4


def test_a_link_to_a_table_leads_there_and_keeps_the_view(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_label("Model", exact=True).fill("alpha")
    page.get_by_role("navigation").get_by_role("link", name="EmoReAlM paper").click()
    expect(_group(page, "paper").get_by_role("heading", level=2)).to_be_in_viewport()
    assert _models(page) == ["hf/alpha"]


def test_without_javascript_the_page_is_a_sorted_table(open_page: OpenPage) -> None:
    page = open_page(java_script_enabled=False)
    assert _models(page) == ["hf/alpha", "hf/beta", "hf/gamma", "baseline/random"]
    assert page.locator("button:visible, input:visible").count() == 0
    expect(_group(page).get_by_text("at 95.0 % coverage").first).to_be_visible()
    expect(_header(page, "Average accuracy")).to_have_attribute("aria-sort", "descending")


def test_everything_can_be_done_with_the_keyboard(open_page: OpenPage) -> None:
    page = open_page()

    def tab_to(accessible_name: str) -> None:
        for _ in range(200):
            page.keyboard.press("Tab")
            if accessible_name == page.evaluate(
                "document.activeElement.getAttribute('aria-label')"
                " ?? document.activeElement.labels?.[0]?.textContent.trim()"
                " ?? document.activeElement.textContent.trim()"
            ):
                assert page.evaluate("document.activeElement.matches(':focus-visible')")
                return
        raise AssertionError(f"the Tab key never came to {accessible_name}")

    tab_to("Model")
    page.keyboard.type("hf/")
    tab_to("Columns")
    page.keyboard.press("Enter")
    tab_to("Stress questions: Spurious rate")
    page.keyboard.press("Space")
    expect(page.get_by_role("columnheader", name="Spurious rate")).to_have_count(0)
    page.keyboard.press("Escape")
    expect(page.get_by_label("Stress questions: Spurious rate")).to_be_hidden()
    tab_to("Hallucination rate")
    page.keyboard.press("Enter")
    assert _models(page) == ["hf/gamma", "hf/alpha", "hf/beta"]


def test_the_first_tab_stop_leads_past_the_header(open_page: OpenPage) -> None:
    page = open_page()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the tables")).to_be_focused()


@pytest.mark.parametrize("width", [360, 768, 1280])
def test_the_page_itself_never_scrolls_sideways(open_page: OpenPage, width: int) -> None:
    page = open_page(viewport={"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_text("Columns", exact=True).click()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_model_s_name_stays_in_sight_while_a_table_scrolls(open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 768, "height": 800})
    scroll = _group(page).locator(".scroll").first
    scroll.evaluate("one => one.scrollTo(one.scrollWidth, 0)")
    assert scroll.evaluate("one => one.scrollLeft") > 300
    name = scroll.locator("th.model bdi", has_text="alpha").bounding_box()
    assert name is not None
    assert 0 <= name["x"] <= 768 - name["width"]


def _is_in_sight(page: Page, element: Any) -> bool:
    """Whether an element lies within the width of the window, and nothing cuts it off."""
    box = element.bounding_box()
    holder = element.locator("xpath=ancestor::div[contains(@class, 'scroll')]").bounding_box()
    width = page.evaluate("innerWidth")
    assert box is not None
    assert holder is not None
    right = min(width, holder["x"] + holder["width"])
    return bool(box["x"] >= 0 and box["x"] + box["width"] <= right)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_main_number_and_the_rates_are_in_sight_without_scrolling_sideways(
    open_page: OpenPage, width: int, scheme: str
) -> None:
    page = open_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    rows = _group(page).locator("table.scores").first.locator("tbody").first.locator("tr")
    assert rows.count() == 4
    for row in rows.all():
        assert _is_in_sight(page, row.locator("td.average b"))
        rates = row.locator("td.rate")
        expect(rates).to_have_count(2)
        assert all(_is_in_sight(page, rate) for rate in rates.all())


def test_on_a_phone_a_row_is_a_card_with_the_main_number_first(open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 360, "height": 800})
    card = _group(page).locator("table.scores").first.locator("tbody tr").first
    name, number = (card.locator(one).bounding_box() for one in ("bdi", "td.average b"))
    assert name is not None
    assert number is not None
    shown = card.locator("td:visible").evaluate_all("all => all.map(one => one.dataset.label)")
    assert set(shown) == {
        *("Average accuracy", "Rank", "Coverage", "Hallucination rate", "Spurious rate")
    }
    others = [cell.bounding_box() for cell in card.locator("td:visible:not(.average)").all()]
    assert name["y"] < number["y"] < min(box["y"] for box in others if box)
    assert number["height"] > name["height"]
    page.get_by_role("button", name="All numbers").click()
    assert card.locator("td:visible").count() > 10


def test_on_a_phone_cards_are_sorted_by_a_choice(open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 360, "height": 800})
    page.get_by_label("Sort by").select_option(label="Stress questions: Hallucination rate")
    assert _models(page) == ["hf/gamma", "hf/alpha", "hf/beta", "baseline/random"]


def test_what_came_out_is_said_before_anything_else(open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 1280, "height": 800})
    said = page.get_by_role("navigation", name="What came out").locator("li").first
    expect(said).to_contain_text("hf/alpha (80.0 %) is better than both other models.")
    expect(said.locator("p")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_to_complain_about(open_page: OpenPage, scheme: str, width: int) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 800})
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


def test_dark_and_light_follow_the_reader_s_setting(open_page: OpenPage) -> None:
    def background(page: Page) -> int:
        colour: str = page.evaluate("getComputedStyle(document.body).backgroundColor")
        return sum(int(part) for part in colour.removeprefix("rgb(").removesuffix(")").split(","))

    assert background(open_page(color_scheme="light")) > 600
    assert background(open_page(color_scheme="dark")) < 150


def test_print_is_light_without_controls_and_shows_whole_tables(open_page: OpenPage) -> None:
    page = open_page(color_scheme="dark")
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    expect(page.locator(".controls")).to_be_hidden()
    overflow = page.locator(".scroll").first.evaluate("one => getComputedStyle(one).overflowX")
    assert overflow == "visible"


def test_a_table_fits_the_printed_page(open_page: OpenPage) -> None:
    # The printable width of A4 landscape with margins of 10 mm, in CSS pixels.
    page = open_page(viewport={"width": 1046, "height": 700})
    page.emulate_media(media="print")
    widths = page.locator("table").evaluate_all("all => all.map(one => one.scrollWidth)")
    assert max(widths) <= 1046


def test_what_others_wrote_runs_nowhere(open_page: OpenPage) -> None:
    page = open_page()
    expect(page.get_by_role("heading", name=HOSTILE)).to_be_visible()
    page.get_by_label("Model", exact=True).fill("<img")
    assert page.title() == "EmoReal Bench leaderboard"
    assert page.locator("img").count() == 0
