"""What has to hold on a GPU, looked at with miniatures, and what happens when memory runs out.

Each check gives what it measured and ``passed``. Differences are those of
natural log-probabilities of letters.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.gpu.clips import MOST_QUESTIONS, make_requests
from benchmarks.gpu.models import Subject
from benchmarks.gpu.speed import MeasuredAdapter, ask
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import AnswerMethod
from emoreal_bench.inputs import InputError
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.local.adapter import LocalModel
from emoreal_bench.model_adapters.local.spread import SpreadAdapter
from tests.local_families import FAMILIES
from tests.omni_folders import PIXELS

FLOAT32_TOLERANCE = 5e-3
"""Between a processor and a GPU, whose convolutions round to 19 bits."""
BFLOAT16_TOLERANCE = 0.15
"""Of a trained miniature; bfloat16 has 8 bits."""
_CLIPS = 6
_ROOM = 1 << 30

Found = dict[str, Any]


class Miniature:
    """The trained ``tiny/omni`` as a folder, asked through ``hf/`` as users ask.

    Args:
        folder: To write it to.
        clips: To ask about.
        device: To compare with the processor.
    """

    def __init__(self, folder: Path, clips: Sequence[ClipMedia], device: str):
        self._folder = folder / "omni"
        tokenizer = tiny_network.make_tokenizer()
        network = tiny_network.make_network(tiny_network.settings(tokenizer), seed=0)
        tiny_network.load_weights(network, tiny_network.WEIGHTS)
        network.save_pretrained(self._folder)
        tokenizer.save_pretrained(self._folder)
        self._requests = make_requests(clips[:_CLIPS], MOST_QUESTIONS, 8)
        self._device = device
        self._on_processor = self._score(device="cpu")

    def _score(self, lora: Path | None = None, alone: bool = False, **arguments: str) -> _Scores:
        size = str(1 if alone else len(self._requests))
        given = {**PIXELS, "batch_size": size, **arguments}
        if "devices" in given:
            del given["device"]
        return _Scores(asyncio.run(_run(f"hf/{self._folder}", given, lora, self._requests)))

    def check_float32(self) -> Found:
        """Hold 32-bit floats on the device against those on the processor."""
        return self._score(device=self._device).against(self._on_processor, FLOAT32_TOLERANCE)

    def check_bfloat16(self) -> Found:
        """Hold bfloat16 on the device against 32-bit floats on the processor."""
        found = self._score(device=self._device, dtype="bfloat16")
        return found.against(self._on_processor, BFLOAT16_TOLERANCE)

    def check_attention(self) -> Found:
        """Hold sdpa against attention step by step."""
        found = self._score(device=self._device, attention="sdpa")
        return found.against(self._score(device=self._device, attention="eager"), FLOAT32_TOLERANCE)

    def check_padding(self) -> Found:
        """Hold questions of several lengths in one batch against each alone, in both formats."""
        found: Found = {}
        for dtype, tolerance in (("float32", FLOAT32_TOLERANCE), ("bfloat16", BFLOAT16_TOLERANCE)):
            together = self._score(device=self._device, dtype=dtype)
            alone = self._score(device=self._device, dtype=dtype, alone=True)
            found[dtype] = together.against(alone, tolerance)
        return {**found, "passed": all(one["passed"] for one in found.values())}

    def check_lora(self) -> Found:
        """Hold a LoRA adapter on the device against itself on the processor, and it must matter."""
        lora = tiny_network.ADAPTERS / "avem-dpo"
        expected = self._score(lora, device="cpu")
        found = self._score(lora, device=self._device).against(expected, FLOAT32_TOLERANCE)
        moved = expected.difference(self._on_processor)
        return {**found, "moved_by_adapter": moved, "passed": found["passed"] and moved > 0.1}

    def check_copies(self) -> Found:
        """Hold two copies on one device against one copy, which they must equal."""
        number = "cpu" if self._device == "cpu" else "0"
        found = self._score(devices=f"{number},{number}", batch_size=str(MOST_QUESTIONS))
        return found.against(
            self._score(device=self._device, batch_size=str(MOST_QUESTIONS)), FLOAT32_TOLERANCE
        )


class _Scores:
    """Letters scored, question by question."""

    def __init__(self, results: Sequence[Result]):
        self.rows = [
            list(one.choice_scores.scores.values()) for one in results if one.choice_scores
        ]
        self.choices = [one.text for one in results]
        if len(self.rows) < len(results):
            detail = next(one.detail for one in results if not one.choice_scores)
            raise RuntimeError(f"{len(results) - len(self.rows)} are not scored: {detail}")

    def difference(self, other: _Scores) -> float:
        """Give the largest difference between two scores of a letter."""
        return _largest_difference(self.rows, other.rows)

    def against(self, other: _Scores, tolerance: float) -> Found:
        """Say how these differ from others."""
        difference = self.difference(other)
        same = sum(a == b for a, b in zip(self.choices, other.choices, strict=True))
        return {
            "largest_difference": difference,
            "same_choices": f"{same} of {len(self.rows)}",
            "tolerance": tolerance,
            "passed": difference <= tolerance,
        }


async def _run(
    model: str, arguments: Mapping[str, str], lora: Path | None, requests: Sequence[Request]
) -> list[Result]:
    """Ask a model by its name, in as many batches at a time as it takes."""
    adapter = create_adapter(model, arguments, lora)
    size = adapter.describe().capabilities.batch_size
    found: dict[str, Result] = {}

    async def take(batch: Sequence[Request]) -> None:
        found.update({result.id: result async for result in adapter.score_choices(batch)})

    async with adapter:
        batches = [requests[start : start + size] for start in range(0, len(requests), size)]
        if isinstance(adapter, SpreadAdapter):
            await asyncio.gather(*map(take, batches))
        else:
            for batch in batches:
                await take(batch)
    return [found[request.id] for request in requests]


def _largest_difference(one: Sequence[Sequence[float]], other: Sequence[Sequence[float]]) -> float:
    pairs = [(a, b) for x, y in zip(one, other, strict=True) for a, b in zip(x, y, strict=True)]
    return float(f"{max(abs(a - b) for a, b in pairs):.3g}")


def check_families(device: str) -> Found:
    """Hold every family's miniature on the device against itself on the processor."""
    requests = [
        make_request(f"{seed} {words}", make_clip(seed), f"{words} smile?")
        for seed in (1, 2)
        for words in ("Is there a", "Can a bright and open", "A")
    ]
    found: Found = {}
    for family in FAMILIES:
        model = family.load().model
        expected = _score_directly(model, requests)
        model.network.to(device)
        difference = _largest_difference(_score_directly(model, requests), expected)
        model.network.to(torch.bfloat16)
        coarse = _largest_difference(_score_directly(model, requests), expected)
        found[family.name] = {"float32": difference, "bfloat16": coarse}
    worst = max(one["float32"] for one in found.values())
    return {**found, "tolerance": FLOAT32_TOLERANCE, "passed": worst <= FLOAT32_TOLERANCE}


def _score_directly(model: LocalModel[Any], requests: Sequence[Request]) -> list[list[float]]:
    inputs = [one for one in model.prepare(requests) if not isinstance(one, InputError)]
    tokens = [[model.letter_token(letter) for letter in one.letters] for one in requests]
    return model.score_first_token(inputs, tokens)


def run_checks(
    clips: Sequence[ClipMedia], device: str, run: Callable[[str, Callable[[], Found]], None]
) -> None:
    """Make all checks of miniatures.

    Args:
        clips: To ask about.
        device: To look at.
        run: Takes the name of each check and the check.
    """
    with tempfile.TemporaryDirectory() as folder:
        tiny = Miniature(Path(folder), clips, device)
        run("float32, GPU against processor", tiny.check_float32)
        run("bfloat16 against float32", tiny.check_bfloat16)
        run("sdpa against eager", tiny.check_attention)
        run("left padding", tiny.check_padding)
        run("LoRA adapter", tiny.check_lora)
        run("two copies on one card", tiny.check_copies)
    run("every family, GPU against processor", lambda: check_families(device))


def check_out_of_memory(subject: Subject, clips: Sequence[ClipMedia]) -> Found:
    """Leave a model little memory and ask more at once than fits: all must be answered as before.

    Raises:
        RuntimeError: If a request is not answered.
    """
    requests = make_requests(clips, 1, 5)
    method = AnswerMethod.SCORE_CHOICES

    async def score(size: int) -> tuple[_Scores, int | None]:
        async with MeasuredAdapter(subject, size) as adapter:
            return _Scores(await ask(adapter, requests, method)), adapter.fitting_size

    expected, _ = asyncio.run(score(2))
    gc.collect()
    torch.cuda.empty_cache()
    limit = torch.cuda.memory_allocated() + _ROOM
    torch.cuda.set_per_process_memory_fraction(limit / torch.cuda.mem_get_info()[1])
    try:
        found, size = asyncio.run(score(len(requests)))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    against = found.against(expected, BFLOAT16_TOLERANCE)
    return {
        **against,
        "room_mebibytes": _ROOM >> 20,
        "asked_at_once": len(requests),
        "fitted_at_once": size,
        "passed": size is not None and against["passed"],
    }
