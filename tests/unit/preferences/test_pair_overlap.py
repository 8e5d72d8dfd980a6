"""Clips of an evaluation set are found among those of pairs."""

from __future__ import annotations

from pathlib import Path

import pytest

from emoreal_bench.contracts.item import Clip
from emoreal_bench.preferences.checking.check import CheckedAgainst, check_pairs
from emoreal_bench.preferences.checking.overlap import find_overlaps
from emoreal_bench.preferences.report import OverlapKind
from tests.unit.preferences.made_up_pairs import make_pair


def write(folder: Path, **contents: str) -> Path:
    folder.mkdir(parents=True)
    for name, content in contents.items():
        (folder / f"{name}.mp4").write_text(content, encoding="utf-8")
    return folder


def evaluation(folder: Path, *names: str) -> dict[str, dict[str, Clip]]:
    return {"dfew": {name: Clip(name, folder / f"{name}.mp4") for name in names}}


def test_equal_bytes_are_an_overlap_whatever_the_names(tmp_path: Path) -> None:
    ours = write(tmp_path / "ours", mine="one", other="two")
    theirs = write(tmp_path / "theirs", theirs="two", more="six")
    (found,) = find_overlaps(["mine.mp4", "other.mp4"], ours, evaluation(theirs, "theirs", "more"))
    assert (found.clip, found.evaluation_clip) == ("other.mp4", "theirs")
    assert found.kind is OverlapKind.CONTENT


def test_equal_names_of_other_bytes_are_none(tmp_path: Path) -> None:
    ours, theirs = write(tmp_path / "ours", a="one"), write(tmp_path / "theirs", a="two")
    assert find_overlaps(["a.mp4"], ours, evaluation(theirs, "a")) == ()


@pytest.mark.parametrize("at_hand", [True, False])
def test_equal_names_are_one_where_bytes_are_not_at_hand(tmp_path: Path, at_hand: bool) -> None:
    theirs = write(tmp_path / "theirs", **({"a": "two"} if at_hand else {}))
    folder = None if at_hand else write(tmp_path / "ours", a="one")
    (found,) = find_overlaps(["a.mp4"], folder, evaluation(theirs, "a"))
    assert found.kind is OverlapKind.NAME


@pytest.mark.parametrize("clip", ["part_1/7.mp4", "dfew/part_1/7.MP4", "dfew/part_1/7"])
def test_a_name_may_stand_below_other_folders(tmp_path: Path, clip: str) -> None:
    assert find_overlaps([clip], None, evaluation(tmp_path, "part_1/7"))


def test_a_number_in_another_folder_is_another_clip(tmp_path: Path) -> None:
    assert not find_overlaps(["part_2/7.mp4"], None, evaluation(tmp_path, "part_1/7"))


def test_partners_count_as_clips_of_the_pairs(tmp_path: Path) -> None:
    pair = make_pair(
        altered={"modalities": ["video"], "alteration": "swap", "partner": "test/1.mp4"}
    )
    against = CheckedAgainst(evaluation=evaluation(tmp_path, "test/1"))
    assert [found.clip for found in check_pairs([pair], against).overlaps] == ["test/1.mp4"]


def test_missing_clips_are_named(tmp_path: Path) -> None:
    report = check_pairs([make_pair(1)], CheckedAgainst(clips=tmp_path))
    assert report.missing_clips == ("clips/1.mp4",)
    assert any("missing" in warning for warning in report.warnings)
