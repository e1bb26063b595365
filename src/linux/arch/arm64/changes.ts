/** What the arm64 kernels do differently from one another, beside the changes of the shared code. */

import type { Change } from '../../changes.ts';

export const ARM64_CHANGES = {
  'set-direct-map-honours-debug-pagealloc': {
    effect:
      'set_direct_map_*() work under rodata=full or debug_pagealloc; before, under rodata=full alone, and else returned 0 with nothing done, as in v1 and v2 of the series of 2020',
    release: 'v5.11',
  },
  'kfence-pool-of-pages': {
    effect:
      'can_set_direct_map() is true, too, if KFENCE may be turned on later; a pool asked for at boot is mapped by pages, whatever maps the rest',
    subject: 'mm,kfence: decouple kfence from page granularity mapping judgement',
    release: 'v6.4, and stable kernels since',
  },
  'page-present-ungated': {
    effect:
      'kernel_page_present() always looks at the tables; before, it was true wherever the direct map could not be edited',
    release: 'between v5.11 and v6.1',
  },
  'kernel-ptes-dirty': {
    effect: 'PAGE_KERNEL has PTE_DIRTY, bit 55',
    release: 'v6.18, and stable kernels since',
  },
  'tables-forbid-exec': {
    effect: 'tables of the kernel have UXNTable, and those of the direct map PXNTable',
    release: 'between v5.11 and v6.1',
  },
  'image-alias-from-stext': {
    effect: 'what is mapped apart as the alias of the image begins at _stext; before, at _text',
    release: 'between v5.11 and v6.1',
  },
  'smaller-sections': {
    effect: 'memory sections are 128M, or 512M with 64K pages; before, 1G',
    release: 'between v5.11 and v6.1',
  },
  'rodata-full-by-name': {
    effect: 'rodata= is full, on or off; before, any boolean or full',
    release: 'between v5.11 and v6.1',
  },
  'vmalloc-at-modules-end': {
    effect: 'there is no region for BPF between the direct map and vmalloc',
    release: 'between v5.11 and v6.1',
  },
  'present-invalid': {
    effect:
      'an entry without VALID is present if it has nG, which then means PTE_PRESENT_INVALID; before, if it had PTE_PROT_NONE, which no entry of the kernel has',
    release: 'between v6.1 and v6.12',
  },
  lpa2: {
    effect: '52-bit addresses with pages of 4K and 16K, on CPUs that have LPA2',
    release: 'between v6.1 and v6.12',
  },
  'image-alias-from-text': {
    effect: 'the alias of the image begins at _text again',
    release: 'between v6.1 and v6.12',
  },
  'image-tables-inside': {
    effect:
      "the tables of the image's own mapping are pages of the image; before, the first that memblock gives away",
    release: 'between v6.1 and v6.12',
  },
  'crashkernel-keeps-blocks': {
    effect:
      'crashkernel= does not bear on the direct map; before, the whole of it was mapped by pages, or the reserved range with neither ZONE_DMA nor ZONE_DMA32',
    release: 'between v6.1 and v6.12',
  },
  'modules-2g': {
    effect: 'modules have 2G below vmalloc; before, 128M',
    release: 'between v6.1 and v6.12',
  },
  'mem-encrypt': {
    effect:
      'set_memory_encrypted() and _decrypted() exist; without a hypervisor that wants them they return 0',
    release: 'between v6.1 and v6.12',
  },
  'linear-map-split': {
    effect:
      'on CPUs with BBML2 the direct map has blocks under rodata=full, and edits split them; set_memory_*() walk what is mapped and edit leaves of any size that are covered whole. Before, apply_to_page_range(), which fills holes and never splits',
    subject: 'arm64: mm: support large block mapping when rodata=full',
    commit: 'a166563e7ec3',
    release: 'v6.18',
  },
  'linear-alias-errors-propagate': {
    effect:
      'set_memory_ro() and _rw() return the error of the first direct-map alias that could not be changed; before, nobody looked, and they went on',
    commit: 'e5efd56fa157',
    release: 'between v6.18 and v7.2',
  },
  'linear-alias-asked-only': {
    effect:
      "set_memory_ro() and _rw() change the direct-map alias of the pages asked for; before, of all the area's pages",
    release: 'between v6.12 and v7.2',
  },
  'no-huge-vmap-permissions': {
    effect: 'set_memory_*() refuse areas that may be mapped by large leaves (VM_ALLOW_HUGE_VMAP)',
    release: 'between v6.12 and v7.2',
  },
  'invalid-large-leaves-handled': {
    effect:
      'an entry is made invalid by setting PTE_PRESENT_INVALID and made valid by clearing it, so that a block without VALID still is a leaf to the walk; before, VALID alone was cleared, and, without nG mappings, the walk passed such a block over and returned 0. kernel_page_present() looks at the VALID of a block; before, any block was present',
    subject: 'arm64: mm: Handle invalid large leaf mappings correctly',
    commit: '15bfba1ad77f',
    release: 'between v7.0 and v7.2',
  },
  'no-flush-when-made-valid': {
    effect: 'a call that only makes pages valid flushes nothing',
    release: 'between v6.12 and v7.2',
  },
  'hotplug-can-fail': {
    effect: 'memory is not added if there is no page for its tables: -ENOMEM; before, the machine died',
    release: 'between v6.12 and v7.2',
  },
  'tables-accessed': {
    effect: 'tables of the kernel have AF',
    release: 'between v6.12 and v7.2',
  },
  'map-mem-overlaps': {
    effect:
      'boot maps the alias of the image first, tagged, by pages if all is, and then each bank of memory over it; data and .bss too are mapped apart. Before, the image was left out of the banks, and its alias mapped after them by blocks and untagged, whatever mapped the rest',
    release: 'between v6.12 and v7.2',
  },
  'data-alias-ro': {
    effect: 'mark_rodata_ro() makes the alias of data and .bss read-only',
    release: 'between v6.12 and v7.2',
  },
  'rodata-noalias': {
    effect:
      'rodata=on means what full did, noalias leaves aliases writable, and full is not known any more; CONFIG_RODATA_FULL_DEFAULT_ENABLED is gone',
    release: 'between v6.12 and v7.2',
  },
  realm: {
    effect:
      'a guest of a realm maps its direct map so that pages can be shared, by pages without BBML2: they are made invalid, given away, and made valid with the address bit that means shared',
    release: 'between v6.12 and v7.2',
  },
} as const satisfies Record<string, Change>;

/** A change of arm64's own code. */
export type Arm64Change = keyof typeof ARM64_CHANGES;

/** Which of them came with each preset. */
export const ARM64_SINCE = {
  'v5.11': ['set-direct-map-honours-debug-pagealloc'],
  'v6.1.192': [
    'kfence-pool-of-pages',
    'page-present-ungated',
    'kernel-ptes-dirty',
    'tables-forbid-exec',
    'image-alias-from-stext',
    'smaller-sections',
    'rodata-full-by-name',
    'vmalloc-at-modules-end',
  ],
  'v6.12.107': [
    'present-invalid',
    'lpa2',
    'image-alias-from-text',
    'image-tables-inside',
    'crashkernel-keeps-blocks',
    'modules-2g',
    'mem-encrypt',
  ],
  'v7.2.13': [
    'linear-map-split',
    'linear-alias-errors-propagate',
    'linear-alias-asked-only',
    'no-huge-vmap-permissions',
    'invalid-large-leaves-handled',
    'no-flush-when-made-valid',
    'hotplug-can-fail',
    'tables-accessed',
    'map-mem-overlaps',
    'data-alias-ro',
    'rodata-noalias',
    'realm',
  ],
} as const satisfies Readonly<Record<string, readonly Arm64Change[]>>;
