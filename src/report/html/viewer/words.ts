/** Numbers as kernel people write them. */

const UNITS = ['', 'K', 'M', 'G', 'T', 'P', 'E'];

/** Bytes in the largest unit that divides them: "4K", "2M", "1428K". */
export function sizeOf(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size !== 0 && size % 1024 === 0 && unit < UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  return `${size}${UNITS[unit]}`;
}

/** Bytes in a unit that makes them easy to read: "23.9 MiB". */
export function aboutSize(bytes: number): string {
  let size = bytes;
  let unit = 0;
  // What would be rounded to 1024 is 1.0 of the next.
  while (size >= 1023.5 && unit < UNITS.length - 1) {
    size /= 1024;
    unit++;
  }
  const digits = Number.isInteger(size) || size >= 100 ? 0 : 1;
  return `${size.toFixed(digits)} ${unit === 0 ? 'B' : `${UNITS[unit]}iB`}`;
}

/** "0xffff888000000000". */
export function hexOf(value: bigint | number): string {
  return `0x${value.toString(16)}`;
}

/** "1,528". */
export function countOf(value: number): string {
  return value.toString().replace(/\B(?=(\d{3})+$)/g, ',');
}
