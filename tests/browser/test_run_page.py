"""The page of a run as a researcher uses it, in a real browser, opened from disk."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from emoreal_bench import api
from emoreal_bench.reporting.run_page.page import RunPageOptions, write_run_page
from tests.browser.conftest import OpenPage
from tests.media_files import Picture, Sound, make_clip
from tests.small_emorealm import gold_answers, make_data, write_script

pytestmark = pytest.mark.browser

ITEMS = 450
"""More than two chunks, so that items are found in the right one."""
HOSTILE = (
    "</script><script>document.title='owned'</script>"
    "<img src=x onerror=\"document.title='owned'\"> \x1b[31mred\u2028\u202ereversed =1+1"
)


def _evaluate(root: Path, name: str, model: str) -> Path:
    out = root / name
    options = api.RunOptions(out=out, plan=api.PlanOptions())
    api.evaluate(model=model, task="emorealm", data=root / "data", options=options)
    return out


def _make_site(root: Path) -> Path:
    data = make_data(root / "data", items=ITEMS, per_clip=150, real=True)
    annotations = data / "emorealm_v1.json"
    records = json.loads(annotations.read_text(encoding="utf-8"))
    records[1]["question"] = HOSTILE
    annotations.write_text(json.dumps(records), encoding="utf-8")
    gold = gold_answers(data)
    script = root / "answers.json"
    model = write_script(script, gold, wrong_every=10, modalities=("text", "video", "audio"))
    scripted = json.loads(script.read_text(encoding="utf-8"))
    scripted["replies"]["q1"] = HOSTILE
    script.write_text(json.dumps(scripted), encoding="utf-8")
    first = _evaluate(root, "first", model)
    second = _evaluate(root, "second", write_script(root / "all.json", gold))
    return write_run_page(first, root / "page", RunPageOptions(other=second))


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    return _make_site(tmp_path_factory.mktemp("run page")).as_uri()


@pytest.fixture
def open_page(open_at: OpenPage, address: str) -> OpenPage:
    def open_it(link: str = "", **options: Any) -> Page:
        page = open_at(address + link, **options)
        if options.get("java_script_enabled", True):
            expect(page.locator("#shown")).not_to_be_empty()
        return page

    return open_it


def _ids(page: Page) -> list[str]:
    names: list[str] = page.locator("#list tbody th a").all_inner_texts()
    return names


def _choose(page: Page, item: str) -> Any:
    page.locator("#list").get_by_role("link", name=item, exact=True).click()
    detail = page.locator("#detail")
    expect(detail.get_by_role("heading", name=item, exact=True)).to_be_visible()
    return detail


def test_all_items_are_listed_a_page_at_a_time(open_page: OpenPage) -> None:
    page = open_page()
    expect(page.locator("#shown")).to_have_text(f"{ITEMS} of {ITEMS} items")
    assert _ids(page) == [f"q{number}" for number in range(100)]
    page.get_by_role("button", name="Later").click()
    assert _ids(page)[0] == "q100"
    page.get_by_role("button", name="Earlier").click()
    expect(page.get_by_role("button", name="Earlier")).to_be_disabled()


def test_filters_narrow_the_list_together(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_label("Strict", exact=True).select_option("wrong")
    # Every tenth reply is blank, and the hostile one answers nothing.
    expect(page.locator("#shown")).to_have_text(f"46 of {ITEMS} items")
    page.get_by_label("Subtask", exact=True).select_option("modality_agreement")
    assert _ids(page) == [f"q{number}" for number in range(0, ITEMS, 30)]
    page.get_by_label("Find").fill("q3")
    expect(page.locator("#shown")).to_have_text(f"5 of {ITEMS} items")
    assert _ids(page) == ["q30", "q300", "q330", "q360", "q390"]
    page.get_by_role("button", name="Show all").click()
    expect(page.locator("#shown")).to_have_text(f"{ITEMS} of {ITEMS} items")


def test_items_that_only_the_other_run_has_right_can_be_picked_out(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_label("Flipped").select_option("right only in the other")
    expect(page.locator("#shown")).to_have_text(f"46 of {ITEMS} items")
    detail = _choose(page, "q10")
    expect(detail.get_by_role("heading", name="Reply of scripted")).to_have_count(2)


def test_the_items_stand_first_with_their_questions(open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 1280, "height": 900})
    first = page.locator("#list tbody tr").first
    expect(first).to_contain_text("Is it so, number 0?")
    box = first.bounding_box()
    assert box is not None
    assert box["y"] < 900


def test_questions_and_replies_are_searched_and_the_link_brings_it_back(
    open_page: OpenPage,
) -> None:
    page = open_page()
    page.get_by_label("Find").fill("SO, NUMBER 44")
    expect(page.locator("#shown")).to_have_text(f"11 of {ITEMS} items")
    assert _ids(page) == ["q44", *(f"q{number}" for number in range(440, 450))]
    page.get_by_label("Find").fill("reversed =1+1")
    expect(page.locator("#shown")).to_have_text(f"1 of {ITEMS} items")
    assert _ids(page) == ["q1"]
    other = open_page(page.url[page.url.index("#") :])
    expect(other.locator("#shown")).to_have_text(f"1 of {ITEMS} items")
    assert _ids(other) == ["q1"]


def test_flips_are_counted_and_a_count_shows_its_items(open_page: OpenPage) -> None:
    page = open_page()
    flips = page.locator("#flips button")
    assert flips.all_inner_texts() == ["46 right only in the other", "404 right in both"]
    flips.first.click()
    expect(page.locator("#shown")).to_have_text(f"46 of {ITEMS} items")
    row = page.locator("#list tbody tr").first
    expect(row.locator("td[data-label='Strict']")).to_have_text("wrong")
    expect(row.locator("td[data-label='The other, strict']")).to_have_text("right")


def test_the_other_run_s_scores_stand_in_the_table_with_the_change(open_page: OpenPage) -> None:
    page = open_page()
    total = page.locator("#scores tr.total")
    expect(total).to_contain_text("100.0")
    expect(total.get_by_role("cell", name=re.compile("^\N{MINUS SIGN}10"))).to_have_count(1)
    expect(page.locator(".headline")).to_contain_text("100.0 %")


def test_on_a_phone_items_are_cards_whose_verdicts_are_in_sight(open_page: OpenPage) -> None:
    page = open_page(viewport={"width": 360, "height": 800})
    cards = page.locator("#list tbody tr")
    for cell in cards.first.locator("td").all():
        box = cell.bounding_box()
        assert box is not None
        assert box["x"] + box["width"] <= 360
    expect(cards.first.locator("td[data-label='Strict']")).to_have_text("wrong")


def test_quiet_sound_is_drawn_to_its_peak_and_the_scale_is_said(open_page: OpenPage) -> None:
    detail = _choose(open_page(), "q3")
    expect(detail.locator(".scale")).to_contain_text("Scaled to its peak: the loudest sample has")


def test_a_picture_that_the_browser_cannot_show_is_said_to_be_one(open_page: OpenPage) -> None:
    detail = _choose(open_page(), "q3")
    expect(detail.locator(".unplayable")).to_be_hidden()
    # As a browser does with a codec that it lacks.
    detail.locator("video").evaluate(
        """one => { Object.defineProperty(one, "videoWidth", { get: () => 0 });
                    one.dispatchEvent(new Event("loadedmetadata")); }"""
    )
    expect(detail.locator("video")).to_be_hidden()
    expect(detail.locator(".unplayable")).to_contain_text(
        "This browser cannot show the picture of this clip"
    )
    expect(detail.get_by_alt_text("8 frames of the clip")).to_be_visible()


HEVC = Picture(frames=10, size=(64, 48), codec="libx265", options={"x265-params": "log-level=none"})
UNPLAYABLE = {
    "hevc.mp4": (HEVC, Sound(0.5)),
    "silent hevc.mkv": (HEVC, None),
    "mpeg4.avi": (Picture(frames=10, size=(64, 48), codec="mpeg4"), Sound(0.5, codec="mp3")),
    "gone.mp4": (Picture(frames=10, size=(64, 48)), Sound(0.5)),
}


@pytest.fixture(scope="module")
def unplayable(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Make a page of clips that a browser may not know, one of which is gone since."""
    root = tmp_path_factory.mktemp("codecs")
    data = make_data(root / "data", items=len(UNPLAYABLE), per_clip=1)
    annotations = data / "emorealm_v1.json"
    records = json.loads(annotations.read_text(encoding="utf-8"))
    for record, (name, parts) in zip(records, UNPLAYABLE.items(), strict=True):
        record["video"] = f"clips/{name}"
        make_clip(data / "clips" / name, *parts)
    annotations.write_text(json.dumps(records), encoding="utf-8")
    script = write_script(
        root / "all.json", gold_answers(data), modalities=("text", "video", "audio")
    )
    page = write_run_page(_evaluate(root, "run", script), root / "page")
    (data / "clips" / "gone.mp4").unlink()
    return page.as_uri()


@pytest.mark.parametrize("name", UNPLAYABLE)
def test_a_clip_that_the_browser_cannot_play_is_shown_as_frames_and_why_is_said(
    name: str, unplayable: str, browser: Browser
) -> None:
    context = browser.new_context()
    page = context.new_page()
    page.goto(unplayable)
    detail = _choose(page, f"q{list(UNPLAYABLE).index(name)}")
    page.wait_for_function(
        "() => { const one = document.querySelector('#detail video');"
        "return one.error || one.readyState >= 1; }"
    )
    if detail.locator("video").evaluate("one => one.videoWidth > 0"):
        pytest.skip(f"this browser plays {name}")
    expect(detail.locator("video")).to_be_hidden()
    expect(detail.locator(".unplayable")).to_contain_text(
        f"This browser cannot show the picture of this clip ({name}): it "
    )
    expect(detail.locator(".unplayable")).to_contain_text(
        "the file is no longer there" if name.startswith("gone") else "codec"
    )
    expect(detail.locator(".unplayable")).to_contain_text("frames below are those that the model")
    expect(detail.locator("audio")).to_have_count(1 if name == "hevc.mp4" else 0)
    stills = detail.get_by_alt_text("8 frames of the clip, first to last")
    expect(stills).to_be_visible()
    assert stills.evaluate("async one => { await one.decode(); return one.naturalWidth; }") > 100
    context.close()


def test_an_item_shows_its_question_reply_readings_and_prompt(open_page: OpenPage) -> None:
    detail = _choose(open_page(), "q2")
    expect(detail.locator(".question")).to_have_text("Is it so, number 2?")
    expect(detail.locator(".gold")).to_contain_text("(A) a smile")
    expect(detail.locator("pre").first).to_have_text("(A)")
    expect(detail.get_by_role("row", name="strict answered A right").first).to_be_visible()
    expect(detail.locator("pre").last).to_contain_text("[video]\n[audio]\nIs it so, number 2?")


def test_an_item_of_the_last_chunk_is_that_item(open_page: OpenPage) -> None:
    page = open_page("#find=q449")
    detail = _choose(page, "q449")
    expect(detail.locator(".question")).to_have_text("Is it so, number 449?")


def test_the_clip_plays_and_its_frames_and_sound_are_drawn(open_page: OpenPage) -> None:
    detail = _choose(open_page(), "q3")
    video = detail.locator("video")
    seconds = video.evaluate(
        """async (one) => {
          one.muted = true;
          await one.play();
          await new Promise((done) => { one.onended = done; });
          return one.currentTime;
        }"""
    )
    assert seconds > 0.1
    expect(detail.get_by_alt_text("8 frames of the clip")).to_have_js_property("complete", True)
    assert detail.locator("img").evaluate("one => one.naturalWidth") >= 8 * 100
    expect(detail.get_by_role("img", name="Loudness")).to_be_visible()


def test_other_questions_of_the_clip_are_one_click_away(open_page: OpenPage) -> None:
    page = open_page("#item=q0")
    page.locator("#detail").get_by_role("link", name="q149", exact=True).click()
    expect(page.locator("#detail .question")).to_have_text("Is it so, number 149?")
    assert page.locator("#detail").get_by_role("link", name="q150", exact=True).count() == 0


def test_a_link_brings_back_filters_and_item(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_label("Strict", exact=True).select_option("wrong")
    _choose(page, "q20")
    other = open_page(page.url[page.url.index("#") :])
    expect(other.get_by_label("Strict", exact=True)).to_have_value("wrong")
    expect(other.locator("#detail").get_by_role("heading", name="q20", exact=True)).to_be_visible()
    other.get_by_role("button", name="Next").click()
    expect(other.locator("#detail").get_by_role("heading", name="q30", exact=True)).to_be_visible()


def test_a_broken_link_still_shows_the_page(open_page: OpenPage) -> None:
    page = open_page("#strict=maybe&item=%3Cscript%3E&page=x&nothing=1")
    expect(page.locator("#list tbody tr")).to_have_count(100)


def test_what_others_wrote_runs_nowhere_and_is_shown_as_text(open_page: OpenPage) -> None:
    page = open_page()
    detail = _choose(page, "q1")
    expect(detail.locator(".question")).to_contain_text("</script><script>document.title='owned'")
    reply = detail.locator("pre").first
    expect(reply).to_contain_text("<img src=x onerror=\"document.title='owned'\">")
    # Control characters and those that reorder text are shown by name.
    expect(reply).to_contain_text("\u241b[31mred")
    expect(reply).to_contain_text("\u27e8U+202E\u27e9reversed")
    assert page.title().startswith("scripted")
    assert detail.locator("img").count() == 1


def test_a_script_of_somebody_else_is_refused(browser: Browser, address: str) -> None:
    page = browser.new_page()
    page.goto(address)
    page.evaluate(
        "document.body.insertAdjacentHTML('beforeend', '<b onclick=\"document.title=1\">')"
    )
    page.evaluate("document.body.lastElementChild.click()")
    assert page.title() != "1"
    page.close()


def test_without_javascript_the_scores_can_be_read(open_page: OpenPage) -> None:
    page = open_page(java_script_enabled=False)
    expect(page.get_by_role("table", name="Scores by subtask")).to_be_visible()
    expect(page.get_by_text("The items are in files that a script loads.")).to_be_visible()
    assert page.locator("button:visible, select:visible").count() == 0


def test_everything_can_be_done_with_the_keyboard(open_page: OpenPage) -> None:
    page = open_page()
    page.get_by_label("Strict", exact=True).focus()
    page.keyboard.press("w")
    expect(page.locator("#shown")).to_have_text(f"46 of {ITEMS} items")
    for _ in range(40):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.textContent") == "q0":
            break
    page.keyboard.press("Enter")
    expect(page.locator("#detail")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#detail").get_by_role("heading", name="q1", exact=True)).to_be_visible()


@pytest.mark.parametrize("width", [360, 1280])
def test_the_page_itself_never_scrolls_sideways(open_page: OpenPage, width: int) -> None:
    page = open_page("#item=q1", viewport={"width": width, "height": 800})
    expect(page.locator("#detail video")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_nothing_to_complain_about(open_page: OpenPage, scheme: str, width: int) -> None:
    page = open_page("#item=q1", color_scheme=scheme, viewport={"width": width, "height": 800})
    expect(page.locator("#detail video")).to_be_visible()
    for details in page.locator("details").all():
        details.evaluate("one => { one.open = true; }")
    found = Axe().run(page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()


def test_a_page_whose_files_are_gone_says_so(
    browser: Browser, tmp_path: Path, address: str
) -> None:
    source = Path(address.removeprefix("file://").replace("%20", " "))
    alone = tmp_path / "index.html"
    alone.write_bytes(source.read_bytes())
    page = browser.new_page()
    page.goto(alone.as_uri())
    expect(page.get_by_text("items/index.js cannot be read.")).to_be_visible()
    page.close()
