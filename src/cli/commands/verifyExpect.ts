import { Command } from '@commander-js/extra-typings';
import { exitCode, UserError } from '../../errors.ts';
import type { RunResult } from '../../runs/metrics.ts';
import { count, openEngine, resumeOption, withEngine } from '../engine.ts';
import { runsOption } from '../runsOption.ts';

export const verifyExpectCommand = () =>
  withEngine(
    new Command('expect')
      .description('train a config, or take its finished runs, and compare them with what it expects')
      .argument('<config>', 'experiment file with an `expect` block')
      .option('--seeds <n>', 'so many runs, from the config’s seed on', count, 1)
      .option('--json', 'print one JSON document')
      .addOption(resumeOption())
      .addOption(runsOption()),
  )
    .addHelpText(
      'after',
      `
Every run has to be within the bounds; the mean and its interval are told beside that. Exit code 5 when one is not.

Examples:
  ranger21 verify expect configs/digits-resnet.yaml
  ranger21 verify expect configs/digits-nfresnet.yaml --seeds 3 --json`,
    )
    .action(async (config, { seeds, json, resume, runs, ...asked }) => {
      const [{ loadConfig }, { loadDataset }, { seedList }, { trainHere }, { tellSchedule }] = await Promise.all([
        import('../loadConfig.ts'),
        import('../loadDataset.ts'),
        import('../../experiment/study/plan.ts'),
        import('../trainHere.ts'),
        import('../tellSchedule.ts'),
      ]);
      const { experiment } = await loadConfig(config, { purpose: 'run' });
      const { expect, name } = experiment;
      if (!expect) {
        throw new UserError(`${config} expects nothing`, {
          remedy: 'add e.g. `expect: { testTop1: { atLeast: 0.97 }, source: where the figure is from }`',
        });
      }
      const dataset = await loadDataset(experiment.dataset);
      const engine = await openEngine(asked);
      tellSchedule([{ name, experiment }], dataset.train.count);
      const results: RunResult[] = [];
      for (const seed of seedList(seeds, experiment.seed)) {
        const seeded = { ...experiment, seed };
        const trained = await trainHere(seeded, dataset, engine, { runs, resume, title: `${name} seed ${seed}` });
        if (trained === undefined) return;
        results.push(trained.result);
      }

      const [{ expectations }, { expectationLine }, { toJson }] = await Promise.all([
        import('../../experiment/compare/expectations.ts'),
        import('../../report/expectText.ts'),
        import('../../runs/metrics.ts'),
      ]);
      const found = expectations(expect, results);
      const met = found.every((expectation) => expectation.met);
      if (json) console.log(toJson({ schema: 1, name, source: expect.source, met, expectations: found }, 2));
      else console.log([...found.map(expectationLine), `source: ${expect.source}`].join('\n'));
      if (!met) process.exitCode = exitCode.checkFailed;
    });
