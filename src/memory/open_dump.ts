/** A machine's memory, or the text of its page tables, by what is in the bytes: wherever these come from. */

import { InputError } from '../errors.ts';
import type { ByteSource } from './byte_source.ts';
import type { Decompressors } from './decompressors.ts';
import { ElfCore } from './elf_core.ts';
import { DETECTION_SIZE, detectFormat, type FileFormat } from './file_format.ts';
import { FlattenedSource } from './flattened.ts';
import { KdumpMemory } from './kdump.ts';
import type { MachineMemory } from './machine_memory.ts';
import { RawMemory } from './raw_memory.ts';

/** Held in memory as a whole, and once more while it is made. */
const MAX_TEXT_SIZE = 2 ** 27;

/** One of the two is there. */
export interface DumpContent {
  /** Page tables as words in the memory of a machine. */
  readonly memory: MachineMemory | undefined;
  /** Page tables as the kernel's ptdump prints them. */
  readonly text: string | undefined;
}

/**
 * Opens what is not packed as a whole. Where nothing else matches, it is raw memory from physical address 0 on.
 * `wrappings` is told what it was wrapped in.
 * @throws InputError 'bad-format' where it is corrupt or of a kind that is not read here; `where` names it.
 */
export function openDump(
  source: ByteSource,
  where: string,
  decompressors: Decompressors,
  wrappings: string[] = [],
): DumpContent {
  const detected = formatOf(source, where);
  switch (detected.format) {
    case 'flattened':
      if (wrappings.includes('flattened')) {
        throw badFormat(where, 'content of a flattened dump', 'another flattened dump', 'a dump');
      }
      wrappings.push('flattened');
      return openDump(new FlattenedSource(source, where), where, decompressors, wrappings);
    case 'kdump':
      return { memory: new KdumpMemory(source, where, decompressors), text: undefined };
    case 'elf':
      return { memory: new ElfCore(source, where), text: undefined };
    case 'ptdump text':
      return { memory: undefined, text: readText(source, where) };
    case 'refused':
      throw badFormat(
        where,
        'file format',
        detected.name,
        `a dump, raw memory or ptdump text: ${detected.advice}`,
      );
    default:
      return { memory: new RawMemory(source, where), text: undefined };
  }
}

/** @throws InputError where there is nothing in it */
export function formatOf(source: ByteSource, where: string): FileFormat {
  if (source.size === 0) throw badFormat(where, 'file format', 'an empty file', 'a dump');
  return detectFormat(source.read(0, Math.min(DETECTION_SIZE, source.size)));
}

function readText(source: ByteSource, where: string): string {
  if (source.size > MAX_TEXT_SIZE) {
    throw badFormat(
      where,
      'size of the ptdump text',
      `${source.size} bytes`,
      `at most ${MAX_TEXT_SIZE} bytes`,
    );
  }
  return new TextDecoder().decode(source.read(0, source.size));
}

function badFormat(where: string, what: string, found: string, expected: string): InputError {
  return new InputError({ code: 'bad-format', what, where, found, expected });
}
