"""Qwen2.5-Omni and its miniature: tokens, marks and parameters."""

from __future__ import annotations

import pytest
from transformers import PreTrainedTokenizerFast

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.model_adapters.built_in import tiny_network
from emoreal_bench.model_adapters.local.qwen_omni.inputs import OmniInputBuilder
from emoreal_bench.model_adapters.local.qwen_omni.qwen2_5_omni import Qwen25Omni
from emoreal_bench.model_adapters.local.token_choice import find_letter_token
from tests.avere_checkpoint import make_avere_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return tiny_network.make_tokenizer()


def test_a_letter_is_the_same_token_alone_and_in_brackets(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    in_brackets = tokenizer("(A) Yes", add_special_tokens=False)["input_ids"]
    assert in_brackets[1] == find_letter_token("A", tokenizer)


def test_a_tokenizer_of_another_network_is_refused(tokenizer: PreTrainedTokenizerFast) -> None:
    configuration = {**tiny_network.settings(tokenizer), "video_token_id": 300}
    builder = OmniInputBuilder(tokenizer, tiny_network.FRAME_SETTINGS, tiny_network.MAX_TOKENS)
    with pytest.raises(UsageError, match="expects"):
        Qwen25Omni(tiny_network.make_network(configuration, seed=0), tokenizer, builder)


def test_a_tokenizer_without_the_marks_is_refused() -> None:
    with pytest.raises(UsageError, match="lacks"):
        OmniInputBuilder(make_avere_tokenizer(), tiny_network.FRAME_SETTINGS, 4096)


def test_the_miniature_has_the_parameters_it_states(tokenizer: PreTrainedTokenizerFast) -> None:
    network = tiny_network.make_network(tiny_network.settings(tokenizer), seed=0)
    assert sum(parameter.numel() for parameter in network.parameters()) == tiny_network.PARAMETERS


def test_the_tokenizer_is_the_same_every_time(tokenizer: PreTrainedTokenizerFast) -> None:
    assert tiny_network.make_tokenizer().get_vocab() == tokenizer.get_vocab()


def test_the_tokenizer_reads_and_writes_any_text(tokenizer: PreTrainedTokenizerFast) -> None:
    text = "Wie fühlt sie sich? 悲しい 😢\n(A)\tYes"
    assert tokenizer.decode(tokenizer(text)["input_ids"]) == text
