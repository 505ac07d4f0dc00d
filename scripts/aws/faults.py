"""What the user can mend, said as got, expected, remedy; AWS's own errors translated into it.

Knows AWS's error codes. Never knows which job is submitted.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Fault(Exception):
    """A fault that the user can mend.

    Parameters
    ----------
    got : what was found, as a sentence without its full stop.
    expected : what should have been there, a noun phrase.
    remedy : what to do, a whole sentence.
    """

    def __init__(self, got: str, *, expected: str, remedy: str) -> None:
        super().__init__(f"{got}; expected {expected}. {remedy}")


_CREDENTIALS = "Renew the credentials; `aws sts get-caller-identity` shows whose they are."
_PERMISSIONS = (
    "Grant it to whoever runs this and check the role; docs/sagemaker.md and docs/spark.md list the permissions."
)
_QUOTA = "Use fewer or smaller instances, or ask AWS for a higher quota."
_NAME = "Pass another name, or none."
_ROLE = "Check --role: it must exist and be trusted by sagemaker.amazonaws.com; scripts/aws/role.py makes one."
_REMEDIES = {
    "AccessDenied": _PERMISSIONS,
    "AccessDeniedException": _PERMISSIONS,
    "403": _PERMISSIONS,
    "ExpiredToken": _CREDENTIALS,
    "ExpiredTokenException": _CREDENTIALS,
    "InvalidAccessKeyId": _CREDENTIALS,
    "InvalidClientTokenId": _CREDENTIALS,
    "SignatureDoesNotMatch": _CREDENTIALS,
    "UnrecognizedClientException": _CREDENTIALS,
    "ResourceLimitExceeded": _QUOTA,
    "ServiceQuotaExceededException": _QUOTA,
    "ConflictException": _NAME,
    "ResourceInUse": _NAME,
    "RepositoryNotFoundException": "Push the image first: scripts/aws/image.py.",
    "ThrottlingException": "Run it again a little later.",
    "NoSuchBucket": "Create the bucket, or correct the address.",
    "ResourceNotFoundException": "Check the ids and --region.",
}
_OTHERWISE = "Correct what the message names."


def _remedy(code: str, message: str) -> str:
    if code == "ValidationException" and "assume role" in message.lower():
        return _ROLE
    return _REMEDIES.get(code, _OTHERWISE)


@contextmanager
def aws_faults() -> Iterator[None]:
    """Turn an error of AWS, or of reaching AWS, into a `Fault`."""
    from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

    try:
        yield
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        raise Fault(
            f"AWS refused {error.operation_name} with {code}: {message.rstrip('.')}",
            expected="it to be accepted",
            remedy=_remedy(code, message),
        ) from error
    except ParamValidationError as error:
        raise Fault(
            f"boto3 does not send the request: {' '.join(str(error).split()).rstrip('.')}",
            expected="what AWS's API describes",
            remedy=_OTHERWISE,
        ) from error
    except BotoCoreError as error:
        raise Fault(
            f"AWS was not reached ({type(error).__name__}): {str(error).rstrip('.')}",
            expected="a region, credentials and a network that lead there",
            remedy="Check --region, the credentials and the connection; `aws sts get-caller-identity` tests all three.",
        ) from error
