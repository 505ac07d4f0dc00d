"""Which columns of a transaction are the customer, the amount, the time and the model's features.

Knows the manifest. Never knows transactions, Flask.
"""

from __future__ import annotations

from dataclasses import dataclass

from fraud_detect.artifact.manifest import Manifest
from fraud_detect.schema import Schema

KEY, CUSTOMER, AMOUNT, OCCURRED_AT = "id", "customer", "amount", "occurred_at"
"""The plain names, which hold where the model's own columns say nothing."""


@dataclass(frozen=True)
class Columns:
    """The model's features, the label, and the names of customer, amount and time, its own first."""

    schema: Schema
    kept: tuple[str, ...]
    """Columns of the training table that are no features: a file to train on has to have them, too."""
    customer: tuple[str, ...]
    amount: tuple[str, ...]
    time: tuple[str, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the model's features in their order."""
        return self.schema.names

    @property
    def label(self) -> str | None:
        """The name of the label's column."""
        return self.schema.label


def columns_of(manifest: Manifest) -> Columns:
    """Return the columns of the model that `manifest` describes."""
    schema, said = manifest.table_schema, manifest.hyperparameters
    return Columns(
        schema=schema,
        kept=tuple(name for name in schema.ignored if name not in schema.names),
        customer=_names(said.get("card_column"), CUSTOMER),
        amount=_names(said.get("amount_column"), AMOUNT),
        time=_names(said.get("time_column"), OCCURRED_AT),
    )


def _names(own: object, plain: str) -> tuple[str, ...]:
    return (own, plain) if isinstance(own, str) and own and own != plain else (plain,)
