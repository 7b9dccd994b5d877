# A person with a shell on granted GPUs: types, sees the agent and the scheduler die and come back, types again, leaves with 5.
# usage: interactive.py STEPS COMMAND…, where whoever runs it makes STEPS/agent and STEPS/scheduler once it killed them, and
# this makes STEPS/ready, and STEPS/agent-over when the shell answers again.
import fcntl, os, pty, select, struct, sys, termios, time

steps, command = sys.argv[1], sys.argv[2:]
pid, master = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack('HHHH', 33, 101, 0, 0))
    os.execvp(command[0], command)

shown = b''


def pump(until, what):
    global shown
    deadline = time.monotonic() + 120
    while not until():
        if time.monotonic() > deadline:
            sys.stdout.buffer.write(shown)
            raise SystemExit('never came: ' + what)
        if select.select([master], [], [], 0.1)[0]:
            try:
                data = os.read(master, 65536)
            except OSError:
                return
            if not data:
                return
            shown += data


def say(text, answer):
    start = len(shown)
    os.write(master, text.encode())
    pump(lambda: answer in shown[start:], repr(answer))


pump(lambda: b'is Running on n1' in shown, 'a place')
say("echo re''ady $(stty size)\n", b'ready 33 101')
say("me=$$; echo gpus=''$CUDA_VISIBLE_DEVICES\n", b'gpus=GPU-')
open(steps + '/ready', 'w').close()
for fault in ['agent', 'scheduler']:
    pump(lambda: os.path.exists(steps + '/' + fault), fault)
    pump(lambda: shown.count(b'joined again') > ['agent', 'scheduler'].index(fault), 'joined again')
    say("echo same=''$((me == $$)) after=''%s\n" % fault, b'same=1 after=' + fault.encode())
    open(steps + '/' + fault + '-over', 'w').close()
os.write(master, b'exit 5\n')
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
