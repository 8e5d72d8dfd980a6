"""A served model answers as it does in process, to our own adapter and to OpenAI's client."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from emoreal_bench import api
from emoreal_bench.contracts.vocabulary import AnswerMethod
from emoreal_bench.running.readings import LoggedRun
from emoreal_bench.serving.server import ModelServer
from tests.integration.serving.conftest import QUESTION, TINY, complete, request

openai = pytest.importorskip("openai")
pytestmark = pytest.mark.timeout(900)  # The first test loads two models and draws the clips.


def records(folder: Path) -> list[Any]:
    with LoggedRun(folder) as run:
        return [run.record(position) for position in range(len(run.items))]


def evaluate(model: str, data: Path, out: Path, **options: Any) -> list[Any]:
    chosen = replace(api.RunOptions(out=out), **options)
    api.evaluate(model, "emorealm-synth", data, chosen)
    return records(out)


@pytest.fixture(scope="module")
def here(data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """What the model answers in this process."""
    return evaluate(TINY, data, tmp_path_factory.mktemp("runs") / "here")


@pytest.mark.parametrize("dialect", ["openai", "vllm"])
def test_a_run_over_http_reads_as_one_in_process(
    tiny: ModelServer, data: Path, here: list[Any], tmp_path: Path, dialect: str
) -> None:
    """Frames are sent as JPEG or H.264, whose losses change no reply to these questions."""
    arguments = {"base_url": tiny.address, "takes_audio": "true", "dialect": dialect}
    there = evaluate(f"http/{TINY}", data, tmp_path / "there", model_arguments=arguments)
    assert [one["text"] for one in there] == [one["text"] for one in here]
    for one, other in zip(here, there, strict=True):
        assert other["delivery"]["tokens"] == one["delivery"]["tokens"]
        assert other["delivery"]["frames"] == one["delivery"]["frames"]
        assert other["usage"]["input_tokens"] == one["usage"]["input_tokens"]
        assert other["usage"]["output_tokens"] == one["usage"]["output_tokens"]


def test_scored_letters_are_those_of_the_model(
    tiny: ModelServer, data: Path, tmp_path: Path
) -> None:
    plan = api.PlanOptions(answer_method=AnswerMethod.SCORE_CHOICES)
    arguments = {"base_url": tiny.address, "takes_audio": "true"}
    here = evaluate(TINY, data, tmp_path / "here", plan=plan)
    there = evaluate(f"http/{TINY}", data, tmp_path / "there", plan=plan, model_arguments=arguments)
    for one, other in zip(here, there, strict=True):
        assert other["choice_scores"]["kind"] == one["choice_scores"]["kind"]
        # What JPEG loses of the frames moves the scores a little.
        assert other["choice_scores"]["scores"] == pytest.approx(
            one["choice_scores"]["scores"], abs=0.5
        )


def test_the_doctor_finds_that_it_takes_everything(tiny: ModelServer) -> None:
    arguments = {"base_url": tiny.address, "takes_audio": "true"}
    findings = {one.what: one for one in api.doctor(f"http/{TINY}", arguments, ask=True)}
    for what in ("text", "image frames", "video file", "audio", "service"):
        assert findings[what].fine, findings[what].detail


@pytest.fixture
def client(tiny: ModelServer) -> Any:
    with openai.OpenAI(base_url=tiny.address, api_key="none", max_retries=0) as client:
        yield client


ASKED = [{"role": "user", "content": QUESTION}]


def test_the_client_of_openai_reads_a_completion(client: Any) -> None:
    completion = client.chat.completions.create(
        model=TINY, messages=ASKED, max_completion_tokens=8, temperature=0
    )
    (choice,) = completion.choices
    assert choice.message.content in {"(A)", "(B)"}
    assert choice.finish_reason == "stop"
    usage = completion.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert min(usage.prompt_tokens, usage.completion_tokens) > 0
    assert [model.id for model in client.models.list()] == [TINY]
    assert client.models.retrieve(TINY).id == TINY


def test_a_stream_says_the_same_as_a_completion(client: Any) -> None:
    whole = client.chat.completions.create(model=TINY, messages=ASKED, max_tokens=8)
    chunks = list(
        client.chat.completions.create(
            model=TINY,
            messages=ASKED,
            max_tokens=8,
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(texts) == whole.choices[0].message.content
    endings = [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices]
    assert endings[-1] == whole.choices[0].finish_reason
    assert chunks[-1].usage == whole.usage


def test_a_stream_is_made_of_server_sent_events_of_which_one_has_the_text(
    tiny: ModelServer,
) -> None:
    body = {"model": TINY, "messages": ASKED, "max_tokens": 8, "stream": True}
    connection = http.client.HTTPConnection("127.0.0.1", tiny.server_port, timeout=240)
    kind = {"content-type": "application/json"}
    connection.request("POST", "/v1/chat/completions", json.dumps(body), kind)
    reply = connection.getresponse()
    assert (reply.getheader("content-type") or "").startswith("text/event-stream")
    *events, rest = reply.read().decode().split("\n\n")
    connection.close()
    assert rest == ""
    assert events[-1] == "data: [DONE]"
    chunks = [json.loads(event.removeprefix("data: ")) for event in events[:-1]]
    assert {(chunk["object"], chunk["id"]) for chunk in chunks} == {
        ("chat.completion.chunk", chunks[0]["id"])
    }
    deltas = [chunk["choices"][0]["delta"] for chunk in chunks]
    assert deltas[0] == {"role": "assistant", "content": ""}
    assert deltas[-1] == {}
    assert len([delta for delta in deltas if delta.get("content")]) == 1


def test_log_probabilities_are_those_of_the_letters_of_options(client: Any) -> None:
    completion = client.chat.completions.create(
        model=TINY, messages=ASKED, max_tokens=1, logprobs=True, top_logprobs=5
    )
    (token,) = completion.choices[0].logprobs.content
    assert {one.token for one in token.top_logprobs} == {"A", "B"}
    assert token.logprob == max(one.logprob for one in token.top_logprobs) <= 0


def test_the_client_is_told_what_is_wrong(client: Any) -> None:
    with pytest.raises(openai.NotFoundError, match="there is 'tiny/omni'"):
        client.chat.completions.create(model="gpt-4o", messages=ASKED)
    with pytest.raises(openai.BadRequestError, match="frequency_penalty"):
        client.chat.completions.create(model=TINY, messages=ASKED, frequency_penalty=1)
    with pytest.raises(openai.BadRequestError, match="does not honour") as refused:
        client.chat.completions.create(model=TINY, messages=ASKED, tools=[])
    assert refused.value.param == "tools"
    assert refused.value.code == "unsupported_parameter"


def test_a_temperature_is_honoured(tiny: ModelServer) -> None:
    greedy = {complete(tiny)[2]["choices"][0]["message"]["content"] for _ in range(3)}
    assert len(greedy) == 1
    drawn: Counter[str] = Counter()
    for seed in (*range(12), 0, 0):
        answer = complete(tiny, temperature=2.0, seed=seed)[2]
        drawn[answer["choices"][0]["message"]["content"]] += 1
    assert len(drawn) > 1
    same = [complete(tiny, temperature=2.0, seed=5)[2]["choices"][0]["message"] for _ in range(2)]
    assert same[0] == same[1]


def test_a_reply_is_cut_by_its_limit_and_its_stops(tiny: ModelServer) -> None:
    choice = complete(tiny, max_tokens=1)[2]["choices"][0]
    assert choice["finish_reason"] == "length"
    choice = complete(tiny, stop=")")[2]["choices"][0]
    assert choice["message"]["content"] in {"(A", "(B"}
    assert choice["finish_reason"] == "stop"


def test_two_clients_at_once_get_what_each_gets_alone(tiny: ModelServer) -> None:
    questions = [f"Question {number}: which is it?\n(A) rain\n(B) a laugh" for number in range(6)]

    def ask(question: str) -> Any:
        answer = complete(tiny, messages=[{"role": "user", "content": question}])
        return answer[0], answer[2]["choices"], answer[2]["delivery"], answer[2]["usage"]

    alone = {question: ask(question) for question in questions}
    together: dict[str, list[Any]] = {question: [] for question in questions}

    def client() -> None:
        for question in questions:
            together[question].append(ask(question))

    threads = [threading.Thread(target=client) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert together == {question: [answer, answer] for question, answer in alone.items()}


def test_health_says_that_it_is_there(tiny: ModelServer) -> None:
    status, _, said = request(tiny, "/health")
    assert (status, said["status"], said["model"]) == (200, "ok", TINY)


def test_an_answer_says_what_reached_the_model(tiny: ModelServer) -> None:
    said = complete(tiny)[2]
    assert said["delivery"] | {"input_hash": ""} == {
        "frames": 0,
        "audio_seconds": 0.0,
        "input_hash": "",
        "notes": [],
    }
    assert said["usage"]["prompt_tokens_details"]["image_tokens"] == 0
    assert json.dumps(said)
