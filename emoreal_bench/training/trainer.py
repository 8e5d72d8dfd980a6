"""A lean subclass of transformers' Trainer: batches of packed rows, losses of log-probabilities.

The trainer's model is the network of a :class:`TrainableModel`, so that whatever
wraps it for several processes sees every pass with a gradient. The Trainer brings
the optimizer, its schedule, accumulation, several processes and checkpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from accelerate.utils import save_fsdp_optimizer
from torch import Tensor, nn
from torch.distributed.tensor import DTensor
from transformers import PrinterCallback, Trainer, TrainingArguments
from transformers.trainer import SCHEDULER_NAME

from emoreal_bench.contracts.errors import DataError, EmorealError, UsageError
from emoreal_bench.inputs import InputError
from emoreal_bench.training.config import Sharding, TrainingConfig
from emoreal_bench.training.examples.batches import TrainingBatch
from emoreal_bench.training.examples.data import TrainingExample
from emoreal_bench.training.examples.packing import PackedBatch
from emoreal_bench.training.objectives.losses import CHOSEN_LIKELIHOOD
from emoreal_bench.training.objectives.methods import Objective, Scores
from emoreal_bench.training.outputs.checkpoint_states import readable_states
from emoreal_bench.training.trainable import TrainableModel

CHECKPOINTS_FOLDER = "checkpoints"
ADAPTER_FOLDER = "adapter"
"""Of a training, and of each of its checkpoints."""
_KEPT_CHECKPOINTS = 2
_OF_ONE_SITTING = frozenset({"train_loss", "total_flos"})
"""The Trainer divides the loss of the last sitting by the steps of all; it counts no operations."""
_LONGEST_WAIT = 7 * 24 * 3600
"""Seconds that processes wait for the one that evaluates."""


class PackedTrainer(Trainer):
    """Trains the adapter of a model with one of the methods.

    Args:
        trainable: The model.
        objective: The method.
        arguments: Of the Trainer; :func:`make_arguments` gives them.
        examples: What is trained on.
        collate: Turns examples into ``{"batch": TrainingBatch}``.
        finish: Adds to a saved adapter what its training says, given folder and step.
    """

    def __init__(
        self,
        trainable: TrainableModel,
        objective: Objective,
        arguments: TrainingArguments,
        examples: Sequence[TrainingExample],
        collate: Callable[[Sequence[TrainingExample]], dict[str, TrainingBatch]],
        finish: Callable[[Path, int], None],
    ):
        self.trainable = trainable
        self._objective = objective
        self._terms = TermMeans()
        self._finish = finish
        super().__init__(
            model=trainable.network,
            args=arguments,
            data_collator=collate,
            train_dataset=examples,
        )
        if arguments.fsdp and not self.is_fsdp_enabled:
            raise UsageError(
                "The library that shards models does so on GPUs only.",
                where="hardware.sharding",
                remedy="Set it to none, or train on GPUs.",
            )
        # The loss is the mean over the examples of a batch; the Trainer divides by the batches.
        self.model_accepts_loss_kwargs = False
        self.remove_callback(PrinterCallback)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,  # noqa: ARG002 - the Trainer passes it
    ) -> Any:
        """Compute the mean loss of a batch.

        Raises:
            EmorealError: If it is not a number.
        """
        batch: TrainingBatch = inputs["batch"].to(self.args.device)
        losses, terms = self._objective.loss(self._score(model, batch))
        loss = losses.mean()
        if not torch.isfinite(loss):
            raise EmorealError(
                f"The loss is {loss.item()} in step {self.state.global_step + 1}.",
                remedy="Lower optimization.learning_rate, or set hardware.dtype to float32.",
            )
        self._terms.add(terms)
        return (loss, terms) if return_outputs else loss

    def score_without_gradient(self, packed: PackedBatch) -> Tensor:
        """Return the log-probabilities of a batch's answers under the model as it is.

        Where a model is spread over processes, all of them have to call this.
        """
        return self._forward(self.model_wrapped, packed.to(self.args.device), gradient=False)

    def save_adapter(self, folder: Path) -> None:
        """Save the adapter as it is. All processes have to call this; one writes."""
        assert self.model is not None, "given at the start"
        weights = _gather_trained(self.model)
        if self.args.should_save:
            self.trainable.save_adapter(folder, weights)
            self._finish(folder, self.state.global_step)
        self.accelerator.wait_for_everyone()

    def save_model(self, output_dir: str | None = None, _internal_call: bool = False) -> None:
        """Save the adapter into a checkpoint; the base is not part of it."""
        self.save_adapter(Path(output_dir or self.args.output_dir or ".") / ADAPTER_FOLDER)

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the means of the loss's terms since the last log; drop what a break-off falsifies."""
        if "loss" in logs:
            logs = {**logs, **self._terms.take(self.accelerator.reduce)}
        logs = {name: value for name, value in logs.items() if name not in _OF_ONE_SITTING}
        super().log(logs, start_time)

    def log_besides(self, values: Mapping[str, float]) -> None:
        """Log values that do not belong to the steps, such as those of an evaluation."""
        is_due = self.control.should_log
        super().log(dict(values))
        # To log takes the wish to log away, and that of the step still stands.
        self.control.should_log = is_due

    def _save_optimizer_and_scheduler(self, output_dir: str) -> None:
        """Do as the Trainer does, but without the whole base where the model is sharded."""
        if not self.is_fsdp_enabled:
            super()._save_optimizer_and_scheduler(output_dir)
            return
        plugin = self.accelerator.state.fsdp_plugin
        save_fsdp_optimizer(plugin, self.accelerator, self.optimizer, self.model, output_dir)
        if self.args.should_save:
            assert self.lr_scheduler is not None, "created before the first step"
            torch.save(self.lr_scheduler.state_dict(), Path(output_dir) / SCHEDULER_NAME)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        """Do nothing: the adapter's weights are loaded before the model is wrapped."""

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """Do as the Trainer does, and name a checkpoint whose states are none."""
        with readable_states(checkpoint):
            super()._load_optimizer_and_scheduler(checkpoint)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        """Do as the Trainer does, and name a checkpoint whose states are none."""
        with readable_states(checkpoint):
            super()._load_rng_state(checkpoint)

    def _score(self, model: nn.Module, batch: TrainingBatch) -> Scores:
        values = self._forward(model, batch.packed)
        text_values = values
        if batch.text_packed is not None:
            text_values = self._forward(
                model,
                batch.text_packed,
                gradient=False,
                reference=self._objective.text_from_reference,
            )
        reference = batch.reference
        if reference is None and self._objective.needs_reference:
            frozen = self._forward(model, batch.packed, gradient=False, reference=True)
            reference = _pick(frozen, batch.places)
        text = batch.reference_text
        lengths = torch.tensor(batch.packed.token_counts, device=values.device)
        return Scores(
            policy=_pick(values, batch.places),
            reference=reference or {},
            text=_pick(text_values, batch.text_places) if text is None else text,
            lengths=_pick(lengths, batch.places),
        )

    def _forward(
        self,
        model: nn.Module,
        packed: PackedBatch,
        *,
        gradient: bool = True,
        reference: bool = False,
    ) -> Tensor:
        with ExitStack() as context:
            if not gradient:
                context.enter_context(torch.no_grad())
            if reference:
                context.enter_context(self.trainable.without_adapter())
            try:
                values: Tensor = model(packed)
            except InputError as error:
                raise DataError(
                    f"The model takes a clip otherwise than its prompt says: {error}"
                ) from error
        return values


def _gather_trained(model: nn.Module) -> dict[str, Tensor]:
    """Return the trained weights whole, also those that are spread over processes."""
    return {
        name: weight.full_tensor() if isinstance(weight, DTensor) else weight
        for name, weight in model.named_parameters()
        if weight.requires_grad
    }


def _pick(values: Tensor, places: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name: values[place] for name, place in places.items()}


class TermMeans:
    """Means of the terms of a loss between two logs, over all processes.

    Of each term that can be above 0 that share is kept as well: of a margin, the examples
    whose answers are in the right order.
    """

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}

    def add(self, terms: Mapping[str, Tensor]) -> None:
        """Add the terms of a batch, each of shape ``(batch,)``."""
        for name, values in terms.items():
            row = torch.stack([values.sum(), (values > 0).sum(), torch.tensor(len(values))])
            self._sums[name] = self._sums.get(name, torch.zeros_like(row)) + row

    def take(self, add_up: Callable[[Tensor], Tensor]) -> dict[str, float]:
        """Return the means, and begin anew.

        Args:
            add_up: Adds a tensor up over the processes.
        """
        means = {}
        for name, row in self._sums.items():
            total, positive, count = add_up(row).tolist()
            means[name] = total / count
            if name != CHOSEN_LIKELIHOOD:
                means[f"{name}_positive"] = positive / count
        self._sums.clear()
        return means


def make_arguments(config: TrainingConfig, trackers: Sequence[str]) -> TrainingArguments:
    """Translate a configuration into what the Trainer takes.

    Args:
        config: The configuration.
        trackers: Where metrics go besides this project's own files.
    """
    steps, hardware = config.optimization, config.hardware
    # Typed as a text by the library, which warns of texts.
    sharding: Any = True if hardware.sharding is Sharding.FULL else None
    return TrainingArguments(
        output_dir=str(config.out / CHECKPOINTS_FOLDER),
        per_device_train_batch_size=steps.batch_size,
        gradient_accumulation_steps=steps.accumulation,
        learning_rate=config.learning_rate,
        lr_scheduler_type=steps.schedule,
        warmup_steps=steps.warm_up,
        num_train_epochs=steps.epochs,
        max_steps=steps.max_steps or -1,
        weight_decay=steps.weight_decay,
        max_grad_norm=steps.clip_norm,
        optim="adamw_torch",
        seed=steps.seed,
        data_seed=steps.seed,
        logging_steps=config.log_every,
        logging_first_step=True,
        logging_nan_inf_filter=False,
        save_steps=config.checkpoint_every,
        save_total_limit=_KEPT_CHECKPOINTS,
        report_to=list(trackers),
        disable_tqdm=True,
        log_level="warning",
        remove_unused_columns=False,
        label_names=[],
        dataloader_num_workers=hardware.decode_workers,
        dataloader_pin_memory=False,
        use_cpu=hardware.device == "cpu",
        # Every weight of the adapter has a gradient in every step.
        ddp_find_unused_parameters=False,
        ddp_timeout=_LONGEST_WAIT,
        fsdp=sharding,
    )


def shard_by_layers(arguments: TrainingArguments, network: nn.Module) -> None:
    """Let each layer of the language model be sharded by itself, if the model is at all."""
    if arguments.fsdp_plugin_args is None:
        return
    layers = {
        type(layer).__name__
        for module in network.modules()
        if isinstance(module, torch.nn.ModuleList)
        for layer in module
        if any(weight.requires_grad for weight in layer.parameters())
    }
    arguments.fsdp_plugin_args["transformer_cls_names_to_wrap"] = ",".join(sorted(layers))
