"""A dense autoencoder of legitimate rows, by scikit-learn: what it cannot rebuild is unlike them.

It learns to give back rows through layers narrower than they are, numbers scaled by their minima and maxima. A row's
error is the mean of its squared differences; the log-odds of its score are the logarithm of that, so that a larger
error is a higher score, and calibration makes a probability of it.

Knows scikit-learn and how errors become scores. Never knows files, thresholds, resampling, other families.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator

from fraud_detect.artifact.explanation import EXPLANATION
from fraud_detect.errors import HyperparameterError, TableError
from fraud_detect.estimators.family import Block, Family, FamilyParameters, FitSettings, Round, parameters_of
from fraud_detect.estimators.onnx_graph import LOG_ODDS, OF_FEATURES, explanation, from_log_odds, tensors
from fraud_detect.estimators.preparation import CHUNK_ROWS, PREPARED, Preparation, prepared_rows
from fraud_detect.schema import Float32Matrix, Float64Matrix, Float64Vector

AUTO = "auto"
LAYERS = re.compile(r"[1-9]\d{0,3}(,[1-9]\d{0,3}){0,9}")
AUTO_SHARE, AUTO_LEAST, AUTO_MOST = 2 / 5, 4, 32
"""The width of one hidden layer as a share of the columns, within bounds: more, where a category has many codes, take
long. On card transactions a third and a half of the columns came to smaller areas under the ROC curve, and three layers
to no larger one in the same number of epochs."""
ACTIVATIONS: Mapping[str, tuple[Callable[[Float64Matrix], Float64Matrix], str]] = {
    "tanh": (np.tanh, "Tanh"),
    "relu": (lambda sums: np.maximum(sums, 0), "Relu"),
    "identity": (lambda sums: sums, "Identity"),
}
"""What hidden units make of their sums, in NumPy and as an ONNX operator."""
SMALLEST = 1e-12
"""Is added to errors, whose logarithms are taken: less than float32, in which the network learns, can tell."""


class AutoencoderParameters(FamilyParameters):
    """Hyperparameters of an autoencoder, but for `layers` by scikit-learn's names."""

    algorithm: Literal["autoencoder"] = "autoencoder"
    layers: str = Field(
        AUTO,
        description="Widths of the hidden layers, such as 13,6,6,13; auto is one layer of two fifths of the "
        "columns, from 4 to 32.",
    )
    activation: Literal["tanh", "relu", "identity"] = Field(
        "tanh", description="What hidden units make of their sums; identity leaves principal components."
    )
    max_iter: int = Field(100, ge=1, le=10_000, description="Epochs at most.")
    n_iter_no_change: int = Field(
        10,
        ge=0,
        le=10_000,
        description="Epochs without a smaller error on legitimate validation rows to stop after; 0 is off.",
    )
    learning_rate_init: float = Field(0.001, gt=0, le=1, description="Step size of Adam.")
    batch_size: int = Field(32, ge=1, le=100_000, description="Rows of one step.")

    @field_validator("layers")
    @classmethod
    def _check_layers(cls, layers: str) -> str:
        written = layers.replace(" ", "")
        if written != AUTO and not LAYERS.fullmatch(written):
            raise ValueError("auto, or 1 to 10 widths from 1 to 9999, separated by commas")
        return written

    @property
    def most_rounds(self) -> int:
        """As `FamilyParameters.most_rounds`: epochs."""
        return self.max_iter

    def widths(self, width: int) -> tuple[int, ...]:
        """Return the widths of the hidden layers for prepared rows of `width`."""
        if self.layers != AUTO:
            return tuple(map(int, self.layers.split(",")))
        return (min(max(AUTO_LEAST, round(AUTO_SHARE * width)), AUTO_MOST),)


@dataclass(frozen=True)
class Layer:
    """`rows @ weights + biases`, float64, through the activation but in the last layer."""

    weights: Float64Matrix
    biases: Float64Vector


@dataclass(frozen=True)
class Autoencoder:
    """Layers that rebuild prepared rows; `usual_error` is the mean error of the legitimate training rows."""

    preparation: Preparation
    layers: Sequence[Layer]
    activation: str
    rounds: int
    usual_error: float

    def scores(self, features: Float32Matrix) -> NDArray[np.float64]:
        """As `Fitted.scores`: error / (1 + error)."""
        errors = self.errors(features) + SMALLEST
        scores: NDArray[np.float64] = errors / (1 + errors)
        return scores

    def errors(self, features: Float32Matrix) -> Float64Vector:
        """Return the error of each row, float64, shape (n,)."""
        errors = np.empty(len(features))
        for start in range(0, len(features), CHUNK_ROWS):
            rows = self.preparation.apply(features[start : start + CHUNK_ROWS])
            errors[start : start + CHUNK_ROWS] = ((rows - self._rebuilt(rows)) ** 2).mean(axis=1)
        return errors

    def to_onnx(self) -> bytes:
        """As `Fitted.to_onnx`."""
        return from_log_odds(*self._nodes(), self._width)

    def native_files(self) -> Mapping[str, bytes]:
        """As `Fitted.native_files`: the graph of its explanation."""
        return {EXPLANATION: self._explanation()}

    def _rebuilt(self, rows: Float64Matrix) -> Float64Matrix:
        *hidden, last = self.layers
        activate, _ = ACTIVATIONS[self.activation]
        for layer in hidden:
            rows = activate(rows @ layer.weights + layer.biases)
        rebuilt: Float64Matrix = rows @ last.weights + last.biases
        return rebuilt

    def _explanation(self) -> bytes:
        """Return the graph of what each feature's error adds to the logarithm of the usual error.

        What a row's log-odds are above or below it is shared out in proportion to the squares.
        """
        from onnx import helper

        nodes, constants = self._nodes()
        summed, sizes = self.preparation.sum_nodes("squares", "squares_of_features")
        nodes += [
            helper.make_node("Sub", [LOG_ODDS, "usual"], ["above_usual"]),
            *summed,
            helper.make_node("Add", ["squares_of_features", "smallest"], ["positive_squares"]),
            helper.make_node("ReduceSum", ["positive_squares", "along_features"], ["all_squares"]),
            helper.make_node("Div", ["positive_squares", "all_squares"], ["shares"]),
            helper.make_node("Mul", ["shares", "above_usual"], [OF_FEATURES]),
        ]
        base = float(np.log(self.usual_error + SMALLEST))
        own = tensors({"usual": np.array(base), "along_features": np.array([1])})
        return explanation(nodes, [*constants, *sizes, *own], width=self._width, base=base)

    def _nodes(self) -> tuple[list[Any], list[Any]]:
        """Return the ONNX nodes from `features` by `squares` of prepared columns to `LOG_ODDS`, and their constants."""
        from onnx import helper

        nodes, constants = self.preparation.to_nodes()
        taken, (_, activation) = PREPARED, ACTIVATIONS[self.activation]
        for number, layer in enumerate(self.layers):
            weights, biases, product, given = (f"{name}_{number}" for name in ("weights", "biases", "product", "layer"))
            constants += tensors({weights: layer.weights, biases: layer.biases.reshape(1, -1)})
            nodes += [
                helper.make_node("MatMul", [taken, weights], [product]),
                helper.make_node("Add", [product, biases], [f"sum_{number}"]),
                helper.make_node("Identity" if layer is self.layers[-1] else activation, [f"sum_{number}"], [given]),
            ]
            taken = given
        nodes += [
            helper.make_node("Sub", [PREPARED, taken], ["differences"]),
            helper.make_node("Mul", ["differences", "differences"], ["squares"]),
            helper.make_node("ReduceMean", ["squares"], ["error"], axes=[1]),
            helper.make_node("Add", ["error", "smallest"], ["positive_error"]),
            helper.make_node("Log", ["positive_error"], [LOG_ODDS]),
        ]
        return nodes, constants + tensors({"smallest": np.array(SMALLEST)})

    @property
    def _width(self) -> int:
        return len(self.preparation.categories)


def fit(training: Sequence[Block], validation: Block, settings: FitSettings) -> Autoencoder:
    """Return the model of the epoch with the smallest error on the legitimate validation rows.

    It learns from the real legitimate rows alone. Validation frauds do not choose the epoch: their number is small, and
    a model chosen by them would be one of the frauds that are known, which those that come need not be like.
    Without early stopping it is the model of the last epoch.

    Raises
    ------
    TableError
        If there is no legitimate row to learn from.
    """
    from threadpoolctl import threadpool_limits

    with threadpool_limits(settings.threads):
        return _Epochs(training[0], validation, settings).best()


class _Epochs:
    """A network in training, epoch by epoch."""

    def __init__(self, real: Block, validation: Block, settings: FitSettings) -> None:
        self._settings, self._given = settings, parameters_of(settings, AutoencoderParameters)
        self._real, self._validation = real, validation
        self._legitimate = _legitimate(real)
        self._preparation = Preparation.of([self._legitimate], settings.categories, "min_max")
        self._rows = prepared_rows(self._preparation, [self._legitimate])[0].astype(np.float32)

    def best(self) -> Autoencoder:
        """Return the model of the best epoch, or of the last one without early stopping."""
        patience = 0 if self._settings.rounds else self._given.n_iter_no_change
        held_out = _legitimate(self._validation).features
        models = self._models()
        best = next(models)
        least = best.errors(held_out).mean()
        for model in models:
            error = model.errors(held_out).mean()
            if error < least or not patience:
                best, least = model, error
            if 0 < patience <= model.rounds - best.rounds:
                break
        return replace(best, usual_error=float(best.errors(self._legitimate.features).mean()))

    def _models(self) -> Iterator[Autoencoder]:
        """Give the model after each epoch, which is told, until the last one or a stop that is asked for."""
        network, hooks, measure = self._network(), self._settings.hooks, self._settings.measure
        targets = self._rows if self._rows.shape[1] > 1 else self._rows.ravel()
        for number in range(1, (self._settings.rounds or self._given.max_iter) + 1):
            try:
                network.partial_fit(self._rows, targets)
            except ValueError as error:  # weights that are not finite, which scikit-learn says in no other way
                raise self._diverged() from error
            model = Autoencoder(self._preparation, _layers(network), self._given.activation, number, usual_error=0.0)
            figures = (measure(block.labels, model.scores(block.features)) for block in (self._real, self._validation))
            hooks.on_round(Round(number, *figures))
            yield model
            if hooks.should_stop():
                return

    def _network(self) -> Any:
        from sklearn.neural_network import MLPRegressor

        return MLPRegressor(
            hidden_layer_sizes=self._given.widths(self._rows.shape[1]),
            activation=self._given.activation,
            learning_rate_init=self._given.learning_rate_init,
            batch_size=min(self._given.batch_size, len(self._rows)),
            # A generator and no seed: each epoch would draw the same order of rows from that.
            random_state=np.random.RandomState(self._settings.seed),
        )

    def _diverged(self) -> HyperparameterError:
        return HyperparameterError(
            f"The autoencoder's weights left all bounds with learning_rate_init={self._given.learning_rate_init:g}",
            expected="a step size with which it learns",
            remedy="Set learning_rate_init lower.",
        )


def _legitimate(block: Block) -> Block:
    """Return the rows of `block` that are no frauds."""
    rows = block.labels == 0
    if not rows.any():
        raise TableError(
            "A part has no legitimate row, with algorithm=autoencoder",
            expected="some to learn from, and some to choose the epoch by",
            remedy="Give other rows, or set another algorithm.",
        )
    return Block(block.features[rows], block.labels[rows])


def _layers(network: Any) -> list[Layer]:
    """Return the layers of scikit-learn's `network` as they are now."""
    pairs = zip(network.coefs_, network.intercepts_, strict=True)
    return [Layer(weights.astype(np.float64), biases.astype(np.float64)) for weights, biases in pairs]


FAMILY = Family(AutoencoderParameters, fit, learns_labels=False, takes_weights=False, gives_probabilities=False)
