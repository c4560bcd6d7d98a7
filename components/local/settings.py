"""What only the local stack knows: ports on this machine and the images beside the service."""

from __future__ import annotations

import re
from dataclasses import dataclass

from components.release import IMAGE
from components.spec import SpecError


@dataclass(frozen=True, kw_only=True)
class Settings:
    """Ports are bound to 127.0.0.1; images are named by digest, or by the engine's own id (``sha256:…``).

    ``smarthost`` (``host:port``) sends the e-mail of receivers of that kind, from ``mail_from``. Without
    ``grafana_image`` there is no Grafana. ``shadow`` has the stable release ask its candidate what it is asked itself.
    """

    port: int = 8080
    stable_port: int = 8081
    candidate_port: int = 8082
    weight_port: int = 8083
    prometheus_port: int = 9090
    alertmanager_port: int = 9093
    grafana_port: int = 3000
    # haproxy 3.2 (alpine), Prometheus 3.5.0, Alertmanager 0.28.1
    proxy_image: str = "haproxy@sha256:79799e8b2977e60802774fa53d29e6b54e045402cdd8a8b9fe43923e7095a047"
    prometheus_image: str = "prom/prometheus@sha256:63805ebb8d2b3920190daf1cb14a60871b16fd38bed42b857a3182bc621f4996"
    alertmanager_image: str = (
        "prom/alertmanager@sha256:27c475db5fb156cab31d5c18a4251ac7ed567746a2483ff264516437a39b15ba"
    )
    grafana_image: str | None = None
    smarthost: str | None = None
    mail_from: str = "alerts@localhost"
    shadow: bool = False

    def __post_init__(self) -> None:
        ports = {name: value for name, value in vars(self).items() if name.endswith("port")}
        for name, port in ports.items():
            if not 1024 <= port <= 65535:
                raise SpecError(f"local.{name} is {port}: not an unprivileged port; choose one from 1024 to 65535")
            if list(ports.values()).count(port) > 1:
                raise SpecError(f"local.{name} is {port}: taken by another setting too; choose another")
        for name, image in vars(self).items():
            if name.endswith("image") and image is not None and re.fullmatch(IMAGE, image) is None:
                raise SpecError(f"local.{name} is {image!r}: not by digest; write repository@sha256:… or sha256:…")
