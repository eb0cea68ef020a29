"""What arrives in parts becomes one tar: the files of a git commit, the layers of an image, the files of a package.

Parts come from strangers, so each tar is made in a process of its own that may do nothing else (``jail``). The same
parts give the same bytes: a fixed order, no owners, times from the source itself.
"""
