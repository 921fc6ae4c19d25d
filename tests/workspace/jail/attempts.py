"""Attempts to escape from the sandbox.

Each is a function body that returns something true if it succeeded. They see the names of `World.facts`, the other
session's `OTHER_FOLDER` and `OTHER_PID`, and PRELUDE.
"""

PRELUDE = """
import ctypes, errno, glob, mmap, os, pathlib, pickle, shutil
import signal, socket, stat, struct, subprocess, sys, threading
from workspace.jail.walls.syscall_table import numbers
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(name, *args):
    nr = name if isinstance(name, int) else numbers()[name]
    args = [ctypes.c_long(a) if isinstance(a, int) else a for a in args]
    result = libc.syscall(ctypes.c_long(nr), *args)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result
def in_child(action):
    pid = os.fork()
    if pid == 0:
        try: action()
        except OSError: os._exit(0)
        os._exit(5)
    return os.waitpid(pid, 0)[1] == 5 << 8
def contains(text):
    return SECRET.encode() in (text if isinstance(text, bytes) else str(text).encode())
"""

READING = {
    "open a file of the server's": "return contains(open(CANARY).read())",
    "list a folder of the server's": "return os.listdir(FOLDER)",
    "list the root": "return {'home', 'var', 'boot'} & set(os.listdir('/'))",
    "list the home of root": "return len(os.listdir('/root')) > 1",
    "read the shadow file": "return 'root' in open('/etc/shadow').read()",
    "read the machine's users": "return 'root:' in open('/etc/passwd').read()",
    "read through a symlink": "os.symlink(CANARY, 'link'); return contains(open('link').read())",
    "read through a hard link": "os.link(CANARY, 'hard'); return contains(open('hard').read())",
    "read through a link to a folder": "os.symlink('/', 'all'); return contains(open('all' + CANARY).read())",
    "read with dots": "return contains(open('../../../../../../../../../..' + CANARY).read())",
    "read through the root of process 1": "return contains(open('/proc/1/root' + CANARY).read())",
    "read through the root of the server": "return contains(open(f'/proc/{SERVER}/root' + CANARY).read())",
    "read through the working folder of a parent": """
return contains(open(f'/proc/{os.getppid()}/cwd/../..' + CANARY).read())
""",
    "read through inherited descriptors": """
for fd in range(3, 1024):
    for way in ('..', '../..', '../../..'):
        try:
            here = os.open(way + CANARY, os.O_RDONLY, dir_fd=fd)
        except OSError:
            continue
        return contains(os.read(here, 100))
""",
    "read with openat2": """
how = struct.pack('QQQ', os.O_RDONLY, 0, 0)
return contains(os.read(call(437, -100, CANARY.encode(), how, len(how)), 100))
""",
    "map a file": """
fd = os.open(CANARY, os.O_RDONLY)
return contains(mmap.mmap(fd, 0, prot=mmap.PROT_READ)[:])
""",
    "stat a file": "return os.stat(CANARY).st_size",
    "open by handle": """
handle = ctypes.create_string_buffer(struct.pack('Ii', 128, 0) + bytes(128)); mount = ctypes.c_int()
call('name_to_handle_at', -100, CANARY.encode(), handle, ctypes.byref(mount), 0)
fd = call('open_by_handle_at', os.open('/', os.O_RDONLY), handle, os.O_RDONLY)
return contains(os.read(fd, 100))
""",
    "have a child read": "return contains(subprocess.run(['cat', CANARY], capture_output=True).stdout)",
    "have a shell read": """
return contains(subprocess.run(f'cat {CANARY}', shell=True, capture_output=True).stdout)
""",
    "have a thread read": """
got = []
t = threading.Thread(target=lambda: got.append(open(CANARY).read())); t.start(); t.join()
return got and contains(got[0])
""",
    "have a fresh interpreter read": """
done = subprocess.run([sys.executable, '-c', f'print(open({CANARY!r}).read())'], capture_output=True)
return contains(done.stdout)
""",
    "leave the root with chroot": """
os.mkdir('cell'); here = os.open('.', os.O_RDONLY); os.chroot('cell'); os.fchdir(here)
for _ in range(20): os.chdir('..')
os.chroot('.'); return contains(open(CANARY).read())
""",
    "read the raw disk": """
for path in glob.glob('/dev/[svx]d*') + glob.glob('/dev/nvme*') + glob.glob('/dev/mapper/*'):
    try:
        return os.read(os.open(path, os.O_RDONLY), 10)
    except OSError: pass
""",
    "make a device of the disk": """
os.mknod('disk', 0o600 | stat.S_IFBLK, os.makedev(254, 0))
return os.open('disk', os.O_RDONLY)
""",
    "read kernel memory": "return os.open('/dev/mem', os.O_RDONLY) or os.open('/proc/kcore', os.O_RDONLY)",
    "read the kernel's log": """
return call('syslog', 2, ctypes.create_string_buffer(1000), 1000) or open('/dev/kmsg').read(10)
""",
    "read the server's sources": """
found = [p + '/pyproject.toml' for p in sys.path if os.path.exists(p + '/pyproject.toml')]
return [open(path).read(9) for path in found]
""",
    "see the list of sessions": """
return [d for d in ('/.sessions', os.path.dirname(OTHER_FOLDER)) if os.listdir(d)]
""",
}

CHANGING = {
    "write to a file of the server's": "pathlib.Path(CANARY).write_text('x'); return True",
    "append to a file of the server's": "open(CANARY, 'a').write('x'); return True",
    "truncate it": "os.truncate(CANARY, 0); return True",
    "remove it": "os.unlink(CANARY); return True",
    "rename it": "os.rename(CANARY, CANARY + '2'); return True",
    "make a file beside it": "pathlib.Path(FOLDER + '/new').write_text('x'); return True",
    "make a folder beside it": "os.mkdir(FOLDER + '/newdir'); return True",
    "change its mode": "os.chmod(CANARY, 0o600); return os.stat(CANARY).st_mode & 0o777 == 0o600",
    "change its owner": """
before = os.stat(CANARY).st_uid; os.chown(CANARY, os.getuid(), -1)
return os.stat(CANARY).st_uid != before
""",
    "change its times": "os.utime(CANARY, (1, 1)); return os.stat(CANARY).st_mtime == 1",
    "give it an attribute": """
os.setxattr(CANARY, 'user.x', b'y')
return os.getxattr(CANARY, 'user.x') == b'y'
""",
    "write to the installed packages": """
open(os.path.join(os.path.dirname(pickle.__file__), 'x.py'), 'w')
return True
""",
    "write to our own package": """
import workspace.jail
open(workspace.jail.__file__, 'a').write('#')
return True
""",
    "write to a system folder": "pathlib.Path('/usr/lib/x').write_text('x'); return True",
    "write to the root": "pathlib.Path('/x').write_text('x'); return True",
    "write to /etc": "pathlib.Path('/etc/x').write_text('x'); return True",
    "write a kernel setting": """
pathlib.Path('/proc/sys/kernel/core_pattern').write_text('|/bin/sh')
return True
""",
    "press the kernel's keys": "pathlib.Path('/proc/sysrq-trigger').write_text('h'); return True",
    "leave a symlink for the server to follow": """
os.symlink('/etc/passwd', 'figure-9.png')
return os.path.islink('figure-9.png')
""",
    "leave a symlink by a raw call": """
call('symlinkat', b'/etc/passwd', -100, b'figure-8.png')
return os.path.islink('figure-8.png')
""",
    "leave a pipe for the server to hang on": "os.mkfifo('pipe'); return True",
    "leave a socket file": "call('mknodat', -100, b'sock', 0o140600, 0); return True",
    "leave a set-uid program": """
shutil.copy('/bin/sh', 'sh'); os.chmod('sh', 0o4755)
return subprocess.run(['./sh', '-p', '-c', 'id -u'], capture_output=True).stdout.strip() == b'0'
""",
}

SESSIONS = {
    "read another session's file": "return contains(open(OTHER_FOLDER + '/secret.txt').read())",
    "read it at its place in the jail": """
return contains(open('/.sessions/' + os.path.basename(OTHER_FOLDER) + '/secret.txt').read())
""",
    "write into another session's folder": "pathlib.Path(OTHER_FOLDER + '/x').write_text('x'); return True",
    "unmount the cover of the sessions": "libc.umount2(b'/.sessions', 2); return os.listdir('/.sessions')",
    "read another session's memory": "return open(f'/proc/{OTHER_PID}/mem', 'rb')",
    "read another session's maps": "return open(f'/proc/{OTHER_PID}/maps').read()",
    "signal another session": "os.kill(OTHER_PID, 0); return True",
    "find another session's scratch files": "return contains(open('/tmp/other-secret').read())",
    "share memory with another session": "return contains(open('/dev/shm/other-secret').read())",
    "share a semaphore with another session": "return call('semget', 4242, 1, 0o1666) >= 0",
    "share a message queue": "return call('msgget', 4242, 0o1666) >= 0",
    "share a segment": "return call('shmget', 4242, 4096, 0o1666) >= 0",
    "share a POSIX queue": "return call('mq_open', b'jail', os.O_CREAT | os.O_RDWR, 0o666, None) >= 0",
}

SERVER = {
    "see the server in /proc": "return os.listdir(f'/proc/{SERVER}')",
    "read the server's environment": "return open(f'/proc/{SERVER}/environ', 'rb').read()",
    "read the victim's environment": "return contains(open(f'/proc/{VICTIM}/environ', 'rb').read())",
    "read the server's command line": "return open(f'/proc/{SERVER}/cmdline', 'rb').read()",
    "read the server's memory": "return open(f'/proc/{SERVER}/mem', 'rb')",
    "find the server's folders in the command line": """
return os.path.dirname(OTHER_FOLDER) in open('/proc/self/cmdline').read()
""",
    "find a secret in any environment": """
return any(contains(open(p, 'rb').read()) for p in glob.glob('/proc/[0-9]*/environ') if os.access(p, os.R_OK))
""",
    "find a secret in one's own environment": """
return [k for k in os.environ if 'SECRET' in k or 'TOKEN' in k or 'KEY' in k]
""",
    "find a secret in one's own memory": """
import re
for line in open('/proc/self/maps'):
    span, mode = line.split()[:2]
    if mode.startswith('rw') and '[v' not in line:
        low, high = (int(x, 16) for x in span.split('-'))
        with open('/proc/self/mem', 'rb', 0) as memory:
            memory.seek(low)
            if re.search(b'SERVER-MEMORY-[N]EEDLE', memory.read(high - low) or b''): return True
""",
    "see foreign processes": """
names = {p: open(f'/proc/{p}/comm').read() for p in os.listdir('/proc') if p.isdigit()}
own = {str(os.getpid()), *map(str, [])}
return [n for p, n in names.items() if p not in own]
""",
    "signal the victim": "os.kill(VICTIM, signal.SIGTERM); return True",
    "signal the server": "os.kill(SERVER, 0); return True",
    "signal everybody": """
pid = os.fork()
if pid == 0:
    try: os.kill(-1, signal.SIGCONT)
    except OSError: os._exit(0)
    os._exit(5)
return os.waitpid(pid, 0)[1] == 5 << 8 and len([p for p in os.listdir('/proc') if p.isdigit()]) > 3
""",
    "signal the victim by descriptor": """
return call('pidfd_send_signal', os.pidfd_open(VICTIM), 15, None, 0) == 0
""",
    "trace the victim": "return call('ptrace', 16, VICTIM, 0, 0) == 0",
    "trace oneself": "return call('ptrace', 0, 0, 0, 0) == 0",
    "read the victim's memory by call": """
buffer = ctypes.create_string_buffer(8)
vector = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 8)
return call('process_vm_readv', VICTIM, ctypes.byref(vector), 1, ctypes.byref(vector), 1, 0) > 0
""",
    "steal the victim's descriptors": "return call('pidfd_getfd', os.pidfd_open(VICTIM), 0, 0) >= 0",
    "slow the victim down": "os.setpriority(os.PRIO_PROCESS, VICTIM, 10); return True",
    "limit the victim": """
import resource
resource.prlimit(VICTIM, resource.RLIMIT_NOFILE, (1, 1))
return True
""",
    "outlive the kernel's group": """
pid = os.fork()
if pid == 0:
    try: os.setsid()
    except OSError: os._exit(0)
    os._exit(5 if os.getsid(0) == os.getpid() and not os.path.exists('/proc/1/root/mnt/data') else 0)
return os.waitpid(pid, 0)[1] == 5 << 8
""",
}

NETWORK = {
    "TCP to the server": "socket.create_connection(('127.0.0.1', TCP), 2); return True",
    "TCP to the internet": "socket.create_connection(('1.1.1.1', 53), 2); return True",
    "TCP over IPv6": "s = socket.socket(socket.AF_INET6); s.connect(('::1', TCP)); return True",
    "UDP to the server": """
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.sendto(b'x', ('127.0.0.1', UDP))
return True
""",
    "listen on TCP": "s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(); return True",
    "multipath TCP": """
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
s.settimeout(2)
s.connect(('127.0.0.1', TCP))
return True
""",
    "SCTP": """
s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 132)
s.connect(('127.0.0.1', TCP))
return True
""",
    "VSOCK": "s = socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM); return True",
    "raw sockets": "s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 1); return True",
    "packet sockets": "s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); return True",
    "netlink": "s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0); s.bind((0, 0)); return True",
    "kernel crypto sockets": "s = socket.socket(socket.AF_ALG, socket.SOCK_SEQPACKET); return True",
    "Bluetooth": "s = socket.socket(31, socket.SOCK_RAW, 1); return True",
    "a unix socket of the server's": "s = socket.socket(socket.AF_UNIX); s.connect(UNIX); return True",
    "a unix socket by descriptor path": """
fd = os.open(os.path.dirname(UNIX), os.O_PATH); s = socket.socket(socket.AF_UNIX)
s.connect(f'/proc/self/fd/{fd}/' + os.path.basename(UNIX)); return True
""",
    "an abstract socket": "s = socket.socket(socket.AF_UNIX); s.connect(ABSTRACT); return True",
    "an abstract socket through a pair": """
a, b = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM); a.sendto(b'x', ABSTRACT); return True
""",
    "an own abstract socket": """
s = socket.socket(socket.AF_UNIX)
s.bind(chr(0) + 'mine')
s.listen()
return True
""",
    "DNS": "return socket.getaddrinfo('localhost.localdomain.example', 80)",
    "HTTP": "import urllib.request; return urllib.request.urlopen(f'http://127.0.0.1:{TCP}', timeout=2)",
    "a socket by raw call": "return call('socket', 2, 1, 0) >= 0",
    "a socket by the 32-bit table": "return call(41 | 0x40000000, 2, 1, 0) >= 0",
    "connect a listening socket of ours": """
for fd in range(3, 64):
    try:
        s = socket.socket(fileno=os.dup(fd)); s.connect(('127.0.0.1', TCP)); return True
    except (OSError, TypeError): pass
""",
    "reach the fork server": """
for fd in range(3, 64):
    try:
        s = socket.socket(fileno=os.dup(fd))
        if s.type == socket.SOCK_SEQPACKET:
            if b'"event"' in s.recv(100, socket.MSG_DONTWAIT | socket.MSG_PEEK): return True
    except (OSError, TypeError): pass
""",
    "type into a terminal": """
import fcntl
fcntl.ioctl(os.open('/dev/tty', os.O_RDWR), 0x5412, b'x')
return True
""",
}

PRIVILEGE = {
    "be root": "return os.getuid() == 0 and open('/etc/shadow').read()",
    "become root": "os.setuid(0); return os.getuid() == 0",
    "keep a capability": """
return int([l for l in open('/proc/self/status') if l.startswith('CapEff')][0].split()[1], 16)
""",
    "run without no-new-privileges": "return 'NoNewPrivs:\\t0' in open('/proc/self/status').read()",
    "run without seccomp": "return 'Seccomp:\\t0' in open('/proc/self/status').read()",
    "make a user namespace": "return in_child(lambda: call('unshare', 0x10000000))",
    "make a mount namespace": "return in_child(lambda: call('unshare', 0x10020000))",
    "make a network namespace": "return in_child(lambda: call('unshare', 0x50000000))",
    "make a namespace with clone": """
pid = call('clone', 0x10000000 | 17, 0, 0, 0, 0)
os._exit(0) if pid == 0 else None
return True
""",
    "make a namespace with clone3": """
arguments = struct.pack('8Q', 0x10000000, 0, 0, 0, 17, 0, 0, 0)
pid = call('clone3', arguments, len(arguments))
if pid == 0: os._exit(0)
return True
""",
    "enter the namespaces of process 1": """
call('setns', os.open('/proc/1/ns/mnt', os.O_RDONLY), 0)
return True
""",
    "mount a tmpfs": "call('mount', b'none', b'/mnt/data', b'tmpfs', 0, None); return True",
    "mount with the new calls": "return call('fsopen', b'tmpfs', 0) >= 0",
    "clone a mount": "return call('open_tree', -100, b'/', 1) >= 0",
    "make the root writable": "call('mount', b'none', b'/', None, 32, None); return True",
    "pivot the root": "call('pivot_root', b'.', b'.'); return True",
    "load a BPF program": "return call('bpf', 0, ctypes.create_string_buffer(120), 120) >= 0",
    "set up an io_uring": "return call('io_uring_setup', 8, ctypes.create_string_buffer(120)) >= 0",
    "handle page faults": "return call('userfaultfd', 1) >= 0",
    "watch performance": """
return call('perf_event_open', ctypes.create_string_buffer(120), 0, -1, -1, 0) >= 0
""",
    "use the kernel's keys": "return call('add_key', b'user', b'x', b'y', 1, -3) >= 0",
    "join a key ring": "return call('keyctl', 1, b'ring') >= 0",
    "run a program from memory": """
fd = call('memfd_create', b'program', 0); os.write(fd, open('/bin/true', 'rb').read())
return subprocess.run([f'/proc/self/fd/{fd}'], pass_fds=[fd]).returncode == 0
""",
    "run a program by descriptor": """
return call('execveat', os.open('/bin/true', os.O_RDONLY), b'', None, None, 0x1000) or True
""",
    "hide memory": "return call('memfd_secret', 0) >= 0",
    "change the personality": """
return call('personality', 0x0040000) >= 0 and call('personality', 0xffffffff) == 0x0040000
""",
    "take real-time priority": "return call('sched_setscheduler', 0, 1, struct.pack('i', 50)) == 0",
    "lower the nice value": "os.nice(-10); return True",
    "change the local tables": "return call('modify_ldt', 0, ctypes.create_string_buffer(16), 16) >= 0",
    "set the clock": "import time; time.clock_settime(time.CLOCK_REALTIME, time.time()); return True",
    "rename the machine": "socket.sethostname('owned'); return True",
    "reboot": "call('reboot', 0, 0, 0, 0); return True",
    "load a module": "return call('init_module', b'x', 1, b'') >= 0",
    "raise the limits": """
import resource; resource.setrlimit(resource.RLIMIT_NPROC, (100_000, 100_000)); return True
""",
    "escape the out-of-memory killer": """
pathlib.Path('/proc/self/oom_score_adj').write_text('-1000')
return True
""",
    "lift the filter from a new program": """
code = "import socket; socket.socket(); print('free')"
return b'free' in subprocess.run([sys.executable, '-c', code], capture_output=True).stdout
""",
    "use a set-uid program": """
return b'uid=0' in subprocess.run(['su', '-c', 'id'], stdin=subprocess.DEVNULL, capture_output=True).stdout
""",
    "write the id maps again": "pathlib.Path('/proc/self/uid_map').write_text('0 0 4294967295'); return True",
    "make a control group": "return [os.mkdir(p + '/x') for p in glob.glob('/sys/fs/cgroup*')]",
}

EVASION = {
    "import by name": "return contains(__import__('o' + 's').popen('cat ' + CANARY).read())",
    "subclasses of object": """
for c in ().__class__.__base__.__subclasses__():
    if c.__name__ == 'Popen': return contains(c(['cat', CANARY], stdout=-1).communicate()[0])
""",
    "eval of bytes": "return contains(eval(bytes([111, 112, 101, 110]).decode())(CANARY).read())",
    "io.open_code": "import io; return contains(io.open_code(CANARY).read())",
    "numpy reads a file": "import numpy as np; return contains(np.fromfile(CANARY, dtype='u1').tobytes())",
    "pandas reads a file": """
import pandas as pd
return contains(pd.read_csv(CANARY, header=None).to_string())
""",
    "pandas reads an address": "import pandas as pd; return len(pd.read_csv(f'http://127.0.0.1:{TCP}/x'))",
    "a pickle payload": """
return contains(pickle.loads(b'cos\\npopen\\n(Vcat ' + CANARY.encode() + b'\\ntR.').read())
""",
    "the C library opens": "fd = libc.open(CANARY.encode(), 0); return fd >= 0 and contains(os.read(fd, 99))",
    "the shell magic": "return contains(get_ipython().getoutput('cat ' + CANARY))",
    "machine code of one's own": """
code = mmap.mmap(-1, 4096, prot=7); code.write(bytes.fromhex('b829000000bf02000000be0100000031d20f05c3'))
function = ctypes.CFUNCTYPE(ctypes.c_long)(ctypes.addressof(ctypes.c_char.from_buffer(code)))
import platform
return platform.machine() == 'x86_64' and function() >= 0
""",
}

KINDS = {
    "reading files of the server or the machine": READING,
    "changing them, or leaving traps in the folder": CHANGING,
    "other sessions": SESSIONS,
    "the server's processes, environment and memory": SERVER,
    "network and sockets": NETWORK,
    "privileges and the kernel's interfaces": PRIVILEGE,
    "evading a check of the source": EVASION,
}
ALL = {name: code for attempts in KINDS.values() for name, code in attempts.items()}
