"""What an answer can say of each row, by the keys of SAGEMAKER_INFERENCE_OUTPUT.

Knows a model's scores. Never knows HTTP, media types.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from fraud_detect.errors import NotAcceptable
from fraud_detect.schema import Float32Matrix
from fraud_detect.serving.model import Model

Columns = dict[str, Sequence[object]]
"""The values of an answer by name, each of n values for n rows."""
Output = Callable[[Model, Float32Matrix, Sequence[float]], Sequence[object]]
"""From a model, its matrix of n rows, and their n probabilities, to n values."""

REASONS = "reasons"
DEFAULT_OUTPUTS = ("predicted_label", "probability")


def columns_of(
    model: Model, matrix: Float32Matrix, probabilities: Sequence[float], outputs: Sequence[str], reasons: int
) -> Columns:
    """Return the columns that `outputs` name, with so many `reasons` a row.

    `matrix` is float32, shape (n, width); `probabilities` are its n fraud probabilities.

    Raises
    ------
    NotAcceptable
        If reasons are among them, and the model's family cannot explain.
    """
    if REASONS in outputs:
        return _explained_columns(model, matrix, outputs, probabilities, reasons)
    return {key: VALUES[key](model, matrix, probabilities) for key in outputs}


def _explained_columns(
    model: Model, matrix: Float32Matrix, outputs: Sequence[str], probabilities: Sequence[float], reasons: int
) -> Columns:
    """Return the columns with those of reasons in place of the key; the raw score is then what they sum to."""
    explained = _explained(model, matrix, reasons)
    columns: Columns = {}
    for key in outputs:
        if key == REASONS:
            columns.update(explained)
        else:
            columns[key] = explained[key] if key in explained else VALUES[key](model, matrix, probabilities)
    return columns


def _predicted_label(model: Model, _: Float32Matrix, probabilities: Sequence[float]) -> Sequence[object]:
    negative, positive, threshold = model.labels.negative, model.labels.positive, model.threshold
    return [positive if probability >= threshold else negative for probability in probabilities]


def _probability(_: Model, __: Float32Matrix, probabilities: Sequence[float]) -> Sequence[object]:
    return probabilities


def _probabilities(_: Model, __: Float32Matrix, probabilities: Sequence[float]) -> Sequence[object]:
    return [[1.0 - probability, probability] for probability in probabilities]


def _labels(model: Model, _: Float32Matrix, probabilities: Sequence[float]) -> Sequence[object]:
    return [[model.labels.negative, model.labels.positive]] * len(probabilities)


def _raw_score(model: Model, matrix: Float32Matrix, _: Sequence[float]) -> Sequence[object]:
    return model.scoring.raw_scores(matrix)


def _explained(model: Model, matrix: Float32Matrix, reasons: int) -> Mapping[str, Sequence[object]]:
    explainer = model.explainer()
    if explainer is None:
        raise NotAcceptable(
            f"A model of the family {model.algorithm} cannot explain its scores",
            expected="an Accept header without `explain`",
            remedy="Leave `explain` out, or train with algorithm=xgboost.",
        )
    return explainer.columns(matrix, reasons)


VALUES: Mapping[str, Output] = {
    "predicted_label": _predicted_label,
    "probability": _probability,
    "probabilities": _probabilities,
    "labels": _labels,
    "raw_score": _raw_score,
}
"""What one column of its own says. `probabilities` and `labels` list the negative class first."""
OUTPUTS = (*VALUES, REASONS)
"""Every key that can be asked for; the reasons come as several columns."""
