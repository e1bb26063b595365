/** Kernel calls as scripts see them: which names there are, and what their arguments must be. */

import { InputError } from '../errors.ts';
import { ARCHITECTURES } from '../linux/arch/index.ts';
import type { Architecture } from '../linux/architecture.ts';
import type { CallArgument, CallParameter, KernelCall } from '../linux/call.ts';
import { GENERIC_CALLS } from '../linux/calls.ts';
import { ERRNO_BY_NAME } from '../linux/errno.ts';
import type { Kernel } from '../linux/kernel.ts';
import { hexAddress } from '../mmu/format.ts';
import type { AddressRange } from '../mmu/walk.ts';
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

const CALLS = new Map<Architecture, ReadonlyMap<string, KernelCall>>();

/** The kernel functions that can be called on an architecture, by name. */
export function callsOf(arch: Architecture): ReadonlyMap<string, KernelCall> {
  const known = CALLS.get(arch);
  if (known !== undefined) return known;
  const calls = new Map([...GENERIC_CALLS, ...arch.calls].map((call) => [call.name, call]));
  CALLS.set(arch, calls);
  return calls;
}

/** Every kernel function that some architecture has, by name. */
export function allCalls(architectures: readonly Architecture[] = ARCHITECTURES): Map<string, KernelCall> {
  return new Map([...architectures].reverse().flatMap((arch) => [...callsOf(arch)]));
}

/** What to expect of a call that kills the machine: expect(touch(page), OOPS). No kernel function returns it. */
export const OOPS = -(2n ** 63n);

const ERRNOS = [...ERRNO_BY_NAME].map(([name, value]) => [name, BigInt(value)] as const);

/** What names stand for on an architecture with pages of so many bytes. */
export function constantsOf(arch: Architecture, page_size: number): ReadonlyMap<string, bigint> {
  return new Map([
    ...ERRNOS,
    ['OOPS', OOPS],
    ['PAGE_SIZE', BigInt(page_size)],
    ...Object.entries(arch.constants),
  ]);
}

/** Pages a call may name: 4 GiB, so that no call runs or fills memory without end. */
const MAX_COUNT = 2n ** 20n;

/** Everything a script may name, on one of these architectures or another. */
export function knownNames(architectures: readonly Architecture[] = ARCHITECTURES): KnownNames {
  const calls = new Map<string, { min: number; max: number }>();
  for (const arch of architectures) {
    for (const [name, { parameters }] of callsOf(arch)) {
      const required = parameters.filter((parameter) => parameter.default === undefined).length;
      const { min, max } = calls.get(name) ?? { min: required, max: parameters.length };
      calls.set(name, { min: Math.min(min, required), max: Math.max(max, parameters.length) });
    }
  }
  for (const [name, { min, max }] of Object.entries(SCRIPT_FUNCTIONS)) calls.set(name, { min, max });
  const constants = new Set(architectures.flatMap((arch) => [...constantsOf(arch, 0).keys()]));
  return { calls, constants };
}

/** Checks a script's arguments against the machine and turns them into the kernel's. */
export function kernelArguments(
  k: Kernel,
  call: KernelCall,
  args: readonly Argument[],
  where: string,
): CallArgument[] {
  return call.parameters.map((parameter, i) => {
    const arg = args[i];
    if (arg === undefined) return parameter.default ?? 0;
    return kernelArgument(k, parameter, arg, `${where}: ${call.name}()`);
  });
}

function kernelArgument(k: Kernel, parameter: CallParameter, arg: Argument, where: string): CallArgument {
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
    case 'bits':
      return inRange(name, arg, 0n, 2n ** 32n - 1n, where);
    case 'prot':
      return packedProt(k, arg);
  }
}

/** Protection bits of a 64-bit entry, packed as the format packs those of a large leaf, which has room for all. */
export function packedProt(k: Kernel, prot: bigint): number {
  const bits = BigInt.asUintN(64, prot);
  return k.format.flags(2, Number(bits & 0xffff_ffffn), Number(bits >> 32n));
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
export function endOfRam(k: Kernel): number {
  return k.machine.memory
    .filter((range) => range.type === 'RAM')
    .reduce((end, range) => Math.max(end, range.end), 0);
}

/** A page of RAM. */
export function pageArgument(k: Kernel, name: string, page: Argument, where: string): number {
  if (typeof page !== 'bigint') throw wrongKind(name, page, 'a page', where);
  const end = Math.floor(endOfRam(k) / k.page_size);
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
function addressArgument(k: Kernel, name: string, value: bigint, where: string): number {
  const { start, end } = k.kernel_range;
  const window = k.direct_map_window;
  const signed = BigInt.asIntN(64, value);
  const found = `0x${BigInt.asUintN(64, value).toString(16)}`;
  const isWithin = (range: AddressRange) => signed >= BigInt(range.start) && signed < BigInt(range.end);
  if (value < -(2n ** 63n) || value >= 2n ** 64n || (!isWithin({ start, end }) && !isWithin(window))) {
    throw new InputError({
      code: 'out-of-range',
      what: `argument ${name}`,
      where,
      found,
      expected: `a kernel address, ${hexAddress(start)} to ${hexAddress(BigInt(end) - 1n)}`,
    });
  }
  if (signed % BigInt(k.page_size) !== 0n) {
    throw new InputError({
      code: 'bad-format',
      what: `argument ${name}`,
      where,
      found,
      expected: `a multiple of the page size, ${k.page_size}`,
    });
  }
  const address = Number(signed);
  const physical = address - k.page_address(0);
  if (address >= window.start && address < window.end && physical >= endOfRam(k)) {
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
export function callText(call: KernelCall, args: readonly CallArgument[], site: CallSite): string {
  const shown = call.parameters.map((parameter, i) => {
    const arg = args[i]!;
    if (typeof arg !== 'number') return `[${arg.length} pages]`;
    if (parameter.kind === 'address') return hexAddress(arg);
    if (parameter.kind === 'page') return `pfn 0x${arg.toString(16)}`;
    return parameter.kind === 'prot' || parameter.kind === 'bits'
      ? `0x${(arg >>> 0).toString(16)}`
      : String(arg);
  });
  const given = call.parameters.filter(
    (parameter, i) => parameter.default === undefined || args[i] !== parameter.default,
  );
  return `${site.name}(${shown.slice(0, Math.max(given.length, 0)).join(', ')})`;
}
