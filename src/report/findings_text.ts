/** What rules are broken, as text. */

import type { Finding } from '../inspect/index.ts';
import { hexAddress } from '../mmu/format.ts';
import { counted, wrap } from './wrap.ts';

/** Places that are listed of each. */
const SHOWN = 4;

export function findingsText(
  findings: readonly Finding[],
  notChecked: readonly string[],
  pageBytes: number,
): string[] {
  const count = (severity: Finding['severity']) =>
    findings.filter((each) => each.severity === severity).length;
  const parts = [
    counted(count('error'), 'error'),
    counted(count('warning'), 'warning'),
    counted(count('note'), 'note'),
  ];
  return [
    `${'rules'.padEnd(16)}${parts.join(', ')}`,
    ...findings.flatMap((finding) => findingText(finding, pageBytes)),
    ...notChecked.flatMap((what) => wrap(`not checked: ${what}`, '  ')),
  ];
}

function findingText({ rule, severity, why, pages, places, count }: Finding, pageBytes: number): string[] {
  const many = counted(pages, 'page');
  const lines = [
    `  ${severity.padEnd(8)} ${rule}: ${many}${count === 1 ? '' : ` in ${counted(count, 'place')}`}`,
  ];
  lines.push(...wrap(why, ' '.repeat(11)));
  for (const { address, pages: length, what } of places.slice(0, SHOWN)) {
    const end = length === 1 ? '' : ` to ${hexAddress(address + length * pageBytes)}`;
    lines.push(...wrap(`${hexAddress(address)}${end}: ${what}`, ' '.repeat(11), ' '.repeat(13)));
  }
  if (count > SHOWN) lines.push(`${' '.repeat(11)}... and ${counted(count - SHOWN, 'place')} more`);
  return lines;
}
