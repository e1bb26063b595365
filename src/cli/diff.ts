/** directmap diff: what differs between two sources. */

import type { Command } from 'commander';
import { InputError } from '../errors.ts';
import { type Change, compareSpaces } from '../inspect/diff.ts';
import { hexAddress } from '../mmu/format.ts';
import { changeText, countChanges, sideText, totalsText } from '../report/diff_text.ts';
import { EXIT_CLEAN, EXIT_REFUTED, runCommand } from './errors.ts';
import { checkOutput, OutputFile } from './output.ts';
import { addSourceOptions, openSource, type SourceOptions } from './source.ts';

interface DiffOptions extends SourceOptions {
  json?: boolean;
  output?: string;
}

export function addDiffCommand(program: Command): void {
  const command = program
    .command('diff')
    .description('what split, merged, appeared, vanished or changed from one source to another')
    .argument('<before>', 'a source, as inspect takes it')
    .argument('<after>', 'another one of the same architecture');
  addSourceOptions(command)
    .option('--json', 'print it as JSON, one object a line (docs/json.md)')
    .option('--output <file>', 'write to a file instead of standard output')
    .action((before: string, after: string, options: DiffOptions) =>
      runCommand(() => diffCommand(before, after, options)),
    );
}

async function diffCommand(before: string, after: string, options: DiffOptions): Promise<number> {
  checkOutput(options.output);
  if (before === after && /^(gdb|qmp):/.test(before)) throw sameGuest(before);
  const a = await openSource(before, options);
  try {
    const b = await openSource(after, options);
    try {
      const [was, is] = [a.inspection.space, b.inspection.space];
      const comparison = compareSpaces(was, is, after, before);
      const output = new OutputFile(options.output);
      try {
        const { totals, print } = printer(options.json === true, is.pageBytes, output);
        const counted = await countChanges(comparison, print);
        await output.write(totals(counted, comparison.onlyDirectMap));
        await output.end();
        return counted.places === 0 ? EXIT_CLEAN : EXIT_REFUTED;
      } finally {
        output.abandon();
      }
    } finally {
      b.close();
    }
  } finally {
    a.close();
  }
}

/** Two at once would wait for each other at one guest's port. */
function sameGuest(name: string): InputError {
  return new InputError({
    code: 'bad-format',
    what: 'second source',
    where: name,
    found: 'the same running guest as the first',
    expected: 'another one, or a dump taken before',
  });
}

function printer(json: boolean, pageBytes: number, output: OutputFile) {
  type Totals = Awaited<ReturnType<typeof countChanges>>;
  if (!json) {
    return {
      print: (change: Change) => output.write(changeText(change, pageBytes)),
      totals: (totals: Totals, why: string | undefined) => totalsText(totals, pageBytes, why),
    };
  }
  return {
    print: (change: Change) => output.write(`${JSON.stringify(changeJson(change, pageBytes))}\n`),
    totals: ({ counts, places }: Totals, onlyDirectMap: string | undefined) =>
      `${JSON.stringify({ schema: 'directmap-diff/1', differences: places, counts, onlyDirectMap: onlyDirectMap ?? null })}\n`,
  };
}

function changeJson(
  { kinds, address, pages, inDirectMap, before, after }: Change,
  pageBytes: number,
): object {
  const side = (each: Change['before']) => ({
    kind: each.kind,
    what: sideText(each),
    size: each.leaf?.bytes ?? null,
    bits: each.leaf?.bits === undefined ? null : `0x${each.leaf.bits.toString(16)}`,
    pfn: each.frame === undefined ? null : `0x${each.frame.toString(16)}`,
  });
  const end = hexAddress(address + pages * pageBytes);
  return {
    kinds,
    address: hexAddress(address),
    end,
    pages,
    inDirectMap,
    before: side(before),
    after: side(after),
  };
}
