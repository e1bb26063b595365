/** All that directmap does with a file, and whether it ended as everything must: in a report, or an error for people. */

import { createHash } from 'node:crypto';
import { type OpenedSource, openSource, type SourceOptions } from '../../src/cli/source.ts';
import { InputError, NotModelledError } from '../../src/errors.ts';
import type { AddressSpace } from '../../src/inspect/address_space.ts';
import { compareSpaces } from '../../src/inspect/diff.ts';
import { explain } from '../../src/inspect/explain/explain.ts';
import { snapshot } from '../../src/inspect/snapshot/snapshot.ts';
import { explainText } from '../../src/report/explain_text.ts';
import { inspectJson } from '../../src/report/inspect_json.ts';
import { inspectText } from '../../src/report/inspect_text.ts';
import { rangesText } from '../../src/report/ranges_text.ts';

/** How it ended: in a report, or an error's code and what it is about. */
export type Outcome = { report: true; findings: number } | { report: false; code: string; about: string };

/**
 * Inspects a file in every way, and compares it with what it was made of.
 * @throws what is not an error for people, or an error of which people would not know where it is.
 */
export async function inspectOnce(
  path: string,
  options: SourceOptions,
  original: AddressSpace | undefined,
): Promise<Outcome> {
  try {
    const opened = await openSource(path, options);
    try {
      useAll(opened, path, original);
      return { report: true, findings: opened.inspection.survey.findings.length };
    } finally {
      opened.close();
    }
  } catch (error) {
    if (!(error instanceof InputError || error instanceof NotModelledError)) throw error;
    const complaint = complaintAbout(error, path);
    if (complaint !== undefined) throw new Error(`${complaint}: ${error.message}`, { cause: error });
    const { code, what } = error.problem;
    return { report: false, code, about: what };
  }
}

function useAll(
  { inspection, machine }: OpenedSource,
  path: string,
  original: AddressSpace | undefined,
): void {
  const { space } = inspection;
  const addresses = machine === undefined ? [] : addressesIn(space);
  const explanations = addresses.map((address) => [`${address}`, explain(machine!, address)] as const);
  for (const [asked, explanation] of explanations) explainText(asked, explanation, space);
  JSON.stringify(
    inspectJson(
      inspection,
      explanations.map(([asked, each]) => [asked, each]),
    ),
  );
  inspectText(inspection);
  JSON.stringify(snapshot(inspection));
  const sink = createHash('md5');
  for (const text of rangesText(space, 'json')) sink.update(text);
  if (original === undefined || original.arch !== space.arch || original.pageBytes !== space.pageBytes)
    return;
  for (const { pages } of compareSpaces(original, space, path).changes()) {
    if (!(pages > 0)) throw new Error(`a change of ${pages} pages`);
  }
}

/** Where regions begin and end, and an address that no architecture has. */
function addressesIn({ regions, directMap, pageBytes }: AddressSpace): number[] {
  const ends = regions.flatMap(({ start, end }) => [start, end - pageBytes]);
  const middle = directMap === undefined ? [] : [directMap.start, directMap.start + 2 ** 21, directMap.end];
  return [...middle, ...ends.slice(0, 2), 2 ** 62, 0];
}

/** What is wrong with an error, if anything: it names the file, and a format error what was there. */
function complaintAbout(
  { message, problem }: InputError | NotModelledError,
  path: string,
): string | undefined {
  if (!message.includes(path)) return 'the error does not name the file';
  if (message.length > 1000) return 'the error is too long';
  if (problem.code !== 'bad-format') return undefined;
  if (problem.found === '' || problem.expected === '') return 'the error does not say what is there';
  const said = `${problem.what} ${problem.found} ${problem.expected}`.replaceAll(path, '');
  return /\d|NaN|data|format|text/.test(said) ? undefined : 'the error names no place';
}
