import { describe, expect, it } from 'vitest';
import { InputError, NotModelledError } from '../../../../src/errors.ts';
import { LOONGARCH } from '../../../../src/linux/arch/loongarch/index.ts';
import { parseConfig } from '../../../../src/linux/config.ts';
import { parseKernelVersion } from '../../../../src/linux/kernels.ts';
import { vmalloc } from '../../../../src/linux/mm/vmalloc.ts';
import { runTask } from '../../../../src/linux/task.ts';
import { levelSizeName } from '../../../../src/mmu/describe.ts';
import { hexAddress } from '../../../../src/mmu/format.ts';
import { walk } from '../../../../src/mmu/walk.ts';
import { countLeaves } from '../../../../src/scenario/observers.ts';
import { readTinyCore } from '../../../support/tiny_core.ts';
import { call, GiB, MiB } from '../powerpc/powerpc.ts';
import { booted, KERNELS, leafText, onCore } from './loongarch.ts';

describe('the direct map of loongarch', () => {
  it.each(KERNELS)('is a window, one leaf above all tables, on %s', (kernel) => {
    const k = booted(kernel);
    expect(hexAddress(k.page_address(0x1234))).toBe('0x90000000048d0000');
    expect(leafText(k, k.page_address(0x1234))).toBe('DMW 0x11d3');
    const { level, low, high } = k.translate(k.page_address(0x1234))!;
    expect(levelSizeName(k.format, level)).toBe('1E');
    expect(k.format.leafFrame(level, low, high)).toBe(0);
    expect(k.format.describe(level, low, high).join(' ')).toBe('V D CC H P W HG');
  });

  it('maps what is no memory too', () => {
    const k = booted('v7.2');
    expect(leafText(k, k.page_address(0x2_0000_0000))).toBe('DMW 0x11d3');
  });

  it('is in no page table: the real machine’s have none of it', () => {
    const { memory, root } = readTinyCore('loong64-7.2');
    const kernel = onCore(memory, root);
    const range = kernel.kernel_range;
    const runs = [...walk(memory, kernel.format, root, { range, sharedOnce: true })];
    const leaves = runs.filter(({ kind }) => kind === 'leaf');
    expect(leaves.reduce((sum, { count }) => sum + count, 0)).toBe(4373);
    expect(leaves.every(({ address }) => address >= range.start)).toBe(true);
    expect(kernel.direct_map.end).toBeLessThan(range.start);
  });

  it('has no leaves to count, whatever vmalloc has', () => {
    const k = booted('v7.2');
    call(vmalloc(k, 4));
    expect(countLeaves(k)).toEqual([0, 0, 0, 0, 0, 0]);
  });

  it('has memory where QEMU has it', () => {
    const k = booted('v7.2', { ram: GiB });
    expect(k.machine.memory.map(({ start, end }) => [start, end])).toEqual([
      [0, 256 * MiB],
      [2 * GiB, 2 * GiB + 768 * MiB],
    ]);
    expect(k.frames.book!.isFree(0x20_0000 / 16384)).toBe(false);
    expect(k.frames.book!.isFree(0x1c0_0000 / 16384)).toBe(true);
  });

  it('has pages of 4K, 16K or 64K, and tables of a page', () => {
    const shape = (page_size: number, levels?: number) => {
      const { format } = booted('v7.2', { page_size, levels });
      return [format.pageShift, format.levels, format.indexBits(1)];
    };
    expect(shape(4096)).toEqual([12, 3, 9]);
    expect(shape(4096, 4)).toEqual([12, 4, 9]);
    expect(shape(16384)).toEqual([14, 3, 11]);
    expect(shape(65536, 2)).toEqual([16, 2, 13]);
  });

  it.each([1, 2, 3])('works with tables of %i index bits', (index_bits) => {
    const ram = [{ start: 0, end: 8 * 16384, type: 'RAM' as const }];
    const k = booted('v7.2', { index_bits, ram });
    expect(k.frames.book!.isFree(0)).toBe(true);
    expect(leafText(k, k.page_address(7))).toBe('DMW 0x11d3');
  });
});

describe('debug_pagealloc on loongarch', () => {
  it('poisons free pages, and unmaps none', () => {
    const k = booted('v7.2', { config: { DEBUG_PAGEALLOC: 'y' }, boot: 'debug_pagealloc=on' });
    expect(k.boot.page_poison).toBe(true);
    expect(booted('v7.2').boot.page_poison).toBe(false);
    const page = k.frames.allocate(0, undefined)!;
    const before = k.memory.hash;
    runTask(k.__kernel_map_pages(page, 1, 0));
    expect(k.memory.hash).toBe(before);
  });
});

describe('what there is not', () => {
  it('is loongarch before v5.19', () => {
    expect(() => parseKernelVersion('v5.11', 'test', LOONGARCH)).toThrow(NotModelledError);
  });

  it('is a machine that cannot be', () => {
    const machine = (wanted: object) => () => LOONGARCH.machine({ ram: GiB, where: 'test', ...wanted });
    expect(machine({ page_size: 8192 })).toThrow(InputError);
    expect(machine({ levels: 4 })).toThrow(InputError);
    expect(machine({ index_bits: 12 })).toThrow(InputError);
    expect(machine({ features: { radix: true } })).toThrow(InputError);
    expect(() => booted('v7.2', { ram: 16 * MiB })).toThrow(InputError);
    expect(() => parseConfig([['MEMORY_HOTPLUG', 'y']], 'test', LOONGARCH)).toThrow(InputError);
  });
});
