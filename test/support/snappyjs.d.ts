/** The package brings no types of its own. */
declare module 'snappyjs' {
  /** @throws Error where the data are corrupt or unpack to more than `maxLength` bytes. */
  export function uncompress(compressed: Uint8Array, maxLength?: number): Uint8Array;
  export function compress(uncompressed: Uint8Array): Uint8Array;
}
