import { describe, expect, it } from 'vitest';
import { NotModelledError } from '../../src/errors.ts';
import { knownNames, parseScenario, runScenario, startMachine } from '../../src/scenario/index.ts';
import { FILES, nameOf, readScenario, run } from './library.ts';
import { declaredIn, PROPERTIES } from './properties.ts';

/** Of the scenarios that history gave, those without a file. */
const NOT_MODELLED: Readonly<Record<string, string>> = {
  S39: 'no call of a script puts sixteen bolted entries into the two groups of one page: test/linux/arch/powerpc/mm/book3s64/hash_utils.test.ts does, and the kernel spins',
  S49: 'before v5.2, which no kernel here is: vfree() flushed a range that it had not computed',
};

/** The README shows this one, with no word too many: it breaks what it is about. */
const BROKEN_WITHOUT_A_WORD: Readonly<Record<string, readonly string[]>> = {
  'thread/large-np-leaf.js': ['P1'],
};

const NUMBERS = [...Array.from({ length: 55 }, (_, i) => `S${i + 1}`), 'S21b'];

const broken = new Map<string, Set<string>>();

describe.each(FILES.map(readScenario))('$file', (scenario) => {
  const declared = BROKEN_WITHOUT_A_WORD[scenario.file] ?? declaredIn(scenario.program.comments);
  const found = new Map<string, string>();
  let runs = 0;

  it.each(scenario.targets.map((target) => ({ name: nameOf(target), target })))(
    'meets every expectation on $name',
    ({ target }) => {
      const result = run(scenario, target);
      runs++;
      for (const [name, check] of Object.entries(PROPERTIES)) {
        const [example] = check(result);
        if (example !== undefined && !found.has(name)) found.set(name, `${nameOf(target)}: ${example}`);
      }
      const { outcome } = result;
      const unmet = outcome.steps.filter(({ expected }) => expected?.met === false);
      expect(unmet.map(({ line, call, returned }) => `${line}: ${call} -> ${returned}`)).toEqual([]);
      const deaths = outcome.steps.filter(
        ({ died, expected }) => died !== undefined && expected?.value !== 'OOPS',
      );
      expect(deaths.map(({ line, died }) => `${line}: ${died}`)).toEqual([]);
      expect(outcome.ignoredParameters).toEqual([]);
    },
  );

  it('breaks the properties that it names on one of them, and no other on any', () => {
    expect(runs).toBe(scenario.targets.length);
    const undeclared = [...found].filter(([name]) => !declared.includes(name));
    expect(undeclared.map(([name, example]) => `${name} on ${example}`).join('\n')).toBe('');
    expect(declared.filter((name) => !found.has(name))).toEqual([]);
    broken.set(scenario.file, new Set(found.keys()));
  });
});

describe('the library', () => {
  it.each(NUMBERS)('has %s, or says why not', (number) => {
    const prefix = `history/s${number.slice(1).padStart(/\D$/.test(number) ? 3 : 2, '0')}-`;
    const has = FILES.some((file) => file.startsWith(prefix));
    expect(has).toBe(NOT_MODELLED[number] === undefined);
  });

  it('numbers its files as they say themselves', () => {
    for (const file of FILES.filter((each) => /^history\/s\d/.test(each))) {
      const [, digits, letter] = /^history\/s(\d\d)(b?)-/.exec(file)!;
      const [first] = readScenario(file).program.comments;
      expect(first, file).toMatch(new RegExp(`^S${Number(digits)}${letter}\\b`));
    }
  });

  it('breaks every property somewhere, so that no check is empty', () => {
    const seen = new Set([...broken.values()].flatMap((names) => [...names]));
    expect(Object.keys(PROPERTIES).filter((name) => !seen.has(name))).toEqual([]);
  });
});

describe('what no script can go on after', () => {
  const inline = (text: string) => {
    const program = parseScenario(text, 'inline.js', knownNames());
    return runScenario(program, startMachine(program, {}));
  };

  // S44: large leaves are edited as a whole, and where they are split, the lock for that is held already.
  it.each([
    'v5.10',
    'v5.11',
    'v6.1~kernel-map-pages-atomic~set-memory-splits',
    'v6.1~kernel-map-pages-atomic',
  ])('S44: riscv %s does not boot with debug_pagealloc=on', (kernel) => {
    const header = `({ kernel: '${kernel}', arch: 'riscv64', ram: '1G', config: { DEBUG_PAGEALLOC: 'y' }, boot: 'debug_pagealloc=on' })`;
    expect(() => inline(header)).toThrow(/expected one on which the kernel boots/);
  });

  it('S33: v7.2 on s390 clears what it takes for entries after a split that failed', () => {
    const script = `({ kernel: 'v7.2', arch: 's390x', ram: '8G' })\nfail_every_alloc(); vmem_remove_mapping(0x120000, 65536);`;
    expect(() => inline(script)).toThrow(NotModelledError);
  });
});
