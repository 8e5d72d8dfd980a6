"""What the speed measurement on a GPU promises, checked without one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.gpu import count_flops, find_peak, may_write
from benchmarks.gpu_models import full_subjects, tiny_subjects
from emoreal_bench.contracts.vocabulary import AnswerMethod
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request


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


def test_what_questions_of_a_clip_share_is_computed_and_counted_once() -> None:
    model = next(tiny_subjects("cpu"))().model
    requests = [make_request(str(number), make_clip()) for number in range(3)]
    alone = count_flops(model, requests, AnswerMethod.SCORE_CHOICES, 1)
    together = count_flops(model, requests, AnswerMethod.SCORE_CHOICES, 3)
    assert together < 0.6 * alone


def test_the_full_sizes_are_those_of_the_published_models() -> None:
    omni, avere = (build() for build in full_subjects("meta"))
    assert omni.parameters / 1e9 == pytest.approx(8.93, abs=0.01)
    # LLaMA 6.74, CLIP with time 0.40, Whisper's encoder 0.64, what projects 0.05.
    assert avere.parameters / 1e9 == pytest.approx(7.81, abs=0.03)
