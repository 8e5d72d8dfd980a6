"""Scores of a run that was given less, or asked otherwise, say so."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from emoreal_bench.api import list_runs
from emoreal_bench.cli import output
from emoreal_bench.cli.runs import list_runs as list_command
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.run_record import Manifest
from emoreal_bench.contracts.vocabulary import Alteration, AnswerMethod, Modality
from emoreal_bench.printable import make_console
from emoreal_bench.record.departures import conditions, departures
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


PROBED = {
    "in full": MadeUpRun(),
    "picture only": MadeUpRun(media=MediaWanted(modalities=(Modality.VIDEO,))),
    "sound only": MadeUpRun(media=MediaWanted(modalities=(Modality.AUDIO,))),
    "text only": MadeUpRun(media=MediaWanted(modalities=())),
    "clips altered: swap": ALTERED,
}


@pytest.mark.parametrize("width", [60, 80, 200])
def test_a_list_of_runs_tells_those_of_a_probe_apart(
    width: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folders = write_runs(tmp_path, *PROBED.values())
    listed = {Path(row["folder"]): row for row in list_runs(tmp_path)}
    assert [listed[folder]["condition"] for folder in folders] == list(PROBED)
    assert {row["date"] for row in listed.values()} == {"2026-11-20T10:00:00Z"}

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(output, "make_console", lambda **_: make_console(sys.stdout, width))
    list_command(Path(), None, as_json=False)
    text = " ".join(capsys.readouterr().out.split())
    for words in ("condition", "date", *(word for name in PROBED for word in name.split())):
        assert words in text


def changed_request(run: MadeUpRun, **update: object) -> Manifest:
    manifest = run.manifest()
    return manifest.model_copy(update={"request": manifest.request.model_copy(update=update)})


def test_runs_that_read_alike_are_told_apart_by_their_settings() -> None:
    run, model = MadeUpRun(), MadeUpRun().manifest().model
    warm = run.manifest().request.generation.model_copy(update={"temperature": 0.7})
    manifests = {
        "plain": run.manifest(),
        "again": run.manifest().model_copy(update={"created": "2026-11-21T10:00:00Z"}),
        "warm": changed_request(run, generation=warm),
        "brief": changed_request(run, prompt_template="{{ question }} In one word:"),
        "other weights": run.manifest().model_copy(
            update={"model": model.model_copy(update={"weights_hash": "d" * 64})}
        ),
        "letters": changed_request(run, answer_method=AnswerMethod.SCORE_CHOICES),
        "some": run.manifest().model_copy(update={"limit": 20}),
        "other model": MadeUpRun(model="hf/another").manifest(),
    }
    told = conditions(manifests)
    assert told["plain"] == told["again"]
    assert len(set(told.values())) == len(manifests) - 1
    assert "temperature 0.7" in told["warm"]
    assert f"weights {'d' * 12}" in told["other weights"]
    assert told["letters"] == "answers by score-choices"
    assert told["some"] == "limited to 20 items"
    assert told["other model"] == "in full"
