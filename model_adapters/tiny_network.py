"""A Qwen2.5-Omni Thinker of under two million parameters, and its tokenizer.

It has every part of the published models, towers included, at sizes that load
in a second and answer on any processor. Its tokenizer is trained in memory
from the words below, always to the same vocabulary.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import (
    PreTrainedTokenizerFast,
    Qwen2_5OmniThinkerConfig,
    Qwen2_5OmniThinkerForConditionalGeneration,
)

from emoreal_bench.inputs.frames import FrameSettings
from emoreal_bench.inputs.qwen_omni import (
    AUDIO_END,
    AUDIO_MARK,
    AUDIO_START,
    END_OF_TEXT,
    IMAGE_MARK,
    MARKS,
    MEL_BINS,
    TURN_END,
    VIDEO_MARK,
    VISION_END,
    VISION_START,
    token_ids,
)

PARAMETERS = 1_774_016
MAX_TOKENS = 4096
VOCABULARY_SIZE = 768
# Square frames are seen at 56 x 56 and 4:3 ones at 84 x 56 pixels: at most 8 tokens a pair.
FRAME_SETTINGS = FrameSettings(min_pixels=56 * 56, max_pixels=2 * 56 * 56)

_VISION: Mapping[str, Any] = MappingProxyType(
    {
        "depth": 3,
        "hidden_size": 96,
        "intermediate_size": 192,
        "num_heads": 4,
        "patch_size": FRAME_SETTINGS.patch,
        "spatial_merge_size": FRAME_SETTINGS.merge,
        "temporal_patch_size": FRAME_SETTINGS.temporal_patch,
        "window_size": 112,
        "fullatt_block_indexes": (0, 1, 2),
        "out_hidden_size": 128,
        "initializer_range": 0.02,
    }
)
_AUDIO: Mapping[str, Any] = MappingProxyType(
    {
        "num_mel_bins": MEL_BINS,
        "d_model": 96,
        "encoder_layers": 2,
        "encoder_attention_heads": 4,
        "encoder_ffn_dim": 192,
        "n_window": 100,
        "output_dim": 128,
        "max_source_positions": 1500,
    }
)
_LANGUAGE: Mapping[str, Any] = MappingProxyType(
    {
        "hidden_size": 128,
        "intermediate_size": 384,
        "num_hidden_layers": 4,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 32,
        "max_position_embeddings": MAX_TOKENS,
        # The three sections share the 16 frequencies of a head.
        "rope_parameters": {
            "rope_type": "default",
            "mrope_section": [4, 6, 6],
            "rope_theta": 10_000.0,
        },
    }
)

# What the questions and answers of the benchmark are made of; every byte is in
# the vocabulary besides, so that any text can be read and written.
_CORPUS = """
system user assistant You are a helpful assistant.
Answer with the letter of the right option. Answer with yes or no. Answer with one word.
Is there a bright smile in the clip? Which visual cue shows this? Which sound is in the clip?
The person in the video feels happy. What can be seen? What can be heard? Does the person look sad?
Do the sound and the picture convey the same emotion? What is the emotion of the person in the clip?
Is it so? (A) Yes (B) No. Yes No yes no (A) (B) (C) (D) (E) (F) (G) A B C D E F G
happiness sadness anger fear surprise disgust neutral contempt anxiety
happy sad angry afraid surprised disgusted calm worried
face eyes brows mouth lips cheeks tears blush frown smile teeth hands fists shoulders head posture
voice speech tone pitch rate loudness laughter sob sigh scream shout whisper tremble silence music
raised lowered furrowed clenched wide narrow open closed loud quiet fast slow high low bright dark
room door window lamp picture plant clock rain hat glasses scarf necklace shirt wall background
because the and of with from that this her his their she he they has have shows suggests indicates
"""


def make_tokenizer() -> PreTrainedTokenizerFast:
    """Train the byte-level tokenizer; it splits letters from their brackets."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        [_CORPUS],
        trainers.BpeTrainer(
            vocab_size=VOCABULARY_SIZE,
            special_tokens=list(MARKS),
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    # The library leaves its constructor untyped.
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=END_OF_TEXT,
        eos_token=TURN_END,
        padding_side="left",
        extra_special_tokens={
            "image_token": IMAGE_MARK,
            "audio_token": AUDIO_MARK,
            "video_token": VIDEO_MARK,
            "vision_bos_token": VISION_START,
            "vision_eos_token": VISION_END,
            "audio_bos_token": AUDIO_START,
            "audio_eos_token": AUDIO_END,
        },
    )


def settings(tokenizer: PreTrainedTokenizerFast) -> dict[str, Any]:
    """Give the network's configuration as plain data: all that decides its shape."""
    end_of_text, turn_end = token_ids(tokenizer, (END_OF_TEXT, TURN_END))
    video, audio, image = token_ids(tokenizer, (VIDEO_MARK, AUDIO_MARK, IMAGE_MARK))
    starts = token_ids(tokenizer, (VISION_START, VISION_END, AUDIO_START, AUDIO_END))
    language = {
        "vocab_size": len(tokenizer),
        "pad_token_id": end_of_text,
        "eos_token_id": turn_end,
    }
    return {
        "vision_config": dict(_VISION),
        "audio_config": dict(_AUDIO),
        "text_config": {**_LANGUAGE, **language},
        "video_token_id": video,
        "audio_token_id": audio,
        "image_token_id": image,
        "vision_start_token_id": starts[0],
        "vision_end_token_id": starts[1],
        "audio_start_token_id": starts[2],
        "audio_end_token_id": starts[3],
        "pad_token_id": end_of_text,
        "position_id_per_seconds": 25,
    }


def make_network(
    configuration: dict[str, Any], seed: int
) -> Qwen2_5OmniThinkerForConditionalGeneration:
    """Build the network with random weights.

    Args:
        configuration: From :func:`settings`.
        seed: Of the weights.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Qwen2_5OmniThinkerForConditionalGeneration(
            Qwen2_5OmniThinkerConfig(**configuration)
        )
    network.train(mode=False)
    return network
