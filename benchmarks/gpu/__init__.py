"""Speed and correctness of the local models on a GPU, by one command.

Networks of random weights in the shapes of Qwen2.5-Omni-7B, AVERE-7B and
Qwen3-Omni-30B-A3B answer questions about synthetic clips, which are drawn once
and held in memory. The adapter, with its batches and what questions of a clip
share, is held against a plain loop: the same network, one request at a time,
with the key-value cache. The target is ten times its speed. Miniatures show
that answers on the GPU are those of the processor.

The steps come in the order of their value. Each is guarded: what fails is
recorded with its error, what no longer fits into ``--seconds`` is named, and the
rest goes on. Where there is no GPU the miniatures take every step; the record
then says that it holds no figure of a GPU, and never takes the place of one
that does.

Run from the root of the repository:
``python -m benchmarks.gpu [--seconds 420] [--clips FILE] [--out FILE]``.
``docs/models-local.md`` says what a machine without network needs.
"""
