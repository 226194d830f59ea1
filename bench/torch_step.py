"""Times a training step in PyTorch, for `ranger21 bench --vs-torch`.

One argument: a JSON object {block, depths, widths, stem, classes, image, batch, optimizer, form, threads, channelsLast}.
After building the network it writes a line with its size; then, for every line on its input, a number of steps n, it takes
one step that is not timed and n that are, and answers with the mean times in milliseconds: the whole step and the
optimizer's part. Needs torch, and pytorch-optimizer for Ranger21.

The network is that of src/models/resnet.ts: He et al. 2016, stride in the bottleneck's 3x3, no bias before batch norm.
"""

import json
import resource
import sys
import time

import torch
from torch import nn


def conv_norm(cin, cout, size, stride=1):
    conv = nn.Conv2d(cin, cout, size, stride, padding=(size - 1) // 2, bias=False)
    nn.init.kaiming_normal_(conv.weight, mode="fan_out", nonlinearity="relu")
    return [conv, nn.BatchNorm2d(cout, eps=1e-5, momentum=0.1)]


class Block(nn.Module):
    def __init__(self, kind, cin, width, stride):
        super().__init__()
        relu = nn.ReLU(inplace=True)
        if kind == "basic":
            cout = width
            branch = [*conv_norm(cin, width, 3, stride), relu, *conv_norm(width, cout, 3)]
        else:
            cout = 4 * width
            branch = [
                *[*conv_norm(cin, width, 1), relu],
                *[*conv_norm(width, width, 3, stride), relu],
                *conv_norm(width, cout, 1),
            ]
        self.branch = nn.Sequential(*branch)
        changes = stride != 1 or cin != cout
        self.shortcut = nn.Sequential(*conv_norm(cin, cout, 1, stride)) if changes else nn.Identity()
        self.relu = relu
        self.cout = cout

    def forward(self, x):
        return self.relu(self.branch(x) + self.shortcut(x))


def network(block, depths, widths, stem, classes):
    if stem == "imagenet":
        layers = [*conv_norm(3, widths[0], 7, 2), nn.ReLU(inplace=True), nn.MaxPool2d(3, 2, 1)]
    else:
        layers = [*conv_norm(3, widths[0], 3), nn.ReLU(inplace=True)]
    channels = widths[0]
    for stage, (depth, width) in enumerate(zip(depths, widths)):
        for i in range(depth):
            layers.append(Block(block, channels, width, 2 if stage > 0 and i == 0 else 1))
            channels = layers[-1].cout
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, classes))


def optimizer_of(name, form, params):
    if name == "adamw":
        return torch.optim.AdamW(params, lr=1e-4, foreach=form == "foreach", fused=form == "fused")
    from pytorch_optimizer import Ranger21

    return Ranger21(params, num_iterations=10_000, lr=1e-4, foreach=form == "foreach")


def versions(name):
    if name == "adamw":
        return f"torch {torch.__version__}"
    from importlib.metadata import version

    return f"torch {torch.__version__}, pytorch-optimizer {version('pytorch-optimizer')}"


def main():
    given = json.loads(sys.argv[1])
    torch.set_num_threads(given["threads"])
    torch.manual_seed(0)
    model = network(*(given[key] for key in ("block", "depths", "widths", "stem", "classes")))
    images = torch.randn(given["batch"], 3, given["image"], given["image"])
    if given["channelsLast"]:
        model, images = (x.to(memory_format=torch.channels_last) for x in (model, images))
    labels = torch.arange(given["batch"]) * 7 % given["classes"]
    criterion = nn.CrossEntropyLoss()
    optimizer = optimizer_of(given["optimizer"], given["form"], model.parameters())

    def steps(n):
        whole = inside = 0.0
        for _ in range(n):
            start = time.perf_counter()
            optimizer.zero_grad(set_to_none=True)
            loss = criterion(model(images), labels)
            loss.backward()
            middle = time.perf_counter()
            optimizer.step()
            loss.item()
            end = time.perf_counter()
            whole += end - start
            inside += end - middle
        return {"step": 1e3 * whole / n, "optimizer": 1e3 * inside / n}

    start = time.perf_counter()
    steps(1)
    first = time.perf_counter() - start
    steps(1)
    answer = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "detail": versions(given["optimizer"]),
        "device": "cpu",
        "compileSeconds": 0,
        "firstStepSeconds": first,
        "peakRssBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    print(json.dumps(answer), flush=True)
    for line in sys.stdin:
        steps(1)
        print(json.dumps(steps(int(line))), flush=True)


if __name__ == "__main__":
    main()
