/** directmap inspect live: this machine, as far as it lets itself be read. */

import { readFileSync } from 'node:fs';
import { InputError, NotModelledError } from '../errors.ts';
import { countersInMeminfo, Machine } from '../inspect/index.ts';
import { inspectMachine } from '../inspect/inspection.ts';
import { symbolsOf } from '../inspect/symbols/kallsyms.ts';
import { type LiveFacts, liveText } from '../report/live_text.ts';
import { EXIT_CLEAN } from './errors.ts';
import { writeOutput } from './output.ts';
import { hintsOf, type OpenedSource, type SourceOptions } from './source.ts';

type Options = SourceOptions & {
  json?: boolean;
  output?: string;
  html?: string;
  ranges?: string;
  failOn?: string;
};

/** Reads /proc/kcore and goes on with `answer`; or tells what the kernel's counters say, and why no more. */
export async function inspectLive(
  asked: readonly string[],
  options: Options,
  answer: (opened: OpenedSource) => Promise<number>,
): Promise<number> {
  const meminfo = read('/proc/meminfo');
  const vmstat = read('/proc/vmstat');
  const counters = typeof meminfo === 'string' ? countersInMeminfo(meminfo) : undefined;
  let because: string;
  try {
    const { openKcore } = await import('../memory/sources/kcore.ts');
    const { memory, close } = openKcore();
    try {
      const machine = new Machine(memory, hintsOf(options), '/proc/kcore');
      const inspection = inspectMachine(machine, '/proc/kcore', counters);
      return await answer({ inspection, machine, symbols: symbolsOf(machine, undefined), close });
    } finally {
      close();
    }
  } catch (error) {
    if (!(error instanceof InputError) && !(error instanceof NotModelledError)) throw error;
    // Counters are no answer to who asked for what tables say.
    const { html, ranges, failOn } = options;
    if (asked.length > 0 || (html ?? ranges ?? failOn) !== undefined) throw error;
    because = error.message;
  }
  const facts: LiveFacts = {
    counters,
    events: typeof vmstat === 'string' ? directMapEvents(vmstat) : [],
    unread: [
      ...[meminfo, vmstat].flatMap((text) => (typeof text === 'string' ? [] : [text.because])),
      because,
    ],
  };
  const text =
    options.json === true ? `${JSON.stringify({ schema: 'directmap-live/1', ...facts })}\n` : liveText(facts);
  writeOutput(text, options.output);
  return EXIT_CLEAN;
}

/** "direct_map_level2_splits 12" and the like. */
function directMapEvents(vmstat: string): [string, number][] {
  return [...vmstat.matchAll(/^(direct_map_\w+) (\d{1,15})$/gm)].map(([, name, count]) => [
    name!,
    Number(count),
  ]);
}

function read(path: string): string | { because: string } {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    return { because: `${path}: ${error instanceof Error ? error.message : error}` };
  }
}
