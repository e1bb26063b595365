/** Finds an architecture by what people call it. */

import { InputError } from '../../errors.ts';
import type { Architecture } from '../architecture.ts';

/** @throws InputError naming those that there are */
export function architectureIn(
  architectures: readonly Architecture[],
  name: string,
  where: string,
): Architecture {
  const wanted = name.toLowerCase();
  const found = architectures.find((arch) => arch.name === wanted || arch.aliases.includes(wanted));
  if (found !== undefined) return found;
  const known = architectures.map((arch) => arch.name);
  throw new InputError({ code: 'unknown-name', what: 'architecture', where, found: name, known });
}
