"""Scores of a run that was given less, or asked otherwise, say so."""

from __future__ import annotations

from pathlib import Path

import pytest

from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.run_record import Manifest
from emoreal_bench.contracts.vocabulary import Alteration, Modality
from emoreal_bench.record.departures import departures
from emoreal_bench.record.finished import FinishedRun
from emoreal_bench.reporting.leaderboard.build import build_leaderboard
from emoreal_bench.reporting.terminal.scores import report_lines
from tests.run_factory import MadeUpRun, write_runs

ALTERED = MadeUpRun(media=MediaWanted(alteration=Alteration.SWAP))


def shuffled(run: MadeUpRun, seed: int) -> Manifest:
    manifest = run.manifest()
    request = manifest.request.model_copy(update={"choice_shuffle_seed": seed, "shots": 2})
    return manifest.model_copy(update={"request": request})


@pytest.mark.parametrize(
    ("modalities", "words"),
    [
        ((Modality.VIDEO, Modality.AUDIO), ()),
        ((Modality.VIDEO,), ("picture only",)),
        ((Modality.AUDIO,), ("sound only",)),
        ((), ("text only",)),
    ],
)
def test_what_was_not_given_is_said(
    modalities: tuple[Modality, ...], words: tuple[str, ...]
) -> None:
    assert departures(MadeUpRun(media=MediaWanted(modalities=modalities)).manifest()) == words


def test_what_the_task_itself_leaves_out_is_no_departure() -> None:
    manifest = MadeUpRun(media=MediaWanted(modalities=(Modality.AUDIO,))).manifest()
    definition = {**manifest.task_definition, "media": {"modalities": ["audio"]}}
    assert departures(manifest.model_copy(update={"task_definition": definition})) == ()


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"frames": 1}, ("1 frame",)),
        ({"frames": 16, "size": None}, ("16 frames", "frames in full size")),
        ({"size": 224, "sampling": "middles"}, ("frames of 224 pixels", "frames from the middles")),
        ({"max_seconds": 5.0}, ("5 s of sound",)),
        ({"frames": 16, "modalities": (Modality.AUDIO,)}, ("sound only",)),
    ],
)
def test_what_was_sampled_otherwise_is_said(
    changed: dict[str, object], words: tuple[str, ...]
) -> None:
    media = MediaWanted.model_validate({**MediaWanted().model_dump(), **changed})
    assert departures(MadeUpRun(media=media).manifest()) == words


def test_every_departure_is_named() -> None:
    assert departures(shuffled(ALTERED, 3)) == (
        "clips altered: swap",
        "options under shuffled letters, seed 3",
        "worked examples: 2",
    )


def test_the_table_and_the_page_name_them(tmp_path: Path) -> None:
    report = FinishedRun(ALTERED.manifest(), ALTERED.results())
    assert report_lines(report)[0].endswith("clips altered: swap")
    page = build_leaderboard(write_runs(tmp_path / "runs", ALTERED), tmp_path / "site")
    assert "clips altered: swap" in page.read_text(encoding="utf-8")
