"""Mails about alerts: few, late rather than in the way, and with nothing in them but numbers of cases and scores.

Knows smtplib, threads. Never knows the database, features, customers.
"""

from __future__ import annotations

import logging
import queue
import smtplib
import ssl
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from email.message import EmailMessage

from fraud_detect.console.desk.filing import Filed
from fraud_detect.console.settings import Smtp

HOUR_SECONDS = 3_600.0
PATIENCE_SECONDS = 20.0
GATHER_SECONDS = 1.0
"""How long the first alert waits for others: a burst makes one mail."""
MOST_LINES = 20
MOST_WAITING = 10_000

logger = logging.getLogger(__name__)
Send = Callable[[Smtp, EmailMessage], None]


class Limit:
    """Lets so many through in any hour; `clock` gives seconds that only grow."""

    def __init__(self, an_hour: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._an_hour, self._clock = an_hour, clock
        self._sent: deque[float] = deque()

    def wait_seconds(self) -> float:
        """Return how long the next one has to wait, 0 if it may go now."""
        now = self._clock()
        while self._sent and self._sent[0] <= now - HOUR_SECONDS:
            self._sent.popleft()
        return 0.0 if len(self._sent) < self._an_hour else self._sent[0] + HOUR_SECONDS - now

    def note(self) -> None:
        """Count one that went."""
        self._sent.append(self._clock())


class Mailer:
    """Sends mails about alerts from a thread of its own; what the limit holds back comes as one summary."""

    def __init__(
        self,
        smtp: Smtp,
        *,
        send: Send | None = None,
        limit: Limit | None = None,
        gather_seconds: float = GATHER_SECONDS,
    ) -> None:
        self._smtp, self._send = smtp, send or sent
        self._limit = limit or Limit(smtp.mails_an_hour)
        self._gather_seconds = gather_seconds
        self._alerts: queue.Queue[Filed] = queue.Queue(MOST_WAITING)
        self._lock, self._thread = threading.Lock(), None
        self._lost = 0

    def tell(self, alerts: Sequence[Filed]) -> None:
        """Take alerts to be mailed about, and return at once."""
        for alert in alerts:
            try:
                self._alerts.put_nowait(alert)
            except queue.Full:
                self._lost += 1
        if alerts:
            self._start()

    def _start(self) -> None:
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._work, name="mail", daemon=True)
                self._thread.start()

    _thread: threading.Thread | None

    def _work(self) -> None:
        while True:
            gathered = [self._alerts.get()]
            time.sleep(max(self._gather_seconds, self._limit.wait_seconds()))
            while not self._alerts.empty():
                gathered.append(self._alerts.get_nowait())
            self._mail(gathered)

    def _mail(self, alerts: Sequence[Filed]) -> None:
        lost, self._lost = self._lost, 0
        self._limit.note()
        try:
            self._send(self._smtp, message(self._smtp, alerts, lost=lost))
        except (OSError, smtplib.SMTPException) as error:
            fields = {"host": self._smtp.host}
            logger.warning(
                "the mail about %d alerts was not sent: %s",
                len(alerts) + lost,
                type(error).__name__,
                extra={"fields": fields},
            )
        except Exception:
            logger.exception("Bug in fraud-detect; please report it")


def message(smtp: Smtp, alerts: Sequence[Filed], *, lost: int = 0) -> EmailMessage:
    """Return the mail about `alerts`, those with the largest expected loss by number and score."""
    count = len(alerts) + lost
    mail = EmailMessage()
    mail["From"], mail["To"] = smtp.sender, ", ".join(smtp.recipients)
    mail["Subject"] = "1 fraud alert" if count == 1 else f"{count:,} fraud alerts"
    largest = sorted(alerts, key=lambda alert: -alert.expected_loss)[:MOST_LINES]
    told = [f"Case {alert.id}: probability {alert.probability:.3f}{_link(smtp, alert)}" for alert in largest]
    more = count - len(largest)
    if more:
        told.append(f"{more:,} more are on the desk.")
    mail.set_content("\n".join(told) + "\n")
    return mail


def _link(smtp: Smtp, alert: Filed) -> str:
    return f"\n  {smtp.console_url.rstrip('/')}/cases/{alert.id}" if smtp.console_url else ""


def sent(smtp: Smtp, mail: EmailMessage) -> None:
    """Hand `mail` to the server; raises OSError or SMTPException if it does not take it."""
    with smtplib.SMTP(smtp.host, smtp.port, timeout=PATIENCE_SECONDS) as server:
        if smtp.starttls:
            server.starttls(context=ssl.create_default_context())
        if smtp.user:
            server.login(smtp.user, smtp.password)
        server.send_message(mail, smtp.sender, list(smtp.recipients))
