"""A preview on the stand-in cloud, for whoever has no account: a newcomer, or a pull request from a fork."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml
from rich.markup import escape

from engine import operations, placeholders, workspace
from engine.standin.cloud import Cloud
from engine.standin.server import serving
from engine.workspace import Workspace


def preview(
    root: Path, stack: str, environment: Mapping[str, str], options: Sequence[str], save: Path | None = None
) -> int:
    """Show the plan of a stack from an empty state, without an account, a secret or a trained model; the exit status.

    With ``save`` it is written there as a document. Nothing is read from and nothing written to any state, the checkout
    or the user's Pulumi settings.
    """
    document, made_up = placeholders.fill(workspace.read(root, stack), root / "artifacts")
    with tempfile.TemporaryDirectory(prefix="stand-in-") as folder, serving(Cloud()) as server:
        file = Path(folder, workspace.stack_file(root, stack).name)
        file.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        kept = {key: value for key, value in environment.items() if key not in workspace.PASSPHRASE}
        own = {
            **server.environment,
            "PULUMI_HOME": folder,
            "PULUMI_BACKEND_URL": Path(folder).as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "stand-in",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        notes = [
            "a stand-in answers for the cloud: no account, no secrets, nothing is touched",
            "the plan starts from an empty state: it shows what the stack is made of, not what would change",
        ]
        if made_up:
            notes.append(f"made up, because the stack's file does not have it: {', '.join(made_up)}")
        pulumi = operations.begin(Workspace(root, stack, False, kept | own, file, tuple(notes)))
        pulumi.create()
        status = operations.show_or_save(pulumi, options, save, from_empty_state=True)
    operations.console.print(f"This was the stand-in: the plan of {escape(stack)} from an empty state.")
    return status
