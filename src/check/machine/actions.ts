/** From a world's patterns to the actions that its CPUs may take, and to their words in a scenario. */

import type { Architecture } from '../../linux/architecture.ts';
import type { CallArgument, KernelBuild, KernelCall } from '../../linux/call.ts';
import type { Kernel } from '../../linux/kernel.ts';
import { allCalls, callsOf } from '../../scenario/script_calls.ts';
import type { Action, Pattern, PatternCall, World } from '../claim.ts';

/** @throws Error if a claim names a function that nobody has modelled: a mistake in the claim. */
export function callNamed(arch: Architecture, name: string): KernelCall {
  const call = callsOf(arch).get(name) ?? allCalls().get(name);
  if (call === undefined) throw new Error(`a claim's world calls ${name}(), which is not modelled`);
  return call;
}

/** Whether a kernel has a function. @throws Error if no architecture has */
export function isBuilt(build: KernelBuild, name: string): boolean {
  callNamed(build.version.arch, name);
  const call = callsOf(build.version.arch).get(name);
  return call !== undefined && call.missing?.(build) === undefined;
}

/** The real pages behind explored ones, for the words of a call: all alike in a small geometry. */
export interface RealPages {
  offsetOf(page: number): number;
  countOf(first: number, pages: number): number;
}

const AS_EXPLORED: RealPages = { offsetOf: (page) => page, countOf: (_, pages) => pages };

/** All that may be done on `pages` explored pages by a kernel that has the functions. */
export function expandActions(k: Kernel, world: World, pages: number, real: RealPages): Action[] {
  return world.calls
    .filter(({ calls }) => calls.every(({ name }) => isBuilt(k, name)))
    .flatMap((pattern) => expandPattern(k.version.arch, pattern, world.cpus ?? 1, pages, real));
}

export function expandPattern(
  arch: Architecture,
  pattern: Pattern,
  cpus: number,
  pages: number,
  real: RealPages = AS_EXPLORED,
): Action[] {
  const everyone = Array.from({ length: cpus }, (_, cpu) => cpu);
  return placesOf(pattern.on, pages).map(([first, count]) => ({
    calls: pattern.calls,
    first,
    pages: count,
    cpus: pattern.cpus ?? everyone,
    exclusive: pattern.exclusive ?? false,
    text: pattern.calls
      .map((call) => callText(arch, call, real.offsetOf(first), real.countOf(first, count)))
      .join('; '),
  }));
}

function placesOf(on: Pattern['on'], pages: number): [first: number, count: number][] {
  switch (on) {
    case 'none':
      return [[0, 0]];
    case 'first':
      return [[0, 1]];
    case 'leaf':
      return [[0, pages]];
    case 'page':
      return Array.from({ length: pages }, (_, page) => [page, 1]);
    case 'range': {
      const places: [number, number][] = [];
      for (let first = 0; first < pages; first++) {
        for (let count = 1; first + count <= pages; count++) places.push([first, count]);
      }
      return places;
    }
  }
}

/** The call in a few words: "set_memory_np(page+1, 2)". */
export function callText(arch: Architecture, call: PatternCall, first: number, pages: number): string {
  const words = argumentsOf(arch, call, {
    page: () => place(first),
    address: () => place(first),
    count: () => String(pages),
    kept: (name) => name,
    number: (value) => String(value),
  });
  return `${call.name}(${words.join(', ')})`;
}

function place(first: number): string {
  return first === 0 ? 'page' : `page+${first}`;
}

/** How each kind of argument is to be made. */
export interface ArgumentMakers<T> {
  page(): T;
  address(): T;
  /** The number of pages. */
  count(): T;
  kept(name: string): T;
  number(value: number): T;
}

/**
 * A call's arguments in the function's order: the first page or address is the place, or what was kept; a count right
 * after it, or the first of a `sized` call, the number of pages; all else comes from `with`.
 */
export function argumentsOf<T>(arch: Architecture, call: PatternCall, make: ArgumentMakers<T>): T[] {
  const rest = [...(call.with ?? [])];
  const { parameters } = callNamed(arch, call.name);
  return parameters.flatMap((parameter, i): T[] => {
    if (i === 0 && call.at !== undefined) return [make.kept(call.at)];
    if (i === 0 && call.sized === true) return [make.count()];
    if (i === 0 && parameter.kind === 'page') return [make.page()];
    if (i === 0 && parameter.kind === 'address') return [make.address()];
    if (i === 1 && parameter.name === 'pages') return [make.count()];
    const value = rest.shift();
    if (value === undefined) return parameter.default === undefined ? [make.number(0)] : [];
    return [typeof value === 'string' ? make.kept(value) : make.number(value)];
  });
}

/** The same for the model: all arguments, defaults too. */
export function kernelArgumentsOf(
  arch: Architecture,
  call: PatternCall,
  make: ArgumentMakers<number>,
): CallArgument[] {
  const given = argumentsOf(arch, call, make);
  return callNamed(arch, call.name).parameters.map((parameter, i) => given[i] ?? parameter.default ?? 0);
}
