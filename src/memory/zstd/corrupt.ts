/** Thrown by the files of this folder where data are not those of zstd. It does not leave the folder as such a thing. */
export class CorruptZstdError extends Error {
  override readonly name = 'CorruptZstdError';
}

/** @throws CorruptZstdError unless `condition` holds. */
export function check(condition: boolean, otherwise: string): asserts condition {
  if (!condition) throw new CorruptZstdError(otherwise);
}
