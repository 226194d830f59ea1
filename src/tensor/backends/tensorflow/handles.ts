/** Values on the device, held by TensorFlow's tensor handles; each is released once. */
import { dtypeOf, sizeOf, type HostTensor } from '../../compile.ts';
import { bytesOf, dimsOf, dtypes, newTensor, type Pointer } from './capi.ts';
import type { Device, Runtime } from './runtime.ts';

let live = 0;

/** Handles not yet released. */
export const liveHandles = (): number => live;

/** Counts handles TensorFlow has made for us. */
export function received(handles: readonly Pointer[]): readonly Pointer[] {
  live += handles.length;
  return handles;
}

export function release({ api }: Runtime, handles: readonly Pointer[]): void {
  live -= handles.length;
  for (const handle of handles) api.TFE_DeleteTensorHandle(handle);
}

/** Copies a value to the device programs run on. */
export function toDevice({ api, context, device }: Runtime, { shape, data }: HostTensor): Pointer {
  const dtype = dtypeOf(data);
  const tensor = newTensor(api, dtypes[dtype], shape, data);
  let handle = api.checked((status) => api.TFE_NewTensorHandle(tensor, status));
  api.TF_DeleteTensor(tensor);
  // TensorFlow keeps int32 in host memory whatever the device
  if (device.type !== 'CPU' && dtype !== 'int32') {
    const onHost = handle;
    try {
      handle = api.checked((status) => api.TFE_TensorHandleCopyToDevice(onHost, context, device.name, status));
    } finally {
      api.TFE_DeleteTensorHandle(onHost);
    }
  }
  live++;
  return handle;
}

/** Calls one operation that does not compute; its results are the caller's to release. */
function execute(
  { api, context }: Runtime,
  op: string,
  on: Device,
  describe: (op: Pointer) => void,
  inputs: readonly Pointer[],
  results: number,
): readonly Pointer[] {
  const call = api.checked((status) => api.TFE_NewOp(context, op, status));
  try {
    api.checked((status) => api.TFE_OpSetDevice(call, on.name, status));
    describe(call);
    for (const input of inputs) api.checked((status) => api.TFE_OpAddInput(call, input, status));
    const handles = new BigUint64Array(results);
    api.checked((status) => api.TFE_Execute(call, handles, Int32Array.of(results), status));
    return received([...handles]);
  } finally {
    api.TFE_DeleteOp(call);
  }
}

/** Where a state entry lies: TensorFlow keeps int32 in host memory whatever the device. */
const deviceOf = ({ device, devices }: Runtime, dtype: number): Device =>
  dtype === dtypes.int32 ? devices.find(({ type }) => type === 'CPU')! : device;

/** The name that makes a variable end with the last handle of it (kAnonymousName of TensorFlow's resource_handle.h). */
const anonymous = Buffer.from('cd2c89b7-88b7-44c8-ad83-06c2a9158347');

/** A variable with a value of its own; what is returned is its handle. */
export function newVariable(runtime: Runtime, value: HostTensor): Pointer {
  const { api } = runtime;
  const dtype = dtypes[dtypeOf(value.data)];
  const describe = (op: Pointer) => {
    api.TFE_OpSetAttrString(op, 'shared_name', anonymous, anonymous.length);
    api.TFE_OpSetAttrType(op, 'dtype', dtype);
    const dims = dimsOf(value.shape);
    api.checked((status) => api.TFE_OpSetAttrShape(op, 'shape', dims, dims.length, status));
  };
  const variable = execute(runtime, 'VarHandleOp', deviceOf(runtime, dtype), describe, [], 1)[0]!;
  try {
    assignVariable(runtime, variable, value);
  } catch (error) {
    release(runtime, [variable]);
    throw error;
  }
  return variable;
}

export function assignVariable(runtime: Runtime, variable: Pointer, value: HostTensor): void {
  const dtype = dtypes[dtypeOf(value.data)];
  const given = toDevice(runtime, value);
  const describe = (op: Pointer) => runtime.api.TFE_OpSetAttrType(op, 'dtype', dtype);
  try {
    execute(runtime, 'AssignVariableOp', deviceOf(runtime, dtype), describe, [variable, given], 0);
  } finally {
    release(runtime, [given]);
  }
}

/** A variable's value on the host. */
export async function readVariable(
  runtime: Runtime,
  variable: Pointer,
  shape: readonly number[],
  dtype: number,
): Promise<HostTensor> {
  const describe = (op: Pointer) => runtime.api.TFE_OpSetAttrType(op, 'dtype', dtype);
  const values = execute(runtime, 'ReadVariableOp', deviceOf(runtime, dtype), describe, [variable], 1);
  try {
    return await toHost(runtime, values[0]!, shape, dtype);
  } finally {
    release(runtime, values);
  }
}

/** Waits for a value on another thread and copies it to the host. */
export async function toHost(
  { api }: Runtime,
  handle: Pointer,
  shape: readonly number[],
  dtype: number,
): Promise<HostTensor> {
  const tensor = await api.checkedAsync<Pointer>((status, done) =>
    api.TFE_TensorHandleResolve.async(handle, status, done),
  );
  const { buffer } = bytesOf(api, tensor).slice();
  api.TF_DeleteTensor(tensor);
  const size = sizeOf(shape);
  return { shape, data: dtype === dtypes.int32 ? new Int32Array(buffer, 0, size) : new Float32Array(buffer, 0, size) };
}
