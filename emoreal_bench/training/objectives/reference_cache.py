"""Log-probabilities of the reference on disk, shared by all methods and runs.

The key of an answer covers the reference, the prompt, the bytes and alteration
of its clips and the answer itself, so that naive DPO finds what AVEm-DPO has
computed. Like the log of a run, the file is only ever appended to, and a line
counts with its checksum alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from emoreal_bench.contracts.request import Message, Part, TextPart, VideoPart
from emoreal_bench.contracts.vocabulary import Modality
from emoreal_bench.identity import check_plain_file, hash_json
from emoreal_bench.record.files import GrowingFile, cannot_write
from emoreal_bench.record.log import seal, unseal_object

_KEY, _VALUE = "key", "log_probability"


def reference_key(
    reference: str, messages: Sequence[Message], clips: Mapping[str, str], answer: str
) -> str:
    """Hash what decides the log-probability of one answer.

    Args:
        reference: ``reference_hash`` of the :class:`~.trainable.TrainableModel`.
        messages: The prompt.
        clips: Name of each clip in the messages to the key of its decoded media, which covers
            bytes, sampling and alteration; the names themselves do not matter.
        answer: The answer.
    """
    turns = [
        [message.role, [_describe(part, clips) for part in message.parts]] for message in messages
    ]
    return hash_json([reference, turns, answer])


def _describe(part: Part, clips: Mapping[str, str]) -> list[str]:
    if isinstance(part, TextPart):
        return [Modality.TEXT.value, part.text]
    modality = Modality.VIDEO if isinstance(part, VideoPart) else Modality.AUDIO
    return [modality.value, clips[part.clip]]


class ReferenceCache:
    """A file of log-probabilities; whoever writes it may be killed at any time.

    Args:
        path: Made with the first value, if it is not there. One process writes a file.

    Raises:
        RunError: If the file is there and cannot be read.
    """

    def __init__(self, path: Path):
        self._path = path
        self._values: dict[str, float] = {}
        # A line that was torn has no end; the next one must not be written onto it.
        self._is_torn = False
        try:
            if path.exists():
                check_plain_file(path)
                self._read()
        except OSError as error:
            raise cannot_write(path, error) from error

    def _read(self) -> None:
        with self._path.open("rb") as file:
            for line in file:
                record = unseal_object(line) or {}
                key, value = record.get(_KEY), record.get(_VALUE)
                if isinstance(key, str) and isinstance(value, float):
                    self._values[key] = value
                self._is_torn = not line.endswith(b"\n")

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: str) -> float | None:
        """Return the log-probability of a key, None if it is not known."""
        return self._values.get(key)

    def put(self, values: Mapping[str, float]) -> None:
        """Keep log-probabilities; those already known stay as they are.

        Raises:
            RunError: If the file cannot be written.
        """
        new = {key: value for key, value in values.items() if key not in self._values}
        lines = b"".join(seal({_KEY: key, _VALUE: value}) for key, value in new.items())
        with GrowingFile(self._path) as file:
            file.append(b"\n" + lines if self._is_torn else lines)
            file.sync()
        self._is_torn = False
        self._values.update(new)
