"""The pages of a check, a probe, a comparison and a folder of runs, in a real browser."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from emoreal_bench import api
from tests.browser.conftest import OpenPage
from tests.small_emorealm import gold_answers, make_data, write_script

pytestmark = pytest.mark.browser

HOSTILE = "<img src=x onerror=\"document.title='owned'\">"
ITEMS = 24
PAGES = ("check", "probe", "comparison", "runs", "leaderboard", "questions")


def _run(root: Path, name: str, wrong_every: int | None = None) -> Path:
    gold = gold_answers(root / "data")
    script = root / f"{name}.json"
    model = write_script(script, gold, wrong_every=wrong_every, modalities=("text", "video"))
    out = root / "runs" / name
    api.evaluate(model, "emorealm", root / "data", api.RunOptions(out=out))
    return out


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("reports")
    make_data(root / "data", items=ITEMS, real=True)
    good, poor = _run(root, "good"), _run(root, "poor", wrong_every=2)
    api.save_baseline(good, root / "baseline.json")
    api.write_check(api.check(poor, root / "baseline.json"), html=root / "check")
    api.write_comparison_page(api.compare([good, poor]), [good, poor], root / "comparison")
    probed = api.probe(
        f"scripted/{root / 'good.json'}",
        "emorealm",
        root / "data",
        api.RunOptions(runs=root / "probed"),
    )
    api.write_probe_page(probed, root / "probe")
    api.build_leaderboard([good, poor, root / "probed"], root / "leaderboard", questions=True)
    damaged = root / "runs" / HOSTILE.replace("/", "")
    damaged.mkdir()
    (damaged / "manifest.json").write_text(json.dumps({"run_id": HOSTILE}), encoding="utf-8")
    api.view_run(root / "runs", root / "runs-page", stills=0)
    (root / "runs-page").rename(root / "runs-site")
    return root


def _address(root: Path, name: str) -> str:
    if name == "questions":
        (page,) = (root / "leaderboard" / "questions").iterdir()
        return page.as_uri()
    folder = root / ("runs-site" if name == "runs" else name)
    return (folder / "index.html").as_uri()


def test_a_check_says_first_what_came_out_and_marks_the_broken_rules(
    open_at: OpenPage, root: Path
) -> None:
    page = open_at(_address(root, "check"))
    expect(page.locator(".verdict")).to_contain_text("Failed")
    broken = page.locator("tr.bad")
    assert broken.count() > 0
    expect(broken.first).to_contain_text("FAIL")


def test_a_probe_says_first_what_each_condition_takes_away(open_at: OpenPage, root: Path) -> None:
    page = open_at(_address(root, "probe"))
    expect(page.locator(".verdict")).to_contain_text("Against the run in full, in points: text")
    row = page.get_by_role("row", name="text-only")
    expect(row).to_contain_text("100.0")
    expect(page.get_by_role("row", name="chance")).to_be_visible()


def test_a_comparison_says_who_is_better_and_leads_to_every_item(
    open_at: OpenPage, root: Path
) -> None:
    page = open_at(_address(root, "comparison"))
    expect(page.locator(".verdict")).to_contain_text("is worse than run 1")
    page.get_by_role("link", name="Every item of run 2 beside run 1").click()
    expect(page.locator("#flips button").first).to_have_text(
        f"{ITEMS // 2} right only in the other"
    )


def test_a_leaderboard_folds_the_tables_of_conditions_under_one(
    open_at: OpenPage, root: Path
) -> None:
    page = open_at(_address(root, "leaderboard"))
    expect(page.locator("table.scores:visible")).to_have_count(3)
    conditions = page.locator("table.conditions")
    expect(conditions.locator("tbody tr")).to_have_count(1)
    expect(conditions.get_by_role("columnheader", name="text only")).to_be_visible()
    page.get_by_text("All tables by condition").click()
    assert page.locator("table.scores:visible").count() > 3
    captions = page.locator("table.scores caption").all_inner_texts()
    assert len(set(captions)) == len(captions)


def test_runs_are_listed_with_dates_conditions_and_scores(open_at: OpenPage, root: Path) -> None:
    page = open_at(_address(root, "runs"))
    rows = page.locator("#runs tbody tr")
    expect(rows).to_have_count(3)
    good = rows.filter(has_text="good")
    expect(good.locator("td[data-label='Average accuracy']")).to_have_text("100.0")
    expect(good.locator("td[data-label='Condition']")).to_have_text("in full")
    expect(good.locator("td[data-label='Date, UTC']")).to_have_text(
        re.compile(r"^20\d\d-\d\d-\d\d \d\d:\d\d$")
    )
    page.get_by_label("State").select_option("damaged")
    expect(page.locator("#runs tbody tr:visible")).to_have_count(1)
    page.get_by_role("button", name="Reset").click()
    good.get_by_role("link").click()
    expect(page.locator("#list tbody tr").first).to_contain_text("Is it so, number 0?")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_accessible_fits_and_runs_nothing_that_others_wrote(
    open_at: OpenPage, root: Path, name: str, width: int, scheme: str
) -> None:
    page = open_at(
        _address(root, name), viewport={"width": width, "height": 800}, color_scheme=scheme
    )
    for details in page.locator("details").all():
        details.evaluate("one => { one.open = true; }")
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("img").count() == 0
    assert "owned" not in page.title()


@pytest.fixture
def served(root: Path, browser: Browser) -> Iterator[Page]:
    with api.serve_view(root / "runs", root / "served", stills=0) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        page = browser.new_page()
        page.set_default_timeout(120_000)
        page.goto(f"http://localhost:{server.server_port}/")
        yield page
        page.close()
        server.shutdown()
        thread.join()


def test_a_served_folder_of_runs_plays_its_clips(served: Page) -> None:
    served.locator("#runs tbody tr", has_text="good").get_by_role("link").click()
    served.locator("#list a").first.click()
    width = served.locator("#detail video").evaluate(
        """async (video) => {
          while (!video.readyState && !video.error) await new Promise((on) => setTimeout(on, 50));
          return video.videoWidth;
        }"""
    )
    assert width > 0
    expect(served.locator(".unplayable")).to_be_hidden()
