import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { directmap, expectMessage, SCRATCH, scratch } from './directmap.ts';

/** One page out of the direct map and back, which architectures do each their own way. */
const SCENARIO = 'scenarios/history/s01-one-page-out-and-back.js';
/** The seven mails about one `&&`: without rodata=full, arm64 unmapped what it then declined to map. */
const AMPERSAND = 'scenarios/thread/arm64-one-ampersand.js';
const CLAIM = 'returned-0-means-done';

/** Words of the row that begins so. */
function row(text: string, start: string): string[] {
  const line = text.split('\n').find((each) => each.startsWith(`${start} `)) ?? '';
  return line
    .slice(start.length)
    .trim()
    .split(/\s{2,}/);
}

describe('directmap compare SCENARIO', () => {
  it('runs it on every kernel, and tells the first thing in which they differ', () => {
    const { stdout, stderr, status } = directmap('compare', AMPERSAND, '--arch', 'arm64');
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^ +v5\.10\.223 v5\.11 +v6\.1\.192 +v6\.12\.107 v7\.2\.13$/m);
    expect(row(stdout, 'arm64')).toEqual(['oops', 'ok', 'ok', 'ok', 'ok']);
    expect(stdout).toMatch(/arm64, v5\.11 from v5\.10\.223, in\n? *set_direct_map_default_noflush\(/);
    expect(stdout).toContain('1 of 1 pages not as promised');
    expect(status).toBe(0);
  });

  it('shows the three versions of the series beside one another', () => {
    const series = ['v1', 'v2', 'v3'].map((version) => `v5.10+series-${version}`).join(',');
    const { stdout, status } = directmap('compare', AMPERSAND, '--arch', 'arm64', '--kernel', series);
    expect(stdout).toContain('\n  [3] v5.10.223+series-v3\n');
    expect(row(stdout, 'arm64')).toEqual(['oops', 'oops', 'ok']);
    expect(status).toBe(0);
  });

  it('gives a row to each way to boot', () => {
    const kernel = ['--arch', 'arm64', '--kernel', 'v5.10'];
    const named = directmap('compare', SCENARIO, ...kernel, '--boot', 'rodata=full,rodata=off');
    expect(row(named.stdout, 'arm64 rodata=full')).toEqual(['ok']);
    expect(row(named.stdout, 'arm64 rodata=off')).toEqual(['0, no-op']);
    expect(named.stdout).toContain('0, no-op  a call returned 0 and changed nothing (F2)');
    const { rows } = JSON.parse(directmap('compare', SCENARIO, ...kernel, '--boot', 'all', '--json').stdout);
    const boots = rows.map(({ boot }: { boot: string }) => boot);
    expect(boots).toEqual(expect.arrayContaining(['rodata=full', 'rodata=off', 'debug_pagealloc', 'bbml2']));
  });

  it('says which boot parameters have no effect on any of the architectures', () => {
    const boots = ['--boot', 'rodata=off quiet,nogbpages'];
    const one = directmap('compare', SCENARIO, '--arch', 'arm64', '--kernel', 'v7.2', ...boots);
    expect(one.stderr).toBe('directmap: boot parameters without effect here: quiet nogbpages\n');
    expect(one.status).toBe(0);
    const two = directmap('compare', SCENARIO, '--arch', 'arm64,x86_64', '--kernel', 'v7.2', ...boots);
    expect(two.stderr).toBe('directmap: boot parameters without effect here: quiet\n');
  });

  it('says of what is not modelled why, and of a release without the architecture nothing', () => {
    const path = scratch('away.js', 'set_direct_map_invalid_noflush(alloc_pages(8));\n');
    const { stdout, status } = directmap('compare', path, '--arch', 'loongarch64,s390x');
    expect(row(stdout, 'loongarch64')).toEqual(['-', '-', '0, no-op', '0, no-op', '0, no-op']);
    expect(row(stdout, 's390x')).toEqual(['n/m', 'n/m', 'n/m', 'split', 'split']);
    expect(stdout).toMatch(
      /^why\n {2}n\/m: \S+away\.js:1:1: not modelled:\s+set_direct_map_invalid_noflush\(\)/m,
    );
    expect(status).toBe(0);
  });

  it('exits with 3 if nothing of it is modelled', () => {
    const { stdout, status } = directmap('compare', SCENARIO, '--arch', 's390x', '--kernel', 'v5.10');
    expect(row(stdout, 's390x')).toEqual(['n/m']);
    expect(status).toBe(3);
  });

  it('fits in a mail', () => {
    const { stdout } = directmap('compare', AMPERSAND, '--arch', 'all', '--boot', 'all');
    expect(stdout.split('\n').filter((line) => line.length > 72)).toEqual([]);
  });
});

describe('directmap compare CLAIM', () => {
  it('checks it on all that is named, and says what refutes it', () => {
    const { stdout, status } = directmap('compare', CLAIM, '--arch', 'all');
    expect(row(stdout, 'riscv64')).toEqual(['refuted', 'refuted', 'holds', 'holds', 'holds']);
    expect(row(stdout, 'loongarch64')).toEqual(['-', '-', 'refuted', 'refuted', 'refuted']);
    expect(stdout).toMatch(/^ {2}refuted: set_direct_map_invalid_noflush\(page\) returned 0, and a page$/m);
    expect(stdout.split('\n').filter((line) => line.length > 72)).toEqual([]);
    expect(status).toBe(0);
  });

  it('gives as JSON what directmap replay takes', () => {
    const { stdout } = directmap('compare', CLAIM, '--arch', 'riscv64', '--kernel', 'v5.10', '--json');
    const { schema, kind, subject, kernels, rows } = JSON.parse(stdout);
    expect({ schema, kind, subject, kernels }).toEqual({
      schema: 'directmap-compare/1',
      kind: 'claim',
      subject: CLAIM,
      kernels: ['v5.10.223'],
    });
    const [{ cells }] = rows;
    expect(cells[0]).toMatchObject({
      outcome: 'refuted',
      returned: ['set_direct_map_invalid_noflush(page)'],
    });
    const replayed = directmap('replay', cells[0].replay);
    expect(replayed.stdout).toContain('is not: not present');
    expect(replayed.stdout.replaceAll(/\s+/g, ' ')).toContain(cells[0].because);
    expect(replayed.status).toBe(1);
  });

  it('exits with 3 if it cannot be asked of any', () => {
    const { stdout, status } = directmap('compare', 'np-then-p-is-identity', '--arch', 'riscv64');
    expect(stdout).toContain('n/m: set_memory_p() is what it is about, and riscv64 has none');
    expect(status).toBe(3);
  });
});

describe('what directmap compare writes', () => {
  const ONE = ['compare', SCENARIO, '--kernel', 'v7.2'];

  it('is JSON with each call, what it returned, and what happened', () => {
    const { stdout } = directmap('compare', SCENARIO, '--kernel', 'v6.1,v7.2', '--json');
    const { schema, kind, title, kernels, rows } = JSON.parse(stdout);
    expect({ schema, kind, kernels }).toEqual({
      schema: 'directmap-compare/1',
      kind: 'scenario',
      kernels: ['v6.1.192', 'v7.2.13'],
    });
    expect(title[0]).toMatch(/^S1: /);
    expect(rows).toHaveLength(1);
    expect(rows[0]).toMatchObject({ arch: 'x86_64', boot: '' });
    const [first, second] = rows[0].cells;
    expect(first).toMatchObject({ kernel: 'v6.1.192', outcome: 'split' });
    expect(first.happened).toHaveLength(first.returned.length);
    expect(first.returned[1]).toMatch(/^set_direct_map_invalid_noflush\(pfn 0x[0-9a-f]+\) = 0$/);
    expect(first.happened[1].join('\n')).toContain('a 1G leaf is split');
    expect(first.differs).toBeUndefined();
    expect(second.differs).toMatchObject({ from: 'v6.1.192' });
  });

  it('is a page, with --html, which loads nothing and prints nothing', () => {
    const path = join(SCRATCH, 'grid.html');
    const { stdout, status } = directmap(...ONE, '--html', path);
    const page = readFileSync(path, 'utf8');
    expect(page).toMatch(/^<!doctype html>/i);
    expect(page).toContain('s01-one-page-out-and-back.js');
    expect(page).not.toMatch(/(src|href)="https?:/);
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });

  it('goes to a file with --output', () => {
    const path = join(SCRATCH, 'grid.txt');
    const { stdout } = directmap(...ONE, '--output', path);
    expect(stdout).toBe('');
    expect(readFileSync(path, 'utf8')).toBe(directmap(...ONE).stdout);
  });
});

describe('bad input to directmap compare', () => {
  const mistakes: [string, string[], string[]][] = [
    ['an architecture that there is not', [CLAIM, '--arch', 'mips'], ['--arch', '"mips"', 'loongarch64']],
    ['a kernel that there is not', [CLAIM, '--kernel', 'v3'], ['--kernel', '"v3"', 'v5.10.223']],
    ['a claim that there is not', ['returned-0'], ['"returned-0"', 'no file of that name', CLAIM]],
    ['a file that is not there', ['no/such.js'], ['no/such.js', 'ENOENT']],
    ['a config option that there is not', [CLAIM, '--config', 'FOO=y'], ['"FOO"', 'DEBUG_PAGEALLOC']],
    ['a limit that is no number', [CLAIM, '--timeout', 'soon'], ['--timeout', 'soon']],
  ];
  it.each(mistakes)('%s is told with its place', (_name, args, parts) => {
    expectMessage(directmap('compare', ...args), 2, ...parts);
  });

  it('a file that cannot be written is told before any work', () => {
    for (const option of ['--output', '--html'])
      expectMessage(directmap('compare', CLAIM, option, '/no/such/x'), 2, option, 'ENOENT');
    expect(existsSync('/no/such')).toBe(false);
  });

  it('a release without the one architecture that is named is refused with the reason', () => {
    const result = directmap('compare', CLAIM, '--arch', 'loongarch64', '--kernel', 'v5.10');
    expectMessage(result, 3, '--kernel', 'not modelled: loongarch64 v5.10.223', 'v5.19');
  });

  it('without a subject it is usage', () => {
    expect(directmap('compare').status).toBe(2);
  });
});
