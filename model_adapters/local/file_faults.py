"""Files of a checkpoint that are not what their names say, and what came in their place."""

from __future__ import annotations

import errno
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from pickle import UnpicklingError
from typing import TYPE_CHECKING, Any

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.identity import check_plain_file, hash_file
from emoreal_bench.parsing import parse_json

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

COMPLETE_FILE = "complete"
"""Of a checkpoint or an adapter that was trained here: the hash of each of its other files."""

_BEGINNING = 512
_GIT_LFS = b"version https://git-lfs.github.com/"
_FILE_NAME = re.compile(r"[\w.-]{1,200}", re.ASCII)
_BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")


def find_fault(path: Path) -> tuple[str, str] | None:
    """Look at the first bytes of a file of a checkpoint.

    Returns:
        What is wrong with it and what to do; None if its beginning tells nothing.

    Raises:
        OSError: If it cannot be read, or is a pipe or a device, which may never end.
    """
    check_plain_file(path)
    with path.open("rb") as file:
        start = file.read(_BEGINNING)
    if not start:
        return (
            f"{path.name} is empty.",
            "Copy or download it again; the disk may have been full when it was written.",
        )
    if start.startswith(_GIT_LFS):
        return (
            f"{path.name} is a pointer of Git LFS, not the file that it stands for.",
            "Fetch the files themselves: `git lfs install`, then `git lfs pull` in that folder, "
            "or download them with `hf download`.",
        )
    if start.lstrip()[:1] == b"<":
        return (
            f"{path.name} is a web page, not the file that was meant to be downloaded.",
            "Download it again; a page that asks to log in may have been saved in its place.",
        )
    if path.suffix == ".json" and start.startswith(_BYTE_ORDER_MARKS):
        return (
            f"{path.name} begins with a byte order mark, which the libraries that read it refuse.",
            "Save it as UTF-8 without a byte order mark (in Python: read it with the encoding "
            "'utf-8-sig' and write it with 'utf-8').",
        )
    return None


def refuse_fault(path: Path) -> None:
    """Refuse a file that is not what its name says.

    Raises:
        UsageError: If it cannot be read or its first bytes show that it is something else.
    """
    try:
        fault = find_fault(path)
    except OSError as error:
        raise unreadable(path, error) from error
    if fault is not None:
        raise UsageError(fault[0], where=str(path.parent), remedy=fault[1])


def damaged_files(folder: Path) -> list[str]:
    """Name what differs from what was written; a checkpoint of earlier versions has no hashes.

    Args:
        folder: Of a checkpoint or an adapter, with its mark of being complete.
    """
    try:
        check_plain_file(folder / COMPLETE_FILE)
        hashes = parse_json((folder / COMPLETE_FILE).read_bytes() or b"{}")
        return [
            name for name, written in hashes.items() if not _is_as_written(folder / name, written)
        ]
    except (OSError, ValueError, AttributeError):
        return [COMPLETE_FILE]


def _is_as_written(path: Path, written: str) -> bool:
    try:
        return path.is_file() and hash_file(path) == written
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        return False  # No file of a checkpoint has such a name.


def unreadable(path: Path, error: OSError) -> UsageError:
    """Make the error for a file that is there and cannot be read."""
    return UsageError(
        f"{path.name} cannot be read: {error.strerror or error}.",
        where=str(path.parent),
        remedy="If it belongs to somebody else, ask them to let you read it: chmod a+r.",
    )


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Load the tokenizer of a checkpoint.

    Raises:
        UsageError: If it cannot be loaded, or is code of the checkpoint's own.
    """
    from transformers import AutoTokenizer

    with told_by_library("the tokenizer cannot be loaded.", folder):
        # Unless it is told no, the library asks the person whether that code may run.
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            folder, trust_remote_code=False
        )
        # Some of its settings are looked at only when it is used.
        tokenizer("")
    return tokenizer


@contextmanager
def told_by_library(problem: str, folder: Path) -> Iterator[None]:
    """Turn whatever a library raises of a checkpoint's files into one error that names them.

    The libraries trust that files are as they wrote them, and fail wherever a wrong value is
    first used.

    Args:
        problem: What cannot be done, in a sentence; what the library says stands below it.
        folder: Of the checkpoint.

    Raises:
        UsageError: If it raises.
    """
    from huggingface_hub.errors import StrictDataclassError
    from safetensors import SafetensorError

    try:
        yield
    except (
        ArithmeticError,
        AttributeError,
        EOFError,
        LookupError,
        OSError,
        RuntimeError,
        SafetensorError,
        StrictDataclassError,
        TypeError,
        UnpicklingError,
        ValueError,
    ) as error:
        said = str(error) or type(error).__name__
        raise UsageError(problem, where=str(folder), remedy=said) from error


def read_json_object(path: Path) -> dict[str, Any]:
    """Read a JSON file of a checkpoint that holds an object.

    Raises:
        UsageError: If it cannot be read or is something else; the message says what.
    """
    content = read_json(path)
    if not isinstance(content, Mapping):
        raise UsageError(f"{path.name} holds no JSON object.", where=str(path.parent))
    return dict(content)


def read_json(path: Path) -> Any:
    """Read a JSON file of a checkpoint.

    Raises:
        UsageError: If it cannot be read or is something else; the message says what.
    """
    refuse_fault(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise unreadable(path, error) from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"{path.name} is no JSON text: {error}.",
            where=str(path.parent),
            remedy="Copy or download it again; it may be cut off.",
        ) from error


def read_parts(index: Path) -> list[str]:
    """Read which files hold the weights of a split checkpoint.

    Raises:
        UsageError: If it cannot be read, or names files elsewhere: they would be loaded, and no
            hash of the folder would hold them.
    """
    parts = read_json_object(index).get("weight_map")
    files = parts.values() if isinstance(parts, dict) else [None]
    if not all(isinstance(file, str) and _FILE_NAME.fullmatch(file) for file in files):
        raise UsageError(
            f"{index.name} names no files of weights in its folder.",
            where=str(index.parent),
            remedy="Copy or download it again.",
        )
    return sorted(set(files))


def read_weights(path: Path) -> Mapping[str, Any]:
    """Read the tensors of a safetensors file by name.

    Raises:
        UsageError: If it cannot be read or holds no numbers.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    refuse_fault(path)
    try:
        weights: Mapping[str, Any] = load_file(path)
    except OSError as error:
        raise unreadable(path, error) from error
    except (SafetensorError, KeyError, ValueError) as error:
        raise _no_weights(path, error) from error
    refuse_emptied(path, {name: tuple(weight.shape) for name, weight in weights.items()})
    return weights


def weight_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return name and shape of each tensor of a safetensors file, from its header alone.

    Raises:
        UsageError: If it cannot be read.
    """
    from safetensors import SafetensorError, safe_open

    refuse_fault(path)
    try:
        # The library types its reader as anything.
        with safe_open(path, framework="pt") as file:
            return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118
    except OSError as error:
        raise unreadable(path, error) from error
    except (SafetensorError, ValueError) as error:
        raise _no_weights(path, error) from error


def refuse_emptied(path: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse weights that another process held when they were saved.

    Raises:
        UsageError: If the file holds no tensors, or tensors of one axis without a number.
    """
    emptied = [name for name, shape in shapes.items() if shape == (0,)]
    if shapes and not emptied:
        return
    problem = f"{path.name} holds no weights"
    if emptied:
        problem = f"{path.name} holds '{emptied[0]}' without a single number"
        problem += f", and {len(emptied) - 1} more such weights" if len(emptied) > 1 else ""
    raise UsageError(
        f"{problem}: so they are saved under DeepSpeed's ZeRO-3 or FSDP when nobody gathers them.",
        where=str(path.parent),
        remedy="Gather them while saving (stage3_gather_16bit_weights_on_model_save: true), or "
        "join the checkpoint with DeepSpeed's zero_to_fp32.py and save it again.",
    )


def _no_weights(path: Path, error: Exception) -> UsageError:
    return UsageError(
        f"{path.name} is no whole safetensors file: {error}.",
        where=str(path.parent),
        remedy="Copy or download it again; it may be cut off.",
    )
