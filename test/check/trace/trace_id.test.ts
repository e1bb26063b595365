import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { machineFor, worldOf } from '../../../src/check/check.ts';
import type { Action, Choice } from '../../../src/check/claim.ts';
import { CLAIMS } from '../../../src/check/claims/index.ts';
import { expandPattern } from '../../../src/check/machine/actions.ts';
import {
  actionName,
  encodeTrace,
  parseSteps,
  parseTraceId,
  type TraceStart,
} from '../../../src/check/trace/trace_id.ts';
import { InputError, NotModelledError } from '../../../src/errors.ts';
import { X86 } from '../../../src/linux/arch/x86/index.ts';
import { PRESETS, parseKernelVersion } from '../../../src/linux/kernels.ts';

const CPUS = 3;
const ACTIONS: readonly Action[] = [
  { calls: [{ name: 'set_memory_np' }], on: 'range' } as const,
  { calls: [{ name: 'set_memory_np' }, { name: 'set_memory_p' }], on: 'range' } as const,
  { calls: [{ name: '__kernel_map_pages', with: [1] }], on: 'page' } as const,
  { calls: [{ name: '__kernel_map_pages', with: [0] }], on: 'page' } as const,
  { calls: [{ name: 'memfd_secret', keep: 'fd' }], on: 'none' } as const,
  { calls: [{ name: 'secretmem_fault', with: ['fd', 0] }], on: 'none' } as const,
].flatMap((pattern) => expandPattern(X86, pattern, CPUS, 4));

const refused = fc.uniqueArray(fc.integer({ min: 1, max: 12 }), { maxLength: 3 }).map((list) => list.sort());
const cpu = fc.integer({ min: 0, max: CPUS - 1 });
const begins = fc.record({ cpu, action: fc.constantFrom(...ACTIONS), refused });
const goesOn = fc.record({ cpu, refused });
const choices: fc.Arbitrary<Choice[]> = fc.array(fc.oneof(begins, goesOn, goesOn), {
  minLength: 1,
  maxLength: 12,
});

const start: fc.Arbitrary<TraceStart> = fc
  .record({
    claim: fc.constantFrom('no-large-np-leaf', 'remap-of-4k-np-cannot-fail'),
    kernel: fc.constantFrom('v7.2.13', 'v6.12.107', 'v5.11+cpa-collapse~vmstat-splits'),
    geometry: fc.constantFrom(1, 2, 3, 9),
    boot: fc.option(fc.string({ minLength: 1 })),
    config: fc.option(
      fc.array(fc.tuple(fc.constantFrom('DEBUG_PAGEALLOC', 'SECRETMEM'), fc.constantFrom('y', 'n')), {
        minLength: 1,
      }),
    ),
    cpus: fc.option(fc.integer({ min: 1, max: 4 })),
  })
  .map(
    ({ boot, config, cpus, ...rest }): TraceStart => ({
      ...rest,
      ...(boot === null ? {} : { boot }),
      ...(config === null ? {} : { config }),
      ...(cpus === null ? {} : { cpus }),
    }),
  );

describe('an id', () => {
  test('tells where the trace starts and every choice', () => {
    fc.assert(
      fc.property(start, choices, (from, taken) => {
        const { steps, ...parsed } = parseTraceId(encodeTrace(from, taken));
        expect(parsed).toEqual(from);
        expect(parseSteps(steps, ACTIONS)).toEqual(taken);
      }),
    );
  });

  test('fits into a URL and a mail: no blank, no sign that needs quoting', () => {
    fc.assert(
      fc.property(start, choices, (from, taken) => {
        expect(encodeTrace(from, taken)).toMatch(/^[\w.,:;*!~@=+%'()-]+$/);
      }),
    );
  });

  test('is read behind blanks and a URL', () => {
    const from = { claim: 'no-large-np-leaf', kernel: 'v7.2.13', geometry: 9 };
    const id = encodeTrace(from, [{ cpu: 0, action: ACTIONS[3]!, refused: [] }]);
    const { steps: _, ...parsed } = parseTraceId(` https://example.org/trace#${id}\n`);
    expect(parsed).toEqual(from);
  });

  test('of an action is found again whatever else the claim has', () => {
    const [action] = ACTIONS;
    expect(parseSteps('0*set_memory_np,0,1!2', [...ACTIONS].reverse())).toEqual([
      { cpu: 0, action, refused: [2] },
    ]);
  });
});

const CORPUS: readonly string[] = [
  encodeTrace({ claim: 'no-large-np-leaf', kernel: 'v7.2.13', geometry: 9 }, [
    { cpu: 0, action: ACTIONS[3]!, refused: [] },
  ]),
  encodeTrace({ claim: 'cpa-updates-are-not-lost', kernel: 'v6.12.107', geometry: 9, cpus: 2 }, [
    { cpu: 1, action: ACTIONS[0]!, refused: [] },
    { cpu: 1, refused: [] },
    { cpu: 0, action: ACTIONS[20]!, refused: [1] },
    { cpu: 0, refused: [] },
    { cpu: 0, refused: [] },
    { cpu: 1, refused: [2, 3] },
  ]),
  encodeTrace(
    {
      claim: 'secretmem-restore-cannot-fail',
      kernel: 'v7.2.13~cpa-collapse',
      geometry: 2,
      boot: 'secretmem.enable=1 nogbpages',
      config: [['DEBUG_PAGEALLOC', 'y']],
    },
    [
      { cpu: 0, action: ACTIONS.at(-2)!, refused: [] },
      { cpu: 0, action: ACTIONS.at(-1)!, refused: [1, 2] },
    ],
  ),
];
const LETTERS = 'abnpyAZ0129,.:;*!~@=+-_% #';

/** Why an id is refused, or undefined if it is not. */
function refusal(id: string): string | undefined {
  try {
    parseTraceId(id);
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(InputError);
    return (error as InputError).message;
  }
}

describe('an id that was damaged on its way', () => {
  test.each(CORPUS)('%s', (id) => {
    expect(refusal(id)).toBeUndefined();
    for (let i = 0; i < id.length; i++) {
      for (const letter of LETTERS) {
        if (letter === id[i]) continue;
        const changed = id.slice(0, i) + letter + id.slice(i + 1);
        // What comes behind a number sign is the whole id; blanks at the ends are not of it.
        if (letter === ' ' && changed.trim() === id) continue;
        expect(refusal(changed), changed).toMatch(/changed or lost|end is missing/);
      }
      const without = id.slice(0, i) + id.slice(i + 1);
      if (without !== id) expect(refusal(without), without).toMatch(/changed or lost|end is missing/);
      if (i > 0 && id[i] !== id[i - 1]) {
        const swapped = id.slice(0, i - 1) + id[i] + id[i - 1] + id.slice(i + 1);
        expect(refusal(swapped), swapped).toMatch(/changed or lost|end is missing/);
      }
    }
  });

  test('cut off behind any character it says so, or that one was lost', () => {
    for (const id of CORPUS) {
      for (let length = 0; length < id.length; length++) {
        expect(refusal(id.slice(0, length))).toMatch(/changed or lost|was it cut off/);
      }
      const withoutCheck = id.slice(0, id.lastIndexOf('~'));
      expect(refusal(withoutCheck)).toMatch(/was it cut off/);
    }
  });

  test('with a call that the claim does not make says that the claim may have changed', () => {
    expect(() => parseSteps('0*set_memory_zz,0,1', ACTIONS)).toThrow(/may have changed/);
    expect(() => parseSteps('0*set_memory_np,0,9', ACTIONS)).toThrow(/may have changed/);
    expect(() => parseSteps('set_memory_np,0,1', ACTIONS)).toThrow(InputError);
  });
});

describe('every action of a claim has a name of its own, so that an id means one trace', () => {
  test.each(PRESETS.map(({ name }) => name))('on %s', (kernel) => {
    const surroundings = { version: parseKernelVersion(kernel, 'test', X86) };
    for (const claim of CLAIMS) {
      const world = worldOf(claim, surroundings);
      const names = actionsOf(world, surroundings).map(
        (action) => `${actionName(action)},${action.first},${action.pages}`,
      );
      expect(new Set(names).size, claim.id).toBe(names.length);
    }
  });
});

function actionsOf(...args: Parameters<typeof machineFor>): readonly Action[] {
  try {
    return machineFor(...args).actions;
  } catch (error) {
    if (error instanceof NotModelledError) return [];
    throw error;
  }
}
