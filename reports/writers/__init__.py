"""Formats of a report: one module for each family, ``write…(report, out)`` in it. ``reports.formats`` has the table.

Writers read the store row by row and write as they go, so that a report of any size needs the same memory.
"""
