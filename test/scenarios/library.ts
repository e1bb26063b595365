/** The scenario library: its files, and each run on every machine that it names. */

import { readdirSync, readFileSync } from 'node:fs';
import type { Kernel } from '../../src/linux/kernel.ts';
import {
  knownNames,
  type Outcome,
  type Program,
  parseScenario,
  runScenario,
  startMachine,
  startOptionsOf,
  type Target,
  targetsOf,
} from '../../src/scenario/index.ts';

const ROOT = new URL('../../scenarios/', import.meta.url);

/** "history/s01-one-page-out-and-back.js" and the like. */
export const FILES: readonly string[] = ['thread', 'history'].flatMap((folder) =>
  readdirSync(new URL(folder, ROOT)).map((name) => `${folder}/${name}`),
);

export interface Scenario {
  readonly file: string;
  readonly source: string;
  readonly program: Program;
  /** Every machine once. */
  readonly targets: readonly Target[];
}

export interface Run {
  readonly scenario: Scenario;
  readonly target: Target;
  /** As it is after the run. */
  readonly kernel: Kernel;
  readonly outcome: Outcome;
}

export function readScenario(file: string): Scenario {
  const source = readFileSync(new URL(file, ROOT), 'utf8');
  const program = parseScenario(source, file, knownNames());
  const targets = new Map(targetsOf(program).map((target) => [nameOf(target), target]));
  return { file, source, program, targets: [...targets.values()] };
}

/** "arm64 v6.1.192: rodata=off" */
export function nameOf({ arch, kernel, boot }: Target): string {
  return `${arch.name} ${kernel}${boot === undefined ? '' : `: ${boot}`}`;
}

export function run(scenario: Scenario, target: Target): Run {
  const start = startMachine(scenario.program, startOptionsOf(target));
  const outcome = runScenario(scenario.program, start);
  return { scenario, target, kernel: start.kernel, outcome };
}
