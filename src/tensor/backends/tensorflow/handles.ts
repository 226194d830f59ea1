/** Values on the device, held by TensorFlow's tensor handles; each is released once. */
import { sizeOf, type HostTensor } from '../../compile.ts';
import { bytesOf, dtypes, newTensor, type Pointer } from './capi.ts';
import type { Runtime } from './runtime.ts';

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
  const isInt = data instanceof Int32Array;
  const tensor = newTensor(api, isInt ? dtypes.int32 : dtypes.float32, shape, data);
  let handle = api.checked((status) => api.TFE_NewTensorHandle(tensor, status));
  api.TF_DeleteTensor(tensor);
  // TensorFlow keeps int32 in host memory whatever the device
  if (device.type !== 'CPU' && !isInt) {
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
