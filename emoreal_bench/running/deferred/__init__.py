"""Asking by whole files of requests that a service answers later: jobs and where they are kept."""
