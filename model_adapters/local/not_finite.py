"""Where the numbers of a network stop being finite: weights that are damaged, or an overflow."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import torch

NOT_FINITE = "the model's numbers are not finite"
"""Begins the detail of every item whose scores or logits are NaN or infinite."""

_HALF = "float16 ends at 65,504; take dtype=bfloat16 or dtype=float32"


@dataclass(frozen=True, slots=True)
class _Place:
    """The first module that gave something that is not finite.

    Attributes:
        name: Of the module, in the network.
        module: The module.
        given: Whether what it was given was not finite either.
        number_format: Of what it gave.
    """

    name: str
    module: torch.nn.Module
    given: bool
    number_format: torch.dtype


def explain(network: torch.nn.Module, compute: Callable[[], object]) -> str:
    """Return where a computation that ends in NaN or infinity first goes wrong.

    Args:
        network: The network.
        compute: Does the computation again, while the network is watched.

    Returns:
        One sentence that names the module or the weights.
    """
    found: list[_Place] = []

    def make_look(name: str) -> Callable[[torch.nn.Module, object, object], None]:
        # Modules end from the inside out, so the first to end is the innermost.
        def look(module: torch.nn.Module, given: object, result: object) -> None:
            broken = None if found else _first_broken(result)
            if broken is not None:
                is_given = _first_broken(given) is not None
                found.append(_Place(name, module, is_given, broken.dtype))

        return look

    hooks = [
        module.register_forward_hook(make_look(name)) for name, module in network.named_modules()
    ]
    try:
        compute()
    except RuntimeError:
        # What it needs besides may not fit into the memory; the weights still tell much.
        pass
    finally:
        for hook in hooks:
            hook.remove()
    return f"{NOT_FINITE}: {_tell(found[0]) if found else _tell_weights(network)}"


def find_broken_weight(weights: Mapping[str, torch.Tensor]) -> str | None:
    """Return what is not finite in the first broken one of some weights; None if all are sound."""
    for name, weight in weights.items():
        if _is_broken(weight):
            return f"{_kind(weight)} in the weights '{name}'"
    return None


def _tell(place: _Place) -> str:
    own = find_broken_weight(
        {f"{place.name}.{name}".lstrip("."): one for name, one in place.module.state_dict().items()}
    )
    if own is not None:
        return own
    where = f"'{place.name}' ({type(place.module).__name__})"
    if place.given:
        text = f"first in the activations that enter {where}"
    else:
        text = f"first in the activations of {where}, whose weights are finite"
    return f"{text}; {_HALF}" if place.number_format is torch.float16 else text


def _tell_weights(network: torch.nn.Module) -> str:
    found = find_broken_weight(network.state_dict())
    return found or "computed once more, every layer gave finite numbers"


def _first_broken(value: object) -> torch.Tensor | None:
    return next((one for one in _tensors(value) if _is_broken(one)), None)


def _tensors(value: object) -> Iterator[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _tensors(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _tensors(one)


def _is_broken(tensor: torch.Tensor) -> bool:
    return tensor.is_floating_point() and not bool(torch.isfinite(tensor).all())


def _kind(tensor: torch.Tensor) -> str:
    return "NaN" if bool(torch.isnan(tensor).any()) else "infinity"
