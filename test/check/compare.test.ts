import { describe, expect, it } from 'vitest';
import { compareClaim, compareScenario, type Grid } from '../../src/check/compare.ts';
import { findClaim } from '../../src/check/find_claim.ts';
import { ARCHITECTURES } from '../../src/linux/arch/index.ts';
import { PRESETS } from '../../src/linux/kernels.ts';
import { parseScenario } from '../../src/scenario/parse.ts';
import { knownNames } from '../../src/scenario/script_calls.ts';

const LIMITS = { states: 1e6, bytes: 2 ** 28, seconds: 60 };
const ONE_PAGE_OUT = `// One page out.
({ ram: '2G' });
const page = alloc_pages(9);
expect(set_direct_map_invalid_noflush(page), 0);
`;

const compare = (text: string, options: { arches?: string[]; kernels?: string[]; boots?: string[] }): Grid =>
  compareScenario(parseScenario(text, 's.js', knownNames()), {
    kernels: ['all'],
    boots: [],
    limits: LIMITS,
    ...options,
  });

const words = (grid: Grid) =>
  grid.rows.map(({ arch, boot, cells }) => [
    `${arch} ${boot}`.trim(),
    ...cells.map(({ outcome }) => outcome),
  ]);

describe('a scenario compared', () => {
  it('has a row for each architecture and way to boot, and a column for each kernel', () => {
    const grid = compare(ONE_PAGE_OUT, { arches: ['arm64', 'x86_64'], boots: ['rodata=off', 'rodata=full'] });
    expect(grid.kernels).toEqual(PRESETS.map(({ name }) => name));
    expect(words(grid).map(([name]) => name)).toEqual([
      'arm64 rodata=off',
      'arm64 rodata=full',
      'x86_64 rodata=off',
      'x86_64 rodata=full',
    ]);
    expect(grid.rows.every(({ cells }) => cells.length === grid.kernels.length)).toBe(true);
  });

  it('tells a 0 behind which nothing happened from one that is true', () => {
    const grid = compare(ONE_PAGE_OUT, { arches: ['riscv64', 'x86_64'], kernels: ['v5.10', 'v7.2'] });
    expect(words(grid)).toEqual([
      ['riscv64', '0, no-op', 'split'],
      ['x86_64', 'split', 'split'],
    ]);
    const [noop, split] = grid.rows[0]!.cells;
    expect(noop!.returned.at(-1)).toMatch(/^set_direct_map_invalid_noflush\(pfn 0x[0-9a-f]+\) = 0$/);
    expect(noop!.happened.at(-1)).toEqual(['1 of 1 pages not as promised']);
    expect(split!.differs).toMatchObject({ from: 'v5.10.223', there: '1 of 1 pages not as promised' });
    expect(split!.differs!.here).toMatch(/^PMD: V R W .* -> .*V/);
  });

  it('has the columns in the order in which the kernels were named', () => {
    const kernels = ['v5.10+series-v1', 'v5.11', 'all', 'v5.10+series-v3'];
    expect(compare(ONE_PAGE_OUT, { arches: ['loongarch64', 'arm64'], kernels }).kernels).toEqual([
      'v5.10.223+series-v1',
      'v5.11',
      ...PRESETS.map(({ name }) => name).filter((name) => name !== 'v5.11'),
      'v5.10.223+series-v3',
    ]);
    const alone = compare(ONE_PAGE_OUT, { arches: ['loongarch64'], kernels: ['all'] });
    expect(alone.kernels).not.toContain('v5.10.223');
  });

  it('names the rows by the architecture’s own ways to boot if asked for all', () => {
    const grid = compare(ONE_PAGE_OUT, { arches: ['x86_64'], kernels: ['v7.2'], boots: ['all'] });
    expect(words(grid)[0]).toEqual(['x86_64 default', 'split']);
    expect(grid.rows.length).toBe(ARCHITECTURES[0]!.boots.length);
  });

  it('leaves a cell empty where a release has no such architecture, and says what is not modelled', () => {
    const grid = compare(ONE_PAGE_OUT, { arches: ['loongarch64', 's390x'], kernels: ['v5.10', 'v7.2'] });
    expect(words(grid).map(([name, first]) => [name, first])).toEqual([
      ['loongarch64', '-'],
      ['s390x', 'n/m'],
    ]);
    expect(grid.rows[1]!.cells[0]!.because).toContain(
      's.js:4:8: not modelled: set_direct_map_invalid_noflush()',
    );
  });

  it('shows the error, the death and the stale access of a run', () => {
    const of = (body: string) => words(compare(`({ ram: '2G' });\n${body}`, { kernels: ['v7.2'] }))[0]![1];
    const out = 'const page = alloc_pages(0); set_direct_map_invalid_noflush(page);';
    expect(of(`const page = alloc_pages(9); fail_alloc(1); set_direct_map_invalid_noflush(page);`)).toBe(
      '-ENOMEM',
    );
    expect(of(`${out} touch(page);`)).toBe('oops');
    expect(
      of(`const page = alloc_pages(0); touch(page); set_direct_map_invalid_noflush(page); touch(page);`),
    ).toBe('stale');
  });
});

describe('a claim compared', () => {
  it('has a verdict in each cell, with what refutes it and how to see it again', () => {
    const claim = findClaim('no-large-np-leaf', '');
    const grid = compareClaim(claim, { kernels: ['v5.10', 'v7.2'], boots: [], limits: LIMITS });
    expect(words(grid)).toEqual([['x86_64', 'refuted', 'refuted']]);
    const [cell] = grid.rows[0]!.cells;
    expect(cell!.because).toContain('a large leaf is not present');
    expect(cell!.replay).toMatch(/^no-large-np-leaf@v5\.10\.223;/);
  });
});
