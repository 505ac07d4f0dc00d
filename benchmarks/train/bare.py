"""The peer: `xgboost.train` on arrays, with the parameters and rounds of `fraud-detect train`, and nothing else."""

from __future__ import annotations

import sys

import numpy as np
import xgboost

ROUNDS, FEATURES, LABELS = int(sys.argv[1]), sys.argv[2], sys.argv[3]
PARAMETERS = {"objective": "binary:logistic", "tree_method": "hist", "eta": 0.1, "max_depth": 6, "max_bin": 1024}

matrix = xgboost.QuantileDMatrix(np.load(FEATURES), label=np.load(LABELS), max_bin=1024)
booster = xgboost.train(PARAMETERS, matrix, num_boost_round=ROUNDS)
assert booster.num_boosted_rounds() == ROUNDS
