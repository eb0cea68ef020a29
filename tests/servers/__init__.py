"""Servers for tests: each is real, listens on a free port of loopback and stops with its context."""
