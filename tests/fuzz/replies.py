"""What comes back: of models, judges, services, workers and decoders."""

from __future__ import annotations

import asyncio
import io
import json
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import numpy as np
from google.genai import types
from openai.types import Batch

from emoreal_bench.catalog import find_task
from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.contracts.deferred import AskedRequest, ServiceUnavailableError
from emoreal_bench.contracts.item import Clip, Item
from emoreal_bench.contracts.media import ClipMedia, MediaWanted
from emoreal_bench.contracts.request import GenerationSettings, Message, Request, TextPart
from emoreal_bench.contracts.result import Delivery, Result
from emoreal_bench.contracts.task import Task
from emoreal_bench.contracts.vocabulary import ChoiceScoreKind, DeliveryStatus, Scoring
from emoreal_bench.media.completeness import missing_bytes
from emoreal_bench.media.decode import decode_clip
from emoreal_bench.media.errors import MediaError
from emoreal_bench.media.limits import Deadline, DecodeLimits
from emoreal_bench.media.messages import MessageError, pack_message, read_message, receive_message
from emoreal_bench.media.probe import probe_clip
from emoreal_bench.media.transport_stream import count_joins, read_programs
from emoreal_bench.model_adapters import create_adapter
from emoreal_bench.model_adapters.remote.chat_answer import read_answer
from emoreal_bench.model_adapters.remote.encoding import read_contents
from emoreal_bench.model_adapters.remote.google_answer import read_response
from emoreal_bench.model_adapters.remote.google_batch import JOB_LIMITS, GoogleJobs
from emoreal_bench.model_adapters.remote.google_transport import NoAnswerError, check_answer
from emoreal_bench.model_adapters.remote.openai_batch import JOB_LIMITS as OPENAI_LIMITS
from emoreal_bench.model_adapters.remote.openai_batch import OpenAIJobs
from emoreal_bench.model_adapters.remote.problems import parse_json, read_problem
from emoreal_bench.model_adapters.remote.reply import Reply, parse_retry_after
from emoreal_bench.model_adapters.worker.adapter import _make_result
from emoreal_bench.model_adapters.worker.process import WorkerError, parse_reply
from emoreal_bench.model_adapters.worker.protocol import (
    WorkerAnswer,
    WorkerDescription,
    WorkerLoaded,
)
from emoreal_bench.preferences.building.captions import read_questions
from emoreal_bench.preferences.building.sorting import _read as read_sort
from emoreal_bench.record.log import seal, unseal
from emoreal_bench.record.records import from_record, to_record
from emoreal_bench.scoring.judgement import read_judgement
from emoreal_bench.scoring.reading.readings import read_reply
from emoreal_bench.scoring.verdicts import read_verdict
from tests.fuzz.parser import Parser, write
from tests.media_files import Picture, Sound, make_clip

_REMOTE = "emoreal_bench.model_adapters.remote"
_SENT = Delivery(8, 1.5)
_LETTERS = ("A", "B")
_REQUEST = Request(
    id="item-1",
    messages=(Message("user", (TextPart("Is it so?"),)),),
    settings=GenerationSettings(),
    letters=_LETTERS,
    clips={},
)


def _text(content: str, folder: Path) -> Path:
    return write(folder, "said", content)


def _said(file: Path) -> str:
    return file.read_bytes().decode("utf-8", "replace")


def _is_written(result: Result) -> None:
    record = unseal(seal(to_record(result)))
    assert record is not None
    assert to_record(from_record(record)) == record


def _is_logged(reply: Reply) -> None:
    """See that what came back can be written down, and read again."""
    result = Result(
        "item-1",
        reply.status,
        reply.text,
        detail=reply.detail,
        choice_scores=reply.choice_scores,
        delivery=Delivery(tokens=reply.tokens, notes=reply.notes),
    )
    _is_written(result)
    assert reply.retry_after is None or reply.retry_after >= 0


_CHAT = {
    "model": "m",
    "choices": [
        {
            "message": {
                "content": [{"type": "text", "text": "(A)"}],
                "reasoning_content": "Hm.",
                "refusal": None,
            },
            "finish_reason": "stop",
            "logprobs": {
                "content": [
                    {
                        "top_logprobs": [
                            {"token": "A", "logprob": -0.1},
                            {"token": " B", "logprob": -2.5},
                        ]
                    }
                ]
            },
        }
    ],
    "usage": {
        "prompt_tokens": 100,
        "completion_tokens": 3,
        "prompt_tokens_details": {"audio_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 0},
    },
}
_PROBLEM = {
    "error": {
        "code": 429,
        "type": "rate_limit",
        "status": "RESOURCE_EXHAUSTED",
        "message": "Please try again in 7m12s.",
        "details": [
            {"retryDelay": "37s", "reason": "QUOTA", "violations": [{"quotaId": "PerDay"}]}
        ],
        "metadata": {"headers": {"X-RateLimit-Reset": "1790000000000"}, "reasons": []},
    }
}
_GOOGLE = {
    "candidates": [
        {
            "content": {"parts": [{"text": "(A)"}, {"text": "Hm.", "thought": True}]},
            "finishReason": "STOP",
            "logprobsResult": {
                "topCandidates": [
                    {"candidates": [{"token": "A", "logProbability": -0.1, "tokenId": 1}]}
                ]
            },
        }
    ],
    "modelVersion": "m",
    "usageMetadata": {
        "promptTokenCount": 100,
        "candidatesTokenCount": 3,
        "promptTokensDetails": [{"modality": "AUDIO", "tokenCount": 5}],
    },
}


def _read_chat(file: Path) -> None:
    body = parse_json(file.read_bytes())
    for scoring in (False, True):
        _is_logged(read_answer(body, _LETTERS, _SENT, scoring=scoring).reply)


def _read_problem(file: Path) -> None:
    body = parse_json(file.read_bytes())
    for code in (200, 400, 403, 429, 500, 522):
        _is_logged(read_problem(code, body, {}, _SENT))


def _read_google(file: Path) -> None:
    request = httpx2.Request("POST", "http://127.0.0.1/models/m:generateContent")
    answer = httpx2.Response(200, content=file.read_bytes(), request=request)
    try:
        asyncio.run(check_answer(answer))
    except NoAnswerError as error:
        _is_logged(error.reply(_SENT))
        return
    try:
        response = types.GenerateContentResponse.model_validate(parse_json(file.read_bytes()))
    except (AttributeError, LookupError, TypeError, ValueError):
        return  # The SDK fails before this project sees it; the adapter catches the same.
    for scoring in (False, True):
        _is_logged(read_response(response, _LETTERS, _SENT, model="m", scoring=scoring))


def _make_job_lines(folder: Path) -> Path:
    answered = {"custom_id": "0", "response": {"status_code": 200, "body": _CHAT}}
    failed = {"custom_id": "1", "response": {"status_code": 429, "body": _PROBLEM}}
    lost = {"custom_id": "2", "error": {"message": "expired"}}
    lines = "".join(json.dumps(line) + "\n" for line in (answered, failed, lost))
    return write(folder, "answers.jsonl", lines)


def _read_job_lines(file: Path) -> None:
    """Read what a job of OpenAI's left, through the adapter."""
    adapter: Any = create_adapter("openai/gpt-4o", {})
    lines = file.read_bytes().splitlines()
    asked = {str(number): AskedRequest(f"item-{number}", _LETTERS, _SENT) for number in range(3)}

    class Jobs:
        async def answers(self, _: str) -> list[bytes]:
            return lines

    async def fetch(scoring: bool) -> None:
        with_jobs: Any = type("WithJobs", (type(adapter),), {"jobs": Jobs()})
        adapter.__class__ = with_jobs
        async for result in adapter.fetch("job", asked, scoring=scoring):
            _is_written(result.checked())

    for scoring in (False, True):
        asyncio.run(fetch(scoring))


def _make_google_job(folder: Path) -> Path:
    answers = [
        {"metadata": {"key": "0"}, "response": _GOOGLE},
        {"metadata": {"key": "1"}, "error": {"code": 429, "message": "later", "details": ["x"]}},
    ]
    job = {
        "name": "batches/1",
        "state": "JOB_STATE_SUCCEEDED",
        "dest": {"inlinedResponses": answers},
    }
    return write(folder, "job.json", json.dumps(job))


def _make_openai_batch(folder: Path) -> Path:
    said = {
        "id": "batch_1",
        "status": "completed",
        "input_file_id": "file-1",
        "output_file_id": "file-2",
        "error_file_id": None,
        "metadata": {"emoreal-bench": "token"},
        "request_counts": {"total": 3, "completed": 2, "failed": 1},
        "errors": {"data": [{"code": "limit", "message": "too many"}]},
    }
    return write(folder, "batch.json", json.dumps(said))


def _read_openai_batch(file: Path) -> None:
    """Read what a service says of a job, as the SDK takes it: for a batch, whatever it is."""
    said = parse_json(file.read_bytes())
    batch = Batch.construct(**said) if isinstance(said, dict) else said

    class Batches:
        async def retrieve(self, _: str) -> object:
            return batch

    client: Any = SimpleNamespace(batches=Batches())
    jobs = OpenAIJobs(client, OPENAI_LIMITS, None)
    asyncio.run(jobs.look("batch_1"))


def _read_google_job(file: Path) -> None:
    """Read what a job of Google's left, through the adapter."""
    adapter: Any = create_adapter("google/gemini-2.5-flash", {})
    asked = {str(number): AskedRequest(f"item-{number}", _LETTERS, _SENT) for number in range(2)}

    class Batches:
        async def get(self, name: str) -> types.BatchJob:
            return types.BatchJob.model_validate(json.loads(file.read_bytes()))

    client: Any = SimpleNamespace(batches=Batches())
    jobs = GoogleJobs(client, "m", JOB_LIMITS, None)

    async def fetch() -> None:
        with_jobs: Any = type("WithJobs", (type(adapter),), {"jobs": jobs})
        adapter.__class__ = with_jobs
        await jobs.look("1")
        async for result in adapter.fetch("1", asked, scoring=False):
            _is_written(result.checked())

    asyncio.run(fetch())


def _read_waits(file: Path) -> None:
    said = _said(file)
    for name in ("retry-after", "retry-after-ms"):
        seconds = parse_retry_after({name: said})
        assert seconds is None or seconds >= 0


_DESCRIPTION = {
    "type": "description",
    "protocol": 1,
    "label": "mine",
    "parameters": 7_000_000_000,
    "settings": {"dtype": "float16"},
    "versions": {"torch": "2"},
    "modalities": ["video", "text"],
    "choice_score_kind": "letter_log_probability",
    "media": "frames",
}
_ANSWER = {
    "type": "answer",
    "id": "item-1",
    "status": "ok",
    "text": "(A)",
    "scores": {"A": -0.1, "B": -2.0},
    "mass": 0.9,
    "delivery": {"frames": 8, "audio_seconds": 1.5, "tokens": {"video": 64}, "notes": ["a note"]},
    "input_tokens": 100,
    "output_tokens": 3,
}


def _read_description(file: Path) -> None:
    said = parse_reply(file.read_bytes(), WorkerDescription)
    description = ModelDescription(
        name="worker/x",
        label=said.label,
        revision=said.revision,
        weights_hash=said.weights_hash,
        parameters=said.parameters,
        license=said.license,
        settings=said.settings,
        versions=said.versions,
    )
    assert ModelDescription.model_validate_json(description.model_dump_json()) == description


def _read_answer(file: Path) -> None:
    said = parse_reply(file.read_bytes(), WorkerAnswer)
    for kind in (None, ChoiceScoreKind.LETTER_LOGIT):
        _is_written(_make_result(said, _REQUEST, kind).checked())


_JUDGEMENT = {
    "cue_overlap": 7,
    "label_consistency": 10,
    "cue_association": 1,
    "no_hallucinated_cues": 5,
}
_QUESTIONS = {
    "questions": [
        {
            "question": "How does she show it?",
            "chosen": "a smile",
            "hallucination": "tears",
            "spurious": "a lamp",
            "modality": "video",
            "emotion": "joy",
            "cue": "a smile",
            "missing_cue": "tears",
        }
    ]
}


def _read_judge(file: Path) -> None:
    said = _said(file)
    for status in DeliveryStatus:
        read_judgement(status, said)
        read_verdict(status, said)
    read_sort(said)


@cache
def _task() -> Task:
    return find_task("emorealm").task


def _read_reply(file: Path) -> None:
    task = _task()
    said = _said(file)
    for name, choices in (
        ("modality_agreement", ("(A) Yes", "(B) No")),
        ("reasoning_basic_video", ("(A) a smile", "(B) a frown", "(C) a shrug", "(D) a nod")),
    ):
        item = Item("1", name, "Is it so?", choices, "A", "1.mp4")
        for scoring in (Scoring.STRICT, Scoring.OFFICIAL):
            for status in (DeliveryStatus.OK, DeliveryStatus.LENGTH):
                read_reply(scoring, item, task.subtasks[name], status, said)


def _make_message(folder: Path) -> Path:
    frames = np.zeros((2, 3, 4, 3), np.uint8)
    media = ClipMedia(
        "key", folder / "a.mp4", frames, (0.0, 0.1), np.ones(7, np.float32), 16_000, 0.5, ("n",)
    )
    return write(folder, "message", b"".join(pack_message(media)))


def _read_message(file: Path) -> None:
    content = file.read_bytes()
    read_message(io.BytesIO(content))


def _receive_message(file: Path) -> None:
    async def receive() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(file.read_bytes())
        reader.feed_eof()
        await receive_message(reader)

    asyncio.run(receive())


def _make_clip(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    make_clip(folder / "a.mp4", Picture(frames=6, size=(64, 48)), Sound(0.3, (220.0,)))
    return folder / "a.mp4"


def _make_transport_stream(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    make_clip(folder / "a.ts", Picture(frames=6, size=(64, 48)), Sound(0.3, (220.0,)))
    return folder / "a.ts"


def _read_transport_stream(file: Path) -> None:
    read_programs(file)
    count_joins(file, Deadline(file, 60.0))


def _read_clip(file: Path) -> None:
    clip = Clip("a", file)
    probe_clip(clip)
    media = decode_clip(clip, MediaWanted(), key="k", limits=DecodeLimits(seconds=60.0))
    assert media.duration >= 0


PARSERS = (
    Parser(
        "answer of a chat service",
        "json",
        partial(_text, json.dumps(_CHAT)),
        _read_chat,
        (
            *(
                f"{_REMOTE}.chat_answer:{one}"
                for one in ("read_answer", "_read_usage", "_read_scores", "_unwrap")
            ),
            f"{_REMOTE}.problems:parse_json",
            f"{_REMOTE}.chat:ChatModel._ask",
        ),
    ),
    Parser(
        "error of a service",
        "json",
        partial(_text, json.dumps(_PROBLEM)),
        _read_problem,
        (
            f"{_REMOTE}.problems:read_problem",
            f"{_REMOTE}.openai_batch:OpenAIJobs._mapped_errors",
        ),
    ),
    Parser(
        "answer of Google",
        "json",
        partial(_text, json.dumps(_GOOGLE)),
        _read_google,
        (f"{_REMOTE}.google_answer:read_response", f"{_REMOTE}.google_transport:check_answer"),
    ),
    Parser(
        "answers of a job of OpenAI",
        "lines",
        _make_job_lines,
        _read_job_lines,
        (f"{_REMOTE}.openai_batch:_read_line", f"{_REMOTE}.openai_batch:OpenAIModel.fetch"),
    ),
    Parser(
        "job of OpenAI",
        "json",
        _make_openai_batch,
        _read_openai_batch,
        (f"{_REMOTE}.openai_batch:_read_batch",),
        (ServiceUnavailableError,),
    ),
    Parser(
        "answers of a job of Google",
        "json",
        _make_google_job,
        _read_google_job,
        (f"{_REMOTE}.google_batch:GoogleJobs._get", f"{_REMOTE}.google_genai:GoogleModel.fetch"),
        (ServiceUnavailableError,),
    ),
    Parser(
        "wait that a service asks for",
        "bytes",
        partial(_text, "Wed, 21 Oct 2026 07:28:00 GMT"),
        _read_waits,
        (f"{_REMOTE}.reply:parse_retry_after",),
    ),
    Parser(
        "description of a worker",
        "json",
        partial(_text, json.dumps(_DESCRIPTION)),
        _read_description,
        ("emoreal_bench.model_adapters.worker.process:parse_reply",),
        (WorkerError,),
    ),
    Parser(
        "loading of a worker",
        "json",
        partial(_text, '{"type": "loaded"}'),
        lambda file: parse_reply(file.read_bytes(), WorkerLoaded),
        (),
        (WorkerError,),
    ),
    Parser(
        "answer of a worker",
        "json",
        partial(_text, json.dumps(_ANSWER)),
        _read_answer,
        (),
        (WorkerError,),
    ),
    Parser(
        "judgement",
        "json",
        partial(_text, json.dumps(_JUDGEMENT)),
        _read_judge,
        (
            "emoreal_bench.scoring.judgement:read_json_reply",
            "emoreal_bench.scoring.judgement:_parse",
        ),
    ),
    Parser(
        "verdict",
        "json",
        partial(_text, '{"verdict": "neither"}'),
        _read_judge,
        ("emoreal_bench.scoring.verdicts:read_verdict",),
    ),
    Parser(
        "sort of an answer",
        "json",
        partial(_text, '{"kind": "right"}'),
        _read_judge,
        ("emoreal_bench.preferences.building.sorting:_read",),
    ),
    Parser(
        "questions from captions",
        "json",
        partial(_text, json.dumps(_QUESTIONS)),
        lambda file: read_questions(_said(file)),
        ("emoreal_bench.preferences.building.captions:read_questions",),
    ),
    Parser(
        "reply of a model",
        "bytes",
        partial(_text, "<think>Hm.</think>The answer is **(A) Yes**, not B: she smiles."),
        _read_reply,
        ("emoreal_bench.scoring.reading.readings:read_reply",),
        is_slow=True,
    ),
    Parser(
        "message of a decoder, read",
        "message",
        _make_message,
        _read_message,
        (
            "emoreal_bench.media.messages:read_message",
            "emoreal_bench.media.messages:_count_of",
            "emoreal_bench.media.messages:_load",
        ),
        (MessageError, EOFError),
    ),
    Parser(
        "message of a decoder, received",
        "message",
        _make_message,
        _receive_message,
        ("emoreal_bench.media.messages:receive_message",),
        (MessageError, EOFError),
    ),
    Parser(
        "whole length of a clip",
        "bytes",
        _make_clip,
        missing_bytes,
        ("emoreal_bench.media.completeness:missing_bytes",),
    ),
    Parser(
        "tables of a transport stream",
        "bytes",
        _make_transport_stream,
        _read_transport_stream,
        (
            "emoreal_bench.media.transport_stream:read_programs",
            "emoreal_bench.media.transport_stream:count_joins",
        ),
        (MediaError,),
    ),
    Parser(
        "contents of a clip to send",
        "bytes",
        _make_clip,
        lambda file: read_contents(file.read_bytes()),
        (f"{_REMOTE}.encoding:_read_contents",),
        (OSError,),
    ),
    Parser(
        "clip",
        "bytes",
        _make_clip,
        _read_clip,
        ("emoreal_bench.media.container:open_file",),
        (MediaError,),
    ),
)
