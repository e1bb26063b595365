/** Kernel calls as scripts see them: which names there are, and what their arguments must be. */

import { InputError } from '../errors.ts';
import { X86_CALLS } from '../linux/arch/x86/calls.ts';
import { __START_KERNEL_map } from '../linux/arch/x86/include/asm/page_types.ts';
import type { X86Kernel } from '../linux/arch/x86/x86_kernel.ts';
import type { CallArgument, CallParameter, KernelCall } from '../linux/call.ts';
import { GENERIC_CALLS } from '../linux/calls.ts';
import { ERRNO_BY_NAME } from '../linux/errno.ts';
import { hexAddress } from '../mmu/format.ts';
import type { Argument, CallSite } from './interpret.ts';
import type { KnownNames } from './parse.ts';

/** Functions of the script language itself: about the run, not of the kernel. */
export const SCRIPT_FUNCTIONS = {
  page_address: { min: 1, max: 1, summary: 'direct-map address of a page' },
  image_address: { min: 1, max: 1, summary: 'address of a page in the kernel image mapping' },
  text_page: { min: 0, max: 0, summary: 'first page of the kernel text' },
  rodata_page: { min: 0, max: 0, summary: 'first page of the kernel read-only data' },
  init_page: { min: 0, max: 0, summary: 'first page of the kernel image that is freed after boot' },
  fail_alloc: { min: 1, max: 64, summary: 'refuse the k-th allocations from here' },
  fail_every_alloc: { min: 0, max: 0, summary: 'refuse all allocations from here' },
  allow_alloc: { min: 0, max: 0, summary: 'refuse none from here' },
} as const;

export type ScriptFunction = keyof typeof SCRIPT_FUNCTIONS;

export const KERNEL_CALLS: ReadonlyMap<string, KernelCall<X86Kernel>> = new Map(
  [...X86_CALLS, ...(GENERIC_CALLS as readonly KernelCall<X86Kernel>[])].map((call) => [call.name, call]),
);

/** What to expect of a call that kills the machine: expect(touch(page), OOPS). No kernel function returns it. */
export const OOPS = -(2n ** 63n);

const CONSTANTS: ReadonlyMap<string, bigint> = new Map([
  ...[...ERRNO_BY_NAME].map(([name, value]) => [name, BigInt(value)] as const),
  ['OOPS', OOPS],
  ['PAGE_SIZE', 4096n],
  ['_PAGE_PRESENT', 1n],
  ['_PAGE_RW', 2n],
  ['_PAGE_PWT', 8n],
  ['_PAGE_PCD', 16n],
  ['_PAGE_ACCESSED', 32n],
  ['_PAGE_DIRTY', 64n],
  ['_PAGE_PAT', 128n],
  ['_PAGE_GLOBAL', 256n],
  ['_PAGE_NX', 1n << 63n],
]);

/** Pages a call may name: 4 GiB, so that no call runs or fills memory without end. */
const MAX_COUNT = 2n ** 20n;

/** Everything a script may name. */
export function knownNames(): KnownNames {
  const calls = new Map<string, { min: number; max: number }>();
  for (const [name, { parameters }] of KERNEL_CALLS) {
    const required = parameters.filter((parameter) => parameter.default === undefined).length;
    calls.set(name, { min: required, max: parameters.length });
  }
  for (const [name, { min, max }] of Object.entries(SCRIPT_FUNCTIONS)) calls.set(name, { min, max });
  return { calls, constants: CONSTANTS };
}

/** Checks a script's arguments against the machine and turns them into the kernel's. */
export function kernelArguments(
  k: X86Kernel,
  call: KernelCall<X86Kernel>,
  args: readonly Argument[],
  where: string,
): CallArgument[] {
  return call.parameters.map((parameter, i) => {
    const arg = args[i];
    if (arg === undefined) return parameter.default ?? 0;
    return kernelArgument(k, parameter, arg, `${where}: ${call.name}()`);
  });
}

function kernelArgument(k: X86Kernel, parameter: CallParameter, arg: Argument, where: string): CallArgument {
  const { name, kind } = parameter;
  if (kind === 'pages') {
    if (!Array.isArray(arg)) throw wrongKind(name, arg, 'a list of pages', where);
    return arg.map((page) => pageArgument(k, name, page, where));
  }
  if (typeof arg !== 'bigint') throw wrongKind(name, arg, 'an integer', where);
  switch (kind) {
    case 'page':
      return pageArgument(k, name, arg, where);
    case 'address':
      return addressArgument(k, name, arg, where);
    case 'flag':
      return inRange(name, arg, 0n, 1n, where);
    case 'count':
      return inRange(name, arg, 0n, MAX_COUNT, where);
    case 'prot': {
      const bits = BigInt.asUintN(64, arg);
      return Number(bits & 0x1fffn) | (Number((bits >> 32n) & 0xfff0_0000n) | 0);
    }
  }
}

function wrongKind(name: string, arg: Argument, expected: string, where: string): InputError {
  const found = typeof arg === 'bigint' ? String(arg) : JSON.stringify(arg, (_, value) => String(value));
  return new InputError({ code: 'bad-format', what: `argument ${name}`, where, found, expected });
}

function inRange(name: string, value: bigint, min: bigint, max: bigint, where: string): number {
  if (value < min || value > max) {
    throw new InputError({
      code: 'out-of-range',
      what: `argument ${name}`,
      where,
      found: String(value),
      expected: `${min} to ${max}`,
    });
  }
  return Number(value);
}

/** One past the last byte of RAM. */
export function endOfRam(k: X86Kernel): number {
  return k.machine.memory
    .filter((range) => range.type === 'RAM')
    .reduce((end, range) => Math.max(end, range.end), 0);
}

/** A page of RAM. */
export function pageArgument(k: X86Kernel, name: string, page: Argument, where: string): number {
  if (typeof page !== 'bigint') throw wrongKind(name, page, 'a page', where);
  const end = Math.floor(endOfRam(k) / 4096);
  if (page < 0n || page >= BigInt(end)) {
    throw new InputError({
      code: 'out-of-range',
      what: `argument ${name}: pfn`,
      where,
      found: page < 0n ? String(page) : `0x${page.toString(16)}`,
      expected: `a page of RAM, which ends at pfn 0x${(end - 1).toString(16)}`,
    });
  }
  return Number(page);
}

/** Kernel addresses only, and in the direct map only those of RAM or of holes below its end. */
function addressArgument(k: X86Kernel, name: string, value: bigint, where: string): number {
  const bits = k.pgtable_l5_enabled ? 57 : 48;
  const signed = BigInt.asIntN(64, value);
  if (value < -(2n ** 63n) || value >= 2n ** 64n || signed >= 0n || signed < -(2n ** BigInt(bits - 1))) {
    throw new InputError({
      code: 'out-of-range',
      what: `argument ${name}`,
      where,
      found: `0x${BigInt.asUintN(64, value).toString(16)}`,
      expected: `a kernel address of ${bits} bits, from ${hexAddress(-(2 ** (bits - 1)))} up`,
    });
  }
  if ((signed & 0xfffn) !== 0n) {
    throw new InputError({
      code: 'bad-format',
      what: `argument ${name}`,
      where,
      found: `0x${BigInt.asUintN(64, value).toString(16)}`,
      expected: 'a multiple of the page size, 4096',
    });
  }
  const address = Number(signed);
  const physical = address - k.page_offset;
  const windowEnd = k.page_offset + 2 ** (bits - 2);
  if (
    address >= k.page_offset &&
    address < windowEnd &&
    address < __START_KERNEL_map &&
    physical >= endOfRam(k)
  ) {
    throw new InputError({
      code: 'out-of-range',
      what: `argument ${name}`,
      where,
      found: `${hexAddress(address)}, physical 0x${physical.toString(16)}`,
      expected: `an address of RAM, which ends at physical 0x${(endOfRam(k) - 1).toString(16)}`,
    });
  }
  return address;
}

/** The call with its arguments as values, as a reader of mail expects: addresses in hex, pages as pfn. */
export function callText(call: KernelCall<X86Kernel>, args: readonly CallArgument[], site: CallSite): string {
  const shown = call.parameters.map((parameter, i) => {
    const arg = args[i]!;
    if (typeof arg !== 'number') return `[${arg.length} pages]`;
    if (parameter.kind === 'address') return hexAddress(arg);
    if (parameter.kind === 'page') return `pfn 0x${arg.toString(16)}`;
    return parameter.kind === 'prot' ? `0x${(arg >>> 0).toString(16)}` : String(arg);
  });
  const given = call.parameters.filter(
    (parameter, i) => parameter.default === undefined || args[i] !== parameter.default,
  );
  return `${site.name}(${shown.slice(0, Math.max(given.length, 0)).join(', ')})`;
}
