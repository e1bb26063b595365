/**
 * Kernel images of Debian's builds, as their own page tables show them. What lies between two borders has one protection,
 * so that the end of .rodata and that of the data that become read-only later are the same to us.
 *
 * There is no recording of a 5.10 build: those kernels have no image here unless somebody gives them one.
 */

import { NotModelledError } from '../../../errors.ts';
import type { VirtualAddress } from '../../../mmu/format.ts';
import type { KernelSections } from '../../kernel.ts';

/** Physical, in bytes, but for `va`. */
export interface KernelImage {
  /** _stext in the mapping that the kernel runs in. */
  readonly va: VirtualAddress;
  readonly stext: number;
  readonly etext: number;
  readonly end_rodata: number;
  /** [_sinittext, _einittext), before v6.12 only. */
  readonly inittext?: { readonly start: number; readonly end: number };
  /** Text that runs in 31-bit mode, mapped where it lies. */
  readonly amode31: { readonly start: number; readonly end: number };
  readonly end: number;
  readonly swapper_pg_dir: number;
}

/** 6.1.0-50-s390x, Debian 6.1.176-1. */
const IMAGE_6_1: KernelImage = {
  va: 0x100000,
  stext: 0x100000,
  etext: 0xae1000,
  end_rodata: 0xd7d000,
  inittext: { start: 0xf09000, end: 0xf48000 },
  amode31: { start: 0x1673000, end: 0x1674000 },
  end: 0x133b000,
  swapper_pg_dir: 0x1290000,
};

/** 6.12.107+deb13-s390x, Debian 6.12.107-1. */
const IMAGE_6_12: KernelImage = {
  va: 0x3ffe0100000,
  stext: 0x900000,
  etext: 0x14dc000,
  end_rodata: 0x1c74000,
  amode31: { start: 0x8fd000, end: 0x8fe000 },
  end: 0x2008000,
  swapper_pg_dir: 0x1f48000,
};

/** 7.2.13+deb14-s390x, Debian 7.2.13-1. */
const IMAGE_7_2: KernelImage = {
  va: 0x3ffe0100000,
  stext: 0xa00000,
  etext: 0x17de000,
  end_rodata: 0x2054000,
  amode31: { start: 0x9fd000, end: 0x9fe000 },
  end: 0x2556000,
  swapper_pg_dir: 0x24ac000,
};

const IMAGES: readonly (readonly [release: string, image: KernelImage])[] = [
  ['6.1.', IMAGE_6_1],
  ['6.12.', IMAGE_6_12],
  ['7.2.', IMAGE_7_2],
];

/** The image that a release of that number boots with, if it is known. */
export function imageOf(release: string): KernelImage | undefined {
  return IMAGES.find(([prefix]) => release.startsWith(prefix))?.[1];
}

/** The image's parts. Where init text begins is known before v6.12 only, when it had a protection of its own. */
export function sectionsOf({ stext, etext, inittext, end }: KernelImage): KernelSections {
  return {
    text: stext,
    start_rodata: etext,
    get init_begin(): number {
      if (inittext !== undefined) return inittext.start;
      throw new NotModelledError(
        'the init sections of this kernel image',
        'page tables do not show where they begin',
      );
    },
    end,
  };
}
