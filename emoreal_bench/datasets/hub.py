"""Downloads from the Hugging Face hub, from one commit, which the folder remembers."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

from emoreal_bench.contracts.errors import DataError, MissingExtraError, UsageError
from emoreal_bench.hiding import hide
from emoreal_bench.identity import check_plain_file
from emoreal_bench.parsing import parse_json
from emoreal_bench.record.files import write_atomically

RECORD = "download.json"
"""Says beside the files which commit they are from."""
_SECONDS = 60.0
_REMEDY = "Try again later; files that are whole are kept."


def settle_revision(repository: str, out: Path, wanted: str | None) -> str:
    """Choose the commit that files are taken from, and write it beside them.

    Args:
        repository: Data set of the hub, ``owner/name``.
        out: The folder of the files.
        wanted: The commit that the task file or the user names. Without one it
            is the commit that the folder remembers, or else the newest.

    Returns:
        The commit.

    Raises:
        UsageError: If the folder holds files of another commit or data set.
        DataError: If the record cannot be read, or the hub does not answer.
    """
    record = out / RECORD
    if not record.is_file():
        revision = wanted or _newest(repository, out)
        content = {"repository": repository, "revision": revision}
        write_atomically(record, [f"{json.dumps(content, indent=2)}\n".encode()])
        return revision
    held = _read(record)
    if held != (repository, wanted or held[1]):
        raise UsageError(
            f"The folder holds {held[0]} at {held[1]}, not {repository} at {wanted or 'any'}.",
            where=str(record),
            remedy="Choose another folder, so that no two versions are mixed.",
        )
    return held[1]


def check_installed() -> None:
    """Look whether the hub can be asked.

    Raises:
        MissingExtraError: If its library is not installed.
    """
    _library()


def get_from_hub(repository: str, name: str, out: Path, revision: str, most: int) -> None:
    """Download one file of a data set.

    Args:
        repository: Data set of the hub, ``owner/name``.
        name: Of the file.
        out: The folder of the files.
        revision: The commit.
        most: Bytes that the file may have.

    Raises:
        DataError: If it cannot be had.
        MissingExtraError: If the hub's library is not installed.
    """
    hub = _library()
    try:
        hub.hf_hub_download(
            repository,
            name,
            repo_type="dataset",
            revision=revision,
            local_dir=out,
            tqdm_class=_bounded_bar(most),
        )
    except (*_failures(hub), hub.errors.LocalEntryNotFoundError) as error:
        raise DataError(
            f"{name} cannot be downloaded from {repository} at {revision}: {_shown(error)}",
            where=str(out / name),
            remedy=_REMEDY,
        ) from error


def _newest(repository: str, out: Path) -> str:
    hub = _library()
    try:
        revision = hub.HfApi().dataset_info(repository, timeout=_SECONDS).sha
    except _failures(hub) as error:
        raise DataError(
            f"The newest commit of {repository} cannot be looked up: {_shown(error)}",
            where=str(out),
            remedy="Try again later, or name a commit with --revision.",
        ) from error
    return str(revision)


def _failures(hub: Any) -> tuple[type[Exception], ...]:
    """Return what is raised where a hub does not answer as it should.

    Where it does not answer at all that is an error of the library of the web below the
    hub's own, which is httpx or httpx2, by the version.
    """
    web = import_module(type(hub.get_session()).__module__.partition(".")[0])
    return hub.errors.HfHubHTTPError, web.HTTPError, OSError


def _bounded_bar(most: int) -> type:
    """Return a progress bar that counts the bytes of a file and ends one that is too large."""
    from huggingface_hub.utils.tqdm import tqdm

    class BoundedBar(tqdm):
        _come = 0.0

        def __init__(self, *args: Any, **named: Any):
            super().__init__(*args, **named)  # type: ignore[no-untyped-call]
            self._count(max(named.get("total") or 0, named.get("initial") or 0))
            self._come = named.get("initial") or 0

        def update(self, n: float | None = 1) -> bool | None:
            self._count(n or 0)
            is_shown: bool | None = super().update(n)
            return is_shown

        def _count(self, size: float) -> None:
            self._come += size
            if self._come > most:
                raise OSError(f"it has more than {most:,} bytes, for which there is no room")

    return BoundedBar


def _shown(error: Exception) -> str:
    """Return what a hub says, without the user's token, which may be kept in a file."""
    return hide(str(error), filter(None, [_library().get_token()]))


def _read(record: Path) -> tuple[str, str]:
    try:
        check_plain_file(record)
        content = parse_json(record.read_text(encoding="utf-8"))
        return str(content["repository"]), str(content["revision"])
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(
            "This record of a download cannot be read.",
            where=str(record),
            remedy="Delete it together with the files beside it, and download them again.",
        ) from error


def _library() -> Any:
    try:
        import huggingface_hub
        import huggingface_hub.errors
    except ImportError as error:
        raise MissingExtraError("Downloading from the Hugging Face hub", "data") from error
    return huggingface_hub
