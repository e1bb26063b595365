/** A kernel function as a call that scripts, recordings and checks can make by name. */

import type { Kernel } from './kernel.ts';
import type { Task } from './task.ts';

/**
 * What an argument means:
 * - `address`: a page-aligned virtual address;
 * - `page`: a `struct page *`, as its frame number;
 * - `pages`: a `struct page **`, as frame numbers;
 * - `count`: a number of pages, or another plain number;
 * - `flag`: 0 or 1;
 * - `prot`: protection bits, packed (`EntryFlags`);
 * - `bits`: a set of bits, of 32, that the function defines.
 */
export type ParameterKind = 'address' | 'page' | 'pages' | 'count' | 'flag' | 'prot' | 'bits';

export interface CallParameter {
  /** The name that scripts' help and recordings use for it. */
  name: string;
  kind: ParameterKind;
  /** Of an address: recordings may have one inside of a page, and what comes of that the function itself says. */
  unaligned?: true;
  /** Used when the caller leaves it out. */
  default?: number;
}

/** What decides whether a kernel has a function. */
export type KernelBuild<K extends Kernel = Kernel> = Pick<K, 'version' | 'has' | 'config'>;

export type CallArgument = number | readonly number[];

/** What a call gives back: an int or a bool as a number, a `struct page *` or NULL, an address, or nothing. */
export type CallResult = 'int' | 'bool' | 'page' | 'address' | 'void';

export interface KernelCall<K extends Kernel = Kernel> {
  name: string;
  parameters: readonly CallParameter[];
  returns: CallResult;
  /** One line: what it does. */
  summary: string;
  /** Why this kernel does not have it, or undefined if it does. */
  missing?(build: KernelBuild<K>): string | undefined;
  /** NULL is undefined. Arguments are as many as parameters and of their kinds. */
  run(k: K, args: readonly CallArgument[]): Task<number | undefined>;
}

/** A number argument, by position. */
export function number(args: readonly CallArgument[], position: number): number {
  return args[position] as number;
}

/** An array argument, by position. */
export function numbers(args: readonly CallArgument[], position: number): readonly number[] {
  return args[position] as readonly number[];
}
