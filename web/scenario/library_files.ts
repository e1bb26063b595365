/** All of them, in a file of the page that is loaded when somebody wants one. */

const FILES = import.meta.glob<string>('../../scenarios/{thread,history}/*.js', {
  query: '?raw',
  import: 'default',
  eager: true,
});

/** By name: the thread first. */
export const LIBRARY_FILES: ReadonlyMap<string, string> = new Map(
  Object.entries(FILES)
    .map(([path, text]) => [path.replace('../../scenarios/', ''), text] as const)
    .sort(
      ([a], [b]) => Number(b.startsWith('thread/')) - Number(a.startsWith('thread/')) || (a < b ? -1 : 1),
    ),
);
