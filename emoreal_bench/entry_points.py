"""What other packages add by entry points, loaded with an error that names the package."""

from __future__ import annotations

from importlib.metadata import EntryPoint

from emoreal_bench.contracts.errors import UsageError


def load_entry_point(entry: EntryPoint) -> object:
    """Import what an entry point names.

    Raises:
        UsageError: If the import fails, for whatever reason.
    """
    try:
        added: object = entry.load()
    except Exception as error:
        owner = entry.dist.name if entry.dist is not None else entry.module
        raise UsageError(
            f"'{entry.name}' of the package {owner} cannot be imported: "
            f"{type(error).__name__}: {error}",
            where=entry.value,
            remedy=f"Fix or uninstall {owner}.",
        ) from error
    return added
