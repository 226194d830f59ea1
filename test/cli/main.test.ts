import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ranger21, temporary } from './ranger21.ts';

/** Eight steps on the digits, too few to leave chance. */
const tiny = ['dataset.train=32', 'dataset.test=20', 'train.batch=8', 'train.epochs=2', 'stop.stuckWithin=0'].flatMap(
  (set) => ['--set', set],
);

describe('the program', () => {
  test('without arguments shows its help and ends well', () => {
    const { code, stdout } = ranger21([]);
    expect(code).toBe(0);
    expect(stdout).toContain('Examples:');
  });

  test.each([['--help'], ['run', '--help'], ['ablate', '--help'], ['help', 'table']])(
    '%s %s has examples',
    (...args) => {
      const { code, stdout } = ranger21(args);
      expect(code).toBe(0);
      expect(stdout).toMatch(/Examples:\n {2}ranger21 /);
    },
  );

  test('--version names the program and Node', () => {
    expect(ranger21(['--version']).stdout).toBe(`ranger21 0.1.0, Node ${process.versions.node}\n`);
  });

  test('--version after setup is the version to install', () => {
    const { code, stderr } = ranger21(['setup', '--version']);
    expect([code, stderr]).toEqual([2, expect.stringContaining("'--version <version>' argument missing")]);
  });

  test('a misspelt command or option is a usage error, exit 2, on stderr', () => {
    for (const args of [['rum'], ['run', 'configs/digits-resnet.yaml', '--dryrun'], ['run']]) {
      const { code, stdout, stderr } = ranger21(args);
      expect([code, stdout]).toEqual([2, '']);
      expect(stderr).toMatch(/^error: /);
    }
    expect(ranger21(['rum']).stderr).toContain('Did you mean run?');
  });
});

describe('ranger21 run', () => {
  test('trains, prints the result on stdout, and does nothing the second time', () => {
    const args = ['run', 'configs/digits-nfresnet.yaml', ...tiny, '--runs', temporary(), '--json'];
    const first = ranger21(args);
    expect(first.code, first.stderr).toBe(0);
    const result = JSON.parse(first.stdout) as { status: string; steps: number; dir: string; seed: number };
    expect(result).toMatchObject({ status: 'completed', steps: 8, seed: 0 });
    expect(readdirSync(result.dir)).toContain('result.json');
    const second = ranger21(args);
    expect(second.stderr).toContain('finished before, nothing to do');
    expect(JSON.parse(second.stdout)).toEqual(result);
    expect(JSON.parse(ranger21([...args, '--seed', '1']).stdout)).toMatchObject({ seed: 1, status: 'completed' });
  });

  test('--dry-run says what would happen and writes nothing', () => {
    const runs = join(temporary(), 'runs');
    const { code, stdout } = ranger21(['run', 'configs/digits-nfresnet.yaml', '--dry-run', '--json', '--runs', runs]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      parameters: 77_757,
      stepsPerEpoch: 22,
      warmupEnd: 145,
      warmdownStart: 475,
    });
    expect(existsSync(runs)).toBe(false);
  });

  test('goes on when nobody reads its progress any more', async () => {
    const args = ['run', 'configs/digits-nfresnet.yaml', ...tiny, '--runs', temporary(), '--json'];
    const child = spawn(process.execPath, ['dist/cli/main.js', ...args]);
    child.stderr.destroy();
    let out = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text));
    expect(await new Promise((resolve) => child.on('close', resolve))).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ status: 'completed' });
  });

  test('a diverged run ends with 4', () => {
    const set = ['--set', 'optimizer.name=adamw', '--set', 'optimizer.lr=1e30', '--unset', 'optimizer.components'];
    const { code, stdout } = ranger21(['run', 'configs/digits-nfresnet.yaml', ...tiny, ...set, '--runs', temporary()]);
    expect(code).toBe(4);
    expect(stdout).toMatch(/^diverged: \w+ is (NaN|Infinity|-Infinity) at step \d+(: .+)?\nnever evaluated\n/);
  });

  test('the first Ctrl-C ends it after its step with 130 and no result', async () => {
    const runs = temporary();
    const child = spawn(process.execPath, ['dist/cli/main.js', 'run', 'configs/digits-nfresnet.yaml', '--runs', runs]);
    let errors = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      errors += text;
      if (text.includes('epoch 1.0')) child.kill('SIGINT');
    });
    const code = await new Promise((resolve) => child.on('close', resolve));
    expect(code, errors).toBe(130);
    expect(errors).toContain('SIGINT: finishing this step');
    const run = join(runs, readdirSync(runs)[0]!);
    expect(readdirSync(join(run, 'checkpoints'))).toHaveLength(1);
    expect(JSON.parse(readFileSync(join(run, 'attempts/1/ended.json'), 'utf8'))).toMatchObject({
      status: 'interrupted',
    });
    expect(readdirSync(run)).not.toContain('result.json');
  });

  test('makes adamw of a config with components, which are left out, told once', () => {
    const args = ['run', 'configs/digits-nfresnet.yaml', ...tiny, '--runs', temporary(), '--json'];
    const { code, stdout, stderr } = ranger21([...args, '--set', 'optimizer.name=adamw']);
    expect(code, stderr).toBe(0);
    expect(stderr.split('\n').filter((line) => line.startsWith('optimizer.name is adamw'))).toEqual([
      expect.stringContaining('left out optimizer.components.agc (configs/digits-nfresnet.yaml:'),
    ]);
    const none = temporary();
    const set = ['--set', 'optimizer.name=adamw', '--unset', 'optimizer.components'];
    const plain = JSON.parse(ranger21([...args.slice(0, -2), none, '--json', ...set]).stdout) as { id: string };
    expect(JSON.parse(stdout)).toMatchObject({ id: plain.id });
  });

  test('runs a config of a study whatever its arms say, and one whose variable is not set where a flag gives the value', () => {
    const config = join(temporary(), 'x.yaml');
    writeFileSync(
      config,
      `extends: ${resolve('configs/digits-nfresnet.yaml')}
name: '\${env:NO_SUCH_VARIABLE}'
study: { disable: [pnm], arms: [{ name: a, set: { optimizer: { components: { gc: { convOnly: true } } } } }] }
expect: { testTop1: { atLeast: 0.1 }, source: a guess }
`,
    );
    const set = ['--set', 'name=named', '--set', 'optimizer.name=adamw'];
    const { code, stderr } = ranger21(['run', config, ...tiny, ...set, '--runs', temporary()]);
    expect(code, stderr).toBe(0);
    expect(ranger21(['run', config, ...tiny, ...set.slice(2), '--runs', temporary()]).stderr).toContain(
      'the environment variable NO_SUCH_VARIABLE is not set',
    );
  });

  const refused: [string, string[], RegExp, number][] = [
    ['a config that is not there', ['run', 'configs/digit.yaml'], /configs\/digit\.yaml does not exist/, 2],
    [
      'a misspelt key, with its place',
      ['run', 'configs/digits-resnet.yaml', '--set', 'optimizer.learningRate=1'],
      /--set optimizer\.learningRate.*unknown key/s,
      2,
    ],
    ['zero epochs', ['run', 'configs/digits-resnet.yaml', '--set', 'train.epochs=0'], /train\.epochs/, 2],
    [
      'a batch larger than the data set',
      ['run', 'configs/digits-resnet.yaml', '--set', 'train.batch=2000'],
      /train\.batch.*1,?437/s,
      2,
    ],
    [
      'PNM with MADGRAD',
      [
        'run',
        'configs/digits-resnet.yaml',
        '--set',
        'optimizer.core=madgrad',
        '--set',
        'optimizer.components.pnm=true',
      ],
      /pnm.*madgrad|madgrad.*pnm/s,
      2,
    ],
    ['an unknown backend', ['run', 'configs/digits-resnet.yaml', '--backend', 'onx'], /Did you mean onnx\?/, 2],
    [
      'a precision the backend has not',
      ['run', 'configs/digits-resnet.yaml', '--dry-run', '--backend', 'onnx', '--precision', 'bf16'],
      /backend onnx has no precision bf16\n {2}fix: use --precision float32/,
      2,
    ],
    ['a negative seed', ['run', 'configs/digits-resnet.yaml', '--seed', '-1'], /whole number from 0/, 2],
    ['an empty seed', ['run', 'configs/digits-resnet.yaml', '--seed', ''], /whole number from 0/, 2],
    [
      'a study outside the folder of runs',
      ['ablate', '--plan', '--study', '../x'],
      /^--study \.\.\/x {2}study\.name: expected letters/m,
      2,
    ],
    [
      'an unknown component in --disable',
      ['ablate', '--disable', 'pmn', '--plan'],
      /^--disable pmn {2}study\.disable\[0\]: no component "pmn"; did you mean pnm\?/m,
      2,
    ],
  ];
  test.each(refused)('refuses %s', (_, args, message, code) => {
    const runs = join(temporary(), 'runs');
    const ended = ranger21([...args, '--runs', runs]);
    expect(ended.stderr).toMatch(message);
    expect(ended.stderr).toMatch(/error: /);
    expect([ended.code, ended.stdout]).toEqual([code, '']);
    expect(existsSync(runs)).toBe(false);
  });

  test('a data set that is not prepared names the command that prepares it', () => {
    const [data, runs] = [temporary(), join(temporary(), 'runs')];
    const args = ['run', 'configs/cifar10-resnet20.yaml', '--runs', runs];
    const { code, stderr } = ranger21(args, { RANGER21_DATA: data });
    expect(code).toBe(2);
    expect(stderr).toContain('ranger21 data prepare cifar10');
    expect(existsSync(runs)).toBe(false);
  });

  test.skipIf(process.getuid?.() === 0 || process.platform === 'win32')(
    'an unwritable run folder is an error with its path (not as root, whom nothing stops)',
    () => {
      const runs = temporary();
      chmodSync(runs, 0o500);
      const { code, stderr } = ranger21(['run', 'configs/digits-resnet.yaml', ...tiny, '--runs', runs]);
      expect(code).toBe(2);
      expect(stderr).toContain(runs);
    },
  );

  test('a run folder whose place is taken by a file is an error with its path', () => {
    const runs = join(temporary(), 'runs');
    writeFileSync(runs, '');
    const { code, stderr } = ranger21(['run', 'configs/digits-resnet.yaml', ...tiny, '--runs', runs]);
    expect(code).toBe(2);
    expect(stderr).toContain(runs);
    expect(readFileSync(runs, 'utf8')).toBe('');
  });
});

test('config validate finds what would stop the study of a config, with its place', () => {
  const config = join(temporary(), 'x.yaml');
  writeFileSync(
    config,
    `extends: ${resolve('configs/digits-resnet.yaml')}
study:
  headline: adamw+shed
  arms: [{ name: a, set: { optimizer: { components: { pnmm: false } } } }]
`,
  );
  const { code, stdout, stderr } = ranger21(['config', 'validate', config]);
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr.split('\n').filter((line) => line.startsWith(config))).toEqual([
    `${config}:3:13  study.headline: no arm of this study is named "adamw+shed"; did you mean adamw+sched?`,
    `${config}:4:55  study.arms[0].set.optimizer.components.pnmm: unknown key; did you mean pnm?`,
  ]);
  expect(ranger21(['ablate', config, '--plan']).stderr).toBe(stderr);
});

describe('ranger21 ablate', () => {
  const arms = ['ranger21', '-pnm', '-lookahead', '-pnm-lookahead', 'adamw', 'adamw+sched'];

  test('trains every arm and seed, writes the tables, and continues where it stopped', () => {
    const runs = temporary();
    const args = ['ablate', '--disable', 'pnm,lookahead', ...tiny, '--runs', runs, '--json'];
    const first = ranger21([...args, '--seeds', '1']);
    expect(first.code, first.stderr).toBe(0);
    const table = JSON.parse(first.stdout) as { rows: { arm: string }[] };
    expect(table.rows.map(({ arm }) => arm).sort()).toEqual([...arms].sort());
    expect(first.stderr).toMatch(/ranger21: 6 completed → .*table\.md\n$/);
    for (const file of ['plan.json', 'table.json', 'table.md', 'table.csv']) {
      expect(existsSync(join(runs, 'ablation', file)), file).toBe(true);
    }
    const second = ranger21([...args, '--seeds', '2']);
    expect(second.stderr).toContain('6 arms × 2 seeds = 12 runs, 6 finished before');
    expect(second.stderr).toMatch(/12 completed/);
    const markdown = ranger21(['table', 'ablation', '--runs', runs]).stdout;
    expect(markdown).toBe(readFileSync(join(runs, 'ablation', 'table.md'), 'utf8'));

    const { runs: planned } = JSON.parse(readFileSync(join(runs, 'ablation', 'plan.json'), 'utf8')) as {
      runs: { path: string }[];
    };
    writeFileSync(join(runs, 'ablation', planned[0]!.path, 'result.json'), '{');
    const third = ranger21([...args, '--seeds', '2']);
    expect([third.code, third.stderr]).toEqual([3, expect.stringMatching(/1 unreadable, 11 completed/)]);
  });

  test('freezes no plan where there is no engine to train it', () => {
    const runs = temporary();
    for (const command of [
      ['ablate', '--disable', 'pnm'],
      ['sweep', 'configs/digits-resnet.yaml', '--trials', '2', '--space', 'optimizer.lr={log: [1e-3, 1e-1]}'],
    ]) {
      const { code, stderr } = ranger21([...command, ...tiny, '--runs', runs, '--device', 'gpu:7']);
      expect([code, stderr]).toEqual([6, expect.stringContaining('no backend is usable here')]);
      expect(readdirSync(runs, { recursive: true }).map(String)).toEqual([]);
    }
  });

  test('--jobs 2 gives the same losses from processes of their own', () => {
    const [alone, shared] = [temporary(), temporary()];
    const args = ['ablate', '--disable', 'pnm', ...tiny, '--seeds', '1', '--json', '--threads', '1'];
    const losses = (runs: string, ...more: string[]) => {
      const { code, stdout, stderr } = ranger21([...args, '--runs', runs, ...more]);
      expect(code, stderr).toBe(0);
      return (JSON.parse(stdout) as { rows: { arm: string; loss: unknown }[] }).rows.map(({ arm, loss }) => [
        arm,
        loss,
      ]);
    };
    expect(losses(shared, '--jobs', '2')).toEqual(losses(alone));
  });

  test('--plan trains nothing and says what it would', () => {
    const runs = join(temporary(), 'runs');
    const { code, stdout } = ranger21(['ablate', '--disable', 'agc+gc', '--plan', '--runs', runs]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^-agc-gc +without agc, gc +ranger21 +0\/3$/m);
    expect(stdout).toContain('12 of 12 runs to train');
    const json = ranger21(['ablate', '--disable', 'agc+gc', '--plan', '--json', '--runs', runs]).stdout;
    expect(JSON.parse(json)).toMatchObject({ schema: 3, runs: 12, missing: 12, arms: { 1: { name: '-agc-gc' } } });
    expect(existsSync(runs)).toBe(false);
  });

  test('--from trains exactly a saved plan, whatever happens to the config', () => {
    const folder = temporary();
    const [config, plan, runs] = ['mine.yaml', 'plan.json', 'runs'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const text = (lr: number) =>
      `extends: ${process.cwd()}/configs/digits-nfresnet.yaml\nname: mine\noptimizer: { lr: ${lr} }\nstudy: { seeds: 1 }\n`;
    writeFileSync(config, text(0.01));
    const planned = ranger21([
      'ablate',
      config,
      '--disable',
      'pnm',
      ...tiny,
      '--plan',
      '--save-plan',
      plan,
      '--runs',
      runs,
    ]);
    expect(planned.code).toBe(0);
    writeFileSync(config, text(0.5));
    const refused = ranger21(['ablate', '--from', plan, '--seeds', '2', '--runs', runs]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain('trains exactly that plan');
    expect(existsSync(runs)).toBe(false);
    const { code } = ranger21(['ablate', '--from', plan, '--runs', runs]);
    expect(code).toBe(0);
    const { arms } = JSON.parse(readFileSync(join(runs, 'mine', 'plan.json'), 'utf8')) as {
      arms: { experiment: { optimizer: { lr: number } } }[];
    };
    expect(arms.map(({ experiment }) => experiment.optimizer.lr)).toEqual([0.01, 0.01, 0.01, 0.01]);
  });

  test('a run that fails is told at once, the others go on, and the study ends with 3', () => {
    const runs = temporary();
    const args = ['ablate', '--disable', 'pnm', ...tiny, '--seeds', '1', '--runs', runs];
    ranger21(args);
    const plan = JSON.parse(readFileSync(join(runs, 'ablation', 'plan.json'), 'utf8')) as { runs: { path: string }[] };
    // one run's folder becomes a place where nothing can be written
    const path = join(runs, 'ablation', plan.runs[1]!.path);
    const other = temporary();
    mkdirSync(join(other, 'ablation', plan.runs[1]!.path, '..'), { recursive: true });
    writeFileSync(join(other, 'ablation', plan.runs[1]!.path), 'in the way');
    const { code, stderr } = ranger21([...args.slice(0, -1), other]);
    expect(existsSync(path)).toBe(true);
    expect(stderr).toMatch(/-pnm seed 0: /);
    expect(stderr).toMatch(/3 completed/);
    expect(code).toBe(3);
  });
});

test('doctor names every backend, what auto takes and what decodes JPEGs', () => {
  const { code, stdout } = ranger21(['doctor', '--json']);
  expect(code).toBe(0);
  const { backends, auto, images } = JSON.parse(stdout) as {
    backends: { name: string; usable: boolean }[];
    auto: string;
    images: { jpeg: string };
  };
  expect(images.jpeg).toBe(process.platform === 'linux' ? 'libjpeg-turbo' : 'libvips');
  expect(backends.map(({ name }) => name)).toEqual(expect.arrayContaining(['onnx', 'cpu']));
  expect(backends.find(({ usable }) => usable)?.name).toBe(auto);
});
