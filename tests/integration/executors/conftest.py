"""A real Ray cluster of two machines, both of them this one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

# Before Ray is imported: its processes listen on the loopback interface only.
os.environ["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
pytest.importorskip("ray", reason="Ray is not installed")


@pytest.fixture(scope="package")
def cluster() -> Iterator[Any]:
    """Two machines of two CPUs each; the second can be removed and added again."""
    from ray.cluster_utils import Cluster

    made: Any = Cluster(
        initialize_head=True,
        head_node_args={
            "num_cpus": 2,
            "include_dashboard": False,
        },
    )
    made.add_node(num_cpus=2)
    yield made
    made.shutdown()
