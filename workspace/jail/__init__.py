"""Python kernels that start at once, are locked in, and remember.

The server talks to `kernels.JailedKernels`; everything else is behind it. `walls/` confines a process,
`zygote.py` forks kernels, `inside/` runs in them.
"""
