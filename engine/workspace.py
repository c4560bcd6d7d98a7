"""Where a stack's state lies and what guards its secrets: what the user chose, else a default for development stacks.

The choice is Pulumi's own: ``PULUMI_BACKEND_URL``, ``backend`` in Pulumi.yaml, ``PULUMI_ACCESS_TOKEN`` or an earlier
`pulumi login`. Without any, the state of a development stack is kept in the checkout, in ``.pulumi/``, its secrets
encrypted by a passphrase generated beside it. Production has no default.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

FOLDER = ".pulumi"
"""Under the root; Pulumi's file backend keeps its state in a folder of this name too."""
PASSPHRASE = ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE")
KEYS = ("encryptionsalt", "encryptedkey", "secretsprovider")
"""What a stack's file says about the encryption of its secrets."""


class WorkspaceError(Exception):
    """Why a stack cannot be worked on, in one line with the remedy."""


@dataclass(frozen=True)
class Workspace:
    """A stack that can be worked on.

    ``environment`` is that of the Pulumi command. ``derived`` is the stack's file as it is given to Pulumi in place of
    the checkout's, None where that one itself is used. ``notes`` is what the user should be told.
    """

    root: Path
    stack: str
    production: bool
    environment: Mapping[str, str]
    derived: Path | None
    notes: tuple[str, ...]

    @property
    def file(self) -> Path:
        """The stack's file in the checkout."""
        return stack_file(self.root, self.stack)


def stack_file(root: Path, stack: str) -> Path:
    """``Pulumi.<stack>.yaml``; a stack may be written with its organization, ``acme/dev``."""
    return root / f"Pulumi.{stack.rpartition('/')[2]}.yaml"


def read(root: Path, stack: str) -> dict[str, Any]:
    """What the stack's file says.

    Raises WorkspaceError where there is none, or it cannot be read.
    """
    file = stack_file(root, stack)
    try:
        found: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        stacks = sorted(each.name.removeprefix("Pulumi.").removesuffix(".yaml") for each in root.glob("Pulumi.*.yaml"))
        raise WorkspaceError(f"no {file.name}; STACK is one of {', '.join(stacks)}, or write that file") from None
    except yaml.YAMLError as error:
        raise WorkspaceError(f"{file.name} is not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict):
        raise WorkspaceError(f"{file.name} holds no settings; write them under config:")
    return cast(dict[str, Any], found)


def prepare(root: Path, stack: str, environment: Mapping[str, str]) -> Workspace:
    """Choose the state and the secrets of ``stack``; ``environment`` is what the Pulumi command would get otherwise.

    Raises WorkspaceError where nothing says where a production stack's state is, or which passphrase opens the file.
    """
    document = read(root, stack)
    production = (document.get("config") or {}).get("mlplatform:environment") != "dev"
    kept = root / FOLDER / "stacks" / "mlplatform" / f"{stack}.json"
    if chosen := _chosen(root, environment):
        note = f"the state is kept where {chosen} says; the one in {FOLDER}/ is another and stays as it is"
        return Workspace(root, stack, production, environment, None, (note,) if kept.exists() else ())
    if production:
        raise WorkspaceError(
            f"{stack} is production and nothing says where its state is kept: `pulumi login <its backend>` or set "
            "PULUMI_BACKEND_URL (docs/clouds.md, State and secrets)"
        )
    said = [key for key in KEYS if key in document]
    passphrase = root / FOLDER / "passphrase"
    if said == ["encryptionsalt"] and not passphrase.exists() and not any(key in environment for key in PASSPHRASE):
        raise WorkspaceError(
            f"{stack_file(root, stack).name} has an encryptionsalt, so a passphrase exists already: set "
            "PULUMI_CONFIG_PASSPHRASE_FILE to the file that holds it, or remove the line with the secrets under it"
        )
    own, notes = in_checkout(root, environment)
    # Pulumi writes into a stack's file how its secrets are encrypted, and while at it every number as a text. A
    # checkout whose file says nothing of it stays clean: Pulumi gets a copy, and the state remembers.
    derived = None if said else root / FOLDER / stack_file(root, stack).name
    if derived:
        derived.write_bytes(stack_file(root, stack).read_bytes())
    return Workspace(root, stack, production, {**environment, **own}, derived, notes)


def in_checkout(root: Path, environment: Mapping[str, str]) -> tuple[dict[str, str], tuple[str, ...]]:
    """The variables that keep the state in the checkout, the passphrase generated if none is set; and what to tell."""
    folder = root / FOLDER
    folder.mkdir(mode=0o700, exist_ok=True)
    variables = {
        "PULUMI_BACKEND_URL": root.as_uri(),
        # A stack's file that does not say how secrets are encrypted takes the way that the state remembers.
        "PULUMI_FALLBACK_TO_STATE_SECRETS_MANAGER": "true",
    }
    where = f"the state is kept in {folder}, since no other backend was chosen (PULUMI_BACKEND_URL, pulumi login)"
    if any(key in environment for key in PASSPHRASE):
        return variables, (where,)
    file = folder / "passphrase"
    try:
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as new:
            new.write(secrets.token_urlsafe(32))
        made = f"made a passphrase for its secrets: {file}; whoever has both can read them, without it nobody can"
    except FileExistsError:
        made = f"the passphrase of its secrets is {file}"
    return {**variables, "PULUMI_CONFIG_PASSPHRASE_FILE": str(file)}, (where, made)


def for_plain_pulumi(root: Path, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables with which the user's own `pulumi` commands meet the same state; none where one was chosen."""
    return {} if _chosen(root, environment) else in_checkout(root, environment)[0]


def _chosen(root: Path, environment: Mapping[str, str]) -> str | None:
    """What says where the state is kept, in Pulumi's order, or None; what `make env` set is no choice."""
    if url := environment.get("PULUMI_BACKEND_URL"):
        return None if url == root.as_uri() else "PULUMI_BACKEND_URL"
    if environment.get("PULUMI_ACCESS_TOKEN"):
        return "PULUMI_ACCESS_TOKEN"
    project: Any = yaml.safe_load((root / "Pulumi.yaml").read_text(encoding="utf-8"))
    if ((project.get("backend") or {}) if isinstance(project, dict) else {}).get("url"):
        return "Pulumi.yaml"
    home = environment.get("PULUMI_HOME") or Path.home() / ".pulumi"
    credentials = Path(environment.get("PULUMI_CREDENTIALS_PATH") or home, "credentials.json")
    try:
        return "`pulumi login`" if json.loads(credentials.read_text(encoding="utf-8")).get("current") else None
    except (OSError, ValueError):
        return None
