"""Programs that hoard what a process's own figures do not show, with the beginning of the reason for their end."""

HOARDS = {
    "files without a name": (
        "files: ",
        """
import os, time
kept = []
for number in range(40):
    kept.append(open('hoard', 'w+b'))
    kept[-1].write(bytes(30 << 20))
    kept[-1].flush()
    os.unlink('hoard')
time.sleep(60)
""",
    ),
    "files that never had a name": (
        "files: ",
        """
import os, time
for number in range(40):
    os.write(os.open('.', os.O_TMPFILE | os.O_RDWR), bytes(30 << 20))
time.sleep(60)
""",
    ),
    "mappings of deleted files": (
        "files: ",
        """
import mmap, os, time
kept = []
for number in range(40):
    with open('hoard', 'w+b') as file:
        file.write(bytes(30 << 20))
        kept.append(mmap.mmap(file.fileno(), 4096))
    os.unlink('hoard')
time.sleep(60)
""",
    ),
    "buffers of sockets": (
        "memory: ",
        """
import os, socket, time
for _ in range(7):
    if os.fork() == 0: break
kept = []
for number in range(250):
    kept += socket.socketpair()
    for end in kept[-2:]:
        end.setblocking(False)
        try:
            while True: end.send(bytes(1 << 16))
        except BlockingIOError: pass
time.sleep(60)
""",
    ),
    "descriptors": (
        "descriptors: more than ",
        """
import os, time
for _ in range(30):
    if os.fork() == 0: break
try:
    while True: os.dup(0)
except OSError: time.sleep(60)
""",
    ),
    "shared memory that no process has in its page tables": (
        "memory: ",
        """
import mmap, os, time
for _ in range(9):
    if os.fork() == 0: break
block = mmap.mmap(-1, 100 << 20)
for start in range(0, 100 << 20, 1 << 20):
    block[start : start + (1 << 20)] = bytes(1 << 20)
    block.madvise(mmap.MADV_DONTNEED, start, 1 << 20)
time.sleep(60)
""",
    ),
    "memory of a process whose main thread has ended": (
        "memory: ",
        """
import ctypes, os, threading, time
def hoard():
    time.sleep(1)
    block = bytearray(150 << 20)
    for start in range(0, len(block), 4096): block[start] = 1
    time.sleep(60)
for _ in range(6):
    if os.fork() == 0:
        threading.Thread(target=hoard).start()
        ctypes.CDLL(None).syscall(60 if os.uname().machine == 'x86_64' else 93, 0)
time.sleep(60)
""",
    ),
    "mappings": (
        "memory: more than 131072 mappings",
        """
import mmap, os, time
for _ in range(3):
    if os.fork() == 0: break
kept = []
try:
    while True:
        access = mmap.PROT_READ if len(kept) % 2 else mmap.PROT_WRITE
        kept.append(mmap.mmap(-1, 4096, mmap.MAP_PRIVATE, access))
except OSError: time.sleep(60)
""",
    ),
    "pieces of shared memory": (
        "memory: more than 4096 mappings of ",
        """
import mmap, time
kept = [mmap.mmap(-1, 4096) for _ in range(5000)]
time.sleep(60)
""",
    ),
}
