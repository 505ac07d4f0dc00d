"""Pages that are made from declared tables."""

from pathlib import Path

from fraud_detect import __version__
from fraud_detect.console.api import document as console_api
from fraud_detect.features import page
from fraud_detect.sagemaker import specification
from fraud_detect.sagemaker.hyperparameters import as_markdown
from fraud_detect.serving import openapi, settings

ROOT = Path(__file__).parents[2]


def test_the_page_of_hyperparameters_is_the_declared_table() -> None:
    """`fraud-detect hyperparameters > docs/hyperparameters.md` mends it."""
    assert (ROOT / "docs/hyperparameters.md").read_text(encoding="utf-8") == as_markdown()


def test_what_sagemaker_is_told_of_training_is_what_is_declared() -> None:
    """`fraud-detect specification > docs/specification.json` mends it."""
    assert (ROOT / "docs/specification.json").read_text(encoding="utf-8") == specification.as_json()


def test_the_page_of_settings_is_the_declared_table() -> None:
    """`fraud-detect settings > docs/serving.md` mends it."""
    assert (ROOT / "docs/serving.md").read_text(encoding="utf-8") == settings.as_markdown()


def test_the_page_of_features_is_made_of_their_definitions() -> None:
    """`fraud-detect features --list-features > docs/features.md` mends it."""
    assert (ROOT / "docs/features.md").read_text(encoding="utf-8") == page.as_markdown()


def test_the_description_of_the_endpoint_is_the_declared_one() -> None:
    """`fraud-detect openapi > docs/openapi.json` mends it."""
    assert (ROOT / "docs/openapi.json").read_text(encoding="utf-8") == openapi.as_json()


def test_the_description_of_the_consoles_api_is_the_declared_one() -> None:
    """`fraud-detect console-openapi > docs/console-openapi.json` mends it."""
    assert (ROOT / "docs/console-openapi.json").read_text(encoding="utf-8") == console_api.as_json()


def test_the_package_and_its_metadata_have_one_version() -> None:
    assert f'version = "{__version__}"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


def test_every_relative_link_of_the_readme_leads_somewhere() -> None:
    words = (ROOT / "README.md").read_text(encoding="utf-8").split("](")[1:]
    targets = [word.partition(")")[0] for word in words]
    assert [target for target in targets if not target.startswith("http") and not (ROOT / target).exists()] == []
