/** Loading of shared libraries for good. */
import { closeSync, openSync } from 'node:fs';
import koffi from 'koffi';

// dlopen's flags: resolve now, symbols to itself, never unload. Were they visible to libraries loaded later, ONNX Runtime
// would bind to some of them and crash. Without the last, koffi unloads TensorFlow at exit while its threads still run, and
// the process dies of a segmentation fault.
const flags = process.platform === 'darwin' ? 0x2 | 0x4 | 0x80 : 0x2 | 0x1000;
const libc = process.platform === 'darwin' ? '/usr/lib/libSystem.dylib' : 'libc.so.6';

interface System {
  readonly dlopen: (path: string, flags: number) => bigint | null;
  readonly dlerror: () => string | null;
  readonly dup: (fd: number) => number;
  readonly dup2: (from: number, to: number) => number;
}
let system: System | undefined;

function openSystem(): System {
  // graph optimisation and XLA recurse deeply, and asynchronous calls run on stacks of koffi's
  koffi.config({ sync_stack_size: 16 * 2 ** 20, async_stack_size: 16 * 2 ** 20 });
  const library = koffi.load(libc);
  return {
    dlopen: library.func('dlopen', 'void *', ['str', 'int']),
    dlerror: library.func('dlerror', 'str', []),
    dup: library.func('dup', 'int', ['int']),
    dup2: library.func('dup2', 'int', ['int', 'int']),
  };
}

/** Loads a library and keeps it until the process ends; throws what the loader objects to. */
export function pinLibrary(path: string): void {
  const { dlopen, dlerror, dup, dup2 } = (system ??= openSystem());
  // while it loads, TensorFlow writes to standard error whatever its log level says
  const [stderr, nowhere] = [dup(2), openSync('/dev/null', 'w')];
  dup2(nowhere, 2);
  const handle = dlopen(path, flags);
  dup2(stderr, 2);
  [stderr, nowhere].forEach((fd) => closeSync(fd));
  if (!handle) throw new Error(dlerror() ?? `cannot load ${path}`);
}

/** Whether the system's loader finds a library by its name. */
export function canLoad(name: string): boolean {
  try {
    pinLibrary(name);
    return true;
  } catch {
    return false;
  }
}
