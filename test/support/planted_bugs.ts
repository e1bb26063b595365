/** The bugs that claims must find. What is replaced is compiled code: as the TypeScript, without its types. */

import type { Edit, Mutation } from './mutations.ts';

const SET_MEMORY = 'linux/arch/x86/mm/pat/set_memory.js';
const SECRETMEM = 'linux/mm/secretmem.js';

function inSetMemory(from: string, to: string): Edit {
  return { file: SET_MEMORY, from, to };
}

/** What `ref_prot` becomes for the entries of a split leaf, once the system runs: it must still boot. */
function splitWith(prot: string): Edit {
  const from = 'ref_prot = pgprot_clear_protnone_bits(ref_prot);';
  return inSetMemory(from, `${from} if (k.system_state === 'RUNNING') ref_prot = ${prot};`);
}

const LOCKS: readonly Mutation[] = [
  {
    name: 'cpa-lock-is-not-taken',
    what: 'Attributes are changed without cpa_lock.',
    edits: [
      inSetMemory('const lock = !cpa_lock_skipped(k, cpa);', 'const lock = false;'),
      inSetMemory(
        "const unlock = k.has['cpa-lock-exempts-pagealloc-only'] || !k.debug_pagealloc_enabled();",
        'const unlock = false;',
      ),
    ],
    claim: 'cpa-updates-are-not-lost',
    kernel: 'v7.2',
    finding: /what set_memory_\w+\(page, 1\) did is lost, and it returned 0/,
    calls: 2,
  },
  {
    name: 'cpa-lock-is-not-retaken',
    what: 'cpa_lock, dropped for the allocation of a page table, is not taken again.',
    edits: [inSetMemory('    if (unlock)\n        yield* spin_lock(k, k.cpa_lock);\n', '')],
    claim: 'splits-are-serialised',
    kernel: 'v6.12',
    finding: /splits or merges a leaf without cpa_lock/,
    calls: 1,
  },
  {
    name: 'split-without-pgd-lock',
    what: 'A leaf is split without pgd_lock.',
    edits: [
      inSetMemory(
        'function* __split_large_page(k, cpa, kpte, address, base) {\n    yield* spin_lock(k, k.pgd_lock);',
        'function* __split_large_page(k, cpa, kpte, address, base) {',
      ),
      inSetMemory('        spin_unlock(k, k.pgd_lock);\n        return 1;', '        return 1;'),
      inSetMemory('yield* flush_tlb_all(k);\n    spin_unlock(k, k.pgd_lock);', 'yield* flush_tlb_all(k);'),
    ],
    claim: 'splits-are-serialised',
    kernel: 'v6.12',
    finding: /splits or merges a leaf without pgd_lock/,
    calls: 1,
  },
  {
    name: 'collapse-without-mmap-lock',
    what: 'A table is freed by a merge while somebody reads it under the mmap lock.',
    edits: [
      inSetMemory(
        "    if (k.has['cpa-mmap-lock'])\n        yield* down_write(k, k.init_mm.mmap_lock);\n",
        '',
      ),
      inSetMemory("    if (k.has['cpa-mmap-lock'])\n        up_write(k, k.init_mm.mmap_lock);\n", ''),
    ],
    claim: 'collapse-spares-ptdump',
    kernel: 'v7.2',
    finding: /a page table was used after it had been freed/,
    calls: 3,
  },
];

const RACES: readonly Mutation[] = [
  {
    name: 'split-does-not-look-again',
    what: 'When the locks are held again, nobody looks whether another CPU has split the leaf meanwhile.',
    edits: [
      inSetMemory(
        'if (tmp !== kpte || (level !== PG_LEVEL_2M && level !== PG_LEVEL_1G)) {',
        'if (tmp === 0) {',
      ),
    ],
    claim: 'two-splits-make-one-table',
    kernel: 'v6.12',
    finding: /an edit of .* is lost, and it returned 0/,
    calls: 2,
  },
  {
    name: 'split-does-not-compare-the-entry',
    what: 'It is looked whether the page lies in a large leaf still, but not whether in the same.',
    edits: [
      inSetMemory(
        'if (tmp !== kpte || (level !== PG_LEVEL_2M && level !== PG_LEVEL_1G)) {',
        'if (level !== PG_LEVEL_2M && level !== PG_LEVEL_1G) {',
      ),
    ],
    claim: 'splits-of-two-levels-lose-nothing',
    kernel: 'v6.12',
    finding: /an edit of .* is lost, and it returned 0/,
    calls: 2,
  },
  {
    name: 'split-links-the-table-early',
    what: 'A split links its table before it has written the entries.',
    edits: [
      inSetMemory(
        'for (let i = 0; i < k.ptrs_per_table; i++, pfn += pfninc, lpaddr += lpinc) {',
        `yield* set_pfn(k, kpte, base, _KERNPG_TABLE);
    for (let i = 0; i < k.ptrs_per_table; i++, pfn += pfninc, lpaddr += lpinc) {
        if (k.interleaved) yield { kind: 'preemption', at: 'write', what: base * PAGE_SIZE + i * 8 };`,
      ),
      inSetMemory('yield* set_pfn(k, kpte, base, _KERNPG_TABLE);\n    if (k.listening)', 'if (k.listening)'),
    ],
    claim: 'two-splits-make-one-table',
    kernel: 'v6.12',
    finding: /an edit of .* is lost, and it returned 0/,
    calls: 2,
  },
];

const SPLITS: readonly Mutation[] = [
  {
    name: 'split-loses-rw',
    what: 'The entries of a split leaf are read-only.',
    edits: [splitWith('ref_prot & ~_PAGE_RW')],
    claim: 'split-keeps-the-others',
    kernel: 'v6.12',
    finding: /changed page\+1 to "P A D G NX"/,
    calls: 1,
  },
  {
    name: 'split-makes-pages-present',
    what: 'The entries of a split leaf are present, also where the leaf was not.',
    edits: [splitWith('ref_prot | _PAGE_PRESENT')],
    claim: 'split-keeps-the-others',
    kernel: 'v6.12',
    finding: /changed page\+1 to "P RW A D NX"/,
    calls: 2,
  },
  {
    name: 'split-makes-pages-not-present',
    what: 'The entries of a split leaf are not present.',
    edits: [splitWith('pgprot_clear_protnone_bits(ref_prot & ~_PAGE_PRESENT)')],
    claim: 'direct-map-round-trip-keeps-presence',
    kernel: 'v6.12',
    finding: /changed a neighbour/,
    calls: 1,
  },
  {
    name: 'split-maps-one-frame',
    what: 'The entries of a split leaf all map its first frame.',
    edits: [inSetMemory('pfn += pfninc, lpaddr', "pfn += k.system_state === 'RUNNING' ? 0 : pfninc, lpaddr")],
    claim: 'split-keeps-the-others',
    kernel: 'v6.12',
    finding: /changed page\+1 to/,
    calls: 1,
  },
  {
    name: 'split-of-1g-counts-in-4k',
    what: 'The entries of a split 1G leaf are one frame apart.',
    edits: [inSetMemory('pfninc = k.pmd_size / PAGE_SIZE;', 'pfninc = 1;')],
    claim: 'split-keeps-the-others',
    kernel: 'v6.12',
    finding: /changed page\+2 to/,
    calls: 1,
  },
  {
    name: 'split-is-not-counted',
    what: 'A split makes one small leaf more, says the counter.',
    edits: [
      inSetMemory(
        'k.direct_pages_count.add(level - 1, k.ptrs_per_table);',
        'k.direct_pages_count.add(level - 1, 1);',
      ),
    ],
    claim: 'counters-follow-the-tables',
    kernel: 'v6.12',
    finding: /changes leaves that nobody counts/,
    calls: 1,
  },
  {
    name: 'refused-split-returns-0',
    what: 'Where there is no page table to be had for a split, nothing is changed and 0 returned.',
    edits: [inSetMemory('if (err !== 0)\n            return err;', 'if (err !== 0)\n            return 0;')],
    claim: 'returned-0-means-done',
    kernel: 'v6.12',
    finding: /returned 0, and a page is mapped "P RW A D G NX"/,
    calls: 1,
  },
  {
    name: 'whole-leaf-is-changed',
    what: 'A large leaf is changed whole, whatever part of it was asked for.',
    edits: [inSetMemory('if (address !== lpaddr || cpa.numpages !== numpages)\n        return 1;', '')],
    claim: 'split-keeps-the-others',
    kernel: 'v6.12',
    finding: /set_direct_map_invalid_noflush\(page\) changed page\+1 to "A NX"/,
    calls: 1,
  },
  {
    name: 'large-leaf-is-not-made-present',
    what: 'A large leaf that is not present stays so when it is changed whole.',
    edits: [
      inSetMemory(
        'yield* set_pfn(k, kpte, old_pfn, new_prot);',
        'yield* set_pfn(k, kpte, old_pfn, (old_prot & _PAGE_PRESENT) === 0 ? new_prot & ~_PAGE_PRESENT : new_prot);',
      ),
    ],
    claim: 'returned-0-means-done',
    kernel: 'v6.12',
    finding: /set_memory_p\(page, \d+\) returned 0, and a page is mapped "RW/,
    calls: 2,
  },
];

const MERGES: readonly Mutation[] = [
  {
    name: 'merge-ignores-the-4k-mark',
    what: 'A collapse takes no notice of pages that were asked to be 4K.',
    edits: [inSetMemory('if ((prot & _PAGE_KERNEL_4K) !== 0)', 'if (false)')],
    claim: 'pages-marked-4k-are-not-merged',
    kernel: 'v7.2',
    finding: /merges a page that was to stay 4K/,
    calls: 3,
  },
  {
    name: 'merge-does-not-compare-rights',
    what: 'Entries are merged whatever their rights.',
    edits: [
      inSetMemory(
        '!pte_present(low) || pte_pgprot(k, low, high) !== prot || pte_pfn',
        '!pte_present(low) || pte_pfn',
      ),
    ],
    claim: 'merge-covers-equal-entries-only',
    kernel: 'v7.2',
    finding: /merges what is not equal/,
    calls: 2,
  },
  {
    name: 'merge-does-not-compare-frames',
    what: 'Entries are merged whose frames do not follow one another.',
    edits: [inSetMemory(' || pte_pfn(k, low, high) !== pfn + i)', ')')],
    claim: 'scattered-pages-are-not-merged',
    kernel: 'v7.2',
    finding: /merges pages that do not follow one another/,
    calls: 5,
  },
  {
    name: 'merge-frees-before-it-flushes',
    what: 'The table of a merged leaf is freed while TLBs still know it.',
    edits: [
      inSetMemory(
        '        yield* flush_tlb_all(k);\n        for (const table of pgtables)\n            yield* pagetable_free(k, table);',
        '        for (const table of pgtables)\n            yield* pagetable_free(k, table);\n        yield* flush_tlb_all(k);',
      ),
    ],
    claim: 'merged-tables-are-freed-after-the-flush',
    kernel: 'v7.2',
    finding: /frees a page table, and flushes afterwards/,
    calls: 3,
  },
];

const FLUSHES: readonly Mutation[] = [
  {
    name: 'set-memory-does-not-flush',
    what: 'set_memory_np() and its like flush nothing.',
    edits: [inSetMemory('yield* cpa_flush(k, cpa, cache);\n    return 0;', 'return 0;')],
    claim: 'set-memory-np-leaves-no-stale-translation',
    kernel: 'v6.12',
    finding: /after set_memory_np\(page, \d+\) CPU 0 can still read a page of it/,
    calls: 2,
  },
  {
    name: 'flush-reaches-this-cpu-only',
    what: 'Pages are flushed on the CPU that asks for it only.',
    edits: [
      {
        file: 'linux/mm/tlb_flush.js',
        from: 'k.tlb?.flushPage(who,',
        to: 'k.tlb?.flushPage(k.cpu,',
      },
    ],
    claim: 'set-memory-np-leaves-no-stale-translation',
    kernel: 'v6.12',
    finding: /after set_memory_np\(page, \d+\) CPU 1 can still read a page of it/,
    calls: 2,
  },
  {
    name: 'split-does-not-flush',
    what: 'A split leaves the large leaf in every TLB.',
    edits: [
      inSetMemory('yield* flush_tlb_all(k);\n    spin_unlock(k, k.pgd_lock);', 'spin_unlock(k, k.pgd_lock);'),
    ],
    claim: 'splits-are-serialised',
    kernel: 'v6.12',
    finding: /splits a leaf, and gives pgd_lock back before other CPUs know/,
    calls: 1,
  },
  {
    name: 'vm-reset-perms-does-not-flush',
    what: 'vfree() gives pages back that TLBs still map at the address of the area.',
    edits: [
      {
        file: 'linux/mm/vmalloc.js',
        from: 'yield* _vm_unmap_aliases(k, start, end, pages.length > 0);',
        to: '',
      },
    ],
    claim: 'vfree-leaves-no-stale-translation',
    kernel: 'v7.2',
    finding: /copy_from_kernel_nofault\(area\) by CPU 0 succeeds after vfree\(\)/,
    calls: 4,
  },
  {
    name: 'hibernation-does-not-flush',
    what: 'A page that hibernation mapped for its copy stays in the TLB.',
    edits: [
      {
        file: 'linux/kernel/power/snapshot.js',
        from: 'yield* k.flush_tlb_kernel_range(addr, addr + k.page_size);',
        to: '',
      },
    ],
    claim: 'hibernate-unmap-leaves-no-stale-translation',
    kernel: 'v7.2',
    finding: /safe_copy_page\(page.*CPU 0 can/,
    calls: 2,
  },
  {
    name: 'secretmem-fault-does-not-flush',
    what: 'A page that has become secret stays in the TLB.',
    edits: [{ file: SECRETMEM, from: 'yield* k.flush_tlb_kernel_range(addr, addr + k.page_size);', to: '' }],
    claim: 'secret-pages-are-out-of-reach',
    kernel: 'v7.2',
    finding: /CPU 0 can still read the secret page/,
    calls: 3,
  },
];

const EDITS: readonly Mutation[] = [
  {
    name: 'set-pages-np-keeps-p',
    what: '__set_pages_np() does not clear P.',
    edits: [
      inSetMemory(
        "mask_clr: _PAGE_PRESENT | _PAGE_RW | (k.has['np-clears-dirty']",
        "mask_clr: _PAGE_RW | (k.has['np-clears-dirty']",
      ),
    ],
    claim: 'kernel-map-pages-cannot-fail',
    kernel: 'v7.2',
    finding: /after __kernel_map_pages\(page, 1, 0\) a page is still present/,
    calls: 1,
  },
  {
    name: 'set-pages-p-forgets-rw',
    what: '__set_pages_p() does not set RW.',
    edits: [
      inSetMemory(
        'mask_set: _PAGE_PRESENT | _PAGE_RW,\n        flags: CPA_NO_CHECK_ALIAS',
        'mask_set: _PAGE_PRESENT,\n        flags: CPA_NO_CHECK_ALIAS',
      ),
    ],
    claim: 'direct-map-round-trip-keeps-presence',
    kernel: 'v6.12',
    finding: /the page is not present and writable/,
    calls: 1,
  },
  {
    name: 'last-page-is-left-out',
    what: 'The last page of a range is left out.',
    edits: [inSetMemory('let rempages = numpages;', 'let rempages = Math.max(1, numpages - 1);')],
    claim: 'kernel-map-pages-cannot-fail',
    kernel: 'v7.2',
    finding: /after __kernel_map_pages\(page, \d+, 0\) a page is still present/,
    calls: 1,
  },
  {
    name: 'page-behind-a-leaf-is-left-out',
    what: 'A leaf that is as wanted counts as one page too many.',
    edits: [
      inSetMemory(
        'const remaining = (lpaddr + psize - address) / PAGE_SIZE;',
        'const remaining = (lpaddr + psize - address) / PAGE_SIZE + 1;',
      ),
    ],
    claim: 'returned-0-means-done-across-leaves',
    kernel: 'v6.1',
    finding: /set_memory_ro\(page, \d+\) returned 0, and has left out page\+2/,
    calls: 2,
  },
  {
    name: 'alias-is-skipped',
    what: 'The alias in the direct map is not changed.',
    edits: [inSetMemory('ret = yield* cpa_process_alias(k, cpa);', 'ret = 0;')],
    claim: 'returned-0-means-aliases-too',
    kernel: 'v6.12',
    finding: /set_memory_ro\(area, \d+\) returned 0, and the direct map has "P RW/,
    calls: 2,
  },
  {
    name: 'alias-error-is-swallowed',
    what: 'An alias that could not be changed is no error.',
    edits: [inSetMemory('ret = yield* cpa_process_alias(k, cpa);', 'yield* cpa_process_alias(k, cpa);')],
    claim: 'returned-0-means-aliases-too',
    kernel: 'v6.12',
    finding: /set_memory_ro\(area, \d+\) returned 0, and the direct map has "P RW/,
    calls: 2,
  },
  {
    name: 'alias-becomes-executable',
    what: 'What is executable is so in the direct map, too.',
    edits: [inSetMemory("const nx = k.has['cpa-alias-ignores-nx'] ? _PAGE_NX : 0;", 'const nx = 0;')],
    claim: 'the-direct-map-stays-nx',
    kernel: 'v7.2',
    finding: /the direct map has a page as "P RW A D G"/,
    calls: 2,
  },
  {
    name: 'kernel-page-present-trusts-large-leaves',
    what: 'kernel_page_present() says of every large leaf that it is present.',
    edits: [
      inSetMemory(
        'const { kpte } = yield* lookup_address(k, k.page_address(page));',
        'const { kpte, level } = yield* lookup_address(k, k.page_address(page));\n    if (level > 1) return true;',
      ),
    ],
    claim: 'kernel-page-present-agrees',
    kernel: 'v7.2',
    finding: /kernel_page_present\(\) is wrong about page 0/,
    calls: 1,
  },
  {
    name: 'secretmem-release-forgets-the-direct-map',
    what: 'Pages of secret memory are freed without coming back into the direct map.',
    edits: [
      {
        file: SECRETMEM,
        from: '    yield* k.set_direct_map_default_noflush(page);\n    if (!PageHighMem(k, page))\n        yield* write_page(k, page);\n',
        to: '',
      },
    ],
    claim: 'secretmem-restore-cannot-fail',
    kernel: 'v7.2',
    finding: /after secretmem_release\(fd\) a page is free and not in the direct map/,
    calls: 3,
  },
  {
    name: 'secretmem-fault-drops-the-error',
    what: 'A page that could not be taken out of the direct map becomes secret all the same.',
    edits: [{ file: SECRETMEM, from: 'if (invalid !== 0) {', to: 'if (false) {' }],
    claim: 'secret-pages-are-out-of-reach',
    kernel: 'v7.2',
    finding: /after secretmem_fault\(fd, 0\) its page is still in the direct map/,
    calls: 2,
  },
];

export const PLANTED_BUGS: readonly Mutation[] = [
  ...LOCKS,
  ...RACES,
  ...SPLITS,
  ...MERGES,
  ...FLUSHES,
  ...EDITS,
];
