/** A thread that decodes: takes tasks, answers each. */
import { parentPort, workerData } from 'node:worker_threads';
import { UserError } from '../../errors.ts';
import { listen, type Span } from '../../spans.ts';
import { runTask, type Answer, type Setup, type Task } from './tasks.ts';

const setup = workerData as Setup;
const port = parentPort;
let last: Promise<void> = Promise.resolve();
let spans: Span[] = [];
if (setup.isHeard === true) listen((span) => spans.push(span));

port?.on('message', ({ id, task }: { id: number; task: Task }) => {
  last = last.then(async () => {
    const answer: Answer = await runTask(task, setup).then(
      (done) => ({ id, done }),
      (error: unknown) => ({
        id,
        error: error as Error,
        ...(error instanceof UserError && { fix: { remedy: error.remedy, code: error.code } }),
      }),
    );
    port.postMessage(setup.isHeard === true ? { ...answer, spans } : answer);
    spans = [];
  });
});
