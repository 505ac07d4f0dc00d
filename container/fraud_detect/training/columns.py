"""What the hyperparameters say of the table's columns.

Knows both tables' words for it. Never knows files.
"""

from __future__ import annotations

from fraud_detect.tables.request import ColumnRequest
from fraud_detect.training.parameters import Hyperparameters


def column_request(parameters: Hyperparameters) -> ColumnRequest:
    """Return the parts of columns that `parameters` ask for."""
    return ColumnRequest(
        label=parameters.label_column,
        positive_label=parameters.positive_label,
        drop=parameters.drop_columns,
        categories=parameters.category_columns,
        time=parameters.time_column,
        unseen_as_missing=parameters.unseen_categories == "missing",
        card=parameters.card_column,
        unlabelled_left_out=parameters.missing_labels == "leave_out",
    )
