/** The kernel command line, as far as it bears on the direct map. */

import { InputError, NotModelledError } from '../errors.ts';
import type { Config } from './config.ts';

export interface BootParameters {
  debug_pagealloc: boolean;
  debug_guardpage_minorder: number;
  page_poison: boolean;
  init_on_alloc: boolean;
  init_on_free: boolean;
  nokaslr: boolean;
  /** Whether the kernel's read-only parts are made so. */
  rodata: boolean;
  secretmem: boolean | undefined;
  movable_node: boolean;
  /** Milliseconds, or 0: KFENCE is off. */
  kfence_sample_interval: number;
  /** hibernate=protect_image: an image's pages are read-only once they are loaded. */
  hibernate_protect_image: boolean;
  /** Words that the model does not know: harmless to the direct map, or so the user must judge. */
  ignored: readonly string[];
}

/** What a word does. The value is what follows `=`, or empty. */
export type BootWord<B> = (boot: B, value: string, where: string) => void;

/** An architecture's own words by name: they go before the shared ones. Text says why a word is refused. */
export type BootWords<Own> = Readonly<Record<string, BootWord<BootParameters & Own> | string>>;

const MAX_GUARDPAGE_MINORDER = 5;

/** Boolean words of the kernel's kstrtobool(). */
export function kstrtobool(name: string, value: string, where: string): boolean {
  if (/^(on|1|y|yes|true)$/i.test(value)) return true;
  if (/^(off|0|n|no|false)$/i.test(value)) return false;
  throw badWord(name, value, where, 'on or off');
}

/** The error of a value that a word cannot have. */
export function badWord(name: string, value: string, where: string, expected: string): InputError {
  return new InputError({
    code: 'bad-format',
    what: `boot parameter ${name}`,
    where,
    found: value,
    expected,
  });
}

function naturalNumber(name: string, value: string, where: string, max: number): number {
  const number = Number(value);
  if (value !== '' && Number.isInteger(number) && number >= 0 && number <= max) return number;
  throw new InputError({
    code: 'out-of-range',
    what: `boot parameter ${name}`,
    where,
    found: value,
    expected: `0 to ${max}`,
  });
}

/** The words that every architecture has, but for debug_pagealloc=, which depends on the build. */
const WORDS: Readonly<Record<string, BootWord<BootParameters>>> = {
  debug_guardpage_minorder: (boot, value, where) => {
    boot.debug_guardpage_minorder = naturalNumber(
      'debug_guardpage_minorder',
      value,
      where,
      MAX_GUARDPAGE_MINORDER,
    );
  },
  init_on_alloc: (boot, value, where) => {
    boot.init_on_alloc = kstrtobool('init_on_alloc', value, where);
  },
  init_on_free: (boot, value, where) => {
    boot.init_on_free = kstrtobool('init_on_free', value, where);
  },
  nokaslr: (boot) => {
    boot.nokaslr = true;
  },
  rodata: (boot, value, where) => {
    boot.rodata = value === 'full' || kstrtobool('rodata', value, where);
  },
  'secretmem.enable': (boot, value, where) => {
    boot.secretmem = kstrtobool('secretmem.enable', value, where);
  },
  hibernate: (boot, value) => {
    if (value === 'protect_image') boot.hibernate_protect_image = true;
  },
  movable_node: (boot) => {
    boot.movable_node = true;
  },
};

/** Parse a command line. Later words win, as in the kernel. `own` are the architecture's parameters by default. */
export function parseBootParameters<Own extends object>(
  text: string,
  config: Config,
  where: string,
  own: Own,
  ownWords: BootWords<Own>,
): BootParameters & Own {
  const ignored: string[] = [];
  const boot: BootParameters & Own = {
    debug_pagealloc: config.DEBUG_PAGEALLOC && config.DEBUG_PAGEALLOC_ENABLE_DEFAULT,
    debug_guardpage_minorder: 0,
    page_poison: false,
    init_on_alloc: config.INIT_ON_ALLOC_DEFAULT_ON,
    init_on_free: config.INIT_ON_FREE_DEFAULT_ON,
    nokaslr: false,
    rodata: true,
    secretmem: undefined,
    movable_node: false,
    kfence_sample_interval: 0,
    hibernate_protect_image: false,
    ignored,
    ...own,
  };
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const at = word.indexOf('=');
    const name = at < 0 ? word : word.slice(0, at);
    const value = at < 0 ? '' : word.slice(at + 1);
    const meaning = ownWords[name] ?? WORDS[name];
    if (typeof meaning === 'string') throw new NotModelledError(`boot parameter ${name}`, meaning, where);
    if (meaning !== undefined) meaning(boot, value, where);
    else if (name === 'debug_pagealloc') {
      if (config.DEBUG_PAGEALLOC) boot.debug_pagealloc = kstrtobool(name, value, where);
      else if (kstrtobool(name, value, where)) ignored.push(`${word} (needs CONFIG_DEBUG_PAGEALLOC=y)`);
    } else if (name === 'page_poison')
      boot.page_poison = config.PAGE_POISONING && kstrtobool(name, value, where);
    else if (name === 'kfence.sample_interval' && config.KFENCE)
      boot.kfence_sample_interval = naturalNumber(name, value, where, 2 ** 32 - 1);
    else ignored.push(word);
  }
  return boot;
}
