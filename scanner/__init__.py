"""Fetch code from a URL, unpack it and scan it with ScanCode: a library that has never heard of the web."""
