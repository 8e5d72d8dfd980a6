"""Replies read from a JSON file: ``scripted/PATH``.

Use it to replay recorded replies through the whole line, and to test what a
harness does with a slow, failing or odd model. The file holds one object::

    {
      "replies": {"item-1": "(A)", "item-2": {"text": "I c", "status": "length"}},
      "default": "(B)",
      "modalities": ["video", "audio", "text"],
      "delay": 0.01,
      "fail_first": {"item-3": 2}
    }

Only ``replies`` or ``default`` is needed. With ``--model-arg record=FILE`` the
id of every item asked is appended to FILE before it is answered.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

from pydantic import Field, ValidationError

from emoreal_bench.contracts.adapter import Capabilities, ModelAdapter, ModelDescription
from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import AudioPart, Request, TextPart, VideoPart
from emoreal_bench.contracts.result import Delivery, Result
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality, Repeatability
from emoreal_bench.identity import hash_file
from emoreal_bench.model_adapters.arguments import AdapterArguments, parse_arguments
from emoreal_bench.model_adapters.providers import ModelSpec
from emoreal_bench.model_adapters.worker.protocol import render_question
from emoreal_bench.parsing import parse_json


class ScriptedReply(Record):
    """What comes back for one item; the fields are those of a result."""

    text: str = ""
    status: DeliveryStatus = DeliveryStatus.OK
    detail: str | None = None
    seconds: float = Field(default=0.0, ge=0.0)
    retry_after: float | None = Field(default=None, ge=0.0)


class Script(Record):
    """The file."""

    replies: dict[str, str | ScriptedReply] = Field(default_factory=dict)
    default: str | ScriptedReply | None = None
    """The reply to every other item; without it they are unsupported."""
    modalities: tuple[Modality, ...] = (Modality.TEXT,)
    """What to say it takes; with video or audio, clips are decoded and counted."""
    batch_size: int = Field(default=8, ge=1)
    delay: float = Field(default=0.0, ge=0.0)
    """Seconds to wait before each reply."""
    fail_first: dict[str, int] = Field(default_factory=dict)
    """How often an item fails before its reply comes."""


class ScriptedArguments(AdapterArguments):
    """Arguments of ``scripted/PATH``."""

    record: Path | None = None
    """File to which the id of every item asked is appended."""


class ScriptedModel(ModelAdapter):
    """Answers from a script and looks at nothing but the item's id."""

    def __init__(self, name: str, script: Script, script_hash: str, record: Path | None = None):
        self._script = script
        self._record = record
        self._failures_left = dict(script.fail_first)
        self._description = ModelDescription(
            name=name,
            label="scripted",
            weights_hash=script_hash,
            capabilities=Capabilities(
                modalities=script.modalities,
                repeatability=Repeatability.EXACT,
                batch_size=script.batch_size,
            ),
        )

    def describe(self) -> ModelDescription:
        """Return the name; the script's hash stands for the weights."""
        return self._description

    def render(self, request: Request) -> str:
        """Return the messages with a mark for each clip."""
        return render_question(request)

    async def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        """Answer each request in turn."""
        for request in requests:
            self._note_asked(request.id)
            if self._script.delay:
                await asyncio.sleep(self._script.delay)
            yield self._answer(request)

    def _note_asked(self, item_id: str) -> None:
        if self._record is not None:
            with self._record.open("a", encoding="utf-8") as file:
                file.write(f"{item_id}\n")

    def _answer(self, request: Request) -> Result:
        if self._failures_left.get(request.id, 0) > 0:
            self._failures_left[request.id] -= 1
            return Result(request.id, DeliveryStatus.FAILED, detail="the script says: fail")
        reply = self._script.replies.get(request.id, self._script.default)
        if reply is None:
            return Result(
                request.id,
                DeliveryStatus.UNSUPPORTED,
                detail="the script holds neither a reply to this item nor a default",
            )
        if isinstance(reply, str):
            reply = ScriptedReply(text=reply)
        return Result(
            request.id,
            reply.status,
            reply.text,
            detail=reply.detail,
            delivery=self._delivery(request),
            seconds=reply.seconds,
            retry_after=reply.retry_after,
        )

    def _delivery(self, request: Request) -> Delivery:
        """Count what the request brought, as a model that takes it would."""
        digest = hashlib.sha256(self.render(request).encode())
        frames, seconds, notes = 0, 0.0, []
        for part in (part for message in request.messages for part in message.parts):
            if isinstance(part, TextPart):
                continue
            clip = request.clips.get(part.clip)
            if isinstance(part, VideoPart) and clip is not None and clip.frames is not None:
                frames += len(clip.frames)
                digest.update(clip.frames.tobytes())
            elif isinstance(part, AudioPart) and clip is not None and clip.waveform is not None:
                seconds += len(clip.waveform) / clip.sample_rate
                digest.update(clip.waveform.tobytes())
            else:
                kind = "video" if isinstance(part, VideoPart) else "audio"
                notes.append(f"{kind} left out: the request brings none")
        return Delivery(frames, seconds, input_hash=digest.hexdigest(), notes=tuple(notes))


def _refuse_other_kinds(content: object, path: Path) -> None:
    """Refuse files of predictions and of scores at once, not key by key.

    Raises:
        UsageError: If the file is one.
    """
    known = Script.model_fields.keys()
    if not isinstance(content, dict) or not content or content.keys() & known:
        return
    if {"coverage", "scores"} <= content.keys():
        problem = "The file holds scores, and no replies."
    else:
        names = ", ".join(map(repr, list(content)[:3])) + (", ..." if len(content) > 3 else "")
        problem = f"The file is no script: it has none of its keys, but {names}."
    raise UsageError(
        problem,
        where=str(path),
        remedy=f'A script is {{"replies": {{"ID": "TEXT"}}}}; its keys are {", ".join(known)}. '
        "Predictions that were made elsewhere (ids and texts) are scored, and kept as a run, by: "
        "emoreal-bench score --predictions FILE --task TASK --data FOLDER --runs RUNS",
    )


def create(spec: ModelSpec) -> ModelAdapter:
    """Create ``scripted/PATH``.

    Raises:
        UsageError: If the script cannot be read or is not as described above.
    """
    record = parse_arguments(ScriptedArguments, spec.arguments, spec.name).record
    path = Path(spec.model)
    try:
        text = path.read_text(encoding="utf-8")
        content = parse_json(text)
        _refuse_other_kinds(content, path)
        script = Script.model_validate(content)
    except OSError as error:
        raise UsageError(f"cannot read the script: {error.strerror}", where=str(path)) from error
    except ValidationError as error:
        problems = "; ".join(
            f"{detail['msg']} (at '{'.'.join(map(str, detail['loc']))}')"
            for detail in error.errors()
        )
        raise UsageError(f"not a script: {problems}", where=str(path)) from error
    except ValueError as error:
        raise UsageError(f"not a JSON file: {error}", where=str(path)) from error
    return ScriptedModel(spec.name, script, hash_file(path), record)
