"""The files of a run page, read as files; how it behaves is specified in a browser."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emoreal_bench import api
from emoreal_bench.contracts.errors import DataError, NotComparableError, RunError
from emoreal_bench.contracts.item import Clip
from emoreal_bench.media.stills import ENVELOPE_STEPS, contact_sheet, envelope
from emoreal_bench.record.finished import read_report
from emoreal_bench.record.log import seal, unseal
from emoreal_bench.reporting.run_page.clips import clip_data
from emoreal_bench.reporting.run_page.items import item_detail
from emoreal_bench.reporting.run_page.page import RunPageOptions, write_run_page
from emoreal_bench.reporting.run_page.summary import summarize
from emoreal_bench.reporting.site.pages import script_data
from emoreal_bench.running.readings import LoggedRun, read_items
from tests.sealed_files import edit_sealed
from tests.small_emorealm import ALTERNATING, gold_answers, make_data, write_script

ITEMS = 24


def _evaluate(root: Path, data: Path, name: str, wrong_every: int | None = None) -> Path:
    model = write_script(root / f"{name}.json", gold_answers(data), wrong_every=wrong_every)
    options = api.RunOptions(out=root / name)
    api.evaluate(model=model, task="emorealm", data=data, options=options)
    return root / name


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("run")
    return _evaluate(root, make_data(root / "data", items=ITEMS, real=True), "run", wrong_every=5)


def _data(path: Path) -> Any:
    """Read a data script the way a page does: as literals of JavaScript, which JSON is."""
    match = re.fullmatch(r"emorealRun\.receive\((\".*?\"),(.*)\);\n", path.read_text("ascii"), re.S)
    assert match is not None
    return json.loads(match[2])


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_data_in_a_script_is_what_was_put_in_and_cannot_end_it(value: Any) -> None:
    script = script_data("f", "name", value).decode("ascii")
    assert json.loads(f"[{script.removeprefix('f(').removesuffix(');' + chr(10))}]")[1] == value
    assert "<" not in script
    assert ">" not in script


def test_the_same_run_gives_the_same_bytes(run: Path, tmp_path: Path) -> None:
    pages = [write_run_page(run, tmp_path / name / "page").parent for name in "ab"]
    files = [
        {path.relative_to(page): path.read_bytes() for path in page.rglob("*.*")} for page in pages
    ]
    assert files[0] == files[1]
    assert len(files[0]) > ITEMS // 2


def test_the_index_holds_every_item_with_what_became_of_it(run: Path, tmp_path: Path) -> None:
    page = write_run_page(run, tmp_path, RunPageOptions(stills=0))
    index = _data(page.parent / "items" / "index.js")
    assert index["ids"] == [f"q{number}" for number in range(ITEMS)]
    assert index["clips"] == [number // 2 for number in range(ITEMS)]
    columns = {column["name"]: column for column in index["columns"]}
    strict = columns["strict"]
    wrong = strict["values"].index("wrong")
    found = [place for place, code in enumerate(strict["codes"]) if code == "AB"[wrong]]
    assert found == list(range(0, ITEMS, 5))
    assert "flipped" not in columns


def test_the_page_of_a_stopped_run_shows_how_far_it_went(run: Path, tmp_path: Path) -> None:
    stopped = tmp_path / "stopped"
    stopped.mkdir()
    for name in ("manifest.json", "plan.jsonl"):
        (stopped / name).write_bytes((run / name).read_bytes())
    lines = (run / "items.jsonl").read_bytes().splitlines(keepends=True)
    (stopped / "items.jsonl").write_bytes(b"".join(lines[:10]) + b"torn line")
    page = write_run_page(stopped, tmp_path / "page")
    assert "This run speaks of 41.7 % of its items." in page.read_text(encoding="utf-8")
    (chunk,) = (_data(path) for path in (tmp_path / "page" / "items").glob("0*.js"))
    assert [item["reply"]["status"] for item in chunk].count("missing") == ITEMS - 10


def test_of_several_lines_of_an_item_the_last_is_shown(run: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for name in ("manifest.json", "plan.jsonl"):
        (copy / name).write_bytes((run / name).read_bytes())
    line = (run / "items.jsonl").read_bytes().splitlines(keepends=True)[1]
    record = unseal(line)
    assert record is not None
    earlier = {**record, "text": "an earlier reply"}
    (copy / "items.jsonl").write_bytes(seal(earlier) + line)
    with LoggedRun(copy) as logged:
        texts = [read.record["text"] for read in read_items(logged)]
    assert texts == ["", record["text"], *[""] * (ITEMS - 2)]


def test_a_page_written_anew_keeps_nothing_of_the_one_before(run: Path, tmp_path: Path) -> None:
    (tmp_path / "items").mkdir()
    (tmp_path / "items" / "000099.js").write_text("of an earlier page", encoding="utf-8")
    write_run_page(run, tmp_path, RunPageOptions(clips=False))
    assert sorted(path.name for path in (tmp_path / "items").iterdir()) == ["000000.js", "index.js"]


def test_the_prompt_shown_is_the_one_that_was_sent(run: Path) -> None:
    with LoggedRun(run) as logged:
        item, read = logged.items[2], list(read_items(logged))[2]
        prompt = item_detail(logged, item, read)["prompt"]
    assert prompt.startswith("Is it so, number 2?\n(A) a smile\n(B) a frown")


def test_the_page_holds_the_worked_examples_as_the_model_was_shown_them(tmp_path: Path) -> None:
    data = make_data(tmp_path / "data", items=ITEMS, real=True)
    model = write_script(tmp_path / "script.json", gold_answers(data))
    options = api.RunOptions(out=tmp_path / "run", plan=api.PlanOptions(shots=1))
    api.evaluate(model=model, task="emorealm", data=data, options=options)
    page = write_run_page(tmp_path / "run", tmp_path / "page", RunPageOptions(clips=False))
    examples = _data(page.parent / "items" / "index.js")["examples"]
    assert set(examples) == set(ALTERNATING)
    for (example,) in examples.values():
        match = re.match(r"Is it so, number (\d+)\?\n\(A\)", example["question"])
        assert match is not None
        assert example["answer"] == f"({gold_answers(data)[f'q{match[1]}']})"


def test_clips_that_an_option_of_the_reader_leads_to_are_found_again(tmp_path: Path) -> None:
    data = make_data(tmp_path / "data", items=4, real=True)
    (data / "clips").rename(tmp_path / "clips")
    model = write_script(tmp_path / "script.json", gold_answers(data))
    options = api.RunOptions(out=tmp_path / "run", data_options={"videos": str(tmp_path)})
    api.evaluate(model=model, task="emorealm", data=data, options=options)
    page = write_run_page(tmp_path / "run", tmp_path / "page").parent
    addresses = [clip["video"] for clip in _data(page / "clips" / "000000.js")]
    assert addresses == ["../clips/0.mp4", "../clips/1.mp4"]


def test_runs_of_other_items_are_not_shown_side_by_side(run: Path, tmp_path: Path) -> None:
    other = _evaluate(tmp_path, make_data(tmp_path / "data", items=6), "other")
    with pytest.raises(NotComparableError, match="do not have the same items"):
        write_run_page(run, tmp_path / "page", RunPageOptions(other=other))


def test_a_page_to_be_published_leads_to_no_clip(run: Path, tmp_path: Path) -> None:
    write_run_page(run, tmp_path, RunPageOptions(clips=False))
    assert not (tmp_path / "clips").exists()
    assert not (tmp_path / "stills").exists()
    assert "mp4" not in (tmp_path / "index.html").read_text(encoding="utf-8")


def test_data_that_are_named_and_not_there_are_an_error(run: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such data folder"):
        write_run_page(run, tmp_path, RunPageOptions(data=tmp_path / "nowhere"))


@pytest.mark.parametrize(
    ("part", "key", "value"),
    [
        ("data", "root", "x" * 5_000),
        ("data", "root", "/dev/null"),
        ("data", "options", {"an_option_of": "another version"}),
        ("task_definition.data", "reader", "of_a_package_that_is_not_here"),
    ],
)
def test_a_run_from_elsewhere_is_shown_without_clips_whatever_it_says_of_its_data(
    part: str, key: str, value: Any, run: Path, tmp_path: Path
) -> None:
    folder = shutil.copytree(run, tmp_path / "run")

    def change(manifest: dict[str, Any]) -> None:
        for name in part.split("."):
            manifest = manifest[name]
        manifest[key] = value

    edit_sealed(folder / "manifest.json", change)
    page = write_run_page(folder, tmp_path / "page")
    scripts = [path.read_text(encoding="utf-8") for path in page.parent.glob("clips/*.js")]
    assert "mp4" not in "".join(scripts)


def test_a_folder_that_is_no_run_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="not a run folder"):
        write_run_page(tmp_path, tmp_path / "page")


def test_stills_are_drawn_of_wrongly_answered_clips_first(run: Path, tmp_path: Path) -> None:
    page = write_run_page(run, tmp_path, RunPageOptions(stills=3)).parent
    clips = _data(page / "clips" / "000000.js")
    drawn = [place for place, clip in enumerate(clips) if clip.get("stills")]
    # Items 0, 5 and 10 are wrong, two to a clip.
    assert drawn == [0, 2, 5]
    assert len(list((page / "stills").iterdir())) == 3


@pytest.mark.parametrize(
    "name", ["javascript:alert(1).mp4", "a b#c?d%20.mp4", '"><b>.mp4', "ä.mp4"]
)
def test_a_file_s_name_is_only_ever_a_name(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"")
    address = clip_data(Clip("key", tmp_path / name), tmp_path)["video"]
    assert re.fullmatch(r"[A-Za-z0-9%._()/-]+", address)


def test_a_clip_that_is_not_there_has_no_address(tmp_path: Path) -> None:
    assert clip_data(Clip("key", tmp_path / "none.mp4"), tmp_path) == {"video": None, "audio": None}


def test_a_contact_sheet_shows_the_frames_in_order(tmp_path: Path) -> None:
    shades = np.linspace(20, 230, 10)
    frames = np.stack([np.full((60, 80, 3), shade, np.uint8) for shade in shades])
    (tmp_path / "sheet.jpg").write_bytes(contact_sheet(frames))
    with av.open(str(tmp_path / "sheet.jpg")) as container:
        sheet = next(container.decode(video=0)).to_ndarray(format="rgb24").astype(float)
    assert sheet.shape == (240, 8 * 160, 3)
    middles = [sheet[60 + 120 * (place // 8), 80 + 160 * (place % 8), 1] for place in range(10)]
    assert middles == pytest.approx(shades, abs=6)
    assert sheet[180, 80 + 160 * 5, 1] < 10


def test_an_envelope_is_the_loudest_sample_of_each_stretch() -> None:
    waveform = np.zeros(24_000, np.float32)
    waveform[12_050] = -0.5
    found = envelope(waveform)
    assert len(found.heights) == ENVELOPE_STEPS
    assert {place: value for place, value in enumerate(found.heights) if value} == {120: 100}
    assert found.peak == 0.5


def test_quiet_sound_has_the_shape_of_the_same_sound_louder() -> None:
    loud = np.sin(np.linspace(0, 40, 24_000)).astype(np.float32)
    quiet = envelope((loud / 500).astype(np.float32))
    assert quiet.heights == envelope(loud).heights
    assert quiet.peak == pytest.approx(0.002, rel=1e-3)


def test_silence_is_flat() -> None:
    found = envelope(np.zeros(24_000, np.float32))
    assert (set(found.heights), found.peak) == ({0}, 0.0)


@pytest.mark.parametrize("samples", [0, 1, 7])
def test_a_very_short_sound_still_has_an_envelope(samples: int) -> None:
    found = envelope(np.ones(samples, np.float32))
    assert found.heights == [100 if samples else 0] * ENVELOPE_STEPS


@pytest.mark.parametrize(
    ("named", "headings"),
    [
        ({"metrics": ["accuracy", "f1", "yes_rate"]}, ("F1", "Yes-rate")),
        # The usual ones, but for the rates of cues, since these data name none.
        ({}, ("Yes-recall", "No-recall")),
    ],
)
def test_the_page_shows_the_metrics_that_the_task_names(
    run: Path, named: dict[str, list[str]], headings: tuple[str, ...]
) -> None:
    report = read_report(run)
    definition = {**report.manifest.task_definition, **named}
    if not named:
        definition.pop("metrics")
    manifest = report.manifest.model_copy(update={"task_definition": definition})
    summary = summarize(replace(report, manifest=manifest))
    assert summary.metrics == headings
    assert all(len(line.metrics) == len(headings) for line in summary.lines)
