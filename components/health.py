"""Asks a running service, at one of its addresses, which release it is."""

from __future__ import annotations

import http.client
import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from components.spec import READY_PATH

TOKEN = "VERIFICATION_TOKEN"  # noqa: S105  a variable's name
"""The environment variable with the bearer token for addresses that want one."""
_LONGEST_ANSWER = 65536


@dataclass(frozen=True)
class Report:
    """What a ready service says of itself."""

    release: str | None
    model_version: str | None


class NotReadyError(Exception):
    """No report: the message says what came instead."""


def ask(address: str, *, token: str | None, timeout: float) -> Report:
    """The report of the service at ``address``, waiting ``timeout`` seconds for each step of the connection.

    Proxies and certificate authorities are those of the environment (``https_proxy``, ``no_proxy``,
    ``SSL_CERT_FILE``). A redirect is not followed, and the token is sent over HTTPS alone: nobody else gets it.
    """
    request = urllib.request.Request(address + READY_PATH)  # noqa: S310  the address is the stack's own
    if token and address.startswith("https://"):
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    try:
        with urllib.request.build_opener(_NoRedirect).open(request, timeout=timeout) as response:
            return _report(response.read(_LONGEST_ANSWER))
    except urllib.error.HTTPError as error:
        with error:
            raise NotReadyError(_refusal(error, token)) from error
    except (OSError, http.client.HTTPException) as error:
        raise NotReadyError(_silence(error, request)) from error


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Leaves a redirect to the caller, as the HTTPError that it is."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


def _report(body: bytes) -> Report:
    """The service's report in a 200's body."""
    try:
        found = json.loads(body)
        return Report(found["release"], found["model_version"])
    except (ValueError, TypeError, LookupError) as error:
        text = _one_line(body.decode(errors="replace")) or "nothing"
        raise NotReadyError(f"it answers 200 with no release in it, so another service stands there: {text}") from error


def _refusal(error: urllib.error.HTTPError, token: str | None) -> str:
    """Why another status than 200 came."""
    answer = f"it answers {error.code} {error.reason}"
    if error.code in (401, 403):
        return f"{answer}: {_about_the_token(error, token)}"
    if location := error.headers.get("Location"):
        return f"{answer}, a redirect to {location.partition('?')[0]}"
    detail = _one_line(error.read(_LONGEST_ANSWER).decode(errors="replace"))
    return f"{answer}: {detail}" if detail else answer


def _about_the_token(error: urllib.error.HTTPError, token: str | None) -> str:
    """What to do about a caller who is not let in."""
    if token is None:
        return f"put a bearer token into {TOKEN}"
    if not error.url.startswith("https://"):
        return f"the token in {TOKEN} is sent only over https"
    return f"the token in {TOKEN} is not accepted"


def _silence(error: Exception, request: urllib.request.Request) -> str:
    """Why no answer came at all, and through which proxy not."""
    reason = error.reason if isinstance(error, urllib.error.URLError) else error
    if isinstance(reason, ssl.SSLCertVerificationError):
        text = f"its certificate is not trusted: {reason.verify_message}"
    elif isinstance(reason, ssl.SSLError):
        text = f"no TLS connection: {reason.reason or reason}"
    elif isinstance(reason, TimeoutError):
        text = "it does not answer in time, or this machine may not reach it"
    else:
        text = f"no answer: {_one_line(str(reason) or type(reason).__name__)}"
    scheme, host = urlsplit(request.full_url).scheme, urlsplit(request.full_url).hostname or ""
    proxy = urllib.request.getproxies().get(scheme)
    if proxy and not urllib.request.proxy_bypass(host):
        text += f" (through the proxy {urlsplit(proxy).hostname})"
    return text


def _one_line(text: str) -> str:
    """``text`` in one line of 200 characters at most."""
    return " ".join(text.split())[:200]
