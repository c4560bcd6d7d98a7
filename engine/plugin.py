"""Getting the Pulumi plugin that builds images, docker-build: Pulumi's own download, else a build from Go modules.

Either way it ends where the CLI looks for plugins, ``$PULUMI_HOME/plugins``, put there by the CLI itself.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from pathlib import Path

from engine import build
from engine.build import InstallError, Progress

DOWNLOAD_SECONDS = 300


def version() -> str:
    """The version of the plugin, which must be that of the Python package ``pulumi-docker-build``."""
    return build.pinned("docker-build", build.DOCKER_BUILD)


def find(environment: Mapping[str, str]) -> Path | None:
    """The folder of the installed plugin, or None."""
    home = Path(environment.get("PULUMI_HOME") or Path.home() / ".pulumi")
    folder = home / "plugins" / f"resource-docker-build-v{version()}"
    # The CLI marks a plugin that it has not unpacked completely by a file of this name.
    complete = (folder / build.docker_build_file().name).is_file() and not folder.with_name(
        f"{folder.name}.partial"
    ).exists()
    return folder if complete else None


def get(environment: Mapping[str, str], progress: Progress) -> Path:
    """The folder of the plugin, installed by the ``pulumi`` on the PATH of ``environment`` if it is not there.

    Raises InstallError, whose message says why the download and why the build failed.
    """
    if folder := find(environment):
        return folder
    reasons: list[str] = []
    if not build.docker_build_file().is_file():
        progress(f"asking Pulumi for the plugin docker-build {version()} (get.pulumi.com)")
        if (reason := _install(environment)) is None and (folder := find(environment)):
            return folder
        reasons.append(f"download: {reason}")
    try:
        reason = _install(environment, "--file", str(build.build_docker_build(progress)))
        if reason is None and (folder := find(environment)):
            return folder
        reasons.append(f"pulumi plugin install --file: {reason}")
    except InstallError as error:
        reasons.append(f"Go build: {error}")
    raise InstallError(
        "\n  ".join([f"no way to get the plugin docker-build {version()}; tried in this order:", *reasons])
    )


def _install(environment: Mapping[str, str], *arguments: str) -> str | None:
    """Let the CLI install the plugin; None, or the last thing that it said."""
    command = ["pulumi", "plugin", "install", "resource", "docker-build", f"v{version()}", *arguments]
    try:
        answer = subprocess.run(  # noqa: S603 - fixed arguments
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DOWNLOAD_SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"not done after {DOWNLOAD_SECONDS} s; stopped"
    if answer.returncode == 0:
        return None
    return (answer.stdout.strip().splitlines() or ["failed without a word"])[-1]
