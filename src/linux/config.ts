/** The build-time options that the model knows, and their text form: here the shared ones. */

import { InputError } from '../errors.ts';
import type { Architecture } from './architecture.ts';

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
  KFENCE: { meaning: 'kfence.sample_interval= can be given at boot', default: 'y' },
  STRICT_KERNEL_RWX: { meaning: 'mark_rodata_ro() runs after boot', default: 'y' },
  SLAB: { meaning: 'the SLAB allocator, which unmaps free objects under debug_pagealloc', default: 'n' },
  DEBUG_SLAB: { meaning: 'SLAB checks its objects; without it, it unmaps none', default: 'y' },
  PAGE_POISONING: { meaning: 'page_poison= can be given at boot', default: 'y' },
  INIT_ON_ALLOC_DEFAULT_ON: { meaning: 'allocated pages are zeroed unless init_on_alloc=0', default: 'n' },
  INIT_ON_FREE_DEFAULT_ON: { meaning: 'freed pages are zeroed unless init_on_free=0', default: 'n' },
  HUGETLB_PAGE: { meaning: 'pmd_huge() and pud_huge() look at the entry', default: 'y' },
  DEBUG_ATOMIC_SLEEP: { meaning: 'a call that may sleep where none may is reported', default: 'n' },
  DEBUG_SPINLOCK: { meaning: 'the release of a spinlock that is not held is reported', default: 'n' },
} as const satisfies Record<string, ConfigOption>;

/** An option of the shared code. */
export type ConfigName = keyof typeof CONFIG_OPTIONS;
export type Config<Name extends string = ConfigName> = Readonly<Record<Name, boolean>>;

/** What a kernel of the architecture is configured by: the shared options and its own. */
export function configOptions(arch: Pick<Architecture, 'config'>): Readonly<Record<string, ConfigOption>> {
  return { ...CONFIG_OPTIONS, ...arch.config };
}

/** A config from `NAME=y` settings over the defaults. Names may carry the CONFIG_ prefix. */
export function parseConfig(
  settings: Iterable<readonly [name: string, value: string]>,
  where: string,
  arch: Pick<Architecture, 'config'>,
): Config {
  const options = configOptions(arch);
  const names = Object.keys(options);
  const config: Record<string, boolean> = {};
  for (const [name, option] of Object.entries(options)) config[name] = option.default === 'y';
  for (const [rawName, value] of settings) {
    const name = names.find((known) => known === rawName.replace(/^CONFIG_/, ''));
    if (name === undefined) {
      throw new InputError({
        code: 'unknown-name',
        what: 'config option',
        where,
        found: rawName,
        known: names,
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
  return Object.freeze(config) as Config;
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
