"""scripts/aws/tune.py: what SageMaker is asked for, and what the user is told."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aws_stand_in import Done, StandIn
from job_runs import JOB, QUICK, USUAL, planned, run, sent

BEST = "a-job-007-abcdef12"
MODEL = f"s3://features/jobs/{BEST}/output/model.tar.gz"
OPTIONS = (
    *(
        "-p",
        "algorithm=lightgbm",
        "-p",
        "seed=7",
        "-p",
        "subsample=0.8",
        "--jobs",
        "12",
        "--parallel",
        "3",
        "--seed",
        "5",
    ),
    *("--range", "eta=0.02..0.2:log", "--range", "resampler=none,smote", "--total-minutes", "120", "--spot"),
    *("--objective", "validation:brier", "--strategy", "Random", "--no-early-stopping", "--max-minutes", "20"),
)


def a_state(status: str, done: int, running: int, **more: Any) -> dict[str, Any]:
    """Return what SageMaker says of the tuning job."""
    counts = {"Completed": done, "InProgress": running, "RetryableError": 0, "NonRetryableError": 1}
    return {
        "HyperParameterTuningJobName": JOB,
        "HyperParameterTuningJobStatus": status,
        "TrainingJobStatusCounters": counts,
        **more,
    }


@pytest.fixture(scope="module")
def done(aws_of_module: StandIn) -> Iterator[Done]:
    """Return the run of a search of 12 jobs, of which one fails."""
    figure = {"MetricName": "validation:brier", "Value": 0.0125}
    best = {
        "TrainingJobName": BEST,
        "TunedHyperParameters": {"eta": "0.05", "num_leaves": "31"},
        "FinalHyperParameterTuningJobObjectiveMetric": figure,
    }
    aws_of_module.answer(
        "SageMaker.DescribeHyperParameterTuningJob",
        a_state("InProgress", 0, 3),
        a_state("InProgress", 8, 3, BestTrainingJob=best),
        a_state("Completed", 11, 0, BestTrainingJob=best),
    )
    trained = {"TrainingJobName": BEST, "ModelArtifacts": {"S3ModelArtifacts": MODEL}}
    aws_of_module.answer("SageMaker.DescribeTrainingJob", trained)
    yield run(aws_of_module, "tune.py", *USUAL, *QUICK, *OPTIONS, "--yes")
    aws_of_module.answers.clear()


@pytest.fixture(scope="module")
def request_sent(done: Done, aws_of_module: StandIn) -> Any:
    assert done.status == 0, done.errors
    return sent(aws_of_module, "CreateHyperParameterTuningJob")


def test_the_search_is_as_asked_for(request_sent: Any) -> None:
    config = dict(request_sent["HyperParameterTuningJobConfig"])
    del config["ParameterRanges"]
    assert config == {
        "Strategy": "Random",
        "HyperParameterTuningJobObjective": {"Type": "Minimize", "MetricName": "validation:brier"},
        "ResourceLimits": {
            "MaxNumberOfTrainingJobs": 12,
            "MaxParallelTrainingJobs": 3,
            "MaxRuntimeInSeconds": 7200,
        },
        "TrainingJobEarlyStoppingType": "Off",
        "RandomSeed": 5,
    }


def test_what_has_a_value_is_not_varied(request_sent: Any) -> None:
    fixed = request_sent["TrainingJobDefinition"]["StaticHyperParameters"]
    ranges = request_sent["HyperParameterTuningJobConfig"]["ParameterRanges"]
    varied = {entry["Name"] for entries in ranges.values() for entry in entries}
    assert fixed == {"algorithm": "lightgbm", "seed": "7", "subsample": "0.8"}
    assert not varied & set(fixed)


def test_the_ranges_are_the_familys_and_the_users_own(request_sent: Any) -> None:
    ranges = request_sent["HyperParameterTuningJobConfig"]["ParameterRanges"]
    integers = {entry["Name"] for entry in ranges["IntegerParameterRanges"]}
    assert integers == {"num_round", "num_leaves", "max_depth", "min_data_in_leaf"}
    own = {"Name": "eta", "MinValue": "0.02", "MaxValue": "0.2", "ScalingType": "Logarithmic"}
    assert own in ranges["ContinuousParameterRanges"]
    assert ranges["CategoricalParameterRanges"] == [{"Name": "resampler", "Values": ["none", "smote"]}]


def test_the_objective_is_one_of_the_metrics_that_are_read(request_sent: Any) -> None:
    read = request_sent["TrainingJobDefinition"]["AlgorithmSpecification"]["MetricDefinitions"]
    assert "validation:brier" in {metric["Name"] for metric in read}


def test_jobs_on_spot_instances_share_no_checkpoints(request_sent: Any) -> None:
    assert request_sent["TrainingJobDefinition"]["EnableManagedSpotTraining"] is True
    assert "CheckpointConfig" not in request_sent["TrainingJobDefinition"]


def test_what_bills_is_said_of_all_jobs_together(done: Done) -> None:
    hours = (
        "AWS bills 12 x ml.m5.xlarge for at most 0.333333 h = at most 4 instance-hours at the spot price for 12 jobs"
    )
    assert done.errors.startswith(hours)


def test_progress_is_counted_and_has_the_best_figure(done: Done) -> None:
    states = [line.partition(" after")[0] for line in done.errors.splitlines() if " after " in line]
    assert states == [
        "InProgress, 0 jobs done, 3 running, 1 failed",
        "InProgress, 8 jobs done, 3 running, 1 failed, best validation:brier 0.0125",
        "Completed",
    ]


def test_the_best_model_is_printed_and_its_hyperparameters_are_said(done: Done) -> None:
    assert done.said == f"{MODEL}\n"
    assert f"best job: {BEST}, with\n  eta=0.05\n  num_leaves=31\n" in done.errors


def test_a_dry_run_shows_what_would_be_sent(request_sent: Any, aws_of_module: StandIn) -> None:
    dry = run(aws_of_module, "tune.py", *USUAL, *QUICK, *OPTIONS, "--dry-run")
    assert [each["request"] for each in planned(dry)] == [request_sent]


def test_every_family_has_ranges_that_sagemaker_takes(aws_of_module: StandIn) -> None:
    """One of them has only choices, which are a list of their own."""
    for family in ("xgboost", "knn", "svm"):
        planned(run(aws_of_module, "tune.py", *USUAL, *QUICK, "-p", f"algorithm={family}", "--dry-run"))


def test_a_search_whose_jobs_all_failed_says_so(aws: StandIn) -> None:
    aws.answer("SageMaker.DescribeHyperParameterTuningJob", a_state("Completed", 0, 0))
    done = run(aws, "tune.py", *USUAL, *QUICK, "--yes")
    assert (done.status, done.said) == (1, "")
    assert f"None of the jobs of {JOB} printed its objective" in done.errors


def test_hyperparameters_of_a_file_are_overruled_by_options(aws: StandIn, tmp_path: Path) -> None:
    (tmp_path / "own.json").write_text('{"eta": 0.3, "max_depth": "4"}')
    told = ("--hyperparameters", str(tmp_path / "own.json"), "-p", "eta=0.2", "--dry-run")
    (request,) = planned(run(aws, "tune.py", *USUAL, *QUICK, *told))
    static = request["request"]["TrainingJobDefinition"]["StaticHyperParameters"]
    assert static == {"eta": "0.2", "max_depth": "4"}
