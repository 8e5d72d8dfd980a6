"""Pure data that every other part of the project exchanges.

Nothing here imports from the rest of the project, and nothing here does any
work: a contract says what an item, a request, a result or a run *is*. Whoever
wants to know what flows between two parts reads one of these files.
"""
