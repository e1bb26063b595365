import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, test } from 'vitest';
import { openSource } from '../../src/cli/source.ts';
import type { Survey } from '../../src/inspect/survey/survey.ts';
import type { Seed } from './corrupt.ts';
import { type FuzzResult, fuzz } from './fuzz.ts';
import { fileSeed, KINDS, type Kind, seedsOf } from './seeds.ts';

/** What test/fuzz/inspect_fuzz.js asks for; in a plain run of the tests, little. */
const { FUZZ_CASES, FUZZ_FIRST = '0', FUZZ_KINDS, FUZZ_FILES } = process.env;
const cases = Number(FUZZ_CASES ?? 60);
const files = FUZZ_FILES?.split('\n').filter((file) => file !== '') ?? [];
const kinds = FUZZ_KINDS === undefined ? KINDS : KINDS.filter((kind) => FUZZ_KINDS.split(',').includes(kind));

const TIME = FUZZ_CASES === undefined ? undefined : 2 ** 31 - 1;

test.each(files.length > 0 ? [] : kinds)(
  'a damaged file, %s, gives a report or an error that names the place',
  async (kind: Kind) => {
    const result = await fuzz(seedsOf(kind), cases, Number(FUZZ_FIRST));
    show(kind, result);
    expect(result.failures).toEqual([]);
    // Both happen, so that neither is all that was tested.
    expect(result.reports).toBeGreaterThan(0);
    expect(Object.keys(result.errors)).not.toEqual([]);
  },
  TIME,
);

test.each(files)(
  'what is left of %s gives a report or an error that names the place',
  async (file) => {
    const result = await fuzz([fileSeed(file)], cases, Number(FUZZ_FIRST));
    show(file, result);
    expect(result.failures).toEqual([]);
  },
  TIME,
);

test('a table that points to itself ends the walk with a finding', async () => {
  const seed = seedsOf('elf')[0]!;
  const view = new DataView(seed.bytes.buffer);
  const root = seed.pages.find(({ physical }) => physical === 0x2a10000)!;
  // Of the table that the direct map begins with, two entries behind all memory: to itself, and to the top table.
  const table = Number(view.getBigUint64(root.offset + 8 * 273, true) & 0xffff_ffff_f000n);
  const { offset } = seed.pages.find(({ physical }) => physical === table)!;
  view.setBigUint64(offset + 8 * 7, BigInt(table) | 0x63n, true);
  view.setBigUint64(offset + 8 * 8, BigInt(root.physical) | 0x63n, true);

  const { findings } = await inspectBytes(seed);
  expect(findings.find(({ rule }) => rule === 'cycle')).toMatchObject({
    count: 1,
    pages: 2 * 2 ** 18,
    places: [{ address: -0x7780_0000_0000 + 7 * 2 ** 30 }],
  });
});

async function inspectBytes({ name, bytes }: Seed): Promise<Survey> {
  const folder = mkdtempSync(path.join(tmpdir(), 'directmap-fuzz-'));
  try {
    writeFileSync(path.join(folder, name), bytes);
    const { inspection, close } = await openSource(path.join(folder, name), {});
    close();
    return inspection.survey;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** For who asked for many. */
function show(what: string, { reports, errors, messages, slowest, resident }: FuzzResult): void {
  if (FUZZ_CASES === undefined) return;
  const counts = Object.entries(errors).map(([code, count]) => `${count} ${code}`);
  const mebibytes = Math.round(resident / 2 ** 20);
  console.log(
    [
      `${what}: ${[`${reports} reports`, ...counts].join(', ')}`,
      `slowest ${slowest.seconds.toFixed(2)} s (${slowest.name}); ${mebibytes} MiB at most`,
      ...[...messages].sort((a, b) => b[1] - a[1]).map(([message, count]) => `${count} ${message}`),
    ].join('\n'),
  );
}
