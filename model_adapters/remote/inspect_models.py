"""``inspect/PROVIDER/MODEL``: any model that Inspect AI wraps.

Inspect says how a service is reached; clips, counts and hashes are this
project's. What it brings along has its price: the services' own clients may
repeat a request by themselves, and how long a service asks to wait is not seen.
So the providers of this project come first where there is one.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from typing_extensions import override

from emoreal_bench.contracts.adapter import ModelAdapter, ModelDescription
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Delivery
from emoreal_bench.contracts.vocabulary import DeliveryStatus, Modality
from emoreal_bench.hiding import hide_known
from emoreal_bench.model_adapters.providers import ModelSpec
from emoreal_bench.model_adapters.remote.endpoint import (
    RemoteAdapter,
    RemoteArguments,
    answer_settings,
    installed_versions,
    parse_remote_arguments,
    remote_capabilities,
)
from emoreal_bench.model_adapters.remote.keys import Key
from emoreal_bench.model_adapters.remote.media import MediaForms, Medium, Payload, Piece, VideoForm
from emoreal_bench.model_adapters.remote.reply import Reply, ended_reply


class InspectArguments(RemoteArguments):
    """Arguments of ``inspect/PROVIDER/MODEL``."""

    base_url: str | None = None
    """Another address than that which Inspect knows."""
    takes_video: bool = True
    takes_audio: bool = False
    video: VideoForm = VideoForm.IMAGES
    """How the picture is sent; few of the services take more than images."""


def create(spec: ModelSpec) -> ModelAdapter:
    """Create ``inspect/PROVIDER/MODEL``.

    Raises:
        UsageError: If an argument is not valid.
    """
    arguments = parse_remote_arguments(InspectArguments, spec.arguments, spec.name)
    takes = {Modality.VIDEO: arguments.takes_video, Modality.AUDIO: arguments.takes_audio}
    forms = MediaForms(
        frozenset(modality for modality, taken in takes.items() if taken), arguments.video
    )
    description = ModelDescription(
        name=spec.name,
        settings=answer_settings(arguments),
        versions=installed_versions("inspect-ai", "av"),
        capabilities=remote_capabilities(forms, arguments, scores_letters=False),
    )
    return InspectModel(description, forms, arguments, spec.model)


class InspectModel(RemoteAdapter):
    """A model behind Inspect AI."""

    def __init__(
        self,
        description: ModelDescription,
        forms: MediaForms,
        arguments: InspectArguments,
        model: str,
    ):
        super().__init__(description, forms, arguments)
        self._name = model
        self._base_url = arguments.base_url
        self._model: Any = None

    @property
    def address(self) -> str | None:
        """Where the service is, if that was said; else only Inspect knows."""
        return self._base_url

    async def _connect(self) -> Key | None:
        from inspect_ai._util.error import PrerequisiteError
        from inspect_ai.model import get_model

        try:
            self._model = get_model(self._name, base_url=self._base_url, memoize=False)
        except (ImportError, PrerequisiteError, ValueError) as error:
            raise UsageError(
                f"{self.describe().name}: Inspect cannot reach it: {hide_known(str(error))}",
                remedy="Set the key and install the library that Inspect names.",
            ) from error
        key = getattr(self._model.api, "api_key", None)
        return Key(key, "what Inspect knows") if isinstance(key, str) else None

    async def _disconnect(self) -> None:
        model, self._model = self._model, None
        if model is not None:
            await model.api.aclose()

    @override
    async def _ask(
        self, request: Request, payload: Payload, sent: Delivery, *, scoring: bool
    ) -> Reply:
        from inspect_ai.model import GenerateConfig

        settings = self._settings(request, payload, scoring=scoring)
        try:
            output = await self._model.generate(
                [_message(turn.role, turn.pieces) for turn in payload.turns],
                config=GenerateConfig(**settings, max_retries=0),
            )
        except Exception as error:  # noqa: BLE001 - the clients behind Inspect share no base class
            return Reply(DeliveryStatus.FAILED, detail=f"{type(error).__name__}: {error}")
        return _read(output, self._name)

    @override
    def _settings(self, request: Request, payload: Payload, *, scoring: bool) -> dict[str, Any]:
        settings = request.settings
        wanted: dict[str, Any] = {
            "max_tokens": settings.max_new_tokens + settings.reasoning_tokens,
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "seed": settings.seed,
        }
        if settings.stop:
            wanted["stop_seqs"] = list(settings.stop)
        if settings.reasoning_tokens:
            wanted["reasoning_tokens"] = settings.reasoning_tokens
        return wanted


def _message(role: str, pieces: Sequence[Piece]) -> Any:
    from inspect_ai.model import (
        ChatMessageAssistant,
        ChatMessageSystem,
        ChatMessageUser,
        ContentText,
    )

    kinds: dict[str, Any] = {
        "system": ChatMessageSystem,
        "user": ChatMessageUser,
        "assistant": ChatMessageAssistant,
    }
    if all(isinstance(piece, str) for piece in pieces):
        return kinds[role](content="".join(map(str, pieces)))
    content = [
        ContentText(text=piece) if isinstance(piece, str) else _content(piece) for piece in pieces
    ]
    return kinds[role](content=content)


def _content(medium: Medium) -> Any:
    from inspect_ai.model import ContentAudio, ContentImage, ContentVideo

    data = base64.b64encode(medium.content).decode("ascii")
    address = f"data:{medium.mime_type};base64,{data}"
    kind, _, form = medium.mime_type.partition("/")
    if kind == "image":
        return ContentImage(image=address, detail="low")
    if kind == "video":
        return ContentVideo(video=address, format=form)
    return ContentAudio(audio=address, format="wav")


def _read(output: Any, model: str) -> Reply:
    reply = ended_reply(output.stop_reason, output.completion)
    if output.error:
        reply = Reply(DeliveryStatus.FAILED, output.completion, output.error)
    usage = output.usage
    is_other = output.model and not model.endswith(output.model)
    return replace(
        reply,
        input_tokens=usage.input_tokens if usage else None,
        output_tokens=usage.output_tokens if usage else None,
        notes=(*reply.notes, *((f"answered by {output.model}",) if is_other else ())),
    )
