"""``worker/NAME``: a model in a process and an environment of its own.

For models whose code wants libraries that this package cannot live with. The
process is started by ``--model-arg command="conda run -n old python worker.py"``
or by the entry NAME of a YAML file, ``--model-arg file=workers.yaml``::

    videollama2:
      command: [conda, run, --no-capture-output, -n, videollama2, python, worker.py]
      folder: workers/videollama2      # relative to this file
      environment: {CUDA_VISIBLE_DEVICES: "0"}
      inherit: [HF_TOKEN]              # of the harness's; it gets no other key

It speaks the protocol of ``docs/workers.md``. A question that it does not
answer (it hangs, ends, or prints something else) is ``failed``, and the next
one finds a fresh process.
"""

from __future__ import annotations

import asyncio
import shlex
import shutil
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, TypeAdapter, ValidationError

from emoreal_bench.contracts.adapter import Capabilities, ModelAdapter, ModelDescription
from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import ChoiceScores, Delivery, Result, Usage
from emoreal_bench.contracts.vocabulary import ChoiceScoreKind, DeliveryStatus, Modality
from emoreal_bench.hiding import hide, hide_in, keys_in
from emoreal_bench.model_adapters.arguments import AdapterArguments, parse_arguments
from emoreal_bench.model_adapters.providers import ModelSpec
from emoreal_bench.model_adapters.worker.process import (
    WorkerCommand,
    WorkerError,
    WorkerProcess,
    ask_once,
)
from emoreal_bench.model_adapters.worker.protocol import (
    PROTOCOL,
    WorkerAnswer,
    WorkerDescription,
    WorkerLoaded,
    clip_notes,
    make_question,
    render_question,
    wanted_modalities,
    write_clip,
)
from emoreal_bench.parsing import UnreadableError, parse_yaml

BATCH_SIZE = 8
MAX_FAILURES_IN_A_ROW = 3


class WorkerArguments(AdapterArguments):
    """Arguments of ``worker/NAME``."""

    command: str | None = None
    """Program and arguments, quoted as in a shell."""
    file: Path | None = None
    """YAML file that has an entry NAME."""
    start_seconds: float = Field(default=900.0, gt=0)
    """Longest time to describe itself, and to load."""
    answer_seconds: float = Field(default=300.0, gt=0)
    """Longest time for one question."""


class _Entry(Record):
    command: tuple[str, ...] = Field(min_length=1)
    folder: Path | None = None
    environment: dict[str, str] = Field(default_factory=dict)
    inherit: tuple[str, ...] = ()


class WorkerAdapter(ModelAdapter):
    """A worker behind the contract; it is asked one question at a time."""

    def __init__(self, name: str, command: WorkerCommand, arguments: WorkerArguments):
        self._name = name
        self._command = command
        self._arguments = arguments
        self._folder: Path | None = None
        self._process: WorkerProcess | None = None
        self._failures_in_a_row = 0
        self._clips: dict[tuple[str, frozenset[Modality]], dict[str, Any]] = {}

    @cached_property
    def _described(self) -> WorkerDescription:
        """What the worker says of itself, without the keys that it was given."""
        said = self._worker.model_dump(mode="json")
        return WorkerDescription.model_validate(hide_in(said, self._keys()))

    @cached_property
    def _worker(self) -> WorkerDescription:
        try:
            return ask_once(
                self._command,
                {"type": "describe", "protocol": PROTOCOL},
                WorkerDescription,
                self._arguments.start_seconds,
            )
        except WorkerError as error:
            raise self._usage_error(error) from error

    def describe(self) -> ModelDescription:
        """Ask a process for its description, once; it need not load its model for that."""
        worker = self._described
        return ModelDescription(
            name=self._name,
            label=worker.label,
            revision=worker.revision,
            weights_hash=worker.weights_hash,
            parameters=worker.parameters,
            license=worker.license,
            settings=worker.settings,
            versions=worker.versions,
            capabilities=Capabilities(
                modalities=worker.modalities,
                choice_score_kind=worker.choice_score_kind,
                repeatability=worker.repeatability,
                batch_size=BATCH_SIZE,
                needs_gpu=worker.needs_gpu,
            ),
        )

    def render(self, request: Request) -> str:
        """Return the messages as they are sent; the worker makes its prompt of them."""
        return render_question(request)

    async def open(self) -> None:
        """Start the worker and let it load its model."""
        if self._folder is not None:
            return
        self._folder = Path(tempfile.mkdtemp(prefix="emoreal-worker-"))
        self._failures_in_a_row = 0
        try:
            await self._running_process()
        except WorkerError as error:
            raise self._usage_error(error) from error
        finally:
            if self._process is None:
                await self.close()

    async def close(self) -> None:
        """Stop the worker and take its files away."""
        process, self._process = self._process, None
        if process is not None:
            await process.stop()
        folder, self._folder = self._folder, None
        self._clips.clear()
        if folder is not None:
            await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)

    async def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        """Let the worker reply to each request in turn."""
        for request in requests:
            yield await self._answer("generate", request)
        await asyncio.to_thread(self._forget_clips)

    async def score_choices(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        """Let the worker score the letters of each request in turn."""
        kind = self._worker.choice_score_kind
        if kind is None:
            raise NotImplementedError(f"{self._name} cannot score choices")
        for request in requests:
            yield await self._answer("score", request, kind)
        await asyncio.to_thread(self._forget_clips)

    async def _answer(
        self,
        task: Literal["generate", "score"],
        request: Request,
        kind: ChoiceScoreKind | None = None,
    ) -> Result:
        started = time.perf_counter()
        if self._failures_in_a_row >= MAX_FAILURES_IN_A_ROW:
            detail = f"the worker failed {MAX_FAILURES_IN_A_ROW} times in a row and is left alone"
            return Result(request.id, DeliveryStatus.FAILED, detail=detail)
        if kind is not None and not request.letters:
            detail = "the item has no options to score"
            return Result(request.id, DeliveryStatus.UNSUPPORTED, detail=detail)
        try:
            answer = await self._ask(task, request)
            result = self._without_keys(_make_result(answer, request, kind))
        except WorkerError as error:
            self._failures_in_a_row += 1
            await self._kill()
            return Result(
                request.id,
                DeliveryStatus.FAILED,
                detail=self._hide(f"the worker {error}"),
                seconds=time.perf_counter() - started,
            )
        except asyncio.CancelledError:
            # Its answer would be taken for that to the next question.
            await self._kill()
            raise
        self._failures_in_a_row = 0
        return replace(result, seconds=time.perf_counter() - started)

    async def _ask(self, task: Literal["generate", "score"], request: Request) -> WorkerAnswer:
        process = await self._running_process()
        clips = await asyncio.to_thread(self._write_clips, request)
        message = make_question(task, request, clips)
        answer = await process.ask(message, WorkerAnswer, self._arguments.answer_seconds)
        if answer.id != request.id:
            raise WorkerError(f"answered '{answer.id}' when asked '{request.id}'")
        return answer

    async def _running_process(self) -> WorkerProcess:
        assert self._folder is not None, "open the adapter first"
        if self._process is None:
            self._process = WorkerProcess(self._command, self._folder / "log.txt")
            try:
                await self._process.start()
                await self._process.ask(
                    {"type": "load"}, WorkerLoaded, self._arguments.start_seconds
                )
            except BaseException:
                await self._kill()
                raise
        return self._process

    async def _kill(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            await process.kill()

    def _write_clips(self, request: Request) -> dict[str, dict[str, Any]]:
        """Write the clips of a request; questions of one clip share its files."""
        assert self._folder is not None
        written = {}
        for name, modalities in wanted_modalities(request).items():
            clip = request.clips.get(name)
            if clip is None:
                continue
            key = (clip.key, frozenset(modalities))
            if key not in self._clips:
                folder = Path(tempfile.mkdtemp(dir=self._folder)) / "clip"
                self._clips[key] = write_clip(clip, modalities, self._worker.media, folder)
            written[name] = self._clips[key]
        return written

    def _forget_clips(self) -> None:
        """Take the files of a finished batch away."""
        self._clips.clear()
        if self._folder is not None:
            for folder in self._folder.iterdir():
                if folder.is_dir():
                    shutil.rmtree(folder, ignore_errors=True)

    def _usage_error(self, error: WorkerError) -> UsageError:
        return UsageError(
            self._hide(f"The worker {error}."),
            where=self._name,
            remedy=self._hide(f"Its command is: {shlex.join(self._command.arguments)}"),
        )

    def _keys(self) -> tuple[str, ...]:
        return keys_in(self._command.whole_environment())

    def _hide(self, text: str) -> str:
        return hide(text, self._keys())

    def _without_keys(self, result: Result) -> Result:
        fed = result.delivery
        notes, input_hash = hide_in([fed.notes, fed.input_hash], self._keys())
        return replace(
            result,
            text=self._hide(result.text),
            detail=hide_in(result.detail, self._keys()),
            delivery=replace(fed, notes=tuple(notes), input_hash=input_hash),
        )


def create(spec: ModelSpec) -> ModelAdapter:
    """Create ``worker/NAME``, without starting it.

    Raises:
        UsageError: If it is not said how to start it.
    """
    arguments = parse_arguments(WorkerArguments, spec.arguments, spec.name)
    if (arguments.command is None) == (arguments.file is None):
        raise UsageError(
            f"{spec.name} needs one of the arguments command and file.",
            remedy="For example: --model-arg file=workers.yaml",
        )
    if arguments.command is not None:
        command = WorkerCommand(tuple(shlex.split(arguments.command)))
    else:
        assert arguments.file is not None
        command = _read_entry(arguments.file, spec.model)
    return WorkerAdapter(spec.name, command, arguments)


def _read_entry(path: Path, name: str) -> WorkerCommand:
    try:
        content = parse_yaml(path.read_bytes())
        entries = TypeAdapter(dict[str, _Entry]).validate_python(content)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except UnreadableError as error:
        raise UsageError(f"the file {error}", where=str(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UsageError(f"{first['msg']} (at '{place}')", where=str(path)) from error
    if name not in entries:
        raise UsageError(
            f"there is no worker '{name}'.",
            where=str(path),
            remedy=f"There are: {', '.join(sorted(entries))}.",
        )
    entry = entries[name]
    folder = path.parent / entry.folder if entry.folder is not None else None
    return WorkerCommand(entry.command, folder, entry.environment, entry.inherit)


def _make_result(answer: WorkerAnswer, request: Request, kind: ChoiceScoreKind | None) -> Result:
    scores = None
    if kind is not None and answer.status is DeliveryStatus.OK:
        if answer.scores is None or set(answer.scores) != set(request.letters):
            raise WorkerError(f"scored {sorted(answer.scores or ())}, not {request.letters}")
        scores = ChoiceScores(kind, answer.scores, answer.mass)
    fed = answer.delivery
    return Result(
        request.id,
        answer.status,
        max(scores.scores, key=scores.scores.__getitem__) if scores else answer.text,
        detail=answer.detail,
        choice_scores=scores,
        delivery=Delivery(
            frames=fed.frames,
            audio_seconds=fed.audio_seconds,
            tokens=fed.tokens,
            input_hash=fed.input_hash,
            notes=(*clip_notes(request), *fed.notes),
        ),
        usage=Usage(answer.input_tokens, answer.output_tokens),
    )
