import type { PublishedFolder } from './imageDataset.ts';

/**
 * ImageWoof, version 2 (December 2019): ten breeds of dogs out of ImageNet, 70 % for training.
 *
 * Reference: Howard, Imagenette, 2019. https://github.com/fastai/imagenette
 */
export const imagewoof: PublishedFolder = {
  name: 'imagewoof',
  summary: 'ten breeds of dogs out of ImageNet, 12,954 photographs (Howard 2019), as its archive unpacks',
  classes: 10,
  wnids: [
    'n02086240', 'n02087394', 'n02088364', 'n02089973', 'n02093754',
    'n02096294', 'n02099601', 'n02105641', 'n02111889', 'n02115641',
  ], // prettier-ignore
  words: [
    'Shih-Tzu', 'Rhodesian ridgeback', 'beagle', 'English foxhound', 'Border terrier',
    'Australian terrier', 'golden retriever', 'Old English sheepdog', 'Samoyed', 'dingo',
  ], // prettier-ignore
  counts: { train: 9_025, test: 3_929 },
};
