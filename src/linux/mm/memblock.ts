/**
 * Who has which memory before there is a page allocator (mm/memblock.c), as far as building the direct map needs it:
 * one list of what is memory, one of what is taken. No NUMA nodes and no flags, so that neighbours always merge.
 *
 * Addresses are physical, in bytes; ends are exclusive.
 */

export interface MemblockRegion {
  start: number;
  end: number;
}

/** Both lists are ascending and disjoint, and no two regions touch. */
export interface Memblock {
  memory: MemblockRegion[];
  reserved: MemblockRegion[];
  bottom_up: boolean;
}

const PAGE_SIZE = 4096;

export function createMemblock(): Memblock {
  return { memory: [], reserved: [], bottom_up: false };
}

/** Effect: [base, base + size) is memory. mm/memblock.c:752 (v7.2) */
export function memblock_add(memblock: Memblock, base: number, size: number): void {
  memblock.memory = withRange(memblock.memory, base, base + size);
}

/** Effect: [base, base + size) is not given out. It need not be memory. mm/memblock.c:1008 (v7.2) */
export function memblock_reserve(memblock: Memblock, base: number, size: number): void {
  memblock.reserved = withRange(memblock.reserved, base, base + size);
}

/** Effect: [base, base + size) may be given out again. mm/memblock.c:989 (v7.2) */
export function memblock_phys_free(memblock: Memblock, base: number, size: number): void {
  memblock.reserved = withoutRange(memblock.reserved, base, base + size);
}

/**
 * Effect: every region of memory begins and ends at a multiple of `align`; smaller ones go. mm/memblock.c:2060 (v7.2)
 */
export function memblock_trim_memory(memblock: Memblock, align: number): void {
  memblock.memory = memblock.memory
    .map(({ start, end }) => ({
      start: Math.ceil(start / align) * align,
      end: Math.floor(end / align) * align,
    }))
    .filter(({ start, end }) => start < end);
}

/** Whether one region of memory has all of [base, base + size). mm/memblock.c:2033 (v7.2) */
export function memblock_is_region_memory(memblock: Memblock, base: number, size: number): boolean {
  return memblock.memory.some(({ start, end }) => start <= base && base + size <= end);
}

/** Memory that nobody has taken, ascending. */
export function for_each_free_mem_range(memblock: Memblock): MemblockRegion[] {
  let free = memblock.memory;
  for (const { start, end } of memblock.reserved) free = withoutRange(free, start, end);
  return free;
}

/**
 * Where `size` free bytes, aligned to `align`, lie in [start, end): the highest place, or the lowest with bottom_up.
 * Failure: 0. The first page is never found. mm/memblock.c:309 (v7.2)
 */
export function memblock_find_in_range(
  memblock: Memblock,
  start: number,
  end: number,
  size: number,
  align: number,
): number {
  const from = Math.max(start, PAGE_SIZE);
  const free = for_each_free_mem_range(memblock).map((range) => ({
    start: Math.max(range.start, from),
    end: Math.min(range.end, end),
  }));
  if (memblock.bottom_up) {
    const lowest = (range: MemblockRegion) => Math.ceil(range.start / align) * align;
    const range = free.find((candidate) => lowest(candidate) + size <= candidate.end);
    return range === undefined ? 0 : lowest(range);
  }
  const highest = (range: MemblockRegion) => Math.floor((range.end - size) / align) * align;
  const range = free.findLast((candidate) => highest(candidate) >= candidate.start);
  return range === undefined ? 0 : highest(range);
}

/** As memblock_find_in_range(), and the place is taken. Failure: 0. mm/memblock.c:1620 (v7.2) */
export function memblock_phys_alloc_range(
  memblock: Memblock,
  size: number,
  align: number,
  start: number,
  end: number,
): number {
  const found = memblock_find_in_range(memblock, start, end, size, align);
  if (found !== 0) memblock_reserve(memblock, found, size);
  return found;
}

function withRange(regions: readonly MemblockRegion[], start: number, end: number): MemblockRegion[] {
  if (start >= end) return [...regions];
  const touching = regions.filter((region) => region.start <= end && start <= region.end);
  const merged = {
    start: Math.min(start, ...touching.map((region) => region.start)),
    end: Math.max(end, ...touching.map((region) => region.end)),
  };
  const rest = regions.filter((region) => !touching.includes(region));
  return [...rest, merged].sort((a, b) => a.start - b.start);
}

function withoutRange(regions: readonly MemblockRegion[], start: number, end: number): MemblockRegion[] {
  return regions.flatMap((region) =>
    [
      { start: region.start, end: Math.min(region.end, start) },
      { start: Math.max(region.start, end), end: region.end },
    ].filter((part) => part.start < part.end),
  );
}
