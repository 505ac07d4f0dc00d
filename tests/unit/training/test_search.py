"""A search comes to what is best on the validation rows, again and again, and sees nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any, cast

import pytest

from fraud_detect.artifact.manifest import Labels
from fraud_detect.errors import HyperparameterError, TableError
from fraud_detect.estimators.registry import FAMILIES
from fraud_detect.resampling.registry import SAMPLERS
from fraud_detect.sagemaker.hyperparameters import parse
from fraud_detect.tables.table import Rows
from fraud_detect.training import search as module
from fraud_detect.training.found import Found
from fraud_detect.training.parameters import Hyperparameters
from fraud_detect.training.partition import Parts
from fraud_detect.training.prequential import Fold
from fraud_detect.training.proposals import Space
from fraud_detect.training.search import MOST_FAILURES, SearchObserver, SearchRows
from fraud_detect.training.search_space import FAMILY_SPACES, FAST
from fraud_detect.training.train import train
from fraud_detect.training.trials import Trial
from searching import QUICK_XGBOOST, SCHEMA, search_rows, searched, some_rows, tried


@pytest.fixture(scope="module")
def found() -> Found:
    return searched(tune_trials=12)


def stopping_after(trials: int) -> SearchObserver:
    told: list[Trial] = []

    def on_trial(so_far: Sequence[Trial]) -> None:
        told.append(so_far[-1])

    return SearchObserver(on_trial, lambda: len(told) >= trials)


def reached(**given: Any) -> float:
    """Return the validation average precision of a job without a search."""
    rows = search_rows()
    values = {name: value for name, value in QUICK_XGBOOST.items() if name != "tune_trials"}
    parameters = Hyperparameters(**values, **given, bootstrap_samples=0)
    result = train(Parts(rows.training, rows.validation), SCHEMA, Labels(), parameters, threads=1)
    return float(result.metrics["validation"]["average_precision"])


def test_the_first_trial_is_the_job_as_it_is() -> None:
    first = searched(resampler="smote", tune_trials=1)

    assert first.trials[0].average_precision == pytest.approx(reached(resampler="smote"), abs=1e-12)
    assert first.parameters.resampler == "smote"


def test_where_the_job_takes_the_better_of_two_the_first_two_trials_are_the_job(found: Found) -> None:
    first, second = found.trials[:2]

    assert [trial.proposal["resampler"] for trial in (first, second)] == ["smote", "none"]
    best = max(trial.average_precision or 0 for trial in (first, second))
    assert best == pytest.approx(reached(), abs=1e-12)


def test_one_trial_of_two_leaves_a_job_that_takes_the_better_one_as_it_is() -> None:
    result = searched(tune_trials=1)

    assert len(result.trials) == 1
    assert result.parameters == Hyperparameters(algorithm="xgboost", num_round=6, early_stopping_rounds=0)


def test_what_is_found_is_never_worse_than_the_job_as_it_is(found: Found) -> None:
    assert found.best is not None
    assert found.best.average_precision == max(trial.average_precision or 0 for trial in found.trials)
    assert (found.best.average_precision or 0) > (found.trials[0].average_precision or 0)


def test_a_job_with_what_is_found_reaches_it(found: Found) -> None:
    rows = search_rows()
    result = train(Parts(rows.training, rows.validation), SCHEMA, Labels(), found.parameters, threads=1)

    assert found.best is not None
    assert result.metrics["validation"]["average_precision"] == pytest.approx(found.best.average_precision, abs=1e-12)


def test_what_is_found_can_be_given_as_it_is_printed(found: Found) -> None:
    assert parse(found.as_hyperparameters()) == found.parameters
    assert not found.parameters.is_searched


def test_the_same_seed_gives_the_same_trials(found: Found) -> None:
    again = searched(tune_trials=12)

    assert tried(again.trials) == tried(found.trials)
    assert again.parameters == found.parameters


def test_another_seed_gives_other_trials(found: Found) -> None:
    assert tried(searched(tune_trials=12, seed=1).trials)[2:] != tried(found.trials)[2:]


def test_more_trials_begin_with_the_same(found: Found) -> None:
    assert tried(searched(tune_trials=5).trials) == tried(found.trials[:5])


def test_what_is_given_stays_as_it_is() -> None:
    result = searched(resampler="none", eta=0.25, max_depth=3)

    assert {trial.proposal["resampler"] for trial in result.trials} == {"none"}
    assert all({"eta", "max_depth", "num_round"}.isdisjoint(trial.proposal) for trial in result.trials)
    assert (result.parameters.family.eta, result.parameters.family.num_round) == (0.25, 6)


def test_numbers_can_be_read(found: Found) -> None:
    values = [value for trial in found.trials for value in trial.proposal.values() if isinstance(value, float)]

    assert values
    assert all(len(f"{value:.12g}".strip("0").replace(".", "").lstrip("0")) <= 4 for value in values)


@pytest.mark.parametrize(
    ("given", "families"),
    [
        ({"algorithm": "xgboost"}, {"xgboost"}),
        ({"tune_algorithms": "logistic_regression"}, {"logistic_regression"}),
        (
            {"algorithm": "xgboost", "tune_algorithms": "logistic_regression,xgboost"},
            {"xgboost", "logistic_regression"},
        ),
    ],
)
def test_families_are_those_asked_for(given: dict[str, str], families: set[str]) -> None:
    result = searched(**{"algorithm": None, "resampler": "none", "tune_trials": 8, **given})

    assert {trial.proposal["algorithm"] for trial in result.trials} == families


def test_without_a_word_families_are_the_fast_ones_and_the_first_is_that_of_the_job() -> None:
    space = Space.around(Hyperparameters(), [])

    assert space.algorithms[0] == "xgboost"
    assert set(space.algorithms) == {name for name in FAST if name in FAMILIES}


def test_the_better_of_two_resamplers_is_found_by_searching_both() -> None:
    space = Space.around(Hyperparameters(resampler="auto"), ["resampler"])

    assert list(space.resamplers) == ["smote", "none"]
    assert [proposal.resampler for proposal in space.first()[:2]] == ["smote", "none"]


def test_a_family_that_learns_legitimate_rows_alone_is_not_resampled() -> None:
    result = searched(
        algorithm="isolation_forest", num_round=None, early_stopping_rounds=None, n_estimators=5, tune_trials=6
    )

    assert [trial.proposal["resampler"] for trial in result.trials] == ["smote", *["none"] * 5]


def test_the_exact_correction_is_not_spoiled_by_a_weight() -> None:
    result = searched(resampler="random_under", resampling_ratio=0.9, calibration="exact")

    assert {trial.outcome for trial in result.trials} <= {"done", "pruned"}
    assert all("scale_pos_weight" not in trial.proposal for trial in result.trials)


def test_a_given_family_that_is_not_to_be_searched_is_refused() -> None:
    with pytest.raises(HyperparameterError, match="`algorithm` is xgboost, which is not in `tune_algorithms`"):
        searched(tune_algorithms="logistic_regression")


def test_a_family_without_a_space_is_tried_with_its_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(FAMILY_SPACES, "xgboost")  # type: ignore[arg-type]

    result = searched(resampler="none", scale_pos_weight=1)

    assert tried(result.trials)[0]["hyperparameters"] == {"algorithm": "xgboost", "resampler": "none"}
    assert len(result.trials) == 1  # and then there is nothing new to try


def test_a_fit_that_is_worse_than_others_at_its_round_is_pruned(monkeypatch: pytest.MonkeyPatch) -> None:
    rounds: list[int] = []
    fit = FAMILIES["xgboost"].fit

    def counted(*arguments: Any) -> Any:
        fitted = fit(*arguments)
        rounds.append(fitted.rounds)
        return fitted

    monkeypatch.setattr(module, "ROUNDS_BEFORE_PRUNING", 2)
    monkeypatch.setitem(FAMILIES, "xgboost", _with_fit(counted))  # type: ignore[arg-type]

    result = searched(num_round=20, tune_trials=15)

    pruned = [trial.number - 1 for trial in result.trials if trial.outcome == "pruned"]
    assert pruned
    assert min(pruned) >= module.TRIALS_BEFORE_PRUNING
    assert [trial.number for trial in result.trials if trial.outcome == "failed"] == []
    assert all(2 <= rounds[place] < 20 for place in pruned)
    assert result.best is not None
    assert result.best.outcome == "done"


def _with_fit(fit: Any) -> Any:
    family = FAMILIES["xgboost"]
    return type(family)(family.parameters, fit, family.learns_labels, family.takes_weights)


def test_a_family_of_one_round_is_not_pruned() -> None:
    result = searched(
        algorithm="logistic_regression", num_round=None, early_stopping_rounds=None, resampler="none", tune_trials=12
    )

    assert {trial.outcome for trial in result.trials} == {"done"}


def test_a_trial_that_the_data_does_not_allow_has_failed_and_the_search_goes_on() -> None:
    """There is one fraud to learn from, and SMOTE works between two."""
    legitimate = some_rows(200)
    legitimate = legitimate.take((legitimate.labels == 0).nonzero()[0])
    fraud = some_rows().take((some_rows().labels == 1).nonzero()[0][:1])
    rows = SearchRows(legitimate.joined(fraud), some_rows(300, seed=1))

    result = searched(rows=rows)

    first = result.trials[0]
    assert (first.outcome, first.average_precision) == ("failed", None)
    assert first.reason.startswith("The training part has 1 fraud rows; expected at least 2")
    assert result.parameters.resampler == "none"


def test_a_search_of_which_all_trials_fail_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(*_: object) -> Any:
        raise TableError("There are no numbers", expected="some", remedy="Add them.")

    for name in SAMPLERS:
        monkeypatch.setitem(SAMPLERS, name, refusing)  # type: ignore[arg-type]

    with pytest.raises(
        TableError, match=f"All {MOST_FAILURES} trials .* There are no numbers; expected some. Add them."
    ):
        searched(tune_trials=1_000)


def test_a_time_budget_is_that_of_all_trials() -> None:
    """The clock tells a second more each time it is looked at: at the beginning and the end of a trial, and between."""
    ticks = count()

    result = searched(tune_trials=None, tune_minutes=1, clock=lambda: next(ticks))

    assert len(result.trials) > 1
    assert 60 - 10 <= sum(trial.seconds for trial in result.trials) < 60


def test_the_first_trial_ends_whatever_the_budget() -> None:
    ticks = count(step=1_000)

    assert len(searched(tune_trials=None, tune_minutes=0.001, clock=lambda: next(ticks)).trials) == 1


def test_a_stop_ends_the_search_with_the_best_so_far(found: Found) -> None:
    result = searched(tune_trials=12, observer=stopping_after(4))

    assert result.stopped
    assert tried(result.trials) == tried(found.trials[:4])
    assert result.best is not None


def test_a_stop_in_the_first_trial_leaves_the_job_as_it_is() -> None:
    result = searched(observer=stopping_after(0))

    assert (result.stopped, result.best, list(result.trials)) == (True, None, [])
    assert result.parameters == Hyperparameters(algorithm="xgboost", num_round=6, early_stopping_rounds=0)
    assert result.as_json()["best"] is None


def test_a_trial_that_a_stop_cuts_short_does_not_count() -> None:
    asked = count()
    observer = SearchObserver(should_stop=lambda: next(asked) >= 12)

    result = searched(observer=observer)

    assert result.stopped
    assert len(result.trials) < 6
    assert tried(result.trials) == tried(searched().trials[: len(result.trials)])


class Poison:
    """Rows that nobody may look at."""

    def __getattribute__(self, name: str) -> object:
        raise AssertionError(f"the test part was asked for its {name}")


def test_the_test_part_is_never_seen(found: Found) -> None:
    rows = search_rows()
    parts = Parts(rows.training, rows.validation, cast(Rows, Poison()))

    assert tried(searched(rows=SearchRows.of(parts), tune_trials=3).trials) == tried(found.trials[:3])


def test_with_folds_the_rows_are_those_that_no_fold_is_tested_on() -> None:
    rows = search_rows()
    folds = [cast(Fold, Poison()), Fold("fold 2 of 2", cast(Any, None), rows.training, rows.validation, some_rows(9))]
    parts = Parts(cast(Rows, Poison()), cast(Rows, Poison()), None, folds)

    assert SearchRows.of(parts) == rows


def test_nothing_of_a_trial_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each fitted model is gone when the next one is made."""
    import weakref

    alive: list[Any] = []
    most: list[int] = []
    fit = FAMILIES["xgboost"].fit

    def watched(*arguments: Any) -> Any:
        most.append(sum(reference() is not None for reference in alive))
        fitted = fit(*arguments)
        alive.append(weakref.ref(fitted.booster))
        return fitted

    monkeypatch.setitem(FAMILIES, "xgboost", _with_fit(watched))  # type: ignore[arg-type]

    searched()

    assert max(most) == 0


def test_metrics_have_the_counts_the_best_and_every_trial(found: Found) -> None:
    document = found.as_json()

    assert document["done"] + document["pruned"] + document["failed"] == len(document["trials"]) == 12
    assert document["best"]["hyperparameters"] == found.as_hyperparameters()
    assert [trial["number"] for trial in document["trials"]] == list(range(1, 13))
    assert not any("seconds" in trial for trial in document["trials"])
