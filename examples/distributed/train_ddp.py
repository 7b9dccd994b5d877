"""Data-parallel training with PyTorch, as small as it gets. Works with `launcher: torchrun` and `launcher: per_gpu` alike.

Nothing in it knows of Sluice: ranks and addresses come from the environment, where PyTorch looks for them.
"""

import os

import torch
import torch.distributed as dist
from torch.nn.parallel import DistributedDataParallel

cuda = torch.cuda.is_available()
dist.init_process_group("nccl" if cuda else "gloo")
local_rank = int(os.environ["LOCAL_RANK"])
device = torch.device("cuda", local_rank) if cuda else torch.device("cpu")
if cuda:
    torch.cuda.set_device(device)

model = DistributedDataParallel(torch.nn.Linear(128, 10).to(device), device_ids=[local_rank] if cuda else None)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

# Where the last attempt came to, if it was stopped.
first_step = 0
resume = os.environ.get("SLUICE_RESUME_FROM")
if resume:
    state = torch.load(os.path.join(resume, "state.pt"), map_location=device)
    model.module.load_state_dict(state["model"])
    first_step = state["step"]

for step in range(first_step, 1_000):
    inputs = torch.randn(64, 128, device=device)
    targets = torch.randint(0, 10, (64,), device=device)
    loss = torch.nn.functional.cross_entropy(model(inputs), targets)
    optimizer.zero_grad()
    loss.backward()  # here the ranks exchange their gradients
    optimizer.step()
    if step % 100 == 0 and dist.get_rank() == 0:
        print(f"step {step}: loss {loss.item():.3f}", flush=True)
        folder = os.path.join(os.environ["SLUICE_CHECKPOINT_DIR"], f"step-{step}")
        os.makedirs(folder, exist_ok=True)
        torch.save({"model": model.module.state_dict(), "step": step}, os.path.join(folder, "state.pt"))
        with open(os.path.join(folder, "COMPLETE"), "w") as complete:
            complete.write(f'{{"step": {step}}}')

dist.destroy_process_group()
