/** Ctrl-C and friends: the first ends the run after its step, the second ends the process. SIGUSR1 belongs to Node. */
const numbers = { SIGINT: 2, SIGTERM: 15, SIGUSR2: 12 } as const;
type Stop = keyof typeof numbers;

/** An abort signal for the run, and the exit code (128 + number) once one has arrived. */
export function stopOnSignals(): { signal: AbortSignal; exitCode: () => number | undefined; release: () => void } {
  const controller = new AbortController();
  let received: Stop | undefined;
  const handle = (name: NodeJS.Signals) => {
    if (received) process.exit(128 + numbers[name as Stop]);
    received = name as Stop;
    console.error(`\n${name}: finishing this step, then stopping; once more to quit at once`);
    controller.abort();
  };
  const names = Object.keys(numbers) as Stop[];
  for (const name of names) process.on(name, handle);
  return {
    signal: controller.signal,
    exitCode: () => received && 128 + numbers[received],
    release: () => names.forEach((name) => process.off(name, handle)),
  };
}
