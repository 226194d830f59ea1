"""First steps of AdamW in PyTorch, float64, from given weights: the losses, as JSON.

Reads from its input {block, depths, widths, stem, classes, params: [[shape, values], ...], images, labels, lr, weightDecay,
steps}; kernels are height, width, input, output, dense kernels input, output, images NHWC, in the order of the network's
parameters. The network is the one that the benchmark times (bench/torch_step.py). Needs torch.
"""

import json
import pathlib
import sys

import torch
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).parents[2] / "bench"))
from torch_step import network  # noqa: E402

torch.set_num_threads(1)  # more of them wait for each other where the processor is busy
given = json.load(sys.stdin)
model = network(*(given[key] for key in ("block", "depths", "widths", "stem", "classes"))).double()


def tensor(values, shape):
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


with torch.no_grad():
    for param, (shape, values) in zip(model.parameters(), given["params"], strict=True):
        value = tensor(values, shape)
        param.copy_(value.permute(3, 2, 0, 1) if value.dim() == 4 else value.T if value.dim() == 2 else value)

images = tensor(given["images"]["data"], given["images"]["shape"]).permute(0, 3, 1, 2)
labels = torch.tensor(given["labels"])
optimizer = torch.optim.AdamW(model.parameters(), lr=given["lr"], weight_decay=given["weightDecay"])
losses = []
for _ in range(given["steps"]):
    optimizer.zero_grad()
    loss = nn.functional.cross_entropy(model(images), labels)
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
print(json.dumps(losses))
