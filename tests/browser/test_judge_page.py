"""The page of a judge's run in a real browser."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import expect

from emoreal_bench import api
from emoreal_bench.reporting.run_page.page import write_run_page
from tests.browser.conftest import OpenPage
from tests.unit.judging.judge_data import make_run, rated, write_script

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=\"document.title='owned'\"> Rather well."


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    root = tmp_path_factory.mktemp("judged")
    thought = "<think>It names the smile, but not the voice.</think>" + rated(6, 7, 8, 9)
    replies = {"clip_1#1": thought, "clip_2#1": rated(3), "clip_3#1": HOSTILE}
    judge = write_script(root / "judge.json", replies)
    api.judge(make_run(root), judge, 1, api.RunOptions(out=root / "judge-run"))
    return write_run_page(root / "judge-run", root / "page").as_uri()


def test_the_page_of_the_judged_run_says_that_a_judge_is_to_rate_it(
    open_at: OpenPage, address: str, tmp_path: Path
) -> None:
    run = Path(address.removeprefix("file://")).parents[1] / "run"
    page = open_at(write_run_page(run, tmp_path / "page").as_uri())
    expect(page.locator(".headline")).to_contain_text("emoreal-bench judge RUN")
    expect(page.locator("#list tbody tr")).to_have_count(3)


def test_ratings_stand_in_the_list_and_in_the_summary(open_at: OpenPage, address: str) -> None:
    page = open_at(address)
    rows = page.locator("#list tbody tr")
    expect(rows).to_have_count(3)
    cells = rows.first.locator("td")
    assert cells.all_inner_texts() == ["answered", "6", "7", "8", "9"]
    judgements = page.get_by_role("group", name="Judgements")
    expect(judgements.get_by_role("row").nth(1)).to_contain_text("2 of 3")
    expect(judgements.get_by_role("row").nth(1)).to_contain_text("4.50")


def test_an_item_shows_what_was_judged_the_ratings_and_the_judge_s_reasons(
    open_at: OpenPage, address: str
) -> None:
    page = open_at(f"{address}#item=clip_1%231")
    detail = page.locator("#detail")
    expect(detail).to_contain_text("Reference: She smiles and her voice is bright")
    expect(detail.locator("pre").first).to_have_text("She is happy: she smiles.")
    expect(detail.get_by_role("row", name="cue overlap 6")).to_be_visible()
    expect(detail).to_contain_text("It names the smile, but not the voice.")
    expect(detail.locator("pre").last).to_contain_text("She is happy: she smiles.")


def test_a_judgement_that_cannot_be_read_says_so(open_at: OpenPage, address: str) -> None:
    page = open_at(address)
    page.get_by_label("Judgement", exact=True).select_option("unparsable")
    expect(page.locator("#list tbody tr")).to_have_count(1)
    page.locator("#list a").click()
    detail = page.locator("#detail")
    expect(detail).to_contain_text("No rating: the judge's reply is unparsable.")
    expect(detail).to_contain_text(HOSTILE)
    assert "owned" not in page.title()
    assert page.locator("img").count() == 0
