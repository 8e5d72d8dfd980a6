"""The network of AVERE-7B, built from today's transformers blocks.

A CLIP tower with temporal attention sees eight frames, a Whisper encoder hears
thirty seconds, a small Q-Former turns every third of a second of sound into one
token, and a LLaMA reads both between its words. Module and weight names follow
the library's own; :mod:`avere_weights` maps the published ones onto them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import nn
from transformers import (
    Blip2QFormerConfig,
    Blip2QFormerModel,
    CLIPVisionConfig,
    LlamaConfig,
    LlamaForCausalLM,
    WhisperConfig,
)
from transformers.modeling_outputs import CausalLMOutputWithPast
from transformers.models.clip.modeling_clip import CLIPMLP, CLIPAttention, CLIPVisionEmbeddings
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from emoreal_bench.model_adapters.local.avere.inputs import FRAME_ID, SOUND_ID

WHISPER_SECONDS = 30.0
LANGUAGE_MODEL = "language_model.model"


@dataclass(frozen=True, slots=True)
class AvereConfig:
    """Shapes of the parts.

    Attributes:
        language: Of the LLaMA.
        video: Of the CLIP tower.
        frames: Frames that the tower attends over.
        video_layers: Layers of the tower that are run; the last is left out.
        speech: Of the Whisper encoder.
        qformer: Of the speech Q-Former.
        window_seconds: Sound that becomes one token.
        stride_seconds: From one such window to the next.
        max_tokens: Longest sequence, clips and reply included.
    """

    language: LlamaConfig
    video: CLIPVisionConfig
    frames: int
    video_layers: int
    speech: WhisperConfig
    qformer: Blip2QFormerConfig
    window_seconds: float
    stride_seconds: float
    max_tokens: int

    @property
    def image_size(self) -> int:
        """Side of a frame in pixels."""
        return cast("int", self.video.image_size)

    @property
    def frame_tokens(self) -> int:
        """Tokens of a frame: its patches and the class token."""
        return int(1 + (self.image_size // cast("int", self.video.patch_size)) ** 2)

    @property
    def window(self) -> int:
        """Encoded positions that become one token."""
        return self._positions(self.window_seconds)

    @property
    def stride(self) -> int:
        """Encoded positions from one window to the next."""
        return self._positions(self.stride_seconds)

    @property
    def sound_tokens(self) -> int:
        """Tokens of a sound, the same for every length."""
        return (self.speech.max_source_positions - self.window) // self.stride + 1

    def _positions(self, seconds: float) -> int:
        return round(self.speech.max_source_positions * seconds / WHISPER_SECONDS)


class TemporalLayer(nn.Module):
    """One layer of the video tower: attention over time at each place, then over places."""

    def __init__(self, config: CLIPVisionConfig, frames: int):
        super().__init__()
        width, epsilon = config.hidden_size, config.layer_norm_eps
        self.temporal_embedding = nn.Parameter(torch.zeros(1, frames, width))
        self.temporal_layer_norm1 = nn.LayerNorm(width, eps=epsilon)
        self.temporal_attn = CLIPAttention(config)
        self.layer_norm1 = nn.LayerNorm(width, eps=epsilon)
        self.self_attn = CLIPAttention(config)
        self.layer_norm2 = nn.LayerNorm(width, eps=epsilon)
        self.mlp = CLIPMLP(config)  # type: ignore[no-untyped-call]  # so in the library

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Take and give ``(clips, frames, places, width)``."""
        clips, frames, places, width = hidden.shape
        over_time = hidden.transpose(1, 2).reshape(clips * places, frames, width)
        over_time = over_time + self.temporal_embedding[:, :frames]
        over_time = over_time + self.temporal_attn(self.temporal_layer_norm1(over_time))[0]
        over_places = over_time.view(clips, places, frames, width).transpose(1, 2)
        over_places = over_places.reshape(clips * frames, places, width)
        over_places = over_places + self.self_attn(self.layer_norm1(over_places))[0]
        over_places = over_places + self.mlp(self.layer_norm2(over_places))
        return cast("torch.Tensor", over_places.view(clips, frames, places, width))


class VideoTower(nn.Module):
    """CLIP with temporal attention in every layer."""

    def __init__(self, config: CLIPVisionConfig, frames: int, layers: int):
        super().__init__()
        self.embeddings = CLIPVisionEmbeddings(config)
        # The published weights spell it so.
        self.pre_layrnorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.layers = nn.ModuleList(TemporalLayer(config, frames) for _ in range(layers))

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        """Encode ``(clips, 3, frames, height, width)``.

        Returns:
            ``(clips, frames, 1 + patches, width)``.
        """
        clips, _, frames = pixels.shape[:3]
        hidden = self.embeddings(pixels.transpose(1, 2).flatten(0, 1))
        hidden = self.pre_layrnorm(hidden).unflatten(0, (clips, frames))
        for layer in self.layers:
            hidden = layer(hidden)
        return cast("torch.Tensor", hidden)


class SpeechProjector(nn.Module):
    """Turns each window of encoded sound into one token of the language model."""

    def __init__(self, config: AvereConfig):
        super().__init__()
        width = config.speech.d_model
        self._window, self._stride = config.window, config.stride
        self.norm = nn.LayerNorm(width)
        self.query = nn.Parameter(torch.zeros(1, 1, config.qformer.hidden_size))
        self.qformer = Blip2QFormerModel(config.qformer)
        self.projection = nn.Linear(config.qformer.hidden_size, config.language.hidden_size)

    def forward(self, encoded: torch.Tensor) -> torch.Tensor:
        """Take ``(clips, positions, width)``, give ``(clips, windows, language width)``."""
        windows = self.norm(encoded).unfold(1, self._window, self._stride).transpose(2, 3)
        clips, count = windows.shape[:2]
        asked = self.qformer(
            query_embeds=self.query.expand(clips * count, -1, -1),
            encoder_hidden_states=windows.flatten(0, 1),
        ).last_hidden_state
        return cast("torch.Tensor", self.projection(asked).view(clips, count, -1))


class AvereNetwork(nn.Module):
    """The whole model. Frames are ``FRAME_ID`` and a sound is ``SOUND_ID`` in its token ids."""

    def __init__(self, config: AvereConfig):
        super().__init__()
        self.config = config
        width = config.language.hidden_size
        self.language_model = LlamaForCausalLM(config.language)
        self.video_tower = VideoTower(config.video, config.frames, config.video_layers)
        self.video_projector = nn.Sequential(
            nn.Linear(config.video.hidden_size, width), nn.GELU(), nn.Linear(width, width)
        )
        self.speech_tower = WhisperEncoder(config.speech)
        self.speech_projector = SpeechProjector(config)

    def encode_video(self, pixel_values: torch.Tensor) -> torch.Tensor:
        """Encode clips of frames.

        Args:
            pixel_values: ``(clips, 3, frames, height, width)``, normalised.

        Returns:
            ``(clips, frames, 1 + patches, language width)``.
        """
        return cast("torch.Tensor", self.video_projector(self.video_tower(pixel_values)))

    def encode_speech(self, input_features: torch.Tensor) -> torch.Tensor:
        """Encode sounds.

        Args:
            input_features: ``(clips, mel bins, 3000)`` log-mel values of 30 s.

        Returns:
            ``(clips, windows, language width)``; silence after a short sound is encoded too.
        """
        encoded = self.speech_tower(input_features).last_hidden_state
        return cast("torch.Tensor", self.speech_projector(encoded))

    def embed(
        self,
        input_ids: torch.Tensor,
        frames: torch.Tensor | None = None,
        sound: torch.Tensor | None = None,
    ) -> torch.Tensor:
        """Put features between the words of one prompt.

        Args:
            input_ids: ``(length,)``; each ``FRAME_ID`` takes the next frame, each
                ``SOUND_ID`` the sound.
            frames: ``(frames, 1 + patches, language width)``.
            sound: ``(windows, language width)``.

        Returns:
            ``(embedded length, language width)``.

        Raises:
            ValueError: If a mark has no features.
        """
        # A mark has no word embedding; the first word's stands in and is passed over.
        words = self.language_model.get_input_embeddings()(input_ids.clamp(min=0))
        remaining = [] if frames is None else list(frames)
        pieces: list[torch.Tensor] = []
        for place, token in enumerate(input_ids.tolist()):
            if token == FRAME_ID:
                if not remaining:
                    raise ValueError("the prompt has more frame marks than there are frames")
                pieces.append(remaining.pop(0))
            elif token == SOUND_ID:
                if sound is None:
                    raise ValueError("the prompt has a sound mark and there is no sound")
                pieces.append(sound)
            else:
                pieces.append(words[place : place + 1])
        return torch.cat(pieces)

    def forward(
        self,
        input_ids: torch.Tensor,
        pixel_values: torch.Tensor | None = None,
        input_features: torch.Tensor | None = None,
    ) -> CausalLMOutputWithPast:
        """Read prompts of equal embedded length.

        Args:
            input_ids: ``(prompts, length)``, with marks.
            pixel_values: ``(prompts, 3, frames, height, width)``.
            input_features: ``(prompts, mel bins, 3000)``.

        Returns:
            The language model's output; logits are ``(prompts, embedded length, vocabulary)``.
        """
        videos = (
            [None] * len(input_ids) if pixel_values is None else self.encode_video(pixel_values)
        )
        sounds = (
            [None] * len(input_ids)
            if input_features is None
            else self.encode_speech(input_features)
        )
        rows = [self.embed(*row) for row in zip(input_ids, videos, sounds, strict=True)]
        output: CausalLMOutputWithPast = self.language_model(inputs_embeds=torch.stack(rows))
        return output
