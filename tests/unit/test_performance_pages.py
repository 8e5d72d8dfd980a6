"""``docs/performance.md`` and ``docs/scale.md`` say what was recorded, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import Field, fields
from pathlib import Path
from typing import Any

import pytest

from benchmarks.scale import (
    Wish,
    duration,
    items_per_second,
    needs,
    price,
    read_wish,
    recorded,
    size,
)
from docs.write_performance import FOLDER, PAGES, SECTIONS, page_text

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_written_from_the_records(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == page_text(name), (
        "Run: python -m docs.write_performance"
    )
    assert page_text(name).count("<!-- tables -->") == len(PAGES[name]), "a table of no record"


def test_every_command_of_the_page_is_a_benchmark() -> None:
    for section in SECTIONS:
        module = Path(ROOT, *section.command.split("."))
        assert module.with_suffix(".py").is_file() or (module / "__main__.py").is_file()


def test_a_missed_bar_is_shown_as_one() -> None:
    for section in SECTIONS:
        record = ROOT / "benchmarks" / "results" / f"{section.record}.json"
        if record.is_file():
            for row in section.rows(json.loads(record.read_text(encoding="utf-8"))):
                assert (row.met is None) == (row.bar == "")


def test_needs_grow_with_what_is_asked() -> None:
    one, ten = (dict(needs(Wish(clips=clips, models=3))) for clips in (1_000, 10_000))
    assert one.keys() == ten.keys()
    assert one["questions of one model"] == "4,000"
    assert ten["questions of one model"] == "40,000"
    # Cores, and what the network carries in a second, hang on the rate alone.
    assert {name for name in one if one[name] == ten[name]} == {
        "local models: questions a second and GPU",
        "cores that decode, to keep the GPUs busy",
        "of them for each GPU",
        "network to the clips",
        "services: how many models",
    }


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 seconds"),
        (0.04, "under 0.1 seconds"),
        (1, "1.0 seconds"),
        (119, "119.0 seconds"),
        (120, "2.0 minutes"),
        (172_800, "2.0 days"),
    ],
)
def test_a_duration_has_the_largest_unit_of_which_there_are_two(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_size_has_the_largest_unit_of_which_there_is_one() -> None:
    assert [size(10**n) for n in (2, 6, 9, 13)] == ["0.1 kB", "1.0 MB", "1.0 GB", "10.0 TB"]


@pytest.mark.parametrize(
    ("dollars", "text"),
    [(0, "0.00"), (0.001, "under 0.01"), (0.6048, "0.60"), (9.5, "9.50"), (10_080, "10,080")],
)
def test_a_small_price_has_cents(dollars: float, text: str) -> None:
    assert price(dollars) == f"{text} US dollars"


def test_the_rate_is_that_of_the_questions_of_a_clip() -> None:
    for row in recorded("gpu")["models"][0]["rows"][:2]:
        rate = row["adapter"]["items_per_second"]
        assert items_per_second(row["questions_per_clip"]) == pytest.approx(rate)
    assert items_per_second(1) < items_per_second(1.5) < 25 < items_per_second(5)


def test_all_models_and_services_are_counted() -> None:
    few, many = (dict(needs(Wish(clips=1_000, models=2, services=services))) for services in (0, 3))
    assert few["storage of all runs"] == size(2 * 4_000 * 700)
    assert many["storage of all runs"] == size(5 * 4_000 * 700)
    assert (few["services: price of all"], many["services: price of all"]) == (
        price(0),
        price(3 * 4_000 * 2_520 / 1e6),
    )


def test_a_slow_uplink_is_what_a_service_takes() -> None:
    said = dict(needs(Wish(uplink_megabits=1.0)))
    assert said["a service: time of one model"] == said["a service: time of the upload alone"]
    assert said["a service: upload"] == "5.3 TB"


def test_reading_for_the_hash_has_a_row() -> None:
    said = dict(needs(Wish(clips=1_000, clip_megabytes=5.0, read_megabytes_per_second=100.0)))
    row = next(name for name in said if "hash" in name)
    assert said[row] == "50.0 seconds"


@pytest.mark.parametrize("text", ["0", "-1", "inf", "nan", "1e400", "1e-400", "2,5", "1.5", "many"])
def test_what_is_no_number_of_clips_is_refused_by_name(
    text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        read_wish([f"--clips={text}"])
    assert "argument --clips: it takes a whole number, above 0" in capsys.readouterr().err


@pytest.mark.parametrize("one", fields(Wish), ids=lambda one: one.name)
def test_every_number_is_explained_and_bounded(
    one: Field[Any], capsys: pytest.CaptureFixture[str]
) -> None:
    name = f"--{one.name.replace('_', '-')}"
    for text in ("-1", "nan", "inf", "1e400", *([] if one.metadata["zero"] else ["0"])):
        with pytest.raises(SystemExit):
            read_wish([f"{name}={text}"])
        assert f"argument {name}: it takes" in capsys.readouterr().err
    for text in ("1e15", "1", *(["0"] if one.metadata["zero"] else [])):
        assert list(needs(read_wish([f"{name}={text}"])))
    with pytest.raises(SystemExit):
        read_wish(["--help"])
    assert f"{name} {one.metadata['unit']}" in capsys.readouterr().out


def test_counts_may_be_written_short() -> None:
    assert read_wish(["--clips", "200,000", "--gpus", "1e2"]) == Wish(clips=200_000, gpus=100)


def test_the_script_takes_the_numbers_of_a_reader() -> None:
    command = [sys.executable, "-m", "benchmarks.scale", "--clips", "10", "--price-in", "2.5"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert "questions of one model" in done.stdout
    assert done.stdout.splitlines()[0].endswith(" 40")
