/** `ranger21 config`: what a config means, whether it is valid, and what it may say. */
import { Command } from '@commander-js/extra-typings';
import { UserError } from '../../errors.ts';
import { collect } from '../strictOptions.ts';

export const configCommand = () =>
  new Command('config')
    .description('print, check and describe experiment configs')
    .addCommand(printCommand())
    .addCommand(validateCommand())
    .addCommand(schemaCommand());

const printCommand = () =>
  new Command('print')
    .description('print a config with everything resolved: what it extends, overrides, defaults')
    .argument('<config>', 'experiment file, e.g. configs/digits-resnet.yaml')
    .option('--set <key=value>', 'override one value, e.g. optimizer.lr=3e-4 (repeatable)', collect)
    .option('--unset <key>', 'remove one value (repeatable)', collect)
    .option('--origin', 'say of every value where it was written')
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Examples:
  ranger21 config print configs/digits-nfresnet.yaml --origin
  ranger21 config print configs/ablation.yaml --set optimizer.components.pnm=false --json | jq .optimizer`,
    )
    .action(async (config, { origin: withOrigin, json, ...overrides }) => {
      const [{ loadConfig }, { resolvedYaml }] = await Promise.all([
        import('../loadConfig.ts'),
        import('../../config/resolved.ts'),
      ]);
      const { experiment, origin, files } = await loadConfig(config, overrides);
      if (json) {
        const answer = withOrigin ? { experiment, origin: Object.fromEntries(origin), files } : experiment;
        console.log(JSON.stringify(answer, null, 2));
      } else {
        process.stdout.write(resolvedYaml(experiment, withOrigin ? origin : undefined));
      }
    });

const validateCommand = () =>
  new Command('validate')
    .description('check configs; every problem is reported with its place')
    .argument('<configs...>', 'experiment files')
    .addHelpText(
      'after',
      `
Examples:
  ranger21 config validate configs/*.yaml`,
    )
    .action(async (configs) => {
      const [{ loadConfig }, { planConflicts }] = await Promise.all([
        import('../loadConfig.ts'),
        import('../../experiment/study/planConflicts.ts'),
      ]);
      const failures: UserError[] = [];
      for (const config of configs) {
        try {
          await loadConfig(config, { alsoCheck: (parts) => (parts.study ? planConflicts(parts) : []) });
          console.log(`${config}: valid`);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          failures.push(error);
        }
      }
      const [first] = failures;
      if (first) throw new UserError(failures.map(({ message }) => message).join('\n\n'), { remedy: first.remedy });
    });

const schemaCommand = () =>
  new Command('schema')
    .description('print the JSON Schema of a config, for editors')
    .addHelpText(
      'after',
      `
Examples:
  ranger21 config schema > configs/schema.json
  # first line of a config, for editors with a YAML language server:
  # yaml-language-server: $schema=schema.json`,
    )
    .action(async () => {
      const { configJsonSchemaText } = await import('../../config/jsonSchema.ts');
      process.stdout.write(configJsonSchemaText());
    });
