/** `run --dry-run`: builds everything, times a few steps on made-up images, trains nothing and writes nothing. */
import type { Experiment } from '../config/schema.ts';
import { datasets } from '../data/registry.ts';
import { UserError } from '../errors.ts';
import type { Engine } from '../experiment/execute.ts';
import { schedulePreview } from '../experiment/schedule.ts';
import { planRun } from '../experiment/train.ts';
import { probeStep } from '../experiment/study/probe.ts';
import { seconds } from './progress.ts';
import { tellSchedule } from './tellSchedule.ts';

export async function dryRun(experiment: Experiment, engine: Engine, json: boolean): Promise<void> {
  const facts = datasets[experiment.dataset.name].facts(experiment.dataset);
  const { train, test } = facts;
  if (train === undefined || test === undefined) {
    throw new UserError(`${experiment.dataset.name}: how many images there are is not known before the data are read`, {
      remedy: 'set dataset.train and dataset.test',
    });
  }
  const plan = planRun(experiment, { ...facts, train, test });
  const probe = await probeStep(plan, engine);
  const schedule = schedulePreview(experiment, train);
  tellSchedule([{ name: experiment.name, experiment }], train);
  const answer = {
    schema: 1,
    name: experiment.name,
    parameters: probe.parameters,
    tensors: Object.keys(plan.model.params).length,
    macs: plan.model.macs,
    steps: plan.totalSteps,
    stepsPerEpoch: plan.stepsPerEpoch,
    warmupEnd: schedule.warmupEnd ?? null,
    warmdownStart: schedule.warmdownStart ?? null,
    warnings: schedule.warnings,
    backend: engine.backend.name,
    probeBatch: probe.batch,
    msPerStep: probe.msPerStep,
    memoryBytes: probe.memoryBytes,
    trainSeconds: (probe.msPerStep * plan.totalSteps) / 1000,
  };
  if (json) return console.log(JSON.stringify(answer, null, 2));

  const scaled = probe.batch < experiment.train.batch ? `, extrapolated from batches up to ${probe.batch}` : '';
  const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(2)} GiB`;
  const lines = [
    `${experiment.name}: ${experiment.model.name} on ${experiment.dataset.name}, ${engine.record.detail}`,
    `parameters   ${answer.parameters.toLocaleString('en')} in ${answer.tensors} tensors, ${answer.macs.toLocaleString('en')} MACs an image`,
    `steps        ${answer.steps} (${experiment.train.epochs} ${experiment.train.epochs === 1 ? 'epoch' : 'epochs'} of ${answer.stepsPerEpoch}, batch ${experiment.train.batch})`,
    `schedule     ${[milestone('warm-up', 'ends at', answer.warmupEnd), milestone('warm-down', 'starts at', answer.warmdownStart)].join(', ')}`,
    `memory       about ${gib(answer.memoryBytes)}${scaled}`,
    `time         ${answer.msPerStep.toFixed(1)} ms a step${scaled}: about ${seconds(answer.trainSeconds)} of training, evaluation and data aside`,
  ];
  console.log(lines.join('\n'));
}

const milestone = (what: string, verb: string, step: number | null): string =>
  step === null ? `no ${what}` : `${what} ${verb} ${step}`;
