"""The command line, with models sharded over processes on the processor, too.

accelerate shards a model only where there are GPUs. What it does there is the
same without them, once its state says that it should.
"""

from __future__ import annotations

from typing import Any

from accelerate.state import AcceleratorState, DistributedType

from emoreal_bench.cli import main

_begin = AcceleratorState.__init__


def _begin_sharding(state: AcceleratorState, *arguments: Any, **settings: Any) -> None:
    _begin(state, *arguments, **settings)
    plugin = settings.get("fsdp_plugin")
    if plugin is not None:
        state.distributed_type = DistributedType.FSDP
        state.fsdp_plugin = plugin


if __name__ == "__main__":
    AcceleratorState.__init__ = _begin_sharding
    main()
