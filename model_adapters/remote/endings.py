"""Why a reply ended, and why there is none: what each word of a service means.

The two tables are the only place where such a word is given a meaning. Words
are compared without case and punctuation, since services spell one thing in
several ways (``DataInspectionFailed``, ``data_inspection_failed``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from emoreal_bench.contracts.vocabulary import DeliveryStatus

_OK = DeliveryStatus.OK
_LENGTH = DeliveryStatus.LENGTH
_REFUSED = DeliveryStatus.REFUSED
_BLOCKED = DeliveryStatus.BLOCKED
_FAILED = DeliveryStatus.FAILED
_UNSUPPORTED = DeliveryStatus.UNSUPPORTED

_OPENAI = "https://platform.openai.com/docs/api-reference/chat/object"
_OPENAI_ERRORS = "https://platform.openai.com/docs/guides/error-codes"
_OPENAI_IMAGES = "https://platform.openai.com/docs/api-reference/responses/object"
_AZURE = "https://learn.microsoft.com/azure/ai-foundry/openai/concepts/content-filter"
_GOOGLE = "https://ai.google.dev/api/generate-content#FinishReason"
_GOOGLE_BLOCK = "https://ai.google.dev/api/generate-content#BlockReason"
_GOOGLE_ERRORS = "https://ai.google.dev/gemini-api/docs/troubleshooting"
_GOOGLE_REASONS = "https://cloud.google.com/apis/design/errors#error_info"
_OPENROUTER = "https://openrouter.ai/docs/api/reference/errors-and-debugging"
_DEEPSEEK = "https://api-docs.deepseek.com/api/create-chat-completion"
_MISTRAL = "https://docs.mistral.ai/api/#tag/chat"
_ZHIPU = "https://docs.bigmodel.cn/api-reference/模型-api/对话补全"
_ZHIPU_ERRORS = "https://docs.z.ai/api-reference/api-code"
_DASHSCOPE = "https://www.alibabacloud.com/help/en/model-studio/error-code"
_ANTHROPIC = "https://docs.claude.com/en/api/handling-stop-reasons"
_MOONSHOT = "https://platform.kimi.ai/docs/api/errors"
_MINIMAX = "https://platform.minimax.io/docs/api-reference/errorcode"
_NEW_API = "https://docs.newapi.pro/en/docs"
_VLLM = "https://docs.vllm.ai/en/latest/api/vllm/v1/engine/"
_SGLANG = "https://docs.sglang.ai/basic_usage/openai_api_completions.html"
_OLLAMA = "https://github.com/ollama/ollama/blob/main/docs/api.md"
_LLAMA_CPP = "https://github.com/ggml-org/llama.cpp/blob/master/tools/server/README.md"
_INSPECT = "https://inspect.aisi.org.uk/reference/inspect_ai.model.html#modeloutput"


@dataclass(frozen=True, slots=True)
class Ending:
    """What a reason to end a reply means.

    Attributes:
        word: As the service writes it.
        status: Of a reply that ended so.
        source: Where the service documents it.
        is_vague: Whether the word leaves open if the reply is whole.
    """

    word: str
    status: DeliveryStatus
    source: str
    is_vague: bool = False


ENDINGS = (
    Ending("stop", _OK, _OPENAI),  # Google's STOP, vLLM, SGLang, llama.cpp and Ollama too
    Ending("length", _LENGTH, _OPENAI),
    Ending("content_filter", _BLOCKED, _AZURE),
    Ending("tool_calls", _FAILED, _OPENAI),
    Ending("function_call", _FAILED, _OPENAI),
    Ending("eos", _OK, _LLAMA_CPP),
    Ending("eos_token", _OK, _LLAMA_CPP),
    Ending("stop_sequence", _OK, _ANTHROPIC),
    Ending("end_turn", _OK, _ANTHROPIC),
    Ending("max_tokens", _LENGTH, _ANTHROPIC),  # and Google's MAX_TOKENS
    Ending("model_context_window_exceeded", _LENGTH, _ANTHROPIC),
    Ending("refusal", _REFUSED, _ANTHROPIC),
    Ending("tool_use", _FAILED, _ANTHROPIC),
    Ending("pause_turn", _FAILED, _ANTHROPIC),
    Ending("error", _FAILED, _OPENROUTER),  # Mistral and vLLM too
    Ending("model_length", _LENGTH, _MISTRAL),
    Ending("insufficient_system_resource", _FAILED, _DEEPSEEK),
    Ending("sensitive", _BLOCKED, _ZHIPU),
    Ending("network_error", _FAILED, _ZHIPU),
    Ending("abort", _FAILED, _VLLM),
    Ending("repetition", _LENGTH, _VLLM),
    Ending("cancelled", _FAILED, _VLLM),
    Ending("aborted", _FAILED, _SGLANG),
    Ending("matched_token", _OK, _SGLANG),
    Ending("matched_str", _OK, _SGLANG),
    Ending("limit", _LENGTH, _LLAMA_CPP),
    Ending("load", _FAILED, _OLLAMA),
    Ending("unload", _FAILED, _OLLAMA),
    Ending("unknown", _OK, _INSPECT, is_vague=True),
    Ending("FINISH_REASON_UNSPECIFIED", _OK, _GOOGLE, is_vague=True),
    Ending("CONTINUATION", _LENGTH, _GOOGLE),
    Ending("SAFETY", _BLOCKED, _GOOGLE),
    Ending("RECITATION", _BLOCKED, _GOOGLE),
    Ending("LANGUAGE", _BLOCKED, _GOOGLE),
    Ending("BLOCKLIST", _BLOCKED, _GOOGLE),
    Ending("PROHIBITED_CONTENT", _BLOCKED, _GOOGLE),
    Ending("SPII", _BLOCKED, _GOOGLE),
    Ending("IMAGE_SAFETY", _BLOCKED, _GOOGLE),
    Ending("IMAGE_PROHIBITED_CONTENT", _BLOCKED, _GOOGLE),
    Ending("IMAGE_RECITATION", _BLOCKED, _GOOGLE),
    Ending("ESCALATION", _BLOCKED, _GOOGLE),
    Ending("MODEL_ARMOR", _BLOCKED, _GOOGLE),
    Ending("OTHER", _REFUSED, _GOOGLE),
    Ending("IMAGE_OTHER", _FAILED, _GOOGLE),
    Ending("NO_IMAGE", _FAILED, _GOOGLE),
    Ending("MALFORMED_FUNCTION_CALL", _FAILED, _GOOGLE),
    Ending("MALFORMED_RESPONSE", _FAILED, _GOOGLE),
    Ending("MISSING_THOUGHT_SIGNATURE", _FAILED, _GOOGLE),
    Ending("TOO_MANY_TOOL_CALLS", _FAILED, _GOOGLE),
    Ending("UNEXPECTED_TOOL_CALL", _FAILED, _GOOGLE),
    Ending("PUP_LIMITED_DISABLED", _FAILED, _GOOGLE),  # the account, see PROBLEMS
    Ending("BLOCKED_REASON_UNSPECIFIED", _BLOCKED, _GOOGLE_BLOCK),
    Ending("JAILBREAK", _BLOCKED, _GOOGLE_BLOCK),
)


class Reach(StrEnum):
    """Whom a problem concerns."""

    REQUEST = "request"
    """One request, as far as is known."""
    ACCESS = "access"
    """Every request of this user to this model, if nothing was answered before."""
    SERVICE = "service"
    """Every request, while nothing answers at the address."""
    ACCOUNT = "account"
    """Every request from now on: money, or an account that was closed."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What a code in an error means.

    Attributes:
        word: As the service writes it, in ``code``, ``type``, ``status`` or ``reason``.
        status: Of the request.
        source: Where the service documents it.
        reach: Whom it concerns.
    """

    word: str
    status: DeliveryStatus
    source: str
    reach: Reach = Reach.REQUEST


PROBLEMS = (
    # Filters.
    Problem("content_filter", _BLOCKED, _AZURE),  # and Moonshot
    Problem("content_filter_error", _BLOCKED, _AZURE),
    Problem("ResponsibleAIPolicyViolation", _BLOCKED, _AZURE),
    Problem("content_policy_violation", _BLOCKED, _OPENAI_ERRORS),
    Problem("moderation_blocked", _BLOCKED, _OPENAI_ERRORS),
    Problem("data_inspection_failed", _BLOCKED, _DASHSCOPE),
    Problem("1301", _BLOCKED, _ZHIPU_ERRORS),
    Problem("1026", _BLOCKED, _MINIMAX),
    Problem("1027", _BLOCKED, _MINIMAX),
    Problem("sensitive_words_detected", _BLOCKED, _NEW_API),
    Problem("prompt_blocked", _BLOCKED, _NEW_API),
    Problem("SAFETY", _BLOCKED, _GOOGLE_BLOCK),
    Problem("PROHIBITED_CONTENT", _BLOCKED, _GOOGLE_BLOCK),
    Problem("image_content_policy_violation", _BLOCKED, _OPENAI_IMAGES),
    # Media that are not taken.
    *(
        Problem(word, _UNSUPPORTED, _OPENAI_IMAGES)
        for word in (
            "invalid_image",
            "invalid_image_format",
            "invalid_base64_image",
            "invalid_image_mode",
            "image_too_large",
            "image_too_small",
            "image_parse_error",
            "image_file_too_large",
            "unsupported_image_media_type",
            "empty_image_file",
        )
    ),
    # Money and accounts.
    Problem("insufficient_quota", _FAILED, _OPENAI_ERRORS, Reach.ACCOUNT),
    Problem("credit_balance_exhausted", _FAILED, _OPENAI_ERRORS, Reach.ACCOUNT),
    Problem("billing_hard_limit_reached", _FAILED, _OPENAI_ERRORS, Reach.ACCOUNT),
    Problem("billing_not_active", _FAILED, _OPENAI_ERRORS, Reach.ACCOUNT),
    Problem("account_deactivated", _FAILED, _OPENAI_ERRORS, Reach.ACCOUNT),
    Problem("insufficient_credits", _FAILED, _OPENROUTER, Reach.ACCOUNT),
    Problem("insufficient_balance", _FAILED, _DEEPSEEK, Reach.ACCOUNT),
    Problem("Arrearage", _FAILED, _DASHSCOPE, Reach.ACCOUNT),
    Problem("AllocationQuota.FreeTierOnly", _FAILED, _DASHSCOPE, Reach.ACCOUNT),
    Problem("1110", _FAILED, _ZHIPU_ERRORS, Reach.ACCOUNT),
    Problem("1112", _FAILED, _ZHIPU_ERRORS, Reach.ACCOUNT),
    Problem("1113", _FAILED, _ZHIPU_ERRORS, Reach.ACCOUNT),
    Problem("1121", _FAILED, _ZHIPU_ERRORS, Reach.ACCOUNT),
    Problem("1008", _FAILED, _MINIMAX, Reach.ACCOUNT),
    Problem("insufficient_user_quota", _FAILED, _NEW_API, Reach.ACCOUNT),
    Problem("exceeded_current_quota_error", _FAILED, _MOONSHOT, Reach.ACCOUNT),
    Problem("BILLING_DISABLED", _FAILED, _GOOGLE_REASONS, Reach.ACCOUNT),
    Problem("CONSUMER_SUSPENDED", _FAILED, _GOOGLE_REASONS, Reach.ACCOUNT),
    Problem("PUP_LIMITED_DISABLED", _FAILED, _GOOGLE, Reach.ACCOUNT),
    # Keys, places and names.
    Problem("invalid_api_key", _FAILED, _OPENAI_ERRORS, Reach.ACCESS),  # DashScope too
    Problem("invalid_authentication_error", _FAILED, _MOONSHOT, Reach.ACCESS),
    Problem("authentication_error", _FAILED, _DEEPSEEK, Reach.ACCESS),
    Problem("unsupported_country_region_territory", _FAILED, _OPENAI_ERRORS, Reach.ACCESS),
    Problem("model_not_found", _FAILED, _OPENAI_ERRORS, Reach.ACCESS),
    Problem("DeploymentNotFound", _FAILED, _AZURE, Reach.ACCESS),
    Problem("API_KEY_INVALID", _FAILED, _GOOGLE_ERRORS, Reach.ACCESS),
    Problem("API_KEY_SERVICE_BLOCKED", _FAILED, _GOOGLE_REASONS, Reach.ACCESS),
    Problem("SERVICE_DISABLED", _FAILED, _GOOGLE_REASONS, Reach.ACCESS),
    Problem("FAILED_PRECONDITION", _FAILED, _GOOGLE_ERRORS, Reach.ACCESS),
    Problem("UNAUTHENTICATED", _FAILED, _GOOGLE_ERRORS, Reach.ACCESS),
    Problem("PERMISSION_DENIED", _FAILED, _GOOGLE_ERRORS, Reach.ACCESS),
    Problem("incorrect_api_key_error", _FAILED, _MOONSHOT, Reach.ACCESS),
    Problem("1004", _FAILED, _ZHIPU_ERRORS, Reach.ACCESS),  # MiniMax too
    Problem("1211", _FAILED, _ZHIPU_ERRORS, Reach.ACCESS),
)


def _plain(word: str) -> str:
    return re.sub(r"[\W_]", "", word).casefold()


_ENDINGS: Mapping[str, Ending] = MappingProxyType({_plain(row.word): row for row in ENDINGS})
_PROBLEMS: Mapping[str, Problem] = MappingProxyType({_plain(row.word): row for row in PROBLEMS})


def find_ending(word: str) -> Ending | None:
    """Return what a reason to end a reply means; None of one that is not known."""
    return _ENDINGS.get(_plain(word))


def find_problem(*words: str) -> Problem | None:
    """Return what the words of an error mean: that of the first which is known."""
    return next((_PROBLEMS[key] for key in map(_plain, words) if key in _PROBLEMS), None)
