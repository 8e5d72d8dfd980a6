"""The configuration of a training: one YAML file, every key checked before any work.

A key that does not exist is refused, and every key has a default but the model,
the method and the data. Paths are relative to the working directory, as on the
command line.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from emoreal_bench.catalog import read_settings
from emoreal_bench.contracts.base import Record
from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.contracts.item import MAX_CLIP_SECONDS
from emoreal_bench.contracts.media import MediaWanted
from emoreal_bench.contracts.task import DEFAULT_VARIANT
from emoreal_bench.contracts.vocabulary import Alteration
from emoreal_bench.training.lora_settings import LoraSettings

SUPERVISED_LEARNING_RATE = 1e-4
PREFERENCE_LEARNING_RATE = 1e-5
"""The paper's 5e-7 is for all weights of the language model; with it a LoRA adapter of
rank 8 hardly leaves its start in one epoch."""

_SUM_TOLERANCE = 1e-6
_Positive = Annotated[int, Field(ge=1, lt=2**31)]
"""What torch can count with."""


def _local_path(path: Path) -> Path:
    if "\0" in str(path):
        raise ValueError("no file's name has a zero byte")
    return path.expanduser()


LocalPath = Annotated[Path, AfterValidator(_local_path)]


class Method(StrEnum):
    """What a training makes of its data."""

    SFT = "sft"
    NAIVE_DPO = "naive_dpo"
    VISTA_DPO = "vista_dpo"
    AVEM_DPO = "avem_dpo"


class SftSettings(Record):
    """Supervised training on the right answers."""

    name: Literal[Method.SFT]


class RejectedAnswer(StrEnum):
    """Which rejected answer of a pair naive DPO takes; one that is alone is always taken."""

    HALLUCINATION = "hallucination"
    SPURIOUS = "spurious"
    EITHER = "either"
    """Drawn once for each pair, by the seed of the training."""


class PreferenceSettings(Record):
    """What every preference method takes."""

    beta: float = Field(default=0.1, gt=0.0)
    """Strength of the preference."""
    anchor: float = Field(default=0.0, ge=0.0)
    """Weight of the chosen answer's negative log-likelihood per token, which the loss adds;
    0 leaves it out. A preference alone may lower the likelihood of both answers."""


class NaiveDpoSettings(PreferenceSettings):
    """DPO as it is: one rejected answer, the clip as it is."""

    name: Literal[Method.NAIVE_DPO]
    rejected: RejectedAnswer = RejectedAnswer.HALLUCINATION
    """Which of two rejected answers is taken."""


class VistaDpoSettings(PreferenceSettings):
    """Vista-DPO without its token-level term; picture and sound are both altered."""

    name: Literal[Method.VISTA_DPO]
    visual_weight: float = Field(default=1.0, ge=0.0)
    """Weight of the term that prefers the right clip."""
    form: Literal["paper", "released"] = "paper"
    """``released`` follows the public code: neither the spurious answer nor the altered
    clip carries a gradient."""


class AvemDpoSettings(PreferenceSettings):
    """AVEm-DPO; its three parts are switched off one by one with the weights named here."""

    name: Literal[Method.AVEM_DPO]
    lambda_av: float = Field(default=1.0, ge=0.0)
    """Weight of the modality preference (PMP); 0 leaves it out."""
    beta_spurious: float = Field(default=0.5, ge=0.0, le=1.0)
    """Weight of the spurious answer; 0 leaves the response preference (ERP) with one."""
    beta_hallucination: float = Field(default=0.5, ge=0.0, le=1.0)
    """Weight of the hallucinated answer; the two sum to 1."""
    gamma: float = 0.2
    """Strength of the text-prior term (TPD); 0 leaves it out. Not multiplied by ``beta``."""
    text_gradient: bool = False
    """Let the gradient through the pass without picture and sound; the paper does not."""
    text_source: Literal["policy", "reference"] = "policy"
    """Whose log-probabilities without picture and sound; the paper takes the policy's."""
    per_token: bool = False
    """Divide these log-probabilities by the length of the answer; the paper does not."""
    counterfactual: bool = False
    """On a partner that makes a rejected answer the right one (``altered.reversed`` of a pair),
    prefer that answer, instead of the chosen one on the clip as it is; not in the paper."""
    prior_cap: float | None = Field(default=None, gt=1.0)
    """Weigh each pair's response preference by half the inverse of how likely the words of the
    question alone make its chosen answer, at most by half of this; null weighs all alike. Not in
    the paper; needs ``text_source: reference``."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.counterfactual and self.lambda_av == 0.0:
            raise ValueError("counterfactual needs lambda_av above 0, the weight of its term")
        if self.prior_cap is not None and self.text_source != "reference":
            raise ValueError("prior_cap needs text_source: reference, whose prior stays as it is")
        if abs(self.beta_spurious + self.beta_hallucination - 1.0) > _SUM_TOLERANCE:
            raise ValueError("beta_spurious and beta_hallucination must sum to 1")
        if self.text_gradient and self.text_source == "reference":
            raise ValueError("text_gradient needs text_source: policy, as a reference has none")
        return self


MethodSettings = Annotated[
    SftSettings | NaiveDpoSettings | VistaDpoSettings | AvemDpoSettings,
    Field(discriminator="name"),
]


class PairsData(Record):
    """Preference pairs."""

    source: Literal["pairs"]
    pairs: LocalPath
    """File of pairs; docs/preferences.md describes it."""
    clips: LocalPath
    """Folder that the pairs' clips are paths below."""


class TaskData(Record):
    """The items of a task with their right answers, for the fine-tuned setting."""

    source: Literal["task"]
    task: str
    """Name of a task, or path of its YAML file."""
    folder: LocalPath
    """Data folder, as for ``emoreal-bench run --data``."""
    held_out: dict[str, tuple[str, ...]] = Field(min_length=1)
    """What is never trained on, so that it can be evaluated: ``subtask`` or names of
    metadata with their values. Items that match every line are held out."""
    variant: str = DEFAULT_VARIANT
    """How the task asks."""
    options: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Options of the reader, as for ``--data-arg``."""


DataSettings = Annotated[PairsData | TaskData, Field(discriminator="source")]


class Optimization(Record):
    """Steps of the optimizer, AdamW."""

    learning_rate: float | None = Field(default=None, gt=0.0)
    """Null: 1e-4 for supervised training, 1e-5 for preferences. The paper's 5e-7 is for
    training all weights; a LoRA adapter hardly moves with it."""
    schedule: Literal["linear", "cosine", "constant"] = "linear"
    """How the learning rate falls after the warm-up."""
    warm_up: float = Field(default=0.1, ge=0.0, lt=1.0)
    """Share of the steps in which the learning rate rises from 0."""
    epochs: _Positive = 1
    """How often every example is seen."""
    max_steps: _Positive | None = None
    """Stop after so many steps, whatever ``epochs`` says."""
    batch_size: _Positive = 2
    """Examples at once on each device."""
    accumulation: _Positive = 1
    """Batches whose gradients are summed for one step. The paper's 64 examples per step
    are 2 on each of 8 devices, 4 times."""
    weight_decay: float = Field(default=0.0, ge=0.0)
    """Of the adapter's weights, towards 0."""
    clip_norm: float = Field(default=1.0, ge=0.0)
    """Largest norm of the gradient; 0 for no limit."""
    seed: int = Field(default=0, ge=0, lt=2**32)
    """Of the order of the examples and of drawn rejected answers; ``lora.seed`` is that of
    the adapter's first weights."""


class Sharding(StrEnum):
    """How several devices share a model."""

    NONE = "none"
    """Each holds all of it (DDP)."""
    FULL = "full"
    """Each holds a part (FSDP)."""


class Hardware(Record):
    """Where and in which number format; changes speed and memory."""

    device: str = Field(default="auto", pattern=r"^(auto|cpu|cuda)$")
    """``auto``: a GPU if there is one. Several are used through torchrun."""
    dtype: Literal["auto", "float32", "bfloat16"] = "auto"
    """Of the model's own weights; the adapter's are always float32. ``auto``: bfloat16 on
    a GPU, float32 elsewhere."""
    gradient_checkpointing: bool = False
    """Compute the language layers twice instead of keeping what is inside them."""
    sharding: Sharding = Sharding.NONE
    """``full`` where a model is too large for one GPU."""
    decode_workers: int = Field(default=0, ge=0, le=1024)
    """Processes that decode clips ahead; 0 decodes between the steps."""
    decoded_mebibytes: int = Field(default=1024, ge=0)
    """Memory for decoded clips that are kept for the next epoch, in each process."""
    media_cache: LocalPath | None = None
    """Folder of decoded clips that runs and trainings share, as ``--media-cache`` of a run."""
    media_cache_gb: float = Field(default=100.0, gt=0, allow_inf_nan=False)
    """Size of that folder; what was not used for longest goes first."""
    prepared_mebibytes: int = Field(default=0, ge=0)
    """Memory for pictures as the frozen towers take them, scaled and cut into patches, and as
    much for sounds; in each process that decodes. 0 keeps those of one batch."""
    encoded_mebibytes: int = Field(default=0, ge=0)
    """Memory for what the frozen towers made of clips; on the device, in each process."""


class ReferenceSource(StrEnum):
    """Where the reference's log-probabilities come from."""

    CACHED = "cached"
    """Computed before the first step and kept on the disk, for every later training on
    the same base and pairs."""
    COMPUTED = "computed"
    """Computed in every step."""


class ReferenceOptions(Record):
    """The reference: the model as it was before the training."""

    source: ReferenceSource = ReferenceSource.CACHED
    """When its log-probabilities are computed."""
    folder: LocalPath | None = None
    """Of the cache; null for the user's cache folder."""


class TaskEvaluation(Record):
    """A run of a task on the adapter as it is."""

    task: str
    """Name of a task, or path of its YAML file."""
    folder: LocalPath | None = None
    """Data folder; null makes the synthetic benchmark."""
    variant: str = DEFAULT_VARIANT
    """How the task asks."""
    limit: int | None = Field(default=None, ge=1)
    """Ask so many items, of every subtask some."""
    options: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Options of the reader."""

    @property
    def name(self) -> str:
        """Return the task's name, also where a file is named."""
        return Path(self.task).stem if self.task.endswith((".yaml", ".yml")) else self.task


class Evaluation(Record):
    """Runs during the training: before the first step, every so often, after the last."""

    task: TaskEvaluation
    """Its average accuracy under strict decides which checkpoint is best."""
    guard: TaskEvaluation | None = None
    """What the training must not unlearn, such as plain perception."""
    largest_drop: float = Field(default=0.05, ge=0.0, le=1.0)
    """Of the guard's average accuracy, and of the share of replies that hold an answer,
    since before the first step; more warns."""
    stop_on_drop: bool = False
    """End the training where it would warn."""
    every: _Positive | None = None
    """Steps between; null for before and after only."""


class TrainingConfig(Record):
    """A training. The schema of the file that ``emoreal-bench train`` takes."""

    schema_version: Literal[1] = Field(default=1, alias="schema")
    model: str
    """The base, ``provider/model``."""
    model_arguments: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """As ``--model-arg``, for training and evaluation alike."""
    method: MethodSettings
    """What is made of the data, by ``name``, and how."""
    data: DataSettings
    """What is trained on: ``source: pairs`` or ``source: task``."""
    out: LocalPath
    """Folder of the training: adapter, checkpoints, metrics, curve, card."""
    media: MediaWanted = MediaWanted(channel="first")
    """What is given of each clip; the default is what the built-in tasks want."""
    max_clip_seconds: float = Field(default=MAX_CLIP_SECONDS, ge=1, allow_inf_nan=False)
    """Longest clip that is decoded, in seconds."""
    lora: LoraSettings = LoraSettings()
    """The adapter, on the language model's linear layers."""
    optimization: Optimization = Optimization()
    """Steps of the optimizer."""
    hardware: Hardware = Hardware()
    """Where it is computed."""
    reference: ReferenceOptions = ReferenceOptions()
    """The model as it was before the training."""
    evaluation: Evaluation | None = None
    """Runs during the training; null for none."""
    checkpoint_every: _Positive = 50
    """Steps between checkpoints, from which a stopped training goes on."""
    log_every: _Positive = 10
    """Steps between lines of metrics.jsonl."""
    trackers: tuple[str, ...] = ()
    """Where metrics go besides, by the names of transformers' ``report_to``, such as
    ``wandb``. TensorBoard is used where it is installed."""

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.data.source == "task" and self.method.name is not Method.SFT:
            raise ValueError(
                f"{self.method.name} needs preference pairs, and the items of a task are none"
            )
        if self.media.alteration is not Alteration.NONE:
            raise ValueError("media.alteration: what is altered is said by each pair")
        return self

    @property
    def learning_rate(self) -> float:
        """Return the learning rate, as set or as usual for the method."""
        if self.optimization.learning_rate is not None:
            return self.optimization.learning_rate
        is_supervised = self.method.name is Method.SFT
        return SUPERVISED_LEARNING_RATE if is_supervised else PREFERENCE_LEARNING_RATE


def read_config(path: Path) -> TrainingConfig:
    """Read the configuration of a training.

    Raises:
        UsageError: If the file is not there or not valid; every wrong key is named.
    """
    return read_settings(
        path,
        TrainingConfig,
        "a valid configuration of a training",
        error=UsageError,
        remedy="docs/training.md describes every key.",
    )
