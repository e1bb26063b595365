/**
 * A machine booted: from firmware's memory map to a running kernel, as far as its direct map and the mapping of its
 * image go. The order is that of start_kernel() and kernel_init() (init/main.c), with nothing else happening between.
 */

import { InputError, NotModelledError } from '../../../errors.ts';
import { SimulatedMemory } from '../../../memory/simulated_memory.ts';
import { hexAddress, type VirtualAddress } from '../../../mmu/format.ts';
import type { Booted, BootOptions } from '../../architecture.ts';
import type { BootParameters } from '../../boot_parameters.ts';
import type { Config } from '../../config.ts';
import type { KernelVersion } from '../../kernels.ts';
import type { Machine } from '../../machine.ts';
import { BuddyAllocator } from '../../mm/buddy.ts';
import type { FrameAllocator } from '../../mm/frame_allocator.ts';
import { KFENCE_NUM_OBJECTS, KFENCE_POOL_PAGES, kfence_init } from '../../mm/kfence/core.ts';
import { for_each_free_mem_range, memblock_phys_alloc_range, memblock_reserve } from '../../mm/memblock.ts';
import { check_debug_pagealloc_size, debug_pagealloc_free_all } from '../../mm/page_alloc.ts';
import { reserve_bootmem_region } from '../../mm/page_flags.ts';
import type { Task } from '../../task.ts';
import type { X86BootParameters } from './boot_parameters.ts';
import { type BootState, completed, createBootState } from './boot_state.ts';
import type { X86Config } from './config.ts';
import { type BootImage, defaultImage } from './images.ts';
import { KERNEL_IMAGE_SIZE, PAGE_SIZE } from './include/asm/page_types.ts';
import { maxmem } from './kernel/e820.ts';
import { image_address, startup_64 } from './kernel/head_64.ts';
import { setup_arch } from './kernel/setup.ts';
import { free_init_pages, free_initmem } from './mm/init.ts';
import { mark_rodata_ro } from './mm/init_64.ts';
import { set_memory_4k, set_memory_ro } from './mm/pat/set_memory.ts';
import { pti_finalize, pti_init } from './mm/pti.ts';
import { set_real_mode_permissions } from './realmode/init.ts';
import { type MappedRanges, type PfnRange, X86Kernel } from './x86_kernel.ts';

/** Config, parameters and machine are those that `X86` makes. */
export interface X86BootOptions extends BootOptions {
  /** The kernel's sections and where they are loaded; the preset release's Debian build if not given. */
  image?: BootImage;
  /** Physical address of the image less its linked one. */
  phys_base?: number;
  /** Where KASLR puts the direct map, a multiple of 1G; its usual place if not given. */
  page_offset?: VirtualAddress;
  /** Makes the page allocator out of what boot leaves free; a buddy allocator if not given. */
  frames?: (free: readonly PfnRange[]) => FrameAllocator;
  /** Where the boot loader has put the initrd, which is freed in the end. */
  initrd?: PfnRange;
  /** What else memblock has given away by the time that the page allocator takes over, such as the memory map. */
  reserved?: readonly PfnRange[];
  /** Whether to go on, after the map is built, to all edits that the kernel makes before it starts init. */
  lateEdits?: boolean;
}

export interface BootedX86 extends Booted {
  kernel: X86Kernel;
}

/**
 * Effect: the machine has booted. It is RUNNING after the late edits, and still BOOTING without them. None of it can
 * be undone.
 * @throws InputError where RAM does not suffice, NotModelledError for an image in a geometry without room for one.
 */
export function bootX86(options: X86BootOptions): BootedX86 {
  const init = createInit(options);
  const { k } = init;
  return k.memory.withoutJournal(() => {
    startup_64(init);
    setup_arch(init);
    const free = mem_init(init, options);
    if (options.lateEdits ?? true) completed(k, finish(init));
    return { kernel: k, free };
  });
}

/** What a kernel of that kind has mapped on that machine. Found out by booting one into memory of its own. */
export function mappedRanges(
  machine: Machine,
  version: KernelVersion,
  config: Config,
  boot: BootParameters,
): MappedRanges {
  const init = createInit({ machine, version, config, boot });
  init.k.memory.withoutJournal(() => {
    startup_64(init);
    setup_arch(init);
  });
  const { pfn_mapped, max_pfn_mapped } = init.k;
  return { pfn_mapped, max_pfn_mapped };
}

function createInit(options: X86BootOptions): BootState {
  const { version, config, boot, page_offset } = options;
  const machine = pagingOf(options);
  const image = options.image ?? defaultImage(version.release, machine.index_bits);
  checkImage(machine, image, options.phys_base ?? 0);
  if (boot.debug_pagealloc) check_debug_pagealloc_size(machine);
  const k = new X86Kernel({
    memory: options.memory ?? new SimulatedMemory(),
    version,
    config,
    boot,
    machine,
    frames: NO_FRAMES,
    image,
    ...(page_offset === undefined ? {} : { page_offset }),
  });
  k.phys_base = options.phys_base ?? 0;
  checkFits(k);
  return createBootState(k, image, options.initrd);
}

/** Five levels need a kernel that was built for them and not told otherwise. */
function pagingOf({ machine, config, boot }: X86BootOptions): Machine {
  const { X86_5LEVEL } = config as X86Config;
  const five = machine.paging_levels === 5 && X86_5LEVEL && !(boot as X86BootParameters).no5lvl;
  return { ...machine, paging_levels: five ? 5 : 4 };
}

function checkImage(machine: Machine, image: BootImage, phys_base: number): void {
  if (image.end === image.text) return;
  if (machine.index_bits < 9) {
    throw new NotModelledError('a kernel image in a small geometry', 'there is no room for its mapping');
  }
  if (machine.paging_levels === 5 && image.level4_kernel_pgt === 0) {
    throw new NotModelledError('5 levels with this image', 'it has no level4_kernel_pgt');
  }
  if (phys_base > image.text || image.end - phys_base > KERNEL_IMAGE_SIZE) {
    throw new InputError({
      code: 'out-of-range',
      what: 'phys_base',
      where: '',
      found: `${phys_base}`,
      expected: `${image.end - KERNEL_IMAGE_SIZE} to ${image.text}, so that the image lies within its mapping`,
    });
  }
}

/** The kernel ignores RAM that the direct map has no room for. Of a machine made up to be small that is a mistake. */
function checkFits(k: X86Kernel): void {
  if (k.page_offset % k.pud_size !== 0) {
    throw new InputError({
      code: 'out-of-range',
      what: 'page_offset',
      where: '',
      found: hexAddress(k.page_offset),
      expected: 'a multiple of 1G: KASLR moves the direct map by whole PUD entries',
    });
  }
  if (k.machine.index_bits === 9) return;
  const end = Math.max(0, ...k.machine.memory.map((range) => range.end));
  if (end <= maxmem(k)) return;
  throw new InputError({
    code: 'out-of-range',
    what: 'the end of RAM',
    where: '',
    found: `0x${end.toString(16)}`,
    expected: `at most 0x${maxmem(k).toString(16)}, with ${k.format.levels} levels of ${k.machine.index_bits} bits`,
  });
}

/** Effect: the page allocator has the memory that nobody else has. init_64.c:1383 (v7.2) */
function mem_init(init: BootState, options: X86BootOptions): readonly PfnRange[] {
  const { k, memblock } = init;
  for (const { start, end } of options.reserved ?? []) {
    memblock_reserve(memblock, start * PAGE_SIZE, (end - start) * PAGE_SIZE);
  }
  kfence_alloc_pool(init);
  for (const { start, end } of memblock.reserved) {
    reserve_bootmem_region(k, Math.floor(start / PAGE_SIZE), Math.ceil(end / PAGE_SIZE));
  }
  const free = for_each_free_mem_range(memblock)
    .map(({ start, end }) => ({
      start: Math.ceil(start / PAGE_SIZE),
      end: Math.min(Math.floor(end / PAGE_SIZE), init.max_pfn),
    }))
    .filter(({ start, end }) => start < end);
  k.frames = options.frames?.(free) ?? buddyAllocator(k, free);
  k.after_bootmem = true;
  k.debug_pagealloc_key = k.debug_pagealloc_enabled();
  debug_pagealloc_free_all(k);
  return free;
}

/**
 * Effect: KFENCE has its pool, if kfence.sample_interval= wants it and there is room. Memory for its objects' metadata,
 * which memblock gives since v6.6, is not taken. mm/kfence/core.c:926 (v7.2)
 */
function kfence_alloc_pool({ k, memblock }: BootState): void {
  if (!k.has.kfence || !k.config.KFENCE || k.boot.kfence_sample_interval === 0) return;
  const bytes = KFENCE_POOL_PAGES(KFENCE_NUM_OBJECTS) * PAGE_SIZE;
  const end = k.max_pfn_mapped * PAGE_SIZE;
  const address = memblock_phys_alloc_range(memblock, bytes, PAGE_SIZE, 0, end);
  if (address === 0) k.printk('err', 'kfence: failed to allocate pool');
  else k.kfence_pool = { start: address / PAGE_SIZE, end: (address + bytes) / PAGE_SIZE };
}

function buddyAllocator(k: X86Kernel, free: readonly PfnRange[]): BuddyAllocator {
  const guardpage_minorder = k.boot.debug_pagealloc ? k.boot.debug_guardpage_minorder : 0;
  return new BuddyAllocator(free, { zones: k.zones, guardpage_minorder });
}

/** What the kernel does to its own mappings before it starts init: init/main.c:1017 to :1571 (v7.2). */
function* finish(init: BootState): Task<void> {
  const { k, image } = init;
  yield* pti_init(k);
  yield* kfence_init(k);
  if (image.idt_table !== undefined) yield* set_memory_ro(k, image_address(k, image.idt_table), 1);
  if (!k.direct_gbpages) yield* set_memory_4k(k, k.__va(0), 1);
  if (image.real_mode !== undefined && init.real_mode_header !== 0) {
    yield* set_real_mode_permissions(k, init.real_mode_header, image.real_mode);
  }
  if (init.initrd !== undefined) {
    const { start, end } = init.initrd;
    yield* free_init_pages(k, k.page_address(start), k.page_address(end)); // free_initrd_mem()
  }
  if (image.end > image.text) {
    yield* free_initmem(k, image.bss_decrypted_unused);
    if (k.boot.rodata && k.config.STRICT_KERNEL_RWX) yield* mark_rodata_ro(k);
  }
  yield* pti_finalize(k);
  k.system_state = 'RUNNING';
}

/** There is no page allocator yet. */
const NO_FRAMES: FrameAllocator = {
  allocate: () => undefined,
  free: () => {},
  mark: () => 0,
  undo: () => {},
};
