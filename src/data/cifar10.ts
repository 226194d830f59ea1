import { concatenate, readCifar } from './cifar.ts';
import type { Files, Source, Splits } from './source.ts';

const batchBytes = 30_730_000;
const trainFiles = [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.bin`);

/** Reads the six files of CIFAR-10, each of `count` images. */
export function readCifar10(file: Files, count: number): Splits {
  const batch = (name: string) => readCifar(file(name), { count, labelBytes: 1, classes: 10, name });
  return { train: concatenate(trainFiles.map(batch)), test: batch('test_batch.bin') };
}

/**
 * CIFAR-10: 32×32 colour photographs.
 *
 * Reference: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
 */
export const cifar10: Source = {
  name: 'cifar10',
  summary: 'photographs of 10 classes, 32×32 colour (Krizhevsky 2009)',
  licence: 'none stated by its authors',
  shape: [32, 32, 3],
  classNames: ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'],
  mean: [0.4914, 0.4822, 0.4465],
  std: [0.247, 0.2435, 0.2616],
  counts: { train: 50_000, test: 10_000 },
  files: [
    {
      name: 'data_batch_1.bin',
      sizeBytes: batchBytes,
      sha256: 'cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5',
    },
    {
      name: 'data_batch_2.bin',
      sizeBytes: batchBytes,
      sha256: 'a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed',
    },
    {
      name: 'data_batch_3.bin',
      sizeBytes: batchBytes,
      sha256: 'bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67',
    },
    {
      name: 'data_batch_4.bin',
      sizeBytes: batchBytes,
      sha256: '014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48',
    },
    {
      name: 'data_batch_5.bin',
      sizeBytes: batchBytes,
      sha256: '755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add',
    },
    {
      name: 'test_batch.bin',
      sizeBytes: batchBytes,
      sha256: '8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b',
    },
  ],
  downloads: [
    {
      name: 'cifar-10-binary.tar.gz',
      sizeBytes: 170_052_171,
      sha256: 'c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd',
      url: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
    },
  ],
  archiveFolder: 'cifar-10-batches-bin',
  read: (file) => readCifar10(file, 10_000),
};
