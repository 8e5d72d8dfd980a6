"""``docs/performance.md`` and ``docs/scale.md`` say what was recorded, and nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.scale import Wish, duration, needs, size
from docs.write_performance import FOLDER, PAGES, SECTIONS, page_text

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_written_from_the_records(name: str) -> None:
    assert (FOLDER / name).read_text(encoding="utf-8") == page_text(name), (
        "Run: python -m docs.write_performance"
    )


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
        "cores that decode, to keep the GPUs busy",
        "of them for each GPU",
        "network to the clips",
    }


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1, "1.0 seconds"), (119, "119.0 seconds"), (120, "2.0 minutes"), (172_800, "2.0 days")],
)
def test_a_duration_has_the_largest_unit_of_which_there_are_two(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_a_size_has_the_largest_unit_of_which_there_is_one() -> None:
    assert [size(10**n) for n in (2, 6, 9, 13)] == ["0.1 kB", "1.0 MB", "1.0 GB", "10.0 TB"]


def test_the_script_takes_the_numbers_of_a_reader() -> None:
    command = [sys.executable, "-m", "benchmarks.scale", "--clips", "10", "--price-in", "2.5"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert "questions of one model" in done.stdout
    assert done.stdout.splitlines()[0].endswith(" 40")
