import type { PublishedFolder } from './imageDataset.ts';

/**
 * Imagenette, version 2 (December 2019): ten easily told classes of ImageNet, 70 % for training. Its archives imagenette2,
 * imagenette2-320 and imagenette2-160 hold the same images, the last two with the short side reduced.
 *
 * Reference: Howard, Imagenette, 2019. https://github.com/fastai/imagenette
 */
export const imagenette: PublishedFolder = {
  name: 'imagenette',
  summary: 'ten easy classes of ImageNet, 13,394 photographs (Howard 2019), as its archive unpacks',
  classes: 10,
  wnids: [
    'n01440764', 'n02102040', 'n02979186', 'n03000684', 'n03028079',
    'n03394916', 'n03417042', 'n03425413', 'n03445777', 'n03888257',
  ], // prettier-ignore
  words: [
    'tench', 'English springer', 'cassette player', 'chain saw', 'church',
    'French horn', 'garbage truck', 'gas pump', 'golf ball', 'parachute',
  ], // prettier-ignore
  counts: { train: 9_469, test: 3_925 },
};
