/**
 * An ONNX graph under construction: identical nodes are merged, constants stored once, and what no output needs is left
 * out when the model is written.
 *
 * Field numbers follow onnx.proto3. Reference: https://onnx.ai/onnx/repo-docs/IR.html
 */
import { createHash } from 'node:crypto';
import { bytesField, floatField, intField, messageField, textField, type Bytes } from './protobuf.ts';

/** TensorProto.DataType */
export const elementType = { float32: 1, uint8: 2, int32: 6, int64: 7, bool: 9 } as const;
export type ElementType = keyof typeof elementType;

/** Whole numbers are ints, `{ float }` is a float, text a string. */
export type Attribute = number | string | readonly number[] | { readonly float: number };
export type Attributes = Readonly<Record<string, Attribute>>;

export interface Port {
  readonly name: string;
  readonly type: ElementType;
  /** Absent: any shape. */
  readonly shape?: readonly number[];
}

interface Node {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: Attributes;
}

const opset = 18;
const irVersion = 9;
/** Operators ONNX Runtime adds to the standard's. */
const contributed = new Set(['FusedMatMul', 'FusedConv']);
const contribDomain = 'com.microsoft';

export interface Graph {
  input(port: Port): string;
  constant(data: Float32Array | readonly number[], shape: readonly number[], type: ElementType): string;
  /** A node with one output. */
  node(op: string, inputs: readonly string[], attributes?: Attributes): string;
  /** A node with several; trailing ones that nothing uses are dropped. */
  nodes(op: string, inputs: readonly string[], attributes: Attributes, outputs: number): string[];
  /** The serialized model and the inputs that it has kept. */
  write(outputs: readonly Port[]): { model: Bytes; inputs: string[] };
}

export function newGraph(): Graph {
  const inputs: Port[] = [];
  const nodes: Node[] = [];
  const initializers = new Map<string, Bytes>();
  const constants = new Map<string, string>();
  const known = new Map<string, Node>();
  let names = 0;

  const graph: Graph = {
    input(port) {
      inputs.push(port);
      return port.name;
    },

    constant(data, shape, type) {
      const raw = rawBytes(data, type);
      const content =
        raw.length <= 64 ? Buffer.from(raw).toString('hex') : createHash('sha256').update(raw).digest('hex');
      const key = `${type} ${shape.join()} ${content}`;
      const existing = constants.get(key);
      if (existing) return existing;
      const name = `c${names++}`;
      constants.set(key, name);
      const dims = shape.map((n) => intField(1, n));
      initializers.set(
        name,
        messageField(5, [...dims, intField(2, elementType[type]), textField(8, name), bytesField(9, raw)]),
      );
      return name;
    },

    node(op, operands, attributes = {}) {
      return graph.nodes(op, operands, attributes, 1)[0]!;
    },

    nodes(op, operands, attributes, outputs) {
      const key = JSON.stringify([op, operands, attributes, outputs]);
      let node = known.get(key);
      if (!node) {
        node = { op, inputs: operands, outputs: Array.from({ length: outputs }, () => `t${names++}`), attributes };
        known.set(key, node);
        nodes.push(node);
      }
      return [...node.outputs];
    },

    write(outputs) {
      const needed = new Set(outputs.map(({ name }) => name));
      const live: Node[] = [];
      for (const node of nodes.toReversed()) {
        if (!node.outputs.some((name) => needed.has(name))) continue;
        live.push({
          ...node,
          outputs: node.outputs.slice(0, node.outputs.findLastIndex((name) => needed.has(name)) + 1),
        });
        for (const name of node.inputs) needed.add(name);
      }
      const used = inputs.filter(({ name }) => needed.has(name));
      const model = Buffer.concat([
        intField(1, irVersion),
        textField(2, 'ranger21'),
        messageField(7, [
          ...live.toReversed().map(writeNode),
          textField(2, 'program'),
          ...[...initializers].flatMap(([name, bytes]) => (needed.has(name) ? [bytes] : [])),
          ...used.map((port) => writePort(11, port)),
          ...outputs.map((port) => writePort(12, port)),
        ]),
        messageField(8, [textField(1, ''), intField(2, opset)]),
        messageField(8, [textField(1, contribDomain), intField(2, 1)]),
      ]);
      return { model, inputs: used.map(({ name }) => name) };
    },
  };
  return graph;
}

function rawBytes(data: Float32Array | readonly number[], type: ElementType): Bytes {
  const typed =
    type === 'int64'
      ? BigInt64Array.from(data as readonly number[], BigInt)
      : type === 'int32'
        ? Int32Array.from(data)
        : type === 'bool'
          ? Uint8Array.from(data)
          : Float32Array.from(data);
  return new Uint8Array(typed.buffer);
}

const writeNode = ({ op, inputs, outputs, attributes }: Node): Bytes =>
  messageField(1, [
    ...inputs.map((name) => textField(1, name)),
    ...outputs.map((name) => textField(2, name)),
    textField(3, outputs[0]!),
    textField(4, op),
    ...Object.entries(attributes).map(([name, value]) =>
      messageField(5, [textField(1, name), ...writeAttribute(value)]),
    ),
    ...(contributed.has(op) ? [textField(7, contribDomain)] : []),
  ]);

function writeAttribute(value: Attribute): Bytes[] {
  if (typeof value === 'number') return [intField(3, value), intField(20, 2)];
  if (typeof value === 'string') return [textField(4, value), intField(20, 3)];
  if ('float' in value) return [floatField(2, value.float), intField(20, 1)];
  return [...value.map((item) => intField(8, item)), intField(20, 7)];
}

function writePort(field: number, { name, type, shape }: Port): Bytes {
  const dims = shape
    ? [
        messageField(
          2,
          shape.map((n) => messageField(1, [intField(1, n)])),
        ),
      ]
    : [];
  const tensorType = messageField(1, [intField(1, elementType[type]), ...dims]);
  return messageField(field, [textField(1, name), messageField(2, [tensorType])]);
}

/** y = x for any shape, as a product with 1: an operator that really runs, and so can copy between devices. */
export function copyModel(type: 'float32' | 'int32'): Bytes {
  const graph = newGraph();
  const x = graph.input({ name: 'x', type });
  const y = graph.node('Mul', [x, graph.constant([1], [], type)]);
  return graph.write([{ name: y, type }]).model;
}
