/** The kernel command line, as far as it bears on the direct map. */

import { InputError, NotModelledError } from '../errors.ts';
import type { Config } from './config.ts';

export interface BootParameters {
  debug_pagealloc: boolean;
  debug_guardpage_minorder: number;
  page_poison: boolean;
  init_on_alloc: boolean;
  init_on_free: boolean;
  gbpages: boolean;
  pti: 'auto' | 'on' | 'off';
  nokaslr: boolean;
  no5lvl: boolean;
  rodata: boolean;
  secretmem: boolean | undefined;
  movable_node: boolean;
  /** Words that the model does not know: harmless to the direct map, or so the user must judge. */
  ignored: readonly string[];
}

/** Command-line words that would change the result in a way that is not modelled. */
const NOT_MODELLED: ReadonlyMap<string, string> = new Map([
  ['nopat', 'without PAT the memory types are encoded differently'],
  ['mem_encrypt', 'SME is a property of the machine here'],
  ['noexec', 'an x86-64 kernel without NX'],
]);

const MAX_GUARDPAGE_MINORDER = 5;

/** Boolean words of the kernel's kstrtobool(). */
function bool(name: string, value: string, where: string): boolean {
  if (/^(on|1|y|yes|true)$/i.test(value)) return true;
  if (/^(off|0|n|no|false)$/i.test(value)) return false;
  throw new InputError({
    code: 'bad-format',
    what: `boot parameter ${name}`,
    where,
    found: value,
    expected: 'on or off',
  });
}

/** Parse a command line. Later words win, as in the kernel. */
export function parseBootParameters(text: string, config: Config, where: string): BootParameters {
  const ignored: string[] = [];
  const boot: BootParameters = {
    debug_pagealloc: config.DEBUG_PAGEALLOC && config.DEBUG_PAGEALLOC_ENABLE_DEFAULT,
    debug_guardpage_minorder: 0,
    page_poison: false,
    init_on_alloc: config.INIT_ON_ALLOC_DEFAULT_ON,
    init_on_free: config.INIT_ON_FREE_DEFAULT_ON,
    gbpages: config.X86_DIRECT_GBPAGES,
    pti: 'off',
    nokaslr: false,
    no5lvl: false,
    rodata: true,
    secretmem: undefined,
    movable_node: false,
    ignored,
  };
  for (const word of text.split(/\s+/).filter((part) => part !== '')) {
    const at = word.indexOf('=');
    const name = at < 0 ? word : word.slice(0, at);
    const value = at < 0 ? '' : word.slice(at + 1);
    const because = NOT_MODELLED.get(name);
    if (because !== undefined) throw new NotModelledError(`boot parameter ${name}`, because, where);
    switch (name) {
      case 'debug_pagealloc':
        if (config.DEBUG_PAGEALLOC) boot.debug_pagealloc = bool(name, value, where);
        else if (bool(name, value, where)) ignored.push(`${word} (needs CONFIG_DEBUG_PAGEALLOC=y)`);
        break;
      case 'debug_guardpage_minorder': {
        const order = Number(value);
        if (!Number.isInteger(order) || order < 0 || order > MAX_GUARDPAGE_MINORDER) {
          throw new InputError({
            code: 'out-of-range',
            what: `boot parameter ${name}`,
            where,
            found: value,
            expected: `0 to ${MAX_GUARDPAGE_MINORDER}`,
          });
        }
        boot.debug_guardpage_minorder = order;
        break;
      }
      case 'page_poison':
        boot.page_poison = config.PAGE_POISONING && bool(name, value, where);
        break;
      case 'init_on_alloc':
        boot.init_on_alloc = bool(name, value, where);
        break;
      case 'init_on_free':
        boot.init_on_free = bool(name, value, where);
        break;
      case 'gbpages':
        boot.gbpages = true;
        break;
      case 'nogbpages':
        boot.gbpages = false;
        break;
      case 'pti':
        if (value !== 'on' && value !== 'off' && value !== 'auto') {
          throw new InputError({
            code: 'bad-format',
            what: 'boot parameter pti',
            where,
            found: value,
            expected: 'on, off or auto',
          });
        }
        boot.pti = value;
        break;
      case 'nopti':
        boot.pti = 'off';
        break;
      case 'nokaslr':
        boot.nokaslr = true;
        break;
      case 'no5lvl':
        boot.no5lvl = true;
        break;
      case 'rodata':
        boot.rodata = value === 'full' || bool(name, value, where);
        break;
      case 'secretmem.enable':
        boot.secretmem = bool(name, value, where);
        break;
      case 'movable_node':
        boot.movable_node = true;
        break;
      default:
        ignored.push(word);
    }
  }
  return boot;
}
