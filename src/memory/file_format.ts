/** What a file is, by its first bytes and never by its name. */

import { isFlattened } from './flattened.ts';
import { isKdump } from './kdump_header.ts';

/** Methods of compression that whole files come in. */
export type Packing = 'gzip' | 'zstd' | 'xz';

export type FileFormat =
  | { readonly format: Packing | 'flattened' | 'kdump' | 'elf' | 'ptdump text' | 'unknown' }
  /** Known, and not read here: its name, and what to do about it. */
  | { readonly format: 'refused'; readonly name: string; readonly advice: string };

/** Bytes from the start of a file that `detectFormat` wants, where the file has as many. */
export const DETECTION_SIZE = 65536;

const PACKINGS: readonly (readonly [string, Packing])[] = [
  ['\x1f\x8b', 'gzip'],
  ['\x28\xb5\x2f\xfd', 'zstd'],
  ['\xfd7zXZ\0', 'xz'],
];

const UNPACK = 'unpack it first';
const SAVE_AS_CORE = 'save the memory as an ELF core (dump-guest-memory of QEMU, virsh dump --memory-only)';
const REFUSED: readonly (readonly [string, string, string])[] = [
  ['BZh', 'bzip2 data', UNPACK],
  ['\x04\x22\x4d\x18', 'lz4 data', UNPACK],
  ['\x89LZO\0', 'lzop data', UNPACK],
  ['PK\x03\x04', 'a ZIP archive', UNPACK],
  ['7z\xbc\xaf\x27\x1c', 'a 7z archive', UNPACK],
  ['QFI\xfb', 'a qcow2 disk image', SAVE_AS_CORE],
  ['QEVM', "QEMU's saved machine", SAVE_AS_CORE],
  ['LibvirtQemudSave', "libvirt's saved machine", SAVE_AS_CORE],
  ['EMiL', "LiME's format", 'save the memory with format=raw or format=padded'],
  ['PAGEDU64', "a crash dump of Windows'", 'page tables of Linux only are read'],
  ['PAGEDUMP', "a crash dump of Windows'", 'page tables of Linux only are read'],
];

/** A line of ptdump: a range of addresses, or the name of a region. */
const PTDUMP_LINE = /^(?:0x[0-9a-f]{16}-0x[0-9a-f]{16}\s|---\[ )/m;

export function detectFormat(start: Uint8Array): FileFormat {
  const text = String.fromCharCode(...start.subarray(0, 16));
  const packing = PACKINGS.find(([magic]) => text.startsWith(magic));
  if (packing !== undefined) return { format: packing[1] };
  if (isFlattened(start)) return { format: 'flattened' };
  if (isKdump(start)) return { format: 'kdump' };
  if (text.startsWith('\x7fELF')) return { format: 'elf' };
  if (looksLikePtdump(start)) return { format: 'ptdump text' };
  const refused = REFUSED.find(([magic]) => text.startsWith(magic));
  if (refused !== undefined) return { format: 'refused', name: refused[1], advice: refused[2] };
  return { format: 'unknown' };
}

function looksLikePtdump(start: Uint8Array): boolean {
  const bytes = start.subarray(0, DETECTION_SIZE);
  return !bytes.includes(0) && PTDUMP_LINE.test(new TextDecoder().decode(bytes));
}
