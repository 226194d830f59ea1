"""Times PyTorch's DataLoader on an image folder, for test/bench/imageLoader.js.

One argument: a JSON object {root, batch, workers, image, form}. For every line on its input, a number of batches n, it takes n
batches and answers with a JSON line {images, seconds, cpuSeconds}; the CPU time is that of the process and its workers.

The transform is torchvision's usual one on PIL images: RandomResizedCrop (scale 0.08 to 1, aspect 3/4 to 4/3, ten attempts, bilinear),
a random flip, and then either bytes in the order C, H, W (form "bytes", as timm's collation hands them over) or floating point,
divided by 255, mean subtracted, divided by the deviation (form "float", ToTensor and Normalize). It is written out here, so that
only torch, numpy and Pillow are needed. With the argument --eval FOLDER OUT it instead writes the evaluation transform (short
side 256, centre 224) of the folder's files, sorted, as raw bytes to OUT.
"""

import json
import math
import os
import random
import resource
import sys
import time

import numpy
from PIL import Image


def files_of(root):
    found = []
    for label, name in enumerate(sorted(entry.name for entry in os.scandir(root) if entry.is_dir())):
        folder = os.path.join(root, name)
        found += [(os.path.join(folder, file), label) for file in sorted(os.listdir(folder))]
    return found


def random_box(width, height):
    area = width * height
    for _ in range(10):
        target = area * random.uniform(0.08, 1)
        aspect = math.exp(random.uniform(math.log(3 / 4), math.log(4 / 3)))
        w = round(math.sqrt(target * aspect))
        h = round(math.sqrt(target / aspect))
        if 0 < w <= width and 0 < h <= height:
            left, top = random.randint(0, width - w), random.randint(0, height - h)
            return left, top, left + w, top + h
    aspect = min(max(width / height, 3 / 4), 4 / 3)
    w, h = min(width, round(height * aspect)), min(height, round(width / aspect))
    left, top = (width - w) // 2, (height - h) // 2
    return left, top, left + w, top + h


def evaluation(image, short=256, side=224):
    width, height = image.size
    size = (short, int(short * height / width)) if width <= height else (int(short * width / height), short)
    image = image.resize(size, Image.BILINEAR)
    left, top = int(round((size[0] - side) / 2)), int(round((size[1] - side) / 2))
    return image.crop((left, top, left + side, top + side))


def write_evaluation(folder, out):
    with open(out, "wb") as file:
        for path, _ in files_of(folder):
            file.write(numpy.asarray(evaluation(Image.open(path).convert("RGB"))).tobytes())


def serve(options):
    import torch
    from torch.utils.data import DataLoader, Dataset, RandomSampler

    mean = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
    std = torch.tensor([0.229, 0.224, 0.225])[:, None, None]

    class Folder(Dataset):
        def __init__(self):
            self.files = files_of(os.path.join(options["root"], "train"))

        def __len__(self):
            return len(self.files)

        def __getitem__(self, index):
            path, label = self.files[index]
            with open(path, "rb") as file:
                image = Image.open(file).convert("RGB")
            side = (options["image"], options["image"])
            image = image.crop(random_box(*image.size)).resize(side, Image.BILINEAR)
            if random.random() < 0.5:
                image = image.transpose(Image.FLIP_LEFT_RIGHT)
            pixels = torch.from_numpy(numpy.array(image)).permute(2, 0, 1).contiguous()
            if options["form"] == "float":
                pixels = pixels.float().div(255).sub_(mean).div_(std)
            return pixels, label

    torch.set_num_threads(1)
    folder = Folder()
    without_end = RandomSampler(folder, replacement=True, num_samples=1 << 30)  # an epoch's end would stop the prefetching
    batches = iter(DataLoader(folder, batch_size=options["batch"], sampler=without_end, num_workers=options["workers"]))

    def cpu_seconds():
        own = resource.getrusage(resource.RUSAGE_SELF)
        total = own.ru_utime + own.ru_stime
        for worker in getattr(batches, "_workers", []):
            with open(f"/proc/{worker.pid}/stat") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return total

    for line in sys.stdin:
        images = 0
        cpu, start = cpu_seconds(), time.perf_counter()
        for _ in range(int(line)):
            images += len(next(batches)[1])
        answer = {"images": images, "seconds": time.perf_counter() - start, "cpuSeconds": cpu_seconds() - cpu}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    if sys.argv[1] == "--eval":
        write_evaluation(sys.argv[2], sys.argv[3])
    else:
        serve(json.loads(sys.argv[1]))
