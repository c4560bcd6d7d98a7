"""Amazon's signature of a request, version 4.

Source: docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True)
class Credentials:
    """Who signs; ``session_token`` comes with credentials that expire."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)


def signed(
    credentials: Credentials,
    method: str,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    region: str,
    service: str,
    at: datetime,
) -> dict[str, str]:
    """``headers`` with those that sign the request, ``at`` a time with its zone.

    ``url`` has its query sorted and encoded, and a path that is encoded once.
    """
    parts = urlsplit(url)
    moment = at.astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    found = {**headers, "Host": parts.netloc, "X-Amz-Date": moment}
    if credentials.session_token:
        found["X-Amz-Security-Token"] = credentials.session_token
    lines = {name.lower(): " ".join(value.split()) for name, value in found.items()}
    names = ";".join(sorted(lines))
    canonical = "\n".join(
        [
            method,
            quote(parts.path or "/", safe="/-_.~"),
            parts.query,
            *(f"{name}:{lines[name]}" for name in sorted(lines)),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{moment[:8]}/{region}/{service}/aws4_request"
    text = "\n".join([_ALGORITHM, moment, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    key = f"AWS4{credentials.secret_access_key}".encode()
    for part in scope.split("/"):
        key = hmac.digest(key, part.encode(), "sha256")
    signature = hmac.digest(key, text.encode(), "sha256").hex()
    credential = f"Credential={credentials.access_key_id}/{scope}"
    return {**found, "Authorization": f"{_ALGORITHM} {credential}, SignedHeaders={names}, Signature={signature}"}
