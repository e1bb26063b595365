/** Options that several commands have: what an exploration may take, and how the kernel is built and booted. */

import type { Command } from 'commander';
import type { Limits } from '../check/explore/explore.ts';
import { splitConfig } from '../linux/config.ts';
import { numberOption } from './options.ts';

const MEBIBYTE = 2 ** 20;

export interface LimitOptions {
  maxStates: string;
  maxMemory: string;
  timeout: string;
}

export interface BuildOptions {
  config?: string;
  boot?: string;
}

/** Of one claim on one kernel. */
export function addLimitOptions(command: Command): Command {
  return command
    .option('--max-states <n>', 'give up after so many states', '100000000')
    .option('--max-memory <MiB>', 'give up when the states take so much', '1024')
    .option('--timeout <seconds>', 'give up after so long', '600');
}

/** @throws InputError */
export function limitsOf({ maxStates, maxMemory, timeout }: LimitOptions): Limits {
  return {
    states: numberOption('--max-states', maxStates, { min: 1, max: 2 ** 32 }),
    bytes: MEBIBYTE * numberOption('--max-memory', maxMemory, { min: 1, max: 2 ** 30 }),
    seconds: numberOption('--timeout', timeout, { min: 0, max: 1e9, whole: false }),
  };
}

export function addBuildOptions(command: Command): Command {
  return command
    .option('--config <settings>', 'config options, e.g. DEBUG_PAGEALLOC=y,SECRETMEM=n')
    .option('--boot <parameters>', "kernel command line, e.g. 'debug_pagealloc=on nogbpages'");
}

/** @throws InputError */
export function buildOptionsOf({ config, boot }: BuildOptions): {
  config?: [string, string][];
  boot?: string;
} {
  return {
    ...(config !== undefined && { config: splitConfig(config, '--config') }),
    ...(boot !== undefined && { boot }),
  };
}

/** The options as they were typed, to be typed again. */
export function buildOptionsText({ config, boot }: BuildOptions): string {
  const quoted = (text: string) => (/^[\w.=,-]+$/.test(text) ? text : `'${text}'`);
  const words = config === undefined ? '' : ` --config ${quoted(config)}`;
  return boot === undefined ? words : `${words} --boot ${quoted(boot)}`;
}
