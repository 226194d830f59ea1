/** The part of TensorFlow's C API used here, called through koffi. Pointers are BigInts, as koffi gives them. */
import koffi, { type KoffiFunc } from 'koffi';
import { exitCode, UserError } from '../../../errors.ts';
import { pinLibrary } from './dlopen.ts';

export type Pointer = bigint;

/** What crosses the border: C type for koffi, TypeScript type for us. Arrays are typed arrays passed as they lie in memory. */
interface Native {
  void: void;
  'void *': Pointer | ArrayBufferView | null;
  str: string;
  int: number;
  uint8_t: number;
  float: number;
  int64_t: number | bigint;
  size_t: number;
  output: Output;
}
type NativeResult<T> = T extends 'void *'
  ? Pointer
  : T extends 'size_t'
    ? number
    : T extends keyof Native
      ? Native[T]
      : never;

/** One output of a graph operation. */
export interface Output {
  readonly oper: Pointer;
  readonly index: number;
}

const signatures = {
  TF_Version: ['str', []],
  TF_NewStatus: ['void *', []],
  TF_DeleteStatus: ['void', ['void *']],
  TF_GetCode: ['int', ['void *']],
  TF_Message: ['str', ['void *']],

  TF_AllocateTensor: ['void *', ['int', 'void *', 'int', 'size_t']],
  TF_DeleteTensor: ['void', ['void *']],
  TF_TensorData: ['void *', ['void *']],
  TF_TensorByteSize: ['size_t', ['void *']],

  TF_NewGraph: ['void *', []],
  TF_DeleteGraph: ['void', ['void *']],
  TF_NewOperation: ['void *', ['void *', 'str', 'str']],
  TF_AddInput: ['void', ['void *', 'output']],
  TF_AddInputList: ['void', ['void *', 'void *', 'int']],
  TF_AddControlInput: ['void', ['void *', 'void *']],
  TF_FinishOperation: ['void *', ['void *', 'void *']],
  TF_SetAttrString: ['void', ['void *', 'str', 'void *', 'size_t']],
  TF_SetAttrInt: ['void', ['void *', 'str', 'int64_t']],
  TF_SetAttrIntList: ['void', ['void *', 'str', 'void *', 'int']],
  TF_SetAttrFloat: ['void', ['void *', 'str', 'float']],
  TF_SetAttrBool: ['void', ['void *', 'str', 'uint8_t']],
  TF_SetAttrType: ['void', ['void *', 'str', 'int']],
  TF_SetAttrTypeList: ['void', ['void *', 'str', 'void *', 'int']],
  TF_SetAttrFuncName: ['void', ['void *', 'str', 'str', 'size_t']],
  TF_SetAttrShape: ['void', ['void *', 'str', 'void *', 'int']],
  TF_SetAttrTensor: ['void', ['void *', 'str', 'void *', 'void *']],
  TF_GraphSetTensorShape: ['void', ['void *', 'output', 'void *', 'int', 'void *']],
  TF_GraphGetTensorNumDims: ['int', ['void *', 'output', 'void *']],
  TF_GraphGetTensorShape: ['void', ['void *', 'output', 'void *', 'int', 'void *']],
  TF_OperationOutputType: ['int', ['output']],
  TF_GraphToFunctionWithControlOutputs: [
    'void *',
    [
      'void *',
      'str',
      'uint8_t',
      'int',
      'void *',
      'int',
      'void *',
      'int',
      'void *',
      'void *',
      'int',
      'void *',
      'void *',
      'void *',
      'str',
      'void *',
    ],
  ],
  TF_GraphCopyFunction: ['void', ['void *', 'void *', 'void *', 'void *']],
  TF_DeleteFunction: ['void', ['void *']],

  TFE_NewContextOptions: ['void *', []],
  TFE_DeleteContextOptions: ['void', ['void *']],
  TFE_ContextOptionsSetConfig: ['void', ['void *', 'void *', 'size_t', 'void *']],
  TFE_NewContext: ['void *', ['void *', 'void *']],
  TFE_ContextListDevices: ['void *', ['void *', 'void *']],
  TF_DeviceListCount: ['int', ['void *']],
  TF_DeviceListName: ['str', ['void *', 'int', 'void *']],
  TF_DeviceListType: ['str', ['void *', 'int', 'void *']],
  TF_DeleteDeviceList: ['void', ['void *']],
  TFE_ContextAddFunction: ['void', ['void *', 'void *', 'void *']],
  TFE_ContextRemoveFunction: ['void', ['void *', 'str', 'void *']],

  TFE_NewTensorHandle: ['void *', ['void *', 'void *']],
  TFE_DeleteTensorHandle: ['void', ['void *']],
  TFE_TensorHandleCopyToDevice: ['void *', ['void *', 'void *', 'str', 'void *']],
  TFE_TensorHandleResolve: ['void *', ['void *', 'void *']],
  TFE_NewOp: ['void *', ['void *', 'str', 'void *']],
  TFE_DeleteOp: ['void', ['void *']],
  TFE_OpSetDevice: ['void', ['void *', 'str', 'void *']],
  TFE_OpSetAttrString: ['void', ['void *', 'str', 'void *', 'size_t']],
  TFE_OpSetAttrType: ['void', ['void *', 'str', 'int']],
  TFE_OpSetAttrShape: ['void', ['void *', 'str', 'void *', 'int', 'void *']],
  TFE_OpSetAttrBool: ['void', ['void *', 'str', 'uint8_t']],
  TFE_OpAddInput: ['void', ['void *', 'void *', 'void *']],
  TFE_Execute: ['void', ['void *', 'void *', 'void *', 'void *']],
} as const satisfies Record<string, readonly [string, readonly (keyof Native)[]]>;

type Signatures = typeof signatures;
type Arguments<T extends readonly (keyof Native)[]> = { -readonly [I in keyof T]: Native[T[I]] };
type CFunctions = {
  readonly [K in keyof Signatures]: KoffiFunc<(...args: Arguments<Signatures[K][1]>) => NativeResult<Signatures[K][0]>>;
};

export interface CApi extends CFunctions {
  readonly version: string;
  /** Calls f with a status and throws what TensorFlow put into it. */
  checked<T>(f: (status: Pointer) => T): T;
  /** The same for a call that runs on another thread; the event loop goes on. */
  checkedAsync<T>(start: (status: Pointer, done: (error: Error | null, result: T) => void) => void): Promise<T>;
}

/** What TensorFlow reports: its canonical code and its message. */
export class TensorflowError extends Error {
  readonly status: number;
  constructor(status: number, message: string) {
    super(message);
    this.name = 'TensorflowError';
    this.status = status;
  }
}

const loaded = new Map<string, CApi>();

/** Loads the C API from its library, after the libraries it needs; throws an Error that says what the loader objects to. */
export function loadCApi(library: string, before: readonly string[]): CApi {
  const known = loaded.get(library);
  if (known) return known;
  if (loaded.size > 0) {
    throw new UserError(`this process already runs TensorFlow from ${[...loaded.keys()].join()}, not from ${library}`, {
      remedy: 'start a new process to use another library',
      code: exitCode.environment,
    });
  }
  for (const path of [...before, library]) pinLibrary(path);
  const handle = koffi.load(library);
  const output = koffi.struct({ oper: 'void *', index: 'int' });
  const functions = Object.fromEntries(
    Object.entries(signatures).map(([name, [result, args]]) => [
      name,
      handle.func(
        name,
        result,
        args.map((type) => (type === 'output' ? output : type)),
      ),
    ]),
  ) as unknown as CFunctions;

  const raise = (status: Pointer): void => {
    const code = functions.TF_GetCode(status);
    if (code !== 0) throw new TensorflowError(code, functions.TF_Message(status));
  };
  const shared = functions.TF_NewStatus();
  const api: CApi = {
    ...functions,
    version: functions.TF_Version(),
    checked(f) {
      const result = f(shared);
      raise(shared);
      return result;
    },
    async checkedAsync(start) {
      const status = functions.TF_NewStatus();
      try {
        const result = await new Promise<Parameters<Parameters<typeof start>[1]>[1]>((resolve, reject) =>
          start(status, (error, result) => (error ? reject(error) : resolve(result))),
        );
        raise(status);
        return result;
      } finally {
        functions.TF_DeleteStatus(status);
      }
    },
  };
  loaded.set(library, api);
  return api;
}

/** Data types, as TensorFlow numbers them. */
export const dtypes = {
  float32: 1,
  int32: 3,
  uint8: 4,
  string: 7,
  complex64: 8,
  int64: 9,
  bool: 10,
  bfloat16: 14,
  resource: 20,
} as const;

/** A typed array of the bytes of a tensor, valid until the tensor is deleted. */
export const bytesOf = (api: CApi, tensor: Pointer): Uint8Array => {
  const size = Number(api.TF_TensorByteSize(tensor));
  return size === 0 ? new Uint8Array() : new Uint8Array(koffi.view(api.TF_TensorData(tensor), size));
};

/** Outputs of graph operations as C lays them out: pointer, int, padding. */
export function outputArray(outputs: readonly Output[]): Buffer {
  const bytes = Buffer.alloc(outputs.length * 16);
  outputs.forEach(({ oper, index }, i) => {
    bytes.writeBigUInt64LE(oper, i * 16);
    bytes.writeInt32LE(index, i * 16 + 8);
  });
  return bytes;
}

export const dimsOf = (shape: readonly number[]): BigInt64Array => BigInt64Array.from(shape, (n) => BigInt(n));

/** A host tensor holding a copy of the values; the caller deletes it. */
export function newTensor(api: CApi, dtype: number, shape: readonly number[], values: ArrayBufferView): Pointer {
  const tensor = api.TF_AllocateTensor(dtype, dimsOf(shape), shape.length, values.byteLength);
  bytesOf(api, tensor).set(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  return tensor;
}
