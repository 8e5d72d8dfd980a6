"""From a task, its data and a model to a finished run: plan, ask, resume, score.

``plan`` says what is asked, ``runner`` asks it, :mod:`emoreal_bench.record` keeps what
came back so that nothing is lost, and ``results`` turns a log into scores.
"""
