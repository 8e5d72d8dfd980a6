"""One loop for every stage that trains from nothing: seeded, resumable, logged.

Step n draws from a generator of its own, so that a stopped stage goes on with
the same steps that it would have taken.
"""

from __future__ import annotations

import json
import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

_SAVE_EVERY = 50
_LOG_EVERY = 25
_WARM_UP = 50
_LOWEST_RATE = 0.02
"""Share of the learning rate that is left at the end."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One training from nothing.

    Attributes:
        name: Of its files.
        steps: How many.
        batch: Clips in a step.
        learning_rate: The highest, after the warm-up.
        weight_decay: Of AdamW.
        seed: Of all its draws.
    """

    name: str
    steps: int
    batch: int
    learning_rate: float
    weight_decay: float
    seed: int


LossOfStep = Callable[[int, np.random.Generator], Tensor]


@dataclass(frozen=True, slots=True)
class Goal:
    """What ends a stage before its last step.

    Attributes:
        is_reached: Measures and decides; what it measured goes into the log by itself.
        every: Steps between two measurements.
    """

    is_reached: Callable[[int], bool]
    every: int = 20


def train(
    stage: Stage,
    modules: Mapping[str, nn.Module],
    loss: LossOfStep,
    folder: Path,
    goal: Goal | None = None,
) -> bool:
    """Train modules, or load what an earlier call trained, and leave them as trained.

    Args:
        stage: What to do.
        modules: What is trained, by the name under which it is kept.
        loss: The loss of a step, given its number and its generator.
        folder: Holds the checkpoint ``<name>.pt`` and the log ``<name>.jsonl``.
        goal: Ends the stage when it is reached; without one all steps are taken.

    Returns:
        Whether the goal was reached; true without one.
    """
    parameters = [one for module in modules.values() for one in module.parameters()]
    parameters = [one for one in parameters if one.requires_grad]
    optimiser = torch.optim.AdamW(
        parameters, stage.learning_rate, betas=(0.9, 0.98), weight_decay=stage.weight_decay
    )
    path = folder / f"{stage.name}.pt"
    step, spent, reached = _resume(path, modules, optimiser)
    begin = time.monotonic() - spent
    while step < stage.steps and not reached:
        for group in optimiser.param_groups:
            group["lr"] = stage.learning_rate * _rate(step, stage.steps)
        value = loss(step, np.random.default_rng([stage.seed, step]))
        optimiser.zero_grad()
        value.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        step += 1
        seconds = time.monotonic() - begin
        if step % _LOG_EVERY == 0:
            with (folder / f"{stage.name}.jsonl").open("a") as log:
                record = {"step": step, "loss": value.item(), "seconds": round(seconds, 1)}
                log.write(json.dumps(record) + "\n")
        reached = goal is not None and step % goal.every == 0 and goal.is_reached(step)
        if step % _SAVE_EVERY == 0 or step == stage.steps or reached:
            _save(path, modules, optimiser, {"step": step, "seconds": seconds, "reached": reached})
            show(f"{stage.name}: step {step} of {stage.steps}, loss {value.item():.3f}")
    return reached or goal is None


def show(line: str) -> None:
    """Tell a watching person how far it is, a line from whichever process it is."""
    sys.stderr.write(f"{datetime.now(UTC):%H:%M:%S} {line}\n")


def is_finished(stage: Stage, folder: Path) -> bool:
    """Return whether an earlier call took all steps of a stage, or reached its goal."""
    path = folder / f"{stage.name}.pt"
    if not path.exists():
        return False
    kept = torch.load(path, weights_only=True)
    return bool(kept["step"] == stage.steps or kept["reached"])


def _rate(step: int, steps: int) -> float:
    """Return the share of the learning rate: a warm-up, then half a cosine."""
    warmed = min(1.0, (step + 1) / _WARM_UP)
    cosine = 0.5 + 0.5 * math.cos(math.pi * step / steps)
    return warmed * (_LOWEST_RATE + (1 - _LOWEST_RATE) * cosine)


def _resume(
    path: Path, modules: Mapping[str, nn.Module], optimiser: torch.optim.Optimizer
) -> tuple[int, float, bool]:
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        return 0, 0.0, False
    kept: dict[str, Any] = torch.load(path, weights_only=True)
    for name, module in modules.items():
        module.load_state_dict(kept["modules"][name])
    optimiser.load_state_dict(kept["optimiser"])
    return kept["step"], kept["seconds"], kept["reached"]


def _save(
    path: Path,
    modules: Mapping[str, nn.Module],
    optimiser: torch.optim.Optimizer,
    progress: Mapping[str, float | bool],
) -> None:
    unfinished = path.with_suffix(".unfinished")
    kept = {name: module.state_dict() for name, module in modules.items()}
    torch.save({"modules": kept, "optimiser": optimiser.state_dict(), **progress}, unfinished)
    unfinished.replace(path)
