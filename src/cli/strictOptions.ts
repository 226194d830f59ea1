/** What commander lets pass on a command line and this program refuses, for every option of every command. */
import { InvalidArgumentError, type CommandUnknownOpts, type Option } from '@commander-js/extra-typings';
import { didYouMean } from '../didYouMean.ts';
import { variable } from '../environment.ts';
import { exitCode } from '../errors.ts';

type Gather<T> = (value: string, before?: T[]) => T[];
const gathering = new WeakSet<object>();

/** The parser of an option that may be repeated; the value of any other stands once. */
export function repeatable<T>(parse: (value: string) => readonly T[]): Gather<T> {
  const gather: Gather<T> = (value, before = []) => [...before, ...parse(value)];
  gathering.add(gather);
  return gather;
}

export const collect = repeatable((text) => [text]);

const splitNames = (text: string) => text.split(',').map((name) => name.trim());

/** A list: `--disable a --disable b,c`. */
export const collectNames = repeatable(splitNames);

/** A list of some of these words. */
export const collectChoices = <T extends string>(choices: readonly T[]) =>
  repeatable((text) => splitNames(text).map(choiceOf(choices)));

/**
 * An option given twice is refused rather than the last value taken; so are `--x` with `--no-x`, and an empty value. A word
 * that is none of the choices gets a suggestion, and an empty environment variable counts as unset.
 */
export function strictOptions(command: CommandUnknownOpts): void {
  const given = new Map<string, Option>();
  for (const option of command.options) {
    if (option.envVar !== undefined && variable(option.envVar) === undefined) delete process.env[option.envVar];
    if (option.argChoices) option.argParser(choiceOf(option.argChoices));
    const takesValue = option.required || option.optional;
    command.on(`option:${option.name()}`, (value: string | null) => {
      const refuse = (why: string) => command.error(`error: ${why}`, { exitCode: exitCode.usage });
      if (takesValue && value === '') refuse(`option '${option.flags}' has an empty value`);
      if (option.parseArg && gathering.has(option.parseArg)) return;
      const before = given.get(option.attributeName());
      if (before && before !== option) refuse(`options '${before.flags}' and '${option.flags}' contradict each other`);
      if (before && takesValue) refuse(`option '${option.flags}' is given twice, and takes one value`);
      given.set(option.attributeName(), option);
    });
  }
  command.commands.forEach(strictOptions);
}

export const choiceOf =
  <T extends string>(choices: readonly T[]) =>
  (word: string): T => {
    const known = choices.find((choice) => choice === word);
    if (known !== undefined) return known;
    const meant = didYouMean(word, choices);
    throw new InvalidArgumentError(
      `${meant ? `Did you mean ${meant}? ` : ''}Allowed choices are ${choices.join(', ')}.`,
    );
  };
