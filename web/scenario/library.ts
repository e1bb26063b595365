/** The scenarios that come with the project: the thread first, then what went wrong in history. */

import first from '../../scenarios/thread/large-np-leaf.js?raw';

export const FIRST_SCENARIO = 'thread/large-np-leaf.js';

export interface LibraryScenario {
  /** "thread/large-np-leaf.js". */
  readonly name: string;
  /** The first sentence of its comment. */
  readonly title: string;
}

/** Undefined where there is none of that name. */
export async function libraryScript(name: string): Promise<string | undefined> {
  if (name === FIRST_SCENARIO) return first;
  return (await import('./library_files.ts')).LIBRARY_FILES.get(name);
}

export async function libraryScenarios(): Promise<LibraryScenario[]> {
  const { LIBRARY_FILES } = await import('./library_files.ts');
  return [...LIBRARY_FILES].map(([name, text]) => ({ name, title: titleOf(text) }));
}

function titleOf(script: string): string {
  const comment = script
    .split('\n')
    .filter((line) => line.startsWith('//'))
    .map((line) => line.replace(/^\/\/\s?/, ''))
    .join(' ');
  return comment.length > 120 ? `${comment.slice(0, 117)}...` : comment;
}
