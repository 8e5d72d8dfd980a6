"""The one contract between the harness and a model.

An adapter turns requests into results and nothing else. It never looks up a
data set, never sees a gold answer, and leaves batching, retries, rates,
caching, budgets and resuming to ``running/``.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from emoreal_bench.contracts.base import Count, Record
from emoreal_bench.contracts.media import Decoder, MediaWanted
from emoreal_bench.contracts.request import Request
from emoreal_bench.contracts.result import Result
from emoreal_bench.contracts.vocabulary import ChoiceScoreKind, Modality, Repeatability

_FORMER_FIELDS = frozenset({"joint", "max_frames", "max_audio_seconds", "deferred", "lora"})


def without_former_fields(record: Any) -> Any:
    """Leave out what older manifests and workers say of capabilities and nothing reads."""
    if not isinstance(record, Mapping):
        return record
    return {name: value for name, value in record.items() if name not in _FORMER_FIELDS}


class Capabilities(Record):
    """What a model can take and do, known before it is loaded."""

    modalities: tuple[Modality, ...] = (Modality.TEXT,)
    """Empty media modalities mean that no clip is decoded for this model."""
    choice_score_kind: ChoiceScoreKind | None = None
    """None: choices cannot be scored, only generated."""
    repeatability: Repeatability = Repeatability.NONE
    batch_size: int = Field(default=1, ge=1)
    """How many requests to hand over at once."""
    concurrency: int = Field(default=1, ge=1)
    """How many batches may be under way at once."""
    prices: tuple[float, float] | None = None
    """US dollars per million input and per million output tokens, where known."""
    needs_network: bool = False
    needs_gpu: bool = False

    _without_former = model_validator(mode="before")(without_former_fields)


class LoraIdentity(Record):
    """The LoRA adapter that a model carries, and what it was put on."""

    name: str
    base: str
    """The model without it, ``provider/model``."""


class ModelDescription(Record):
    """Who a model is. Caches and comparisons use the hashes, never the name."""

    name: str
    """As the user named it: ``provider/model``."""
    label: str | None = None
    """What a page should say beside the name, e.g. ``"random weights"``."""
    revision: str | None = None
    weights_hash: str | None = None
    """Hash of the weight files, LoRA included; None for remote services."""
    lora: LoraIdentity | None = None
    """Null for a model without an adapter, and in runs made before it was recorded."""
    fine_tuned_on: str | None = None
    """Name of the reader whose data set the weights were fine-tuned on, with its labels;
    scores on it are never ranked with zero-shot ones."""
    parameters: Count | None = None
    """Number of parameters."""
    license: str | None = None
    settings: dict[str, str | int | float | bool | None] = Field(default_factory=dict)
    """The validated ``--model-arg`` values that change answers."""
    versions: dict[str, str] = Field(default_factory=dict)
    """Versions of the libraries that compute the answers."""
    warnings: tuple[str, ...] = ()
    """What is odd about the model, one sentence each; shown beside its scores."""
    capabilities: Capabilities = Field(default_factory=Capabilities)


class ModelAdapter(ABC):
    """A model behind the contract.

    Use it as an asynchronous context manager. ``generate`` and
    ``score_choices`` yield one result per request, in any order, keyed by id.
    A request that fails becomes a result with a status; it never ends the
    batch. An adapter raises an :class:`EmorealError` where no request at all can
    be answered, a wrong key for instance, and the run ends with it. Any other
    exception but cancellation is a defect of the adapter, which the runner
    records as ``failed`` for every item of the batch.
    """

    serves_several_runs: ClassVar[bool] = False
    """Whether what :meth:`open` made can be asked by later runs, each in an event loop of its
    own. :meth:`open` is called by each of them then."""
    is_kept = False
    """Whether the end of a run leaves the model open for the next one."""

    @abstractmethod
    def describe(self) -> ModelDescription:
        """Return who the model is and what it can do, without loading it."""

    def check_clips(  # noqa: B027 - optional: most models know clips by their contents only
        self, clips: Collection[str], wanted: MediaWanted
    ) -> None:
        """Look over the clips of a run before it begins.

        Args:
            clips: Their keys, as the data set names them.
            wanted: What is given of each.

        Raises:
            UsageError: If what the model was given for the clips does not fit them.
        """

    def clip_decoder(
        self, workers: int, max_clip_seconds: float
    ) -> AbstractAsyncContextManager[Decoder] | None:
        """Return what decodes clips where the model is; asked for once the model is open.

        Args:
            workers: Processes that decode, on each machine.
            max_clip_seconds: Longest clip that is decoded.

        Returns:
            None where clips are decoded on this machine, as for most models.
        """
        del workers, max_clip_seconds
        return None

    async def open(self) -> None:  # noqa: B027 - optional: many models need no loading
        """Load or connect. May be called again after :meth:`close`."""

    async def close(self) -> None:  # noqa: B027 - optional, like open
        """Free what :meth:`open` took."""

    @abstractmethod
    def render(self, request: Request) -> str:
        """Return the exact prompt or body without media bytes, for logs and cache keys."""

    @abstractmethod
    def generate(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        """Write a reply to each request."""

    def score_choices(self, requests: Sequence[Request]) -> AsyncIterator[Result]:
        """Score the options of each request.

        Raises:
            NotImplementedError: If ``describe().capabilities.choice_score_kind`` is None.
        """
        raise NotImplementedError(f"{self.describe().name} cannot score choices")

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None or not self.is_kept:
            await self.close()
