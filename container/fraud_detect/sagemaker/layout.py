"""Every path of the contract, from one root.

Knows names. Never knows what the files hold.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

DEFAULT_ROOT = Path("/opt/ml")


@dataclass(frozen=True)
class Layout:
    """The folders and files under `root`, which is /opt/ml in a container."""

    root: Path = DEFAULT_ROOT

    @property
    def hyperparameters(self) -> Path:
        """JSON object of names to strings."""
        return self.root / "input/config/hyperparameters.json"

    @property
    def input_data_config(self) -> Path:
        """JSON object of channels."""
        return self.root / "input/config/inputdataconfig.json"

    @property
    def resource_config(self) -> Path:
        """JSON object of the hosts."""
        return self.root / "input/config/resourceconfig.json"

    @property
    def checkpoint_config(self) -> Path:
        """JSON object that says where checkpoints are."""
        return self.root / "input/config/checkpointconfig.json"

    @property
    def data(self) -> Path:
        """Folder of the channels."""
        return self.root / "input/data"

    @property
    def model(self) -> Path:
        """Folder that becomes model.tar.gz."""
        return self.root / "model"

    @property
    def checkpoints(self) -> Path:
        """Folder that outlives an interrupted job, unless `checkpoint_config` names another."""
        return self.root / "checkpoints"

    @property
    def output_data(self) -> Path:
        """Folder that becomes output.tar.gz."""
        return self.root / "output/data"

    @property
    def failure(self) -> Path:
        """File whose first 1,024 characters become FailureReason."""
        return self.root / "output/failure"
