"""One request in, one reply out, without a web framework.

Knows codecs, the schema, a model. Never knows Flask, processes, files.
"""

from __future__ import annotations

from dataclasses import dataclass

from fraud_detect.codecs.table import reader_of, writer_of
from fraud_detect.errors import BadRequest, RequestError
from fraud_detect.serving.model import Model
from fraud_detect.serving.reply import Reply, refusal


@dataclass(frozen=True)
class Request:
    """A body and the two headers that say what it is and what should come back; absent headers are empty."""

    body: bytes
    content_type: str = ""
    accept: str = ""


def respond(request: Request, model: Model) -> Reply:
    """Return the scores of the rows in `request`, or what is wrong with it as a 4xx reply."""
    try:
        return _scores(request, model)
    except RequestError as error:
        return refusal(error)
    except RecursionError:
        nested = BadRequest(
            "The body is nested too deeply", expected="rows of plain values", remedy="Flatten the rows."
        )
        return refusal(nested)


def _scores(request: Request, model: Model) -> Reply:
    reader, media_type = reader_of(request.content_type)
    writer = writer_of(request.accept, reader)
    if not request.body.strip():
        raise BadRequest("The body is empty", expected="at least one row", remedy="Send one row per transaction.")
    records = reader.decode(request.body, model.schema, media_type.parameters)
    answer = model.predict(records.to_matrix(model.schema))
    return Reply(200, writer.encode(answer), writer.media_type)
