import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Answer, answerTo } from '../../src/check/jobs.ts';
import { exitStatusOf } from '../../src/cli/check.ts';
import { directmap, expectMessage, ROOT, SCRATCH, scratch } from './directmap.ts';

/** A small claim that holds, one that is refuted, and one about two CPUs that is both. */
const HOLDS = 'remap-of-4k-np-cannot-fail';
const REFUTED = 'no-large-np-leaf';
const BOTH = 'cpa-updates-are-not-lost';
/** Takes for ever: 8 pages. */
const ENDLESS = [HOLDS, '--geometry', '3', '--kernel', 'v7.2,v5.10', '--jobs', '1'];

/** Results without what differs from run to run. */
function timeless(text: string) {
  return JSON.parse(text, (key, value) => (key === 'seconds' ? undefined : value));
}

describe('directmap claims', () => {
  it('lists each claim with its sentence and who said it, in 72 columns', () => {
    const { stdout, status } = directmap('claims');
    expect(stdout).toMatch(/^no-large-np-leaf\n {4}"A new caller .*\n.*\n {4}Rick Edgecombe, 26 Oct 2020: /m);
    expect(stdout.split('\n').filter((line) => line.length > 72)).toEqual([]);
    expect(status).toBe(0);
  });

  it('lists them for programs', () => {
    const claims = JSON.parse(directmap('claims', '--json').stdout);
    expect(claims).toContainEqual({
      id: REFUTED,
      sentence: expect.stringContaining('None of the callers'),
      source: expect.objectContaining({ who: 'Rick Edgecombe' }),
      catalogue: ['C5', 'K4'],
    });
  });
});

describe('directmap check', () => {
  it('proves a claim on the newest kernel, says the bounds, and exits with 0', () => {
    const { stdout, stderr, status } = directmap('check', HOLDS);
    expect(stdout).toMatch(/v7\.2\.13 +holds: [\d,]+ states, exhausted/);
    expect(stdout).toMatch(/^1 hold, 0 refuted, 0 undecided, 0 not modelled; /m);
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });

  it('writes one refutation as a whole mail, whose scenario runs, and exits with 1', () => {
    const { stdout, status } = directmap('check', REFUTED, '--kernel', 'v5.10');
    expect(status).toBe(1);
    expect(stdout).toContain('\n2  set_memory_np(0xffff888004200000, 512)         = 0\n');
    const [mail = '', scenario = ''] = stdout.split('\nsave as a file for directmap run:\n\n');
    // A command is in one piece, or it could not be copied.
    const isCommand = (line: string) => /directmap (replay|serve) '/.test(line);
    const long = mail.split('\n').filter((line) => line.length > 72 && !isCommand(line));
    expect(long).toEqual([]);
    expect(directmap('run', scratch('saved.js', scenario)).status).toBe(0);
  });

  it('shows two CPUs in two columns', () => {
    const { stdout } = directmap('check', BOTH, '--kernel', 'v5.10');
    expect(stdout).toMatch(/^ +CPU 0 +CPU 1$/m);
  });

  it('prints as JSON what it printed as text', () => {
    const { stdout, status } = directmap('check', REFUTED, '--kernel', 'v5.10', '--json');
    expect(JSON.parse(stdout)).toEqual({
      schema: 'directmap-check/1',
      results: [
        {
          claim: REFUTED,
          sentence: expect.any(String),
          source: { who: 'Rick Edgecombe', when: '26 Oct 2020', where: expect.any(String) },
          arch: 'x86_64',
          kernel: 'v5.10.223',
          verdict: 'refuted',
          bounds: expect.objectContaining({ geometry: 2, pages: 4, refusals: 'any', exhausted: false }),
          world: { leaf: '2M', tlb: false, config: {}, boot: '' },
          finding: { text: expect.any(String), failure: 'F1' },
          notices: ['nobody'],
          trace: {
            id: expect.stringMatching(/^no-large-np-leaf@v5\.10\.223;9:/),
            calls: [expect.stringMatching(/^set_memory_np\(page, /)],
            refusals: 0,
            switches: 0,
            fullSize: true,
            scenario: expect.stringContaining("kernel: 'v5.10.223'"),
          },
        },
      ],
    });
    expect(status).toBe(1);
  });

  it('gives the same results in the same order on one thread and on two', () => {
    const [one, two] = ['1', '2'].map((jobs) =>
      directmap('check', HOLDS, REFUTED, BOTH, '--kernel', 'all', '--jobs', jobs, '--json'),
    );
    expect(timeless(two!.stdout)).toEqual(timeless(one!.stdout));
    expect(timeless(one!.stdout).results).toHaveLength(15);
    expect(two!.status).toBe(1);
  });

  it('takes kernels with changes, config and boot parameters, and says so', () => {
    const { stdout, status } = directmap(
      ...['check', BOTH, '--kernel', 'v5.10+cpa-lock-exempts-pagealloc-only,v5.10'],
      ...['--config', 'SECRETMEM=n', '--boot', 'nogbpages'],
    );
    expect(stdout).toMatch(/^ {2}v5\.10\.223\+cpa-lock-exempts-pagealloc-only\n +holds: /m);
    expect(stdout).toMatch(/^ {2}v5\.10\.223 +refuted: /m);
    expect(stdout).toContain('CONFIG_SECRETMEM=n');
    expect(stdout).toContain('nogbpages"');
    expect(status).toBe(1);
  });

  it('asks a claim of other architectures, and says what never happens there and why', () => {
    const { stdout, status } = directmap(
      ...['check', 'returned-0-means-done', '--arch', 'arm64,riscv64', '--kernel', 'v5.10,v7.2'],
    );
    expect(stdout).toMatch(/^ {2}arm64 v5\.10\.223\n +holds: 4 states, exhausted/m);
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
      'never here: a large leaf is changed whole; a large leaf is split (boot maps these pages by 4K entries',
    );
    expect(stdout).toMatch(/^ {2}riscv64 v5\.10\.223\n +refuted: 1 call, no allocations refused/m);
    expect(stdout).toMatch(/^ {2}riscv64 v7\.2\.13\n +holds: 72 states, exhausted/m);
    const [, id = ''] = /directmap replay '([^']*;a=riscv64:[^']*)'/.exec(stdout) ?? [];
    expect(directmap('replay', id, '--scenario').stdout).toContain("({ arch: 'riscv64', kernel: 'v5.10.223'");
    expect(status).toBe(1);
  });

  it('leaves out the releases in which one of several architectures was not there', () => {
    const { stdout } = directmap(
      ...['check', HOLDS, '--arch', 'x86_64,loongarch64', '--kernel', 'all', '--json'],
    );
    const kernels = JSON.parse(stdout).results.map(
      ({ arch, kernel }: { arch: string; kernel: string }) => `${arch} ${kernel}`,
    );
    expect(kernels).toHaveLength(5 + 3);
    expect(kernels).not.toContain('loongarch64 v5.10.223');
  });

  it('says what an architecture has not, with exit status 3', () => {
    const { stdout, status } = directmap('check', REFUTED, '--arch', 'arm64');
    expect(stdout.replaceAll(/\s+/g, ' ')).toContain(
      'not modelled: set_memory_np() is what it is about, and arm64 has none',
    );
    expect(status).toBe(3);
  });

  it('says which boot parameters have no effect', () => {
    const { stderr, status } = directmap('check', HOLDS, '--boot', 'quiet nogbpages');
    expect(stderr).toBe('directmap: boot parameters without effect here: quiet\n');
    expect(status).toBe(0);
  });

  it('is undecided, with exit status 3, when a limit is reached', () => {
    for (const limit of [
      ['--max-states', '5'],
      ['--timeout', '0'],
    ]) {
      const { stdout, status } = directmap('check', HOLDS, ...limit);
      expect(stdout).toMatch(/undecided: more than (5 states|0 s)\n +[\d,]+ states? seen, not exhausted/);
      expect(status).toBe(3);
    }
  });
});

describe('the exit status of many results', () => {
  const limits = { states: 1e6, seconds: 60, bytes: 2 ** 28 };
  const base = answerTo({ claim: HOLDS, kernel: 'v5.10', limits });
  const status = (...verdicts: Answer['verdict'][]) =>
    exitStatusOf(verdicts.map((verdict) => ({ ...base, verdict })));

  it('is 0 if all hold, 1 if any is refuted, else 3', () => {
    expect(status()).toBe(0);
    expect(status('holds', 'holds')).toBe(0);
    expect(status('holds', 'undecided', 'refuted')).toBe(1);
    expect(status('holds', 'undecided')).toBe(3);
    expect(status('not modelled', 'holds')).toBe(3);
  });

  it('is 70 if a claim of ours failed', () => {
    expect(exitStatusOf([base, { ...base, verdict: 'undecided', bug: 'oh' }])).toBe(70);
  });
});

describe('--output', () => {
  it('writes the file whole and leaves nothing else, and prints nothing', () => {
    const folder = join(SCRATCH, 'out');
    mkdirSync(folder, { recursive: true });
    const path = join(folder, 'results.json');
    const { stdout, status } = directmap('check', HOLDS, '--json', '--output', path);
    expect(stdout).toBe('');
    expect(status).toBe(0);
    expect(JSON.parse(readFileSync(path, 'utf8')).results).toHaveLength(1);
    expect(readdirSync(folder)).toEqual(['results.json']);
  });

  it('leaves an older file as it was if there is no result', () => {
    const path = scratch('kept.json', 'older');
    const result = directmap('check', BOTH, '--geometry', '9', '--output', path);
    expectMessage(result, 2, '--geometry, claim cpa-updates-are-not-lost: geometry 9 is out of range');
    expect(readFileSync(path, 'utf8')).toBe('older');
  });

  it('is refused before any work if it cannot be written', () => {
    expectMessage(directmap('check', '--output', '/no/such/folder/x'), 2, '--output', 'ENOENT');
    expectMessage(directmap('check', '--output', SCRATCH), 2, '--output', 'it is a folder');
  });
});

describe('bad input to directmap check', () => {
  it('an unknown claim lists the nearest, and where all are', () => {
    expectMessage(
      directmap('check', 'no-large-leaf'),
      2,
      'unknown claim "no-large-leaf"',
      REFUTED,
      'directmap claims',
    );
  });

  const mistakes: [string[], string[]][] = [
    [
      ['--kernel', 'v7.2,v9'],
      ['--kernel', '"v9"', 'v5.10.223'],
    ],
    [
      ['--kernel', 'v7.2+x'],
      ['unknown change "x"', 'cpa-collapse'],
    ],
    [
      ['--arch', 'x86_64,mips'],
      ['--arch', '"mips"', 'arm64', 'sparc64'],
    ],
    [['--config', 'FOO=y'], ['"FOO"']],
    [['--config', 'FOO'], ['NAME=y or NAME=n']],
    [['--cpus', '9'], ['--cpus: number 9 is out of range: expected 1 to 4']],
    [['--cpus', 'two'], ['--cpus: number: found two, expected a whole number']],
    [
      ['--geometry', '5'],
      ['--geometry', '1, 2 or 3 index bits'],
    ],
    [['--geometry', '0'], ['--geometry: number 0']],
    [['--max-states', '1e99'], ['--max-states']],
    [['--max-states', '-1'], ['--max-states']],
    [
      ['--max-memory', '1.5'],
      ['--max-memory', 'a whole number'],
    ],
    [['--timeout', 'soon'], ['--timeout: number: found soon']],
    [['--jobs', '0'], ['--jobs: number 0 is out of range: expected 1 to 1024']],
    [
      ['--shard', '1'],
      ['--shard', 'i/n'],
    ],
    [
      ['--shard', '5/4'],
      ['--shard', 'expected i from 1 to 4'],
    ],
  ];
  it.each(mistakes)('%j is told in one message', (args, parts) => {
    expectMessage(directmap('check', HOLDS, ...args), 2, ...parts);
  });

  it('what is not modelled is refused with 3', () => {
    expectMessage(directmap('check', HOLDS, '--boot', 'nopat'), 3, 'not modelled: boot parameter nopat');
  });

  it('a number of CPUs that a claim cannot do with names the claim', () => {
    expectMessage(directmap('check', BOTH, '--cpus', '1'), 2, `--cpus, claim ${BOTH}`, 'at least 2');
  });
});

describe('a run that is told to stop', () => {
  /** Starts a run that would take for ever, and sends a signal when it is at work. */
  async function interrupt(signal: 'SIGINT' | 'SIGTERM', ...args: string[]) {
    const child = spawn('./bin/directmap', ['check', ...ENDLESS, ...args], { cwd: ROOT });
    let stdout = '';
    child.stdout.on('data', (data) => {
      stdout += data;
    });
    setTimeout(() => child.kill(signal), 1500);
    const status = await new Promise((resolve) => child.on('close', resolve));
    return { status, stdout };
  }

  it('by Ctrl-C prints what it knows so far, and exits with 130', async () => {
    const { status, stdout } = await interrupt('SIGINT');
    expect(stdout).toMatch(/v7\.2\.13 +undecided: interrupted\n +[\d,]+ states seen, not exhausted/);
    expect(stdout).toMatch(/v5\.10\.223 +undecided: interrupted\n/);
    expect(stdout).toContain('0 hold, 0 refuted, 2 undecided, 0 not modelled');
    expect(status).toBe(130);
  });

  it('by a scheduler still writes its file, and exits with 143', async () => {
    const path = join(SCRATCH, 'stopped.json');
    const { status } = await interrupt('SIGTERM', '--json', '--output', path);
    expect(status).toBe(143);
    expect(existsSync(path)).toBe(true);
    expect(JSON.parse(readFileSync(path, 'utf8')).results[1]).toMatchObject({ because: 'interrupted' });
  });
});
