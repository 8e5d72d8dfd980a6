"""From a task, its data and a model to a run folder: plan, ask, log, resume.

``plan`` says what is asked, ``runner`` asks it, ``folder`` and ``log`` keep what
came back so that nothing is lost, ``results`` turns a log into scores.
"""
