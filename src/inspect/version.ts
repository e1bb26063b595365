/** Kernel versions, as far as an answer depends on them. */

export interface KernelVersion {
  /** As `uname -r` prints it: "6.1.0-55-amd64". */
  readonly release: string;
  readonly major: number;
  readonly minor: number;
}

export function parseRelease(release: string | undefined): KernelVersion | undefined {
  const [, major, minor] = /^(\d{1,3})\.(\d{1,3})\b/.exec(release ?? '') ?? [];
  if (release === undefined || major === undefined || minor === undefined) return undefined;
  return { release, major: Number(major), minor: Number(minor) };
}

/** Whether a version is at least v`major`.`minor`. */
export function atLeast(version: KernelVersion, major: number, minor: number): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}
