"""The table of model providers, and the way from a model's name to its adapter.

The table is plain data: a provider names its factory as text, so that listing
providers or asking for a blind baseline never imports a heavy library. Other
packages add providers under the entry point group
``emoreal_bench.model_adapters``; each entry point names a :class:`Provider`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from types import MappingProxyType
from typing import cast

from emoreal_bench.contracts.adapter import ModelAdapter
from emoreal_bench.contracts.errors import MissingExtraError, UsageError, install_command
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.entry_points import (
    find_entry_point,
    foreign_code,
    load_entry_point,
    load_group,
    owner_of,
)
from emoreal_bench.model_adapters.foreign import guard_methods
from emoreal_bench.model_adapters.local.lora import LoraAdapter, read_lora

ENTRY_POINT_GROUP = "emoreal_bench.model_adapters"


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Which model is wanted, as the user said it.

    Attributes:
        provider: The part of the name before the first slash.
        model: The part after it.
        arguments: The ``--model-arg`` values, not yet validated.
        lora: The LoRA adapter to put on the model.
    """

    provider: str
    model: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    lora: LoraAdapter | None = None

    @property
    def name(self) -> str:
        """The whole name, ``provider/model``."""
        return f"{self.provider}/{self.model}"


@dataclass(frozen=True, slots=True)
class Provider:
    """One way of reaching models.

    Attributes:
        name: The part of a model's name before the first slash.
        factory: ``"module:function"``; the function takes a :class:`ModelSpec`.
        summary: What it is, in one sentence.
        example: A model name that works.
        models: Well-known model names.
        closed: True if :attr:`models` are all there are.
        extra: The optional extra of this package that it needs.
        modules: Import names that this extra brings and that must be there.
        takes_lora: True if its models can carry a LoRA adapter.
        takes: What of a clip its models may be given; a model may take less.
        scores_choices: True if at least some of its models score the options' letters.
        deferred: True if its models can be asked by batches.
        key_variables: Environment variables of which one has to hold a key.
        needs: What else has to be there, in words.
    """

    name: str
    factory: str
    summary: str
    example: str
    models: tuple[str, ...] = ()
    closed: bool = False
    extra: str | None = None
    modules: tuple[str, ...] = ()
    takes_lora: bool = False
    takes: tuple[Modality, ...] = ()
    scores_choices: bool = False
    deferred: bool = False
    key_variables: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()

    def is_installed(self) -> bool:
        """Return whether the libraries that it needs are there, without importing them."""
        try:
            return all(find_spec(module) is not None for module in self.modules)
        except KeyboardInterrupt:
            raise
        # Asked for a module inside a package, it imports the package first, which may raise
        # anything.
        except BaseException:  # noqa: BLE001 - whatever it is, the module cannot be used
            return False

    def requirements(self) -> list[str]:
        """Return in words what has to be there besides the libraries."""
        keys = [f"a key in {' or '.join(self.key_variables)}"] if self.key_variables else []
        return [*keys, *self.needs]

    def install_command(self) -> str | None:
        """Return the command that installs the libraries; None if it needs none."""
        return None if self.extra is None else install_command(self.extra)

    def load_factory(self) -> Callable[[ModelSpec], ModelAdapter]:
        """Import the factory.

        Raises:
            MissingExtraError: If a library that it needs is not installed.
        """
        if self.extra is not None and not self.is_installed():
            raise MissingExtraError(f"The provider '{self.name}'", self.extra)
        module, _, function = self.factory.partition(":")
        return cast("Callable[[ModelSpec], ModelAdapter]", getattr(import_module(module), function))


_HF_MODULES = ("torch", "transformers", "safetensors")
_GPU = "a GPU, for models of full size"
_CLIP = (Modality.VIDEO, Modality.AUDIO)
_LORA_MODULE = "peft"
_LORA_EXTRA = "hf"

PROVIDERS: Mapping[str, Provider] = MappingProxyType(
    {
        provider.name: provider
        for provider in (
            Provider(
                name="baseline",
                factory="emoreal_bench.model_adapters.built_in.baselines:create",
                summary="Blind baselines that look at no clip: first or last option, or a guess.",
                example="baseline/random",
                models=("first-choice", "last-choice", "random"),
                closed=True,
                scores_choices=True,
            ),
            Provider(
                name="scripted",
                factory="emoreal_bench.model_adapters.built_in.scripted:create",
                summary="Replies read from a JSON file: replays of recorded replies, and tests.",
                example="scripted/replies.json",
                takes=_CLIP,
                needs=("a JSON file of replies",),
            ),
            Provider(
                name="tiny",
                factory="emoreal_bench.model_adapters.built_in.tiny:create",
                summary="A Qwen2.5-Omni of under two million parameters that runs on any CPU.",
                example="tiny/omni",
                models=(
                    "omni",
                    "omni+naive-dpo",
                    "omni+vista-dpo",
                    "omni+avem-dpo",
                    "omni+avem-dpo-no-pmp",
                    "omni+avem-dpo-no-erp",
                    "omni+avem-dpo-no-tpd",
                    "omni+avem-dpo-counterfactual",
                    "omni+naive-dpo-balanced",
                    "omni+avem-dpo-balanced",
                ),
                closed=True,
                extra="hf",
                modules=_HF_MODULES,
                takes_lora=True,
                takes=_CLIP,
                scores_choices=True,
            ),
            Provider(
                name="hf",
                factory="emoreal_bench.model_adapters.local.hf:create",
                summary="Models that see and hear, run by transformers: Qwen-Omni, Gemma, Phi-4.",
                example="hf/Qwen/Qwen2.5-Omni-7B",
                models=(
                    "Qwen/Qwen2.5-Omni-7B",
                    "Qwen/Qwen2.5-Omni-3B",
                    "Qwen/Qwen3-Omni-30B-A3B-Instruct",
                    "google/gemma-3n-E4B-it",
                    "microsoft/Phi-4-multimodal-instruct@refs/pr/70",
                ),
                extra="hf",
                modules=_HF_MODULES,
                takes_lora=True,
                takes=_CLIP,
                scores_choices=True,
                needs=(_GPU, "the extra gemma3n for Gemma 3n"),
            ),
            Provider(
                name="vllm",
                factory="emoreal_bench.model_adapters.vllm.adapter:create",
                summary="Qwen2.5-Omni in vLLM, for many questions at once on a GPU.",
                example="vllm/Qwen/Qwen2.5-Omni-7B",
                models=("Qwen/Qwen2.5-Omni-7B", "Qwen/Qwen2.5-Omni-3B"),
                extra="vllm",
                modules=("vllm", *_HF_MODULES),
                takes_lora=True,
                takes=_CLIP,
                scores_choices=True,
                needs=("an environment of its own", "a GPU"),
            ),
            Provider(
                name="avere",
                factory="emoreal_bench.model_adapters.local.avere.adapter:create",
                summary="AVERE-7B and its base, natively, from the authors' checkpoint folder.",
                example="avere/checkpoints/AVERE-7B",
                extra="hf",
                modules=_HF_MODULES,
                takes_lora=True,
                takes=_CLIP,
                scores_choices=True,
                needs=("the authors' checkpoint and backbones", _GPU),
            ),
            Provider(
                name="worker",
                factory="emoreal_bench.model_adapters.worker.adapter:create",
                summary="A model in a process and an environment of its own, for older libraries.",
                example="worker/videollama2",
                takes=_CLIP,
                scores_choices=True,
                needs=("a program that speaks the protocol of docs/workers.md",),
            ),
            Provider(
                name="http",
                factory="emoreal_bench.model_adapters.remote.http:create",
                summary="Any OpenAI-compatible server: vLLM, SGLang, llama.cpp, Ollama, LM Studio.",
                example="http/qwen-omni",
                extra="openai",
                modules=("openai",),
                takes=_CLIP,
                scores_choices=True,
                needs=("a server, and its profile or base_url",),
            ),
            Provider(
                name="openai",
                factory="emoreal_bench.model_adapters.remote.openai_chat:create",
                summary="Models of OpenAI: clips as frames or as sound, never both at once.",
                example="openai/gpt-4o-2024-11-20",
                models=("gpt-4o-2024-11-20", "gpt-audio-1.5"),
                extra="openai",
                modules=("openai",),
                takes=_CLIP,
                scores_choices=True,
                deferred=True,
                key_variables=("OPENAI_API_KEY",),
            ),
            Provider(
                name="google",
                factory="emoreal_bench.model_adapters.remote.google_genai:create",
                summary="Models of Google through the Gemini API: clips as video with sound.",
                example="google/gemini-2.5-flash",
                models=("gemini-2.5-flash", "gemini-2.5-pro"),
                extra="google",
                modules=("google.genai",),
                takes=_CLIP,
                scores_choices=True,
                deferred=True,
                key_variables=("GOOGLE_API_KEY", "GEMINI_API_KEY"),
            ),
            Provider(
                name="inspect",
                factory="emoreal_bench.model_adapters.remote.inspect_models:create",
                summary="Models that Inspect AI wraps: clips as frames, or as it is told.",
                example="inspect/mistral/pixtral-12b-2409",
                extra="inspect",
                modules=("inspect_ai",),
                takes=_CLIP,
                needs=("the key and the library that Inspect asks for",),
            ),
        )
    }
)


def list_providers() -> tuple[Provider, ...]:
    """Return the built-in providers and those of other installed packages.

    An entry point that cannot be loaded, or names no :class:`Provider`, is left out with a
    warning.
    """
    foreign, _ = _load_foreign()
    return (*PROVIDERS.values(), *sorted(foreign.values(), key=lambda provider: provider.name))


def broken_providers() -> dict[str, UsageError]:
    """Return, by name, why a provider of another package is left out."""
    return _load_foreign()[1]


def _load_foreign() -> tuple[dict[str, Provider], dict[str, UsageError]]:
    entries = entry_points(group=ENTRY_POINT_GROUP)
    return load_group(entries, _load_entry_point, PROVIDERS)


def create_adapter(
    name: str, arguments: Mapping[str, str] | None = None, lora: Path | None = None
) -> ModelAdapter:
    """Create the adapter of a model, without loading the model.

    Args:
        name: ``provider/model``, e.g. ``"tiny/omni"``.
        arguments: ``--model-arg`` values; each adapter has its own schema.
        lora: Folder of a LoRA adapter to put on the model.

    Raises:
        UsageError: If there is no such provider, model or argument, or the adapter does not
            belong to the model.
        MissingExtraError: If the provider or the adapter needs an extra that is not installed.
    """
    provider_name, separator, model = name.partition("/")
    if not separator or not model:
        raise UsageError(
            f"'{name}' is not a model name: it has to be provider/model.",
            remedy=f"Providers: {', '.join(_provider_names())}.",
        )
    provider = _find_provider(provider_name)
    if provider.closed and model not in provider.models:
        raise UsageError(
            f"The provider '{provider_name}' has no model '{model}'.",
            remedy=_suggestion(model, provider.models),
        )
    adapter = None if lora is None else _find_lora(lora, provider, name)
    spec = ModelSpec(provider_name, model, dict(arguments or {}), adapter)
    if provider_name in PROVIDERS:
        return provider.load_factory()(spec)
    return _create_foreign(provider, spec)


def _create_foreign(provider: Provider, spec: ModelSpec) -> ModelAdapter:
    """Create the adapter of another package, whose defects are told as those of the package."""
    entry = find_entry_point(ENTRY_POINT_GROUP, spec.provider)
    owner = "another" if entry is None else owner_of(entry)
    what = f"The provider {spec.provider}"
    with foreign_code(what, owner):
        made: object = provider.load_factory()(spec)
    if not isinstance(made, ModelAdapter):
        raise UsageError(
            f"{what} of the package {owner} made {type(made).__name__}, not a ModelAdapter.",
            where=provider.factory,
            remedy=f"Fix {owner}, or ask its author to.",
        )
    guard_methods(made, f"The adapter {spec.name}", owner)
    return made


def _find_lora(folder: Path, provider: Provider, model: str) -> LoraAdapter:
    if not provider.takes_lora:
        raise UsageError(
            f"The provider '{provider.name}' cannot put a LoRA adapter on a model.",
            where=str(folder),
            remedy="Merge the adapter into the model (`emoreal-bench model merge`) and name the "
            "merged folder instead.",
        )
    if find_spec(_LORA_MODULE) is None:
        raise MissingExtraError("A LoRA adapter", _LORA_EXTRA)
    return read_lora(folder, model)


def _find_provider(name: str) -> Provider:
    if name in PROVIDERS:
        return PROVIDERS[name]
    entry = find_entry_point(ENTRY_POINT_GROUP, name)
    if entry is not None:
        return _load_entry_point(entry)
    raise UsageError(
        f"There is no model provider '{name}'.", remedy=_suggestion(name, _provider_names())
    )


def _load_entry_point(entry: EntryPoint) -> Provider:
    provider = load_entry_point(entry)
    if not isinstance(provider, Provider) or provider.name != entry.name:
        raise UsageError(
            f"The entry point '{entry.name}' of {owner_of(entry)} does not name a Provider of that "
            "name.",
            where=entry.value,
            remedy=f"Fix or uninstall {owner_of(entry)}.",
        )
    with foreign_code(f"The provider {entry.name}", owner_of(entry)):
        # What lists and the doctor show of it.
        provider.requirements()
        return replace(provider, takes=tuple(map(Modality, provider.takes)))


def _provider_names() -> tuple[str, ...]:
    return tuple(sorted({*PROVIDERS, *(e.name for e in entry_points(group=ENTRY_POINT_GROUP))}))


def _suggestion(wrong: str, right: tuple[str, ...]) -> str:
    close = get_close_matches(wrong, right, n=1)
    guess = f"Did you mean '{close[0]}'? " if close else ""
    return f"{guess}There are: {', '.join(right)}."
