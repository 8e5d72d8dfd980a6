"""A 200 is not an answer: what each word of a service means, through the real SDKs."""

from __future__ import annotations

import json
from typing import Any, get_args

import pytest
from google.genai import types
from openai.types.chat.chat_completion import Choice

from emoreal_bench.contracts.errors import ServiceError, UsageError
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request
from emoreal_bench.model_adapters.conformance.stub_server import StubServer
from emoreal_bench.model_adapters.remote.endings import ENDINGS, PROBLEMS, Reach, find_ending
from emoreal_bench.model_adapters.remote.reply import UNSAID_NOTE
from tests.integration.apis.services import GOOGLE, OPENAI, VLLM, Service

OK, LENGTH = DeliveryStatus.OK, DeliveryStatus.LENGTH
FAILED, BLOCKED, REFUSED = DeliveryStatus.FAILED, DeliveryStatus.BLOCKED, DeliveryStatus.REFUSED


def chat(content: Any = "", reason: Any = "stop", **fields: Any) -> dict[str, Any]:
    choice = {"message": {"role": "assistant", "content": content, **fields}}
    return {"choices": [choice | {"finish_reason": reason}]}


def google(reason: str | None, *parts: dict[str, Any]) -> dict[str, Any]:
    candidate: dict[str, Any] = {"index": 0}
    if reason is not None:
        candidate["finishReason"] = reason
    if parts:
        candidate["content"] = {"role": "model", "parts": list(parts)}
    return {"candidates": [candidate]}


def ask(stub: StubServer, service: Service, body: Any, **arguments: str) -> Result:
    stub.say(body)
    (result,) = service.ask(stub, [make_request("1", make_clip())], **arguments)
    return result


def test_every_reason_of_the_sdks_is_in_the_table() -> None:
    openai_reasons = get_args(Choice.model_fields["finish_reason"].annotation)
    google_reasons = [reason.value for reason in (*types.FinishReason, *types.BlockedReason)]
    assert [word for word in (*openai_reasons, *google_reasons) if find_ending(word) is None] == []


def test_every_row_has_a_source_and_no_word_stands_twice() -> None:
    for rows in (ENDINGS, PROBLEMS):
        words = [row.word.replace("_", "").casefold() for row in rows]
        assert len(set(words)) == len(words)
        assert all(row.source.startswith("https://") for row in rows)


@pytest.mark.parametrize("row", ENDINGS, ids=lambda row: row.word)
@pytest.mark.parametrize("text", ["(A)", ""], ids=["with text", "empty"])
def test_a_reason_to_end_has_the_status_of_the_table(row: Any, text: str, stub: StubServer) -> None:
    result = ask(stub, VLLM, chat(text, row.word))
    empty_ok = row.status is OK and not text
    assert result.status is (FAILED if empty_ok else row.status)
    assert result.text == text
    assert bool(result.detail) is (result.status not in (OK, LENGTH))


@pytest.mark.parametrize("reason", [reason.value for reason in types.FinishReason])
def test_google_s_reasons_have_the_same_statuses(reason: str, stub: StubServer) -> None:
    ending = find_ending(reason)
    assert ending is not None
    assert ask(stub, GOOGLE, google(reason, {"text": "(A)"})).status is ending.status


@pytest.mark.parametrize("reason", [None, "new_reason", {"type": "abrupt"}])
def test_an_unknown_reason_keeps_the_text_and_is_noted(reason: Any, stub: StubServer) -> None:
    result = ask(stub, VLLM, chat("(A)", reason))
    assert (result.status, result.text) == (OK, "(A)")
    assert any("ended" in note for note in result.delivery.notes)
    assert ask(stub, VLLM, chat("", reason)).status is FAILED


@pytest.mark.filterwarnings("ignore:SOMETHING_NEW")  # the SDK's
def test_a_reason_that_google_invents_is_noted_too(stub: StubServer) -> None:
    result = ask(stub, GOOGLE, google("SOMETHING_NEW", {"text": "(A)"}))
    assert (result.status, result.text) == (OK, "(A)")
    assert any("SOMETHING_NEW" in note for note in result.delivery.notes)
    unsaid = ask(stub, GOOGLE, google(None, {"text": "(A)"}))
    assert UNSAID_NOTE in unsaid.delivery.notes


@pytest.mark.parametrize(
    "body",
    [
        google("STOP"),
        google("STOP", {"text": ""}),
        google("STOP", {"text": "I think (B)", "thought": True}),
        google("STOP", {"functionCall": {"name": "look", "args": {}}}),
        {"candidates": []},
        {},
    ],
)
def test_an_empty_candidate_has_failed(body: Any, stub: StubServer) -> None:
    result = ask(stub, GOOGLE, body)
    assert (result.status, result.text) == (FAILED, "")
    assert result.detail


@pytest.mark.parametrize(
    "fields",
    [
        {"reasoning_content": "(A)"},
        {"reasoning": "(A)"},
        {"thinking": "(A)"},
        {"reasoning_details": [{"type": "reasoning.text", "text": "(A)"}]},
    ],
)
def test_a_reply_that_is_all_reasoning_has_failed_and_says_so(
    fields: dict[str, Any], stub: StubServer
) -> None:
    result = ask(stub, VLLM, chat(None, "stop", **fields))
    assert (result.status, result.text) == (FAILED, "")
    assert "all that came is reasoning" in str(result.detail)
    cut = ask(stub, VLLM, chat(None, "length", **fields))
    assert (cut.status, cut.text) == (LENGTH, "")


def test_a_tool_call_is_no_answer(stub: StubServer) -> None:
    call = [{"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    for reason in ("tool_calls", "stop"):
        result = ask(stub, VLLM, chat(None, reason, tool_calls=call))
        assert result.status is FAILED
        assert "called a tool" in str(result.detail)


@pytest.mark.parametrize(
    "content",
    [
        [
            {"type": "thinking", "thinking": [{"type": "text", "text": "(B)? No."}]},
            {"type": "text", "text": "(A)"},
        ],
        [{"type": "text", "text": "("}, {"type": "text", "text": "A)"}],
        [{"type": "output_text", "text": "(A)"}, {"type": "reference", "reference_ids": [1]}],
        ["(A)"],
    ],
)
def test_the_parts_of_a_content_are_read_without_the_thoughts(
    content: Any, stub: StubServer
) -> None:
    result = ask(stub, VLLM, chat(content))
    assert (result.status, result.text) == (OK, "(A)")


@pytest.mark.parametrize(
    ("body", "status", "words"),
    [
        ({"error": {"message": "upstream died"}}, FAILED, "upstream died"),
        ({"error": "no model is loaded"}, FAILED, "no model is loaded"),
        ({"error": {"code": 502, "message": "Provider returned error"}}, FAILED, "502"),
        ({"error": {"code": {"a": 1}, "message": "odd"}}, FAILED, "odd"),
        ({"error": {"code": "1301", "message": "unsafe"}}, BLOCKED, "unsafe"),
        ({"base_resp": {"status_code": 1027, "status_msg": "output new_sensitive"}}, BLOCKED, ""),
        ({"object": "error", "message": "too long", "code": 400}, FAILED, "too long"),
        ({"detail": "Not Found"}, FAILED, "Not Found"),
        ({"choices": None, "message": "nothing"}, FAILED, "nothing"),
        ({"choices": 5}, FAILED, "choices"),
        ({"choices": []}, FAILED, "choices"),
        ([], FAILED, "no chat completion"),
        ("text", FAILED, "no chat completion"),
    ],
)
def test_an_error_in_a_200_is_one(
    body: Any, status: DeliveryStatus, words: str, stub: StubServer
) -> None:
    result = ask(stub, VLLM, body)
    assert result.status is status
    assert words in str(result.detail)


def test_a_refusal_among_the_parts_is_one(stub: StubServer) -> None:
    result = ask(stub, VLLM, chat([{"type": "refusal", "refusal": "I would rather not."}]))
    assert (result.status, result.text) == (REFUSED, "I would rather not.")


def test_an_error_in_a_choice_is_one(stub: StubServer) -> None:
    body = chat("half", "error")
    body["choices"][0]["error"] = {"code": 502, "message": "Provider returned error"}
    result = ask(stub, VLLM, body)
    assert (result.status, result.text) == (FAILED, "half")
    assert "Provider returned error" in str(result.detail)


@pytest.mark.parametrize(
    "content",
    [
        "[" * 1_000 + "]" * 1_000,
        '{"answer": ' * 100_000,
        '{"answer": ' + "9" * 4_301 + "}",
        json.dumps({"answer": ["A"]}),
    ],
    ids=["nested", "nested deeply", "large number", "other shape"],
)
def test_a_reply_that_is_odd_json_is_a_reply(content: str, stub: StubServer) -> None:
    result = ask(stub, VLLM, chat(content), constrain="true")
    assert (result.status, result.text) == (OK, content)


@pytest.mark.parametrize("service", [VLLM, GOOGLE], ids=["chat", "google"])
@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Sign in</body></html>",
        b'{"choices": ' + b"[" * 100_000,
        b'{"a": ' * 1_000 + b"1" + b"}" * 1_000,
        b'{"choices": ' + b"9" * 4_301 + b"}",
        b"",
        b"\xff\xfe",
    ],
    ids=["html", "unfinished", "nested", "large number", "empty", "no text"],
)
def test_an_answer_that_is_none_has_failed(service: Service, body: bytes, stub: StubServer) -> None:
    result = ask(stub, service, body)
    assert result.status is FAILED
    assert result.detail


def test_counts_that_make_no_sense_spoil_no_reply(stub: StubServer) -> None:
    odd: list[Any] = [{"prompt_tokens": -1}, {"prompt_tokens": 10**400}, "many", {"x": []}]
    for usage in odd:
        result = ask(stub, VLLM, chat("(A)") | {"usage": usage, "model": 7})
        assert (result.status, result.text, result.usage.measured) == (OK, "(A)", False)


def test_a_count_that_makes_no_sense_spoils_no_other(stub: StubServer) -> None:
    details = {"audio_tokens": "many", "text_tokens": 5}
    usage = {"prompt_tokens": 7, "completion_tokens": True, "prompt_tokens_details": details}
    result = ask(stub, VLLM, chat("(A)") | {"usage": usage})
    assert (result.usage.input_tokens, result.usage.output_tokens) == (7, 0)
    assert result.delivery.tokens == {Modality.TEXT: 5}
    assert not ask(stub, VLLM, chat("(A)") | {"usage": {"prompt_tokens": True}}).usage.measured


def test_of_several_choices_the_one_with_index_0_is_read(stub: StubServer) -> None:
    both = chat("(B)")["choices"][0] | {"index": 1}, chat("(A)")["choices"][0] | {"index": 0}
    assert ask(stub, VLLM, {"choices": list(both)}).text == "(A)"
    unnumbered = [chat("(B)")["choices"][0], chat("(A)")["choices"][0]]
    assert ask(stub, VLLM, {"choices": unnumbered}).text == "(B)"
    candidates = [google("STOP", {"text": text})["candidates"][0] for text in ("(B)", "(A)")]
    candidates[0]["index"] = 1
    assert ask(stub, GOOGLE, {"candidates": candidates}).text == "(A)"


def test_scores_are_not_read_from_a_broken_reply(stub: StubServer) -> None:
    top = [{"token": "A", "logprob": -0.1}, {"token": "B", "logprob": -3.0}]
    body = chat("A", "abort")
    body["choices"][0]["logprobs"] = {"content": [{**top[0], "top_logprobs": top}]}
    stub.say(body)
    (result,) = VLLM.score(stub, [make_request("1")])
    assert (result.status, result.choice_scores) == (FAILED, None)


@pytest.mark.parametrize("row", PROBLEMS, ids=lambda row: row.word)
def test_a_code_in_an_error_has_the_meaning_of_the_table(row: Any, stub: StubServer) -> None:
    stub.say({"error": {"message": "no", "code": row.word}}, status=400)
    request = make_request("1", make_clip())
    if row.reach is Reach.REQUEST:
        (result,) = OPENAI.ask(stub, [request])
        assert result.status is row.status
    else:
        error = ServiceError if row.reach is Reach.ACCOUNT else UsageError
        with pytest.raises(error, match=r"openai/gpt-4o: HTTP 400.*: no"):
            OPENAI.ask(stub, [request])
