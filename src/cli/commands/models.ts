/** `ranger21 models`: every model with its size. */
import { Command } from '@commander-js/extra-typings';
import { count } from '../engine.ts';

export const modelsCommand = () =>
  new Command('models')
    .description('list every model with its parameters and multiply–accumulates for one image')
    .option('--image <pixels>', 'height and width of the image instead of each model’s own', count)
    .option('--channels <n>', 'image channels instead of each model’s own', count)
    .option('--classes <n>', 'classes instead of each model’s own', count)
    .option('--json', 'print JSON')
    .addHelpText(
      'after',
      `
Options of a model go under model: in a config. The stem follows the image: 7×7 for resnet… above 64 pixels, else 3×3.

Examples:
  ranger21 models
  ranger21 models --image 8 --channels 1 --classes 10
  ranger21 models --json | jq '.[] | select(.parameters < 1e6) | .name'`,
    )
    .action(async ({ image, channels, classes, json }) => {
      const { models, modelNames } = await import('../../models/registry.ts');
      const { sizeOf } = await import('../../tensor/compile.ts');
      const rows = modelNames.map((name) => {
        const family = models[name];
        const { native, summary, paper } = family;
        const input = {
          height: image ?? native.height,
          width: image ?? native.width,
          channels: channels ?? native.channels,
          classes: classes ?? native.classes,
        };
        const model = family.build(family.options.parse({}), input);
        const parameters = Object.values(model.params).reduce((total, { shape }) => total + sizeOf(shape), 0);
        return { name, ...input, parameters, macs: model.macs, summary, paper };
      });
      console.log(json ? JSON.stringify(rows, null, 2) : table(rows));
    });

interface Row {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  readonly classes: number;
  readonly parameters: number;
  readonly macs: number;
  readonly summary: string;
}

/** Columns aligned: names to the left, numbers to the right. */
function table(rows: readonly Row[]): string {
  const grouped = (n: number) => n.toLocaleString('en-US');
  const cells = [
    ['model', 'image', 'classes', 'parameters', 'MACs', ''],
    ...rows.map((row) => [
      row.name,
      `${row.height}×${row.width}×${row.channels}`,
      String(row.classes),
      grouped(row.parameters),
      grouped(row.macs),
      row.summary,
    ]),
  ];
  const widths = cells[0]!.map((_, column) => Math.max(...cells.map((line) => line[column]!.length)));
  const isText = (column: number) => column === 0 || column === widths.length - 1;
  const line = (row: readonly string[]) =>
    row
      .map((cell, i) => (isText(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd();
  return cells.map(line).join('\n');
}
