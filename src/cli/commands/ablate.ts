import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from '@commander-js/extra-typings';
import type { Flag } from '../../config/overrides.ts';
import { UserError } from '../../errors.ts';
import { acceptDriftOption, count, openEngine, resumeOption, withEngine } from '../engine.ts';
import { endStudy } from '../endStudy.ts';
import { expectOption } from '../expectOption.ts';
import { runsOption } from '../runsOption.ts';
import { timeLimitOption } from '../signals.ts';
import { collect, collectNames } from '../strictOptions.ts';

const defaultConfig = fileURLToPath(new URL('../../../configs/ablation.yaml', import.meta.url));

export const ablateCommand = () =>
  withEngine(
    new Command('ablate')
      .description('train the full optimizer, the same without the named components, and AdamW; print the table')
      .argument('[config]', 'experiment file; by default the package’s own configs/ablation.yaml')
      .option(
        '--disable <names>',
        'components to leave out: a,b is an arm each and one without both; a+b is one arm',
        collectNames,
      )
      .option('--add-one-in', 'also add each of these components alone to AdamW')
      .option('--seeds <n>', 'runs an arm, instead of the config’s', count)
      .option('--study <name>', 'folder under runs/, instead of the config’s')
      .option('--jobs <n>', 'runs at a time, each in a process of its own', count, 1)
      .option('--plan', 'say what would be trained, and stop')
      .option('--save-plan <file>', 'with --plan: also write the plan, for --from')
      .option('--from <file>', 'train exactly a saved plan; no config is read')
      .option('--set <key=value>', 'override one value in every arm (repeatable)', collect)
      .option('--unset <key>', 'remove one value in every arm (repeatable)', collect)
      .option('--json', 'print the table, or the plan, as one JSON document')
      .addOption(resumeOption())
      .addOption(acceptDriftOption())
      .addOption(timeLimitOption())
      .addOption(expectOption())
      .addOption(runsOption()),
  )
    .addHelpText(
      'after',
      `
Asked again, a study trains what is missing, and goes on with runs that stopped; arms and seeds may be added. Asked twice at
once, also on several machines that share the folder, both train, and no run twice.

Examples:
  ranger21 ablate --disable pnm,lookahead
  ranger21 ablate configs/digits-resnet.yaml --seeds 5 --study digits-bn
  ranger21 ablate --disable agc+gc --add-one-in --plan --save-plan agc.json
  ranger21 ablate --from agc.json`,
    )
    .action(async (config, options) => {
      const [plans, study, { isRun }, { trainStudy }, { missingRuns }, { tellSchedule }] = await Promise.all([
        import('../../experiment/study/plan.ts'),
        import('../../runs/study.ts'),
        import('../../runs/list.ts'),
        import('../trainStudy.ts'),
        import('../../experiment/study/study.ts'),
        import('../tellSchedule.ts'),
      ]);
      if (options.savePlan !== undefined && !options.plan) {
        throw new UserError('--save-plan writes what --plan shows', { remedy: 'add --plan' });
      }
      const { requested, dataset, search } = await (options.from === undefined
        ? newPlan(config ?? defaultConfig, options)
        : savedPlan(options.from, config, options));
      const dir = join(options.runs, requested.study);
      if (isRun(dir))
        throw new UserError(`${dir} is the folder of a run`, {
          remedy:
            options.from === undefined
              ? 'choose another --study NAME'
              : 'make the plan again, with another --study NAME',
        });
      const { anotherStudy } = await import('../anotherStudy.ts');
      const remedy = options.from === undefined ? anotherStudy(options, requested.study) : undefined;
      const continued = (plan: typeof requested) => (frozen: typeof requested | undefined) =>
        frozen ? plans.continuePlan(frozen, plan, new Date().toISOString(), remedy) : plan;
      if (options.plan) {
        const { previewTuning, tuningText } = await import('../tuneStudy.ts');
        const tuning = search && (await previewTuning(dir, requested, search, remedy));
        const isUntuned = tuning !== undefined && tuning.plan === undefined;
        if (options.savePlan !== undefined && isUntuned) {
          throw new UserError('the hyperparameters of this plan are not chosen yet', {
            remedy: 'train the study once, so that its search is done; or leave out --save-plan',
          });
        }
        const frozen = study.hasPlan(dir) && !isUntuned ? await study.readPlan(dir) : undefined;
        const plan = continued(tuning?.plan ?? requested)(frozen);
        if (options.savePlan !== undefined) await study.writePlanFile(options.savePlan, plan);
        const { planPreview, planText } = await import('../planText.ts');
        tellSchedule(plan.arms, dataset.train.count);
        const preview = await planPreview(dir, plan, dataset, await openEngine(options));
        if (options.json) return console.log(JSON.stringify({ ...preview, tuning: tuning?.preview }, null, 2));
        if (tuning) console.log(`${tuningText(tuning.preview, preview.msPerStep)}\n`);
        return console.log(planText(preview));
      }
      if (search && study.hasPlan(dir)) {
        const frozen = await study.readPlan(dir);
        const { withArms } = await import('../../experiment/search/trialPlan.ts');
        // before anything is tuned for it: the arms that both have are compared by what is not tuned
        const tunedBefore = requested.arms.map((arm) => frozen.arms.find(({ name }) => name === arm.name) ?? arm);
        continued(withArms(requested, tunedBefore))(frozen);
      }
      const asked = search
        ? undefined
        : continued(requested)(study.hasPlan(dir) ? await study.readPlan(dir) : undefined);
      // before a plan is frozen: without an engine nothing is begun
      if (asked === undefined || missingRuns(dir, asked).length > 0) await openEngine(options);
      const tuned =
        search && (await (await import('../tuneStudy.ts')).tuneStudy(dir, requested, search, options, remedy));
      if (tuned && !tuned.plan) return endStudy(tuned.end, true);
      const { changePlan } = await import('../../runs/planLock.ts');
      const plan = await changePlan(dir, continued(tuned?.plan ?? requested));
      if (missingRuns(dir, plan).length > 0) {
        tellSchedule(plan.arms, dataset.train.count);
        const { checkStudy } = await import('../../experiment/study/studyChecks.ts');
        const { offAll } = await checkStudy(dir, plan, dataset, await openEngine(options));
        if (!offAll.passed) console.error('with every component off the optimizer is not AdamW: the table says so');
      }

      const end = await trainStudy(dir, plan, dataset, options);
      const { tableOf } = await import('../tableOf.ts');
      const { texts, summary, unreadable } = await tableOf(options.runs, dir, options);
      await study.writeTables(dir, texts);
      process.stdout.write(options.json ? texts.json : texts.md);
      console.error(`ranger21: ${summary} → ${dir}/table.md`);
      endStudy(end, unreadable > 0);
      const { exitAsExpected, tellStudyExpectations } = await import('../expectation.ts');
      exitAsExpected(await tellStudyExpectations(options.runs, dir, plan), options.expect);
    });

interface Choice {
  readonly disable?: string[] | undefined;
  readonly addOneIn?: true | undefined;
  readonly seeds?: number | undefined;
  readonly study?: string | undefined;
  readonly set?: string[] | undefined;
  readonly unset?: string[] | undefined;
}

/** The plan that a config and the command line ask for. */
async function newPlan(config: string, options: Choice) {
  const [{ loadConfig }, { planConflicts }, { loadDataset }, ablation, plans] = await Promise.all([
    import('../loadConfig.ts'),
    import('../../experiment/study/planConflicts.ts'),
    import('../loadDataset.ts'),
    import('../../experiment/study/ablation.ts'),
    import('../../experiment/study/plan.ts'),
  ]);
  const { set, unset } = options;
  const { experiment } = await loadConfig(config, { set, unset, flags: flagsOf(options), alsoCheck: planConflicts });
  const asked = experiment.study;
  const seeds = plans.seedList(asked?.seeds ?? 3, experiment.seed);
  const { armsAsExpected } = await import('../expectation.ts');
  const asBuilt = ablation.arms(experiment, { ...asked, seeds });
  const arms = await armsAsExpected(config, asBuilt, asked?.tier);
  const dataset = await loadDataset(experiment.dataset);
  const { tier = 'T0' } = asked ?? {};
  const requested = plans.makePlan({
    study: asked?.name ?? experiment.name,
    arms,
    seeds,
    fingerprint: dataset.fingerprint,
    facts: plans.dataFacts(dataset),
    protocol: { ...plans.studyProtocol({ ...asked, tier: 'T0' }, arms), tier }, // what the tier asks for is still to come
  });
  if (tier === 'T0') return { requested, dataset, search: undefined };
  const [{ searchSchema }, { withSearch }] = await Promise.all([
    import('../../config/search.ts'),
    import('../../experiment/search/trialPlan.ts'),
  ]);
  const search = asked?.search ?? searchSchema.parse({});
  return { requested: withSearch(requested, search), dataset, search };
}

/** The options that are values of the config, so that they are checked like the config's own. */
function flagsOf({ disable, addOneIn, seeds, study }: Choice): Flag[] {
  return [
    ...(disable ? [{ typed: `--disable ${disable.join(',')}`, key: 'study.disable', value: disable }] : []),
    ...(addOneIn ? [{ typed: '--add-one-in', key: 'study.addOneIn', value: true }] : []),
    ...(seeds === undefined ? [] : [{ typed: `--seeds ${seeds}`, key: 'study.seeds', value: seeds }]),
    ...(study === undefined ? [] : [{ typed: `--study ${study}`, key: 'study.name', value: study }]),
  ];
}

/** A plan as it was saved: nothing may be asked beside it that would change what it trains. */
async function savedPlan(file: string, config: string | undefined, options: Choice) {
  const [{ loadDataset }, { checkPlan }, { readPlanFile }] = await Promise.all([
    import('../loadDataset.ts'),
    import('../../experiment/study/plan.ts'),
    import('../../runs/study.ts'),
  ]);
  const { disable, addOneIn, seeds, study, set, unset } = options;
  if ([config, disable, addOneIn, seeds, study, set, unset].some((asked) => asked !== undefined)) {
    throw new UserError(`--from ${file} trains exactly that plan: no config, arms, seeds or values beside it`, {
      remedy: 'leave them out, or make another plan with --plan --save-plan',
    });
  }
  const requested = await readPlanFile(file);
  const { dataset: chosen } = requested.arms[0]!.experiment;
  const dataset = await loadDataset(chosen);
  checkPlan(requested, dataset.fingerprint);
  const { checkBudgets } = await import('../../experiment/search/budgets.ts');
  checkBudgets(requested);
  return { requested, dataset, search: undefined };
}
