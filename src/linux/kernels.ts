/** The kernels: an architecture, a base, the changes since, and what one writes to name them. */

import { InputError, NotModelledError } from '../errors.ts';
import type { Architecture } from './architecture.ts';
import { CHANGES, type Change, type ChangeName, type ChangeSet, changeSet } from './changes.ts';

export interface KernelVersion {
  arch: Architecture;
  /** As the user may write it again: a preset's name, or one with changes put in or taken out. */
  name: string;
  /** The preset's release, e.g. "6.1.192". */
  release: string;
  has: ChangeSet;
}

export interface Preset {
  name: string;
  note: string;
  /** Changes of the shared code that came with it. */
  since: readonly ChangeName[];
}

/** Oldest first. Each has what the ones before it have. */
export const PRESETS: readonly Preset[] = [
  {
    name: 'v5.10.223',
    note: 'Debian 11; before the series of 2020',
    since: ['slub-freepointer-nofault', 'online-maps-first', 'online-tests-the-key'],
  },
  {
    name: 'v5.11',
    note: 'v5.10.223 and the four patches of the series of 2020, nothing else',
    since: [
      'debug-pagealloc-helpers',
      'hibernate-explicit-map',
      'hibernate-warns-once',
      'kernel-map-pages-debug-only',
      'kernel-page-present-always',
    ],
  },
  {
    name: 'v6.1.192',
    note: 'Debian 12',
    since: [
      'secretmem',
      'secretmem-default-before-free',
      'hibernate-poisons-free-pages',
      'huge-vmalloc',
      'page-range-refuses-leaves',
      'kfence',
      'kfence-late',
      'bpf-trampoline-ro',
      'bpf-prog-lock-checked',
      'bpf-prog-pack',
      'kasan-before-unmap',
    ],
  },
  {
    name: 'v6.12.107',
    note: 'Debian 13',
    since: [
      'set-memory-rox',
      'page-checks-optional',
      'secretmem-default-on',
      'module-memory-types',
      'module-errors-honoured',
      'module-ro-after-init-warns',
      'bpf-jit-lock-checked',
      'slab-gone',
      'hibernate-protect-honoured',
      'dma-leaks-on-error',
    ],
  },
  {
    name: 'v7.2.13',
    note: 'Debian sid, November 2026',
    since: ['set-direct-map-valid', 'execmem-rox-cache', 'memblock-frees-late'],
  },
];

/**
 * Several changes under one name: the series of 2020 as it was sent to the list. Those that an architecture does not know
 * do not concern it.
 */
const SERIES_V1: readonly ChangeName[] = [
  'debug-pagealloc-helpers',
  'hibernate-explicit-map',
  'kernel-map-pages-debug-only',
  'kernel-page-present-always',
];
const SERIES_V3 = [...SERIES_V1, 'set-direct-map-honours-debug-pagealloc'];
const BUNDLES: Readonly<Record<string, readonly string[]>> = {
  'series-v1': SERIES_V1,
  'series-v2': SERIES_V1,
  'series-v3': SERIES_V3,
  'series-v4': [...SERIES_V3, 'hibernate-warns-once'],
};

/** Every change that a kernel of the architecture may have. */
export function changesOf(arch: Architecture): Readonly<Record<string, Change>> {
  return { ...CHANGES, ...arch.changes };
}

/** The presets that an architecture has. */
export function presetsOf(arch: Architecture): readonly Preset[] {
  return PRESETS.filter(({ name }) => arch.missing[name] === undefined);
}

/** Every change of a preset, oldest first. */
export function changesOfPreset(arch: Architecture, preset: Preset): string[] {
  const upTo = PRESETS.slice(0, PRESETS.indexOf(preset) + 1);
  return upTo.flatMap(({ name, since }) => [...since, ...(arch.since[name] ?? [])]);
}

/**
 * "v7.2.13", "v7.2" or "7.2", with changes put in (`+name`) or taken out (`~name`): "v6.1+cpa-collapse".
 * @throws InputError naming the known kernels or changes, NotModelledError for a preset without the architecture.
 */
export function parseKernelVersion(text: string, where: string, arch: Architecture): KernelVersion {
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
  const because = arch.missing[preset.name];
  if (because !== undefined) throw new NotModelledError(`${arch.name} ${preset.name}`, because, where);
  const known = Object.keys(changesOf(arch));
  const names = new Set(changesOfPreset(arch, preset));
  let name = preset.name;
  for (const [, sign = '', rawChange = ''] of edits.matchAll(/([+~])([^+~]*)/g)) {
    const change = rawChange.trim();
    const parts = (BUNDLES[change] ?? [change]).filter((part) => known.includes(part));
    if (parts.length === 0) {
      const all = [...known, ...Object.keys(BUNDLES)];
      throw new InputError({ code: 'unknown-name', what: 'change', where, found: rawChange, known: all });
    }
    for (const part of parts) {
      if (sign === '+') names.add(part);
      else names.delete(part);
    }
    name += sign + change;
  }
  return { arch, name, release: preset.name.slice(1), has: changeSet(known, names) };
}
