"""What a checkpoint says of the training's state: read so that what is no state is named.

The weights of the adapter are read where all adapters are; the optimizer, its schedule and the
random numbers are read by the library, which raises whatever befalls it.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError
from transformers import TrainerState
from transformers.trainer import TRAINER_STATE_NAME

from emoreal_bench.catalog import explain
from emoreal_bench.contracts.base import Count
from emoreal_bench.contracts.errors import RunError
from emoreal_bench.identity import check_plain_file
from emoreal_bench.parsing import UnreadableError, parse_json
from emoreal_bench.training.objectives.metrics import STEP

_REMEDY = "Remove the folder: the training then goes on from the checkpoint before it, or anew."
_NO_STATE = (
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    UnpicklingError,
    ValueError,
    struct.error,
)
"""What the library raises of files that hold something else than it wrote."""


_STATES = "*.pt*"
_ARCHIVE = b"PK\x03\x04"
"""How all that torch writes begins; it also reads a form of old, which may claim any size."""


class _State(BaseModel):
    """What this project reads of the Trainer's own record."""

    model_config = ConfigDict(extra="allow", strict=True)

    global_step: Count
    max_steps: Count
    epoch: float | int | None
    log_history: list[dict[str, float | int]]


@contextmanager
def readable_states(checkpoint: str | None) -> Iterator[None]:
    """Turn what goes wrong while states are read into an error that names the checkpoint.

    Raises:
        RunError: If a file is none of a checkpoint's.
    """
    try:
        if checkpoint is not None:
            _refuse_other_forms(Path(checkpoint))
        yield
    except OSError as error:
        problem = f"A state of the training cannot be read: {error.strerror or error}."
        raise RunError(problem, where=checkpoint, remedy=_REMEDY) from error
    except _NO_STATE as error:
        problem = f"A state of the training is damaged: {type(error).__name__}: {error}."
        raise RunError(problem, where=checkpoint, remedy=_REMEDY) from error


def _refuse_other_forms(checkpoint: Path) -> None:
    for path in sorted(checkpoint.glob(_STATES)):
        check_plain_file(path)
        with path.open("rb") as file:
            if file.read(len(_ARCHIVE)) != _ARCHIVE:
                raise ValueError(f"{path.name} is not what torch writes")


def check_record(checkpoint: Path) -> None:
    """Check the record of the steps before the Trainer goes on from it.

    Args:
        checkpoint: Its folder.

    Raises:
        RunError: If it is not as the Trainer wrote it.
    """
    path = checkpoint / TRAINER_STATE_NAME
    with readable_states(str(path)):
        record = _read(path)
        missing = [entry for entry in record["log_history"] if STEP not in entry]
        if missing:
            raise ValueError(f"an entry of the log names no {STEP}")
        TrainerState(**record)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        check_plain_file(path)
        record: dict[str, Any] = parse_json(path.read_bytes())
        _State.model_validate(record)
    except UnreadableError as error:
        raise RunError(f"The file {error}.", where=str(path), remedy=_REMEDY) from error
    except ValidationError as error:
        problem = f"This is no record of a training:\n{explain(error)}"
        raise RunError(problem, where=str(path), remedy=_REMEDY) from error
    return record
