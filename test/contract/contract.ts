/** The contract suite: tests that any architecture must pass, a new one too. */

import { describe, expect, test } from 'vitest';
import { InputError, NotModelledError } from '../../src/errors.ts';
import type { Architecture, Booted } from '../../src/linux/architecture.ts';
import { GENERIC_CALLS } from '../../src/linux/calls.ts';
import { parseConfig } from '../../src/linux/config.ts';
import { changesOf, changesOfPreset, parseKernelVersion, presetsOf } from '../../src/linux/kernels.ts';
import { bootCase, type Case, casesOf } from './machines.ts';
import { RULES, type Rule } from './rules.ts';
import type { Skip } from './skips.ts';

/**
 * Effect: the tests of one architecture on these kernels, which it must have, are registered. `excused` is what its kernels
 * do otherwise.
 */
export function contract(arch: Architecture, kernels: readonly string[], excused: readonly Skip[]): void {
  describe(arch.name, () => {
    describeItself(arch, excused);
    describe.each(kernels)('%s', (kernel) => {
      const cases = casesOf(arch, kernel);
      const machines = new Map<string, Booted | string>();
      test.each(RULES.map((rule) => [rule.sentence, rule] as const))('%s', (_sentence, rule) => {
        const skips = excused.filter((skip) => skip.rule === rule.sentence);
        expect(verdict(rule, cases, skips, machines)).toEqual([]);
      });
    });
  });
}

/** What breaks a rule and is not excused, and the skips for these machines that excuse nothing. */
function verdict(
  rule: Rule,
  cases: readonly Case[],
  skips: readonly Skip[],
  machines: Map<string, Booted | string>,
): string[] {
  const stale = new Set(skips.filter(({ on }) => cases.some((wanted) => on?.(wanted) ?? true)));
  const wrong: string[] = [];
  for (const wanted of cases) {
    for (const text of broken(rule, wanted, machines)) {
      const skip = skips.find(({ on, what }) => (on?.(wanted) ?? true) && what.test(text));
      if (skip === undefined) wrong.push(`${wanted.name}: ${text}`);
      else stale.delete(skip);
    }
  }
  return [...wrong, ...[...stale].map(({ reason }) => `a skip is not needed any more: ${reason}`)];
}

/** That a machine does not boot breaks the first rule only. */
function broken(rule: Rule, wanted: Case, machines: Map<string, Booted | string>): string[] {
  const booted = machines.get(wanted.name) ?? bootOrSay(wanted);
  machines.set(wanted.name, booted);
  if (typeof booted === 'string') return rule === RULES[0] ? [booted] : [];
  const mark = booted.kernel.mark();
  try {
    return [...rule.broken(booted, wanted)];
  } catch (error) {
    if (error instanceof NotModelledError) return [error.message];
    throw error;
  } finally {
    booted.kernel.undo(mark);
  }
}

function bootOrSay(wanted: Case): Booted | string {
  try {
    return bootCase(wanted);
  } catch (error) {
    if (error instanceof NotModelledError || error instanceof InputError) return error.message;
    throw error;
  }
}

/** What an architecture says of itself, before it is booted. */
function describeItself(arch: Architecture, excused: readonly Skip[]): void {
  const every = presetsOf(arch);
  const versionOf = (kernel: string) => parseKernelVersion(kernel, 'test', arch);

  test('it has names of its own, and a kernel', () => {
    expect([arch.name, ...arch.aliases].every((name) => /^[a-z0-9_-]+$/.test(name))).toBe(true);
    expect(every).not.toEqual([]);
    for (const reason of Object.values(arch.missing)) expect(reason).toMatch(/\S/);
    expect([...arch.pageSizes]).toEqual([...arch.pageSizes].sort((a, b) => a - b));
  });

  test('each change has an effect and came once, with a kernel that there is', () => {
    const known = Object.keys(arch.changes);
    const came = Object.values(arch.since).flat();
    expect(came.filter((name) => !known.includes(name))).toEqual([]);
    expect(new Set(came).size).toBe(came.length);
    for (const { effect, release } of Object.values(arch.changes)) {
      expect(effect).toMatch(/\S/);
      expect(release).toMatch(/\bv\d/);
    }
  });

  test('each change can be put in and taken out of each kernel', () => {
    for (const preset of every) {
      for (const name of Object.keys(changesOf(arch))) {
        const has = (sign: string) =>
          (versionOf(`${preset.name}${sign}${name}`).has as Record<string, boolean>)[name];
        expect([has('+'), has('~')]).toEqual([true, false]);
      }
      expect(Object.keys(changesOf(arch))).toEqual(expect.arrayContaining(changesOfPreset(arch, preset)));
    }
  });

  test('each call has a summary and its own name, and each kernel has it or says why not', () => {
    const calls = [...GENERIC_CALLS, ...arch.calls];
    expect(new Set(calls.map(({ name }) => name)).size).toBe(calls.length);
    for (const { name, summary, parameters } of calls) {
      expect(name).toMatch(/^\w+$/);
      expect(summary).toMatch(/^\S[^\n]*\S$/);
      expect(new Set(parameters.map((parameter) => parameter.name)).size).toBe(parameters.length);
      const optional = parameters.findIndex((parameter) => parameter.default !== undefined);
      if (optional >= 0)
        expect(parameters.slice(optional).every((each) => each.default !== undefined)).toBe(true);
    }
    for (const preset of every) {
      const version = versionOf(preset.name);
      const build = { version, has: version.has, config: parseConfig([], 'test', arch) };
      for (const { missing } of calls) expect(missing?.(build) ?? 'has it').toMatch(/\S/);
    }
  });

  test('each way to boot has a name of its own, and its words are known', () => {
    expect(new Set(arch.boots.map(({ name }) => name)).size).toBe(arch.boots.length);
    for (const { boot = '', config: settings = [], features = {} } of [...arch.boots, ...besides(arch)]) {
      const config = parseConfig(settings, 'test', arch);
      expect(arch.parseBoot(boot, config, 'test').ignored).toEqual([]);
      expect(Object.keys(arch.features)).toEqual(expect.arrayContaining(Object.keys(features)));
    }
  });

  test('each skip is about a rule', () => {
    const sentences = RULES.map(({ sentence }) => sentence);
    for (const { rule, reason } of excused) {
      expect(sentences).toContain(rule);
      expect(reason).toMatch(/\S/);
    }
  });

  test('its build options and features have a meaning', () => {
    for (const { meaning } of [...Object.values(arch.config), ...Object.values(arch.features)])
      expect(meaning).toMatch(/\S/);
  });

  test('each feature may be as it is by default', () => {
    for (const [name, { default: value }] of Object.entries(arch.features))
      expect(arch.machine({ ram: 2 ** 29, features: { [name]: value }, where: 'test' })).toBeDefined();
  });

  test.each([
    ['a page of 3 bytes', { page_size: 3 }],
    ['9 levels', { levels: 9 }],
    ['0 index bits', { index_bits: 0 }],
    ['99 index bits', { index_bits: 99 }],
    ['a feature that nobody knows', { features: { nonsense: true } }],
  ])('a machine with %s is refused', (_what, nonsense) => {
    expect(() => arch.machine({ ram: 2 ** 29, where: 'test', ...nonsense })).toThrow(InputError);
  });
}

/** Ways to boot that are not for grids. */
function besides({ largeLeaves, noPudLeaves }: Architecture): Partial<Architecture['boots'][number]>[] {
  return [largeLeaves, noPudLeaves].filter((each) => each !== undefined);
}
