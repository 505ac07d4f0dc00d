"""The declared table of hyperparameters: name, type, range, default, meaning.

Everything that speaks of hyperparameters is made from it: parsing, the reference page, SageMaker's specification.

Knows pydantic, and the hyperparameters of each family. Never knows where values come from.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from fraud_detect.estimators.family import FamilyParameters
from fraud_detect.estimators.registry import DEFAULT, FAMILIES, AnyParameters
from fraud_detect.training.search_space import FAST

TARGETED = {"precision": "the least precision", "recall": "the least recall", "alert_rate": "the largest share flagged"}

BETWEEN_FAULTS = "\n"
ALGORITHM = "algorithm"
AUTO = "auto"
BALANCED = "balanced"
EXACT = "exact"
CLEANING = "tomek_links"
CORRECTABLE = "random_under"
CHECKPOINT_ROUNDS = 10


def _names(value: Any) -> Any:
    return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value


ColumnNames = Annotated[tuple[str, ...], BeforeValidator(_names)]


def names_of(parameters: type[FamilyParameters]) -> tuple[str, ...]:
    """Return the names of a family's own hyperparameters."""
    fields = parameters.model_fields.items()
    return tuple(field.alias or name for name, field in fields if name != ALGORITHM)


class Hyperparameters(BaseModel):
    """Hyperparameters of a training job: what holds for every family, and those of the family that `algorithm` names.

    All are given by name, side by side: `Hyperparameters(algorithm="xgboost", eta=0.3, resampler="none")`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)

    family: AnyParameters
    label_column: str | None = Field(
        None, description="Name of the label column. Without it: the one column with a usual name, or the first one."
    )
    positive_label: str | None = Field(
        None, description="The label value that means fraud, where labels are not 0/1 or true/false."
    )
    missing_labels: Literal["refuse", "leave_out"] = Field(
        "refuse",
        description="What becomes of rows without a label, such as recent ones whose label is not known yet: an error, "
        "or they are left out of all parts, in every channel.",
    )
    drop_columns: ColumnNames = Field((), description="Columns to leave out, separated by commas.")
    category_columns: ColumnNames = Field((), description="Columns of numbers to read as categories, such as codes.")
    unseen_categories: Literal["refuse", "missing"] = Field(
        "refuse", description="What becomes of a category that the train channel does not have: an error, or missing."
    )
    time_column: str | None = Field(
        None, description="Column that orders the rows in time. The held-out rows are then the latest; no feature."
    )
    card_column: str | None = Field(
        None, description="Column that names the card or customer of each row, for card precision; no feature."
    )
    split: Literal["auto", "random", "grouped", "time", "prequential"] = Field(
        "auto",
        description="How rows are held out: at random by class, at random by card so that none is on both sides "
        "(grouped), the latest in time, or in folds that go forward in time; auto is time with a time_column, else "
        "random. grouped needs a card_column, time and prequential a time_column; "
        "prequential needs train_days and test_days, too, and it alone takes delay_days, known_days and "
        "folds.",
    )
    cv_folds: int = Field(
        0,
        ge=0,
        le=100,
        description="Folds of a cross-validation after the training, at random by class or by card as split says; "
        "0 is none. Not with a split in time.",
    )
    cv_repeats: int = Field(
        1,
        ge=1,
        le=100,
        description="Times that the cross-validation is done, each with other folds. Only with cv_folds.",
    )
    train_days: int | None = Field(
        None,
        ge=1,
        le=3_650,
        description="Days that each fold and the final model train on. Needed by split=prequential, and only there.",
    )
    delay_days: int = Field(
        7,
        ge=0,
        le=3_650,
        description="Days between the training and the test of a fold, in which labels arrive. Only with "
        "split=prequential.",
    )
    test_days: int | None = Field(
        None,
        ge=1,
        le=3_650,
        description="Days that each fold is tested on. Needed by split=prequential, and only there.",
    )
    known_days: int | None = Field(
        None,
        ge=1,
        le=3_650,
        description="Days at the end of the training days since which a defrauded card is known, and leaves the test "
        "of a fold; without it all of train_days. With the same known_days, numbers of train_days are tested on the "
        "same rows. Only with split=prequential.",
    )
    folds: int = Field(
        4,
        ge=1,
        le=1_000,
        description="Number of folds, going back from the last day. Only with split=prequential.",
    )
    top_k: int = Field(
        100,
        ge=1,
        le=1_000_000,
        description="Cards that can be checked a day, the k of card precision. Only with a card_column and a "
        "time_column; of use in folds and for test rows.",
    )
    refit: Literal["no", "yes"] = Field(
        "no",
        description="Whether the model is fitted once more on training and validation rows together, with the rounds, "
        "calibration and threshold that the validation rows chose.",
    )
    validation_fraction: float = Field(
        0.2, gt=0, le=0.5, description="Share of the train channel held out for validation, without a channel for it."
    )
    test_fraction: float = Field(
        0.0, ge=0, le=0.5, description="Share of the train channel held out for testing, without a channel for it."
    )
    resampler: Literal[
        "auto",
        "smote",
        "none",
        "borderline_smote",
        "adasyn",
        "random_over",
        "random_under",
        "near_miss",
        "tomek_links",
        "smote_tomek",
        "smote_enn",
    ] = Field(
        "auto",
        description="How the training part is resampled: frauds are made, repeated, or legitimate rows left out; auto "
        "is smote or none, whichever has the better validation average precision.",
    )
    resampling_ratio: float = Field(
        0.1,
        gt=0,
        le=1,
        description="Frauds per legitimate row in the training part after resampling, before any cleaning. Not for "
        "tomek_links.",
    )
    k_neighbors: int = Field(
        5,
        ge=1,
        le=100,
        description="Neighbours between which synthetic frauds are made, and frauds to whose distance near_miss goes.",
    )
    scale_pos_weight: Annotated[float, Field(gt=0, le=1_000_000)] | Literal["balanced"] = Field(
        1.0,
        description="Weight of a fraud against a legitimate row; balanced is legitimate rows / frauds of what is "
        "fitted on.",
    )
    calibration: Literal["auto", "sigmoid", "isotonic", "exact", "none"] = Field(
        "auto",
        description="How scores become probabilities: by a function fitted on the validation rows, or for random_under "
        "by the exact correction for the rows left out; auto is exact there, if the family's scores are probabilities "
        "and scale_pos_weight is 1, else sigmoid.",
    )
    threshold_policy: Literal["f1", "precision", "recall", "cost", "alert_rate"] = Field(
        "f1",
        description="What the decision threshold is chosen for, on the validation rows; cost takes the optimum for "
        "calibrated probabilities, 1 / (1 + threshold_target).",
    )
    threshold_target: float | None = Field(
        None,
        gt=0,
        le=1_000_000,
        description="Target of the policy: least precision or recall, largest share of alerts, or the cost of a "
        "missed fraud in false alarms. The policy f1 has none.",
    )
    precision_k: int = Field(
        100, ge=1, le=1_000_000_000, description="The k of precision_at_k: rows with the highest probabilities."
    )
    amount_column: str | None = Field(
        None,
        description="Feature that is the amount of a transaction, for expected_cost and money_saved; one below 0, or "
        "missing, counts as 0.",
    )
    review_cost: float = Field(
        5.0,
        ge=0,
        le=1_000_000_000,
        description="What the review of one alert costs, in the currency of the amounts. Only with an amount_column.",
    )
    bootstrap_samples: int = Field(1000, ge=0, le=100_000, description="Replicates for the 95 % intervals; 0 is none.")
    report: Literal["true", "false"] = Field(
        "true", description="Whether output/data/report.html is made: one page with curves, features and reasons."
    )
    examples: Literal["true", "false"] = Field(
        "true",
        description="Whether the model takes along two held-out rows, a fraud and a legitimate one, and the least and "
        "greatest value of each number, for the console's form; false leaves out whatever tells of single rows.",
    )
    tune_minutes: float = Field(
        0,
        ge=0,
        le=10_000,
        description="Minutes of search for better hyperparameters before the training, an interrupted search counted; "
        "0 is no limit if there is tune_trials, else no search. What is given stays as it is.",
    )
    tune_trials: int = Field(
        0,
        ge=0,
        le=100_000,
        description="Trials of that search at most; 0 is no limit if there is tune_minutes, else no search.",
    )
    tune_algorithms: ColumnNames = Field(
        (),
        description="Families to search, separated by commas. Without it: the algorithm if it is given, else "
        "the fast ones: " + ", ".join(FAST) + ". Only with tune_minutes or tune_trials.",
    )
    external_memory: Literal["true", "false"] = Field(
        "false",
        description="Whether the table is kept on disk while the job lasts, beside output/data, for one that does not "
        "fit in memory. Only with xgboost on a CPU.",
    )
    checkpoint_rounds: int | None = Field(
        None,
        ge=0,
        le=10_000,
        description="Rounds between checkpoints, from which a job that was interrupted goes on; 0 is none. Without it: "
        f"{CHECKPOINT_ROUNDS} where the job has a place for checkpoints (checkpointconfig.json), else none.",
    )
    checkpoint_mismatch: Literal["refuse", "restart"] = Field(
        "refuse",
        description="What becomes of a job that finds checkpoints, or a search's trials, of other data or "
        "hyperparameters: an error, or they are deleted and it begins anew.",
    )
    seed: int = Field(0, ge=0, le=2_147_483_647, description="Seed of everything that is drawn at random.")
    nthread: int = Field(0, ge=0, le=1024, description="Threads for training; 0 is as many as there are CPUs.")

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Return `values` with those of the family's hyperparameters in an object of their own."""
        if "family" in values:
            return values
        algorithm = values.get(ALGORITHM, DEFAULT)
        names = names_of(FAMILIES[algorithm].parameters) if algorithm in FAMILIES else ()
        family = {name: value for name, value in values.items() if name in names}
        rest = {name: value for name, value in values.items() if name not in (*names, ALGORITHM)}
        return {**rest, "family": {ALGORITHM: algorithm, **family}}

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        checks = (
            self._faults_of_target,
            self._faults_of_fractions,
            self._faults_of_time,
            self._faults_of_folds,
            self._faults_of_cross_validation,
            self._faults_of_resampling,
            self._faults_of_family,
            self._faults_of_money,
            self._faults_of_search,
        )
        faults = [fault for check in checks for fault in check()]
        if faults:
            raise ValueError(BETWEEN_FAULTS.join(faults))
        return self

    def _faults_of_target(self) -> Iterator[str]:
        policy, target = self.threshold_policy, self.threshold_target
        if policy == "f1":
            if target is not None:
                yield "threshold_target is set; expected none with threshold_policy=f1"
        elif target is None:
            yield f"threshold_target is missing; expected one with threshold_policy={policy}"
        elif policy in TARGETED and target > 1:
            yield f"threshold_target is {target:g}; expected {TARGETED[policy]}, up to 1"
        if policy == "cost" and self.calibration == "none":
            yield "threshold_policy=cost is set with calibration=none; expected calibrated probabilities"

    def _faults_of_fractions(self) -> Iterator[str]:
        if self.validation_fraction + self.test_fraction > 0.8:
            yield "validation_fraction and test_fraction are above 0.8 together; expected 0.2 of the rows to train on"
        if self.split == "prequential" and self.test_fraction > 0:
            yield "test_fraction is set; expected none with split=prequential, whose folds have test days"

    def _faults_of_time(self) -> Iterator[str]:
        if self.split in ("time", "prequential") and self.time_column is None:
            yield f"time_column is missing; expected one with split={self.split}"
        needed = [name for name in ("card_column", "time_column") if getattr(self, name) is None]
        if needed and self._is_changed("top_k"):
            yield f"top_k is set; expected none without {' and '.join(needed)}"

    def _faults_of_folds(self) -> Iterator[str]:
        if self.split == "prequential":
            for name in ("train_days", "test_days"):
                if getattr(self, name) is None:
                    yield f"{name} is missing; expected a number of days with split=prequential"
            if self.known_days and self.train_days and self.known_days > self.train_days:
                yield f"known_days is {self.known_days}; expected at most train_days"
            return
        for name in ("train_days", "delay_days", "known_days", "test_days", "folds"):
            if self._is_changed(name):
                yield f"{name} is set; expected none without split=prequential"

    def _faults_of_money(self) -> Iterator[str]:
        if self.amount_column is None and self._is_changed("review_cost"):
            yield "review_cost is set; expected none without amount_column"

    def _faults_of_cross_validation(self) -> Iterator[str]:
        if self.split == "grouped" and self.card_column is None:
            yield "card_column is missing; expected one with split=grouped, to hold out whole cards"
        if self.cv_folds == 1:
            yield "cv_folds is 1; expected 0 for none, or at least 2"
        if self.cv_folds == 0 and self._is_changed("cv_repeats"):
            yield "cv_repeats is set; expected none without cv_folds"
        if self.cv_folds > 0 and self.splits_in_time:
            yield "cv_folds is set with a split in time; expected split=random or grouped, or split=prequential alone"

    @property
    def splits_in_time(self) -> bool:
        """Whether rows are held out by their times."""
        return self.split in ("time", "prequential") or (self.split == "auto" and self.time_column is not None)

    def _faults_of_resampling(self) -> Iterator[str]:
        if self.resampler == CLEANING and self._is_changed("resampling_ratio"):
            yield f"resampling_ratio is set; expected none with resampler={CLEANING}, which cleans and reaches no ratio"
        if self.calibration == EXACT and self.resampler != CORRECTABLE:
            yield f"calibration={EXACT} is set; expected another one without resampler={CORRECTABLE}"
        if self.calibration == EXACT and self.scale_pos_weight != 1:
            yield f"scale_pos_weight is {self.scale_pos_weight}; expected 1 with calibration={EXACT}"

    def _faults_of_family(self) -> Iterator[str]:
        family, weight = FAMILIES[self.algorithm], self.scale_pos_weight
        if self.is_from_disk and not self.family.fits_from_disk:
            yield "external_memory is true; expected false without algorithm=xgboost and device=cpu"
        if weight != 1 and not family.takes_weights:
            yield f"scale_pos_weight is {weight}; expected 1 with {ALGORITHM}={self.algorithm}, which takes no weights"
        if self.calibration == EXACT and not family.gives_probabilities:
            yield (
                f"calibration={EXACT} is set; expected another one with {ALGORITHM}={self.algorithm}, "
                "whose scores are no probabilities"
            )

    def _faults_of_search(self) -> Iterator[str]:
        for name in self.tune_algorithms:
            if name not in FAMILIES:
                yield f"tune_algorithms names '{name}'; expected some of {', '.join(FAMILIES)}"
        if self.tune_algorithms and not self.is_searched:
            yield "tune_algorithms is set; expected none without tune_minutes or tune_trials"

    def _is_changed(self, name: str) -> bool:
        """Return whether a value is not the default: clients may send all defaults of SageMaker's specification."""
        return bool(getattr(self, name) != type(self).model_fields[name].default)

    @property
    def algorithm(self) -> str:
        """The name of the family."""
        return self.family.algorithm

    @property
    def is_from_disk(self) -> bool:
        """Whether the rows are kept on disk."""
        return self.external_memory == "true"

    @property
    def is_searched(self) -> bool:
        """Whether better hyperparameters are searched for first."""
        return self.tune_minutes > 0 or self.tune_trials > 0

    def by_name(self) -> dict[str, Any]:
        """Return all hyperparameters by name, the family's among them, as JSON has them."""
        own, family = (each.model_dump(mode="json", by_alias=True) for each in (self, self.family))
        del own["family"]
        return {**own, **family}
