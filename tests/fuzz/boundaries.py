"""Finds every place in the code where something is read that others may have written."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

_ROOT = Path(__file__).parents[2]
_SOURCES = {"emoreal_bench": "emoreal_bench", "model_adapters": "emoreal_bench.model_adapters"}
READING_CALLS = frozenset({
    "parse_json", "parse_yaml", "loads", "load", "safe_load", "literal_eval",
    "model_validate", "model_validate_json", "model_validate_strings", "validate_python",
    "validate_json", "reader", "DictReader", "read_csv", "read_parquet", "ParquetFile",
    "read_excel", "load_workbook", "ZipFile", "is_zipfile", "fromstring", "iterparse",
    "load_file", "safe_open", "from_pretrained", "from_file", "unpack", "unpack_from",
    "frombuffer", "fromfile", "fromisoformat", "strptime", "parsedate_to_datetime",
    "connect", "read_bytes", "read_text", "open", "ModelCard", "b64decode",
})  # fmt: skip
"""What a reading of outside input calls, whatever module it is from."""

NOT_FROM_OUTSIDE = {
    "emoreal_bench.contracts.errors:install_command": "reads what the installer noted beside us",
    **dict.fromkeys(
        (
            "emoreal_bench.model_adapters.worker.keeper:_children",
            "emoreal_bench.model_adapters.worker.keeper:_given_environment",
            "emoreal_bench.model_adapters.worker.keeper:_let_go_of_pipes",
        ),
        "reads what the system says of processes",
    ),
    **dict.fromkeys(
        (
            "emoreal_bench.datasets.data_card:open_places",
            "emoreal_bench.reporting.site.earlier:_is_ours",
        ),
        "looks for words of ours in any bytes",
    ),
    **dict.fromkeys(
        (
            "emoreal_bench.api.data:make_synthetic_benchmark",
            "emoreal_bench.api.pair_building:build_cue_pairs",
            "emoreal_bench.preferences.altering:with_altered_inputs",
            "emoreal_bench.prompting:PromptRenderer.text",
        ),
        "checks values that a caller or this project made",
    ),
    **dict.fromkeys(
        (
            "emoreal_bench.api.evaluating:carry_out",
            "emoreal_bench.api.publishing:merge_runs",
            "emoreal_bench.api.scores:import_predictions",
            "emoreal_bench.api.scores:load_run",
            "emoreal_bench.readers.__init__:_read",
            "emoreal_bench.training.trainable:TrainableModel.load_adapter",
            "emoreal_bench.training.trainable:load_trainable",
            "emoreal_bench.model_adapters.local.file_faults:load_tokenizer",
        ),
        "hands on to a reader that is on the list",
    ),
    **dict.fromkeys(
        (
            "emoreal_bench.contracts.adapter:ModelAdapter.__aenter__",
            "emoreal_bench.running.asking:Asker.ask_all",
            "emoreal_bench.running.deferred.asking:DeferredAsker.ask_all",
            "emoreal_bench.model_adapters.local.spread:SpreadAdapter.open",
            "emoreal_bench.executors.adapter:RayAdapter.open",
            "emoreal_bench.executors.remote:ModelCopy.open",
            "emoreal_bench.model_adapters.conformance.jobs:AskedByJobs.open",
            "emoreal_bench.model_adapters.conformance.checks:AdapterConformance"
            ".test_an_adapter_may_be_opened_and_closed_again.run",
        ),
        "opens a model, not a file",
    ),
    **dict.fromkeys(
        (
            "emoreal_bench.executors.decoder:RayDecoder.fill",
            "emoreal_bench.executors.messages:pack",
            "emoreal_bench.executors.messages:read_as",
            "emoreal_bench.executors.messages:unpack_requests",
            "emoreal_bench.executors.messages:unpack_results",
        ),
        "what this package says to itself over Ray, where whoever writes it runs code anyway",
    ),
    "emoreal_bench.model_adapters.worker.adapter:WorkerAdapter._described": (
        "takes keys out of what a reader on the list has read"
    ),
    **dict.fromkeys(
        (
            "emoreal_bench.datasets.download:_get_file",
            "emoreal_bench.datasets.reencode:_new_file",
            "emoreal_bench.record.files:GrowingFile.__init__",
            "emoreal_bench.record.files:_open_file",
            "emoreal_bench.record.files:_open_folder",
            "emoreal_bench.record.files:_remove_if_dead",
            "emoreal_bench.record.files:_sync_folder",
            "emoreal_bench.record.files:_sync_path",
            "emoreal_bench.record.files:copy_file",
            "emoreal_bench.record.log:ItemLog.__init__",
            "emoreal_bench.reporting.exports.inspect_log:inspect_log",
            "emoreal_bench.running.deferred.store:JobDraft.add",
            "emoreal_bench.synth.encode:encode_clip",
            "emoreal_bench.training.objectives.metrics:append_metrics",
            "emoreal_bench.training.objectives.reference_cache:ReferenceCache.put",
            "emoreal_bench.model_adapters.built_in.scripted:ScriptedModel._note_asked",
            "emoreal_bench.model_adapters.remote.encoding:encode_wav",
            "emoreal_bench.model_adapters.remote.encoding:encode_mp4",
            "emoreal_bench.model_adapters.worker.process:WorkerProcess.start",
        ),
        "writes",
    ),
    **dict.fromkeys(
        (
            "emoreal_bench.reporting.site.pages:load_asset",
            "emoreal_bench.scoring.reading.emotions:_content",
            "emoreal_bench.scoring.reading.official_words:_load",
            "emoreal_bench.scoring.reading.statements:_topics",
            "emoreal_bench.scoring.reading.statements:_content",
        ),
        "reads a file of this package",
    ),
    **dict.fromkeys(
        (
            "emoreal_bench.datasets.reencode:_copy_sound",
            "emoreal_bench.media.worker:_limit_memory",
            "emoreal_bench.record.log:_repeated_digests",
            "emoreal_bench.statistics.intervals:seeded_generator",
            "emoreal_bench.model_adapters.remote.google_batch:GoogleJobs.submit",
        ),
        "reads what this process or the system wrote a moment ago",
    ),
    **dict.fromkeys(
        (
            "emoreal_bench.identity:hash_file",
            "emoreal_bench.record.folder:RunFolder._holder_name",
            "emoreal_bench.synth.build:_is_finished",
            "emoreal_bench.model_adapters.remote.media:_original",
            "emoreal_bench.model_adapters.worker.process:WorkerProcess._with_last_words",
        ),
        "takes bytes as they are: hashed, compared, sent on or shown",
    ),
    **dict.fromkeys(
        (
            "emoreal_bench.entry_points:load_entry_point",
            "emoreal_bench.entry_points:load_group",
        ),
        "imports code of an installed package, which may do anything",
    ),
    **dict.fromkeys(
        (
            "emoreal_bench.model_adapters.conformance.stub_batches:StubBatches._answer",
            "emoreal_bench.model_adapters.conformance.stub_batches:StubBatches._take_openai",
            "emoreal_bench.model_adapters.conformance.stub_server:RecordedRequest.body",
        ),
        "plays a service in a test",
    ),
    **dict.fromkeys(
        (
            "emoreal_bench.model_adapters.local.hf:HfAdapter._load_network",
            "emoreal_bench.model_adapters.vllm.adapter:VllmAdapter._tokenizer",
        ),
        "builds a network or needs vLLM; the files are those of the parsers of a model",
    ),
}
"""Functions that call one of them and read nothing that a parser has to stand; and why."""


def find_readers() -> set[str]:
    """Return every function that calls something that reads, as ``module:function``."""
    return {name for path, module in _modules() for name in _readers_in(path, module)}


def find_functions() -> set[str]:
    """Return every function of the package, as ``module:function``."""
    return {
        f"{module}:{name}"
        for path, module in _modules()
        for name, node in _definitions(ast.parse(path.read_bytes()))
        if not isinstance(node, ast.ClassDef)
    }


def _modules() -> Iterator[tuple[Path, str]]:
    for folder, package in _SOURCES.items():
        for path in sorted((_ROOT / folder).rglob("*.py")):
            name = path.relative_to(_ROOT / folder).with_suffix("")
            if folder == "emoreal_bench" and name.parts[0] in {"model_adapters", "tasks"}:
                continue  # a link to the other source
            yield path, ".".join((package, *name.parts))


def _readers_in(path: Path, module: str) -> Iterator[str]:
    tree = ast.parse(path.read_bytes())
    for name, node in (("", tree), *_definitions(tree)):
        if any(_called(call) in READING_CALLS for call in _own_calls(node)):
            yield f"{module}:{name}"


def _definitions(node: ast.AST, prefix: str = "") -> Iterator[tuple[str, ast.AST]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield prefix + child.name, child
            yield from _definitions(child, f"{prefix}{child.name}.")
        else:
            yield from _definitions(child, prefix)


def _own_calls(node: ast.AST) -> Iterator[ast.Call]:
    """Yield the calls of a function, without those of the functions inside it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        if isinstance(child, ast.Call):
            yield child
        yield from _own_calls(child)


def _called(call: ast.Call) -> str:
    function = call.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
