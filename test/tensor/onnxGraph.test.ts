/** The bytes of a model, and what the graph leaves out of it. */
import { describe, expect, test } from 'vitest';
import { newGraph } from '../../src/tensor/backends/onnx/graph.ts';
import { floatField, intField, messageField, textField } from '../../src/tensor/backends/onnx/protobuf.ts';

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString('hex');

describe('wire format', () => {
  // the examples of https://protobuf.dev/programming-guides/encoding/
  test.each([
    ['a varint', intField(1, 150), '089601'],
    ['a negative number', intField(1, -2), '08feffffffffffffffff01'],
    ['text', textField(2, 'testing'), '120774657374696e67'],
    ['a message', messageField(3, [intField(1, 150)]), '1a03089601'],
  ])('%s', (_, bytes, expected) => expect(hex(bytes)).toBe(expected));

  test('a float is four bytes of IEEE 754, lowest first', () => {
    expect(hex(floatField(2, 1))).toBe('150000803f');
  });
});

describe('graph', () => {
  const count = (model: Uint8Array, op: string) => Buffer.from(model).toString('latin1').split(`"\x03${op}`).length - 1;

  test('identical nodes and constants are one, dead ones none', () => {
    const graph = newGraph();
    const x = graph.input({ name: 'x', type: 'float32', shape: [2] });
    graph.input({ name: 'unused', type: 'float32', shape: [2] });
    const three = () => graph.constant([3], [], 'float32');
    const product = graph.node('Mul', [x, three()]);
    expect(graph.node('Mul', [x, three()])).toBe(product);
    graph.node('Add', [x, three()]);
    const { model, inputs } = graph.write([
      { name: graph.node('Add', [product, product]), type: 'float32', shape: [2] },
    ]);
    expect(inputs).toEqual(['x']);
    expect([count(model, 'Mul'), count(model, 'Add')]).toEqual([1, 1]);
  });

  test('constants differ by type and shape as well as by value', () => {
    const graph = newGraph();
    const names = [
      graph.constant([1], [], 'float32'),
      graph.constant([1], [1], 'float32'),
      graph.constant([1], [], 'int32'),
      graph.constant([1], [], 'int64'),
      graph.constant([2], [], 'float32'),
    ];
    expect(new Set(names).size).toBe(5);
  });
});
