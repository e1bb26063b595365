/** Lines that fit in a mail. */

/** What a mail takes. A word that is longer, such as a replay id, stays in one piece. */
export const COLUMNS = 72;

/** Breaks text at blanks: the first line begins with `first`, the others with `rest`. */
export function wrap(text: string, first = '', rest = ' '.repeat(first.length)): string[] {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of text.split(/(?<=\S) /)) {
    if (!empty && line.length + 1 + word.length > COLUMNS) {
      lines.push(line);
      line = rest;
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line.trimEnd()];
}

/** "1,312". */
export function grouped(count: number): string {
  return count.toLocaleString('en-US');
}

/** "1 call", "2 calls", "no calls". */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count === 0 ? 'no' : grouped(count)} ${count === 1 ? one : many}`;
}
