import { createInterface } from 'node:readline';
import { Command } from '@commander-js/extra-typings';
import type { Workload } from '../../experiment/timing/bench.ts';
import { openEngine, type EngineOptions } from '../engine.ts';
import type { Introduction } from '../benchProcess.ts';

/** What `bench` starts for each backend; not in the help. */
export const benchSubjectCommand = () =>
  new Command('bench-subject').argument('<json>', 'workload and engine').action(async (json) => {
    const { workload, engine: asked } = JSON.parse(json) as { workload: Workload; engine: EngineOptions };
    const { openSubject } = await import('../../experiment/timing/bench.ts');
    const { backend, record, session } = await openEngine(asked);
    const subject = await openSubject(workload, backend, session);
    const { parameters, device, compileSeconds, firstStepSeconds, peakRssBytes } = subject;
    const detail = record.detail;
    const introduction: Introduction = { parameters, detail, device, compileSeconds, firstStepSeconds, peakRssBytes };
    console.log(JSON.stringify(introduction));
    for await (const line of createInterface(process.stdin))
      console.log(JSON.stringify(await subject.block(Number(line))));
    await subject.close();
  });
