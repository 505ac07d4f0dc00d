"""Links in a channel and in the output lead nowhere twice, and nowhere else."""

from __future__ import annotations

from pathlib import Path

from fraud_detect.sagemaker.job import hand_over
from fraud_detect.sagemaker.layout import Layout
from fraud_detect.tables.files import sources


def test_a_file_is_read_once_however_many_links_lead_to_it(tmp_path: Path) -> None:
    channel = tmp_path / "train"
    channel.mkdir()
    (channel / "a.csv").write_text("Class,x\n0,1\n")
    (channel / "again.csv").symlink_to(channel / "a.csv")
    (channel / "loop").symlink_to(channel)

    assert [source.path.name for source in sources(channel)] == ["a.csv"]


def test_what_a_link_in_the_output_leads_to_is_left_alone(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("x")
    secret.chmod(0o600)
    layout = Layout(tmp_path / "root")
    layout.model.mkdir(parents=True)
    (layout.model / "link").symlink_to(secret)

    hand_over(layout)

    assert secret.stat().st_mode & 0o777 == 0o600
