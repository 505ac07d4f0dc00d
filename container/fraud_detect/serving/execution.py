"""What a batch transform should send: the answer of `/execution-parameters`.

Knows the settings. Never knows Flask.
"""

from __future__ import annotations

import orjson

from fraud_detect.codecs.media_types import JSON
from fraud_detect.serving.reply import Reply
from fraud_detect.serving.settings import Settings

BATCH_BODY_MB = 6
"""SageMaker's own default: enough rows a request that its overhead does not count."""
MOST_MB_AT_ONCE = 100
"""SageMaker's limit for requests at once times their size."""


def execution_parameters(settings: Settings) -> Reply:
    """Return concurrency, strategy and payload within SageMaker's limit."""
    body_mb = min(BATCH_BODY_MB, settings.max_body_mb)
    wanted = settings.max_concurrent_transforms or settings.workers
    said = {
        "MaxConcurrentTransforms": min(wanted, MOST_MB_AT_ONCE // body_mb),
        "BatchStrategy": settings.batch_strategy,
        "MaxPayloadInMB": body_mb,
    }
    return Reply(200, orjson.dumps(said), JSON)
