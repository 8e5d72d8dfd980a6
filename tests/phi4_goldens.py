"""What the image processor of Phi-4-multimodal in transformers makes of frames.

It cannot be imported without torchvision, so its results are kept in
``tests/data/phi4_crops.npz``. They were written, with transformers 5.23 and
torchvision 0.28, by ``python -m tests.phi4_goldens`` in an environment that has both.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from emoreal_bench.model_adapters.local.phi4.media import CropSettings

GOLDENS = Path(__file__).parent / "data" / "phi4_crops.npz"


@dataclass(frozen=True, slots=True)
class CropCase:
    """A frame to be cut.

    Attributes:
        height: Of the frame in pixels.
        width: Of the frame in pixels.
        settings: By which it is cut.
    """

    height: int
    width: int
    settings: CropSettings

    @property
    def name(self) -> str:
        """Tells it from the others."""
        return f"{self.height} x {self.width}"

    def make_frames(self) -> NDArray[np.uint8]:
        """Make a frame of seeded noise."""
        generator = np.random.default_rng(0)
        return generator.integers(0, 256, (1, self.height, self.width, 3), dtype=np.uint8)


_SMALL = CropSettings(crop=28, max_crops=4)
# As they are, scaled up with white at the right or below, and with too many crops of their own.
CUT = tuple(
    CropCase(*size, _SMALL) for size in [(28, 28), (20, 30), (31, 12), (40, 140), (150, 70)]
)
# At the published size only their tokens are kept.
COUNTED = tuple(
    CropCase(*size, CropSettings())
    for size in [(112, 112), (240, 320), (448, 796), (796, 448), (1080, 1920), (900, 9000)]
)


def process(case: CropCase) -> dict[str, Any]:
    """Give what the library's own processor makes of a frame."""
    from transformers import Phi4MultimodalImageProcessor

    settings = case.settings
    processor: Any = Phi4MultimodalImageProcessor(
        size={"height": settings.crop, "width": settings.crop},
        patch_size=settings.patch,
        dynamic_hd=settings.max_crops,
    )
    made: dict[str, Any] = processor(list(case.make_frames()), return_tensors="pt")
    return made


def main() -> None:
    """Write the file anew."""
    arrays: dict[str, NDArray[Any]] = {}
    for case in CUT:
        made = process(case)
        arrays[f"pixels {case.name}"] = made["image_pixel_values"].numpy()
        arrays[f"mask {case.name}"] = made["image_attention_mask"].numpy().astype(np.uint8)
        arrays[f"size {case.name}"] = made["image_sizes"].numpy()
    for case in COUNTED:
        arrays[f"tokens {case.name}"] = process(case)["num_img_tokens"].numpy()
    np.savez_compressed(GOLDENS, **arrays)  # type: ignore[arg-type]  # the stubs allow no names


if __name__ == "__main__":
    main()
