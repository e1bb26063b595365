/** VMCOREINFO in the memory of a machine, for sources that come without notes. */

import type { MachineMemory, PhysicalRange } from './machine_memory.ts';
import { PAGE_SIZE } from './physical_memory.ts';
import { Vmcoreinfo } from './vmcoreinfo.ts';

/** Done and total, in bytes, and what is being done, for people. */
export type OnProgress = (done: number, total: number, what: string) => void;

/** Where bytes occur in others from `from` on; -1 if nowhere. */
export type FindBytes = (haystack: Uint8Array, needle: Uint8Array, from: number) => number;

/** A source that gives more than a frame at once: undefined where it has nothing of it, zeros where it lacks some. */
interface RangeSource {
  readRange(start: number, length: number, into?: Uint8Array): Uint8Array | undefined;
}

/** What the kernel prepares for its dumps: a note of type 0, its name padded to 12 bytes, and how its text begins. */
const NAME_SIZE = 11;
const NAME_OFFSET = 12;
const TEXT_OFFSET = 24;
const NEEDLE = new TextEncoder().encode('VMCOREINFO\0\0OSRELEASE=');
const MAX_TEXT_SIZE = 65536;

const WINDOW_SIZE = 2 ** 18;

/**
 * The VMCOREINFO with the lowest physical address. A machine may have more: a kernel that was started by kexec finds
 * itself beside what is left of the one before.
 * @param findBytes a faster search than the default, where there is one: Node's Buffer.indexOf.
 * @throws InputError where the memory cannot be read.
 */
export function findVmcoreinfoInMemory(
  memory: MachineMemory,
  onProgress: OnProgress = () => {},
  findBytes: FindBytes = findByFirst,
): Vmcoreinfo | undefined {
  const { ranges } = memory;
  const total = ranges.reduce((sum, { size }) => sum + size, 0);
  // One for all windows: to be given new memory for each would take longer than to read the file.
  const buffer = new Uint8Array(WINDOW_SIZE + NEEDLE.length);
  let before = 0;
  for (const range of ranges) {
    for (let done = 0; done < range.size; done += WINDOW_SIZE) {
      onProgress(before + done, total, 'looking for VMCOREINFO');
      const found = searchWindow(memory, range, range.start + done, buffer, findBytes);
      if (found !== undefined) return found;
    }
    before += range.size;
  }
  onProgress(total, total, 'looking for VMCOREINFO');
  return undefined;
}

/** Windows overlap, so that each needle is whole in one. */
function searchWindow(
  memory: MachineMemory,
  range: PhysicalRange,
  start: number,
  buffer: Uint8Array,
  findBytes: FindBytes,
): Vmcoreinfo | undefined {
  const size = Math.min(WINDOW_SIZE + NEEDLE.length, range.start + range.size - start);
  const window = readMemory(memory, start, size, buffer);
  if (window === undefined) return undefined;
  for (let at = findBytes(window, NEEDLE, 0); at >= 0; at = findBytes(window, NEEDLE, at + 1)) {
    const found = readNote(memory, start + at - NAME_OFFSET);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * The note at a physical address, if there is one, in whatever byte order: the ELF dumps that QEMU writes of
 * little-endian powerpc guests are big-endian, and what is in them is not.
 */
function readNote(memory: MachineMemory, address: number): Vmcoreinfo | undefined {
  const header = address < 0 ? undefined : readMemory(memory, address, TEXT_OFFSET);
  if (header === undefined) return undefined;
  const view = new DataView(header.buffer, header.byteOffset, TEXT_OFFSET);
  const littleEndian = view.getUint32(0, true) === NAME_SIZE;
  const size = view.getUint32(4, littleEndian);
  if (view.getUint32(0, littleEndian) !== NAME_SIZE || size > MAX_TEXT_SIZE) return undefined;
  const bytes = readMemory(memory, address + TEXT_OFFSET, size);
  if (bytes === undefined) return undefined;
  const zero = bytes.indexOf(0);
  const text = new TextDecoder().decode(zero < 0 ? bytes : bytes.subarray(0, zero));
  return new Vmcoreinfo(text, littleEndian);
}

/** Physical memory; undefined where the source has nothing of it, zeros where it lacks some. */
function readMemory(
  memory: MachineMemory,
  start: number,
  length: number,
  into?: Uint8Array,
): Uint8Array | undefined {
  if (givesRanges(memory)) return memory.readRange(start, length, into);
  let bytes: Uint8Array | undefined;
  const first = Math.floor(start / PAGE_SIZE);
  for (let pfn = first; pfn * PAGE_SIZE < start + length; pfn++) {
    const frame = memory.readFrame(pfn);
    if (frame === undefined) continue;
    bytes ??= new Uint8Array(length);
    const at = pfn * PAGE_SIZE - start;
    const wanted = frame.subarray(Math.max(0, -at), Math.max(0, Math.min(PAGE_SIZE, length - at)));
    bytes.set(wanted, Math.max(0, at));
  }
  return bytes;
}

function givesRanges(memory: MachineMemory): memory is MachineMemory & RangeSource {
  return 'readRange' in memory;
}

function findByFirst(haystack: Uint8Array, needle: Uint8Array, from: number): number {
  const last = haystack.length - needle.length;
  for (let at = haystack.indexOf(needle[0]!, from); at >= 0; at = haystack.indexOf(needle[0]!, at + 1)) {
    if (at > last) return -1;
    if (needle.every((byte, index) => haystack[at + index] === byte)) return at;
  }
  return -1;
}
