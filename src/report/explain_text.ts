/** One address, explained, as text. */

import type { AddressSpace, Explanation, Stretch } from '../inspect/index.ts';
import { sizeName } from '../mmu/describe.ts';
import { hexAddress } from '../mmu/format.ts';
import { counted, wrap } from './wrap.ts';

const LABEL = 14;
const INDENT = ' '.repeat(LABEL);

/** `asked` is the address or frame as the user wrote it. */
export function explainText(asked: string, explanation: Explanation, space: AddressSpace): string {
  const { exact, region, steps, aliases, moreAliases, presence, origins, frame } = explanation;
  const hex = `0x${exact.toString(16)}`;
  const place = region === undefined ? "not in the kernel's address space" : regionText(region.name);
  const lines = wrap(`${asked}${asked === hex ? '' : ` is ${hex}`}, ${place}${symbolText(explanation)}`);
  if (steps.length === 0) lines.push('  no table translates it: it is no address of this address space');
  for (const { step, levelName, raw, names } of steps) {
    const entry = `0x${raw.toString(16).padStart(16, '0')}`;
    const what =
      step.kind === 'missing'
        ? 'the table is not in the source'
        : names || (step.kind === 'table' ? 'table' : 'none');
    const start = `  ${levelName} at 0x${step.entryAddress.toString(16)} `.padEnd(26);
    lines.push(
      ...wrap(`${step.kind === 'missing' ? '' : `${entry}  `}${what}${whyText(step.why)}`, start, INDENT),
    );
  }
  lines.push(...wrap(endText(explanation, space), 'so'.padEnd(LABEL), INDENT));
  for (const because of new Set(origins.map((origin) => origin.because))) {
    const who = origins.filter((origin) => origin.because === because).map((origin) => origin.who);
    lines.push(...wrap(`${who.join('; ')} (${because})`, 'left by'.padEnd(LABEL), INDENT));
  }
  for (const alias of aliases) {
    const text = `${hexAddress(alias.address)}, ${alias.region.name}: ${sizeName(alias.leaf.bytes)} ${alias.leaf.present ? alias.leaf.access : 'not present'}`;
    lines.push(...wrap(text, 'also at'.padEnd(LABEL), INDENT));
  }
  if (moreAliases > 0) lines.push(`${INDENT}... and ${counted(moreAliases, 'address', 'addresses')} more`);
  if (frame !== undefined && aliases.length === 0)
    lines.push(`${'also at'.padEnd(LABEL)}no other address of the kernel's`);
  const answer = presence.answer === undefined ? 'cannot be told' : String(presence.answer);
  lines.push(
    ...wrap(`kernel_page_present(): ${answer}; ${presence.because}`, 'the kernel'.padEnd(LABEL), INDENT),
  );
  lines.push(
    ...stretchLine('before', explanation.before, space),
    ...stretchLine('around', explanation.stretch, space),
  );
  lines.push(...stretchLine('after', explanation.after, space));
  return `${lines.join('\n')}\n`;
}

function regionText(name: string): string {
  return name === 'other' ? 'in a part of it that has no name here' : `in the ${name}`;
}

function symbolText({ symbol }: Explanation): string {
  if (symbol === undefined) return '';
  return symbol.offset === 0 ? `: ${symbol.name}` : `: ${symbol.name}+0x${symbol.offset.toString(16)}`;
}

function whyText(why: string | undefined): string {
  return why === undefined ? '' : ` (${why})`;
}

function endText({ leaf, frame, steps }: Explanation, space: AddressSpace): string {
  const last = steps.at(-1)?.step;
  if (leaf === undefined || frame === undefined) {
    if (last === undefined) return 'nothing is there';
    if (last.kind === 'missing') return 'what is there cannot be told: the table is not in the source';
    return last.kind === 'bad' ? 'the CPU cannot translate it' : 'nothing is mapped there';
  }
  const physical = `physical 0x${(frame * space.pageBytes).toString(16)} (pfn 0x${frame.toString(16)})`;
  if (leaf.present) return `${sizeName(leaf.bytes)} leaf, ${leaf.access}, to ${physical}`;
  const kind = leaf.level > 1 ? `large leaf of ${sizeName(leaf.bytes)}` : `${sizeName(leaf.bytes)} page`;
  const inverted = space.arch === 'x86_64' ? ', which the entry holds inverted (L1TF)' : '';
  return `${kind}, not present; it names ${physical}${inverted}`;
}

function stretchLine(name: string, stretch: Stretch | undefined, space: AddressSpace): string[] {
  if (stretch === undefined) return [];
  return wrap(stretchText(stretch, space), name.padEnd(LABEL), INDENT);
}

/** "0xffff888000100000 to 0xffff888000200000: 4K rw nx, frames from 0x100". */
export function stretchText(
  { kind, address, pages, leaf, frame, why }: Stretch,
  space: AddressSpace,
): string {
  const end = address + pages * space.pageBytes;
  const range = `${hexAddress(address)} to ${end === 0 && address < 0 ? 'the end' : hexAddress(end)}`;
  if (leaf === undefined) return `${range}: ${why ?? kind}`;
  const to = frame === undefined ? '' : `, frames from 0x${frame.toString(16)}`;
  return `${range}: ${sizeName(leaf.bytes)} ${leaf.present ? leaf.access : `not present (${leaf.names})`}${to}`;
}
