/**
 * The whole state of the workbench as the fragment of a URL: short enough for a mail, and readable where it can be. What
 * is left out is the script's own, or the first.
 *
 *     s=thread/large-np-leaf.js&k=v7.2&refuse=2&m=17&at=ffff888004205000
 */

import { InputError } from '../errors.ts';

/** The parts of the workbench that fill the page one at a time. */
export const VIEWS = ['scenario', 'check', 'inspect'] as const;
export type View = (typeof VIEWS)[number];

export interface LinkState {
  readonly view?: View;
  /** A scenario of the library: "thread/large-np-leaf.js". */
  readonly scenario?: string;
  /** A script that is not the library's. */
  readonly script?: string;
  /** A trace that refutes a claim, as `directmap replay` takes it. */
  readonly replay?: string;
  /** In place of what the script says; of a claim or a question, what it is asked of. */
  readonly arch?: string;
  readonly kernel?: string;
  readonly boot?: string;
  readonly config?: string;
  readonly features?: string;
  readonly ram?: string;
  readonly cpus?: string;
  readonly refuse?: string;
  readonly grant?: string;
  /** Of each interleave() in turn; "" where it is as written. */
  readonly schedules?: readonly string[];
  /** Moments that have happened: 0 is the boot. */
  readonly moment?: number;
  /** The address that is looked at, in hexadecimal without "0x". */
  readonly address?: string;
  readonly claim?: string;
  /** A call that is asked about: "set_direct_map_default_noflush(page)". */
  readonly ask?: string;
  /** A dump that the workbench's own server has. */
  readonly file?: string;
}

type TextKey = Exclude<keyof LinkState, 'view' | 'script' | 'schedules' | 'moment'>;

/** In the order of a link. `z` is a script, packed. */
const TEXTS: readonly (readonly [name: string, key: TextKey])[] = [
  ['s', 'scenario'],
  ['r', 'replay'],
  ['a', 'arch'],
  ['k', 'kernel'],
  ['b', 'boot'],
  ['c', 'config'],
  ['x', 'features'],
  ['ram', 'ram'],
  ['cpus', 'cpus'],
  ['refuse', 'refuse'],
  ['grant', 'grant'],
  ['at', 'address'],
  ['claim', 'claim'],
  ['ask', 'ask'],
  ['f', 'file'],
];

const MAX_LINK = 2 ** 16;
const MAX_SCRIPT = 2 ** 16;
const MAX_TEXT = 2 ** 12;
const WHERE = 'link';

/** The fragment, without its '#'. @throws InputError for more than a link can say */
export async function encodeLink(state: LinkState): Promise<string> {
  const parts: string[] = [];
  const add = (name: string, value: string | undefined) => {
    if (value !== undefined && value !== '') parts.push(`${name}=${escaped(value)}`);
  };
  if (state.view !== undefined && state.view !== 'scenario') add('v', state.view);
  if (state.script !== undefined) add('z', await packed(state.script));
  for (const [name, key] of TEXTS) add(name, state[key]);
  if (state.schedules?.some((each) => each !== '')) add('turns', state.schedules.map(turnsOf).join('.'));
  if (state.moment !== undefined) add('m', String(state.moment));
  const link = parts.join('&');
  if (link.length > MAX_LINK) throw outOfRange('length', `${link.length} characters`, `at most ${MAX_LINK}`);
  return link;
}

/** `link` is a fragment, with or without '#', or the URL that has it. @throws InputError */
export async function decodeLink(link: string): Promise<LinkState> {
  if (link.length > MAX_LINK) throw outOfRange('length', `${link.length} characters`, `at most ${MAX_LINK}`);
  const state: { -readonly [Key in keyof LinkState]: LinkState[Key] } = {};
  for (const part of link.replace(/^[^#]*#/, '').split('&')) {
    if (part === '') continue;
    const [, name = part, text = ''] = /^([^=]*)=(.*)$/s.exec(part) ?? [];
    const value = unescaped(text, name);
    const key = TEXTS.find(([each]) => each === name)?.[1];
    if (key !== undefined) state[key] = short(value, name);
    else if (name === 'v') state.view = viewNamed(value);
    else if (name === 'z') state.script = await unpacked(value);
    else if (name === 'turns') state.schedules = short(value, name).split('.').map(scheduleOf);
    else if (name === 'm') state.moment = momentOf(value);
    else throw unknownName('part of a link', name, ['v', 'z', 'turns', 'm', ...TEXTS.map(([each]) => each)]);
  }
  return state;
}

/** The fragment of a replay id. */
export function replayLink(id: string): string {
  return `r=${escaped(id)}`;
}

/** Spaces would break a link in a mail, and some of the rest the link itself. What is left is legal in a fragment. */
function escaped(text: string): string {
  return encodeURIComponent(text)
    .replaceAll(/%(2F|2C|3A|3B|40|3D|2B)/g, (code) => decodeURIComponent(code))
    .replaceAll("'", '%27');
}

function unescaped(text: string, name: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw bad(name, text, 'characters as encodeURIComponent() writes them');
  }
}

/** Schedules have spaces, which a link has not. */
function turnsOf(schedule: string): string {
  return schedule.trim().replaceAll(/\s+/g, '_');
}

function scheduleOf(turns: string): string {
  return turns.replaceAll('_', ' ');
}

function viewNamed(found: string): View {
  const view = VIEWS.find((each) => each === found);
  if (view === undefined) throw unknownName('part of the workbench', found, VIEWS);
  return view;
}

function momentOf(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw bad('m', text, 'a number of moments, at most 999999');
}

function short(text: string, name: string): string {
  if (text.length <= MAX_TEXT) return text;
  throw outOfRange(name, `${text.length} characters`, `at most ${MAX_TEXT}`);
}

async function packed(text: string): Promise<string> {
  const script = new TextEncoder().encode(text);
  if (script.length > MAX_SCRIPT) {
    throw outOfRange('script', `${script.length} bytes`, `at most ${MAX_SCRIPT} for a link`);
  }
  // What cannot be made smaller is a little larger.
  const bytes = await through(script, new CompressionStream('deflate-raw'), 2 * MAX_SCRIPT);
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '');
}

async function unpacked(text: string): Promise<string> {
  const expected = 'a script as the workbench packs it: was the link cut, or changed on the way?';
  try {
    const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
    const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0));
    const script = await through(bytes, new DecompressionStream('deflate-raw'), MAX_SCRIPT);
    return new TextDecoder('utf-8', { fatal: true }).decode(script);
  } catch (error) {
    throw error instanceof InputError ? error : bad('z', text, expected);
  }
}

/** What comes out of a stream. @throws InputError for more than `most` bytes */
async function through(
  bytes: Uint8Array<ArrayBuffer>,
  stream: CompressionStream | DecompressionStream,
  most: number,
): Promise<Uint8Array> {
  const reader = new Blob([bytes]).stream().pipeThrough(stream).getReader();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let next = await reader.read(); !next.done; next = await reader.read()) {
    size += next.value.length;
    if (size > most) {
      await reader.cancel();
      throw outOfRange('script', `more than ${most} bytes`, `at most ${most}`);
    }
    chunks.push(next.value);
  }
  const all = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}

function bad(name: string, found: string, expected: string): InputError {
  return new InputError({
    code: 'bad-format',
    what: `part ${name} of the link`,
    where: WHERE,
    found,
    expected,
  });
}

function outOfRange(name: string, found: string, expected: string): InputError {
  return new InputError({
    code: 'out-of-range',
    what: `${name} of the link:`,
    where: WHERE,
    found,
    expected,
  });
}

function unknownName(what: string, found: string, known: readonly string[]): InputError {
  return new InputError({ code: 'unknown-name', what, where: WHERE, found, known });
}
