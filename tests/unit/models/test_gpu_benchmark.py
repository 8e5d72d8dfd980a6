"""What the speed measurement on a GPU promises, checked without one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from benchmarks.gpu.clips import draw_clips, load_clips, make_requests, save_clips
from benchmarks.gpu.models import full_avere, full_omni, full_qwen3, tiny_omni
from benchmarks.gpu.record import Record, may_write, table
from benchmarks.gpu.speed import Way, count_flops, find_peak
from emoreal_bench.contracts.vocabulary import AnswerMethod
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request

RECORDED = Path(__file__).parents[3] / "benchmarks" / "results" / "gpu.json"


@pytest.mark.parametrize(
    ("card", "peak"),
    [
        ("NVIDIA H200", 989.0),
        ("NVIDIA H100 PCIe", 756.0),
        ("NVIDIA L40S", 362.0),
        ("NVIDIA L4", 121.0),
        ("NVIDIA A10G", 70.0),
        ("Unheard-of 9000", None),
    ],
)
def test_the_peak_goes_by_the_longest_name_that_fits(card: str, peak: float | None) -> None:
    assert find_peak(card) == peak


def test_a_record_of_no_gpu_never_takes_the_place_of_one_of_a_gpu(tmp_path: Path) -> None:
    there = tmp_path / "gpu.json"
    assert may_write({"gpu": None}, there)
    there.write_text(json.dumps({"gpu": "NVIDIA H200"}))
    assert not may_write({"gpu": None}, there)
    assert may_write({"gpu": "NVIDIA H100"}, there)


def test_a_step_that_fails_or_has_no_time_is_recorded_and_costs_the_others_nothing(
    tmp_path: Path,
) -> None:
    record = Record({"gpu": None}, tmp_path / "gpu.json", seconds=60)

    def fail() -> None:
        raise RuntimeError("no kernel image")

    assert record.run("first", fail) is None
    assert record.run("second", lambda: None, needs=61) is None
    assert record.run("third", lambda: 3) == 3
    written = json.loads((tmp_path / "gpu.json").read_text())
    assert written["failed"] == [{"step": "first", "error": "no kernel image"}]
    assert written["dropped"] == ["second"]


def test_the_table_says_what_was_recorded() -> None:
    recorded = json.loads(RECORDED.read_text(encoding="utf-8"))
    text = table(recorded)
    assert text.startswith(f"{recorded['gpu']}, {recorded['date']}")
    assert all(model["model"] in text for model in recorded["models"])
    assert "NOT PASSED" not in text


def test_clips_of_a_file_are_those_that_were_drawn(tmp_path: Path) -> None:
    (drawn,) = draw_clips(1)
    save_clips([drawn], tmp_path / "clips.npz")
    (read,) = load_clips(tmp_path / "clips.npz")
    assert read.frames is not None
    assert read.waveform is not None
    assert drawn.waveform is not None
    np.testing.assert_array_equal(read.frames, drawn.frames)
    np.testing.assert_allclose(read.waveform, drawn.waveform, atol=1 / 2**15)
    assert read.timestamps == drawn.timestamps
    asked = make_requests([read], per_clip=5, new_tokens=3)
    assert len({request.id for request in asked}) == 5
    assert {request.clips["clip"].key for request in asked} == {read.key}


def test_what_questions_of_a_clip_share_is_computed_and_counted_once() -> None:
    model, way = tiny_omni().model, Way(AnswerMethod.SCORE_CHOICES, 3)
    requests = [make_request(str(number), make_clip()) for number in range(3)]
    alone = count_flops(model, requests, way, 1)
    together = count_flops(model, requests, way, 3)
    assert together < 0.6 * alone


def test_the_full_sizes_are_those_of_the_published_models() -> None:
    assert full_omni("meta").parameters / 1e9 == pytest.approx(8.93, abs=0.01)
    # LLaMA 6.74, CLIP with time 0.40, Whisper's encoder 0.64, what projects 0.05.
    assert full_avere("meta").parameters / 1e9 == pytest.approx(7.81, abs=0.03)
    # The language model 30.53, the vision tower 0.54, the audio tower 0.65.
    assert full_qwen3("meta").parameters / 1e9 == pytest.approx(31.72, abs=0.01)
