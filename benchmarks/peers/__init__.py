"""What other harnesses take for the same questions and the same clips, from one run.

Inspect AI, lm-evaluation-harness and the video loading of lmms-eval are installed, each in an
environment of its own, and do what this package does: the questions of one plan are put to a free
model that takes the first option, through each command line, with its log of samples written;
and the same clips are loaded into frames, or frames and sound. Every process is measured from
start to end, children included, with few and with many items, so that starting up is told apart.
A side that scored another number of items, or came to another accuracy, gets no ratio; one that
cannot be installed or fails is recorded with the reason. CPU time is what to compare: on a machine
with other work the time on the clock tells of that work.

Usage: python -m benchmarks.peers [--items 4000] [--clips 16] [--repeats 3]
    [--environments build/peers]
"""
