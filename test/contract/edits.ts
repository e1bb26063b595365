/** Everything of an architecture that edits mappings, as calls on one page that the caller owns. */

import { InputError, NotModelledError } from '../../src/errors.ts';
import type { CallParameter, KernelCall } from '../../src/linux/call.ts';
import { type Kernel, type LeafEntry, type Rights, rightsOf } from '../../src/linux/kernel.ts';
import { alloc_pages, GFP_KERNEL } from '../../src/linux/mm/page_alloc.ts';
import { type AllocationPolicy, grantAll, runTask, type Task } from '../../src/linux/task.ts';

/** To pass over the image in few steps. */
const LARGE_ORDER = 8;

/** The last leaf of an image may reach over its end. */
const IMAGE_ALIGN = 2 ** 21;

export interface Edit {
  /** "__kernel_map_pages(page, 1, 0)" */
  readonly name: string;
  readonly call: KernelCall;
  readonly args: readonly (number | readonly number[])[];
}

export interface Ran {
  /** Undefined also where the machine died. */
  readonly value: number | undefined;
  readonly asked: number;
  /** First frames of what it was given. */
  readonly given: readonly number[];
  /** Why a call was not needed, as it told. */
  readonly guards: readonly string[];
  readonly notModelled: boolean;
}

/** Calls about one page, or one page of a range, with 0 and with 1 for a flag. */
export function editsOf(k: Kernel, pfn: number): Edit[] {
  return k.version.arch.calls
    .filter((call) => call.missing?.(k) === undefined && isAboutPages(call))
    .flatMap((call) => {
      const flagged = call.parameters.some(({ kind }) => kind === 'flag');
      return (flagged ? [0, 1] : [0]).map((flag) => {
        const args = call.parameters.map((parameter) => argument(k, parameter, pfn, flag));
        const shown = call.parameters.map(({ kind }, i) =>
          kind === 'page' || kind === 'address' || kind === 'pages' ? 'page' : String(args[i]),
        );
        return { name: `${call.name}(${shown.join(', ')})`, call, args };
      });
    });
}

/** By the names that the kernel gives to such functions. */
function isAboutPages({ name, parameters }: KernelCall): boolean {
  const about = ['page', 'address', 'pages'].includes(parameters[0]?.kind ?? '');
  return about && /set_(memory|direct_map|pages)_|^__kernel_map_pages$|_mce_nospec$/.test(name);
}

function argument(k: Kernel, { name, kind, default: usual }: CallParameter, pfn: number, flag: number) {
  switch (kind) {
    case 'page':
      return pfn;
    case 'pages':
      return [pfn];
    case 'address':
      return k.page_address(pfn);
    case 'flag':
      return flag;
    case 'count':
      return name.includes('pages') ? 1 : (usual ?? 0);
    default:
      return usual ?? 0;
  }
}

export function run(k: Kernel, { call, args }: Pick<Edit, 'call' | 'args'>, policy?: AllocationPolicy): Ran {
  return runCounted(k, () => call.run(k, args), policy);
}

/** Runs a task, and tells what it asked for and what it said. */
export function runCounted(
  k: Kernel,
  task: () => Task<number | undefined>,
  policy: AllocationPolicy = grantAll,
): Ran {
  let asked = 0;
  const guards: string[] = [];
  const given: number[] = [];
  k.listen((event) => {
    if (event.kind === 'guard') guards.push(event.because);
    if (event.kind === 'allocated') given.push(event.pfn);
  });
  try {
    const result = runTask(task(), (point) => {
      asked++;
      return policy(point);
    });
    const value = result.ended === 'returned' ? result.value : undefined;
    return { value, asked, given, guards, notModelled: false };
  } catch (error) {
    if (!(error instanceof NotModelledError || error instanceof InputError)) throw error;
    return { value: undefined, asked, given, guards, notModelled: true };
  } finally {
    k.listen(undefined);
  }
}

/** The first frame of 2^order pages that are the caller's, away from what maps the kernel's image too. */
export function ownPages(k: Kernel, order: number): number {
  const { sections } = k;
  const isNearImage = (pfn: number) => {
    const address = pfn * k.page_size;
    return sections !== undefined && address >= sections.text && address < sections.end + IMAGE_ALIGN;
  };
  let pfn = allocate(k, order);
  while (isNearImage(pfn)) pfn = allocate(k, LARGE_ORDER);
  return pfn;
}

function allocate(k: Kernel, order: number): number {
  const result = runTask(alloc_pages(k, GFP_KERNEL, order));
  if (result.ended !== 'returned' || result.value === undefined)
    throw new Error(`no block of order ${order}`);
  return result.value;
}

/** The frame that the direct map's entry for a page names, present or not. */
export function namedFrame(k: Kernel, pfn: number): number | undefined {
  const leaf = k.leafAt(k.page_address(pfn));
  return leaf === undefined ? undefined : frameIn(k, leaf, k.page_address(pfn));
}

function frameIn(k: Kernel, { level, low, high }: LeafEntry, address: number): number {
  const bytes = 2 ** k.format.levelShift(level);
  const within = address - Math.floor(address / bytes) * bytes;
  return k.format.leafFrame(level, low, high) + within / k.page_size;
}

/** What the direct map lets the kernel do with a page. */
export function rightsTo(k: Kernel, pfn: number): Rights | undefined {
  const leaf = k.leafAt(k.page_address(pfn));
  return leaf === undefined ? undefined : rightsOf(k.format, leaf);
}

export function sameRights(a: Rights | undefined, b: Rights | undefined): boolean {
  return a?.present === b?.present && a?.writable === b?.writable && a?.executable === b?.executable;
}
