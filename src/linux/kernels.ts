/** The kernels: a base, the changes since, and what one writes to name them. */

import { InputError } from '../errors.ts';
import { CHANGE_NAMES, type ChangeName, type ChangeSet, changeSet } from './changes.ts';

export interface KernelVersion {
  /** As the user may write it again: a preset's name, or one with changes put in or taken out. */
  name: string;
  /** The preset's release, e.g. "6.1.192". */
  release: string;
  has: ChangeSet;
}

const SERIES_OF_2020: readonly ChangeName[] = [
  'debug-pagealloc-helpers',
  'hibernate-explicit-map',
  'kernel-map-pages-debug-only',
  'kernel-page-present-always',
];

const SINCE_5_11: readonly ChangeName[] = [
  'vmstat-splits',
  'secretmem',
  'mce-nospec-unmaps',
  'cpa-verify-rwx',
  'no-set-pages-array-wt',
  'top-down-clamped',
  'brk-tables-for-5-levels',
  'secretmem-default-before-free',
  'hibernate-poisons-free-pages',
  'huge-vmalloc',
];

const SINCE_6_1: readonly ChangeName[] = [
  'cpa-primary-argument',
  'cpa-alias-ignores-nx',
  'cpa-empty-masks-return',
  'set-memory-rox',
  'page-checks-optional',
  'secretmem-default-on',
  'verify-rwx-in-boot',
  'lookup-level-of-none',
  'leaf-test-pse-only',
  'e820-keeps-acpi',
  'ro-clears-dirty',
  'np-clears-dirty',
  'set-memory-p-public',
];

const SINCE_6_12: readonly ChangeName[] = [
  'set-direct-map-valid',
  'execmem-rox-cache',
  'cpa-collapse',
  'vmstat-collapses',
  'kernel-4k-marks',
  'cpa-lock-exempts-pagealloc-only',
  'cpa-mmap-lock',
  'split-ptdesc',
  'e820-no-reserved-kern',
  'brk-tables-8',
  'memtype-erase-exact',
  'pfn-pte-warns-dirty-ro',
  'no-set-memory-prot',
];

const v5_11 = SERIES_OF_2020;
const v6_1 = [...v5_11, ...SINCE_5_11];
const v6_12 = [...v6_1, ...SINCE_6_1];
const v7_2 = [...v6_12, ...SINCE_6_12];

/** What each preset is made of, oldest first. */
export const PRESETS: readonly { name: string; note: string; changes: readonly ChangeName[] }[] = [
  { name: 'v5.10.223', note: 'Debian 11; before the series of 2020', changes: [] },
  {
    name: 'v5.11',
    note: 'v5.10.223 and the four patches of the series of 2020, nothing else',
    changes: v5_11,
  },
  { name: 'v6.1.192', note: 'Debian 12', changes: v6_1 },
  { name: 'v6.12.107', note: 'Debian 13', changes: v6_12 },
  { name: 'v7.2.13', note: 'Debian sid, November 2026', changes: v7_2 },
];

/**
 * "v7.2.13", "v7.2" or "7.2", with changes put in (`+name`) or taken out (`~name`): "v6.1+cpa-collapse".
 * @throws InputError naming the known kernels or changes.
 */
export function parseKernelVersion(text: string, where: string): KernelVersion {
  const [, base = '', edits = ''] = /^([^+~]*)(.*)$/s.exec(text) ?? [];
  const wanted = base.trim().replace(/^v?/, 'v');
  const preset = PRESETS.find(({ name }) => name === wanted || name.startsWith(`${wanted}.`));
  if (preset === undefined || wanted === 'v') {
    throw new InputError({
      code: 'unknown-name',
      what: 'kernel',
      where,
      found: text,
      known: PRESETS.map(({ name }) => name),
    });
  }
  const names = new Set<ChangeName>(preset.changes);
  let name = preset.name;
  for (const [, sign = '', rawChange = ''] of edits.matchAll(/([+~])([^+~]*)/g)) {
    const change = CHANGE_NAMES.find((known) => known === rawChange.trim());
    if (change === undefined) {
      throw new InputError({
        code: 'unknown-name',
        what: 'change',
        where,
        found: rawChange,
        known: CHANGE_NAMES,
      });
    }
    if (sign === '+') names.add(change);
    else names.delete(change);
    name += sign + change;
  }
  return { name, release: preset.name.slice(1), has: changeSet(names) };
}
