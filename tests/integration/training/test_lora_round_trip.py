"""An adapter trained here gives, through ``--lora``, the log-probabilities that training saw."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from emoreal_bench.contracts.request import Request
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.conformance.requests import make_clip
from emoreal_bench.model_adapters.local.adapter import LocalAdapter
from emoreal_bench.training.examples.answers import PromptWithAnswers
from emoreal_bench.training.trainable import TrainableModel
from tests.training_models import FAMILIES, TinyModel, ask, make_tiny_model, take_steps

# Short enough that sums of 32-bit floats can be held to 1e-5: near -100 their steps are 8e-6.
ANSWERS = ("A", "(B) She")
PROMPTS = [ask(make_clip(1), make_clip(2), *ANSWERS), ask(None, None, *ANSWERS)]


@pytest.fixture(scope="module", params=FAMILIES)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> TinyModel:
    return make_tiny_model(request.param, tmp_path_factory.mktemp("model"))


@pytest.fixture(scope="module")
def trained(model: TinyModel) -> TrainableModel:
    loaded = model.load()
    take_steps(loaded, PROMPTS[:1])
    return loaded


@pytest.fixture(scope="module")
def lora(trained: TrainableModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lora")
    trained.save_adapter(folder)
    return folder


def score_in_evaluation(
    model: TinyModel, lora: Path | None, prompt: PromptWithAnswers
) -> list[float]:
    """Score answers as an evaluation scores letters: token by token, each as the first."""
    adapter = create_adapter(model.name, model.arguments, lora)
    assert isinstance(adapter, LocalAdapter)
    # Of whatever family: each prepares tensors of its own.
    loaded: Any = adapter.load()
    (prepared,) = loaded.prepare([prompt.request])
    scores = []
    for answer in prompt.answers:
        tokens = loaded.reply_tokens(answer)
        grown = [
            replace(prepared, input_ids=(*prepared.input_ids, *tokens[:count]))
            for count in range(len(tokens))
        ]
        rows = loaded.score_first_token(grown, [[token] for token in tokens])
        scores.append(sum(score for (score,) in rows))
    return scores


def score_letters(model: TinyModel, lora: Path | None, request: Request) -> dict[str, float]:
    """Score letters through the whole adapter, as ``emoreal-bench run --lora`` does."""

    async def run() -> dict[str, float]:
        async with create_adapter(model.name, model.arguments, lora) as adapter:
            (result,) = [one async for one in adapter.score_choices([request])]
        assert result.choice_scores is not None
        return dict(result.choice_scores.scores)

    return asyncio.run(run())


def test_whole_answers_score_as_training_saw_them(
    model: TinyModel, trained: TrainableModel, lora: Path
) -> None:
    with torch.no_grad():
        seen = trained.network(trained.prepare(PROMPTS)).tolist()
    found = [score for prompt in PROMPTS for score in score_in_evaluation(model, lora, prompt)]
    assert found == pytest.approx(seen, abs=1e-5, rel=0)
    without = [score for prompt in PROMPTS for score in score_in_evaluation(model, None, prompt)]
    assert without != pytest.approx(seen, abs=0.1)


def test_letters_score_as_training_saw_them(
    model: TinyModel, trained: TrainableModel, lora: Path
) -> None:
    request = PROMPTS[0].request
    found = score_letters(model, lora, request)
    reader: Any = trained._reader
    tokens = [reader.letter_token(letter) for letter in request.letters]
    (seen,) = reader.score_first_token(reader.prepare([request]), [tokens])
    assert list(found.values()) == pytest.approx(seen, abs=1e-5, rel=0)
    assert list(found.values()) != pytest.approx(
        list(score_letters(model, None, request).values()), abs=1e-2
    )
