"""What Linux offers to lock a process in: one wall a module, each applied to the calling, single-threaded
process.
"""
