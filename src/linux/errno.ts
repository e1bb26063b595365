/** Error numbers, as include/uapi/asm-generic/errno-base.h has them. Modelled functions return them negated. */

export const EPERM = 1;
export const ENOENT = 2;
export const EIO = 5;
export const ENXIO = 6;
export const EBADF = 9;
export const EAGAIN = 11;
export const ENOMEM = 12;
export const EFAULT = 14;
export const EBUSY = 16;
export const EEXIST = 17;
export const ENODEV = 19;
export const EINVAL = 22;
export const ERANGE = 34;
export const ENOSYS = 38;
export const EHWPOISON = 133;

const NAMES: ReadonlyMap<number, string> = new Map([
  [EPERM, 'EPERM'],
  [ENOENT, 'ENOENT'],
  [EIO, 'EIO'],
  [ENXIO, 'ENXIO'],
  [EBADF, 'EBADF'],
  [EAGAIN, 'EAGAIN'],
  [ENOMEM, 'ENOMEM'],
  [EFAULT, 'EFAULT'],
  [EBUSY, 'EBUSY'],
  [EEXIST, 'EEXIST'],
  [ENODEV, 'ENODEV'],
  [EINVAL, 'EINVAL'],
  [ERANGE, 'ERANGE'],
  [ENOSYS, 'ENOSYS'],
  [EHWPOISON, 'EHWPOISON'],
]);

/** Every error number by name, for scripts. */
export const ERRNO_BY_NAME: ReadonlyMap<string, number> = new Map(
  [...NAMES].map(([number, name]) => [name, number]),
);

/** "-ENOMEM" for -12, "0" for 0, "-7" for a negative value without a name. */
export function errnoText(value: number): string {
  const name = value < 0 ? NAMES.get(-value) : undefined;
  return name === undefined ? String(value) : `-${name}`;
}
