# Mounts a file system that never answers, in a mount namespace of its own, and becomes another program there: hung-mount.py FOLDER PROGRAM ARGUMENT...
# Nobody reads what the kernel asks through the descriptor, and the kernel asks for as long as somebody has it.
import ctypes
import os
import sys

CLONE_NEWNS, MS_REC, MS_PRIVATE = 0x20000, 0x4000, 0x40000
libc = ctypes.CDLL(None, use_errno=True)


def check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


folder, program = sys.argv[1], sys.argv[2:]
check(libc.unshare(CLONE_NEWNS))
check(libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None))
device = os.open("/dev/fuse", os.O_RDWR)
os.set_inheritable(device, True)
os.makedirs(folder, exist_ok=True)
options = f"fd={device},rootmode=40000,user_id=0,group_id=0"
check(libc.mount(b"hung", folder.encode(), b"fuse.hung", 0, options.encode()))
os.execvp(program[0], program)
