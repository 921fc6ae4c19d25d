"""Sandboxed Python kernels that start fast and keep their variables.

The server uses `kernels.JailedKernels`; everything else is internal. `walls/` confines a process, `zygote.py` forks
kernels, `inside/` runs in them.
"""
