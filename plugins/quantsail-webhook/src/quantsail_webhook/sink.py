"""The alert sink ``webhook``: each alert as JSON, signed so that the receiver knows who sent it and when."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from typing import Any

import attrs
from attrs.validators import gt, le

from quantsail_framework import Alert, Secret
from quantsail_framework.domain.bars import utc
from quantsail_framework.http import check_url, post_json

TIMESTAMP = "X-Quantsail-Timestamp"
SIGNATURE = "X-Quantsail-Signature"


@attrs.frozen
class WebhookSink:
    """POSTs alerts to one address.

    Signature: ``v1=`` and the hexadecimal HMAC-SHA256 (RFC 2104, 1997) of timestamp, a full stop, and the body
    as it was sent, keyed with ``secret``. The timestamp is the moment of sending in whole seconds since 1970: a
    receiver refuses old ones, so that a recorded request cannot be used again.
    """

    url: Secret = attrs.field(metadata={"doc": "Address to post to, https://; http:// on this machine only."})
    secret: Secret = attrs.field(metadata={"doc": "Key of the signature, known to the receiver."})
    timeout_s: float = attrs.field(
        default=10.0, validator=[gt(0.0), le(300.0)], metadata={"doc": "Longest wait for the receiver, in seconds."}
    )

    def open(self) -> None:
        """Raises InputError when a secret is missing, or the address is none."""
        check_url(self.url.reveal(), "the secret address of the webhook")
        self.secret.reveal()

    def send(self, alert: Alert) -> None:
        """Deliver it. Raises DeliveryError; what the receiver says beside its status is not looked at."""
        body = json.dumps(payload(alert), ensure_ascii=False, allow_nan=False).encode()
        timestamp = str(int(time.time()))
        headers = {TIMESTAMP: timestamp, SIGNATURE: self._signature(timestamp, body)}
        post_json(self.url.reveal(), body, self.timeout_s, headers).require_success()

    def close(self) -> None:
        """Nothing to close: each alert has a connection of its own."""

    def _signature(self, timestamp: str, body: bytes) -> str:
        signed = f"{timestamp}.".encode() + body
        return f"v1={hmac.new(self.secret.reveal().encode(), signed, hashlib.sha256).hexdigest()}"


def payload(alert: Alert) -> dict[str, Any]:
    """The alert as JSON values. ``id`` is the same when an alert is sent again: what was seen can be left out."""
    content = {
        "kind": alert.kind,
        "level": alert.level,
        "title": alert.title,
        "text": alert.text,
        "time": utc(alert.time_ns).isoformat().replace("+00:00", "Z"),
        "fields": dict(alert.fields),
    }
    digest = hashlib.sha256(json.dumps([content, alert.time_ns]).encode()).hexdigest()
    return {"version": 1, "id": digest[:32], **content}
