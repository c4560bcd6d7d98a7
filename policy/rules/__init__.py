"""The rules of the pack, one file per concern; each holds a table of resource types and what to read of them."""

from pulumi_policy import Policy

from .encryption import ENCRYPTION
from .images import IMAGES
from .ingress import INGRESS
from .public_storage import BUCKET_GUARDS, PUBLIC_STORAGE
from .registry_access import REGISTRY_ACCESS
from .replicas import REPLICAS
from .retention import RETENTION
from .secret_environment import SECRET_ENVIRONMENT
from .tags import TAGS
from .tls import TLS

RULES: list[Policy] = [
    IMAGES,
    PUBLIC_STORAGE,
    BUCKET_GUARDS,
    REGISTRY_ACCESS,
    ENCRYPTION,
    TLS,
    INGRESS,
    TAGS,
    REPLICAS,
    RETENTION,
    SECRET_ENVIRONMENT,
]
