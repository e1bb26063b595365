/**
 * The notes of an ELF core file (ELF gABI, chapter 5, "Note Section"), of which directmap wants one: VMCOREINFO.
 *
 *     namesz:4 descsz:4 type:4  name, padded to 4  description, padded to 4
 *
 * Linux pads to 4 bytes in ELF64 cores too, and ends a list early with a note that has no name.
 */

import type { ElfReader, ProgramHeader } from './elf64.ts';

const HEADER_SIZE = 12;
const VMCOREINFO = 'VMCOREINFO';
/** Far more than any dump has: a dozen notes for each of 20,000 CPUs. */
const MAX_NOTES = 2 ** 18;
/** The kernel gives VMCOREINFO one page, of at most 64 KiB. */
const MAX_TEXT_SIZE = 2 ** 20;

/**
 * The text of the first note named VMCOREINFO in any of the PT_NOTE segments.
 * @throws InputError ('bad-format') where a note does not fit in its segment.
 */
export function findVmcoreinfo(reader: ElfReader, segments: readonly ProgramHeader[]): string | undefined {
  let notes = 0;
  for (const { fileOffset, fileSize } of segments) {
    const end = fileOffset + fileSize;
    let at = fileOffset;
    while (end - at >= HEADER_SIZE) {
      if (++notes > MAX_NOTES) throw reader.badFormat('number of notes', `${notes}`, `at most ${MAX_NOTES}`);
      const header = reader.view('note', at, HEADER_SIZE);
      const nameSize = reader.u32(header, 0);
      const textSize = reader.u32(header, 4);
      if (nameSize === 0) break;
      const name = at + HEADER_SIZE;
      const text = name + padded(nameSize);
      if (text + textSize > end) {
        throw reader.badFormat(
          `note at ${at}`,
          `an end at ${text + textSize}`,
          `at most ${end}, the segment's`,
        );
      }
      if (isVmcoreinfo(reader, name, nameSize)) return readText(reader, text, textSize);
      at = text + padded(textSize);
    }
  }
  return undefined;
}

/** The name is counted with the zero that ends it. */
function isVmcoreinfo(reader: ElfReader, offset: number, size: number): boolean {
  if (size !== VMCOREINFO.length + 1) return false;
  return String.fromCharCode(...reader.bytes('note name', offset, size)) === `${VMCOREINFO}\0`;
}

function readText(reader: ElfReader, offset: number, size: number): string {
  if (size > MAX_TEXT_SIZE)
    throw reader.badFormat(VMCOREINFO, `${size} bytes`, `at most ${MAX_TEXT_SIZE} bytes`);
  const text = new TextDecoder().decode(reader.bytes(VMCOREINFO, offset, size));
  const zero = text.indexOf('\0');
  return zero < 0 ? text : text.slice(0, zero);
}

function padded(size: number): number {
  return Math.ceil(size / 4) * 4;
}
