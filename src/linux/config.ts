/** The build-time options that the model knows, and their text form. */

import { InputError } from '../errors.ts';

export interface ConfigOption {
  meaning: string;
  default: 'y' | 'n';
}

/** Every option, without its CONFIG_ prefix. Defaults are a distribution kernel's. */
export const CONFIG_OPTIONS = {
  DEBUG_PAGEALLOC: {
    meaning: 'debug_pagealloc= can be given at boot; __kernel_map_pages() exists',
    default: 'n',
  },
  DEBUG_PAGEALLOC_ENABLE_DEFAULT: {
    meaning: 'debug_pagealloc is on unless turned off at boot',
    default: 'n',
  },
  HIBERNATION: { meaning: 'the machine can be snapshotted', default: 'y' },
  SECRETMEM: { meaning: 'memfd_secret() exists', default: 'y' },
  X86_DIRECT_GBPAGES: { meaning: '1G leaves in the direct map unless nogbpages', default: 'y' },
  X86_5LEVEL: { meaning: 'built for 5-level paging too', default: 'y' },
  RANDOMIZE_MEMORY: { meaning: 'the direct map may be placed at random (KASLR)', default: 'y' },
  STRICT_KERNEL_RWX: { meaning: 'mark_rodata_ro() runs after boot', default: 'y' },
  SLAB: { meaning: 'the SLAB allocator, which unmaps free objects under debug_pagealloc', default: 'n' },
  PAGE_POISONING: { meaning: 'page_poison= can be given at boot', default: 'y' },
  INIT_ON_ALLOC_DEFAULT_ON: { meaning: 'allocated pages are zeroed unless init_on_alloc=0', default: 'n' },
  INIT_ON_FREE_DEFAULT_ON: { meaning: 'freed pages are zeroed unless init_on_free=0', default: 'n' },
  DEBUG_ATOMIC_SLEEP: { meaning: 'a call that may sleep where none may is reported', default: 'n' },
  DEBUG_SPINLOCK: { meaning: 'the release of a spinlock that is not held is reported', default: 'n' },
  CPA_DEBUG: { meaning: 'mark_rodata_ro() tests itself by set_memory_rw() and back', default: 'n' },
} as const satisfies Record<string, ConfigOption>;

export type ConfigName = keyof typeof CONFIG_OPTIONS;
export type Config = Readonly<Record<ConfigName, boolean>>;

export const CONFIG_NAMES = Object.keys(CONFIG_OPTIONS) as ConfigName[];

/** A config from `NAME=y` settings over the defaults. Names may carry the CONFIG_ prefix. */
export function parseConfig(
  settings: Iterable<readonly [name: string, value: string]>,
  where: string,
): Config {
  const config = Object.fromEntries(
    CONFIG_NAMES.map((name) => [name, CONFIG_OPTIONS[name].default === 'y']),
  ) as Record<ConfigName, boolean>;
  for (const [rawName, value] of settings) {
    const name = CONFIG_NAMES.find((known) => known === rawName.replace(/^CONFIG_/, ''));
    if (name === undefined) {
      throw new InputError({
        code: 'unknown-name',
        what: 'config option',
        where,
        found: rawName,
        known: CONFIG_NAMES,
      });
    }
    if (value !== 'y' && value !== 'n') {
      throw new InputError({
        code: 'bad-format',
        what: `config option ${name}`,
        where,
        found: value,
        expected: 'y or n',
      });
    }
    config[name] = value === 'y';
  }
  return Object.freeze(config);
}

/** "A=y,B=n" as pairs. */
export function splitConfig(text: string, where: string): [string, string][] {
  return text
    .split(/[,\s]+/)
    .filter((part) => part !== '')
    .map((part) => {
      const at = part.indexOf('=');
      if (at <= 0) {
        throw new InputError({
          code: 'bad-format',
          what: 'config',
          where,
          found: part,
          expected: 'NAME=y or NAME=n',
        });
      }
      return [part.slice(0, at), part.slice(at + 1)];
    });
}
