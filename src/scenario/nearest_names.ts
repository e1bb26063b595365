/** Which known names a mistyped one may have meant. */

const MAX_SUGGESTIONS = 8;

/** The names most like `found`, those that contain it first: what the user may have meant. */
export function nearestNames(found: string, known: Iterable<string>): string[] {
  const start = found.slice(0, 64);
  return [...new Set(known)]
    .map((name) => ({ name, apart: name.includes(start) ? 0 : 1, distance: editDistance(start, name) }))
    .sort((a, b) => a.apart - b.apart || a.distance - b.distance || (a.name < b.name ? -1 : 1))
    .slice(0, MAX_SUGGESTIONS)
    .map(({ name }) => name);
}

/** Levenshtein's distance, one row at a time. */
function editDistance(from: string, to: string): number {
  let above = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (let row = 1; row <= from.length; row++) {
    const current = [row];
    for (let column = 1; column <= to.length; column++) {
      const replaced = above[column - 1]! + (from[row - 1] === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, above[column]! + 1, current[column - 1]! + 1));
    }
    above = current;
  }
  return above[to.length]!;
}
