import { describe, expect, it } from 'vitest';
import { InputError } from '../../../../../../src/errors.ts';
import { __kernel_map_pages, set_memory_ro } from '../../../../../../src/linux/arch/powerpc/mm/pageattr.ts';
import type { PowerpcKernel } from '../../../../../../src/linux/arch/powerpc/powerpc_kernel.ts';
import { EFAULT, EINVAL } from '../../../../../../src/linux/errno.ts';
import { HPTE_V_BOLTED, HPTE_V_SECONDARY, HPTE_V_VALID } from '../../../../../../src/mmu/ppc64_hash.ts';
import {
  boot,
  booted,
  call,
  GiB,
  KERNELS,
  leafText,
  MiB,
  type Options,
  PAGEALLOC,
  watch,
} from '../../powerpc.ts';

const HASH = { features: { radix: false } };
const RW = '0x194';
const RX = '0x8000000000000192';
const SINCE_6_1 = ['v6.1', 'v6.12', 'v7.2'];

/** 16 pages and two groups of 8: every group is a page's primary or its secondary one. */
const small = (kernel: string, options: Options = {}): PowerpcKernel =>
  booted(kernel, {
    ram: [{ start: 0, end: 16 * 4096, type: 'RAM' }],
    index_bits: 1,
    ...HASH,
    ...PAGEALLOC,
    ...options,
  });

/** Entries in use. */
function entries(k: PowerpcKernel): { secondary: boolean; bolted: boolean }[] {
  const { htab_address, htab_hash_mask } = k.hash!;
  const words = Array.from({ length: (htab_hash_mask + 1) * 8 }, (_, slot) =>
    k.memory.low(htab_address + slot * 16),
  );
  return words
    .filter((v) => (v & HPTE_V_VALID) !== 0)
    .map((v) => ({ secondary: (v & HPTE_V_SECONDARY) !== 0, bolted: (v & HPTE_V_BOLTED) !== 0 }));
}

describe('the linear map of a hash kernel', () => {
  it.each(['v5.10', 'v7.2'])('is by 16M pages on %s', (kernel) => {
    const k = booted(kernel, HASH);
    expect(leafText(k, 0x8000)).toBe(`large HPTE ${RW}`);
    expect(entries(k)).toHaveLength(128);
    expect(entries(k).every(({ bolted }) => bolted)).toBe(true);
  });

  it.each(['v6.1', 'v6.12'])(
    'is by base pages on %s wherever KFENCE is built in, though it is off',
    (kernel) => {
      expect(leafText(booted(kernel, { ram: 256 * MiB, ...HASH }), 0x8000)).toBe(`HPTE ${RW}`);
      const without = booted(kernel, { ram: 256 * MiB, ...HASH, config: { KFENCE: 'n' } });
      expect(leafText(without, 0x8000)).toBe(`large HPTE ${RW}`);
    },
  );

  it('is by base pages on v7.2 if KFENCE starts with the system', () => {
    const k = booted('v7.2', { ram: 256 * MiB, ...HASH, boot: 'kfence.sample_interval=100' });
    expect(leafText(k, 0x8000)).toBe(`HPTE ${RW}`);
  });

  it('has read-only text that can be executed, since v6.1', () => {
    const k = booted('v7.2', HASH);
    expect(leafText(k, 0)).toBe(`large HPTE ${RX}`);
    expect(leafText(k, 0x2000)).toBe(`large HPTE ${RW}`);
    expect(leafText(booted('v5.10', HASH), 0)).toBe('large HPTE 0x190');
  });

  it.each(KERNELS)('is by base pages with debug_pagealloc on %s, and free pages are not in it', (kernel) => {
    const { kernel: k, free } = boot(kernel, { ram: 256 * MiB, ...HASH, ...PAGEALLOC });
    expect(leafText(k, free[0]!.start)).toBe('-');
    const page = k.frames.allocate(0, undefined)!;
    call(__kernel_map_pages(k, page, 1, 1));
    expect(leafText(k, page)).toBe(`HPTE ${RW}`);
    call(__kernel_map_pages(k, page, 1, 0));
    expect(k.leafAt(k.page_address(page))).toBeUndefined();
  });

  it('is the same under disable_radix, and on the bare machine, where entries have the form of ISA 3.0', () => {
    const pages = { ram: 256 * MiB, ...PAGEALLOC };
    const k = booted('v7.2', { ...pages, boot: `${PAGEALLOC.boot} disable_radix` });
    expect([k.radix_enabled, leafText(k, 0x100)]).toEqual([false, `HPTE ${RX}`]);
    const bare = booted('v7.2', {
      ...pages,
      boot: `${PAGEALLOC.boot} disable_radix`,
      features: { powernv: true },
    });
    expect(leafText(bare, 0x100)).toBe(`HPTE ${RX}`);
    const second = bare.leafAt(bare.page_address(0x100))!;
    expect((second.high >>> 26) & 3).toBe(1);
  });

  it('has pages of 64K', () => {
    const k = booted('v7.2', { ram: 256 * MiB, page_size: 65536, ...HASH, ...PAGEALLOC });
    expect(leafText(k, 0x20)).toBe(`HPTE ${RX}`);
  });

  it('refuses set_memory_*(), and warns once', () => {
    const k = booted('v7.2', HASH);
    const { value, of } = watch(k, set_memory_ro(k, k.page_address(0x8000), 1));
    expect([value, of('warn').length]).toEqual([-EINVAL, 1]);
  });
});

describe('where the slots have no room in the real mode area (S40)', () => {
  const large = { ram: 512 * MiB, features: { radix: false, rma_size: 128 * 1024 } };

  it('boot panics to v6.12 with debug_pagealloc', () => {
    for (const kernel of ['v5.10', 'v6.1', 'v6.12'])
      expect(() => booted(kernel, { ...large, ...PAGEALLOC })).toThrow(
        'htab_initialize: Failed to allocate 131072 bytes',
      );
  });

  it('boot panics on v6.1 and v6.12 with nothing but KFENCE built in', () => {
    for (const kernel of ['v6.1', 'v6.12']) expect(() => booted(kernel, large)).toThrow(InputError);
    expect(leafText(booted('v5.10', large), 0x8000)).toBe(`large HPTE ${RW}`);
  });

  it('debug_pagealloc does nothing on v7.2, without a word', () => {
    const k = booted('v7.2', { ...large, ...PAGEALLOC });
    expect(k.debug_pagealloc_key).toBe(true);
    expect(leafText(k, 0x8000)).toBe(`large HPTE ${RW}`);
    const { value, of } = watch(k, __kernel_map_pages(k, 0x8000, 1, 0));
    expect([value, of('printk').length, of('guard').length]).toEqual([undefined, 0, 1]);
    expect(leafText(k, 0x8000)).toBe(`large HPTE ${RW}`);
  });
});

describe('a page that is mapped twice, or unmapped twice (S37)', () => {
  it('is a BUG before v6.1, and the second entry is in the table by then', () => {
    for (const kernel of ['v5.10', 'v6.12~hash-double-map']) {
      const k = small(kernel);
      call(__kernel_map_pages(k, 3, 1, 1));
      const before = entries(k).length;
      expect(watch(k, __kernel_map_pages(k, 3, 1, 1)).died).toBe(true);
      expect(k.death?.how).toBe('BUG');
      expect(entries(k).length).toBe(before + 1);
    }
    const k = small('v5.10');
    call(__kernel_map_pages(k, 3, 1, 1));
    call(__kernel_map_pages(k, 3, 1, 0));
    expect(watch(k, __kernel_map_pages(k, 3, 1, 0)).died).toBe(true);
  });

  it.each(SINCE_6_1)('is left alone on %s', (kernel) => {
    const k = small(kernel);
    call(__kernel_map_pages(k, 3, 1, 1));
    const before = k.memory.hash;
    expect(watch(k, __kernel_map_pages(k, 3, 1, 1)).of('write')).toEqual([]);
    call(__kernel_map_pages(k, 3, 1, 0));
    expect(watch(k, __kernel_map_pages(k, 3, 1, 0)).of('write')).toEqual([]);
    call(__kernel_map_pages(k, 3, 1, 1));
    expect(k.memory.hash).toBe(before);
  });
});

describe('two CPUs that map one page', () => {
  it('both insert it, for the slot is looked at outside of the lock, and the second finds that out: a BUG', () => {
    const k = small('v7.2');
    const before = entries(k).length;
    k.interleaved = true;
    const tasks = [0, 1].map(() => __kernel_map_pages(k, 3, 1, 1));
    /** One step of a CPU's task. */
    const step = (cpu: number) => {
      k.cpu = cpu;
      return tasks[cpu]!.next(0);
    };
    // Before the look at the slot, and before the look at the group.
    for (const cpu of [0, 1, 0, 1]) expect(step(cpu).value).toMatchObject({ kind: 'preemption', at: 'read' });
    for (const cpu of [0, 1]) {
      let result = step(cpu);
      while (result.done !== true && result.value.kind !== 'halt') result = step(cpu);
      expect(result.done === true).toBe(cpu === 0);
    }
    expect([k.death?.how, entries(k).length]).toEqual(['BUG', before + 2]);
  });
});

describe('the groups of the table', () => {
  const evenFrom = (k: PowerpcKernel, first: number) => {
    for (let pfn = first; pfn < 16; pfn += 2) call(__kernel_map_pages(k, pfn, 1, 1));
  };
  const ofSecondary = (k: PowerpcKernel) => entries(k).filter(({ secondary }) => secondary).length;

  it('take a page in the secondary one, marked so, when the primary one is full', () => {
    const k = small('v7.2');
    evenFrom(k, 2);
    expect(call(k.arch_add_memory({ start: 16, end: 17 }))).toBe(0);
    expect(leafText(k, 16)).toBe(`HPTE ${RW}`);
    expect(ofSecondary(k)).toBe(0);
    call(__kernel_map_pages(k, 0, 1, 1));
    expect(ofSecondary(k)).toBe(1);
    expect(leafText(k, 0)).toBe(`HPTE ${RW}`);
    call(__kernel_map_pages(k, 0, 1, 0));
    expect([ofSecondary(k), leafText(k, 0)]).toEqual([0, '-']);
  });

  it('lose a page that is bolted into the secondary one: no mark says so, and hardware does not find it', () => {
    const k = small('v7.2');
    evenFrom(k, 0);
    expect(call(k.arch_add_memory({ start: 16, end: 17 }))).toBe(0);
    expect([entries(k).length, ofSecondary(k), leafText(k, 16)]).toEqual([9, 0, '-']);
    call(k.arch_remove_memory({ start: 16, end: 17 }));
    expect(entries(k)).toHaveLength(8);
  });

  it('give up an entry that is not bolted for one that is', () => {
    const k = small('v7.2');
    for (let pfn = 0; pfn < 16; pfn++) call(__kernel_map_pages(k, pfn, 1, 1));
    const { htab_address } = k.hash!;
    const victim = Array.from({ length: 16 }, (_, slot) => htab_address + slot * 16).find(
      (entry) => k.memory.low(entry + 8) >>> 12 === 4,
    )!;
    k.memory.write(victim, k.memory.low(victim) & ~HPTE_V_BOLTED, k.memory.high(victim));
    call(__kernel_map_pages(k, 5, 1, 0));
    expect(call(k.arch_add_memory({ start: 17, end: 18 }))).toBe(0);
    call(__kernel_map_pages(k, 5, 1, 1));
    expect([leafText(k, 5), leafText(k, 4)]).toEqual([`HPTE ${RW}`, '-']);
  });
});

describe('a page for which both groups are full of bolted entries (S39)', () => {
  it.each(KERNELS)('makes the CPU spin for ever, with interrupts off, on %s', (kernel) => {
    const k = small(kernel);
    for (let pfn = 0; pfn < 16; pfn++) if (k.frames.book!.isFree(pfn)) call(__kernel_map_pages(k, pfn, 1, 1));
    expect(entries(k)).toHaveLength(16);
    call(__kernel_map_pages(k, 5, 1, 0));
    expect(call(k.arch_add_memory({ start: 17, end: 18 }))).toBe(0);
    expect(entries(k)).toHaveLength(16);
    const { died } = watch(k, __kernel_map_pages(k, 5, 1, 1));
    expect(died).toBe(true);
    expect(k.death).toEqual({
      how: 'panic',
      text: 'CPU 0 spins for ever in hpte_insert_repeating() with interrupts off: both groups of the page are full of bolted entries',
    });
    expect(k.irqs_disabled[0]).toBe(1);
  });

  it('is refused when memory is added, which can fail', () => {
    const k = small('v7.2');
    for (let pfn = 0; pfn < 16; pfn++) call(__kernel_map_pages(k, pfn, 1, 1));
    expect(call(k.arch_add_memory({ start: 16, end: 17 }))).toBe(-EFAULT);
    expect(entries(k)).toHaveLength(16);
  });
});

describe('memory that was not there at boot', () => {
  it('is never protected: it has no slots', () => {
    const k = booted('v7.2', { ram: 256 * MiB, ...HASH, ...PAGEALLOC });
    const block = { start: 0x10000, end: 0x11000 };
    expect(call(k.arch_add_memory(block))).toBe(0);
    call(__kernel_map_pages(k, block.start, 1, 0));
    expect(leafText(k, block.start)).toBe(`HPTE ${RW}`);
  });

  it('is a BUG before v6.1 when it was removed and comes back, for its slots say that it is mapped', () => {
    for (const [kernel, dies] of [
      ['v5.10', true],
      ['v6.1', false],
    ] as const) {
      const k = small(kernel);
      call(__kernel_map_pages(k, 9, 1, 0 + 1));
      call(k.arch_remove_memory({ start: 9, end: 10 }));
      expect(call(k.arch_add_memory({ start: 9, end: 10 }))).toBe(0);
      expect(watch(k, __kernel_map_pages(k, 9, 1, 1)).died).toBe(dies);
    }
  });

  it('cannot be removed without a complaint while debug_pagealloc has it unmapped', () => {
    for (const [kernel, seen] of [
      ['v5.10', 'warn'],
      ['v7.2', 'printk'],
    ] as const) {
      const k = small(kernel);
      expect(watch(k, k.arch_remove_memory({ start: 9, end: 10 })).of(seen)).toHaveLength(1);
    }
  });
});

describe("KFENCE's pool on a hash kernel", () => {
  const kfence = { ram: 256 * MiB, ...HASH, boot: 'kfence.sample_interval=100' };

  it.each(SINCE_6_1)('can be protected and unprotected, twice too (%s)', (kernel) => {
    const k = booted(kernel, kfence);
    const { start } = k.kfence_pool!;
    const addr = k.page_address(start + 1);
    for (const protect of [true, true, false, false]) {
      expect(call(k.kfence_protect_page(addr, protect))).toBe(true);
      expect(k.leafAt(addr) === undefined).toBe(protect);
    }
    expect(leafText(k, start + 2)).toBe(`HPTE ${RW}`);
  });

  it('has slots of its own on v7.2, and no other page has one', () => {
    const k = booted('v7.2', kfence);
    const outside = k.kfence_pool!.start - 1;
    call(__kernel_map_pages(k, outside, 1, 0));
    expect(leafText(k, outside)).toBe(`HPTE ${RW}`);
  });
});

describe('the size of the table', () => {
  it('is QEMU’s choice for a guest, and two pages to a group on the bare machine', () => {
    const groups = (options: Options) => booted('v7.2', { ...options }).hash!.htab_hash_mask + 1;
    expect(groups({ ram: 2 * GiB, ...HASH })).toBe(2 ** 17);
    expect(groups({ ram: 2 * GiB, features: { radix: false, powernv: true } })).toBe(2 ** 18);
    expect(groups({ ram: 64 * MiB, ...HASH })).toBe(2 ** 12);
    const pages = (count: number) => ({
      ram: [{ start: 0, end: count * 4096, type: 'RAM' as const }],
      ...HASH,
    });
    expect(groups({ ...pages(16), index_bits: 1 })).toBe(2);
    expect(groups({ ...pages(16), index_bits: 3 })).toBe(8);
    expect(groups({ ...pages(64), index_bits: 1, ...PAGEALLOC })).toBe(8);
  });
});
