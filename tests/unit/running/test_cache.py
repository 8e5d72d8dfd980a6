"""The cache of replies: a hit only for exactly the same request."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from emoreal_bench.contracts.adapter import Capabilities, ModelDescription
from emoreal_bench.contracts.errors import RunError
from emoreal_bench.contracts.media import ClipMedia
from emoreal_bench.contracts.request import (
    GenerationSettings,
    Message,
    Request,
    TextPart,
    VideoPart,
)
from emoreal_bench.contracts.result import Delivery, Result
from emoreal_bench.contracts.vocabulary import AnswerMethod, DeliveryStatus, Repeatability
from emoreal_bench.identity import model_hash
from emoreal_bench.running.cache import ResponseCache, is_cacheable
from tests.unit.running.fakes import FakeModel

MODEL = ModelDescription(
    name="hf/somewhere", weights_hash="w", settings={"dtype": "float32"}, versions={"torch": "2"}
)
REQUEST = Request(
    id="item-1",
    messages=(Message("user", (TextPart("Is it so?"),)),),
    settings=GenerationSettings(),
    letters=("A", "B"),
    clips={"clip": ClipMedia("media-key", None, None, (), None, 16_000, 1.0)},
)


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[ResponseCache]:
    with ResponseCache(tmp_path / "cache.sqlite") as cache:
        yield cache


def key_of(
    cache: ResponseCache,
    request: Request = REQUEST,
    method: AnswerMethod = AnswerMethod.GENERATE,
    model: ModelDescription = MODEL,
) -> str:
    return cache.key(FakeModel(), request, method, model_hash(model))


def test_a_reply_is_found_again_under_another_item_id(cache: ResponseCache) -> None:
    result = Result("item-1", DeliveryStatus.LENGTH, "(A", delivery=Delivery(frames=8))
    cache.put(key_of(cache), replace(result, seconds=3.0, attempts=2))
    assert cache.get(key_of(cache), "item-9") == replace(result, id="item-9")


def test_what_was_never_kept_is_not_found(cache: ResponseCache) -> None:
    assert cache.get(key_of(cache), "item-1") is None


def test_replies_outlive_the_process(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    with ResponseCache(path) as cache:
        cache.put(key_of(cache), Result("item-1", DeliveryStatus.OK, "(A)"))
    with ResponseCache(path) as cache:
        found = cache.get(key_of(cache), "item-1")
    assert found is not None
    assert found.text == "(A)"


@pytest.mark.parametrize(
    "request_",
    [
        replace(REQUEST, messages=(Message("user", (TextPart("Is it not so?"),)),)),
        replace(REQUEST, letters=("A", "B", "C")),
        replace(REQUEST, settings=GenerationSettings(max_new_tokens=5)),
        replace(REQUEST, clips={}),
        replace(
            REQUEST,
            clips={"clip": ClipMedia("other-key", None, None, (), None, 16_000, 1.0)},
        ),
    ],
)
def test_another_request_is_never_a_hit(cache: ResponseCache, request_: Request) -> None:
    assert key_of(cache, request_) != key_of(cache)


def test_the_same_clips_in_other_places_are_another_request(cache: ResponseCache) -> None:
    clips = {name: replace(REQUEST.clips["clip"], key=f"{name}-key") for name in ("one", "two")}

    def key(example: str, asked: str) -> str:
        shown = (
            Message("user", (VideoPart(example), TextPart("Is it so?"))),
            Message("assistant", (TextPart("(A)"),)),
            Message("user", (VideoPart(asked), TextPart("Is it so?"))),
        )
        return key_of(cache, replace(REQUEST, messages=shown, clips=clips))

    assert key("one", "two") != key("two", "one")
    assert key("one", "two") == key("one", "two")


def test_a_clip_under_another_name_is_the_same_request(cache: ResponseCache) -> None:
    renamed = replace(REQUEST, clips={"other": REQUEST.clips["clip"]})
    assert key_of(cache, renamed) == key_of(cache)


@pytest.mark.parametrize(
    "change",
    [
        {"weights_hash": "other"},
        {"revision": "main"},
        {"settings": {"dtype": "bfloat16"}},
        {"versions": {"torch": "3"}},
        {"name": "vllm/somewhere"},
    ],
)
def test_another_model_is_never_a_hit(cache: ResponseCache, change: dict[str, object]) -> None:
    assert key_of(cache, model=MODEL.model_copy(update=change)) != key_of(cache)


def test_the_same_weights_at_another_path_are_the_same_model(cache: ResponseCache) -> None:
    moved = MODEL.model_copy(update={"name": "hf/elsewhere"})
    assert key_of(cache, model=moved) == key_of(cache)


def test_a_service_without_a_weights_hash_is_known_by_its_name() -> None:
    first, second = (ModelDescription(name=f"openai/{name}") for name in ("a", "b"))
    assert model_hash(first) != model_hash(second)


def test_another_answer_method_is_never_a_hit(cache: ResponseCache) -> None:
    assert key_of(cache, method=AnswerMethod.SCORE_CHOICES) != key_of(cache)


@pytest.mark.parametrize(
    "status", sorted(set(DeliveryStatus) - {DeliveryStatus.OK, DeliveryStatus.LENGTH})
)
def test_only_replies_are_kept(cache: ResponseCache, status: DeliveryStatus) -> None:
    cache.put(key_of(cache), Result("item-1", status))
    assert cache.get(key_of(cache), "item-1") is None


@pytest.mark.parametrize("repeatability", Repeatability)
def test_only_a_repeatable_model_at_temperature_0_is_cached(repeatability: Repeatability) -> None:
    model = MODEL.model_copy(update={"capabilities": Capabilities(repeatability=repeatability)})
    is_repeatable = repeatability in (Repeatability.EXACT, Repeatability.SAME_BATCH)
    assert is_cacheable(model, 0.0) is is_repeatable
    assert not is_cacheable(model, 0.7)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE replies SET reply = replace(reply, 'right', 'wrong')",
        "UPDATE replies SET reply = substr(reply, 1, 40)",
        "UPDATE replies SET reply = '{}'",
        "UPDATE replies SET key = '{other}'",
    ],
)
def test_a_reply_that_was_changed_or_moved_is_asked_again(tmp_path: Path, change: str) -> None:
    path = tmp_path / "cache.sqlite"
    with ResponseCache(path) as cache:
        kept, other = key_of(cache), key_of(cache, method=AnswerMethod.SCORE_CHOICES)
        cache.put(kept, Result("item-1", DeliveryStatus.OK, "that is right"))
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(change.replace("{other}", other))
    with ResponseCache(path) as cache:
        assert [cache.get(key, "item-1") for key in (kept, other)] == [None, None]


@pytest.mark.parametrize("suffix", ["", "-journal", "-wal", "-shm"])
def test_a_link_is_not_followed(tmp_path: Path, suffix: str) -> None:
    other = tmp_path / "other"
    other.write_bytes(b"")
    (tmp_path / f"cache.sqlite{suffix}").symlink_to(other)
    with pytest.raises(RunError, match=rf"cache\.sqlite{suffix}: It is no file but a link"):
        ResponseCache(tmp_path / "cache.sqlite")
    assert other.read_bytes() == b""


def test_a_pipe_is_no_cache(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "cache.sqlite")
    with pytest.raises(RunError, match="a device or a pipe"):
        ResponseCache(tmp_path / "cache.sqlite")


def test_a_file_that_is_no_cache_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "cache.sqlite"
    path.write_text("this is a diary, not a data base; it is long enough to be read as one")
    with pytest.raises(RunError, match=r"cache\.sqlite"):
        ResponseCache(path)
