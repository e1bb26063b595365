/**
 * Bugs planted into the model, to see that claims find them. A mutation is a few lines of the compiled model replaced
 * by others; the mutated model is a copy of `dist/` with a checker of its own. No bug can be switched on from outside
 * of the tests.
 */

import { cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type * as Check from '../../src/check/check.ts';
import type * as Claims from '../../src/check/claims/index.ts';

/** Lines of a compiled file, which it has exactly once, and what they become. */
export interface Edit {
  /** Relative to `dist/`. */
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

export interface Mutation {
  readonly name: string;
  /** The bug, in one sentence. */
  readonly what: string;
  readonly edits: readonly Edit[];
  /** The claim that finds it, and holds without it. */
  readonly claim: string;
  readonly kernel: string;
  /** What the claim says then. */
  readonly finding: RegExp;
  /** The most calls that its trace may have. */
  readonly calls: number;
}

/** A checker whose model has bugs. */
export interface MutatedChecker {
  readonly checkClaim: typeof Check.checkClaim;
  readonly CLAIMS: typeof Claims.CLAIMS;
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const DIST = join(ROOT, 'dist');
/** Below node_modules, so that packages are found from there. */
const PLACE = join(ROOT, 'node_modules', `.mutations-${process.pid}`);
/** All that the checker needs. */
const PARTS = ['errors.js', 'memory', 'mmu', 'linux', 'scenario', 'check'];

let loaded = 0;
let edited: readonly string[] = [];

/**
 * A copy of the compiled model with the mutations' edits, loaded. Without any, the model as it is. There is one copy
 * on disk: it is renamed each time, and so is another module each time, and what was edited before is put back.
 */
export async function mutated(mutations: readonly Mutation[]): Promise<MutatedChecker> {
  const files = editedFiles(mutations);
  const folder = join(PLACE, String(loaded + 1));
  if (loaded === 0) copyTo(folder);
  else renameSync(join(PLACE, String(loaded)), folder);
  loaded++;
  for (const file of edited) cpSync(join(DIST, file), join(folder, file));
  for (const [file, text] of files) writeFileSync(join(folder, file), text);
  edited = [...files.keys()];
  const load = (file: string) => import(pathToFileURL(join(folder, file)).href);
  const [{ checkClaim }, { CLAIMS }] = await Promise.all([
    load('check/check.js') as Promise<typeof Check>,
    load('check/claims/index.js') as Promise<typeof Claims>,
  ]);
  return { checkClaim, CLAIMS };
}

function copyTo(folder: string): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(PLACE, 'package.json'), '{ "type": "module" }');
  for (const part of PARTS) {
    cpSync(join(DIST, part), join(folder, part), {
      recursive: true,
      filter: (path) => !path.endsWith('.d.ts'),
    });
  }
}

/** @throws Error if an edit's text is not there exactly once. */
function editedFiles(mutations: readonly Mutation[]): Map<string, string> {
  const files = new Map<string, string>();
  for (const mutation of mutations) {
    for (const edit of mutation.edits) {
      const wrong = whyNotOnce(mutation, edit);
      if (wrong !== undefined) throw new Error(wrong);
      const text = files.get(edit.file) ?? compiled(edit.file);
      files.set(
        edit.file,
        text.replace(edit.from, () => edit.to),
      );
    }
  }
  return files;
}

/** What is wrong with an edit's text, if it is not in the compiled file exactly once. */
export function whyNotOnce({ name }: Mutation, { file, from }: Edit): string | undefined {
  const times = compiled(file).split(from).length - 1;
  return times === 1 ? undefined : `${name}: dist/${file} has this text ${times} times:\n${from}`;
}

function compiled(file: string): string {
  return readFileSync(join(DIST, file), 'utf8');
}

/** Takes the copy away again. */
export function removeCopy(): void {
  rmSync(PLACE, { recursive: true, force: true });
  loaded = 0;
}
