/** Our own kernels (`ops.ts`) as TensorFlow's fused operations. */
import * as tf from '@tensorflow/tfjs';
import { sizeOf } from '../../compile.ts';
import { adamStepKernel } from '../../adamStep.ts';
import { kernels } from '../../ops.ts';
import { dtypes } from './capi.ts';
import { attributeTypes, type Attribute, type Value } from './graph.ts';
import { infoOf, record, recordConstant, recordedVariables, valueOfTensor } from './tfjsNode.ts';
import type { Variable } from './variables.ts';

const float = (name: string): Attribute => ({ name, type: attributeTypes.type, value: dtypes.float32 });
const constant = (values: readonly number[], shape: readonly number[]): Value =>
  recordConstant({ shape, dtype: dtypes.float32, bytes: new Uint8Array(Float32Array.from(values).buffer) });

tf.registerKernel({
  kernelName: kernels.reluGrad,
  backendName: 'tensorflow',
  kernelFunc: ({ inputs }) =>
    infoOf(record('ReluGrad', [float('T')], [valueOfTensor(inputs['dy']!), valueOfTensor(inputs['y']!)], 1)[0]!),
});

const batchNormAttributes = (eps: number): Attribute[] => [
  float('T'),
  float('U'),
  { name: 'epsilon', type: attributeTypes.float, value: eps },
  { name: 'data_format', type: attributeTypes.string, value: 'NHWC' },
  { name: 'is_training', type: attributeTypes.bool, value: true },
];

/** What FusedBatchNormV3 hands to its gradient (its form differs between devices), by the mean it came with. */
const reserved = new WeakMap<tf.DataId, readonly Value[]>();

tf.registerKernel({
  kernelName: kernels.batchNormTrain,
  backendName: 'tensorflow',
  kernelFunc: ({ inputs, attrs }) => {
    const [x, scale, offset] = ['x', 'scale', 'offset'].map((name) => valueOfTensor(inputs[name]!)) as [
      Value,
      Value,
      Value,
    ];
    const none = constant([], [0]);
    const [y, mean, unbiased, ...reserve] = record(
      'FusedBatchNormV3',
      batchNormAttributes(attrs!['eps'] as number),
      [x, scale, offset, none, none],
      6,
    ) as [Value, Value, Value, ...Value[]];
    const shape = inputs['x']!.shape;
    const n = sizeOf(shape) / shape.at(-1)!;
    const [variance] = record('Mul', [float('T')], [unbiased, constant([n > 1 ? (n - 1) / n : 1], [])], 1);
    const meanInfo = infoOf(mean);
    reserved.set(meanInfo.dataId, reserve);
    return [infoOf(y), meanInfo, infoOf(variance!)];
  },
});

tf.registerKernel({
  kernelName: kernels.batchNormTrainGrad,
  backendName: 'tensorflow',
  kernelFunc: ({ inputs, attrs }) => {
    const reserve = reserved.get(inputs['mean']!.dataId);
    if (!reserve) throw new Error('batch normalisation: the gradient needs the statistics of its own forward pass');
    const [dx, dScale, dOffset] = record(
      'FusedBatchNormGradV3',
      batchNormAttributes(attrs!['eps'] as number),
      [...['dy', 'x', 'scale'].map((name) => valueOfTensor(inputs[name]!)), ...reserve],
      5,
    );
    return [dx!, dScale!, dOffset!].map(infoOf);
  },
});

/**
 * TensorFlow's own update, which goes over the parameter once and writes in place. The powers of β that it would correct the
 * step size by are 0, because it comes corrected; the decay waits for the gradient, so that its result is still in the cache.
 */
tf.registerKernel({
  kernelName: adamStepKernel,
  backendName: 'tensorflow',
  kernelFunc: ({ inputs, attrs }) => {
    const variables = recordedVariables();
    const [weights, m, v] = (['weights', 'm', 'v'] as const).map((name) => {
      const variable = variables.of(valueOfTensor(inputs[name]!));
      if (!variable) throw new TypeError(`adamStep: ${name} must be an entry of the state as the program got it`);
      if (variables.isWritten(variable)) throw new TypeError(`adamStep: ${name} has been given a new value before`);
      return variable;
    }) as [Variable, Variable, Variable];
    const [g, keep, stepSize, eps] = (['gradient', 'keep', 'stepSize', 'eps'] as const).map((name) =>
      valueOfTensor(inputs[name]!),
    ) as [Value, Value, Value, Value];
    const [kept] = record('Mul', [float('T')], [weights.initial, keep], 1, { after: [g.output.oper] });
    variables.assign(weights, kept!);
    const [uncorrected, beta1, beta2] = [0, attrs!['beta1'] as number, attrs!['beta2'] as number].map((x) =>
      constant([x], []),
    ) as [Value, Value, Value];
    const scalars = [uncorrected, uncorrected, stepSize, beta1, beta2, eps];
    return variables.overwrite('ResourceApplyAdam', [float('T')], [weights, m, v], [...scalars, g]).map(infoOf);
  },
});
