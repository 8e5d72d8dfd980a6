"""What a model family tells ``hf/`` about itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

from emoreal_bench.contracts.request import Request
from emoreal_bench.model_adapters.local.adapter import Input, LocalModel

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# Holds where a folder does not say how long a sequence may be: the limit of the
# published models of every family here.
_USUAL_MAX_TOKENS = 32_768


class InputBuilder(Protocol):
    """Turns requests into a family's tensors."""

    def render(self, request: Request) -> str:
        """Write the request in the family's chat form."""


Builder = TypeVar("Builder", bound=InputBuilder)


@dataclass(frozen=True, slots=True)
class PixelLimits:
    """Least and most pixels that a vision tower sees of a frame."""

    least: int
    most: int


@dataclass(frozen=True, slots=True)
class ModelFolder:
    """A model's folder, its weights not yet read.

    Attributes:
        path: In the layout of the hub.
        configuration: Of the part that answers, as written there.
        tokenizer: Of the model.
        pixels: Limits to use; None for a family that has none.
    """

    path: Path
    configuration: Mapping[str, Any]
    tokenizer: PreTrainedTokenizerBase
    pixels: PixelLimits | None

    @property
    def max_tokens(self) -> int:
        """Longest sequence that the model takes, reply included."""
        limit = self.configuration["text_config"].get("max_position_embeddings")
        return int(limit or _USUAL_MAX_TOKENS)


@dataclass(frozen=True, slots=True)
class Family(Generic[Input, Builder]):
    """One family of models that transformers can run.

    Attributes:
        network: Name of its class in transformers.
        part: Key of the part that answers in the configuration of a whole
            checkpoint; None where there are no others.
        language_model: Name of the module that a LoRA adapter is put on.
        pixels: The published limits; None for a family that has none.
        make_builder: Makes what turns requests into tensors.
        make_model: Puts the network, on its device, behind the common interface.
        eager_parts: Keys of the parts that know no other implementation of attention.
        adapters: Folders, beside the weights, of LoRA adapters that the model was published with.
        extra: The optional extra of this package that the family needs.
        modules: Import names that this extra brings besides those of every family.
    """

    network: str
    part: str | None
    language_model: str
    pixels: PixelLimits | None
    make_builder: Callable[[ModelFolder], Builder]
    make_model: Callable[[Any, ModelFolder, Builder], LocalModel[Input]]
    eager_parts: tuple[str, ...] = ()
    adapters: tuple[str, ...] = ()
    extra: str = "hf"
    modules: tuple[str, ...] = ()
