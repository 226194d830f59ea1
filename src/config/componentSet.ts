/** Components by name, as users write them: in `optimizer.components`, in `study.disable` and `study.order`, in --disable. */
import { didYouMean } from '../didYouMean.ts';
import { componentNames, type ComponentName } from '../optim/components/registry.ts';
import type { OptimizerConfig } from '../optim/config.ts';

/** Exactly these on, all others off. A name that is no component's stays in, for the schema to refuse. */
export const exactly = (names: readonly string[]): Record<string, boolean> => ({
  ...Object.fromEntries(componentNames.map((name) => [name, false])),
  ...Object.fromEntries(names.map((name) => [name, true])),
});

export interface NamedComponents {
  /** For each word without a problem its components, `a+b` being two, in the order of the step. */
  readonly groups: readonly (readonly ComponentName[])[];
  readonly problems: readonly { readonly index: number; readonly message: string }[];
}

/** Words that each name a component, or several together as `a+b`; no two the same, and all of them on. */
export function namedComponents(words: readonly string[], optimizer: OptimizerConfig | undefined): NamedComponents {
  const groups: ComponentName[][] = [];
  const problems: { index: number; message: string }[] = [];
  const seen = new Set<string>();
  for (const [index, word] of words.entries()) {
    const before = problems.length;
    const report = (message: string) => void problems.push({ index, message });
    const names = word.split('+').map((name) => name.trim());
    for (const name of names) {
      const message = nameProblem(name, optimizer);
      if (message !== undefined) report(message);
    }
    if (new Set(names).size < names.length) report(`"${word}" names a component twice`);
    const same = [...names].sort().join('+');
    if (seen.has(same)) report(`"${word}" is there twice`);
    seen.add(same);
    if (problems.length === before) groups.push(componentNames.filter((name) => names.includes(name)));
  }
  return { groups, problems };
}

function nameProblem(name: string, optimizer: OptimizerConfig | undefined): string | undefined {
  const component = componentNames.find((known) => known === name);
  if (component === undefined) {
    const close = didYouMean(name, componentNames);
    return `no component "${name}"; ${close ? `did you mean ${close}?` : `components are ${componentNames.join(', ')}`}`;
  }
  return optimizer?.components[component] === false ? `${name} is off in this experiment already` : undefined;
}
