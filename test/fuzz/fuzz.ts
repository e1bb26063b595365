/** Many damaged files, one after the other, each inspected as a user would. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type OpenedSource, openSource } from '../../src/cli/source.ts';
import { InputError } from '../../src/errors.ts';
import { corrupt, createRandom, type Seed } from './corrupt.ts';
import { inspectOnce, type Outcome } from './inspect_once.ts';

/** What a case may take: seconds of CPU time, as other processes are at work too, and bytes of this process. */
const LIMITS = { seconds: 2, resident: 500 * 2 ** 20 };

export interface FuzzResult {
  reports: number;
  /** By code of the error. */
  errors: Record<string, number>;
  /** What errors were about, with numbers taken out, and how often each was seen. */
  messages: Map<string, number>;
  slowest: { seconds: number; name: string };
  resident: number;
  /** What must not be, and how to see it again. */
  failures: string[];
}

/** Cases `first` up to `first + cases`: a case's number is all that it depends on. */
export async function fuzz(seeds: readonly Seed[], cases: number, first = 0): Promise<FuzzResult> {
  const folder = mkdtempSync(path.join(tmpdir(), 'directmap-fuzz-'));
  const file = path.join(folder, 'damaged');
  const result: FuzzResult = {
    ...{ reports: 0, errors: {}, messages: new Map(), slowest: { seconds: 0, name: '' } },
    ...{ resident: 0, failures: [] },
  };
  const originals: (OpenedSource | undefined)[] = [];
  try {
    for (const [index, seed] of seeds.entries()) {
      originals.push(await openOriginal(path.join(folder, `original${index}`), seed));
    }
    for (let number = first; number < first + cases; number++) {
      const seed = seeds[number % seeds.length]!;
      writeFileSync(file, corrupt(seed, createRandom(number)));
      const original = originals[number % seeds.length]?.inspection.space;
      await runCase(`case ${number} of ${seed.name}`, result, () =>
        inspectOnce(file, seed.options ?? {}, original),
      );
    }
  } finally {
    for (const original of originals) original?.close();
    rmSync(folder, { recursive: true });
  }
  return result;
}

/** undefined for a seed that can be opened, and has no page tables. */
async function openOriginal(file: string, { bytes, options = {} }: Seed): Promise<OpenedSource | undefined> {
  writeFileSync(file, bytes);
  try {
    return await openSource(file, options);
  } catch (error) {
    if (error instanceof InputError && error.problem.code === 'missing') return undefined;
    throw error;
  }
}

async function runCase(name: string, result: FuzzResult, run: () => Promise<Outcome>): Promise<void> {
  const before = process.cpuUsage();
  try {
    const outcome = await run();
    if (outcome.report) result.reports++;
    else {
      result.errors[outcome.code] = (result.errors[outcome.code] ?? 0) + 1;
      const message = outcome.about.replaceAll(/(0x)?[0-9a-f]*\d[0-9a-f]*/g, 'N');
      result.messages.set(message, (result.messages.get(message) ?? 0) + 1);
    }
  } catch (error) {
    result.failures.push(`${name}: ${error instanceof Error ? error.stack : error}`);
  }
  const used = process.cpuUsage(before);
  const seconds = (used.user + used.system) / 1e6;
  if (seconds > result.slowest.seconds) result.slowest = { seconds, name };
  if (seconds > LIMITS.seconds) result.failures.push(`${name}: ${seconds} s`);
  const { rss } = process.memoryUsage();
  if (rss > Math.max(result.resident, LIMITS.resident)) {
    result.failures.push(`${name}: ${Math.round(rss / 2 ** 20)} MiB`);
  }
  result.resident = Math.max(result.resident, rss);
}
