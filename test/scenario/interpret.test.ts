import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/errors.ts';
import type { Schedule } from '../../src/scenario/ast.ts';
import type { Argument, CallSite, Host, Limits } from '../../src/scenario/interpret.ts';
import { interpret } from '../../src/scenario/interpret.ts';
import { parseScenario } from '../../src/scenario/parse.ts';

type Body = () => Generator<string, void, number>;

/**
 * A host that writes down what it is asked. `nop` gives no value, `oops` stops the machine, `ask` lets the world
 * decide its value, and any other call gives its first argument. Bodies of cpu() run at once, or kept for later.
 */
class Recorder implements Host<string> {
  readonly constants = new Map([['ENOMEM', 12n]]);
  readonly log: string[] = [];
  readonly sites: CallSite[] = [];
  readonly later: Body[] = [];
  postpones = false;
  private dead = false;

  *call(site: CallSite, args: readonly Argument[]): Generator<string, bigint | undefined, number> {
    this.sites.push(site);
    this.log.push(`${site.name}(${args.map(show).join(', ')})`);
    if (site.name === 'oops') this.dead = true;
    if (site.name === 'oops' || site.name === 'nop') return undefined;
    if (site.name === 'ask') return BigInt(yield 'ask');
    return typeof args[0] === 'bigint' ? args[0] : 0n;
  }

  expectation(site: CallSite, expected: bigint, found: bigint | undefined): void {
    this.log.push(`step ${site.step}: expected ${expected}, found ${found}`);
  }

  *onCpu(cpu: number, body: Body, site: CallSite): Generator<string, void, number> {
    this.sites.push(site);
    this.log.push(`CPU ${cpu}`);
    if (this.postpones) this.later.push(body);
    else yield* body();
  }

  *interleave(schedule: Schedule, bodies: readonly Body[], site: CallSite): Generator<string, void, number> {
    this.sites.push(site);
    for (const cpu of schedule.turns) {
      this.log.push(`CPU ${cpu}`);
      yield* bodies[cpu]!();
    }
  }

  stopped(): boolean {
    return this.dead;
  }
}

function show(argument: Argument): string {
  if (typeof argument === 'string') return `'${argument}'`;
  return typeof argument === 'bigint' ? String(argument) : `[${argument.map(show).join(', ')}]`;
}

function drain(run: Generator<string, void, number>, answers: readonly number[] = []): string[] {
  const questions: string[] = [];
  for (let next = run.next(0); !next.done; next = run.next(answers[questions.length - 1] ?? 0)) {
    questions.push(next.value);
  }
  return questions;
}

function run(text: string, host = new Recorder(), limits?: Limits): Recorder {
  drain(interpret(parseScenario(text, 's.js'), host, limits));
  return host;
}

function valueIn(expression: string): string {
  return run(`f(${expression})`).log[0]!.slice(2, -1);
}

function mistake(text: string, limits?: Limits): InputError {
  try {
    run(text, new Recorder(), limits);
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  throw new Error('ran without complaint');
}

describe('a run', () => {
  test('calls the host in the order of the script', () => {
    expect(
      run(`
        const page = alloc_pages(9)
        expect(set_memory_np(page_address(page), 512), 0)
        touch(page + 5, 'read', [page, page + 1])
        { const next = page + 1; touch(next) }
      `).log,
    ).toEqual([
      'alloc_pages(9)',
      'page_address(9)',
      'set_memory_np(9, 512)',
      'step 3: expected 0, found 9',
      "touch(14, 'read', [9, 10])",
      'touch(10)',
    ]);
  });

  test('tells the host where every call stands, and numbers the calls as they begin', () => {
    expect(run('outer(\n  inner(1),\n  2)\ncpu(1, () => { touch(3) })').sites).toEqual([
      { name: 'inner', text: 'inner(1)', line: 2, column: 3, step: 1 },
      { name: 'outer', text: 'outer( inner(1), 2)', line: 1, column: 1, step: 2 },
      { name: 'cpu', text: 'cpu(1, () => { ... })', line: 4, column: 1, step: 3 },
      { name: 'touch', text: 'touch(3)', line: 4, column: 16, step: 4 },
    ]);
  });

  test('hands the bodies of an interleave() to the host, which runs them as it likes', () => {
    const text =
      "const p = 5\ninterleave('1 0', () => { const q = 1; touch(p + q) }, () => { touch(p) })\ntouch(0)";
    const { log, sites } = run(text);
    expect(log).toEqual(['CPU 1', 'touch(5)', 'CPU 0', 'touch(6)', 'touch(0)']);
    expect(sites[0]).toMatchObject({ name: 'interleave', line: 2, column: 1, step: 1 });
  });

  test('gives every turn of a loop a step of its own', () => {
    const { sites } = run('for (let i = 0; i < 3; i++) { touch(i) }');
    expect(sites.map(({ step, line, column }) => [step, line, column])).toEqual([
      [1, 1, 31],
      [2, 1, 31],
      [3, 1, 31],
    ]);
  });

  test('passes on what the host yields, and the answers back', () => {
    const host = new Recorder();
    const program = parseScenario('const a = ask() + ask()\nexpect(touch(a), 7)', 's.js');
    expect(drain(interpret(program, host), [3, 4])).toEqual(['ask', 'ask']);
    expect(host.log.at(-1)).toBe('step 3: expected 7, found 7');
  });

  test('reports to expect() also that a call gave no value', () => {
    expect(run('expect(nop(), -ENOMEM)').log).toEqual(['nop()', 'step 1: expected -12, found undefined']);
  });

  test('does nothing for an empty script', () => {
    expect(run('').log).toEqual([]);
  });
});

describe('a loop', () => {
  test.each([
    ['let i = 0; i < 3; i++', [0, 1, 2]],
    ['let i = 0; i <= 3; i += 2', [0, 2]],
    ['let i = 3; i > 0; i--', [3, 2, 1]],
    ['let i = 3; i >= 0; i -= 1 + 1', [3, 1]],
    ['let i = -1; i < 2; i += 1', [-1, 0, 1]],
    ['let i = 5; i < 3; i++', []],
  ])('for (%s) takes the values %s', (head, values) => {
    expect(run(`for (${head}) touch(i)`).log).toEqual(values.map((value) => `touch(${value})`));
  });

  test('evaluates its end and its step again on every turn, as JavaScript does', () => {
    expect(run('for (let i = 0; i < end(2); i += by(1)) {}').log).toEqual([
      'end(2)',
      'by(1)',
      'end(2)',
      'by(1)',
      'end(2)',
    ]);
  });

  test('leaves nothing of its variable behind', () => {
    expect(mistake('for (let i = 0; i < 1; i++) {}\ntouch(i)').problem).toEqual({
      code: 'unknown-name',
      what: 'name',
      where: 's.js:2:7',
      found: 'i',
      known: ['ENOMEM'],
    });
  });
});

describe('another CPU', () => {
  test('runs its body when the host says so', () => {
    const host = new Recorder();
    host.postpones = true;
    run('const p = 5\nfor (let i = 0; i < 2; i++) { cpu(i, () => { touch(p + i) }) }\ntouch(0)', host);
    expect(host.log).toEqual(['CPU 0', 'CPU 1', 'touch(0)']);
    for (const body of host.later.toReversed()) drain(body());
    expect(host.log.slice(3)).toEqual(['touch(6)', 'touch(5)']);
    expect(host.sites.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5]);
  });

  test('runs nothing of its body when the machine has stopped before', () => {
    const host = new Recorder();
    host.postpones = true;
    run('cpu(1, () => { touch(1) })\noops()', host);
    expect(drain(host.later[0]!())).toEqual([]);
    expect(host.log).toEqual(['CPU 1', 'oops()']);
  });

  test.each([
    ['cpu(0 - 1, () => {})', '1:5: the CPU -1 is out of range: expected 0 to 8191'],
    ['cpu(8192, () => {})', '1:5: the CPU 8192 is out of range: expected 0 to 8191'],
  ])('has a number: %s', (text, message) => {
    expect(mistake(text).message).toBe(`s.js:${message}`);
  });
});

describe('a machine that stops', () => {
  test.each([
    ['ends the run quietly', 'touch(1)\noops()\ntouch(2)', ['touch(1)', 'oops()']],
    ['ends loops', 'for (let i = 0; i < 9; i++) { oops() }', ['oops()']],
    ['ends blocks', '{ { oops() } touch(1) }', ['oops()']],
    ['ends the other CPUs', 'cpu(1, () => { oops(); touch(1) })\ntouch(2)', ['CPU 1', 'oops()']],
    ['lets no outer call begin', 'touch(oops())', ['oops()']],
    ['lets no arithmetic complain', 'const x = 1 + oops()', ['oops()']],
    ['lets no cpu() begin', 'cpu(oops(), () => {})', ['oops()']],
    [
      'leaves an expectation to be reported',
      'expect(oops(), 0)',
      ['oops()', 'step 1: expected 0, found undefined'],
    ],
    ['calls nothing for the expected value', 'expect(oops(), touch(1))', ['oops()']],
  ])('%s', (_, text, log) => {
    expect(run(text).log).toEqual(log);
  });
});

describe('arithmetic', () => {
  test.each([
    ['7 / 2', '3'],
    ['-7 / 2', '-3'],
    ['-7 % 2', '-1'],
    ['~0', '-1'],
    ['+5', '5'],
    ['-5 >> 1', '-3'],
    ['1 << 63', '9223372036854775808'],
    ['-1 << 63', '-9223372036854775808'],
    ['6 ^ 3', '5'],
    ['6 | 3', '7'],
    ['0xffff888000103fff & ~0xfff', '18446612682071093248'],
    ['(1 + 2) * 3', '9'],
    ['true + true', '2'],
    ['0xffffffffffffffff', '18446744073709551615'],
    ['9007199254740992 + 1', '9007199254740993'],
  ])('%s is %s', (expression, value) => {
    expect(valueIn(expression)).toBe(value);
  });

  test('agrees with BigInt, or says that 64 bits do not hold the result', () => {
    const integer = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    const operators = {
      '+': (a: bigint, b: bigint) => a + b,
      '-': (a: bigint, b: bigint) => a - b,
      '*': (a: bigint, b: bigint) => a * b,
      '&': (a: bigint, b: bigint) => a & b,
      '^': (a: bigint, b: bigint) => a ^ b,
    };
    fc.assert(
      fc.property(integer, integer, fc.constantFrom(...Object.entries(operators)), (a, b, [sign, apply]) => {
        const value = apply(a, b);
        if (value >= -(2n ** 63n) && value < 2n ** 64n) {
          expect(valueIn(`${a} ${sign} ${b}`)).toBe(String(value));
          return;
        }
        expect(mistake(`f(${a} ${sign} ${b})`).problem).toMatchObject({
          code: 'out-of-range',
          where: 's.js:1:3',
          found: String(value),
        });
      }),
    );
  });

  test.each([
    ['f(1 / 0)', '1:7: the divisor 0 is out of range: expected anything else'],
    ['f(1 %\n 0)', '2:2: the divisor 0 is out of range: expected anything else'],
    ['f(1 << 64)', '1:8: the shift count 64 is out of range: expected 0 to 63'],
    ['f(1 >> -1)', '1:8: the shift count -1 is out of range: expected 0 to 63'],
    [
      'f(0xffffffffffffffff + 1)',
      '1:3: the result 18446744073709551616 is out of range: expected -2^63 to 2^64 - 1',
    ],
    [
      'f(-0x8000000000000001)',
      '1:3: the result -9223372036854775809 is out of range: expected -2^63 to 2^64 - 1',
    ],
    [
      'for (let i = 0; i >= -(1 << 63); i -= 0xffffffffffffffff) {}',
      '1:39: the result -18446744073709551615 is out of range: expected -2^63 to 2^64 - 1',
    ],
    [
      'for (let i = 0; i < 1; i += 0) {}',
      '1:29: the step of the for loop 0 is out of range: expected at least 1',
    ],
    [
      'for (let i = 1; i > 0; i -= -1) {}',
      '1:29: the step of the for loop -1 is out of range: expected at least 1',
    ],
  ])('is refused when it goes wrong: %s', (text, message) => {
    expect(mistake(text).message).toBe(`s.js:${message}`);
  });
});

describe('a call that gives no value', () => {
  test.each([
    ['const x = nop(1)', '1:11: value: found nop(1), which gives none, expected a call that gives a value'],
    ['touch(1 + nop())', '1:11: value: found nop(), which gives none, expected a call that gives a value'],
    ['expect(f(1), nop())', '1:14: value: found nop(), which gives none, expected a call that gives a value'],
  ])('cannot be used as one: %s', (text, message) => {
    expect(mistake(text).message).toBe(`s.js:${message}`);
  });
});

describe('a run that would not end is refused', () => {
  test('after a million statements', () => {
    expect(mistake('\nfor (let i = 0; i < 0xffffffff; i++) {}').message).toBe(
      's.js:2:38: statements run 1000001 is out of range: expected at most 1000000',
    );
  });

  test('after as many statements as the caller allows, bodies of other CPUs included', () => {
    const limits = { statements: 4, expressions: 100 };
    expect(run('f(1)\nf(2)\nf(3)\nf(4)', new Recorder(), limits).log).toHaveLength(4);
    expect(mistake('f(1)\ncpu(1, () => { f(2)\nf(3) })', limits).message).toBe(
      's.js:3:1: statements run 5 is out of range: expected at most 4',
    );
  });

  test('after ten million expressions, however few the statements', () => {
    const row = `[${'1,'.repeat(50_000)}]`;
    expect(mistake(`for (let i = 0; i < 0xffffffff; i++) { f(${row}) }`).message).toMatch(
      /^s\.js:1:\d+: expressions evaluated 10000001 is out of range: expected at most 10000000$/,
    );
  });
});

describe('running anything', () => {
  const LIMITS = { statements: 2000, expressions: 10_000 };
  const SCRIPT = `({ cpus: 2 })
const page = alloc_pages(9)
expect(set_memory_np(page << 12, 512 / 2), -ENOMEM + 1 % 3)
for (let i = 8; i >= 0; i -= 2) { const j = i * page; touch(page + j, [i, ~j & 0xfff], 'x') }
cpu(1, () => { oops(ask() >> 1); nop() })
`;

  const endsOrRefuses = (text: string) => {
    try {
      run(text, new Recorder(), LIMITS);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      expect(error.problem.where).toMatch(/^s\.js:\d+:\d+$/);
    }
  };

  test('ends, or throws an InputError with a place, for mutations of a valid script', () => {
    const tokens = SCRIPT.match(/\w+|\s+|[^\w\s]+/g)!;
    const place = fc.nat(tokens.length - 1);
    const swap =
      ([at, other]: [number, number]) =>
      (pieces: string[]) => {
        const swapped = [...pieces];
        swapped[at] = pieces[other] ?? '';
        swapped[other] = pieces[at] ?? '';
        return swapped;
      };
    const mutation = fc.oneof(
      place.map((at) => (pieces: string[]) => pieces.toSpliced(at, 1)),
      place.map((at) => (pieces: string[]) => pieces.toSpliced(at, 0, pieces[at] ?? '')),
      fc.tuple(place, place).map(swap),
    );
    fc.assert(
      fc.property(fc.array(mutation, { maxLength: 3 }), (mutations) => {
        endsOrRefuses(mutations.reduce((pieces, mutant) => mutant(pieces), [...tokens]).join(''));
      }),
      { numRuns: 5000 },
    );
  });

  test('ends, or throws an InputError with a place, for random arithmetic', () => {
    const { expression } = fc.letrec<{ expression: string; leaf: string }>((tie) => ({
      leaf: fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map(String), fc.nat(70).map(String)),
      expression: fc.oneof(
        { maxDepth: 6 },
        tie('leaf'),
        fc.tuple(fc.constantFrom('-', '~', '+'), tie('expression')).map(([sign, x]) => `${sign}(${x})`),
        fc
          .tuple(tie('expression'), fc.constantFrom(...'+-*/%&|^', '<<', '>>'), tie('expression'))
          .map(([left, sign, right]) => `(${left} ${sign} ${right})`),
      ),
    }));
    fc.assert(
      fc.property(expression, (text) => endsOrRefuses(`f(${text})`)),
      { numRuns: 2000 },
    );
  });
});
