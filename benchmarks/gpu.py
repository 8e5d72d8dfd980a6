"""Speed of the local models on a GPU: items per second and share of its peak.

Networks of random weights in the shapes of Qwen2.5-Omni-7B and AVERE-7B answer
questions about synthetic clips, which are decoded once and held in memory. The
adapter, with its batches and what questions of a clip share, is held against a
plain loop: the same network, one request at a time, with the key-value cache.
The target is ten times its speed. Arithmetic is counted from the shapes of what
really runs, so a shared beginning counts once. Where there is no GPU the tiny
models run instead; the record then says that it holds no figure of a GPU, and
never takes the place of one that does.

Run from the root of the repository:
``python -m benchmarks.gpu [--clips 32] [--batch-size 32] [--peak TFLOPS]``.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import platform
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.gpu_models import Subject, full_subjects, tiny_subjects
from emoreal_bench.contracts.adapter import Capabilities, ModelDescription
from emoreal_bench.contracts.item import Clip, Item
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.request import (
    AudioPart,
    GenerationSettings,
    Message,
    Request,
    TextPart,
    VideoPart,
)
from emoreal_bench.contracts.vocabulary import AnswerMethod, ChoiceScoreKind
from emoreal_bench.inputs import InputError
from emoreal_bench.media.decode import decode_clip
from emoreal_bench.media.limits import DecodeLimits
from emoreal_bench.model_adapters.local.adapter import LocalAdapter, LocalModel
from emoreal_bench.synth import SynthSettings, make_items, write_benchmark

RESULTS = Path(__file__).parent / "results" / "gpu.json"
QUESTIONS_PER_CLIP = (1, 5)
NEW_TOKENS = 5
TARGET_RATIO = 10.0
NO_GPU = (
    "No figure of a GPU exists yet: tiny models on a processor, which show that the measurement "
    "runs and not how fast a GPU is."
)
# Dense 16-bit teraFLOP/s as their maker states them; longer names first.
PEAKS = (
    ("H200", 989.0),
    ("H100 PCIe", 756.0),
    ("H100", 989.0),
    ("B200", 2250.0),
    ("A100", 312.0),
    ("L40S", 362.0),
    ("L4", 121.0),
    ("A10G", 70.0),
    ("A10", 125.0),
    ("RTX 4090", 165.0),
    ("RTX 3090", 71.0),
)


class MeasuredAdapter(LocalAdapter[Any]):
    """A model that is already loaded, behind the adapter that batches."""

    def __init__(self, subject: Subject, batch_size: int):
        super().__init__()
        self._subject = subject
        self._batch_size = batch_size

    def _make_description(self) -> ModelDescription:
        capabilities = Capabilities(
            choice_score_kind=ChoiceScoreKind.LETTER_LOGIT, batch_size=self._batch_size
        )
        return ModelDescription(name=f"random/{self._subject.name}", capabilities=capabilities)

    def _load(self) -> LocalModel[Any]:
        return self._subject.model

    def render(self, request: Request) -> str:
        """Prompts are not looked at here."""
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Speed:
    """How fast one way of asking is.

    Attributes:
        items_per_second: Answered items.
        flops_per_item: Floating-point operations, from the shapes of what runs.
        share_of_peak: Of the card; None where its peak is not known.
    """

    items_per_second: float
    flops_per_item: float
    share_of_peak: float | None


def make_requests(clips: int, per_clip: int) -> list[Request]:
    """Write synthetic clips, decode each once and ask questions about it."""
    settings = SynthSettings(items=clips * max(QUESTIONS_PER_CLIP), seed=1)
    with tempfile.TemporaryDirectory() as folder:
        write_benchmark(settings, Path(folder))
        files = {path.stem: path for path in Path(folder).rglob("*.mp4")}
        media = {key: _decode(key, file) for key, file in files.items()}
    asked: dict[str, list[Item]] = {}
    for item in make_items(settings):
        asked.setdefault(Path(item.clip).stem, []).append(item)
    return [_ask(item, media[key]) for key, items in asked.items() for item in items[:per_clip]]


def _decode(key: str, file: Path) -> ClipMedia:
    return decode_clip(Clip(key, file), MediaWanted(), key=key, limits=DecodeLimits())


def _ask(item: Item, clip: ClipMedia) -> Request:
    words = "\n".join((item.question, *item.choices))
    return Request(
        id=item.id,
        messages=(Message("user", (VideoPart("clip"), AudioPart("clip"), TextPart(words))),),
        settings=GenerationSettings(max_new_tokens=NEW_TOKENS),
        letters=tuple("ABCDEFG"[: len(item.choices)]),
        clips={"clip": clip},
    )


def measure(
    subject: Subject,
    requests: Sequence[Request],
    method: AnswerMethod,
    batch_size: int,
    peak: float | None,
) -> Speed:
    """Ask everything once for practice and once for the record."""
    seconds = asyncio.run(_time(MeasuredAdapter(subject, batch_size), requests, method))
    flops = count_flops(subject.model, requests, method, batch_size) / len(requests)
    rate = len(requests) / seconds
    share = None if peak is None else rate * flops / (peak * 1e12)
    return Speed(rate, flops, share)


async def _time(
    adapter: MeasuredAdapter, requests: Sequence[Request], method: AnswerMethod
) -> float:
    scoring = method is AnswerMethod.SCORE_CHOICES
    seconds = 0.0
    async with adapter:
        for _ in range(2):
            started = time.perf_counter()
            asked = adapter.score_choices(requests) if scoring else adapter.generate(requests)
            results = [result async for result in asked]
            seconds = time.perf_counter() - started
    wrong = [result.detail for result in results if not result.text and result.detail]
    if wrong:
        raise RuntimeError(f"{len(wrong)} requests were not answered: {wrong[0]}")
    return seconds


def count_flops(
    model: LocalModel[Any], requests: Sequence[Request], method: AnswerMethod, batch_size: int
) -> float:
    """Count the operations of a run from the shapes of its matrix products."""
    with FlopCounterMode(display=False) as counter:
        for start in range(0, len(requests), batch_size):
            batch = requests[start : start + batch_size]
            inputs = [one for one in model.prepare(batch) if not isinstance(one, InputError)]
            if method is AnswerMethod.SCORE_CHOICES:
                tokens = [[model.letter_token(one) for one in asked.letters] for asked in batch]
                model.score_first_token(inputs, tokens)
            else:
                model.write(inputs, NEW_TOKENS)
    return float(counter.get_total_flops())


def find_peak(card: str) -> float | None:
    """Give the teraFLOP/s of a card by its name; None if it is not in the table."""
    return next((peak for name, peak in PEAKS if name in card), None)


def measure_subject(
    subject: Subject, clips: int, batch_size: int, peak: float | None
) -> list[dict[str, object]]:
    """Measure a model with each number of questions per clip and each way of answering."""
    rows: list[dict[str, object]] = []
    for per_clip in QUESTIONS_PER_CLIP:
        requests = make_requests(clips, per_clip)
        for method in AnswerMethod:
            plain = measure(subject, requests, method, 1, peak)
            batched = measure(subject, requests, method, batch_size, peak)
            rows.append(
                {
                    "model": subject.name,
                    "parameters": subject.parameters,
                    "answer_method": method.value,
                    "questions_per_clip": per_clip,
                    "items": len(requests),
                    "batch_size": batch_size,
                    "plain_loop": _rounded(plain),
                    "adapter": _rounded(batched),
                    "ratio": round(batched.items_per_second / plain.items_per_second, 2),
                }
            )
            print(json.dumps(rows[-1]), flush=True)
    return rows


def _rounded(speed: Speed) -> dict[str, float | None]:
    return {
        name: None if value is None else float(f"{value:.4g}")
        for name, value in asdict(speed).items()
    }


def may_write(record: dict[str, Any], results: Path) -> bool:
    """Say whether a record may take the place of the one there: no GPU never replaces a GPU."""
    if record["gpu"] is not None or not results.exists():
        return True
    return json.loads(results.read_text(encoding="utf-8"))["gpu"] is None


def main() -> None:
    """Measure, print and record."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, help="32 on a GPU, 4 elsewhere")
    parser.add_argument("--batch-size", type=int, help="32 on a GPU, 8 elsewhere")
    parser.add_argument("--peak", type=float, help="teraFLOP/s of the card in 16 bits")
    arguments = parser.parse_args()
    on_gpu = torch.cuda.is_available()
    card = torch.cuda.get_device_name() if on_gpu else None
    peak = arguments.peak or (find_peak(card) if card else None)
    clips = arguments.clips or (32 if on_gpu else 4)
    batch_size = arguments.batch_size or (32 if on_gpu else 8)
    rows: list[dict[str, object]] = []
    for build in full_subjects("cuda") if on_gpu else tiny_subjects("cpu"):
        rows += measure_subject(build(), clips, batch_size, peak)
        gc.collect()
        if on_gpu:
            torch.cuda.empty_cache()
    record = {
        "date": datetime.now(UTC).date().isoformat(),
        "gpu": card,
        "statement": None if on_gpu else NO_GPU,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "versions": {name: version(name) for name in ("emoreal-bench", "torch", "transformers")},
        "peak_teraflops": peak,
        "new_tokens": NEW_TOKENS,
        "target_ratio": TARGET_RATIO,
        "rows": rows,
    }
    print(json.dumps(record, indent=2))
    if may_write(record, RESULTS):
        RESULTS.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
