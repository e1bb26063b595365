/** The rules that a stretch of the address space can break by itself. Those of two addresses are in aliases.ts. */

import { sizeName } from '../../mmu/describe.ts';
import type { AddressSpace, DirectMap, Region, Stretch } from '../address_space.ts';
import type { Findings, Place, RuleName } from './finding.ts';

/** The page that user space calls for the time of day, at an address of the kernel's. */
const VSYSCALL = -0xa0_0000;

/** What holds of every address of the kernel's. */
export function checkStretch(
  stretch: Stretch,
  region: Region,
  space: AddressSpace,
  findings: Findings,
): void {
  const { kind, leaf, why, address, pages } = stretch;
  const add = (rule: RuleName, what: () => string) =>
    findings.add(rule, pages, () => placeOf(stretch, what()));
  if (kind === 'bad') {
    if (why === 'cycle') add('cycle', () => 'a table above itself');
    else if (why !== 'too many tables') add('reserved-bits', () => why ?? 'bad');
  } else if (kind === 'missing') {
    const table = stretch.entry?.table ?? 0;
    const rule = space.isMemory?.(table) === false ? 'table-outside-memory' : 'table-missing';
    add(rule, () => `table at 0x${table.toString(16)}`);
  } else if (leaf?.present === true) {
    const what = () => `${sizeName(leaf.bytes)} ${leaf.access}`;
    if (leaf.writable && leaf.executable && !isLowcore(stretch, space)) add('writable-executable', what);
    if (leaf.user && !(space.arch === 'x86_64' && address === VSYSCALL && region.name === 'fixmap')) {
      add('user-access', what);
    }
  } else if (leaf !== undefined && leaf.level > 1 && region.name !== 'kernel image') {
    // Of its image a kernel frees parts for good: nobody maps those again.
    add('large-not-present', () => `${sizeName(leaf.bytes)}, ${leaf.names}`);
  }
}

/** The page at which an s390x CPU finds where to go on an interrupt: writable and executable by design. */
function isLowcore({ address, pages }: Stretch, { arch }: AddressSpace): boolean {
  return arch === 's390x' && address === 0 && pages === 1;
}

/** What holds of the direct map. */
export function checkDirectMapStretch(
  stretch: Stretch,
  { offset }: DirectMap,
  space: AddressSpace,
  findings: Findings,
): void {
  const { leaf, address, frame, pages } = stretch;
  if (leaf === undefined) return;
  if (frame !== undefined && offset !== undefined && address - frame * space.pageBytes !== offset) {
    findings.add('wrong-frame', pages, () => placeOf(stretch, `frame 0x${frame.toString(16)}`));
  } else if (!leaf.present && leaf.level === 1) {
    findings.add('not-present', pages, () => placeOf(stretch, leaf.names));
  }
}

function placeOf({ address, pages, frame }: Stretch, what: string): Place {
  return { address, pages, frame, what };
}
