"""Times a training step in PyTorch, for `ranger21 bench --vs-torch`.

One argument: a JSON object {block, depths, widths, stem, classes, image, batch, optimizer, form, threads, channelsLast, device,
precision}. After building the network it writes a line with its size; then, for every line on its input, a number of steps n, it
takes one step that is not timed and n that are, and answers with the mean times in milliseconds: the whole step and the
optimizer's part. Needs torch, and pytorch-optimizer for Ranger21.

Images are bytes and normalised in the step. On a CUDA device every step copies its batch from pinned memory, cuDNN may choose its algorithms by trial, and the optimizer is
timed in n further steps, between two waits for the device that the whole step is spared.

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


def detail(name, device):
    parts = [f"torch {torch.__version__}"]
    if name != "adamw":
        from importlib.metadata import version

        parts.append(f"pytorch-optimizer {version('pytorch-optimizer')}")
    if device.type == "cuda":
        parts += [torch.cuda.get_device_name(device), f"cuDNN {torch.backends.cudnn.version()}"]
    return ", ".join(parts)


def main():
    given = json.loads(sys.argv[1])
    torch.set_num_threads(given["threads"])
    torch.manual_seed(0)
    device, precision = torch.device(given["device"]), given["precision"]
    on_gpu = device.type == "cuda"
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == "tf32"
    torch.backends.cudnn.benchmark = True
    model = network(*(given[key] for key in ("block", "depths", "widths", "stem", "classes")))
    images = torch.randint(256, (given["batch"], 3, given["image"], given["image"]), dtype=torch.uint8)
    if given["channelsLast"]:
        model, images = (x.to(memory_format=torch.channels_last) for x in (model, images))
    labels = torch.arange(given["batch"]) * 7 % given["classes"]
    model = model.to(device)
    if on_gpu:
        images, labels = images.pin_memory(), labels.pin_memory()
    criterion = nn.CrossEntropyLoss()
    optimizer = optimizer_of(given["optimizer"], given["form"], model.parameters())

    def now(wait):
        if on_gpu and wait:
            torch.cuda.synchronize(device)
        return time.perf_counter()

    def steps(n, inside=False):
        """Mean times of a step and of the optimizer in it; the latter only means something where it is waited for."""
        update = 0.0
        start = now(True)
        for _ in range(n):
            optimizer.zero_grad(set_to_none=True)
            x, y = (v.to(device, non_blocking=True) for v in (images, labels))
            x = (x.float() - 127.5) / 63.75
            with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16"):
                loss = criterion(model(x), y)
            loss.backward()
            middle = now(inside)
            optimizer.step()
            update += now(inside) - middle
            loss.item()
        return 1e3 * (now(True) - start) / n, 1e3 * update / n

    start = time.perf_counter()
    steps(1)
    first = time.perf_counter() - start
    steps(1)
    answer = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "detail": detail(given["optimizer"], device),
        "device": str(device),
        "compileSeconds": 0,
        "firstStepSeconds": first,
        "peakRssBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }
    print(json.dumps(answer), flush=True)
    for line in sys.stdin:
        steps(1)
        whole, update = steps(int(line))
        if on_gpu:
            _, update = steps(int(line), inside=True)
        print(json.dumps({"step": whole, "optimizer": update}), flush=True)


if __name__ == "__main__":
    main()
