"""Models of OpenAI through Chat Completions: ``openai/MODEL``.

No model of this interface takes pictures and sound together, so a clip reaches
a model as frames or as sound, and the delivery notes the other half.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from emoreal_bench.contracts.adapter import ModelAdapter, ModelDescription
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.model_adapters.providers import ModelSpec
from emoreal_bench.model_adapters.remote.chat import (
    ChatDialect,
    ChatEndpoint,
    ChatOptions,
    ImageDetail,
)
from emoreal_bench.model_adapters.remote.endpoint import (
    answer_settings,
    installed_versions,
    parse_remote_arguments,
    remote_capabilities,
)
from emoreal_bench.model_adapters.remote.jobs import DeferredArguments
from emoreal_bench.model_adapters.remote.media import MediaForms
from emoreal_bench.model_adapters.remote.openai_batch import OpenAIModel

BASE_URL = "https://api.openai.com/v1"
KEY_VARIABLE = "OPENAI_API_KEY"

_DATED = re.compile(r"-\d{4}-\d{2}-\d{2}$")
_REASONING_ALLOWANCE = 2048
"""A limit of 32 tokens would be used up before a reasoning model wrote a word."""


@dataclass(frozen=True, slots=True)
class Family:
    """What models whose names begin alike have in common.

    Attributes:
        prefix: The beginning of the names.
        modalities: What they take besides text.
        dialect: How they are asked.
    """

    prefix: str
    modalities: frozenset[Modality]
    dialect: ChatDialect


_SEEING = frozenset({Modality.VIDEO})
_HEARING = frozenset({Modality.AUDIO})
_PLAIN = ChatDialect(token_limit="max_completion_tokens", top_logprobs=20)  # noqa: S106 - a key of the body
_SOUND = replace(_PLAIN, constraint=None, top_logprobs=0)
_REASONING = replace(_PLAIN, top_logprobs=0, sampling=False, reasoning_tokens=_REASONING_ALLOWANCE)

FAMILIES = (
    Family("gpt-audio", _HEARING, _SOUND),
    Family("gpt-4o-audio", _HEARING, _SOUND),
    Family("gpt-4o-mini-audio", _HEARING, _SOUND),
    Family("gpt-4", _SEEING, _PLAIN),
    Family("gpt-5", _SEEING, _REASONING),
    Family("gpt-6", _SEEING, _REASONING),
    Family("o1", _SEEING, _REASONING),
    Family("o3", _SEEING, _REASONING),
    Family("o4", _SEEING, _REASONING),
)
"""As the service documented its models in November 2026; the first prefix that
fits counts. What has changed since is put right by the arguments."""

_UNKNOWN = Family("", _SEEING, _PLAIN)
_WEBSOCKET_PREFIX = "gpt-realtime"


class OpenAIArguments(DeferredArguments):
    """Arguments of ``openai/MODEL``."""

    base_url: str | None = None
    """Another address of the same service, such as a gateway."""
    takes_video: bool | None = None
    """Whether the model takes images; by default as its family."""
    takes_audio: bool | None = None
    """Whether the model takes sound; by default as its family."""
    image_detail: ImageDetail = ImageDetail.LOW
    constrain: bool = False
    """Hold replies to the letters of the options by a JSON schema."""
    sampling: bool | None = None
    """Whether temperature, top_p and seed are sent; by default as the family takes."""
    top_logprobs: int | None = None
    """How many first tokens the model scores; 0 if it cannot score choices."""
    reasoning_effort: str | None = None


def create(spec: ModelSpec) -> ModelAdapter:
    """Create ``openai/MODEL``.

    Raises:
        UsageError: If the model cannot be reached this way, or an argument does not fit it.
    """
    if spec.model.startswith(_WEBSOCKET_PREFIX):
        raise UsageError(
            f"{spec.name} speaks over a websocket only, not through Chat Completions.",
            remedy="Name a model of Chat Completions, such as openai/gpt-audio-1.5.",
        )
    arguments = parse_remote_arguments(OpenAIArguments, spec.arguments, spec.name)
    family = find_family(spec.model)
    dialect = _adjust(family.dialect, arguments)
    if arguments.constrain and dialect.constraint is None:
        raise UsageError(
            f"{spec.name} cannot be held to a JSON schema.", remedy="Leave out constrain=true."
        )
    forms = MediaForms(_modalities(family, arguments))
    description = ModelDescription(
        name=spec.name,
        revision=spec.model if _DATED.search(spec.model) else None,
        settings=answer_settings(arguments),
        versions=installed_versions("openai", "av"),
        capabilities=remote_capabilities(
            forms,
            arguments,
            scores_letters=dialect.top_logprobs > 0,
            takes_seed=dialect.sampling,
        ),
    )
    endpoint = ChatEndpoint(
        spec.model,
        arguments.base_url or BASE_URL,
        key_variables=(KEY_VARIABLE,),
        needs_key=arguments.base_url is None,
        is_openai=True,
    )
    options = ChatOptions(arguments.constrain, arguments.reasoning_effort)
    return OpenAIModel(description, forms, arguments, endpoint, dialect, options)


def find_family(model: str) -> Family:
    """Return the family of a model; of one that is not known, that of a model that sees."""
    return next((family for family in FAMILIES if model.startswith(family.prefix)), _UNKNOWN)


def _adjust(dialect: ChatDialect, arguments: OpenAIArguments) -> ChatDialect:
    dialect = replace(dialect, image_detail=arguments.image_detail)
    if arguments.sampling is not None:
        dialect = replace(dialect, sampling=arguments.sampling)
    if arguments.top_logprobs is not None:
        dialect = replace(dialect, top_logprobs=arguments.top_logprobs)
    return dialect


def _modalities(family: Family, arguments: OpenAIArguments) -> frozenset[Modality]:
    overrides = {Modality.VIDEO: arguments.takes_video, Modality.AUDIO: arguments.takes_audio}
    return frozenset(
        modality
        for modality, override in overrides.items()
        if (modality in family.modalities if override is None else override)
    )
