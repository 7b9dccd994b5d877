"""An all-reduce over TCP with nothing but Python: every rank has a vector, all end with the sum of them.

It finds the others by the variables that distributed programs read everywhere: RANK, WORLD_SIZE, MASTER_ADDR, MASTER_PORT.
"""

import json
import os
import socket
import time

LENGTH = 10_000
PATIENCE_S = 60

rank = int(os.environ["RANK"])
size = int(os.environ["WORLD_SIZE"])
place = (os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]))


def gather(vector):
    """Rank 0 takes the vectors of all others, adds them to its own, and sends the sum to each."""
    family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
    others = []
    with socket.create_server(("", place[1]), family=family) as server:
        while len(others) < size - 1:
            other, _ = server.accept()
            stream = other.makefile("rw")
            vector = [a + b for a, b in zip(vector, json.loads(stream.readline()))]
            others.append(stream)
    for stream in others:
        stream.write(json.dumps(vector) + "\n")
        stream.close()
    return vector


def send(vector):
    """All ranks start together, but the first one may take a moment longer until it listens."""
    end = time.monotonic() + PATIENCE_S
    while True:
        try:
            with socket.create_connection(place) as first:
                stream = first.makefile("rw")
                stream.write(json.dumps(vector) + "\n")
                stream.flush()
                return json.loads(stream.readline())
        except ConnectionRefusedError:
            if time.monotonic() > end:
                raise
            time.sleep(0.05)


mine = [rank + at for at in range(LENGTH)]
total = gather(mine) if rank == 0 else send(mine)
assert total == [size * (size - 1) // 2 + at * size for at in range(LENGTH)], "the sum is wrong"
where = f"node rank {os.environ.get('NODE_RANK', os.environ.get('GROUP_RANK', '-'))}, local rank {os.environ.get('LOCAL_RANK', '-')}"
print(f"rank {rank} of {size} ({where}): the sum of {size} vectors begins {' '.join(map(str, total[:3]))}")
