"""Where trainings of a search run: on this machine's processors, or on the Ray cluster that RAY_ADDRESS names."""

from __future__ import annotations

import importlib
import logging
import os
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import joblib

import app
import training
from training.errors import SettingsError

ADDRESS = "RAY_ADDRESS"


@contextmanager
def workers() -> Generator[tuple[str, int]]:
    """Let joblib run there; yields the place in words and the number of its processors.

    Raises SettingsError where there is no library, or no cluster, to go with the address.
    """
    address = os.environ.get(ADDRESS)
    if not address:
        with joblib.parallel_config("threading", n_jobs=os.cpu_count()):
            yield "on this machine", os.cpu_count() or 1
        return
    try:
        ray: Any = importlib.import_module("ray")
        register: Any = importlib.import_module("ray.util.joblib").register_ray
    except ImportError as error:
        raise SettingsError(f"{ADDRESS} is set, but Ray is not installed: pip install 'mlplatform[ray]'") from error
    # It says of every search that it does without one of joblib's arguments.
    logging.getLogger("ray.util.multiprocessing.pool").setLevel(logging.ERROR)
    try:
        ray.init(address=address, logging_level=logging.ERROR, log_to_driver=False, configure_logging=False)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise SettingsError(
            f"{ADDRESS}={address}: no Ray cluster answers there ({' '.join(str(error).split())})"
        ) from error
    try:
        register()
        # Workers need the libraries, not this code: what they call of it travels with the call.
        for code in (app, training):
            ray.cloudpickle.register_pickle_by_value(code)
        processors = int(ray.cluster_resources()["CPU"])
        with joblib.parallel_config("ray", n_jobs=processors):
            yield f"on the Ray cluster {address}", processors
    finally:
        ray.shutdown()
