import { readCifar } from './cifar.ts';
import type { Source } from './source.ts';

/**
 * CIFAR-100: 32×32 colour photographs; the 100 fine classes.
 *
 * Reference: Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009.
 */
export const cifar100: Source = {
  name: 'cifar100',
  summary: 'photographs of 100 classes, 32×32 colour (Krizhevsky 2009)',
  licence: 'none stated by its authors',
  shape: [32, 32, 3],
  // prettier-ignore
  classNames: [
    'apple', 'aquarium_fish', 'baby', 'bear', 'beaver', 'bed', 'bee', 'beetle', 'bicycle', 'bottle',
    'bowl', 'boy', 'bridge', 'bus', 'butterfly', 'camel', 'can', 'castle', 'caterpillar', 'cattle',
    'chair', 'chimpanzee', 'clock', 'cloud', 'cockroach', 'couch', 'crab', 'crocodile', 'cup', 'dinosaur',
    'dolphin', 'elephant', 'flatfish', 'forest', 'fox', 'girl', 'hamster', 'house', 'kangaroo', 'keyboard',
    'lamp', 'lawn_mower', 'leopard', 'lion', 'lizard', 'lobster', 'man', 'maple_tree', 'motorcycle', 'mountain',
    'mouse', 'mushroom', 'oak_tree', 'orange', 'orchid', 'otter', 'palm_tree', 'pear', 'pickup_truck', 'pine_tree',
    'plain', 'plate', 'poppy', 'porcupine', 'possum', 'rabbit', 'raccoon', 'ray', 'road', 'rocket',
    'rose', 'sea', 'seal', 'shark', 'shrew', 'skunk', 'skyscraper', 'snail', 'snake', 'spider',
    'squirrel', 'streetcar', 'sunflower', 'sweet_pepper', 'table', 'tank', 'telephone', 'television', 'tiger', 'tractor',
    'train', 'trout', 'tulip', 'turtle', 'wardrobe', 'whale', 'willow_tree', 'wolf', 'woman', 'worm',
  ],
  mean: [0.5071, 0.4865, 0.4409],
  std: [0.2673, 0.2564, 0.2762],
  counts: { train: 50_000, test: 10_000 },
  files: [
    {
      name: 'train.bin',
      sizeBytes: 153_700_000,
      sha256: 'f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29',
    },
    {
      name: 'test.bin',
      sizeBytes: 30_740_000,
      sha256: 'd8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a',
    },
  ],
  downloads: [
    {
      name: 'cifar-100-binary.tar.gz',
      sizeBytes: 168_513_733,
      sha256: '58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec',
      url: 'https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz',
    },
  ],
  archiveFolder: 'cifar-100-binary',
  read: (file) => {
    const split = (name: string, count: number) => readCifar(file(name), { count, labelBytes: 2, classes: 100, name });
    return { train: split('train.bin', 50_000), test: split('test.bin', 10_000) };
  },
};
