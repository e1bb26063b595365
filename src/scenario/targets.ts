/** Where a script says that its expectations are met, beside the kernel of its header: `runs_on`. */

import { InputError } from '../errors.ts';
import { architectureNamed, DEFAULT_ARCH } from '../linux/arch/index.ts';
import type { Architecture } from '../linux/architecture.ts';
import { parseKernelVersion, presetsOf } from '../linux/kernels.ts';
import { type Program, placeOf } from './ast.ts';
import { DEFAULT_KERNEL, type StartOptions } from './start.ts';

/** One machine to run a script on. */
export interface Target {
  readonly arch: Architecture;
  /** As `parseKernelVersion` takes it. */
  readonly kernel: string;
  /** In place of the header's, if given. */
  readonly boot: string | undefined;
}

/** The header's own machine, then those of `runs_on`. @throws InputError with the place in the script */
export function targetsOf({ header, fileName }: Program): Target[] {
  const at = (span: { readonly span: Parameters<typeof placeOf>[1] }) => placeOf(fileName, span.span);
  const arch =
    header.arch === undefined ? DEFAULT_ARCH : architectureNamed(header.arch.value, at(header.arch));
  const own = { arch, kernel: header.kernel?.value ?? DEFAULT_KERNEL, boot: undefined };
  const others = (header.runs_on?.value ?? []).flatMap((placed) => parseTarget(placed.value, at(placed)));
  return [own, ...others];
}

/** "arm64 v5.10 v6.1: rodata=off", "riscv64 all". */
function parseTarget(text: string, where: string): Target[] {
  const [, name, kernels, boot] = /^\s*([\w-]+)((?:\s+[\w.+~-]+)+)\s*(?::\s*(.*))?$/.exec(text) ?? [];
  if (name === undefined || kernels === undefined) {
    const expected = 'ARCH KERNEL ..., ARCH all, with : BOOT after it if need be';
    throw new InputError({ code: 'bad-format', what: 'part of runs_on', where, found: text, expected });
  }
  const arch = architectureNamed(name, where);
  const names = kernels.trim().split(/\s+/);
  const all = names.includes('all') ? presetsOf(arch).map((preset) => preset.name) : names;
  return all.map((kernel) => ({ arch, kernel: parseKernelVersion(kernel, where, arch).name, boot }));
}

/** What to start a machine with, to run a script on a target. */
export function startOptionsOf({ arch, kernel, boot }: Target): StartOptions {
  return { arch, kernel, boot };
}
