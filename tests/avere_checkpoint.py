"""A checkpoint folder of AVERE at tiny size, with a tokenizer, for tests."""

from __future__ import annotations

import shutil
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from emoreal_bench.model_adapters.local.avere.inputs import AvereShape

AVERE_CASE = Path(__file__).parent / "data" / "avere_tiny"
AVERE_SHAPE = AvereShape(
    frames=8, image_size=28, frame_tokens=5, mel_bins=128, sound_tokens=88, max_tokens=600
)


def make_avere_tokenizer() -> PreTrainedTokenizerFast:
    """Make a tokenizer of single characters that fits the 120 words of the network."""
    characters = ["\n", *map(chr, range(ord(" "), ord("~") + 1))]
    vocabulary = {"<unk>": 0, "<s>": 1, "</s>": 2}
    vocabulary |= {character: index + 3 for index, character in enumerate(characters)}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split("", "isolated")
    tokenizer.decoder = decoders.Fuse()
    # The library leaves its constructor untyped.
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, bos_token="<s>", eos_token="</s>", unk_token="<unk>"
    )


def make_avere_checkpoint(folder: Path) -> Path:
    """Copy the parity case into a folder, add the tokenizer, and give the checkpoint's path."""
    shutil.copytree(AVERE_CASE, folder, dirs_exist_ok=True)
    make_avere_tokenizer().save_pretrained(folder / "AVERE-tiny")
    return folder / "AVERE-tiny"
