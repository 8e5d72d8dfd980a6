"""Logs of Inspect AI, version 2, as inspect-ai 0.3.285 writes them: ``.eval`` and ``.json``.

An ``.eval`` file is a zip archive with a file for each sample, since 0.3.2xx compressed by
Zstandard, which Python reads from 3.14 on and by the package ``zstandard`` before.
"""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, BinaryIO

from emoreal_bench.contracts.errors import DataError, MissingExtraError
from emoreal_bench.contracts.item import Item
from emoreal_bench.contracts.result import Result, Usage
from emoreal_bench.contracts.vocabulary import DeliveryStatus
from emoreal_bench.importing.log_lines import LoggedReplies, Sample, match_samples, scalars
from emoreal_bench.parsing import UnreadableError, parse_json
from emoreal_bench.readers.tables import DAMAGED_ARCHIVE

_LARGEST_BYTES = 1 << 28
"""Of the log of one sample, unpacked."""
_LARGEST_LOG_BYTES = 1 << 31
"""Of all samples, unpacked; an archive of a few megabytes may claim any number."""
_ZSTANDARD = 93
_LOCAL_HEADER = struct.Struct("<26xHH")
"""Where the length of the name and of the extra field stand before the bytes of a member."""
_STATUSES: Mapping[str, DeliveryStatus] = {
    "max_tokens": DeliveryStatus.LENGTH,
    "model_length": DeliveryStatus.LENGTH,
    "content_filter": DeliveryStatus.BLOCKED,
}
"""By stop reason; every other reason is a reply that ended by itself."""
_HEAD = 1 << 16


def is_inspect_log(path: Path) -> bool:
    """Return whether a file is named or begins as a log of Inspect AI."""
    if path.suffix == ".eval":
        return True
    if path.suffix != ".json":
        return False
    try:
        with path.open("rb") as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    # The keys of the log itself, in the order in which it is written.
    return b'"version"' in head and b'"eval"' in head and b'"eval_id"' in head


def read_inspect_log(path: Path, items: Sequence[Item]) -> LoggedReplies:
    """Read the replies of a log.

    Raises:
        DataError: If it cannot be read, or its samples are not about these items.
        MissingExtraError: If it is compressed in a way that needs a package.
    """
    header, records = _read_archive(path) if path.suffix == ".eval" else _read_json(path)
    samples = [_sample(f"{path}, {name}", record) for name, record in records]
    pairs, notes = match_samples(path, samples, items)
    about = header.get("eval")
    model = about.get("model") if isinstance(about, Mapping) else None
    return LoggedReplies(
        [replace(sample.result, id=item.id) for item, sample in pairs],
        model if isinstance(model, str) and model.strip() else None,
        notes,
    )


def _read_json(path: Path) -> tuple[Mapping[str, Any], list[tuple[str, Any]]]:
    try:
        log = parse_json(path.read_bytes())
    except OSError as error:
        problem = f"The log cannot be read: {error.strerror or error}."
        raise DataError(problem, where=str(path)) from error
    except UnreadableError as error:
        raise DataError(f"The log {error}.", where=str(path)) from error
    samples = log.get("samples") if isinstance(log, Mapping) else None
    if not isinstance(samples, list):
        raise DataError("The log holds no samples.", where=str(path), remedy=_LOG_SAMPLES)
    return log, [(f"sample {number}", one) for number, one in enumerate(samples, start=1)]


_LOG_SAMPLES = "Run the evaluation with its samples logged."


def _read_archive(path: Path) -> tuple[Mapping[str, Any], list[tuple[str, Any]]]:
    try:
        with path.open("rb") as file, zipfile.ZipFile(file) as archive:
            members = {info.filename: info for info in archive.infolist()}
            names = sorted(
                name for name in members if name.startswith("samples/") and name.endswith(".json")
            )
            if "header.json" in members:
                names.insert(0, "header.json")
            read, left = {}, _LARGEST_LOG_BYTES
            for name in names:
                content = _member(path, file, archive, members[name])
                left -= len(content)
                if left < 0:
                    raise DataError(
                        f"The log unpacks to more than {_LARGEST_LOG_BYTES:,} bytes.",
                        where=str(path),
                        remedy="Split it, or convert it to JSON by `inspect log convert`.",
                    )
                read[name] = _parse(path, name, content)
    except OSError as error:
        problem = f"The log cannot be read: {error.strerror or error}."
        raise DataError(problem, where=str(path)) from error
    except DAMAGED_ARCHIVE as error:
        raise DataError(f"The log is damaged: {error}.", where=str(path)) from error
    header = read.pop("header.json", {})
    return header if isinstance(header, Mapping) else {}, list(read.items())


def _member(path: Path, file: BinaryIO, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    if info.file_size > _LARGEST_BYTES:
        raise DataError(f"{info.filename} is too large.", where=str(path))
    try:
        return archive.read(info)
    except NotImplementedError:
        if info.compress_type != _ZSTANDARD:
            raise
        return _unpack(file, info)


def _parse(path: Path, name: str, content: bytes) -> Any:
    try:
        return parse_json(content)
    except UnreadableError as error:
        raise DataError(f"Its {name} {error}.", where=str(path)) from error


def _unpack(file: BinaryIO, info: zipfile.ZipInfo) -> bytes:
    """Read a member that is compressed by Zstandard."""
    try:
        import zstandard
    except ImportError as error:
        raise MissingExtraError("Reading logs of Inspect AI that it compressed", "inspect") from (
            error
        )
    file.seek(info.header_offset)
    lengths = _LOCAL_HEADER.unpack(file.read(_LOCAL_HEADER.size))
    file.seek(sum(lengths), io.SEEK_CUR)
    packed = file.read(info.compress_size)
    try:
        reader = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True)
        # What the archive says of its size may be wrong.
        content = bytes(reader.read(_LARGEST_BYTES + 1))
    except zstandard.ZstdError as error:
        raise zipfile.BadZipFile(f"{info.filename}: {error}") from error
    if len(content) > _LARGEST_BYTES:
        raise zipfile.BadZipFile(f"{info.filename} is too large")
    return content


def _sample(where: str, record: Any) -> Sample:
    if not isinstance(record, Mapping):
        raise DataError("This is not a sample of an Inspect log.", where=where)
    names = {"id": record.get("id")}
    names |= {f"metadata.{name}": value for name, value in scalars(record.get("metadata")).items()}
    return Sample(
        where=where,
        names=names,
        place=None,
        prompt=record.get("input"),
        target=record.get("target"),
        result=_result(record),
    )


def _result(record: Mapping[str, Any]) -> Result:
    output = record.get("output")
    output = output if isinstance(output, Mapping) else {}
    text, reason = _reply(output)
    error = record.get("error")
    if isinstance(error, Mapping) or (text is None and output.get("error")):
        detail = error.get("message") if isinstance(error, Mapping) else output["error"]
        return Result("", DeliveryStatus.FAILED, detail=str(detail)[:500])
    if text is None:
        detail = "The log holds no reply to it."
        return Result("", DeliveryStatus.FAILED, detail=detail)
    status = _STATUSES.get(reason, DeliveryStatus.OK)
    seconds = record.get("total_time")
    return Result(
        "",
        status,
        text,
        usage=_usage(output.get("usage")),
        seconds=float(seconds) if isinstance(seconds, int | float) else 0.0,
    )


def _reply(output: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return the text of a reply and why it ended."""
    choices = output.get("choices")
    if not isinstance(choices, list) or not choices or not isinstance(choices[0], Mapping):
        return None, ""
    message = choices[0].get("message")
    content = message.get("content") if isinstance(message, Mapping) else None
    if isinstance(content, list):  # parts, of which those of reasoning are no reply
        texts = [
            part["text"]
            for part in content
            if isinstance(part, Mapping) and isinstance(part.get("text"), str)
        ]
        content = "\n".join(texts)
    reason = choices[0].get("stop_reason")
    return content if isinstance(content, str) else None, reason if isinstance(reason, str) else ""


def _usage(record: Any) -> Usage:
    counts = record if isinstance(record, Mapping) else {}
    read, written = (counts.get(name) for name in ("input_tokens", "output_tokens"))
    return Usage(
        read if isinstance(read, int) and read >= 0 else 0,
        written if isinstance(written, int) and written >= 0 else 0,
    )
