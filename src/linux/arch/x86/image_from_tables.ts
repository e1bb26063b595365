/**
 * Where the sections of a running kernel's image lie, read off its own mapping of itself.
 *
 *     0xffffffff80000000   _text       _etext        __start_rodata   __end_rodata   _sdata          _brk_end
 *     | nothing            | P, X      | NX: freed   | P, RO, NX      | NX: freed    | RW, NX        | nothing
 *
 * Rodata and data begin at 2M boundaries (arch/x86/kernel/vmlinux.lds.S), so that the two freed gaps need not be
 * told from their neighbours by rights alone: they are writable again, or not present under debug_pagealloc and PTI.
 *
 * Later edits are survived as far as they cannot move a border. Text made writable still is executable; rodata stays
 * read-only, since nothing can make it writable. What would mislead: data or rodata next to the text made executable,
 * the last pages of rodata not present, the first page of data read-only. A kernel that does not protect its image
 * (rodata=off, or still booting) shows one writable and executable stretch up to the init sections that it has freed,
 * and all of that is taken for text. With memory encryption the frames would have to be stripped of the C-bit first,
 * which is not done.
 */

import { InputError } from '../../../errors.ts';
import { PAGE_SIZE, type PageSource } from '../../../memory/physical_memory.ts';
import { type EntryFlags, EntryKind, type VirtualAddress } from '../../../mmu/format.ts';
import { walk, walkAddress } from '../../../mmu/walk.ts';
import { _PAGE_NX, _PAGE_RW, X86Format } from '../../../mmu/x86_64.ts';
import { __START_KERNEL_map, KERNEL_IMAGE_SIZE } from './include/asm/page_types.ts';
import type { KernelImage } from './kernel_image.ts';

/** The image's mapping is laid out in these, whatever its leaves. */
const PMD_SIZE = 2 ** 21;

/** A stretch of the image mapping, all leaves alike. Ends are exclusive. */
interface Piece {
  start: VirtualAddress;
  end: VirtualAddress;
  present: boolean;
  flags: EntryFlags;
  /** First frame. */
  frame: number;
}

/**
 * The image of the kernel whose top table is at `root`, and its phys_base, unless that is known already. What the
 * tables do not tell: `init_begin` and `init_end` are only to be seen under debug_pagealloc, and are both `sdata`
 * otherwise; `brk_end` and `end` are both the end of the mapping, so a multiple of 2M; `brk_base` is the first page
 * that boot took for the direct map's tables; `level4_kernel_pgt` is 0 with 4 levels.
 * @throws InputError ('missing') where the tables have no image mapping.
 */
export function imageFromTables(
  source: PageSource,
  root: number,
  levels: 4 | 5,
  physBase?: number,
): { image: KernelImage; phys_base: number } {
  const format = new X86Format({ levels, indexBits: 9, encryptionBit: undefined });
  const pieces = imagePieces(source, format, root);
  const first = pieces[0];
  if (first === undefined) {
    throw new InputError({
      code: 'missing',
      what: 'the mapping of the kernel image, at 0xffffffff80000000',
      where: '',
      hint: `is 0x${root.toString(16)} the top table of a Linux kernel with ${levels} levels?`,
    });
  }
  const phys_base = physBase ?? first.frame * PAGE_SIZE - (first.start - __START_KERNEL_map);
  const physical = (address: VirtualAddress) => address - __START_KERNEL_map + phys_base;

  const end = pieces.at(-1)!.end;
  const etext = pieces.find(({ flags }) => (flags & _PAGE_NX) !== 0)?.start ?? end;
  const start_rodata = Math.min(end, roundup(etext, PMD_SIZE));
  const sdata = startOfData(pieces, start_rodata, end);
  const end_rodata = endOfRodata(pieces, start_rodata, sdata);
  const init = freedInit(pieces, sdata) ?? { start: sdata, end: sdata };
  const tables = walkAddress(source, format, root, first.start).map(({ entryAddress }) =>
    pageOf(entryAddress),
  );

  const image: KernelImage = {
    text: physical(first.start),
    etext: physical(etext),
    start_rodata: physical(start_rodata),
    end_rodata: physical(end_rodata),
    end_rodata_hpage_align: physical(sdata),
    sdata: physical(sdata),
    init_begin: physical(init.start),
    init_end: physical(init.end),
    brk_base: firstBrkTable(source, format, root, physical(sdata), physical(end)),
    brk_end: physical(end),
    end: physical(end),
    init_top_pgt: root,
    level4_kernel_pgt: levels === 5 ? tables[1]! : 0,
    level3_kernel_pgt: tables[levels - 3]!,
    level2_kernel_pgt: tables[levels - 2]!,
  };
  return { image, phys_base };
}

/** The stretches of the image mapping, up to the first hole after its beginning. */
function imagePieces(source: PageSource, format: X86Format, root: number): Piece[] {
  const range = { start: __START_KERNEL_map, end: __START_KERNEL_map + KERNEL_IMAGE_SIZE };
  const pieces: Piece[] = [];
  for (const { kind, address, pages, flags, frame } of walk(source, format, root, { range })) {
    if (kind !== 'leaf' && kind !== 'not-present') {
      if (pieces.length > 0) break;
      continue;
    }
    pieces.push({ start: address, end: address + pages * PAGE_SIZE, present: kind === 'leaf', flags, frame });
  }
  return pieces;
}

/** The first 2M from `start_rodata` on that begin with something writable. */
function startOfData(
  pieces: readonly Piece[],
  start_rodata: VirtualAddress,
  end: VirtualAddress,
): VirtualAddress {
  let slot = start_rodata;
  while (slot < end && !writable(pieceAt(pieces, slot))) slot += PMD_SIZE;
  return slot;
}

/** Behind the last page before `sdata` that is present and read-only; the gap after it is neither. */
function endOfRodata(
  pieces: readonly Piece[],
  start_rodata: VirtualAddress,
  sdata: VirtualAddress,
): VirtualAddress {
  const last = pieces.findLast(
    (piece) => piece.present && !writable(piece) && piece.start < sdata && piece.end > start_rodata,
  );
  return last === undefined ? start_rodata : Math.min(last.end, sdata);
}

/** Under debug_pagealloc freed init memory stays unmapped, writable as it was. */
function freedInit(pieces: readonly Piece[], sdata: VirtualAddress): Piece | undefined {
  return pieces.find((piece) => piece.start >= sdata && !piece.present && writable(piece));
}

/**
 * The direct map's first table: boot takes it from the brk area, which comes last in the image. Of the tables that
 * the root names within the image's data it is the highest. The last 2M of the mapping if there is none.
 */
function firstBrkTable(
  source: PageSource,
  format: X86Format,
  root: number,
  sdata: number,
  end: number,
): number {
  const words = source.readPage(root / PAGE_SIZE);
  let highest = 0;
  for (let at = 0; words !== undefined && at < words.length; at += 2) {
    const [low, high] = [words[at]!, words[at + 1]!];
    if (format.kind(format.levels, low, high) !== EntryKind.Table) continue;
    const table = format.tableAddress(format.levels, low, high);
    if (table >= sdata && table < end) highest = Math.max(highest, table);
  }
  return highest === 0 ? Math.max(sdata, end - PMD_SIZE) : highest;
}

function pieceAt(pieces: readonly Piece[], address: VirtualAddress): Piece {
  return pieces.find(({ start, end }) => start <= address && address < end)!;
}

function writable(piece: Piece): boolean {
  return (piece.flags & _PAGE_RW) !== 0;
}

function pageOf(address: number): number {
  return Math.floor(address / PAGE_SIZE) * PAGE_SIZE;
}

function roundup(value: number, size: number): number {
  return Math.ceil(value / size) * size;
}
