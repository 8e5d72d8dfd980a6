"""Examines a worker: ``python -m emoreal_bench.model_adapters.worker.check COMMAND...``.

It asks the worker questions about clips of seeded noise and holds its answers
against what ``docs/workers.md`` promises. Any worker can be examined so, with
its model or with a small stand-in; the exit code is 0, or 10 if a check failed.
"""

from __future__ import annotations

import asyncio
import shlex
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import numpy as np

from emoreal_bench.contracts.errors import EmorealError, ExitCode
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import (
    AudioPart,
    GenerationSettings,
    Message,
    Request,
    TextPart,
    VideoPart,
)
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality, Repeatability
from emoreal_bench.model_adapters.providers import create_adapter

_FRAMES, _SECONDS, _SAMPLE_RATE, _SIZE = 8, 2.0, 16_000, 224
_QUESTION = "Is there a bright smile in the clip?\n(A) Yes\n(B) No\nAnswer with the letter."


@dataclass(frozen=True, slots=True)
class Finding:
    """One check and what came of it."""

    promise: str
    kept: bool
    seen: str = ""


def check_worker(command: Sequence[str]) -> list[Finding]:
    """Examine a worker.

    Args:
        command: Program and arguments that start it.

    Raises:
        UsageError: If it cannot be started or does not describe itself.
    """
    adapter = create_adapter("worker/examined", {"command": shlex.join(command)})
    capabilities = adapter.describe().capabilities
    asked = [_make_request("1", 1), _make_request("2", 2), _make_request("3", 1, sound=False)]

    async def run(
        method: Callable[[Sequence[Request]], AsyncIterator[Result]], requests: Sequence[Request]
    ) -> list[Result]:
        async with adapter:
            return [result async for result in method(requests)]

    first = asyncio.run(run(adapter.generate, asked))
    again = asyncio.run(run(adapter.generate, asked))
    findings = [
        _is_described_again(command),
        _is_answered(first),
        *_is_counted(first, capabilities.modalities),
    ]
    if capabilities.repeatability in (Repeatability.EXACT, Repeatability.SAME_BATCH):
        same = [one.text for one in first] == [one.text for one in again]
        findings.append(Finding("the same questions get the same answers, as it says", same))
    if capabilities.choice_score_kind is not None:
        findings.append(_is_scored(asyncio.run(run(adapter.score_choices, asked))))
    return findings


def _is_described_again(command: Sequence[str]) -> Finding:
    one, other = (
        create_adapter("worker/examined", {"command": shlex.join(command)}).describe()
        for _ in range(2)
    )
    return Finding("it describes itself the same each time", one == other)


def _is_answered(results: Sequence[Result]) -> Finding:
    finished = (DeliveryStatus.OK, DeliveryStatus.LENGTH)
    wrong = [f"{one.status}: {one.detail}" for one in results if one.status not in finished]
    return Finding("every question gets an answer", not wrong, "; ".join(wrong))


def _is_counted(results: Sequence[Result], takes: tuple[Modality, ...]) -> list[Finding]:
    whole, other, silent = (result.delivery for result in results)
    findings = []
    if Modality.VIDEO in takes:
        told = whole.frames == _FRAMES or (whole.frames > 0 and bool(whole.notes))
        seen = f"{whole.frames} of {_FRAMES}"
        findings.append(Finding("frames are counted, and a difference is noted", told, seen))
    if Modality.AUDIO in takes:
        told = abs(whole.audio_seconds - _SECONDS) < 0.05 or (
            whole.audio_seconds > 0 and bool(whole.notes)
        )
        seen = f"{whole.audio_seconds:g} of {_SECONDS:g} s"
        findings.append(Finding("sound is counted, and a difference is noted", told, seen))
        heard = silent.audio_seconds
        findings.append(
            Finding("no sound is counted where there is none", heard == 0, f"{heard:g} s")
        )
    if takes != (Modality.TEXT,):
        differs = None not in (whole.input_hash, other.input_hash)
        differs = differs and whole.input_hash != other.input_hash
        findings.append(Finding("another clip gives another input hash", differs))
    return findings


def _is_scored(results: Sequence[Result]) -> Finding:
    wrong = [f"{one.status}: {one.detail}" for one in results if one.choice_scores is None]
    return Finding("letters are scored, as it says", not wrong, "; ".join(wrong))


def _make_request(identity: str, seed: int, *, sound: bool = True) -> Request:
    generator = np.random.default_rng(seed)
    noise = generator.uniform(-0.5, 0.5, round(_SECONDS * _SAMPLE_RATE)).astype(np.float32)
    clip = ClipMedia(
        key=f"noise {seed} {sound}",
        path=None,
        frames=generator.integers(0, 256, (_FRAMES, _SIZE, _SIZE, 3), dtype=np.uint8),
        timestamps=tuple(_SECONDS * frame / _FRAMES for frame in range(_FRAMES)),
        waveform=noise if sound else None,
        sample_rate=_SAMPLE_RATE,
        duration=_SECONDS,
    )
    parts = (VideoPart("clip"), AudioPart("clip"), TextPart(_QUESTION))
    return Request(
        id=identity,
        messages=(Message("user", parts),),
        settings=GenerationSettings(max_new_tokens=8),
        letters=("A", "B"),
        clips={"clip": clip},
    )


def main(command: Sequence[str]) -> int:
    """Examine a worker and print what was found.

    Args:
        command: Program and arguments that start it.

    Returns:
        An exit code.
    """
    if not command:
        sys.stderr.write(f"{__doc__}\n")
        return ExitCode.USAGE
    try:
        findings = check_worker(command)
    except EmorealError as error:
        sys.stderr.write(f"error: {error}\n")
        return error.exit_code
    for finding in findings:
        seen = f" ({finding.seen})" if finding.seen else ""
        sys.stdout.write(f"{'ok    ' if finding.kept else 'BROKEN'} {finding.promise}{seen}\n")
    return ExitCode.DONE if all(one.kept for one in findings) else ExitCode.REGRESSION


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
