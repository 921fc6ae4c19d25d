"""System call numbers of the two supported processors, by name.

Source: `arch/x86/entry/syscalls/syscall_64.tbl` and `include/uapi/asm-generic/unistd.h` of the Linux kernel.
"""

import functools
import platform

# The highest number that was reviewed when the filter was written; newer calls get ENOSYS.
LAST_KNOWN = 466

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

# name, number on x86_64, number on aarch64 ("-": the processor does not have the call)
_TABLE = """
_sysctl 156 -
acct 163 89
add_key 248 217
adjtimex 159 171
bind 49 200
bpf 321 280
capset 126 91
chmod 90 -
chown 92 -
chroot 161 51
clock_adjtime 305 266
clock_settime 227 112
clone 56 220
clone3 435 435
close_range 436 436
connect 42 203
create_module 174 -
delete_module 176 106
execveat 322 281
fanotify_init 300 262
fanotify_mark 301 263
fchmodat 268 53
fchmodat2 452 452
fchownat 260 54
fcntl 72 25
finit_module 313 273
fsconfig 431 431
fsmount 432 432
fsopen 430 430
fspick 433 433
futimesat 261 -
getpriority 140 141
init_module 175 105
inotify_add_watch 254 27
inotify_init 253 -
inotify_init1 294 26
io_uring_enter 426 426
io_uring_register 427 427
io_uring_setup 425 425
ioctl 16 29
ioperm 173 -
iopl 172 -
ioprio_set 251 30
kcmp 312 272
kexec_file_load 320 294
kexec_load 246 104
keyctl 250 219
kill 62 129
landlock_add_rule 445 445
landlock_create_ruleset 444 444
landlock_restrict_self 446 446
lchown 94 -
listen 50 201
lookup_dcookie 212 18
lremovexattr 198 15
lsetxattr 189 6
mbind 237 235
memfd_create 319 279
memfd_secret 447 447
migrate_pages 256 238
mknod 133 -
mknodat 259 33
modify_ldt 154 -
mount 165 40
mount_setattr 442 442
move_mount 429 429
move_pages 279 239
mq_open 240 180
mq_unlink 241 181
msgctl 71 187
msgget 68 186
msgrcv 70 188
msgsnd 69 189
name_to_handle_at 303 264
open_by_handle_at 304 265
open_tree 428 428
perf_event_open 298 241
personality 135 92
pidfd_getfd 438 438
pidfd_open 434 434
pidfd_send_signal 424 -
pivot_root 155 41
prctl 157 167
prlimit64 302 261
process_madvise 440 440
process_mrelease 448 448
process_vm_readv 310 270
process_vm_writev 311 271
ptrace 101 117
quotactl 179 60
quotactl_fd 443 443
reboot 169 142
removexattr 197 14
removexattrat 466 466
renameat2 316 276
request_key 249 218
rt_sigqueueinfo 129 -
rt_tgsigqueueinfo 297 -
sched_setaffinity 203 122
sched_setattr 314 274
sched_setparam 142 118
sched_setscheduler 144 119
seccomp 317 277
semctl 66 191
semget 64 190
semop 65 193
semtimedop 220 192
sendfile 40 71
sendmmsg 307 269
sendmsg 46 211
sendto 44 -
set_mempolicy 238 237
setdomainname 171 162
sethostname 170 161
setns 308 268
setpgid 109 154
setpriority 141 140
setsid 112 157
setsockopt 54 208
settimeofday 164 170
setxattr 188 5
setxattrat 463 463
shmat 30 196
shmctl 31 195
shmdt 67 197
shmget 29 194
socket 41 198
socketpair 53 199
splice 275 76
swapoff 168 225
swapon 167 224
symlink 88 -
symlinkat 266 36
sysfs 139 -
syslog 103 116
tee 276 77
tgkill 234 -
tkill 200 -
umount2 166 39
unshare 272 97
uselib 134 -
userfaultfd 323 282
ustat 136 -
utime 132 -
utimensat 280 88
utimes 235 -
vhangup 153 58
vmsplice 278 75
"""


@functools.cache
def numbers(machine: str | None = None) -> dict[str, int]:
    """The calls of `machine` (default: this one). Raises LookupError for an unsupported processor."""
    machine = machine or platform.machine()
    if machine not in AUDIT_ARCH:
        raise LookupError(f"the sandbox does not support {machine}")
    column = 1 if machine == "x86_64" else 2
    rows = (line.split() for line in _TABLE.strip().splitlines())
    return {row[0]: int(row[column]) for row in rows if row[column] != "-"}
