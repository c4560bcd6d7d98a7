"""The settings of the service: environment variables, read once, each with a type, a default and a meaning.

The variable's name is the field's in capitals. An empty variable counts as unset; unknown ones belong to others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_type_hints

import msgspec
from msgspec import Meta

from app.start import StartError

Positive = Annotated[int, Meta(ge=1)]


class SettingsError(StartError):
    """A variable that cannot be used; the message names it, its value and what it takes."""


class Settings(msgspec.Struct, frozen=True):
    """What can be set from outside. Durations are in seconds, sizes in bytes."""

    model_path: Annotated[
        str, Meta(description="the artifact: a version's directory, or one whose `current` names the version")
    ] = "artifacts/iris"
    host: Annotated[str, Meta(description="address to listen on; `0.0.0.0` for all")] = "127.0.0.1"
    port: Annotated[
        Annotated[int, Meta(ge=0, le=65535)], Meta(description="TCP port of the API; `0` picks a free one")
    ] = 8000
    workers: Annotated[
        Annotated[int, Meta(ge=1, le=128)], Meta(description="processes that serve; about one per CPU core")
    ] = 1
    metrics_port: Annotated[
        Annotated[int, Meta(ge=1, le=65535)] | None,
        Meta(description="serve /metrics on this port and no longer on the API's"),
    ] = None
    grpc_port: Annotated[
        Annotated[int, Meta(ge=1, le=65535)] | None,
        Meta(description="serve the Open Inference Protocol over gRPC on this port, too"),
    ] = None
    release: Annotated[
        str | None, Meta(description="id of the deployed release, reported by /health and `release_info`")
    ] = None
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"], Meta(description="least severity logged: debug to error")
    ] = "info"
    max_body_bytes: Annotated[Positive, Meta(description="larger request bodies are answered 413")] = 1_048_576
    max_batch_rows: Annotated[Positive, Meta(description="batches with more rows are answered 422")] = 10_000
    inference_threads: Annotated[
        Positive, Meta(description="threads inside one inference; more than 1 helps large batches of heavy models only")
    ] = 1
    api_keys_file: Annotated[
        str | None,
        Meta(description="file of API keys' names and hashes; every request but for health then needs a key"),
    ] = None
    rate_limit: Annotated[
        Positive | None,
        Meta(description="requests that an API key may send to a worker in a minute; more are answered 429"),
    ] = None
    cors_origins: Annotated[
        tuple[Annotated[str, Meta(pattern=r"^https?://[^/*\s]+$")], ...],
        Meta(description="origins whose pages may ask, comma-separated, e.g. `https://app.example.com`"),
    ] = ()
    shortcut: Annotated[
        bool, Meta(description="answer single rows inside the HTTP protocol; `false` leaves them to uvicorn's own path")
    ] = True
    docs: Annotated[bool, Meta(description="serve /docs and /openapi.json")] = True
    latency_buckets: Annotated[
        Annotated[tuple[Annotated[float, Meta(gt=0, le=3600)], ...], Meta(min_length=1)],
        Meta(description="upper bounds of the latency histogram in seconds, ascending, comma-separated"),
    ] = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
    max_concurrent_requests: Annotated[
        Positive, Meta(description="predictions under way at once in a worker; more are answered 503 at once")
    ] = 256
    max_connections: Annotated[
        Positive, Meta(description="connections open at once to a worker; more are answered 503 and closed")
    ] = 1_000
    request_seconds: Annotated[
        Positive, Meta(description="a request arrives whole within this, or is answered 408; so is an answer read")
    ] = 20
    drift_features: Annotated[
        Annotated[int, Meta(ge=0)],
        Meta(description="so many features, the manifest's first, are counted into training's bins"),
    ] = 50
    access_log_sample: Annotated[
        Annotated[float, Meta(ge=0, le=1)],
        Meta(description="share of the requests that are logged; failures of the service always are"),
    ] = 0.0
    log_features: Annotated[bool, Meta(description="let logs hold what callers sent, feature values included")] = False
    otlp_endpoint: Annotated[
        Annotated[str, Meta(pattern="^https?://.")] | None,
        Meta(description="OpenTelemetry collector that gets traces over HTTP, e.g. `http://127.0.0.1:4318`"),
    ] = None
    shadow_url: Annotated[
        Annotated[str, Meta(pattern="^https?://[^/?#@:]+(:[0-9]{1,5})?/?$")] | None,
        Meta(description="another release, `http://host:port`, that is asked every JSON prediction again, to compare"),
    ] = None
    hang_seconds: Annotated[
        Annotated[int, Meta(ge=3)],
        Meta(description="one of several workers whose event loop stands still for this long is killed and replaced"),
    ] = 30
    drain_seconds: Annotated[
        Annotated[float, Meta(ge=0, le=3600)],
        Meta(description="after SIGTERM, /health answers 503 for this long while requests are still accepted"),
    ] = 0.0
    shutdown_seconds: Annotated[Positive, Meta(description="then requests in flight get this long to finish")] = 30
    keep_alive_seconds: Annotated[
        Positive, Meta(description="idle connections are closed after this; longer than the load balancer's idle time")
    ] = 75


def from_environment(environment: Mapping[str, str]) -> Settings:
    """The settings in ``environment``; raises `SettingsError` for the first variable that cannot be used."""
    values: dict[str, Any] = {}
    for field in msgspec.structs.fields(Settings):
        name = field.name.upper()
        text = environment.get(name, "").strip()
        if not text:
            continue
        raw = [item.strip() for item in text.split(",")] if isinstance(field.default, tuple) else text
        try:
            values[field.name] = msgspec.convert(raw, field.type, strict=False)
        except msgspec.ValidationError as error:
            raise SettingsError(_explain(field, text, str(error))) from error
        if field.name == "latency_buckets" and list(values[field.name]) != sorted(set(values[field.name])):
            raise SettingsError(_explain(field, text, "the bounds do not ascend"))
    return Settings(**values)


def table() -> str:
    """All settings as a Markdown table: variable, default, meaning."""
    rows = [("Variable", "Default", "Meaning"), ("---", "---", "---")]
    rows += [
        (f"`{field.name.upper()}`", _default(field), _meaning(field)) for field in msgspec.structs.fields(Settings)
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _explain(field: msgspec.structs.FieldInfo, text: str, reason: str) -> str:
    """One line: the variable, its value, why it is refused and what to set."""
    return f"{field.name.upper()}={text[:80]!r}: {reason}; it is the {_meaning(field)} (default {_default(field)})"


def _default(field: msgspec.structs.FieldInfo) -> str:
    """The default as it would be written into the environment."""
    if field.default is None or field.default == ():
        return "none"
    if isinstance(field.default, tuple):
        return f"`{','.join(f'{bound:g}' for bound in field.default)}`"
    if isinstance(field.default, bool):
        return f"`{str(field.default).lower()}`"
    return f"`{field.default:g}`" if isinstance(field.default, float) else f"`{field.default}`"


def _meaning(field: msgspec.structs.FieldInfo) -> str:
    """The description that stands at the field."""
    for meta in reversed(get_type_hints(Settings, include_extras=True)[field.name].__metadata__):
        if meta.description:
            return meta.description
    raise AssertionError(f"{field.name} has no description")
