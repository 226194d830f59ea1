/** Recorded programs as TensorFlow functions, with or without a part that XLA compiles. */
import { outputArray, type CApi, type Pointer } from './capi.ts';
import { newGraph, type Entry, type Graph, type Value } from './graph.ts';

/** Makes a function of a graph, its effects included; the graph may be closed afterwards. */
export function toFunction(
  api: CApi,
  name: string,
  graph: Graph,
  args: readonly Value[],
  results: readonly Value[],
): Pointer {
  const array = (values: readonly Value[]) => outputArray(values.map(({ output }) => output));
  const everything = -1;
  return api.checked((status) =>
    api.TF_GraphToFunctionWithControlOutputs(
      graph.pointer,
      name,
      0,
      everything,
      null,
      args.length,
      array(args),
      results.length,
      array(results),
      null,
      graph.effects.length,
      BigUint64Array.from(graph.effects),
      null,
      null,
      name,
      status,
    ),
  );
}

/** Operations with kernels of their own that XLA's do not reach on a CPU. */
const heavy = /^(Conv2D|DepthwiseConv2d|MatMul|BatchMatMul|MaxPool|AvgPool|FusedBatchNorm)/;
const stays = /^(Placeholder|ReadVariableOp)$/;

/**
 * Moves what follows the last convolution, product, pooling and normalisation (the optimizer, the metrics) into a function
 * that XLA compiles. Returns the results as values of the remaining graph, and the function for the caller to delete.
 */
export function compileTail(
  api: CApi,
  name: string,
  graph: Graph,
  results: readonly Value[],
): { results: readonly Value[]; function?: Pointer } {
  const leadsToHeavy = new Set<string>();
  const tailEntries: Entry[] = [];
  for (const entry of graph.entries.toReversed()) {
    if ('constant' in entry || stays.test(entry.op)) continue;
    const isEffect = entry.outputs.length === 0;
    if (isEffect || heavy.test(entry.op) || entry.outputs.some(({ label }) => leadsToHeavy.has(label))) {
      for (const { label } of entry.inputs) leadsToHeavy.add(label);
    } else {
      tailEntries.unshift(entry);
    }
  }
  if (tailEntries.length === 0) return { results };

  const tail = newGraph(api);
  try {
    const constants = new Map(
      graph.entries.flatMap((e) => ('constant' in e ? [[e.outputs[0]!.label, e.constant] as const] : [])),
    );
    const moved = new Map<string, Value>();
    const inputs: Value[] = [];
    const args: Value[] = [];
    const into = (value: Value): Value => {
      const known = moved.get(value.label);
      if (known) return known;
      const constant = constants.get(value.label);
      const there = constant ? tail.constant(constant) : tail.placeholder(value.shape!, value.dtype);
      if (!constant) {
        inputs.push(value);
        args.push(there);
      }
      moved.set(value.label, there);
      return there;
    };
    for (const entry of tailEntries) {
      if ('constant' in entry) continue;
      const outputs = tail.operation(entry.op, entry.attributes, entry.inputs.map(into), entry.outputs.length);
      entry.outputs.forEach(({ label }, i) => moved.set(label, outputs[i]!));
    }
    const outer = results.filter(({ label }) => moved.has(label));
    const definition = toFunction(
      api,
      name,
      tail,
      args,
      outer.map(({ label }) => moved.get(label)!),
    );
    const called = graph.compiledCall(name, definition, inputs, outer);
    const replaced = new Map(outer.map(({ label }, i) => [label, called[i]!]));
    return { results: results.map((value) => replaced.get(value.label) ?? value), function: definition };
  } finally {
    tail.close();
  }
}
