/** What the command line names as a source: a file, a live guest, this machine. */

import type { Command } from 'commander';
import { InputError } from '../errors.ts';
import {
  ARCH_NAMES,
  type ArchName,
  type Hints,
  MACHINE_OF_ARCH,
  type Machine,
  SymbolTable,
} from '../inspect/index.ts';
import { checkKnown, inspectMemory, withVmcoreinfo } from '../inspect/inspect_memory.ts';
import type { Inspection } from '../inspect/inspection.ts';
import type { MachineMemory } from '../memory/machine_memory.ts';
import type { RawLayout } from '../memory/raw_memory.ts';
import { hexAddress } from '../mmu/format.ts';
import { readTextFile } from './files.ts';
import { addressOption, numberOption } from './options.ts';
import { ProgressLine } from './progress_line.ts';

export interface SourceOptions {
  arch?: string;
  root?: string;
  levels?: string;
  pageOffset?: string;
  physBase?: string;
  symbols?: string;
  scan?: boolean;
}

export interface OpenedSource {
  readonly inspection: Inspection;
  /** undefined where the source is text, which has ranges and no tables. */
  readonly machine: Machine | undefined;
  /** The user's, or those that the kernel has in its memory. */
  readonly symbols: SymbolTable | undefined;
  close(): void;
}

const MAX_SYMBOLS_BYTES = 2 ** 26;
/** The options of every command that reads a machine. */
export function addSourceOptions(command: Command): Command {
  return command
    .option('--root <address>', 'physical address of the top table; on s390x the ASCE')
    .option('--symbols <file>', "the kernel's System.map or /proc/kallsyms")
    .option('--arch <name>', `${ARCH_NAMES.join(', ')}: for raw memory`)
    .option('--phys-base <list>', 'raw memory: where it lies, ADDRESS[@FILE OFFSET],...')
    .option('--levels <n>', 'paging levels, where the source does not tell')
    .option('--page-offset <address>', 'virtual minus physical address in the direct map')
    .option('--scan', 'look for VMCOREINFO in all of memory, if there is no note');
}

/** @throws InputError or NotModelledError; nothing is left open then. */
export async function openSource(name: string, options: SourceOptions): Promise<OpenedSource> {
  const hints = hintsOf(options);
  const progress = new ProgressLine();
  try {
    const opened = await open(name, options, hints, (done, total, what) => {
      progress.show(() => `${what}: ${total > 0 ? `${Math.floor((100 * done) / total)} %` : done}`);
    });
    try {
      if (opened.text !== undefined) {
        const inspection = await inspectText(opened.text, name);
        return { inspection, machine: undefined, symbols: undefined, close: opened.close };
      }
      const onTables = (tables: number) => progress.show(() => `${tables} page tables read`);
      return { ...inspectMemory(opened.memory, name, hints, onTables), close: opened.close };
    } catch (error) {
      opened.close();
      throw error;
    }
  } finally {
    progress.end();
  }
}

type OnProgress = (done: number, total: number, what: string) => void;

type Opened = { close(): void } & (
  | { memory: MachineMemory; text: undefined }
  | { memory: undefined; text: string }
);

async function open(
  name: string,
  options: SourceOptions,
  hints: Hints,
  onProgress: OnProgress,
): Promise<Opened> {
  if (name.startsWith('gdb:')) {
    if (options.scan === true) throw scanTooSlow(name);
    const { openGdb } = await import('../memory/sources/gdb_memory.ts');
    return { ...(await openGdb(name)), text: undefined };
  }
  if (name.startsWith('qmp:')) {
    const { openQmp } = await import('../memory/sources/qmp_memory.ts');
    return scanned(await openQmp(name), options, hints, onProgress);
  }
  if (name === 'live' || name === '/proc/kcore') {
    const { openKcore } = await import('../memory/sources/kcore.ts');
    return { ...openKcore(), text: undefined };
  }
  const { openMemory } = await import('../memory/sources/open_memory.ts');
  const raw = rawLayout(options);
  const isTold = options.physBase !== undefined || options.arch !== undefined;
  let opened = await openMemory(name, { onProgress });
  if (opened.memory?.kind === 'raw memory' && isTold) {
    opened.close();
    opened = await openMemory(name, { onProgress, raw });
  }
  const { memory, text } = opened;
  const close = () => opened.close();
  if (memory === undefined) return { memory: undefined, text: text ?? '', close };
  const found = await scanned({ memory, close }, options, hints, onProgress);
  try {
    if (!isTold) checkKnown(found.memory, name, hints);
  } catch (error) {
    close();
    throw error;
  }
  return found;
}

/** With what a search of its memory finds, if it needs one. */
async function scanned(
  { memory, close }: { memory: MachineMemory; close(): void },
  { scan }: SourceOptions,
  hints: Hints,
  onProgress: OnProgress,
) {
  const { findInBuffer } = await import('../memory/sources/open_memory.ts');
  try {
    const found = withVmcoreinfo(memory, hints, { scan, onProgress, findBytes: findInBuffer });
    return { memory: found, text: undefined, close };
  } catch (error) {
    close();
    throw error;
  }
}

/** The guest would stand still for minutes. */
function scanTooSlow(name: string): InputError {
  return new InputError({
    code: 'bad-format',
    what: 'source to be scanned',
    where: name,
    found: 'a debugger port',
    expected: 'qmp:..., which dumps the guest first: by a debugger port all of memory takes minutes',
  });
}

async function inspectText(text: string, name: string): Promise<Inspection> {
  const [{ parsePtdump }, { inspectText: inspect }] = await Promise.all([
    import('../inspect/ptdump/ptdump.ts'),
    import('../inspect/inspection.ts'),
  ]);
  return inspect(parsePtdump(text, name), name);
}

export function hintsOf(options: SourceOptions): Hints {
  const root = addressOption('--root', options.root, 1n);
  const offset = addressOption('--page-offset', options.pageOffset);
  const levels = options.levels;
  const symbols = options.symbols;
  return {
    arch: archOption(options.arch),
    root: root === undefined ? undefined : Number(root),
    levels: levels === undefined ? undefined : numberOption('--levels', levels, { min: 2, max: 5 }),
    pageOffset: offset === undefined ? undefined : Number(BigInt.asIntN(64, offset)),
    symbols:
      symbols === undefined ? undefined : new SymbolTable(readTextFile(symbols, MAX_SYMBOLS_BYTES), symbols),
  };
}

function archOption(name: string | undefined): ArchName | undefined {
  if (name === undefined) return undefined;
  const arch = ARCH_NAMES.find((each) => each === name);
  if (arch === undefined) {
    throw new InputError({
      code: 'unknown-name',
      what: 'architecture',
      where: '--arch',
      found: name,
      known: ARCH_NAMES,
    });
  }
  return arch;
}

/** "0,0x100000000@0xc0000000": each piece of the file up to where the next begins. */
function rawLayout({ physBase, arch }: SourceOptions): RawLayout {
  const name = archOption(arch);
  const pieces = (physBase ?? '0').split(',').map((piece) => {
    const [address, offset] = piece.split('@');
    return {
      physical: address === '0' ? 0 : Number(addressOption('--phys-base', address)),
      offset: offset === undefined || offset === '0' ? 0 : Number(addressOption('--phys-base', offset)),
    };
  });
  pieces.sort((a, b) => a.offset - b.offset);
  const segments = pieces.map((piece, index) => {
    const next = pieces[index + 1];
    return next === undefined ? piece : { ...piece, size: next.offset - piece.offset };
  });
  checkDisjoint(segments);
  const machine =
    name === undefined ? {} : { machine: MACHINE_OF_ARCH[name], littleEndian: name !== 's390x' };
  return { segments, ...machine };
}

/** Two pieces at one physical address would each hide what the other says. */
function checkDisjoint(segments: readonly { physical: number; size?: number }[]): void {
  const sorted = [...segments].sort((a, b) => a.physical - b.physical);
  sorted.forEach(({ physical, size }, index) => {
    const next = sorted[index + 1];
    const end = physical + (size ?? Number.POSITIVE_INFINITY);
    if (size === 0 || (next !== undefined && size !== undefined && next.physical < end)) {
      throw new InputError({
        code: 'bad-format',
        what: 'pieces of a file',
        where: '--phys-base',
        found:
          size === 0
            ? 'two that begin at one place of the file'
            : `two that both hold ${hexAddress(next?.physical ?? 0)}`,
        expected: 'pieces that do not overlap',
      });
    }
  });
}
