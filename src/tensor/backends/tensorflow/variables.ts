/**
 * The state of a program as TensorFlow's resource variables: read where the program begins, and overwritten in place, each
 * write after everything recorded before it that touches the variable.
 */
import type { Pointer } from './capi.ts';
import { dtypes } from './capi.ts';
import { attributeTypes, type Attribute, type Graph, type Value } from './graph.ts';

export interface Variable {
  readonly resource: Value;
  readonly shape: readonly number[];
  readonly dtype: number;
  /** Its value where the program begins. Stays what it is: TensorFlow copies a variable that is written while it is read. */
  readonly initial: Value;
}

export interface Variables {
  /** Takes one more entry of the state. */
  add(shape: readonly number[], dtype: number): Variable;
  /** The entry whose initial value this is. */
  of(value: Value): Variable | undefined;
  /** Whether something recorded has written to it. */
  isWritten(variable: Variable): boolean;
  /** Gives an entry a value, unless it has that already. */
  assign(variable: Variable, value: Value): void;
  /** An operation that overwrites entries, given first among its inputs; returns their new values. */
  overwrite(
    op: string,
    attributes: readonly Attribute[],
    written: readonly Variable[],
    inputs: readonly Value[],
  ): Value[];
}

const typed = (name: string, value: number): Attribute => ({ name, type: attributeTypes.type, value });

export function newVariables(graph: Graph): Variables {
  const byInitial = new Map<string, Variable>();
  /** What the next write of an entry has to wait for. */
  const uses = new Map<Variable, Pointer[]>();
  /** Labels of the values the entries have, as far as recorded. */
  const holds = new Map<Variable, string>();

  const read = (resource: Value, shape: readonly number[], dtype: number, after: readonly Pointer[]): Value => {
    const [value] = graph.operation('ReadVariableOp', [typed('dtype', dtype)], [resource], 1, { after });
    return graph.shaped(value!, shape);
  };

  function write(op: string, attributes: readonly Attribute[], written: readonly Variable[], inputs: readonly Value[]) {
    const resources = written.map(({ resource }) => resource);
    const after = [...new Set(written.flatMap((variable) => uses.get(variable)!))];
    return graph.effect(op, attributes, [...resources, ...inputs], after);
  }

  const isWritten = (variable: Variable) => holds.get(variable) !== variable.initial.label;

  return {
    add(shape, dtype) {
      const resource = graph.placeholder([], dtypes.resource);
      const initial = read(resource, shape, dtype, []);
      const variable = { resource, shape, dtype, initial };
      byInitial.set(initial.label, variable);
      uses.set(variable, [initial.output.oper]);
      holds.set(variable, initial.label);
      return variable;
    },

    of: (value) => byInitial.get(value.label),

    isWritten,

    assign(variable, value) {
      if (holds.get(variable) === value.label) return;
      uses.set(variable, [write('AssignVariableOp', [typed('dtype', variable.dtype)], [variable], [value])]);
      holds.set(variable, value.label);
    },

    overwrite(op, attributes, written, inputs) {
      const writing = write(op, attributes, written, inputs);
      return written.map((variable) => {
        const value = read(variable.resource, variable.shape, variable.dtype, [writing]);
        uses.set(variable, [writing, value.output.oper]);
        holds.set(variable, value.label);
        return value;
      });
    },
  };
}
