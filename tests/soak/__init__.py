"""Scans under a rain of disturbances, and the promises that must hold all the same: ``python -m tests.soak --help``."""
