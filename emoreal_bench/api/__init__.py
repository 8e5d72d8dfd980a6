"""The public names. The command line, notebooks and tests use these and nothing else.

A first run needs no data of yours::

    import emoreal_bench

    report = emoreal_bench.evaluate(model="tiny/omni")
    print(report.results.scores["strict"].average_accuracy)

``__all__`` lists the names by subject; :mod:`emoreal_bench` has the same ones.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from emoreal_bench.api.asking import ask
from emoreal_bench.api.data import check_data, get_data, make_synthetic_benchmark, make_task
from emoreal_bench.api.display import report_json, report_lines, report_tables, summary_table
from emoreal_bench.api.evaluating import (
    RunOptions,
    describe_model,
    dry_run,
    evaluate,
    evaluate_repeats,
    judge,
    prepare_media,
    probe,
    reproduce,
)
from emoreal_bench.api.looking import (
    list_metrics,
    list_models,
    list_readers,
    list_runs,
    list_tasks,
    verify_runs,
)
from emoreal_bench.api.pair_building import (
    CaptionedSource,
    SortingOptions,
    build_caption_pairs,
    build_cue_pairs,
    build_sampled_pairs,
    sample_answers,
)
from emoreal_bench.api.preferences import (
    PairsCheckOptions,
    WrittenPairs,
    balance_pairs,
    check_pairs,
    convert_pairs,
    read_audit,
    write_audit_page,
)
from emoreal_bench.api.publishing import (
    build_leaderboard,
    make_model_server,
    make_site_server,
    merge_lora,
    merge_runs,
    publish_run,
    serve_view,
    track_run,
    view_run,
    write_comparison_page,
    write_json,
    write_model_card,
    write_probe_page,
)
from emoreal_bench.api.scores import (
    check,
    import_predictions,
    load_run,
    parse_scorings,
    plan_check,
    score_predictions,
    score_run,
    write_check,
)
from emoreal_bench.api.sweeping import list_sweep, sweep
from emoreal_bench.api.training import preview_training, train
from emoreal_bench.comparing.baseline import save_baseline
from emoreal_bench.comparing.changes import find_changes as diff_runs
from emoreal_bench.comparing.runs import compare_runs as compare
from emoreal_bench.contracts.adapter import ModelDescription
from emoreal_bench.contracts.asked import AskedQuestion
from emoreal_bench.contracts.check import Baseline, CheckOutcome, CheckPlan, CheckReport
from emoreal_bench.contracts.comparison import ComparisonReport, RunChanges, Verdict
from emoreal_bench.contracts.errors import (
    DataError,
    EmorealError,
    ExitCode,
    MissingExtraError,
    NotComparableError,
    NothingAnsweredError,
    RunError,
    ServiceError,
    TaskError,
    TooManyErrorsError,
    UsageError,
)
from emoreal_bench.contracts.preference import PreferencePair
from emoreal_bench.contracts.probe import Condition, ProbeReport
from emoreal_bench.contracts.scores import Results
from emoreal_bench.contracts.sweep import SweepReport, SweepRow
from emoreal_bench.contracts.task import Columns
from emoreal_bench.contracts.vocabulary import (
    Alteration,
    AnswerForm,
    AnswerKind,
    AnswerMethod,
    CueQuestion,
    DeliveryStatus,
    Factor,
    JudgedMatter,
    Modality,
    PublishedForm,
    Scoring,
    Tracker,
)
from emoreal_bench.datasets.check import ClipCheck, DataReport
from emoreal_bench.datasets.new_task import NewTask, TaskDraft
from emoreal_bench.datasets.prepare import PreparedLayout, prepare_layout
from emoreal_bench.datasets.table_columns import Settled
from emoreal_bench.executors.settings import RayOptions, parse_per_copy
from emoreal_bench.installation import Finding
from emoreal_bench.installation import examine as doctor
from emoreal_bench.media_cache.store import MediaCacheSettings
from emoreal_bench.preferences.building.captions import CaptionedPairs, CaptionOptions
from emoreal_bench.preferences.building.known_cues import CuePairOptions
from emoreal_bench.preferences.building.sampled import SampledPairs
from emoreal_bench.preferences.checking.verdicts import AuditReport
from emoreal_bench.preferences.report import PairsReport
from emoreal_bench.probing.repeating import RepeatsReport
from emoreal_bench.probing.reproduction import ReproductionReport, ReproductionVerdict
from emoreal_bench.probing.sweeping import take_fingerprint
from emoreal_bench.reporting.asked import AskReport
from emoreal_bench.reporting.exports.croissant import write_data_card
from emoreal_bench.reporting.exports.every_eval_ever import Evaluator
from emoreal_bench.reporting.exports.hub import HubSource
from emoreal_bench.reporting.exports.items import export_items as export_run
from emoreal_bench.reporting.leaderboard.submission import RefusedEntryError
from emoreal_bench.reporting.leaderboard.submission import add_entry as add_leaderboard_entry
from emoreal_bench.reporting.notebook import RunReport
from emoreal_bench.reporting.site.serving import SiteServer
from emoreal_bench.reporting.terminal.progress import CountBar, make_observer
from emoreal_bench.running.budget import Budget, BudgetSpentError
from emoreal_bench.running.dry_run import DryRun
from emoreal_bench.running.observer import RunObserver, RunSummary
from emoreal_bench.running.plan import PlanOptions
from emoreal_bench.running.policy import RunPolicy, parse_fail_on_error
from emoreal_bench.running.preparing import PreparedMedia
from emoreal_bench.running.runner import RunInterrupted
from emoreal_bench.running.sharding import Shard, parse_shard
from emoreal_bench.running.verifying import FileState, RunState
from emoreal_bench.scoring.predictions import ReplyTable
from emoreal_bench.serving.server import ModelServer
from emoreal_bench.training.config import TrainingConfig
from emoreal_bench.training.observer import ShownTraining, TrainingObserver

if TYPE_CHECKING:
    from emoreal_bench.training.outputs.statistics import TrainingStatistics
    from emoreal_bench.training.run import TrainingResult
else:

    def __getattr__(name: str) -> type:
        # These two import torch.
        if name == "TrainingResult":
            from emoreal_bench.training.run import TrainingResult

            return TrainingResult
        if name == "TrainingStatistics":
            from emoreal_bench.training.outputs.statistics import TrainingStatistics

            return TrainingStatistics
        raise AttributeError(f"module 'emoreal_bench.api' has no attribute '{name}'")


# fmt: off
__all__ = [  # noqa: RUF022 - by subject
    # models
    "list_models", "describe_model", "ModelDescription", "merge_lora", "doctor", "Finding",
    "make_model_server", "ModelServer",
    # tasks and data
    "list_tasks", "list_metrics", "list_readers",
    "make_synthetic_benchmark", "write_data_card", "get_data", "check_data",
    "ClipCheck", "DataReport", "prepare_layout", "PreparedLayout",
    "prepare_media", "PreparedMedia", "MediaCacheSettings",
    "make_task", "NewTask", "Settled", "Columns", "AnswerKind", "TaskDraft",
    # one question about one clip
    "ask", "AskReport", "AskedQuestion",
    # runs: make them
    "evaluate", "evaluate_repeats", "dry_run", "judge", "JudgedMatter", "probe", "reproduce",
    "sweep", "list_sweep", "take_fingerprint", "SweepReport", "SweepRow",
    "RunOptions", "PlanOptions", "RunPolicy", "Budget", "parse_fail_on_error",
    "RayOptions", "parse_per_copy", "Shard", "parse_shard",
    "Alteration", "AnswerMethod", "DeliveryStatus", "Modality",
    "RunObserver", "RunSummary", "make_observer", "CountBar",
    "DryRun", "RepeatsReport", "Condition", "ProbeReport", "ReproductionReport",
    "ReproductionVerdict",
    # runs: read, score and compare them
    "list_runs", "verify_runs", "RunState", "FileState", "load_run", "RunReport", "Results",
    "score_run", "score_predictions", "import_predictions", "ReplyTable",
    "parse_scorings", "Scoring", "compare", "ComparisonReport", "Verdict", "Factor",
    "diff_runs", "RunChanges", "save_baseline", "Baseline", "check", "CheckReport", "CheckOutcome",
    "write_check", "plan_check", "CheckPlan",
    # runs: show them and pass them on
    "report_tables", "report_lines", "report_json", "summary_table", "view_run", "serve_view",
    "write_probe_page", "write_comparison_page", "merge_runs", "export_run", "publish_run",
    "PublishedForm", "HubSource", "Evaluator", "track_run", "Tracker",
    "write_model_card", "write_json",
    # leaderboards
    "build_leaderboard", "add_leaderboard_entry", "make_site_server", "SiteServer",
    # preference pairs
    "PreferencePair", "WrittenPairs", "build_cue_pairs", "CuePairOptions", "AnswerForm",
    "CueQuestion", "sample_answers", "build_sampled_pairs", "SortingOptions", "SampledPairs",
    "build_caption_pairs", "CaptionedSource", "CaptionOptions", "CaptionedPairs",
    "convert_pairs", "check_pairs", "PairsCheckOptions", "PairsReport", "balance_pairs",
    "write_audit_page", "read_audit", "AuditReport",
    # training
    "train", "preview_training", "TrainingConfig", "TrainingResult", "TrainingStatistics",
    "TrainingObserver", "ShownTraining",
    # errors
    "EmorealError", "UsageError", "MissingExtraError", "TaskError", "DataError", "RunError",
    "NotComparableError", "TooManyErrorsError", "BudgetSpentError", "RefusedEntryError",
    "NothingAnsweredError", "ServiceError", "RunInterrupted", "ExitCode",
]
# fmt: on
