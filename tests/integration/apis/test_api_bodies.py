"""What the services are asked for, beside the media."""

from __future__ import annotations

from dataclasses import replace
from math import exp, inf, log
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench import api
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import GenerationSettings, Message, TextPart
from emoreal_bench.contracts.vocabulary import (
    AnswerMethod,
    ChoiceScoreKind,
    DeliveryStatus,
    Modality,
    Repeatability,
)
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.conformance.requests import QUESTION, make_clip, make_request
from emoreal_bench.model_adapters.conformance.stub_server import StubServer
from emoreal_bench.model_adapters.remote.reply import (
    BOUND_NOTE,
    IMPOSSIBLE_NOTE,
    NO_OPTION_NOTE,
    TIE_NOTE,
)
from tests.integration.apis.services import GOOGLE, ITEMS, OPENAI, VLLM, Service

REASONING = Service("openai/gpt-5.2", "/v1", "OPENAI_API_KEY")
SETTINGS = GenerationSettings(
    max_new_tokens=5, temperature=0.5, top_p=0.9, seed=7, stop=("\n",), reasoning_tokens=100
)


def body(service: Service, stub: StubServer, **arguments: str) -> Any:
    """The body of a request with unusual settings."""
    request = make_request("1", settings=SETTINGS)
    (result,) = service.ask(stub, [request], **arguments)
    assert result.status is DeliveryStatus.OK
    return stub.requests[-1].body


def test_settings_are_passed_on_to_a_chat_server(stub: StubServer) -> None:
    assert (
        body(VLLM, stub).items()
        >= {
            "model": "qwen",
            "max_tokens": 105,
            "temperature": 0.5,
            "top_p": 0.9,
            "seed": 7,
            "stop": ["\n"],
        }.items()
    )


def test_settings_are_passed_on_to_google(stub: StubServer) -> None:
    config = body(GOOGLE, stub)["generationConfig"]
    assert config["maxOutputTokens"] == 105
    assert (config["temperature"], config["topP"], config["seed"]) == (0.5, 0.9, 7)
    assert config["stopSequences"] == ["\n"]
    assert thinking_budget(config) == 100


def thinking_budget(config: Any) -> int:
    thinking = config["thinkingConfig"]
    budget = thinking.get("thinkingBudget", thinking.get("thinking_budget"))
    assert isinstance(budget, int)
    return budget


def test_a_model_that_always_reasons_gets_the_least_it_takes(stub: StubServer) -> None:
    always = replace(GOOGLE, model="google/gemini-2.5-pro")
    always.ask(stub, [make_request("1")])
    config = stub.requests[-1].body["generationConfig"]
    assert thinking_budget(config) == 128
    assert config["maxOutputTokens"] == 8 + 128


def test_a_user_may_set_the_budget_of_hidden_reasoning(stub: StubServer) -> None:
    config = body(GOOGLE, stub, thinking_budget="7")["generationConfig"]
    assert thinking_budget(config) == 7
    assert config["maxOutputTokens"] == 5 + 7


@pytest.mark.parametrize(
    ("model", "argument", "taken"),
    [
        ("gemini-2.5-flash", {"thinking_level": "high"}, "thinking_budget"),
        ("gemini-3-pro", {"thinking_budget": "7"}, "thinking_level"),
        ("gemini-2.0-flash", {"thinking_budget": "7"}, "no setting"),
    ],
)
def test_a_setting_of_hidden_reasoning_that_the_model_does_not_take_is_refused(
    model: str, argument: dict[str, str], taken: str
) -> None:
    with pytest.raises(UsageError) as refused:
        create_adapter(f"google/{model}", argument)
    assert taken in str(refused.value.remedy)


def test_a_reasoning_model_gets_room_to_reason_and_no_sampling_settings(stub: StubServer) -> None:
    asked = body(REASONING, stub, reasoning_effort="low")
    assert asked["max_completion_tokens"] == 5 + 2048
    assert asked["reasoning_effort"] == "low"
    assert not {"temperature", "top_p", "seed", "max_tokens"} & set(asked)


def test_settings_that_a_model_does_not_take_are_noted(stub: StubServer) -> None:
    (result,) = REASONING.ask(stub, [make_request("1")])
    assert result.delivery.notes == ("temperature, top_p and seed left out: the model takes none",)


def test_a_model_that_takes_no_seed_promises_nothing() -> None:
    described = {
        name: create_adapter(name).describe() for name in ("openai/gpt-4o", REASONING.model)
    }
    assert [d.capabilities.repeatability for d in described.values()] == [
        Repeatability.BEST_EFFORT,
        Repeatability.NONE,
    ]


def test_what_a_family_takes_can_be_put_right_by_arguments(stub: StubServer) -> None:
    arguments = {"sampling": "true", "top_logprobs": "5", "takes_audio": "true"}
    assert body(REASONING, stub, **arguments)["temperature"] == 0.5
    capabilities = create_adapter(REASONING.model, arguments).describe().capabilities
    assert capabilities.modalities == (Modality.VIDEO, Modality.AUDIO, Modality.TEXT)
    assert capabilities.choice_score_kind is ChoiceScoreKind.LETTER_LOGIT


def test_a_model_that_speaks_over_a_websocket_only_is_refused() -> None:
    with pytest.raises(UsageError, match="websocket"):
        create_adapter("openai/gpt-realtime-2")


def test_safety_filters_are_off_where_they_may_be(stub: StubServer) -> None:
    filters = body(GOOGLE, stub)["safetySettings"]
    assert {setting["threshold"] for setting in filters} == {"OFF"}
    assert len(filters) == 4


def test_the_version_of_the_interface_is_said_and_not_left_to_the_sdk(stub: StubServer) -> None:
    body(GOOGLE, stub, api_version="v1beta")
    assert stub.requests[-1].path == "/v1beta/models/gemini-2.5-flash:generateContent"


def test_a_system_message_stays_one(service: Service, stub: StubServer) -> None:
    question = make_request("1")
    system = Message("system", (TextPart("You watch clips."),))
    service.ask(stub, [replace(question, messages=(system, *question.messages))])
    asked = stub.requests[-1].body
    if service is GOOGLE:
        assert asked["systemInstruction"]["parts"][0]["text"] == "You watch clips."
        assert [content["role"] for content in asked["contents"]] == ["user"]
    else:
        assert asked["messages"][0] == {"role": "system", "content": "You watch clips."}
        assert asked["messages"][1] == {"role": "user", "content": QUESTION}


def test_earlier_answers_are_the_model_s_own_turns(service: Service, stub: StubServer) -> None:
    question = make_request("1")
    shots = (
        Message("user", (TextPart("Is she sad?"),)),
        Message("assistant", (TextPart("(B)"),)),
    )
    service.ask(stub, [replace(question, messages=(*shots, *question.messages))])
    asked = stub.requests[-1].body
    turns = asked["contents"] if service is GOOGLE else asked["messages"]
    own = "model" if service is GOOGLE else "assistant"
    assert [turn["role"] for turn in turns] == ["user", own, "user"]


class TestConstrainedAnswers:
    def test_openai_is_given_a_schema_and_its_letter_is_taken_out(self, stub: StubServer) -> None:
        stub.text = '{"answer": "B"}'
        (result,) = OPENAI.ask(stub, [make_request("1")], constrain="true")
        schema = stub.requests[-1].body["response_format"]["json_schema"]["schema"]
        assert schema["properties"]["answer"]["enum"] == ["A", "B"]
        assert result.text == "B"

    @pytest.mark.parametrize("text", ['{"answer": "C"}', '{"answer": "A"', '{"a": 1}', "(A)"])
    def test_a_text_that_does_not_keep_to_the_schema_stays_as_it_is(
        self, stub: StubServer, text: str
    ) -> None:
        stub.text = text
        (result,) = OPENAI.ask(stub, [make_request("1")], constrain="true")
        assert result.text == text

    def test_vllm_is_given_the_letters(self, stub: StubServer) -> None:
        VLLM.ask(stub, [make_request("1")], constrain="true")
        assert stub.requests[-1].body["structured_outputs"] == {"choice": ["A", "B"]}

    def test_google_is_given_an_enumeration(self, stub: StubServer) -> None:
        GOOGLE.ask(stub, [make_request("1")], constrain="true")
        config = stub.requests[-1].body["generationConfig"]
        assert config["responseMimeType"] == "text/x.enum"
        assert config["responseSchema"]["enum"] == ["A", "B"]

    def test_an_item_without_options_is_asked_freely(
        self, service: Service, stub: StubServer
    ) -> None:
        service.ask(stub, [make_request("1", letters=())], constrain="true")
        asked = stub.requests[-1].content
        assert b"structured_outputs" not in asked
        assert b"schema" not in asked.lower()

    def test_a_model_that_cannot_be_held_to_a_schema_says_so(self) -> None:
        with pytest.raises(UsageError, match="schema"):
            create_adapter("openai/gpt-audio-1.5", {"constrain": "true"})


class TestChoiceScores:
    def test_tokens_that_spell_one_letter_add_up(self, service: Service, stub: StubServer) -> None:
        stub.top_tokens = [("A", log(0.3)), ("B", log(0.2)), (" B", log(0.15)), ("The", log(0.1))]
        (result,) = service.score(stub, [make_request("1", make_clip())])
        assert result.choice_scores is not None
        assert result.choice_scores.kind is ChoiceScoreKind.LETTER_LOGIT
        assert result.choice_scores.scores == pytest.approx({"A": log(0.3), "B": log(0.35)})
        assert result.choice_scores.mass == pytest.approx(0.65)
        assert result.text == "B"

    def test_a_letter_that_the_service_does_not_score_gets_a_bound_and_a_note(
        self, service: Service, stub: StubServer
    ) -> None:
        stub.top_tokens = [("A", -0.1), ("The", -4.0)]
        (result,) = service.score(stub, [make_request("1")])
        assert result.choice_scores is not None
        assert result.choice_scores.scores == pytest.approx({"A": -0.1, "B": -4.0})
        assert result.choice_scores.mass == pytest.approx(exp(-0.1))
        assert BOUND_NOTE in result.delivery.notes

    @pytest.mark.parametrize("unlikely", [-9999.0, -1e308])
    def test_a_score_that_is_no_probability_any_more_is_kept(
        self, stub: StubServer, unlikely: float
    ) -> None:
        stub.top_tokens = [("A", 0.0), ("B", unlikely)]
        (result,) = VLLM.score(stub, [make_request("1")])
        assert result.choice_scores is not None
        assert result.choice_scores.scores == {"A": 0.0, "B": unlikely}

    @pytest.mark.parametrize("only", [-0.0, -0.1, -3.0])
    def test_a_letter_that_is_not_returned_stands_below_the_one_that_is(
        self, service: Service, stub: StubServer, only: float
    ) -> None:
        stub.top_tokens = [("B", only)]
        (result,) = service.score(stub, [make_request("1")])
        assert result.text == "B"
        assert result.choice_scores is not None
        scores = result.choice_scores.scores
        assert scores["A"] < scores["B"] == only
        assert exp(scores["A"]) <= max(1 - exp(only), 1e-6) + 1e-12
        assert BOUND_NOTE in result.delivery.notes

    def test_what_the_returned_tokens_leave_over_bounds_the_others(self, stub: StubServer) -> None:
        stub.top_tokens = [("B", log(0.6)), ("The", log(0.3))]
        (result,) = VLLM.score(stub, [make_request("1")])
        assert result.choice_scores is not None
        assert result.choice_scores.scores["A"] == pytest.approx(log(0.1))

    def test_a_letter_is_never_tied_with_one_that_is_not_returned(self, stub: StubServer) -> None:
        stub.top_tokens = [("x", -3.0), ("B", -3.0), ("y", -3.0)]
        (result,) = VLLM.score(stub, [make_request("1")])
        assert result.text == "B"
        assert TIE_NOTE not in result.delivery.notes

    @pytest.mark.parametrize("first", ["A", "B"])
    def test_minus_infinity_is_a_score(self, stub: StubServer, first: str) -> None:
        other = "AB".replace(first, "")
        stub.top_tokens = [(first, 0.0), (other, -inf)]
        (result,) = VLLM.score(stub, [make_request("1")])
        assert (result.status, result.text) == (DeliveryStatus.OK, first)
        assert result.choice_scores is not None
        assert result.choice_scores.scores[other] < -1_000
        assert result.delivery.notes == ()

    def test_equal_scores_are_noted(self, service: Service, stub: StubServer) -> None:
        stub.top_tokens = [("A", -0.7), ("B", -0.7)]
        (result,) = service.score(stub, [make_request("1")])
        assert result.text == "A"
        assert TIE_NOTE in result.delivery.notes

    def test_what_is_above_0_is_no_log_probability(
        self, service: Service, stub: StubServer
    ) -> None:
        stub.top_tokens = [("A", 5.0), ("B", 3.0)]
        (result,) = service.score(stub, [make_request("1")])
        assert (result.status, result.text) == (DeliveryStatus.FAILED, "")
        assert "5 is above 0" in str(result.detail)
        assert result.is_settled

    @pytest.mark.parametrize("least", [-9999.0, -inf])
    def test_options_that_are_all_impossible_are_not_scored(
        self, stub: StubServer, least: float
    ) -> None:
        stub.text, stub.top_tokens = "Well", [("A", least), ("B", least), ("Well", -0.1)]
        (result,) = VLLM.score(stub, [make_request("1")])
        assert (result.text, result.choice_scores) == ("Well", None)
        assert IMPOSSIBLE_NOTE in result.delivery.notes

    def test_a_run_by_scores_counts_what_was_answered_by_text(
        self, stub: StubServer, data: Path, tmp_path: Path
    ) -> None:
        stub.text, stub.top_tokens = "(A)", [("Well", -0.1)]
        address = {"base_url": stub.address + VLLM.path}
        options = api.RunOptions(
            plan=api.PlanOptions(answer_method=AnswerMethod.SCORE_CHOICES),
            model_arguments={**address, **VLLM.arguments},
            policy=api.RunPolicy(decode_workers=1),
            out=tmp_path / "run",
        )
        report = api.evaluate(VLLM.model, "emorealm", data, options)
        assert report.results.delivery is not None
        assert report.results.delivery.answered_by_text == ITEMS
        (warning,) = (one for one in report.results.warnings if "answered by text" in one)
        assert warning.startswith(f"{ITEMS} of {ITEMS} items were answered by text")

    def test_without_any_letter_the_model_s_own_word_is_the_reply(
        self, service: Service, stub: StubServer
    ) -> None:
        stub.text, stub.top_tokens = "Well", [("Well", -0.1)]
        (result,) = service.score(stub, [make_request("1")])
        assert (result.text, result.choice_scores) == ("Well", None)
        assert NO_OPTION_NOTE in result.delivery.notes

    def test_one_token_is_enough(self, stub: StubServer) -> None:
        VLLM.score(stub, [make_request("1")])
        assert stub.requests[-1].body["max_tokens"] == 1

    def test_an_item_without_options_cannot_be_scored(
        self, service: Service, stub: StubServer
    ) -> None:
        (result,) = service.score(stub, [make_request("1", letters=())])
        assert result.status is DeliveryStatus.UNSUPPORTED
        assert stub.requests == []

    def test_a_model_that_shows_no_scores_says_so_before_it_is_asked(self) -> None:
        adapter = create_adapter("openai/gpt-5.2")
        assert adapter.describe().capabilities.choice_score_kind is None
        with pytest.raises(NotImplementedError):
            adapter.score_choices([])
