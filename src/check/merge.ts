/** Results as they are written to a file, and the files of shards put together again. */

import { InputError } from '../errors.ts';
import { FAILURE_CLASSES } from './claim.ts';
import type { Answer, Shard } from './jobs.ts';

export const RESULTS_SCHEMA = 'directmap-check/1';

/** The shape behind `--json`. */
export interface ResultsFile {
  schema: typeof RESULTS_SCHEMA;
  results: Answer[];
  /** If it is a part: of which run, and of how many jobs that consists. */
  shard?: Shard & { run: string; jobs: number };
}

/** A file's content and its name. */
export interface NamedResults extends ResultsFile {
  name: string;
}

/** The results of all shards, in the order in which one run would have given them. @throws InputError */
export function mergeResults(files: readonly NamedResults[]): ResultsFile {
  const parts = files.map(partOf);
  const [first] = parts;
  if (first === undefined)
    throw new InputError({ code: 'missing', what: 'results', where: '', hint: 'name their files' });
  for (const part of parts) checkSameRun(first, part);
  checkComplete(first, parts);
  const results: Answer[] = [];
  for (const { shard, file } of parts) {
    file.results.forEach((answer, i) => {
      results[shard.index - 1 + i * shard.of] = answer;
    });
  }
  return { schema: RESULTS_SCHEMA, results };
}

interface Part {
  file: NamedResults;
  shard: NonNullable<ResultsFile['shard']>;
}

/** Results that are no shard are all of a run. */
function partOf(file: NamedResults): Part {
  const shard = file.shard ?? { index: 1, of: 1, run: '', jobs: file.results.length };
  const expected = Math.floor((shard.jobs - shard.index) / shard.of) + 1;
  if (file.results.length !== expected) {
    const found = `${file.results.length} results`;
    throw unfit(file.name, found, `${expected}: shard ${shard.index}/${shard.of} of ${shard.jobs} jobs`);
  }
  return { file, shard };
}

function checkSameRun(first: Part, part: Part): void {
  const { of, run, jobs } = part.shard;
  if (of !== first.shard.of) {
    throw unfit(part.file.name, `a shard of ${of}`, `one of ${first.shard.of}, as ${first.file.name} is`);
  }
  if (run === first.shard.run && jobs === first.shard.jobs) return;
  throw unfit(
    part.file.name,
    'a shard of another run',
    `the claims, kernels and options of ${first.file.name}`,
  );
}

function checkComplete({ shard: { of } }: Part, parts: readonly Part[]): void {
  const byIndex = new Map<number, Part>();
  for (const part of parts) {
    const { index } = part.shard;
    const other = byIndex.get(index);
    if (other !== undefined) {
      throw unfit(
        part.file.name,
        `shard ${index}/${of} again`,
        `each shard once; ${other.file.name} has it, too`,
      );
    }
    byIndex.set(index, part);
  }
  const missing = Array.from({ length: of }, (_, i) => i + 1).filter((index) => !byIndex.has(index));
  if (missing.length === 0) return;
  const shown = missing.slice(0, 10).map((index) => `${index}/${of}`);
  const more = missing.length > shown.length ? ` and ${missing.length - shown.length} more` : '';
  throw new InputError({
    code: 'missing',
    what: `shard ${shown.join(', ')}${more}`,
    where:
      parts
        .map(({ file }) => file.name)
        .slice(0, 3)
        .join(', ') + (parts.length > 3 ? ', ...' : ''),
    hint: `${parts.length} of ${of} were given`,
  });
}

function unfit(where: string, found: string, expected: string): InputError {
  return new InputError({ code: 'bad-format', what: 'results', where, found, expected });
}

// ---- reading

/** @throws InputError that names the file, and what in it is not as it should be. */
export function parseResults(text: string, name: string): NamedResults {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const because = error instanceof Error ? error.message : String(error);
    throw unfit(name, because, 'what directmap check --json writes; was the file cut off?');
  }
  const { schema, results, shard } = fieldsOf(value);
  if (schema !== RESULTS_SCHEMA) {
    throw unfit(name, schema === undefined ? 'no schema' : `schema ${String(schema)}`, RESULTS_SCHEMA);
  }
  if (!Array.isArray(results)) throw unfit(name, typeof results, 'results as a list');
  const wrong = results.findIndex((result) => !isAnswer(result));
  if (wrong >= 0) throw unfit(name, `result ${wrong + 1} with fields missing`, RESULTS_SCHEMA);
  if (shard !== undefined && !isShard(shard))
    throw unfit(name, 'a shard with fields missing', RESULTS_SCHEMA);
  return { schema: RESULTS_SCHEMA, name, results, ...(shard === undefined ? {} : { shard }) };
}

function fieldsOf(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function isShard(value: unknown): value is NonNullable<ResultsFile['shard']> {
  const { index, of, run, jobs } = fieldsOf(value);
  const fits = [index, of, jobs].every((each) => Number.isInteger(each)) && typeof run === 'string';
  return fits && (jobs as number) >= 0 && (index as number) >= 1 && (index as number) <= (of as number);
}

const VERDICTS: readonly unknown[] = ['holds', 'refuted', 'undecided', 'not modelled'];

/** Whether all is there that is printed of an answer. */
function isAnswer(value: unknown): value is Answer {
  const {
    claim,
    sentence,
    source,
    arch,
    kernel,
    verdict,
    because,
    bounds,
    world,
    finding,
    trace,
    notices,
    seen,
    bug,
  } = fieldsOf(value);
  return (
    [claim, sentence, arch, kernel].every(isText) &&
    hasTexts(source, 'who', 'when', 'where') &&
    VERDICTS.includes(verdict) &&
    optional(because, isText) &&
    optional(bug, isText) &&
    optional(bounds, isBounds) &&
    optional(world, isWorld) &&
    optional(seen, isTexts) &&
    optional(notices, isTexts) &&
    optional(finding, isFinding) &&
    optional(trace, isTrace)
  );
}

function optional(value: unknown, fits: (value: unknown) => boolean): boolean {
  return value === undefined || fits(value);
}

function isText(value: unknown): boolean {
  return typeof value === 'string';
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}

function hasTexts(value: unknown, ...names: string[]): boolean {
  const fields = fieldsOf(value);
  return names.every((name) => isText(fields[name]));
}

function isBounds(value: unknown): boolean {
  const fields = fieldsOf(value);
  const numbers = ['geometry', 'pages', 'cpus', 'states', 'depth', 'collisions', 'seconds'];
  return numbers.every((name) => typeof fields[name] === 'number') && isTexts(fields.calls);
}

function isWorld(value: unknown): boolean {
  const { leaf, boot, config } = fieldsOf(value);
  return (
    ['4K', '2M', '1G'].includes(leaf as string) &&
    isText(boot) &&
    Object.values(fieldsOf(config)).every(isText)
  );
}

function isFinding(value: unknown): boolean {
  return hasTexts(value, 'text', 'failure') && (fieldsOf(value).failure as string) in FAILURE_CLASSES;
}

function isTrace(value: unknown): boolean {
  const { calls, refusals, switches } = fieldsOf(value);
  const numbers = [refusals, switches].every((each) => typeof each === 'number');
  return hasTexts(value, 'id', 'scenario') && isTexts(calls) && numbers;
}
