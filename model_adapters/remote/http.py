"""Models behind any server that speaks Chat Completions: ``http/NAME``.

NAME is a profile of the user's file, a mapping of names to the arguments below::

    qwen-omni:
      base_url: http://localhost:8000/v1
      model: Qwen/Qwen2.5-Omni-7B
      dialect: vllm
      takes_audio: true
      extra: {mm_processor_kwargs: {use_audio_in_video: false}}

An argument of the command line counts before the profile's. Without a profile,
``base_url`` has to be given, and NAME is the model's name on the server. The
file is ``models.yaml`` in the user's configuration folder, or named by
``--model-arg profile=FILE``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any

import platformdirs
from pydantic import BeforeValidator, Field

from emoreal_bench.contracts.adapter import ModelAdapter, ModelDescription
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.identity import canonical_json
from emoreal_bench.model_adapters.arguments import refuse_zero_bytes
from emoreal_bench.model_adapters.providers import ModelSpec
from emoreal_bench.model_adapters.remote.chat import (
    ChatDialect,
    ChatEndpoint,
    ChatModel,
    ChatOptions,
    ChoiceConstraint,
    SoundPart,
)
from emoreal_bench.model_adapters.remote.endpoint import (
    RemoteArguments,
    answer_settings,
    installed_versions,
    parse_remote_arguments,
    remote_capabilities,
)
from emoreal_bench.model_adapters.remote.media import MediaForms, VideoForm
from emoreal_bench.parsing import UnreadableError, parse_json, parse_yaml

PROFILE_FILE = "models.yaml"


class Dialect(StrEnum):
    """Servers whose way of taking media is known."""

    OPENAI = "openai"
    """Images and sound as OpenAI takes them; the common ground of most servers."""
    VLLM = "vllm"
    SGLANG = "sglang"
    LLAMA_CPP = "llama.cpp"
    OLLAMA = "ollama"
    LM_STUDIO = "lm-studio"


DIALECTS: Mapping[Dialect, ChatDialect] = MappingProxyType(
    {
        Dialect.OPENAI: ChatDialect(top_logprobs=20),
        # By default vLLM takes 32 frames of any video; -1 is all that the file holds.
        Dialect.VLLM: ChatDialect(
            video=VideoForm.MP4,
            constraint=ChoiceConstraint.STRUCTURED_OUTPUTS,
            top_logprobs=20,
            film_keys={"media_io_kwargs": {"video": {"num_frames": -1}}},
        ),
        Dialect.SGLANG: ChatDialect(
            video=VideoForm.MP4, sound=SoundPart.AUDIO_URL, top_logprobs=20
        ),
        Dialect.LLAMA_CPP: ChatDialect(top_logprobs=20),
        Dialect.OLLAMA: ChatDialect(top_logprobs=20),
        Dialect.LM_STUDIO: ChatDialect(),
    }
)
"""From the servers' documentation of November 2026."""


def _read_object(value: object) -> object:
    """Read a JSON object from the command line; a profile gives it as a mapping."""
    read = parse_json(value) if isinstance(value, str) else value
    try:
        canonical_json(read).encode()
    except UnicodeEncodeError as error:
        raise ValueError("it holds half a character") from error
    return read


class HttpArguments(RemoteArguments):
    """Arguments of ``http/NAME``; all but ``profile`` may stand in a profile."""

    profile: Path | None = None
    """File with the profiles."""
    base_url: str
    """Address of the server, up to and including the version."""
    model: str
    """Name of the model on the server."""
    dialect: Dialect = Dialect.OPENAI
    takes_video: bool = True
    takes_audio: bool = False
    video: VideoForm | None = None
    """How the picture is sent; by default as the dialect has it."""
    top_logprobs: int | None = Field(default=None, ge=0)
    """How many first tokens the server scores; 0 if it cannot score choices."""
    constrain: bool = False
    """Hold replies to the letters of the options."""
    key_variable: str | None = None
    """Environment variable that holds the key, if the server wants one."""
    reasoning_effort: str | None = None
    extra: Annotated[dict[str, Any], BeforeValidator(_read_object)] = Field(default_factory=dict)
    """Further keys of the body, as JSON."""


def create(spec: ModelSpec) -> ModelAdapter:
    """Create ``http/NAME``.

    Raises:
        UsageError: If there is neither a profile nor an address, or either is not valid.
    """
    arguments = _find_arguments(spec)
    dialect = DIALECTS[arguments.dialect]
    if arguments.top_logprobs is not None:
        dialect = replace(dialect, top_logprobs=arguments.top_logprobs)
    modalities = {Modality.VIDEO: arguments.takes_video, Modality.AUDIO: arguments.takes_audio}
    forms = MediaForms(
        frozenset(modality for modality, takes in modalities.items() if takes),
        arguments.video or dialect.video,
    )
    description = ModelDescription(
        name=spec.name,
        settings=_settings(arguments),
        versions=installed_versions("openai", "av"),
        capabilities=remote_capabilities(forms, arguments, scores_letters=dialect.top_logprobs > 0),
    )
    endpoint = ChatEndpoint(
        arguments.model,
        arguments.base_url,
        key_variables=(arguments.key_variable,) if arguments.key_variable else (),
        needs_key=True,
    )
    options = ChatOptions(arguments.constrain, arguments.reasoning_effort, arguments.extra)
    return ChatModel(description, forms, arguments, endpoint, dialect, options)


def _settings(arguments: HttpArguments) -> dict[str, str | int | float | bool | None]:
    """Return what changes answers: which model, asked how; not where it is served."""
    settings = answer_settings(arguments)
    for name in ("profile", "base_url", "key_variable", "extra"):
        settings.pop(name, None)
    if arguments.extra:
        settings["extra"] = canonical_json(arguments.extra)
    return settings


def _find_arguments(spec: ModelSpec) -> HttpArguments:
    refuse_zero_bytes(spec.arguments, spec.name)
    path = _profile_path(spec)
    profiles = _read_profiles(path) if path.exists() or "profile" in spec.arguments else {}
    profile = profiles.get(spec.model)
    if profile is None and "base_url" not in spec.arguments:
        raise UsageError(
            f"There is no profile '{spec.model}', and no base_url is given.",
            where=str(path),
            remedy=f"Profiles there: {', '.join(sorted(map(str, profiles))) or 'none'}. "
            "Add one, or give --model-arg base_url=http://HOST:PORT/v1.",
        )
    given = {"model": spec.model, **(profile or {}), **spec.arguments}
    try:
        return parse_remote_arguments(HttpArguments, given, spec.name)
    except UsageError as error:
        if profile is None:
            raise
        raise UsageError(error.problem, where=str(path), remedy=error.remedy) from error


def _profile_path(spec: ModelSpec) -> Path:
    if "profile" in spec.arguments:
        return Path(spec.arguments["profile"])
    return platformdirs.user_config_path("emoreal-bench") / PROFILE_FILE


def _read_profiles(path: Path) -> dict[str, dict[str, Any]]:
    try:
        profiles = parse_yaml(path.read_bytes()) or {}
    except OSError as error:
        raise UsageError(f"cannot read the profiles: {error.strerror}", where=str(path)) from error
    except UnreadableError as error:
        raise UsageError(f"cannot read the profiles: the file {error}", where=str(path)) from error
    if not isinstance(profiles, dict) or not all(map(_is_profile, profiles.values())):
        raise UsageError(
            "not a file of profiles.",
            where=str(path),
            remedy="Each name has to have a mapping of arguments below it.",
        )
    return profiles


def _is_profile(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(name, str) for name in value)
