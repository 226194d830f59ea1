/** `ranger21 components`: the ten switches, from the registry. */
import { Command } from '@commander-js/extra-typings';

export const componentsCommand = () =>
  new Command('components')
    .description('list the ten components: what each does, its options under each semantics, what off means')
    .option('--json', 'print one JSON document')
    .addHelpText(
      'after',
      `
Examples:
  ranger21 components
  ranger21 components --json | jq '.[] | {id, defaults}'`,
    )
    .action(async ({ json }) => {
      const [{ componentNames, components }, { optimizerSchema }, { semanticsNames }] = await Promise.all([
        import('../../optim/components/registry.ts'),
        import('../../optim/config.ts'),
        import('../../optim/semantics.ts'),
      ]);
      const resolved = semanticsNames.map((name) => [name, optimizerSchema.parse({ semantics: name })] as const);
      const rows = componentNames.map((id) => {
        const { slot, name, summary, off, paper, options } = components[id];
        const help = Object.entries(options.shape).map(([key, { description }]) => [key, description ?? ''] as const);
        const defaults = Object.fromEntries(resolved.map(([semantics, config]) => [semantics, config.components[id]]));
        return { id, slot, name, summary, off, paper, options: Object.fromEntries(help), defaults };
      });
      console.log(json ? JSON.stringify(rows, null, 2) : rows.map(described).join('\n\n'));
    });

interface Row {
  readonly id: string;
  readonly slot: string;
  readonly name: string;
  readonly summary: string;
  readonly off: string;
  readonly paper: string;
  readonly options: Readonly<Record<string, string>>;
  /** By semantics: false, or every option. */
  readonly defaults: Readonly<Record<string, unknown>>;
}

function described({ id, slot, name, summary, off, paper, options, defaults }: Row): string {
  const reference = defaults['reference'] as Record<string, unknown>;
  const others = Object.entries(defaults).flatMap(([semantics, values]) => {
    if (semantics === 'reference') return [];
    if (values === false) return [`${semantics}: off`];
    const different = Object.entries(values as Record<string, unknown>).filter(
      ([key, value]) => JSON.stringify(value) !== JSON.stringify(reference[key]),
    );
    return different.map(([key, value]) => `${semantics}: ${key} ${JSON.stringify(value)}`);
  });
  return [
    `${id.padEnd(10)} ${name} (${slot})`,
    `  ${summary}`,
    ...Object.entries(options).map(
      ([key, help]) => `  ${`${key}: ${JSON.stringify(reference[key])}`.padEnd(24)} ${help}`,
    ),
    ...(others.length === 0 ? [] : [`  elsewhere  ${others.join(' · ')}`]),
    `  off        ${off}`,
    `  paper      ${paper}`,
  ].join('\n');
}
