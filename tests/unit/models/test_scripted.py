"""A scripted model replays a file and is strict about it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.conformance.requests import make_clip, make_request

Replay = Callable[..., list[Result]]


@pytest.fixture
def replay(tmp_path: Path) -> Replay:
    def run(script: object, requests: list[Request], **arguments: str) -> list[Result]:
        path = tmp_path / "script.json"
        path.write_text(json.dumps(script), encoding="utf-8")
        adapter = create_adapter(f"scripted/{path}", arguments)

        async def collect() -> list[Result]:
            return [result async for result in adapter.generate(requests)]

        return asyncio.run(collect())

    return run


def test_each_item_gets_its_reply_and_the_others_the_default(replay: Replay) -> None:
    script = {"replies": {"a": "(A)"}, "default": "(B)"}
    results = replay(script, [make_request("a"), make_request("b")])
    assert [result.text for result in results] == ["(A)", "(B)"]


def test_a_reply_may_state_every_field_of_a_result(replay: Replay) -> None:
    reply = {"text": "I c", "status": "length", "detail": "cut", "seconds": 2, "retry_after": 3}
    (result,) = replay({"replies": {"item": reply}}, [make_request()])
    assert (result.status, result.text, result.detail) == (DeliveryStatus.LENGTH, "I c", "cut")
    assert (result.seconds, result.retry_after) == (2.0, 3.0)


def test_an_item_the_script_does_not_know_is_unsupported(replay: Replay) -> None:
    (result,) = replay({"replies": {"other": "(A)"}}, [make_request()])
    assert result.status is DeliveryStatus.UNSUPPORTED


def test_an_item_fails_as_often_as_the_script_says(replay: Replay) -> None:
    results = replay({"default": "(A)", "fail_first": {"item": 2}}, [make_request()] * 3)
    assert [result.status.value for result in results] == ["failed", "failed", "ok"]


def test_every_asked_id_is_recorded_in_order(replay: Replay, tmp_path: Path) -> None:
    record = tmp_path / "asked.txt"
    requests = [make_request("b"), make_request("a"), make_request("b")]
    replay({"default": "(A)"}, requests, record=str(record))
    assert record.read_text(encoding="utf-8").split() == ["b", "a", "b"]


def test_what_the_request_brings_is_counted(replay: Replay) -> None:
    seen = make_request("seen", clip=make_clip(seed=1))
    silent = make_request("silent", clip=make_clip(seed=1, seconds=None))
    other = make_request("seen", clip=make_clip(seed=2))
    results = replay({"default": "(A)"}, [seen, silent, other])
    assert (results[0].delivery.frames, results[0].delivery.audio_seconds) == (8, 1.5)
    assert results[1].delivery.notes == ("audio left out: the request brings none",)
    assert len({result.delivery.input_hash for result in results}) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not a JSON file"),
        ('{"reply": {}}', "reply"),
        ('{"replies": {"a": {"txet": "A"}}}', "txet"),
        ("[]", "not a script"),
    ],
)
def test_a_script_that_is_not_as_described_is_refused(
    text: str, message: str, tmp_path: Path
) -> None:
    path = tmp_path / "script.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(UsageError, match=message):
        create_adapter(f"scripted/{path}")


def test_a_script_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"none\.json"):
        create_adapter(f"scripted/{tmp_path / 'none.json'}")
