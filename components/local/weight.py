"""The candidate's share of the traffic, as a resource: set in the running proxy, read back on refresh."""

from __future__ import annotations

import time
import urllib.request
from typing import Any

import pulumi
from pulumi import dynamic

DEADLINE_SECONDS = 30
"""How long a proxy may take to answer after its container was started."""


class Provider(dynamic.ResourceProvider):
    """Speaks to the proxy's weight port."""

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        """Set the weight in a proxy that may still be starting."""
        return dynamic.CreateResult(id_=props["url"], outs=_apply(props))

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        """Set another weight, or the same one in another container."""
        return dynamic.UpdateResult(outs=_apply(_news))

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Only another address is another resource."""
        changed = [key for key in ("url", "weight", "proxy") if _olds.get(key) != _news.get(key)]
        return dynamic.DiffResult(changes=bool(changed), replaces=["url"] if "url" in changed else [])

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """The weight that the proxy has now; None where it does not answer."""
        try:
            return dynamic.ReadResult(id_=id_, outs={**props, "weight": _request(id_, "GET")})
        except OSError:
            return dynamic.ReadResult(id_=id_, outs={**props, "weight": None})


def _apply(props: dict[str, Any]) -> dict[str, Any]:
    """Set the weight, waiting for a proxy that is only starting."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            _request(f"{props['url']}/{int(props['weight'])}", "PUT")
            return props
        except OSError as error:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the proxy does not answer at {props['url']}: {error}") from error
            time.sleep(0.2)


def _request(url: str, method: str) -> int:
    """The weight that the proxy reports after the request."""
    request = urllib.request.Request(url, method=method)  # noqa: S310  the address is ours
    with urllib.request.urlopen(request, timeout=2) as response:  # noqa: S310
        return int(response.read())


class CandidateWeight(dynamic.Resource):
    """``weight`` percent of the public traffic for the candidate, in the proxy whose weight port is ``url``.

    ``proxy`` is the container's id: a new container has forgotten the weight.
    """

    def __init__(
        self, name: str, *, url: str, weight: int, proxy: pulumi.Input[str], opts: pulumi.ResourceOptions
    ) -> None:
        super().__init__(Provider(), name, {"url": url, "weight": weight, "proxy": proxy}, opts)
