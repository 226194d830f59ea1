/** How configs say how often: "3 steps", "2 epochs", "1 minute". */

/** "3 steps" and "2 epochs" in steps. */
export function stepsOf(text: string, stepsPerEpoch: number): number | undefined {
  const [count, unit = ''] = text.split(' ');
  if (unit.startsWith('step')) return Number(count);
  return unit.startsWith('epoch') ? Number(count) * stepsPerEpoch : undefined;
}

/** "1 minute" and "30 seconds" in milliseconds. */
export function millisecondsOf(text: string): number | undefined {
  const [count, unit = ''] = text.split(' ');
  if (unit.startsWith('minute')) return Number(count) * 60_000;
  return unit.startsWith('second') ? Number(count) * 1000 : undefined;
}
