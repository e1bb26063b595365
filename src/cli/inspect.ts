/** directmap inspect: the page tables of a real machine. */

import { type Command, Option } from 'commander';
import { InputError, NotModelledError } from '../errors.ts';
import {
  addressOfFrame,
  type Explanation,
  explain,
  type Finding,
  type Machine,
  RULE_NAMES,
} from '../inspect/index.ts';
import type { Inspection } from '../inspect/inspection.ts';
import { explainText } from '../report/explain_text.ts';
import { INSPECT_SCHEMA, inspectJson } from '../report/inspect_json.ts';
import { inspectText } from '../report/inspect_text.ts';
import { RANGE_FORMATS, type RangeFormat, rangesText } from '../report/ranges_text.ts';
import { EXIT_CLEAN, EXIT_REFUTED, EXIT_UNDECIDED, runCommand } from './errors.ts';
import { inspectLive } from './live.ts';
import { listOption } from './options.ts';
import { checkOutput, OutputFile, writeOutput } from './output.ts';
import { addSourceOptions, type OpenedSource, openSource, type SourceOptions } from './source.ts';

interface InspectOptions extends SourceOptions {
  json?: boolean;
  ranges?: RangeFormat;
  html?: string;
  output?: string;
  failOn?: string;
}

/** Besides the names of rules: any of a severity or more severe ones. */
const SEVERITIES = ['error', 'warning', 'note'] as const;

export function addInspectCommand(program: Command): void {
  const command = program
    .command('inspect')
    .description("read a real machine's page tables: how memory is mapped, and what breaks the rules")
    .argument('<source>', 'dump, raw memory, ptdump text; gdb:HOST:PORT, gdb:SOCKET, qmp:SOCKET; or live')
    .argument(
      '[addresses...]',
      'addresses to explain, or frames: 0xffff888000103000, pfn:0x103, phys:0x103000',
    );
  addSourceOptions(command)
    .addOption(new Option('--json', 'print it as JSON (docs/json.md)').conflicts('ranges'))
    .addOption(
      new Option('--ranges [format]', 'print all ranges instead').choices(RANGE_FORMATS).preset('text'),
    )
    .option('--html <file>', 'write a report that one can look at and zoom, in one file')
    .option('--output <file>', 'write to a file instead of standard output')
    .option('--fail-on <rules>', 'exit with 1 if one of these is broken: rules, or error, warning, note')
    .action((source: string, addresses: string[], options: InspectOptions) =>
      runCommand(() => inspectCommand(source, addresses, options)),
    );
}

async function inspectCommand(source: string, asked: string[], options: InspectOptions): Promise<number> {
  checkOutput(options.output);
  checkOutput(options.html, '--html');
  checkOptions(asked, options);
  const fails = failOn(options.failOn);
  if (source === 'live')
    return inspectLive(asked, options, (opened) => answer(opened, asked, options, fails));
  let opened: OpenedSource;
  try {
    opened = await openSource(source, options);
  } catch (error) {
    // Who asks for data gets data, and the exit status says the rest.
    if (options.json === true && error instanceof NotModelledError) {
      const refused = { schema: INSPECT_SCHEMA, source, refused: error.problem, linearLeaves: {} };
      writeOutput(`${JSON.stringify(refused)}\n`, options.output);
    }
    throw error;
  }
  try {
    return await answer(opened, asked, options, fails);
  } finally {
    opened.close();
  }
}

/** Prints what was asked for. */
async function answer(
  { inspection, machine, symbols }: OpenedSource,
  asked: readonly string[],
  options: InspectOptions,
  fails: (finding: Finding) => boolean,
): Promise<number> {
  const explanations = asked.map((text): [string, Explanation] => {
    if (machine === undefined) throw noTables(inspection);
    return [text, explain(machine, addressOf(text, machine), symbols)];
  });
  if (options.html !== undefined) {
    const { writeHtml } = await import('./html.ts');
    await writeHtml(inspection, options.html);
  }
  if (options.ranges !== undefined) {
    const output = new OutputFile(options.output);
    try {
      for (const chunk of rangesText(inspection.space, options.ranges)) await output.write(chunk);
      await output.end();
    } finally {
      output.abandon();
    }
  } else if (options.json === true) {
    writeOutput(`${JSON.stringify(inspectJson(inspection, explanations))}\n`, options.output);
  } else if (explanations.length > 0) {
    const texts = explanations.map(([text, explanation]) => explainText(text, explanation, inspection.space));
    writeOutput(texts.join('\n'), options.output);
  } else writeOutput(inspectText(inspection), options.output);
  if (inspection.survey.findings.some(fails)) return EXIT_REFUTED;
  // Nothing was found wrong, as nothing was found.
  return isEmpty(inspection) ? EXIT_UNDECIDED : EXIT_CLEAN;
}

/** Whether there is a direct map to be found, and none was. */
function isEmpty({ space, windows }: Inspection): boolean {
  return space.directMap === undefined && windows === undefined;
}

function noTables({ source }: Inspection): NotModelledError {
  return new NotModelledError(
    'the walk to an address',
    'the text of ptdump has ranges, and no entries',
    source,
  );
}

/** @throws InputError where one option would undo another. */
function checkOptions(asked: readonly string[], { ranges, html, output }: InspectOptions): void {
  const problem = (where: string, found: string, expected: string) =>
    new InputError({ code: 'bad-format', what: 'option', where, found, expected });
  if (ranges !== undefined && asked.length > 0) {
    throw problem('--ranges', `the address ${asked[0]}`, 'none: ranges are printed instead of addresses');
  }
  if (html !== undefined && html === output)
    throw problem('--html', output, 'another file than --output has');
}

/**
 * All digits are hexadecimal. An address of the kernel's as it is; a frame, a physical address, and a number that is no
 * address of the kernel's, by its place in the direct map. @throws InputError
 */
function addressOf(text: string, machine: Machine): bigint {
  const [, kind = '', digits = ''] = /^(pfn:|phys:|)(?:0x)?([0-9a-f]{1,16})$/i.exec(text) ?? [];
  if (digits === '') {
    const expected = 'an address such as 0xffff888000103000, or pfn:0x103, phys:0x103000';
    throw new InputError({ code: 'bad-format', what: 'address', where: 'inspect', found: text, expected });
  }
  const value = BigInt(`0x${digits}`);
  const isKernelAddress = machine.located.space.start >= 0 || value >= 2n ** 63n;
  if (kind === '' && isKernelAddress) return value;
  const pageBytes = BigInt(machine.pageBytes);
  const page = addressOfFrame(machine, Number(kind === 'phys:' ? value / pageBytes : value));
  if (page === undefined) throw noSuchFrame(text, machine);
  return BigInt.asUintN(64, BigInt(page)) + (kind === 'phys:' ? value % pageBytes : 0n);
}

function noSuchFrame(found: string, { directMap, pageBytes }: Machine): InputError {
  if (directMap?.offset === undefined) {
    const hint = 'a frame is shown at its address in the direct map: give a virtual address';
    return new InputError({ code: 'missing', what: 'a direct map in page tables', where: found, hint });
  }
  const frame = (address: number) => `0x${((address - directMap.offset!) / pageBytes).toString(16)}`;
  const expected = `an address of the kernel's, or a frame that the direct map reaches: pfn:${frame(directMap.start)} to pfn:${frame(directMap.end - pageBytes)}`;
  return new InputError({ code: 'out-of-range', what: 'address', where: 'inspect', found, expected });
}

/** @throws InputError for a name that is neither a rule's nor a severity. */
function failOn(names: string | undefined): (finding: Finding) => boolean {
  const wanted = listOption(names);
  const known: readonly string[] = [...SEVERITIES, ...RULE_NAMES];
  for (const found of names !== undefined && wanted.length === 0 ? [names] : wanted) {
    if (known.includes(found)) continue;
    throw new InputError({ code: 'unknown-name', what: 'rule', where: '--fail-on', found, known });
  }
  return ({ rule, severity }) =>
    wanted.includes(rule) ||
    SEVERITIES.slice(SEVERITIES.indexOf(severity)).some((each) => wanted.includes(each));
}
