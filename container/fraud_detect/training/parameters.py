"""The declared table of hyperparameters: name, type, range, default, meaning.

Everything that speaks of hyperparameters is made from it: parsing, the reference page, SageMaker's specification.

Knows pydantic. Never knows where values come from.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

TARGETED = {"precision": "the least precision", "recall": "the least recall", "alert_rate": "the largest share flagged"}


def _names(value: Any) -> Any:
    return tuple(name.strip() for name in value.split(",") if name.strip()) if isinstance(value, str) else value


ColumnNames = Annotated[tuple[str, ...], BeforeValidator(_names)]


class Hyperparameters(BaseModel):
    """Hyperparameters of a training job; a name is XGBoost's own where the meaning is XGBoost's."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, allow_inf_nan=False)

    label_column: str | None = Field(
        None, description="Name of the label column. Without it: the one column with a usual name, or the first one."
    )
    positive_label: str | None = Field(
        None, description="The label value that means fraud, where labels are not 0/1 or true/false."
    )
    drop_columns: ColumnNames = Field((), description="Columns to leave out, separated by commas.")
    category_columns: ColumnNames = Field((), description="Columns of numbers to read as categories, such as codes.")
    unseen_categories: Literal["refuse", "missing"] = Field(
        "refuse", description="What becomes of a category that the train channel does not have: an error, or missing."
    )
    time_column: str | None = Field(
        None, description="Column that orders the rows in time. The held-out rows are then the latest; no feature."
    )
    validation_fraction: float = Field(
        0.2, gt=0, le=0.5, description="Share of the train channel held out for validation, without a channel for it."
    )
    test_fraction: float = Field(
        0.0, ge=0, le=0.5, description="Share of the train channel held out for testing, without a channel for it."
    )
    resampler: Literal["smote", "none"] = Field("smote", description="How frauds are added to the training part.")
    resampling_ratio: float = Field(
        0.1, gt=0, le=1, description="Frauds per legitimate row in the training part after resampling."
    )
    k_neighbors: int = Field(5, ge=1, le=100, description="Neighbours between which SMOTE makes synthetic frauds.")
    num_round: int = Field(200, ge=1, le=10_000, description="Rounds of boosting at most.")
    early_stopping_rounds: int = Field(
        20, ge=0, le=10_000, description="Rounds without a better validation average precision to stop after; 0 is off."
    )
    eta: float = Field(0.1, gt=0, le=1, description="Learning rate.")
    max_depth: int = Field(6, ge=1, le=16, description="Depth of a tree at most.")
    min_child_weight: float = Field(1, ge=0, le=10_000, description="Least sum of Hessians in a leaf.")
    gamma: float = Field(0, ge=0, le=10_000, description="Least loss reduction for a split.")
    subsample: float = Field(1, gt=0, le=1, description="Share of rows drawn for each round.")
    colsample_bytree: float = Field(1, gt=0, le=1, description="Share of columns drawn for each tree.")
    colsample_bylevel: float = Field(1, gt=0, le=1, description="Share of columns drawn for each level.")
    colsample_bynode: float = Field(1, gt=0, le=1, description="Share of columns drawn for each split.")
    lambda_: float = Field(1, alias="lambda", ge=0, le=10_000, description="L2 regularisation of leaf weights.")
    alpha: float = Field(0, ge=0, le=10_000, description="L1 regularisation of leaf weights.")
    max_delta_step: float = Field(0, ge=0, le=100, description="Largest step of a leaf weight; 0 is no limit.")
    grow_policy: Literal["depthwise", "lossguide"] = Field("depthwise", description="Where trees grow first.")
    max_leaves: int = Field(0, ge=0, le=65_536, description="Leaves of a tree at most; 0 is no limit.")
    max_bin: int = Field(1024, ge=2, le=65_536, description="Histogram bins per column.")
    scale_pos_weight: float = Field(1, gt=0, le=1_000_000, description="Weight of a fraud against a legitimate row.")
    calibration: Literal["sigmoid", "isotonic", "none"] = Field(
        "sigmoid", description="How scores become probabilities, fitted on the validation rows."
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
    bootstrap_samples: int = Field(1000, ge=0, le=100_000, description="Replicates for the 95 % intervals; 0 is none.")
    seed: int = Field(0, ge=0, le=2_147_483_647, description="Seed of everything that is drawn at random.")
    nthread: int = Field(0, ge=0, le=1024, description="Threads for training; 0 is as many as there are CPUs.")

    @model_validator(mode="after")
    def _check_target(self) -> Self:
        policy, target = self.threshold_policy, self.threshold_target
        if policy == "f1":
            if target is not None:
                raise ValueError("threshold_target is set; expected none with threshold_policy=f1")
        elif target is None:
            raise ValueError(f"threshold_target is missing; expected one with threshold_policy={policy}")
        elif policy in TARGETED and target > 1:
            raise ValueError(f"threshold_target is {target:g}; expected {TARGETED[policy]}, up to 1")
        if policy == "cost" and self.calibration == "none":
            raise ValueError("threshold_policy=cost is set with calibration=none; expected calibrated probabilities")
        return self

    @model_validator(mode="after")
    def _check_fractions(self) -> Self:
        if self.validation_fraction + self.test_fraction > 0.8:
            raise ValueError("validation_fraction and test_fraction leave less than 0.2 of the rows to train on")
        return self

    def booster_parameters(self) -> dict[str, float | int | str]:
        """Return what XGBoost's `params` take, by its own names."""
        return self.model_dump(include=set(BOOSTER_PARAMETERS), by_alias=True)


BOOSTER_PARAMETERS = (
    "eta",
    "max_depth",
    "min_child_weight",
    "gamma",
    "subsample",
    "colsample_bytree",
    "colsample_bylevel",
    "colsample_bynode",
    "lambda_",
    "alpha",
    "max_delta_step",
    "grow_policy",
    "max_leaves",
    "max_bin",
    "scale_pos_weight",
)
