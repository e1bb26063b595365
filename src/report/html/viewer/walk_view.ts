/** The walk of one address, level by level. */

import type { Found } from './direct_map.ts';
import { element } from './dom.ts';
import type { Step, Walk } from './page_tables.ts';
import { hexOf, sizeOf } from './words.ts';

/** What there is to show of an address. */
export interface Answer {
  readonly address: bigint;
  readonly region: string | undefined;
  readonly pageBytes: number;
  /** undefined where the source shows no tables. */
  readonly walk: Walk | undefined;
  /** The walk before something happened: what differs is told. */
  readonly before?: Walk;
  /** What the map has there. */
  readonly found: Found | undefined;
}

export function walkView(answer: Answer): HTMLElement {
  const { walk } = answer;
  const view = element('div', { class: 'walk' });
  view.append(summary(answer));
  if (walk === undefined) {
    view.append(note('The source is text that a kernel printed: it shows no entries, so there is no walk.'));
    return view;
  }
  if (walk.steps.length > 0)
    view.append(element('ol', { class: 'steps' }, ...stepViews(walk, answer.before)));
  if (walk.stopped !== undefined) view.append(note(walk.stopped));
  return view;
}

function summary({ address, region, pageBytes, walk, found }: Answer): HTMLElement {
  const list = element('dl', { class: 'answer' });
  const add = (name: string, value: string) =>
    list.append(element('div', {}, element('dt', {}, name), element('dd', {}, value)));
  add('address', hexOf(address));
  add('region', region ?? 'none');
  const end = walk?.translation;
  const frame = end?.frame ?? found?.frame;
  if (end !== undefined) {
    add(
      'leaf',
      `${sizeOf(end.bytes)} ${end.present ? end.access : 'not present'}${end.user ? ', user' : ''}`,
    );
  } else if (found?.leaf !== undefined) add('leaf', leafWords(found));
  if (frame !== undefined) {
    const physical = BigInt(frame) * BigInt(pageBytes) + (address % BigInt(pageBytes));
    add(end?.present === false ? 'would be' : 'physical', `${hexOf(physical)}, pfn ${hexOf(frame)}`);
  }
  if (found?.leaf?.present === false && found.leaf.leftBy.length > 0) {
    add('left by', found.leaf.leftBy.join('; '));
  }
  return list;
}

function leafWords({ leaf }: Found): string {
  if (leaf === undefined) return 'none';
  return `${leaf.size} ${leaf.present ? leaf.access : 'not present'}`;
}

function stepViews(walk: Walk, before: Walk | undefined): HTMLElement[] {
  const views = walk.steps.map((step) =>
    stepView(
      step,
      before?.steps.find(({ level }) => level === step.level),
      before !== undefined,
    ),
  );
  const gone = before?.steps.filter(({ level }) => !walk.steps.some((step) => step.level === level)) ?? [];
  return [...views, ...gone.map(goneView)];
}

/** An entry of a table that the walk no longer comes to. */
function goneView({ levelName, index, raw }: Step): HTMLElement {
  const text = `${levelName}[${index}] ${hexWord(raw)} before; now the walk ends above it`;
  return element('li', { class: 'step gone' }, element('del', {}, text));
}

function hexWord(raw: bigint | undefined): string {
  return raw === undefined ? 'not in the source' : raw.toString(16).padStart(16, '0');
}

/** `compares` if there is a walk before: a step that it does not have is new then. */
function stepView(step: Step, before: Step | undefined, compares: boolean): HTMLElement {
  const { levelName, index, entryAddress, raw, names } = step;
  const isNew = compares && before === undefined;
  const hasChanged = before !== undefined && before.raw !== raw;
  const came = (name: string) => hasChanged && !before.names.includes(name);
  const bits = names.map((name) =>
    came(name) ? element('ins', { class: 'bit' }, `+${name}`) : element('span', { class: 'bit' }, name),
  );
  const went = hasChanged ? before.names.filter((name) => !names.includes(name)) : [];
  bits.push(...went.map((name) => element('del', { class: 'bit' }, `−${name}`)));
  const was = hasChanged
    ? `before ${hexWord(before.raw)}`
    : isNew
      ? 'the walk did not come to it before'
      : '';
  return element(
    'li',
    { class: `step ${step.kind}` },
    element('span', { class: 'level' }, `${levelName}[${index}]`),
    element('span', { class: 'raw' }, hexWord(raw)),
    ...(was === '' ? [] : [element('span', { class: 'was' }, was)]),
    element('span', { class: 'at' }, `entry at ${hexOf(entryAddress)}`),
    element('span', { class: 'bits' }, ...bits.flatMap((bit) => [bit, ' '])),
    element('span', { class: 'leads' }, leadsTo(step)),
  );
}

function leadsTo({ kind, table, why }: Step): string {
  switch (kind) {
    case 'table':
      return `→ table at ${hexOf(table ?? 0)}`;
    case 'leaf':
      return '→ leaf';
    case 'not-present':
      return '→ leaf, not present';
    case 'hole':
      return '→ nothing is mapped';
    case 'bad':
    case 'missing':
      return `→ ${why ?? kind}`;
  }
}

function note(text: string): HTMLElement {
  return element('p', { class: 'note' }, text);
}
