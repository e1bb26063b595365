/** Who leaves entries like a given one that is not present, by its bits. */

import type { ArchName, LeafAttributes, Region } from '../address_space.ts';
import type { Machine } from '../machine.ts';
import { atLeast } from '../version.ts';

export interface Origin {
  readonly who: string;
  /** What of the entry speaks for it. */
  readonly because: string;
}

export function originsOf(machine: Machine, leaf: LeafAttributes, region: Region | undefined): Origin[] {
  if (region?.name !== 'direct map') {
    return region?.name === 'kernel image' && machine.arch === 'x86_64'
      ? [{ who: 'freed init memory under debug_pagealloc or PTI', because: 'it is in the kernel image' }]
      : [];
  }
  return BY_ARCH[machine.arch](leaf, machine);
}

type Rule = (leaf: LeafAttributes, machine: Machine) => Origin[];

const BY_ARCH: Readonly<Record<ArchName, Rule>> = {
  x86_64: x86,
  arm64: validBitOnly,
  riscv64: validBitOnly,
  s390x: validBitOnly,
  ppc64: powerpc,
  loongarch64: () => [],
};

const CLEARS_P_AND_RW = 'set_direct_map_invalid_noflush() and __kernel_map_pages() clear P and RW';

/** The 4K users, by what they clear besides P: callers of set_direct_map_invalid_noflush() and of __kernel_map_pages(). */
const TAKEN_OUT: readonly Origin[] = [
  { who: 'secretmem: memory of memfd_secret()', because: CLEARS_P_AND_RW },
  {
    who: 'vmalloc, between taking its pages out and putting them back (VM_FLUSH_RESET_PERMS)',
    because: CLEARS_P_AND_RW,
  },
  {
    who: 'DEBUG_PAGEALLOC: a free page, of which there are many then',
    because: CLEARS_P_AND_RW,
  },
];

function x86(leaf: LeafAttributes, machine: Machine): Origin[] {
  const has = (name: string) => leaf.names.split(' ').includes(name);
  if (has('PROTNONE')) {
    if (leaf.level > 1) {
      return [
        {
          who: 'unknown',
          because: 'G stayed, as PROTNONE, and no caller is known that leaves a large leaf so',
        },
      ];
    }
    return [
      {
        who: 'KFENCE: a guard page, or an object that is free',
        because: 'only it clears P alone of the raw entry, so that G stays, as PROTNONE',
      },
    ];
  }
  if (has('RW')) {
    return [
      {
        who: 'set_memory_np(): memory that failed (set_mce_nospec()), GART, freed init memory under debug_pagealloc, crash-kernel keys',
        because: 'it clears P and keeps RW',
      },
      ...(leaf.level === 1
        ? [
            {
              who: 'KFENCE, in a kernel that has no global pages (PTI)',
              because: 'it clears P alone too, and G would tell the two apart',
            },
          ]
        : []),
    ];
  }
  if (leaf.level > 1) {
    return [
      {
        who: 'set_direct_map_valid_noflush() or set_memory_np() of all of it',
        because: 'one call can change a leaf that it covers whole',
      },
    ];
  }
  const dirty = machine.version !== undefined && atLeast(machine.version, 6, 6) && has('D');
  return dirty
    ? [
        {
          who: 'a page that was read-only and not present',
          because: 'since v6.6 who clears RW clears D, which is set',
        },
      ]
    : [...TAKEN_OUT];
}

function validBitOnly(leaf: LeafAttributes): Origin[] {
  const because =
    'only the valid bit was taken from it, which all of them do: the bits do not tell them apart';
  const kfence = { who: 'KFENCE: a guard page, or an object that is free', because };
  const others = TAKEN_OUT.map(({ who }) => ({ who, because }));
  return leaf.level > 1
    ? [
        {
          who: 'a call that covered all of the leaf: set_direct_map_valid_noflush(), set_memory_valid()',
          because,
        },
      ]
    : [...others, kfence];
}

function powerpc(): Origin[] {
  const because = 'only the present bit was taken from it';
  return [
    { who: 'KFENCE: a guard page, or an object that is free', because },
    { who: 'DEBUG_PAGEALLOC: a free page', because },
    { who: 'set_memory_np()', because },
  ];
}
