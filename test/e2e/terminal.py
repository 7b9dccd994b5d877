# Sits at a terminal as a person does: starts the command that it is given on a pseudo-terminal of 33 x 101, types, changes
# the size, presses Ctrl-C, and ends with the code of the command. Prints all that the command printed.
import fcntl, os, pty, select, signal, struct, sys, termios, time

pid, master = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 33, 101, 0, 0))
    os.execvp(sys.argv[1], sys.argv[1:])

shown = b''


def read_until(text):
    global shown
    start = len(shown)
    deadline = time.monotonic() + 60
    while text not in shown[start:]:
        if time.monotonic() > deadline:
            sys.stdout.buffer.write(shown)
            raise SystemExit('never came: %r' % text)
        if select.select([master], [], [], 0.1)[0]:
            try:
                data = os.read(master, 65536)
            except OSError:
                data = b''
            if not data:
                break
            shown += data


def type_in(text):
    os.write(master, text.encode())


# The words are put together by the shell, so that the echo of what is typed is not taken for them.
type_in("stty -echo; echo re''ady\n")
read_until(b'ready')
type_in("echo size: $(stty size); echo term: $TERM; [ -t 0 ] && echo tty: yes; echo do''ne\n")
read_until(b'done')
fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack('HHHH', 40, 120, 0, 0))
os.kill(pid, signal.SIGWINCH)
type_in("while [ \"$(stty size)\" != '40 120' ]; do sleep 0.05; done; echo resized: $(stty size)\n")
read_until(b'resized')
# A program says so, not the shell, which may miss a Ctrl-C between its own words and the start of a program.
type_in("sh -c 'echo as\"\"leep; exec sleep 600'; echo interrupted: $?\n")
read_until(b'asleep')
type_in('\x03')
time.sleep(0)
type_in("echo interrupted: $?\n")
read_until(b'interrupted')
type_in('exit 5\n')
while True:
    try:
        data = os.read(master, 65536)
    except OSError:
        break
    if not data:
        break
    shown += data
_, status = os.waitpid(pid, 0)
sys.stdout.buffer.write(shown)
sys.stdout.flush()
raise SystemExit(os.waitstatus_to_exitcode(status))
