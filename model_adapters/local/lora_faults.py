"""LoRA adapters that are not what they seem: odd names, layers left out, nothing learned."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from re import _parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any

from emoreal_bench.contracts.errors import UsageError
from emoreal_bench.model_adapters.local.file_faults import read_weights, told_by_library

if TYPE_CHECKING:
    import torch
    from peft.tuners.lora import LoraConfig

CONFIGURATION = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"

_LONGEST_NAME = 60
_MOST_WAYS = 3e8
"""Of comparing a name with a pattern. What people write is far below: four wild cards and some
alternatives between them."""

_SAVE_AGAIN = (
    "Save the adapter once more with save_pretrained of PEFT's own model, taken out of what wraps "
    "it (accelerator.unwrap_model), or rename the tensors in the file."
)
# Names of a whole network's state, or of other software, with what they come from.
_OTHER_NAMES: Mapping[str, tuple[re.Pattern[str], str]] = {
    "these are the names that FSDP gives what it wraps": (
        re.compile(r"(^|\.)_fsdp_wrapped_module\."),
        _SAVE_AGAIN,
    ),
    "these are the names that torch.compile gives what it wraps": (
        re.compile(r"(^|\.)_orig_mod\."),
        _SAVE_AGAIN,
    ),
    "these are the names that gradient checkpointing gives what it wraps": (
        re.compile(r"(^|\.)_checkpoint_wrapped_module\."),
        _SAVE_AGAIN,
    ),
    "these are the names that DataParallel or DeepSpeed give what they wrap ('module.')": (
        re.compile(r"(^|\.)module\."),
        _SAVE_AGAIN,
    ),
    "it has the prefix 'base_model.model.' twice": (
        re.compile(r"^base_model\.model\.base_model\.model\."),
        "The adapter was put on a model that carried one already. " + _SAVE_AGAIN,
    ),
    "it has the adapter's own name in it, as the state of a whole network has and a saved adapter "
    "does not": (
        re.compile(r"\.lora_(A|B|magnitude_vector)\.(?!weight$|bias$)[^.]+(\.(weight|bias))?$"),
        "Save it with PEFT's save_pretrained or get_peft_model_state_dict, which leave that name "
        "out; torch.save or save_file of state_dict() does not.",
    ),
    "it has no prefix 'base_model.model.'": (
        re.compile(r"^(?!base_model\.model\.).*\.lora_[AB]\.weight$"),
        "Save it with PEFT's save_pretrained, or put 'base_model.model.' before each name.",
    ),
    "these are the names of kohya or diffusers": (
        re.compile(r"^lora_(unet|te)|\.(lora_down|lora_up)\.|\.lora\.(down|up)\."),
        "Take the adapter in PEFT's layout, as save_pretrained writes it.",
    ),
}
_HEAD = "lm_head"


def read_settings(folder: Path) -> LoraConfig:
    """Read the configuration of an adapter.

    Raises:
        UsageError: If PEFT cannot.
    """
    from peft.tuners.lora import LoraConfig

    with told_by_library(f"PEFT cannot read {CONFIGURATION}.", folder):
        config: LoraConfig = LoraConfig.from_pretrained(str(folder))
        _refuse_odd_patterns(config)
    return config


def _refuse_odd_patterns(config: LoraConfig) -> None:
    """Refuse what PEFT takes, whatever it is, and fails at later or never comes to an end with."""
    patterns: list[str] = []
    for name in ("target_modules", "exclude_modules", "layers_pattern", "modules_to_save"):
        named = getattr(config, name) or []
        # A text is a pattern, and so is each name of a layer's list or of modules kept whole.
        names = [named] if isinstance(named, str) else named
        if not isinstance(names, list | set) or not all(isinstance(one, str) for one in names):
            raise ValueError(f"{name} is no list of names")
        patterns += names
    for name in ("rank_pattern", "alpha_pattern"):
        pattern = getattr(config, name) or {}
        if not isinstance(pattern, dict) or not all(map(_is_number, pattern.values())):
            raise ValueError(f"{name} is no table of numbers")
        patterns += pattern
    if not _is_number(config.lora_alpha) or type(config.r) is not int or config.r < 0:
        raise ValueError("r and lora_alpha are not both numbers")
    if config.target_modules is None:
        raise ValueError("target_modules names no layers")
    try:
        dear = next((one for one in patterns if _ways(one) > _MOST_WAYS), None)
    except re.error as error:
        raise ValueError(f"a pattern of its layers is none: {error}") from error
    if dear is not None:
        raise ValueError(
            f"to compare a layer's name with the pattern {dear[:100]!r} may take years. Name the "
            "layers one by one instead."
        )


def _is_number(value: object) -> bool:
    return type(value) in (int, float)


def _ways(pattern: str) -> float:
    """Return in how many ways at most a pattern is tried on a name, roughly."""
    choices, repeats = _choices(_parser.parse(pattern))
    return choices * math.comb(_LONGEST_NAME + repeats, repeats)


def _choices(parsed: Any) -> tuple[float, int]:
    """Return the ways through a parsed pattern, and the repeats that share the name beside them."""
    choices, repeats = 1.0, 0
    for kind, told in parsed:
        if kind is _parser.BRANCH:
            branches = [_choices(branch) for branch in told[1]]
            inner = sum(ways for ways, _ in branches), max(stars for _, stars in branches)
        elif kind in (_parser.MAX_REPEAT, _parser.MIN_REPEAT, _parser.POSSESSIVE_REPEAT):
            least, most, body = told
            inner = _choices(body)
            if most > 1 and inner != (1.0, 0):
                return math.inf, 0  # What is itself tried in several ways is so each time.
            inner = (2.0 * inner[0], inner[1]) if most - least <= 1 else (1.0, 1)
        else:
            parts = told if isinstance(told, tuple) else (told,)
            deeper = [_choices(part) for part in parts if isinstance(part, _parser.SubPattern)]
            inner = math.prod(ways for ways, _ in deeper), sum(stars for _, stars in deeper)
        choices, repeats = choices * inner[0], repeats + inner[1]
    return choices, repeats


def why_nothing(folder: Path) -> str | None:
    """Return why an adapter leaves its model as it is; None if it changes something.

    Raises:
        UsageError: If its files cannot be read.
    """
    saved: Mapping[str, torch.Tensor] = read_weights(folder / WEIGHTS)
    if not any(weight.numel() for weight in saved.values()):
        return "its rank is 0"
    config = read_settings(folder)
    alphas = [config.lora_alpha, *(config.alpha_pattern or {}).values()]
    if not any(alphas):
        return "its lora_alpha is 0"
    # A magnitude vector sets the length of the rows anew, whatever lora_B holds.
    if any(name.endswith(("lora_magnitude_vector", "lora_B.bias")) for name in saved):
        return None
    for part in ("lora_B", "lora_A"):
        if not any(weight.any() for name, weight in saved.items() if f".{part}." in name):
            return f"every {part} in it is zero, as before any training"
    return None


def refuse_gaps(
    folder: Path, old_names: Mapping[str, str], linear: Iterable[str], language_model: str
) -> None:
    """Refuse an adapter without weights for layers that its configuration names.

    Args:
        folder: Of the adapter.
        old_names: Layers that it has weights for, with their names in the file.
        linear: Linear layers of the model.
        language_model: Name of the module that holds the layers in the model.

    Raises:
        UsageError: If there is such a layer.
    """
    from peft.tuners.tuners_utils import check_target_module_exists
    from peft.utils.constants import INCLUDE_LINEAR_LAYERS_SHORTHAND

    config = read_settings(folder)
    takes_all = str(config.target_modules).lower() == INCLUDE_LINEAR_LAYERS_SHORTHAND
    # The configuration names layers as the file does: with what stood around them then.
    starts = {
        old.removesuffix(layer.removeprefix(f"{language_model}."))
        for layer, old in old_names.items()
    }
    missing = []
    for layer in linear:
        own = layer.removeprefix(f"{language_model}.")
        in_layers = own != layer and own.startswith("layers.")
        if layer in old_names or not (in_layers or layer == _HEAD):
            continue
        names = [start + own for start in starts] if in_layers else [layer]
        if (takes_all and in_layers) or (
            not takes_all and any(check_target_module_exists(config, name) for name in names)
        ):
            missing.append(layer)
    if missing:
        raise UsageError(
            f"the adapter lacks {len(missing)} of the {len(missing) + len(old_names)} layers that "
            f"target_modules of its {CONFIGURATION} names, '{missing[0]}' among them.",
            where=str(folder),
            remedy="Copy or save the whole adapter again. If it was trained on fewer layers, name "
            "just those in target_modules or layers_to_transform.",
        )


def odd_name(folder: Path, name: str) -> UsageError:
    """Make the error for a weight whose name finds no place, with the cause where it is known."""
    for cause, (pattern, remedy) in _OTHER_NAMES.items():
        if pattern.search(name):
            return UsageError(
                f"the adapter holds '{name}': {cause}.",
                where=str(folder),
                remedy=remedy,
            )
    return UsageError(
        f"the adapter holds '{name}', which is no LoRA weight of a linear layer of "
        "the language model.",
        where=str(folder),
        remedy="Train adapters on the language model only; no part is left out in silence.",
    )
