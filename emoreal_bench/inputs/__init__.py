"""What model families share when they turn messages and media into tensors.

Each family has a builder in ``model_adapters/local``, which adapters and training use alike.
It does all preprocessing itself, so that an
evaluation, a training step and a test feed a model the same numbers whatever
image, video or audio libraries happen to be installed.
"""

from __future__ import annotations


class InputError(ValueError):
    """A request that this model family cannot take; the text says why."""
