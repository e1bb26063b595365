/** The words of the kernel command line that are s390's alone. */

import { type BootParameters, type BootWords, parseBootParameters } from '../../boot_parameters.ts';
import type { Config } from '../../config.ts';

const WORDS: BootWords<object> = {
  mem: 'it cuts memory, which the machine says here',
  vmalloc: 'the vmalloc area has its usual size here',
  kasan: 'a kernel with KASAN has another layout',
};

export function parseS390BootParameters(text: string, config: Config, where: string): BootParameters {
  return parseBootParameters(text, config, where, {}, WORDS);
}
