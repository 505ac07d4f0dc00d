"""The console's API answers as its description says, whatever requests schemathesis makes of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import schemathesis
from schemathesis import Case, CheckContext, Response
from werkzeug.serving import make_server

from console_factories import a_console, an_account, parts_of
from console_file_factories import ServedHere
from factories import a_category, a_flag, a_number, a_schema
from fraud_detect.console.access import API
from fraud_detect.console.api.document import document
from fraud_detect.console.keys import fingerprint
from fraud_detect.console.score.api import PATH
from fraud_detect.console.storage.tables import ApiToken, Role, User

pytestmark = pytest.mark.alone

TOKEN = "of a program"
EXAMPLES = 60
WITHOUT_BODY = ("HEAD", "OPTIONS")
"""Methods that are tried, too, and answered without one."""
TIMEOUT_SECONDS = 30
CONFIG = schemathesis.Config.from_dict(
    {
        "generation": {"deterministic": True, "max-examples": EXAMPLES},
        "suppress-health-check": ["too_slow"],  # it goes by the clock: on a busy machine it fails what is right
    }
)
SCHEMA = a_schema(
    a_number("amount", missing_allowed=False),
    a_number("hour", missing_allowed=True),
    a_flag("online"),
    a_category("kind", ("5411", "food")),
)
DOCUMENT = document(SCHEMA)
WHOLE = {path: item for path, item in DOCUMENT["paths"].items() if path.startswith(API)}
described = schemathesis.openapi.from_dict({**DOCUMENT, "paths": WHOLE}, config=CONFIG)
scoring = schemathesis.openapi.from_dict({**DOCUMENT, "paths": {PATH: WHOLE[PATH]}}, config=CONFIG)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    root = tmp_path_factory.mktemp("root")
    app = a_console(root, endpoint=ServedHere(root), artifact={"schema": SCHEMA})
    here, name = parts_of(app), an_account(app, Role.ADMIN)
    with here.database.writing() as rows:
        maker = rows.query(User).filter_by(name=name).one()
        rows.add(ApiToken(name="test", token_hash=fingerprint(TOKEN), created_at=here.clock(), created_by=maker.id))
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.port}"
    server.shutdown()
    thread.join()


def nothing_else_is_said(_: CheckContext, response: Response, case: Case) -> None:
    """Fail if an error has another shape than is described, or a score keys that are not."""
    if response.request.method in WITHOUT_BODY:
        return
    body = json.loads(response.content)
    if response.status_code >= 400:
        validators["Error"].validate(body)
    elif case.path == PATH:
        validators["ScoredRows" if "rows" in body else "Scored"].validate(body)


validators = {
    name: jsonschema.Draft202012Validator({**DOCUMENT, "$ref": f"#/components/schemas/{name}"})
    for name in ("Error", "Scored", "ScoredRows")
}
BY_PROGRAM: dict[str, Any] = {"headers": {"Authorization": f"Bearer {TOKEN}"}, "timeout": TIMEOUT_SECONDS}


@described.parametrize()
def test_every_answer_is_as_described(case: Case, url: str) -> None:
    unfit = [schemathesis.checks.positive_data_acceptance, schemathesis.checks.ignored_auth]
    case.call_and_validate(url, additional_checks=[nothing_else_is_said], excluded_checks=unfit, **BY_PROGRAM)


@scoring.parametrize()
def test_rows_that_fit_are_scored_and_others_refused(case: Case, url: str) -> None:
    case.call_and_validate(url, excluded_checks=[schemathesis.checks.ignored_auth], **BY_PROGRAM)
