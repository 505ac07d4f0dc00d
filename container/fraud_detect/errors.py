"""Errors by whose fault they are.

The tree::

    FraudDetectError
      UserError                 the user can mend it: got, expected, remedy
        HyperparameterError
        TableError              training data
        ArtifactError           model files
        SettingError            environment, options, ports
        RequestError            one request to the endpoint; carries the HTTP status
          BadRequest            400
          NotAcceptable         406
          PayloadTooLarge       413
          UnsupportedMediaType  415
          ModelsError           only where many models are served
            NotLoaded           404
            AlreadyLoaded       409
            Busy                503
            OutOfMemory         507
      Stopped                   SIGTERM came before there was anything to save
      FailedElsewhere           another host of the job failed; carries the exit code of all
      LostTouch                 another host is gone, and its cause comes another way

Anything else that is raised is a bug of ours. The edges translate: exit code 1 or a 4xx for a
`UserError`, exit code 2 or a 500 with an id for a bug.

Knows nothing. Never knows pandas, Flask, SageMaker.
"""

from __future__ import annotations


class FraudDetectError(Exception):
    """Base of every error that this package raises on purpose."""


class UserError(FraudDetectError):
    """A fault that the user can mend, said in three parts.

    Parameters
    ----------
    got : what was found, as a sentence without its full stop.
    expected : what should have been there, a noun phrase.
    remedy : what to do, a whole sentence.
    """

    def __init__(self, got: str, *, expected: str, remedy: str) -> None:
        super().__init__(got, expected, remedy)
        self.got = got
        self.expected = expected
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.got}; expected {self.expected}. {self.remedy}"

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.got, self.expected, self.remedy)


def _rebuild(kind: type[UserError], got: str, expected: str, remedy: str) -> UserError:
    return kind(got, expected=expected, remedy=remedy)


class HyperparameterError(UserError):
    """One or more hyperparameters are misspelt, of the wrong type or out of range."""


class TableError(UserError):
    """The training data cannot be used as it is."""


class ArtifactError(UserError):
    """The model files are missing, changed, or of a format that this version does not read."""


class SettingError(UserError):
    """An option, an environment variable or the machine does not fit what was asked for."""


class RequestError(UserError):
    """One request to the endpoint cannot be answered; `status` is its HTTP status."""

    status = 400


class BadRequest(RequestError):
    """The body does not fit its media type or the model's schema."""


class NotAcceptable(RequestError):
    """The client accepts no media type that the endpoint can write."""

    status = 406


class PayloadTooLarge(RequestError):
    """The body is above the endpoint's limit."""

    status = 413


class UnsupportedMediaType(RequestError):
    """The endpoint cannot read the body's media type."""

    status = 415


class ModelsError(RequestError):
    """One of many models cannot be loaded, found, used or unloaded."""


class NotLoaded(ModelsError):
    """No model of that name is loaded."""

    status = 404


class AlreadyLoaded(ModelsError):
    """A model of that name is loaded."""

    status = 409


class Busy(ModelsError):
    """Others keep the server from loading a model for now."""

    status = 503


class OutOfMemory(ModelsError):
    """A model cannot be loaded for lack of memory, or of another resource."""

    status = 507


class Stopped(FraudDetectError):
    """A stop was asked for before there was a model to save."""


class FailedElsewhere(FraudDetectError):
    """Another host of the job failed, or is gone; `code` is what all hosts exit with."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


class LostTouch(FraudDetectError):
    """Another host is gone amid the training; whoever watches this process knows why, or will."""
