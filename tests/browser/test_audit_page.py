"""The audit page of preference pairs in a real browser, opened from disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from emoreal_bench import api
from emoreal_bench.preferences.reading import hash_pairs, read_pairs, write_pairs
from tests.browser.conftest import OpenPage
from tests.media_files import make_clip
from tests.unit.preferences.made_up_pairs import make_letter_pair, make_pair

pytestmark = pytest.mark.browser

HOSTILE = "</script><script>document.title='owned'</script><img src=x onerror=alert(1)>"


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder with pairs, their clips, and the page."""
    home = tmp_path_factory.mktemp("audit")
    (home / "clips").mkdir()
    make_clip(home / "clips" / "1 #odd?.mp4")
    pairs = [
        make_pair(
            1,
            clip="clips/1 #odd?.mp4",
            question=HOSTILE,
            altered={"modalities": ["video"], "alteration": "swap", "partner": "clips/2.mp4"},
        ),
        make_letter_pair(2, "C"),
    ]
    write_pairs(pairs, home / "pairs.jsonl")
    api.write_audit_page(home / "pairs.jsonl", home, home / "page")
    return home


@pytest.fixture
def page(open_at: OpenPage, home: Path) -> Page:
    return open_at((home / "page" / "index.html").as_uri())


def test_a_pair_takes_half_a_screen_and_its_verdicts_one_line(
    open_at: OpenPage, home: Path
) -> None:
    address = (home / "page" / "index.html").as_uri()
    page = open_at(address, viewport={"width": 1280, "height": 800})
    box = page.locator("#pair-2").bounding_box()
    assert box is not None
    assert box["height"] < 480
    for claim in ("chosen", "hallucination", "spurious"):
        labels = page.locator(f"#pair-2 fieldset[data-claim={claim}] label").all()
        tops = {box["y"] for label in labels if (box := label.bounding_box()) is not None}
        assert (len(labels), len(tops)) == (3, 1)


def say(page: Page, pair: int, claim: str, verdict: str) -> None:
    claims = page.locator(f"#pair-{pair} fieldset[data-claim={claim}]")
    claims.get_by_label(verdict, exact=True).check()


def judge_all(page: Page) -> None:
    for pair in (1, 2):
        for claim in ("chosen", "hallucination", "spurious"):
            say(page, pair, claim, "Yes")


def test_saved_verdicts_are_read_back_by_the_command(
    page: Page, home: Path, tmp_path: Path
) -> None:
    judge_all(page)
    say(page, 2, "spurious", "No")
    expect(page.locator("#progress")).to_have_text("2 of 2 pairs are done.")
    with page.expect_download() as download:
        page.get_by_role("button", name="Save verdicts.json").click()
    download.value.save_as(tmp_path / "verdicts.json")
    report = api.read_audit(home / "pairs.jsonl", tmp_path / "verdicts.json")
    assert (report.audited, report.sound.agreed) == (2, 1)


def test_pasted_verdicts_are_taken_up_again(page: Page, home: Path) -> None:
    say(page, 1, "chosen", "Unsure")
    page.get_by_text("Or copy them").click()
    saved = page.locator("#text").input_value()
    assert json.loads(saved)["pairs_hash"] == hash_pairs(read_pairs(home / "pairs.jsonl"))
    page.reload()
    page.get_by_text("Or copy them").click()
    page.locator("#text").fill(saved)
    page.get_by_role("button", name="Take these verdicts").click()
    expect(
        page.locator("#pair-1 fieldset[data-claim=chosen]").get_by_label("Unsure")
    ).to_be_checked()


def test_verdicts_on_other_pairs_are_not_taken(page: Page) -> None:
    page.get_by_text("Or copy them").click()
    page.locator("#text").fill('{"schema": 1, "pairs_hash": "0", "verdicts": {}}')
    page.get_by_role("button", name="Take these verdicts").click()
    expect(page.locator("#loaded")).to_have_text("Not taken: these verdicts are on other pairs.")


def test_what_a_pair_says_is_text(page: Page) -> None:
    expect(page).to_have_title("Audit of preference pairs \N{EN DASH} EmoReal Bench")
    expect(page.locator("#pair-1 .question")).to_have_text(HOSTILE)


def test_a_letter_is_shown_with_its_option(page: Page) -> None:
    expect(page.locator("#pair-2 [data-claim=chosen] .answer")).to_have_text("(C) cue C")


def test_the_clip_plays_and_a_missing_one_is_named(page: Page) -> None:
    page.wait_for_function("document.querySelector('#pair-1 video').readyState > 0")
    expect(page.locator("#pair-2 .note")).to_contain_text("clips/2.mp4")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_is_accessible_and_fits(
    open_at: OpenPage, home: Path, scheme: str, width: int
) -> None:
    page = open_at(
        (home / "page" / "index.html").as_uri(),
        viewport={"width": width, "height": 900},
        color_scheme=scheme,
    )
    judge_all(page)
    page.get_by_text("Or copy them").click()
    assert Axe().run(page).violations_count == 0
    assert page.evaluate("document.documentElement.scrollWidth") == width
