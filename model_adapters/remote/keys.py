"""Where the key of a service is found: in the environment, or else in a keyring.

A keyring is looked in only where the library ``keyring`` is installed, under the
service :data:`KEYRING_SERVICE` and the name of the environment variable.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field

from emoreal_bench.contracts.errors import UsageError, install_command

KEYRING_SERVICE = "emoreal-bench"


@dataclass(frozen=True, slots=True)
class Key:
    """A key and where it was found.

    Attributes:
        value: The secret; left out of what is printed of the object.
        source: The place in words.
    """

    value: str = field(repr=False)
    source: str


def find_key(variables: Sequence[str], model: str, *, required: bool) -> Key | None:
    """Find a key in the environment, or else in the user's keyring.

    Args:
        variables: Names of the variables; the first that is set counts.
        model: For the error.
        required: Whether it is an error if there is none.

    Raises:
        UsageError: If there is none and one is required, or it cannot be sent.
    """
    for variable in variables:
        value = os.environ.get(variable, "").strip()
        if value:
            return _checked(Key(value, f"the environment variable {variable}"), model)
    key, trouble = _look_in_keyring(variables)
    if key is not None:
        return _checked(key, model)
    if not required:
        return key
    raise UsageError(
        f"{model} needs a key, and none was found{f' ({trouble})' if trouble else ''}.",
        remedy=f"Set the environment variable {' or '.join(variables)}, or keep the key in a "
        f"keyring: {install_command('keyring')}, then "
        f"`keyring set {KEYRING_SERVICE} {variables[0]}`.",
    )


def _checked(key: Key, model: str) -> Key:
    """Return a key that a line of HTTP can hold; say of another what is wrong with it."""
    for place, character in enumerate(key.value, 1):
        if not " " <= character <= "~":
            kind = "a line break" if character in "\r\n" else f"U+{ord(character):04X}"
            raise UsageError(
                f"{model}: the key in {key.source} cannot be sent: its character {place} of "
                f"{len(key.value)} is {kind}.",
                remedy="A key is one line of ASCII letters, digits and signs. Copy it again, "
                "without what stands around it.",
            )
    return key


def _look_in_keyring(variables: Sequence[str]) -> tuple[Key | None, str | None]:
    """Return the first key that a keyring holds, or why no keyring could be looked in."""
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return None, None
    try:
        for variable in variables:
            value = (keyring.get_password(KEYRING_SERVICE, variable) or "").strip()
            if value:
                return Key(value, f"the keyring, as {variable} of {KEYRING_SERVICE}"), None
    except KeyringError as error:
        # Only the kind: what a keyring says is not ours to vouch for.
        return None, f"the keyring cannot be read: {type(error).__name__}"
    return None, None
