"""Who does the work of ``annotate``: this process, more of them, or a cluster."""

from __future__ import annotations

import os
import secrets
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from livecam.annotating._lanes import Lanes, Workers
from livecam.config import Settings
from livecam.errors import ConfigError, MissingExtra

_one_secret = threading.Lock()  # for two threads that come at once


@contextmanager
def crew(engine: str, jobs: int | None, settings: Settings) -> Iterator[Workers | None]:
    """None: this process does it alone. jobs: how many; None: one, or as many as the cluster has room for. Raises
    MissingExtra, ConfigError."""
    if engine == "ray":
        address = os.environ.get("RAY_ADDRESS") or "local"
        _before_ray(address)
        try:
            from livecam.annotating._cluster import Cluster
        except ImportError as error:
            raise MissingExtra("Ray is not installed, and --engine ray needs it: pip install 'livecam[ray]'") from error
        with Cluster(address, jobs, gpus=settings.device.startswith("cuda")) as cluster:
            yield cluster
    else:
        yield Lanes(jobs) if jobs and jobs > 1 else None


def _before_ray(address: str) -> None:
    """What Ray reads when it is imported: no telemetry; and the ports of a cluster that is started here are open to the
    network, where who may send tasks may run anything, so it has a secret of its own."""
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    with _one_secret:
        if address != "local" or {"RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"} & set(os.environ):
            return
        if ray := sys.modules.get("ray"):
            if ray.is_initialized():  # by the caller
                return
            raise ConfigError(
                "ray was imported before, and a cluster that is started now would have no secret: call ray.init() "
                "first, or import ray after livecam.annotate, or set RAY_AUTH_MODE and RAY_AUTH_TOKEN before the start"
            )
        os.environ.update(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN=secrets.token_hex(32))
