"""The features as an application for `spark-submit`: a cluster runs this file with the package beside it.

Knows the Spark engine. Never knows other engines; imports nothing beyond the package's own features and PySpark.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time

from fraud_detect import log
from fraud_detect.errors import UserError
from fraud_detect.features.definitions import SETS
from fraud_detect.features.spark_engine import Spark
from fraud_detect.features.write import write_features

USER_FAULT = 1

logger = logging.getLogger("fraud_detect.entrypoints.spark_features")  # run as a file, it is called __main__


def main() -> int:
    """Write the features that the command line asks for, and return the exit code."""
    parser = argparse.ArgumentParser(prog="spark_features.py", description="Add features to transactions with Spark.")
    parser.add_argument("--input", required=True, help="a Parquet or CSV file or a folder of them, by path or URI")
    parser.add_argument("--output", required=True, help="folder for the Parquet files, one a day, by path or URI")
    parser.add_argument("--set", choices=tuple(SETS), default="handbook", help="which features")
    parser.add_argument("--full", action="store_true", help="compute all days, also those that are there already")
    arguments = parser.parse_args()
    log.configure()
    began = time.monotonic()
    try:
        with Spark.running(arguments.output) as engine:
            written = write_features(arguments.input, SETS[arguments.set], engine, full=arguments.full)
    except UserError as error:
        logger.error("%s", error)  # noqa: TRY400 - the fault is the user's: a traceback would hide what to do
        return USER_FAULT
    logger.info(
        "wrote %s transactions of %d days, of %d days in all, in %.0f s",
        f"{written.computed_rows:,}",
        written.computed_days,
        written.days,
        time.monotonic() - began,
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
