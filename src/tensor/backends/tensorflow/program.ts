/** A program recorded as a graph and made into a TensorFlow function. */
import { UserError, exitCode } from '../../../errors.ts';
import type { Program, Specs } from '../../compile.ts';
import type { Tensors } from '../../ops.ts';
import { dtypes, type CApi } from './capi.ts';
import { attributeTypes, newGraph, type Graph, type Value } from './graph.ts';
import './kernels.ts';
import { recordInto, valueOfTensor } from './tfjsNode.ts';
import { newVariables, type Variable, type Variables } from './variables.ts';

export interface TracedProgram {
  readonly graph: Graph;
  /** Arguments in the function's order: state, then inputs. */
  readonly args: { readonly state: readonly string[]; readonly inputs: readonly string[] };
  /** The outputs in the function's order. */
  readonly results: readonly { readonly name: string; readonly shape: readonly number[]; readonly dtype: number }[];
  readonly argValues: readonly Value[];
  readonly resultValues: readonly Value[];
  readonly variables: Variables;
  /** The state entries that change, not yet assigned. */
  readonly changes: readonly { readonly variable: Variable; readonly value: Value }[];
  /** What was recorded, as text: two recordings of a pure program are alike. */
  readonly lines: readonly string[];
}

const identity = (graph: Graph, value: Value): Value =>
  graph.operation('Identity', [{ name: 'T', type: attributeTypes.type, value: value.dtype }], [value], 1)[0]!;

const toFloat = (graph: Graph, value: Value): Value =>
  graph.operation(
    'Cast',
    [
      { name: 'SrcT', type: attributeTypes.type, value: value.dtype },
      { name: 'DstT', type: attributeTypes.type, value: dtypes.float32 },
    ],
    [value],
    1,
  )[0]!;

/** Outputs are numbers: what is neither float32 nor int32 becomes float32. */
const asNumber = (graph: Graph, value: Value): Value =>
  value.dtype === dtypes.float32 || value.dtype === dtypes.int32 ? identity(graph, value) : toFloat(graph, value);

/** What a program sees of an input: TensorFlow.js has no uint8. */
const seen = (graph: Graph, value: Value): Value => (value.dtype === dtypes.uint8 ? toFloat(graph, value) : value);

/** Records a program over a state and inputs of these shapes. */
export function trace(api: CApi, name: string, program: Program, state: Specs, inputs: Specs): TracedProgram {
  const graph = newGraph(api);
  try {
    const variables = newVariables(graph);
    return recordInto({ graph, variables }, (tensorOf) => {
      const each = <T>(specs: Specs, make: (shape: readonly number[], dtype: number) => T) =>
        Object.entries(specs).map(([key, { shape, dtype }]) => [key, make(shape, dtypes[dtype])] as const);
      const stateArgs = each(state, (shape, dtype) => variables.add(shape, dtype));
      const inputArgs = each(inputs, (shape, dtype) => graph.placeholder(shape, dtype));
      const tensors = (args: readonly (readonly [string, Value])[]): Tensors =>
        Object.fromEntries(args.map(([key, value]) => [key, tensorOf(value)]));

      const { state: next = {}, outputs } = program(
        tensors(stateArgs.map(([key, { initial }]) => [key, initial])),
        tensors(inputArgs.map(([key, value]) => [key, seen(graph, value)])),
      );

      const entries = new Map(stateArgs);
      const changed = Object.entries(next)
        .map(([key, tensor]) => [key, valueOfTensor(tensor)] as const)
        .filter(([key, value]) => entries.get(key)?.initial.label !== value.label);
      for (const [key, value] of changed) checkState(name, key, state, value);
      const lost = stateArgs.find(
        ([key, entry]) => variables.isWritten(entry) && !changed.some(([other]) => other === key),
      );
      if (lost) throw new TypeError(`${name}: overwrites state ${lost[0]}, and must return its new value`);
      const read = Object.entries(outputs).map(
        ([key, tensor]) => [key, asNumber(graph, valueOfTensor(tensor))] as const,
      );
      return {
        graph,
        args: { state: Object.keys(state), inputs: Object.keys(inputs) },
        results: read.map(([key, { shape, dtype }]) => ({ name: key, shape: shape!, dtype })),
        argValues: [...stateArgs.map(([, { resource }]) => resource), ...inputArgs.map(([, value]) => value)],
        resultValues: read.map(([, value]) => value),
        changes: changed.map(([key, value]) => ({ variable: entries.get(key)!, value })),
        variables,
        lines: [...graph.lines, ...changed.map(([key, { label }]) => `${key} ← %${label}`)],
      };
    });
  } catch (error) {
    graph.close();
    throw error;
  }
}

function checkState(program: string, key: string, state: Specs, value: Value): void {
  const spec = state[key];
  if (!spec) throw new TypeError(`${program}: returns state ${key}, which the session does not have`);
  if (spec.shape.join() !== value.shape?.join() || dtypes[spec.dtype] !== value.dtype) {
    const found = `type ${value.dtype} [${value.shape?.join(', ') ?? '?'}]`;
    throw new TypeError(
      `${program}: state ${key} is ${spec.dtype} [${spec.shape.join(', ')}], but ${found} is returned`,
    );
  }
}

/** A program recorded twice must give the same graph; a number that changed would have been frozen at its first value. */
export function checkSameGraph(name: string, first: readonly string[], second: readonly string[]): void {
  const length = Math.max(first.length, second.length);
  for (let i = 0; i < length; i++) {
    const [was, is] = [first[i] ?? 'nothing', second[i] ?? 'nothing'];
    if (was === is) continue;
    throw new UserError(
      `${name} is not a pure function of its arguments: operation ${i} was ${was}, and is now ${is}`,
      {
        remedy: 'pass what changes from step to step as an input of the program',
        code: exitCode.checkFailed,
      },
    );
  }
}
