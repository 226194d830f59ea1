import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadExperiment } from '../../src/config/load.ts';
import { runId } from '../../src/runs/id.ts';
import { load, minimal, problems, write } from './tempConfigs.ts';

const ranger = minimal.replace('lr: 1e-3', 'lr: 1e-3, components: { agc: { clip: 0.1 }, pnm: false, gc: true }');

describe('name: adamw on top of a config with components', () => {
  const plainAdamw = minimal.replace('lr: 1e-3', 'lr: 1e-3, name: adamw');

  /** The same experiment, and what the user is told. */
  async function notes(files: Record<string, string>, options: Parameters<typeof load>[1] = {}) {
    const dir = write(files);
    const { experiment, notes } = await loadExperiment(join(dir, 'x.yaml'), { env: {}, ...options });
    const { experiment: plain } = await load({ 'x.yaml': plainAdamw });
    expect({ ...experiment, study: undefined }).toEqual({ ...plain, study: undefined });
    expect(runId(experiment, 0, 'f')).toBe(runId(plain, 0, 'f'));
    return notes.map((note) => note.replaceAll(`${dir}/`, ''));
  }
  const leftOut = (at: string, file: string) =>
    `optimizer.name is adamw (${at}): left out optimizer.components.agc (${file}:3:38), ` +
    `optimizer.components.gc (${file}:3:70), which ranger21 alone has`;

  test('from --set is the adamw config without them, told in one line', async () => {
    expect(await notes({ 'x.yaml': ranger }, { set: ['optimizer.name=adamw'] })).toEqual([
      leftOut('--set optimizer.name=adamw', 'x.yaml'),
    ]);
  });

  test('from a file that extends it', async () => {
    const files = { 'base.yaml': ranger, 'x.yaml': 'extends: base.yaml\noptimizer: { name: adamw }\n' };
    expect(await notes(files)).toEqual([leftOut('x.yaml:2:20', 'base.yaml')]);
  });

  test('from one of several files that it extends', async () => {
    const files = {
      'a.yaml': ranger,
      'b.yaml': 'optimizer: { name: adamw }\n',
      'x.yaml': 'extends: [a.yaml, b.yaml]\n',
    };
    expect(await notes(files)).toEqual([leftOut('b.yaml:1:20', 'a.yaml')]);
  });

  test('also where components are a list', async () => {
    const files = { 'x.yaml': minimal.replace('lr: 1e-3', 'lr: 1e-3, components: [pnm]') };
    expect(await notes(files, { set: ['optimizer.name=adamw'] })).toEqual([
      expect.stringContaining('left out optimizer.components.pnm (x.yaml:3:37), which'),
    ]);
  });

  test('leaves another core out too, and keeps what adamw has', async () => {
    const core = minimal.replace('lr: 1e-3', 'lr: 1e-3, core: { name: madgrad, momentum: 0.8 }');
    expect(await notes({ 'x.yaml': core }, { set: ['optimizer.name=adamw'] })).toEqual([
      expect.stringContaining('left out optimizer.core (x.yaml:3:24), which ranger21 alone has'),
    ]);
    const set = ['optimizer.name=adamw', 'optimizer.core.beta1=0.7'];
    expect((await load({ 'x.yaml': core }, { set })).experiment.optimizer.core).toMatchObject({
      name: 'adamw',
      beta1: 0.7,
    });
    const beta = minimal.replace('lr: 1e-3', 'core: { name: adamw, beta1: 0.7 }');
    const kept = await load({ 'x.yaml': beta }, { set: ['optimizer.name=adamw'] });
    expect([kept.experiment.optimizer.core, kept.notes]).toEqual([expect.objectContaining({ beta1: 0.7 }), []]);
  });

  test('has nothing to tell where nothing was on', async () => {
    const off = minimal.replace('lr: 1e-3', 'lr: 1e-3, components: { pnm: false }');
    expect(await notes({ 'x.yaml': off }, { set: ['optimizer.name=adamw'] })).toEqual([]);
  });

  test('in an arm', async () => {
    const text = `${ranger}study:\n  arms:\n    - { name: a, set: { optimizer: { name: adamw } } }\n`;
    const { notes } = await load({ 'x.yaml': text });
    expect(notes).toHaveLength(1);
    expect(notes[0]).toMatch(/^study\.arms\[0\] is adamw \(.*x\.yaml:7:44\): left out optimizer\.components\.agc \(/);
  });
});

describe('components that are asked for with the name, or after it, are refused', () => {
  const refused = (name: string) => `adamw has every component off: leave ${name} out, or set name: ranger21`;

  test('in one file', async () => {
    expect(await problems({ 'x.yaml': ranger.replace('lr:', 'name: adamw, lr:') })).toEqual([
      `x.yaml:3:51  optimizer.components.agc: ${refused('agc')}`,
      `x.yaml:3:87  optimizer.components.gc: ${refused('gc')}`,
    ]);
  });

  test('in two flags', async () => {
    const set = ['optimizer.components.gc.convOnly=true', 'optimizer.name=adamw'];
    expect(await problems({ 'x.yaml': ranger }, { set })).toEqual([
      expect.stringContaining(`optimizer.components.gc: ${refused('gc')}`),
    ]);
  });

  test('by a file that extends an adamw one', async () => {
    const files = {
      'base.yaml': minimal.replace('lr: 1e-3', 'name: adamw'),
      'x.yaml': 'extends: base.yaml\noptimizer: { components: { swd: true } }\n',
    };
    expect(await problems(files)).toEqual([`x.yaml:2:33  optimizer.components.swd: ${refused('swd')}`]);
  });
});

test('a config made adamw and then ranger21 again has its components', async () => {
  const files = { 'x.yaml': ranger };
  const set = ['optimizer.name=adamw', 'optimizer.name=ranger21'];
  const { experiment, notes } = await load(files, { set });
  expect([experiment.optimizer, notes]).toEqual([(await load(files)).experiment.optimizer, []]);
});
