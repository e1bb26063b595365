/** The list of claims: what is said, by whom, and where. */

import type { Claim, Source } from '../check/claim.ts';
import { wrap } from './wrap.ts';

const INDENT = '    ';

export function claimsText(claims: readonly Claim[]): string {
  const blocks = claims.map(({ id, sentence, source, catalogue }) =>
    [
      id,
      ...wrap(sentence, INDENT),
      ...wrap(sourceText(source), INDENT),
      ...(catalogue.length === 0 ? [] : wrap(catalogue.join(' '), INDENT)),
    ].join('\n'),
  );
  return `${blocks.join('\n\n')}\n`;
}

/** "Rick Edgecombe, 26 Oct 2020: review of the series, v1 1/4". */
export function sourceText({ who, when, where }: Source): string {
  return `${[who, when].filter((word) => word !== '').join(', ')}: ${where}`;
}
