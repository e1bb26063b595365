/** Bytes that compress well and in many ways: new ones, and copies of earlier ones from near and from far. */
export function repetitive(size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let state = 12345;
  const below = (limit: number) => {
    state = (Math.imul(state, 1103515245) + 12345) >>> 0;
    return (state >>> 8) % limit;
  };
  for (let at = 0; at < size; ) {
    const isNew = at === 0 || below(12) === 0;
    const length = Math.min(size - at, 1 + below(isNew ? 12 : at > 3000 ? 900 : 40));
    const distance = at === 0 ? 0 : 1 + below(below(2) === 0 ? Math.min(at, 700) : at);
    for (const end = at + length; at < end; at++) bytes[at] = isNew ? below(256) : bytes[at - distance]!;
  }
  return bytes;
}
