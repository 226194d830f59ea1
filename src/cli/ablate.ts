import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from '@commander-js/extra-typings';
import { exitCode, UserError } from '../errors.ts';
import {
  acceptDriftOption,
  backendOption,
  collect,
  count,
  determinismOption,
  deviceOption,
  openEngine,
  precisionOption,
  resumeOption,
  threadsOption,
  xlaOption,
} from './engine.ts';
import { runsOption } from './runsOption.ts';
import { timeLimitOption } from './signals.ts';

const defaultConfig = fileURLToPath(new URL('../../configs/ablation.yaml', import.meta.url));

export const ablateCommand = () =>
  new Command('ablate')
    .description('train the full optimizer, the same without the named components, and AdamW; print the table')
    .argument('[config]', 'experiment file; by default the package’s own configs/ablation.yaml')
    .option('--disable <names>', 'components to leave out: a,b is an arm each and one without both; a+b is one arm')
    .option('--add-one-in', 'also add each of these components alone to AdamW')
    .option('--seeds <n>', 'runs an arm, instead of the config’s', count)
    .option('--study <name>', 'folder under runs/, instead of the config’s')
    .option('--jobs <n>', 'runs at a time, each in a process of its own', count, 1)
    .option('--plan', 'say what would be trained, and stop')
    .option('--set <key=value>', 'override one value in every arm (repeatable)', collect)
    .option('--unset <key>', 'remove one value in every arm (repeatable)', collect)
    .option('--json', 'print the table, or the plan, as one JSON document')
    .addOption(resumeOption())
    .addOption(acceptDriftOption())
    .addOption(timeLimitOption())
    .addOption(runsOption())
    .addOption(backendOption())
    .addOption(deviceOption())
    .addOption(threadsOption())
    .addOption(precisionOption())
    .addOption(determinismOption())
    .addOption(xlaOption())
    .addHelpText(
      'after',
      `
Asked again, a study trains what is missing, and goes on with runs that stopped; arms and seeds may be added. Asked twice at
once, also on several machines that share the folder, both train, and no run twice.

Examples:
  ranger21 ablate --disable pnm,lookahead
  ranger21 ablate configs/digits-resnet.yaml --seeds 5 --study digits-bn
  ranger21 ablate --disable agc+gc --add-one-in --plan`,
    )
    .action(async (config, options) => {
      const [{ loadExperiment }, { datasets }, ablation, plans, study, { isRun }, { trainStudy }, { missingRuns }] =
        await Promise.all([
          import('../config/load.ts'),
          import('../data/registry.ts'),
          import('../experiment/ablation.ts'),
          import('../experiment/plan.ts'),
          import('../runs/study.ts'),
          import('../runs/list.ts'),
          import('./trainStudy.ts'),
          import('../experiment/study.ts'),
        ]);
      // as an override, so that a study's name is checked like the config's
      const named = options.study === undefined ? [] : [`study.name=${JSON.stringify(options.study)}`];
      const overrides = { ...options, set: [...(options.set ?? []), ...named] };
      const { experiment } = await loadExperiment(config ?? defaultConfig, overrides);
      const asked = experiment.study;
      const seeds = plans.seedList(options.seeds ?? asked?.seeds ?? 3, experiment.seed);
      const arms = ablation.arms(experiment, {
        ...asked,
        seeds,
        disable: options.disable?.split(',') ?? asked?.disable,
        addOneIn: options.addOneIn ?? asked?.addOneIn,
      });
      const dataset = await datasets[experiment.dataset.name].load(experiment.dataset);
      const name = asked?.name ?? experiment.name;
      const dir = join(options.runs, name);
      if (isRun(dir)) throw new UserError(`${dir} is the folder of a run`, { remedy: 'choose another --study NAME' });
      const requested = plans.makePlan({
        study: name,
        arms,
        seeds,
        fingerprint: dataset.fingerprint,
        facts: plans.dataFacts(dataset),
        protocol: plans.studyProtocol(asked, arms),
      });
      const continued = (frozen: typeof requested | undefined) =>
        frozen ? plans.continuePlan(frozen, requested, new Date().toISOString()) : requested;
      const engine = await openEngine(options);
      if (options.plan) {
        const plan = continued(study.hasPlan(dir) ? await study.readPlan(dir) : undefined);
        const { planPreview, planText } = await import('./planText.ts');
        const preview = await planPreview(dir, plan, dataset, engine);
        return console.log(options.json ? JSON.stringify(preview, null, 2) : planText(preview));
      }
      const { changePlan } = await import('../runs/planLock.ts');
      const plan = await changePlan(dir, continued);
      if (missingRuns(dir, plan).length > 0) {
        const { checkStudy } = await import('../experiment/studyChecks.ts');
        const { offAll } = await checkStudy(dir, plan, dataset, engine);
        if (!offAll.passed) console.error('with every component off the optimizer is not AdamW: the table says so');
      }

      const end = await trainStudy(dir, plan, dataset, engine, options);
      const { tableOf } = await import('./tableOf.ts');
      const { texts, summary, unreadable } = await tableOf(options.runs, dir, options);
      await study.writeTables(dir, texts);
      process.stdout.write(options.json ? texts.json : texts.md);
      console.error(`ranger21: ${summary} → ${dir}/table.md`);
      if (end.givenUp !== undefined)
        console.error(`given up, since three runs began with the same error: ${end.givenUp}`);
      if (end.signalCode !== undefined) process.exitCode = end.signalCode;
      else if (end.failed + unreadable > 0) process.exitCode = exitCode.someRunsFailed;
    });
