#!/usr/bin/env bash
# Build the image for SageMaker and push it to Amazon ECR. `./build_and_push.sh --help` says how.
set -euo pipefail
cd "$(dirname "$0")"

readonly PLATFORM=linux/amd64
readonly MANIFEST_TYPE=application/vnd.docker.distribution.manifest.v2+json

usage() {
  cat <<'USAGE'
Build the image for SageMaker and push it to Amazon ECR.

  ./build_and_push.sh [IMAGE_NAME] [--region REGION] [--profile PROFILE] [--dry-run]

  IMAGE_NAME          the ECR repository; created, with a scan on every push, if it is missing (default: fraud-detect)
  --region REGION     default: AWS_REGION, AWS_DEFAULT_REGION, or the region of the AWS profile
  --profile PROFILE   a profile of the AWS command line, for the credentials and the region
  --dry-run           write the commands to standard output and run none; needs no docker, aws or credentials
  --help              this text

The image is tagged with the version in pyproject.toml, the git commit, and `latest`; a work tree with uncommitted
changes is marked `-dirty` in the first two. Standard output is the URI of the pushed image, by its most exact tag;
progress goes to standard error. The exit code is 0, or 1 with what was found, what was expected, and what to do.
USAGE
}

say() { printf 'build_and_push: %s\n' "$*" >&2; }

# fail GOT EXPECTED REMEDY
fail() {
  say "$1; expected $2. $3"
  exit 1
}

# run COMMAND...: show it, and run it unless this is a dry run. Its output is progress.
run() {
  show "$@"
  if [ "$dry_run" = no ]; then "$@" >&2; fi
}

show() {
  local line
  line=$(quoted "$@")
  if [ "$dry_run" = yes ]; then printf '%s\n' "$line"; else say "+ $line"; fi
}

# quoted WORD...: one line that a shell reads as these words.
quoted() {
  local word line=''
  for word in "$@"; do
    [[ $word =~ ^[A-Za-z0-9_@%+=:,./-]+$ ]] || word="'${word//\'/\'\\\'\'}'"
    line+="$word "
  done
  printf '%s' "${line% }"
}

parse_arguments() {
  image_name='' region='' profile='' dry_run=no
  while [ $# -gt 0 ]; do
    case $1 in
      --region | --profile)
        [ -n "${2:-}" ] || fail "Option $1 has no value" "a value after it" "Run ./build_and_push.sh --help."
        if [ "$1" = --region ]; then region=$2; else profile=$2; fi
        shift
        ;;
      --region=*) region=${1#*=} ;;
      --profile=*) profile=${1#*=} ;;
      --dry-run) dry_run=yes ;;
      --help | -h) usage; exit 0 ;;
      -*) fail "Option $1 is unknown" "--region, --profile, --dry-run or --help" "Run ./build_and_push.sh --help." ;;
      *)
        [ -z "$image_name" ] || fail "The names '$image_name' and '$1' were given" "one image name" "Give one."
        image_name=$1
        ;;
    esac
    shift
  done
  image_name=${image_name:-fraud-detect}
  [[ $image_name =~ ^[a-z0-9]+([._/-][a-z0-9]+)*$ ]] || fail "The image name is '$image_name'" \
    "small letters, digits, and single - _ . / between them, as ECR has them" "Choose such a name."
}

require_tools() {
  command -v aws >/dev/null || fail "The command aws was not found" "the AWS command line on the PATH" \
    "Install it, see https://docs.aws.amazon.com/cli/, or look at the commands with --dry-run."
  command -v docker >/dev/null || fail "The command docker was not found" "Docker's command line on the PATH" \
    "Install Docker, see https://docs.docker.com/engine/install/, or look at the commands with --dry-run."
  local answer
  answer=$(docker info 2>&1 >/dev/null) || fail "Docker's engine does not answer: $(last_line "$answer")" \
    "a running engine that you may use" "Start Docker, or add yourself to its group."
}

last_line() { printf '%s\n' "$1" | sed '/^[[:space:]]*$/d' | tail -n 1; }

aws_command() {
  aws_line=(aws)
  [ -z "$profile" ] || aws_line+=(--profile "$profile")
  [ -z "$region" ] || aws_line+=(--region "$region")
  aws_line+=("$@")
}

find_region() {
  region=${region:-${AWS_REGION:-${AWS_DEFAULT_REGION:-}}}
  if [ -z "$region" ] && [ "$dry_run" = yes ]; then
    region=REGION
    return
  fi
  if [ -z "$region" ]; then
    aws_command configure get region
    region=$("${aws_line[@]}" 2>/dev/null) || true
  fi
  [ -n "$region" ] || fail "No AWS region is set" "a region such as eu-central-1" \
    "Give --region, or set AWS_REGION, or run aws configure."
  [[ $region =~ ^[a-z]+(-[a-z]+)+-[0-9]+$ ]] || fail "The AWS region is '$region'" "a region such as eu-central-1" \
    "Correct --region, AWS_REGION or the profile."
}

find_account() {
  aws_command sts get-caller-identity --query Account --output text
  if [ "$dry_run" = yes ]; then
    show "${aws_line[@]}"
    account=ACCOUNT
    return
  fi
  local complaint
  complaint=$(mktemp)
  if ! account=$("${aws_line[@]}" 2>"$complaint"); then
    account=$(last_line "$(cat "$complaint")")
    rm -f "$complaint"
    fail "AWS does not accept the credentials: $account" "credentials that may push to ECR" \
      "Run aws configure or aws sso login, or give --profile."
  fi
  rm -f "$complaint"
}

# The domain of each AWS partition, https://docs.aws.amazon.com/general/latest/gr/rande.html
domain_of_region() {
  case $1 in
    cn-*) echo amazonaws.com.cn ;;
    us-iso-*) echo c2s.ic.gov ;;
    us-isob-*) echo sc2s.sgov.gov ;;
    us-isof-*) echo csp.hci.ic.gov ;;
    eu-isoe-*) echo cloud.adc-e.uk ;;
    eusc-*) echo amazonaws.eu ;;
    *) echo amazonaws.com ;;
  esac
}

# Sets `version`, `revision`, and `tags`, the most exact first.
find_tags() {
  local dirty=''
  version=$(sed -n 's/^version = "\(.*\)"$/\1/p' pyproject.toml | head -n 1)
  [ -n "$version" ] || fail "pyproject.toml has no line 'version = \"...\"'" "the version to tag the image with" \
    "Put it back."
  if revision=$(git rev-parse --short=12 HEAD 2>/dev/null); then
    [ -z "$(git status --porcelain)" ] || dirty=-dirty
    version=$version$dirty revision=$revision$dirty
    tags=("$revision" "$version" latest)
  else
    say "git knows no commit of this folder: no tag for it"
    revision=unknown
    tags=("$version" latest)
  fi
}

ensure_repository() {
  aws_command ecr describe-repositories --repository-names "$image_name"
  show "${aws_line[@]}"
  local answer=''
  if [ "$dry_run" = no ]; then
    answer=$("${aws_line[@]}" 2>&1 >/dev/null) && return
    case $answer in
      *RepositoryNotFoundException*) say "the repository $image_name is missing, creating it" ;;
      *) fail "ECR does not show the repository $image_name: $(last_line "$answer")" \
        "credentials with ecr:DescribeRepositories" "Ask for the permission, or give another --profile." ;;
    esac
  else
    echo "# only if that repository is missing:"
  fi
  aws_command ecr create-repository --repository-name "$image_name" --image-scanning-configuration scanOnPush=true
  run "${aws_line[@]}" || fail "ECR did not create the repository $image_name" \
    "credentials with ecr:CreateRepository" "Ask for the permission, or have the repository created."
}

log_in() {
  aws_command ecr get-login-password
  local login=(docker login --username AWS --password-stdin "$registry")
  if [ "$dry_run" = yes ]; then
    printf '%s | %s\n' "$(quoted "${aws_line[@]}")" "$(quoted "${login[@]}")"
    return
  fi
  say "+ $(quoted "${aws_line[@]}") | $(quoted "${login[@]}")"
  local password
  password=$("${aws_line[@]}") || fail "ECR gave no password for $registry" \
    "credentials with ecr:GetAuthorizationToken" "Ask for the permission, or give another --profile."
  printf '%s\n' "$password" | "${login[@]}" >&2 || fail "Docker could not log in to $registry" \
    "a registry that this machine reaches" "See Docker's message above."
}

# SageMaker refuses OCI manifests and attestations. Builders that do not know the option --provenance make neither.
build() {
  local line=(docker build --platform "$PLATFORM") tag
  if [ "$dry_run" = yes ] || builds_with_buildkit; then
    line=(docker buildx build --platform "$PLATFORM" --provenance=false --output "type=docker,oci-mediatypes=false")
  fi
  line+=(--build-arg "VERSION=$version" --build-arg "REVISION=$revision")
  for tag in "${tags[@]}"; do line+=(--tag "$repository:$tag"); done
  run "${line[@]}" . || fail "The image was not built" "a build without errors" "See Docker's message above."
}

builds_with_buildkit() {
  [ "${DOCKER_BUILDKIT:-1}" != 0 ] && [[ $(docker buildx build --help 2>/dev/null) == *--provenance* ]]
}

push() {
  local tag
  for tag in "${tags[@]}"; do
    run docker push "$repository:$tag" || fail "$repository:$tag was not pushed" \
      "credentials that may push to the repository, and room in it" "See Docker's message above; then run this again."
  done
}

check_manifest() {
  aws_command ecr describe-images --repository-name "$image_name" --image-ids "imageTag=${tags[0]}" \
    --query 'imageDetails[0].imageManifestMediaType' --output text
  show "${aws_line[@]}"
  [ "$dry_run" = no ] || return 0
  local found
  found=$("${aws_line[@]}") || fail "ECR does not show the pushed image" "credentials with ecr:DescribeImages" \
    "The image is pushed; ask for the permission to have its manifest checked."
  [ "$found" = "$MANIFEST_TYPE" ] || fail "The pushed image has a manifest of type $found" \
    "$MANIFEST_TYPE, the only one that SageMaker takes" \
    "Update Docker's buildx, or run this again with DOCKER_BUILDKIT=0 in the environment."
}

parse_arguments "$@"
[ "$dry_run" = yes ] || require_tools
find_region
find_tags
find_account
registry=$account.dkr.ecr.$region.$(domain_of_region "$region")
repository=$registry/$image_name
ensure_repository
log_in
build
push
check_manifest
[ "$dry_run" = yes ] || printf '%s\n' "$repository:${tags[0]}"
