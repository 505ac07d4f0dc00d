"""`build_and_push.sh` against stand-ins for docker and aws that write down how they were called."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "build_and_push.sh"
SYSTEM_TOOLS = ("bash", "cat", "dirname", "git", "head", "mktemp", "rm", "sed", "tail")
REGISTRY = "123456789012.dkr.ecr.eu-central-1.amazonaws.com"
MANIFEST_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
MISSING_REPOSITORY = "An error occurred (RepositoryNotFoundException) when calling DescribeRepositories"
GIT_AUTHOR = ("-c", "user.name=A", "-c", "user.email=a@example.com")

BACKSLASH = "\\"

Answers = dict[str, tuple[str, int]]
"""Shell code and exit code by the pattern that a command line begins with."""

ANSWERS: Answers = {
    "aws * sts get-caller-identity": ("echo 123456789012", 0),
    "aws * get-login-password": ("echo token", 0),
    "aws * ecr describe-images": (f"echo {MANIFEST_TYPE}", 0),
    "docker login": ("read -r word; echo \"stdin $word\" >>'{log}'", 0),
    "docker buildx build --help": ("echo --provenance", 0),
}


@dataclass
class Checkout:
    """A committed copy of the script with a PATH on which nothing but `tools` and the stand-ins is found."""

    folder: Path
    answers: Answers = field(default_factory=lambda: dict(ANSWERS))

    @property
    def log(self) -> Path:
        """What the stand-ins were called with, one line each."""
        return self.folder / "log"

    @property
    def tools(self) -> Path:
        """The only folder on the PATH."""
        return self.folder / "tools"

    @property
    def repository(self) -> Path:
        """The copy of the project."""
        return self.folder / "repository"

    @property
    def commands(self) -> list[str]:
        """The lines of the log."""
        return self.log.read_text().splitlines() if self.log.exists() else []

    @property
    def commit(self) -> str:
        """The first 12 digits of the commit."""
        return self.git("rev-parse", "--short=12", "HEAD").strip()

    def git(self, *arguments: str) -> str:
        """Run git in the copy and return its output."""
        command = ["git", *GIT_AUTHOR, *arguments]
        return subprocess.run(command, cwd=self.repository, check=True, capture_output=True, text=True).stdout

    def stand_in(self, program: str, answers: Answers) -> None:
        """Write a `program` that logs its command line and answers as the first pattern that fits."""
        cases = "".join(
            f"{pattern.replace(' ', BACKSLASH + ' ')}*) {code.replace('{log}', str(self.log))}; exit {status} ;;\n"
            for pattern, (code, status) in answers.items()
            if pattern.startswith(program)
        )
        path = self.tools / program
        path.write_text(
            f'#!/usr/bin/env bash\nline="{program} $*"\n'
            f'[[ $line == *--help ]] || printf "%s\\n" "$line" >>{shlex.quote(str(self.log))}\n'
            f'case "$line" in\n{cases}esac\n'
        )
        path.chmod(0o755)

    def answer(self, pattern: str, code: str, status: int = 0) -> None:
        """Have the command lines that begin as `pattern` run the shell code `code` and exit with `status`."""
        self.answers = {pattern: (code, status)} | {key: kept for key, kept in self.answers.items() if key != pattern}
        self.stand_in(pattern.split()[0], self.answers)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run the script with `environment` set beside the region."""
        return subprocess.run(
            [self.repository / SCRIPT.name, *arguments],
            env={"PATH": str(self.tools), "HOME": str(self.folder), "AWS_REGION": "eu-central-1"} | environment,
            check=False,
            capture_output=True,
            text=True,
        )


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    made = Checkout(tmp_path)
    made.tools.mkdir()
    made.repository.mkdir()
    for tool in SYSTEM_TOOLS:
        (made.tools / tool).symlink_to(shutil.which(tool) or tool)
    for program in ("aws", "docker"):
        made.stand_in(program, made.answers)
    shutil.copy(SCRIPT, made.repository)
    (made.repository / "pyproject.toml").write_text('[project]\nversion = "1.2.3"\n')
    made.git("init", "--quiet")
    made.git("add", ".")
    made.git("commit", "--quiet", "--message", "first")
    return made


def test_commands_in_order(checkout: Checkout) -> None:
    """It checks, logs in, builds for amd64 without attestations, pushes every tag, and checks the manifest."""
    checkout.run()

    image, commit, aws = f"{REGISTRY}/fraud-detect", checkout.commit, "aws --region eu-central-1"
    build = (
        "docker buildx build --platform linux/amd64 --provenance=false --output type=docker,oci-mediatypes=false"
        f" --build-arg VERSION=1.2.3 --build-arg REVISION={commit}"
        f" --tag {image}:{commit} --tag {image}:1.2.3 --tag {image}:latest ."
    )
    query = "--query imageDetails[0].imageManifestMediaType --output text"
    assert checkout.commands == [
        "docker info",
        f"{aws} sts get-caller-identity --query Account --output text",
        f"{aws} ecr describe-repositories --repository-names fraud-detect",
        f"{aws} ecr get-login-password",
        f"docker login --username AWS --password-stdin {REGISTRY}",
        "stdin token",
        build,
        f"docker push {image}:{commit}",
        f"docker push {image}:1.2.3",
        f"docker push {image}:latest",
        f"{aws} ecr describe-images --repository-name fraud-detect --image-ids imageTag={commit} {query}",
    ]


def test_standard_output_is_the_uri_alone(checkout: Checkout) -> None:
    checkout.answer("docker push", "echo pushing")

    done = checkout.run("team/fraud")

    assert (done.returncode, done.stdout) == (0, f"{REGISTRY}/team/fraud:{checkout.commit}\n")
    assert "pushing" in done.stderr


def test_missing_repository_is_created_with_scan_on_push(checkout: Checkout) -> None:
    checkout.answer("aws * ecr describe-repositories", f"echo '{MISSING_REPOSITORY}' >&2", 254)

    done = checkout.run()

    create = "ecr create-repository --repository-name fraud-detect --image-scanning-configuration scanOnPush=true"
    assert done.returncode == 0
    assert checkout.commands[3] == f"aws --region eu-central-1 {create}"


def test_password_is_on_no_command_line(checkout: Checkout) -> None:
    done = checkout.run()

    assert [line for line in checkout.commands if "token" in line] == ["stdin token"]
    assert "token" not in done.stdout + done.stderr


def test_uncommitted_changes_are_marked_in_the_tags(checkout: Checkout) -> None:
    (checkout.repository / "new.txt").touch()

    checkout.run()

    pushed = [line.rpartition(":")[2] for line in checkout.commands if line.startswith("docker push")]
    assert pushed == [f"{checkout.commit}-dirty", "1.2.3-dirty", "latest"]


def test_without_git_there_is_no_tag_for_the_commit(checkout: Checkout) -> None:
    shutil.rmtree(checkout.repository / ".git")

    done = checkout.run()

    pushed = [line.rpartition(":")[2] for line in checkout.commands if line.startswith("docker push")]
    assert pushed == ["1.2.3", "latest"]
    assert done.stdout == f"{REGISTRY}/fraud-detect:1.2.3\n"


@pytest.mark.parametrize("buildkit", ["0", "1"], ids=["BuildKit switched off", "no buildx"])
def test_builder_without_attestations_gets_no_such_option(checkout: Checkout, buildkit: str) -> None:
    if buildkit == "1":
        checkout.answer("docker buildx", "true", 1)

    checkout.run(DOCKER_BUILDKIT=buildkit)

    build = next(line for line in checkout.commands if " build " in line)
    assert build.startswith("docker build --platform linux/amd64 --build-arg")


def test_profile_and_region_reach_every_aws_command(checkout: Checkout) -> None:
    """The option wins over the environment's region."""
    checkout.run("--profile", "work", "--region=us-west-2")

    aws = [line for line in checkout.commands if line.startswith("aws")]
    assert len(aws) == 4
    assert all(line.startswith("aws --profile work --region us-west-2 ") for line in aws)


def test_region_of_the_profile_is_the_last_resort(checkout: Checkout) -> None:
    checkout.answer("aws --profile work configure get region", "echo ap-south-1")

    done = checkout.run("--profile", "work", AWS_REGION="", AWS_DEFAULT_REGION="")

    assert "dkr.ecr.ap-south-1.amazonaws.com/" in done.stdout


@pytest.mark.parametrize(
    ("region", "domain"),
    [
        ("eu-central-1", "amazonaws.com"),
        ("us-gov-west-1", "amazonaws.com"),
        ("cn-north-1", "amazonaws.com.cn"),
        ("us-iso-east-1", "c2s.ic.gov"),
        ("us-isob-east-1", "sc2s.sgov.gov"),
        ("us-isof-south-1", "csp.hci.ic.gov"),
        ("eu-isoe-west-1", "cloud.adc-e.uk"),
        ("eusc-de-east-1", "amazonaws.eu"),
    ],
)
def test_registry_has_the_domain_of_its_partition(checkout: Checkout, region: str, domain: str) -> None:
    assert checkout.run(AWS_REGION=region).stdout.startswith(f"123456789012.dkr.ecr.{region}.{domain}/fraud-detect:")


def test_dry_run_needs_and_runs_nothing(checkout: Checkout) -> None:
    (checkout.tools / "aws").unlink()
    (checkout.tools / "docker").unlink()

    done = checkout.run("--dry-run", AWS_REGION="")

    assert (done.returncode, done.stderr, checkout.commands) == (0, "", [])
    assert "docker push ACCOUNT.dkr.ecr.REGION.amazonaws.com/fraud-detect:latest" in done.stdout


def test_dry_run_shows_the_commands_that_would_run(checkout: Checkout) -> None:
    shown = checkout.run("--dry-run").stdout.replace("ACCOUNT", "123456789012").replace(" | docker", "\ndocker")

    checkout.run()

    ran = [line for line in checkout.commands if line not in {"docker info", "stdin token"}]
    optional = ("#", "aws --region eu-central-1 ecr create-repository")
    assert [" ".join(shlex.split(line)) for line in shown.splitlines() if not line.startswith(optional)] == ran


def test_help_says_how(checkout: Checkout) -> None:
    done = checkout.run("--help")

    assert done.returncode == 0
    assert "--dry-run" in done.stdout


@pytest.mark.parametrize("program", ["aws", "docker"])
def test_missing_program_is_named(checkout: Checkout, program: str) -> None:
    (checkout.tools / program).unlink()

    done = checkout.run()

    assert (done.returncode, done.stdout) == (1, "")
    assert f"The command {program} was not found; expected" in done.stderr


@pytest.mark.parametrize(
    ("command", "complaint", "message"),
    [
        ("docker info", "Cannot connect", "Docker's engine does not answer: Cannot connect; expected a running engine"),
        ("aws * sts", "ExpiredToken", "AWS does not accept the credentials: ExpiredToken; expected credentials"),
        ("aws * ecr describe-repositories", "AccessDenied", "does not show the repository fraud-detect: AccessDenied"),
        ("aws * ecr get-login-password", "AccessDenied", f"ECR gave no password for {REGISTRY}; expected"),
        ("docker login", "unauthorized", f"could not log in to {REGISTRY}; expected"),
        ("docker buildx build --platform", "no space", "The image was not built; expected"),
        ("docker push", "denied", "was not pushed; expected"),
        ("aws * ecr describe-images", "AccessDenied", "does not show the pushed image; expected"),
    ],
)
def test_failing_command_ends_it_with_the_cause(checkout: Checkout, command: str, complaint: str, message: str) -> None:
    checkout.answer(command, f"echo '{complaint}' >&2", 1)

    done = checkout.run()

    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr.splitlines()[-1]
    assert complaint in done.stderr


def test_repository_that_cannot_be_created_ends_it(checkout: Checkout) -> None:
    checkout.answer("aws * ecr describe-repositories", f"echo '{MISSING_REPOSITORY}' >&2", 254)
    checkout.answer("aws * ecr create-repository", "echo AccessDenied >&2", 254)

    done = checkout.run()

    assert done.returncode == 1
    assert "did not create the repository fraud-detect; expected" in done.stderr


def test_oci_manifest_is_refused(checkout: Checkout) -> None:
    """SageMaker would refuse it only when the model is created."""
    checkout.answer("aws * ecr describe-images", "echo application/vnd.oci.image.manifest.v1+json")

    done = checkout.run()

    assert (done.returncode, done.stdout) == (1, "")
    assert "manifest of type application/vnd.oci.image.manifest.v1+json; expected" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--regoin", "x"], "Option --regoin is unknown; expected --region"),
        (["--region"], "Option --region has no value; expected"),
        (["--region", "europe"], "The AWS region is 'europe'; expected a region such as"),
        (["Fraud Detect"], "The image name is 'Fraud Detect'; expected small letters"),
        (["one", "two"], "The names 'one' and 'two' were given; expected one"),
    ],
)
def test_faulty_arguments_run_nothing_on_aws(checkout: Checkout, arguments: list[str], message: str) -> None:
    done = checkout.run(*arguments)

    assert (done.returncode, done.stdout) == (1, "")
    assert message in done.stderr
    assert not any(line.startswith("aws") for line in checkout.commands)


def test_missing_region_is_an_error(checkout: Checkout) -> None:
    checkout.answer("aws configure get region", "true", 1)

    done = checkout.run(AWS_REGION="")

    assert done.returncode == 1
    assert "No AWS region is set; expected a region such as eu-central-1. Give --region" in done.stderr


def test_missing_version_is_an_error(checkout: Checkout) -> None:
    (checkout.repository / "pyproject.toml").write_text("[project]\n")

    done = checkout.run()

    assert done.returncode == 1
    assert "pyproject.toml has no line" in done.stderr
