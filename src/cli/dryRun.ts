/** `run --dry-run`: lists the data, builds everything, times a few steps on made-up images; reads no image, trains and writes nothing. */
import type { Experiment } from '../config/schema.ts';
import { datasets } from '../data/registry.ts';
import type { Engine } from '../experiment/execute.ts';
import { schedulePreview } from '../experiment/schedule.ts';
import { planRun } from '../experiment/train.ts';
import { probeStep } from '../experiment/study/probe.ts';
import { seconds } from './progress.ts';
import { tellSchedule } from './tellSchedule.ts';

export async function dryRun(experiment: Experiment, engine: Engine, json: boolean): Promise<void> {
  const { heldOut, ...facts } = await datasets[experiment.dataset.name].list(experiment.dataset);
  const plan = planRun(experiment, facts);
  const probe = await probeStep(plan, engine);
  const schedule = schedulePreview(experiment, facts.train);
  tellSchedule([{ name: experiment.name, experiment }], facts.train);
  const answer = {
    schema: 1,
    name: experiment.name,
    data: { classes: facts.classes, train: facts.train, test: facts.test, heldOut: heldOut ?? null },
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
    `data         ${facts.classes} classes, ${facts.train} images to train on, ${facts.test} to evaluate on${heldOut === undefined ? '' : `: ${heldOut}`}`,
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
