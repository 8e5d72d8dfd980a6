"""The promises of every adapter, asked of ``vllm/...`` on vLLM itself."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from emoreal_bench.contracts.adapter import ModelAdapter
from tests.integration.models.test_adapter_conformance import (
    Subject,
    batch,
    test_a_cancelled_batch_leaves_the_adapter_usable,
    test_a_missing_modality_is_noted_and_not_counted,
    test_a_prompt_renders_the_same_before_and_after_opening,
    test_a_request_that_cannot_be_answered_costs_no_other,
    test_an_adapter_may_be_opened_and_closed_again,
    test_another_clip_gives_another_input_hash,
    test_another_question_renders_otherwise,
    test_choices_are_scored_where_the_model_says_so,
    test_describing_does_not_change,
    test_every_request_is_answered_once_under_its_id,
    test_no_requests_give_no_results,
    test_the_same_seed_gives_the_same_answers,
    test_what_reached_the_model_is_counted,
    with_a_reserved_mark,
)

__all__ = [
    "batch",
    "test_a_cancelled_batch_leaves_the_adapter_usable",
    "test_a_missing_modality_is_noted_and_not_counted",
    "test_a_prompt_renders_the_same_before_and_after_opening",
    "test_a_request_that_cannot_be_answered_costs_no_other",
    "test_an_adapter_may_be_opened_and_closed_again",
    "test_another_clip_gives_another_input_hash",
    "test_another_question_renders_otherwise",
    "test_choices_are_scored_where_the_model_says_so",
    "test_describing_does_not_change",
    "test_every_request_is_answered_once_under_its_id",
    "test_no_requests_give_no_results",
    "test_the_same_seed_gives_the_same_answers",
    "test_what_reached_the_model_is_counted",
]


@dataclass(frozen=True)
class EngineSubject(Subject):
    """The adapter that stands before the one engine of these tests."""

    adapter: ModelAdapter | None = None

    def create(self) -> ModelAdapter:
        assert self.adapter is not None
        return self.adapter


@pytest.fixture
def subject(adapter: ModelAdapter) -> Subject:
    return EngineSubject("vllm/{folder}", with_a_reserved_mark, adapter=adapter)
