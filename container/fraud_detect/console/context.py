"""What every view can reach: the database, the endpoint, the clock, keys.

Knows what there is. Never knows what views do with it.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from flask import current_app

from fraud_detect.artifact.examples import Examples
from fraud_detect.artifact.manifest import Manifest
from fraud_detect.console.courtesy import Courtesy
from fraud_detect.console.endpoint import Endpoint
from fraud_detect.console.keys import Sealed
from fraud_detect.console.settings import Clock, Settings
from fraud_detect.console.storage.database import Database

EXTENSION = "fraud_detect_console"


@dataclass(frozen=True)
class Console:
    """The parts of one console."""

    settings: Settings
    database: Database
    endpoint: Endpoint
    desk_endpoint: Endpoint
    """The same by turns of the desk's own, which no file and no page that waits can take."""
    manifest: Manifest
    examples: Examples
    sealed: Sealed
    clock: Clock
    courtesy: Courtesy = field(default_factory=Courtesy)


def console() -> Console:
    """Return the console whose request this is."""
    found: Console = current_app.extensions[EXTENSION]
    return found
