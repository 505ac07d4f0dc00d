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
_PERMISSIONS = "Grant it to whoever runs this and check the role; docs/spark.md lists the permissions."
_QUOTA = "Use fewer or smaller instances, or ask AWS for a higher quota."
_NAME = "Pass another --job-name."
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
    "NoSuchBucket": "Create the bucket, or correct the address.",
    "ResourceNotFoundException": "Check the ids and --region.",
}
_OTHERWISE = "Correct what the message names."


@contextmanager
def aws_faults() -> Iterator[None]:
    """Turn an error of AWS, or of reaching AWS, into a `Fault`."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        code, message = error.response["Error"]["Code"], error.response["Error"].get("Message", "")
        raise Fault(
            f"AWS refused {error.operation_name} with {code}: {message.rstrip('.')}",
            expected="it to be accepted",
            remedy=_REMEDIES.get(code, _OTHERWISE),
        ) from error
    except BotoCoreError as error:
        raise Fault(
            f"AWS was not reached ({type(error).__name__}): {str(error).rstrip('.')}",
            expected="a region, credentials and a network that lead there",
            remedy="Check --region, the credentials and the connection; `aws sts get-caller-identity` tests all three.",
        ) from error
