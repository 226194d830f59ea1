/** Threads that decode. */
import { Worker } from 'node:worker_threads';
import { UserError } from '../../errors.ts';
import { hasListeners, tell } from '../../spans.ts';
import { configKeys, type OptionNames } from './optionNames.ts';
import type { Answer, Done, Setup, Task } from './tasks.ts';

export interface Pool {
  /** Runs a task on some thread; tasks start in the order they are given. */
  run<T extends Task>(task: T): Promise<Done<T>>;
  /** Ends the threads; tasks that are not done are rejected. */
  close(): Promise<void>;
}

/** How a thread is started. Tests replace it: before Node 22.18 a thread cannot load TypeScript. */
export const thread = {
  start: (setup: Setup): Worker =>
    // without this thread's flags: some, such as --input-type, are refused for a file
    new Worker(new URL('./decodeWorker.js', import.meta.url), { workerData: setup, execArgv: [] }),
};

/** A thread is given its next task while it works on one. */
const tasksAhead = 2;
/** After so many threads ended over a task, it is given up. */
const mostTries = 3;

interface PoolOptions {
  readonly workers: number;
  readonly say: (line: string) => void;
  readonly names?: OptionNames;
}

interface Job {
  readonly task: Task;
  tries: number;
  readonly resolve: (done: Done) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * A pool of `workers` threads, started with the first task; 0: on the main thread, one task after the other. A thread that ends
 * by itself is replaced and its tasks are done again. Threads hold the process only while they have work.
 */
export function openPool(setup: Setup, options: PoolOptions): Pool {
  return options.workers === 0 ? mainThread(setup) : threads(setup, options);
}

function mainThread(setup: Setup): Pool {
  let last: Promise<unknown> = Promise.resolve();
  let isClosed = false;
  return {
    run: <T extends Task>(task: T) => {
      const done = last.then(async () => {
        if (isClosed) throw closedError();
        const { runTask } = await import('./tasks.ts');
        return (await runTask(task, setup)) as Done<T>;
      });
      last = done.catch(() => undefined);
      return done;
    },
    close: async () => {
      isClosed = true;
      await last;
    },
  };
}

const closedError = () => new Error('the decoding threads are closed');

function threads(setup: Setup, { workers, say, names = configKeys }: PoolOptions): Pool {
  const queue: Job[] = [];
  const running = new Map<Worker, Map<number, Job>>();
  let isClosed = false;
  let lastId = 0;
  let started = 0;

  const start = (): boolean => {
    let worker: Worker;
    try {
      worker = thread.start({ ...setup, isHeard: hasListeners() });
    } catch (cause) {
      if (running.size > 0) return false; // those that run do the work
      const message = `a decoding thread cannot be started: ${(cause as Error).message}`;
      const error = new UserError(message, { remedy: `set ${names.workers} to a smaller number, or to 0`, cause });
      for (const job of queue.splice(0)) job.reject(error);
      return false;
    }
    const jobs = new Map<number, Job>();
    const name = `decoding thread ${(started += 1)}`;
    running.set(worker, jobs);
    let cause = '';
    worker.on('error', (error) => (cause = `: ${error.message}`));
    worker.on('exit', () => {
      running.delete(worker);
      if (!isClosed) again(jobs, cause);
    });
    worker.on('message', (answer: Answer) => {
      const job = jobs.get(answer.id);
      jobs.delete(answer.id);
      for (const span of answer.spans ?? []) tell({ ...span, thread: name });
      if ('done' in answer) job?.resolve(answer.done);
      else job?.reject(answer.fix ? new UserError(answer.error.message, answer.fix) : answer.error);
      if (!isClosed) feed(); // else it would let go of a thread that is waited for, and the process could end first
    });
    return true;
  };

  const again = (jobs: ReadonlyMap<number, Job>, cause: string) => {
    say(`a decoding thread ended by itself${cause}; its ${jobs.size} tasks are done again`);
    for (const job of [...jobs.values()].reverse()) {
      job.tries += 1;
      if (job.tries < mostTries) queue.unshift(job);
      else {
        job.reject(
          new UserError(`${mostTries} decoding threads ended over the same images${cause}`, {
            remedy: `run with ${names.workers} 0 to see the failure itself`,
          }),
        );
      }
    }
    feed();
  };

  const feed = () => {
    while (queue.length > 0 && running.size < workers && start());
    for (let depth = 0; depth < tasksAhead; depth++) {
      for (const [worker, jobs] of running) {
        if (jobs.size > depth) continue;
        const job = queue.shift();
        if (job === undefined) break;
        const id = (lastId += 1);
        jobs.set(id, job);
        worker.postMessage({ id, task: job.task });
      }
    }
    for (const [worker, jobs] of running) {
      if (jobs.size > 0) worker.ref();
      else worker.unref();
    }
  };

  return {
    run: <T extends Task>(task: T) =>
      new Promise<Done<T>>((resolve, reject) => {
        if (isClosed) return reject(closedError());
        queue.push({ task, tries: 0, resolve: resolve as Job['resolve'], reject });
        feed();
      }),
    close: async () => {
      isClosed = true;
      const jobs = [...queue.splice(0), ...[...running.values()].flatMap((some) => [...some.values()])];
      for (const job of jobs) job.reject(closedError());
      await Promise.all([...running.keys()].map((worker) => worker.terminate()));
    },
  };
}
