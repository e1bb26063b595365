import { describe, expect, it } from 'vitest';
import { InputError } from '../../../../src/errors.ts';
import { bootX86 } from '../../../../src/linux/arch/x86/boot.ts';
import { completed } from '../../../../src/linux/arch/x86/boot_state.ts';
import { imageFromTables } from '../../../../src/linux/arch/x86/image_from_tables.ts';
import {
  type BootImage,
  IMAGE_5_10,
  IMAGE_6_1,
  IMAGE_6_12,
  IMAGE_7_2,
} from '../../../../src/linux/arch/x86/images.ts';
import { X86 } from '../../../../src/linux/arch/x86/index.ts';
import { image_address } from '../../../../src/linux/arch/x86/kernel/head_64.ts';
import type { KernelImage } from '../../../../src/linux/arch/x86/kernel_image.ts';
import { qemuPcMemory } from '../../../../src/linux/arch/x86/machine.ts';
import {
  set_memory_4k,
  set_memory_np,
  set_memory_p,
  set_memory_rw,
} from '../../../../src/linux/arch/x86/mm/pat/set_memory.ts';
import { parseConfig } from '../../../../src/linux/config.ts';
import { parseKernelVersion } from '../../../../src/linux/kernels.ts';
import { parseSize } from '../../../../src/linux/machine.ts';
import { SimulatedMemory } from '../../../../src/memory/simulated_memory.ts';
import { readX86Core, X86_CORES } from '../../../support/x86_core.ts';

const PMD_SIZE = 2 ** 21;

/** The part of an image that its tables show, as they show it. */
function visible(image: KernelImage, levels: 4 | 5 = 4): KernelImage {
  const { sdata, level4_kernel_pgt } = image;
  const end = Math.ceil(image.brk_end / PMD_SIZE) * PMD_SIZE;
  return {
    text: image.text,
    etext: image.etext,
    start_rodata: image.start_rodata,
    end_rodata: image.end_rodata,
    end_rodata_hpage_align: image.end_rodata_hpage_align,
    sdata,
    init_begin: sdata,
    init_end: sdata,
    brk_base: image.brk_base,
    brk_end: end,
    end,
    init_top_pgt: image.init_top_pgt,
    level4_kernel_pgt: levels === 5 ? level4_kernel_pgt : 0,
    level3_kernel_pgt: image.level3_kernel_pgt,
    level2_kernel_pgt: image.level2_kernel_pgt,
  };
}

function bootWith(
  image: BootImage,
  kernel: string,
  options: { levels?: 4 | 5; phys_base?: number; boot?: string } = {},
) {
  const config = parseConfig([['DEBUG_PAGEALLOC', 'y']], 'test', X86);
  const { kernel: k } = bootX86({
    version: parseKernelVersion(kernel, 'test', X86),
    config,
    boot: X86.parseBoot(options.boot ?? '', config, 'test'),
    machine: {
      memory: qemuPcMemory(parseSize('512M', 'test')),
      cpus: 1,
      page_size: 4096,
      paging_levels: options.levels ?? 4,
      index_bits: 9,
      features: { gbpages: true, pcid: false, encryption_bit: undefined },
    },
    image,
    phys_base: options.phys_base ?? 0,
  });
  return k;
}

const BUILDS = [
  ['5.10', IMAGE_5_10],
  ['6.1', IMAGE_6_1],
  ['6.12', IMAGE_6_12],
  ['7.2', IMAGE_7_2],
] as const;

describe('the image of a real kernel', () => {
  it.each(BUILDS)('%s is the preset, in every core of that build', (version, image) => {
    const cores = X86_CORES.filter((name) => name.startsWith(`x86_64-${version}-debian`));
    expect(cores.length).toBeGreaterThan(0);
    for (const name of cores) {
      const { memory, root } = readX86Core(name);
      expect(imageFromTables(memory, root, 4), name).toEqual({ image: visible(image), phys_base: 0 });
    }
  });

  it('is the same with and without debug_pagealloc, which only shows the init sections', () => {
    const plain = readX86Core('x86_64-5.10-custom');
    const debug = readX86Core('x86_64-5.10-debug-pagealloc');
    const { image } = imageFromTables(plain.memory, plain.root, 4);
    expect(image.etext).toBe(0x1601000);
    expect(image.end_rodata).toBe(0x18f9000);
    expect(imageFromTables(debug.memory, debug.root, 4).image).toEqual({
      ...image,
      init_begin: 0x1ac9000,
      init_end: 0x1b88000,
    });
  });
});

describe('the image of a kernel that the model has booted', () => {
  it.each(BUILDS)(
    '%s is found again, wherever KASLR has put it, with 4 levels and with 5',
    (version, image) => {
      const by = 16 * PMD_SIZE;
      const moved = Object.fromEntries(
        Object.entries(image).map(([name, at]) => [name, typeof at === 'number' ? at + by : at]),
      ) as unknown as BootImage;
      for (const levels of [4, 5] as const) {
        for (const phys_base of [by, 0, -by]) {
          const k = bootWith({ ...moved, bss_decrypted_unused: { start: 0, end: 0 } }, version, {
            levels,
            phys_base,
          });
          expect(imageFromTables(k.memory, k.root, levels)).toEqual({
            image: visible(moved, levels),
            phys_base,
          });
        }
      }
    },
  );

  it('is found under pti=on, where the freed gaps are not present', () => {
    const k = bootWith(IMAGE_7_2, '7.2', { boot: 'pti=on' });
    const { image } = imageFromTables(k.memory, k.root, 4);
    expect({ ...image, init_begin: 0, init_end: 0 }).toEqual({
      ...visible(IMAGE_7_2),
      init_begin: 0,
      init_end: 0,
    });
  });

  it('survives edits of text, rodata and data', () => {
    const k = bootWith(IMAGE_7_2, '7.2');
    const at = (physical: number) => image_address(k, physical);
    completed(k, set_memory_4k(k, at(IMAGE_7_2.text), 4));
    completed(k, set_memory_rw(k, at(IMAGE_7_2.text + 0x3000), 2));
    completed(k, set_memory_rw(k, at(IMAGE_7_2.start_rodata), 4));
    completed(k, set_memory_np(k, at(IMAGE_7_2.start_rodata + 0x5000), 1));
    completed(k, set_memory_p(k, at(IMAGE_7_2.start_rodata + 0x5000), 1));
    completed(k, set_memory_4k(k, at(IMAGE_7_2.sdata), 1));
    expect(imageFromTables(k.memory, k.root, 4).image).toEqual(visible(IMAGE_7_2));
  });

  it('is text up to the freed init sections where nothing is protected', () => {
    const k = bootWith(IMAGE_7_2, '7.2', { boot: 'rodata=off' });
    const { image } = imageFromTables(k.memory, k.root, 4);
    expect(image.text).toBe(IMAGE_7_2.text);
    expect(image.etext).toBe(IMAGE_7_2.init_begin);
    expect(image.end_rodata).toBe(image.start_rodata);
  });
});

describe('what has no image mapping', () => {
  it('is bad input', () => {
    expect(() => imageFromTables(new SimulatedMemory(), 0x1000, 4)).toThrow(InputError);
    expect(() => imageFromTables({ readPage: () => undefined }, 0x1000, 5)).toThrow(/0xffffffff80000000/);
  });
});
