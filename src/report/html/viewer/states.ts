/** The colours of the map: what a stretch of the direct map is, in the few words that matter there. */

import type { AttributesSnapshot } from '../../../inspect/snapshot/report_snapshot.ts';

/**
 * In the order of the legend. Where one pixel holds several, the last of them is seen, so that what is rare does not
 * get lost.
 */
export const STATES = [
  'hole',
  'large',
  'middle',
  'base',
  'shared',
  'type',
  'ro',
  'x',
  'np',
  'np-large',
  'missing',
  'bad',
  'wx',
] as const;

export type State = (typeof STATES)[number];

/** Those of which a single page stays visible however far one is away. */
export const FIRST_RARE = STATES.indexOf('type');

const NO_LEAF_STATES: Readonly<Record<number, State>> = {
  [-1]: 'hole',
  [-2]: 'bad',
  [-3]: 'missing',
  [-4]: 'shared',
};

/** Of a stretch's kind: attributes, or the negative number of what is no leaf. */
export function stateOf(
  kind: number,
  attributes: readonly AttributesSnapshot[],
  usualMemoryType: string,
): State {
  const leaf = attributes[kind];
  if (leaf === undefined) return NO_LEAF_STATES[kind] ?? 'bad';
  if (!leaf.present) return leaf.level > 1 ? 'np-large' : 'np';
  if (leaf.executable) return leaf.writable ? 'wx' : 'x';
  if (leaf.memoryType !== usualMemoryType) return 'type';
  if (!leaf.writable) return 'ro';
  if (leaf.level === 1) return 'base';
  return leaf.level === 2 ? 'middle' : 'large';
}

/** What the legend says of a state, with the sizes and types of the leaves that have it here. */
export function labelOf(state: State, leaves: readonly AttributesSnapshot[]): string {
  const sizes = distinct(leaves.map(({ size }) => size));
  switch (state) {
    case 'hole':
      return 'nothing mapped';
    case 'large':
    case 'middle':
    case 'base':
      return `${sizes} rw nx`;
    case 'shared':
      return 'in tables seen before';
    case 'type':
      return `${sizes} ${distinct(leaves.map(({ memoryType }) => memoryType))}`;
    case 'ro':
      return `${sizes} read-only`;
    case 'x':
      return `${sizes} executable`;
    case 'np':
    case 'np-large':
      return `${sizes} not present`;
    case 'missing':
      return 'table not in the source';
    case 'bad':
      return 'no legal reading';
    case 'wx':
      return `${sizes} writable and executable`;
  }
}

function distinct(words: readonly string[]): string {
  return [...new Set(words)].join(', ');
}
