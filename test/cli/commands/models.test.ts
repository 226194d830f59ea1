import { afterEach, describe, expect, test, vi } from 'vitest';
import { modelsCommand } from '../../../src/cli/commands/models.ts';

async function printed(...args: string[]): Promise<string> {
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  await modelsCommand().exitOverride().parseAsync(args, { from: 'user' });
  return log.mock.calls.flat().join('\n');
}
afterEach(() => vi.restoreAllMocks());

describe('ranger21 models', () => {
  test('one line a model, columns aligned', async () => {
    const lines = (await printed()).split('\n');
    expect(lines).toHaveLength(25);
    expect(lines).toContainEqual(expect.stringMatching(/^resnet50 +224×224×3 +1000 +25,557,032 +4,089,184,256 /));
    expect(lines).toContainEqual(expect.stringMatching(/^nf-r8-basic +32×32×3 +10 +78,045 +12,501,632 /));
    expect(new Set(lines.slice(1).map((line) => line.search(/(batch norm|norm-free),/))).size).toBe(1);
  });

  test('--image, --channels and --classes replace every model’s own', async () => {
    const output = await printed('--image', '28', '--channels', '1', '--classes', '10');
    expect(output).toMatch(/^r8-basic +28×28×1 +10 +77,754 +9,345,920 /m);
    expect(output).not.toContain('1000');
  });

  test('--json is one document of whole numbers', async () => {
    const rows = JSON.parse(await printed('--json', '--image', '128', '--classes', '10')) as Record<string, unknown>[];
    expect(rows).toHaveLength(24);
    expect(rows.find(({ name }) => name === 'resnet50')).toMatchObject({
      parameters: 23_528_522,
      macs: 1_334_595_584,
      width: 128,
    });
  });

  test.each([
    ['--image', '0'],
    ['--image', '12.5'],
    ['--classes', 'ten'],
  ])('%s %s is refused', async (option, value) => {
    vi.spyOn(process.stderr, 'write').mockImplementation(() => true);
    await expect(printed(option, value)).rejects.toThrow(/expected a whole number from 1/);
  });
});
