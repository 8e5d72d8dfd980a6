"""The public functions. The command line, notebooks and tests call these and nothing else.

A first run needs no data of yours::

    import emoreal_bench

    report = emoreal_bench.evaluate(model="tiny/omni")
    print(report.results.scores["strict"].average_accuracy)
"""

from __future__ import annotations

from emoreal_bench.api.data import check_data, get_data, make_synthetic_benchmark, prepare_layout
from emoreal_bench.api.evaluating import (
    RunOptions,
    describe_model,
    dry_run,
    evaluate,
    evaluate_repeats,
    judge,
    probe,
    reproduce,
)
from emoreal_bench.api.looking import doctor, list_models, list_runs, list_tasks
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
    balance_pairs,
    check_pairs,
    convert_pairs,
    read_audit,
    write_audit_page,
)
from emoreal_bench.api.publishing import (
    add_leaderboard_entry,
    build_leaderboard,
    diff_runs,
    export_run,
    make_site_server,
    merge_lora,
    merge_runs,
    track_run,
    view_run,
    write_json,
    write_model_card,
)
from emoreal_bench.api.scores import (
    check,
    compare,
    load_run,
    parse_scorings,
    save_baseline,
    score_predictions,
    score_run,
    write_check,
)
from emoreal_bench.api.training import preview_training, train
from emoreal_bench.preferences.building.captions import CaptionOptions
from emoreal_bench.preferences.building.known_cues import CuePairOptions
from emoreal_bench.reporting.notebook import RunReport
from emoreal_bench.running.budget import Budget
from emoreal_bench.running.plan import PlanOptions
from emoreal_bench.running.policy import RunPolicy, parse_fail_on_error
from emoreal_bench.running.runner import RunInterrupted

__all__ = [
    "Budget",
    "CaptionOptions",
    "CaptionedSource",
    "CuePairOptions",
    "PairsCheckOptions",
    "PlanOptions",
    "RunInterrupted",
    "RunOptions",
    "RunPolicy",
    "RunReport",
    "SortingOptions",
    "add_leaderboard_entry",
    "balance_pairs",
    "build_caption_pairs",
    "build_cue_pairs",
    "build_leaderboard",
    "build_sampled_pairs",
    "check",
    "check_data",
    "check_pairs",
    "compare",
    "convert_pairs",
    "describe_model",
    "diff_runs",
    "doctor",
    "dry_run",
    "evaluate",
    "evaluate_repeats",
    "export_run",
    "get_data",
    "judge",
    "list_models",
    "list_runs",
    "list_tasks",
    "load_run",
    "make_site_server",
    "make_synthetic_benchmark",
    "merge_lora",
    "merge_runs",
    "parse_fail_on_error",
    "parse_scorings",
    "prepare_layout",
    "preview_training",
    "probe",
    "read_audit",
    "reproduce",
    "sample_answers",
    "save_baseline",
    "score_predictions",
    "score_run",
    "track_run",
    "train",
    "view_run",
    "write_audit_page",
    "write_check",
    "write_json",
    "write_model_card",
]
