"""What may stand in the place of any value when the engine and a provider talk: an unknown, a secret, an asset.

Values have the form of ``MessageToDict`` on the protocol's ``Struct``: JSON, in which a number may be a float, an
unknown is one fixed text, and what is more than JSON is a mapping with a signature
(sdk/go/common/resource/properties.go and sdk/python/lib/pulumi/runtime/rpc.py in pulumi/pulumi).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from pulumi.runtime.rpc import UNKNOWN

_SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
_SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"  # noqa: S105  a mark, not a secret
_OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
_ASSETS: Final = ("c44067f5952c0a294b673a41bacd8c17", "0def7320c3a5731c473e5ecbe6d01bc7")


def is_asset(value: Any) -> bool:
    """Whether ``value`` is a file, an archive or a text that stands for one."""
    return isinstance(value, Mapping) and cast(Mapping[str, Any], value).get(_SIGNATURE) in _ASSETS


def plain(value: Any) -> Any:
    """``value`` at every depth without the marks of secrets and outputs; an output not known yet is UNKNOWN."""
    if isinstance(value, Mapping):
        mapping = cast(Mapping[str, Any], value)
        if mapping.get(_SIGNATURE) in (_SECRET, _OUTPUT):
            return plain(mapping.get("value", UNKNOWN))
        return {key: plain(entry) for key, entry in mapping.items()}
    if isinstance(value, list):
        return [plain(entry) for entry in cast(list[Any], value)]
    return value


def is_unknown(value: Any) -> bool:
    """Whether ``value`` is not known yet, or is a text that was made from such a value."""
    return isinstance(value, str) and UNKNOWN in value
