import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { InputError } from '../../src/errors.ts';
import type { CallArgument, Expression, Program, Statement } from '../../src/scenario/ast.ts';
import { nearestNames } from '../../src/scenario/nearest_names.ts';
import { type KnownNames, parseScenario } from '../../src/scenario/parse.ts';
import { scheduleText } from '../../src/scenario/schedule.ts';

const LARGE_NP_LEAF = `// Rick Edgecombe, 26 Oct 2020: "a new caller to set_memory_np() could result in large NP pages."
({ kernel: 'v5.10.223', arch: 'x86_64', ram: '4G' })

const page = alloc_pages(9)                                  // 512 pages, one 2M leaf, ours
expect(set_memory_np(page_address(page), 512), 0)
fail_alloc(1)                                                // the next page-table allocation is refused
expect(set_direct_map_default_noflush(page + 5), -ENOMEM)
touch(page + 5)
cpu(1, () => { __kernel_map_pages(page, 1, 0) })
for (let i = 0; i < 8; i++) { set_direct_map_invalid_noflush(page + i) }
`;

const KNOWN: KnownNames = {
  calls: new Map([
    ['alloc_pages', { min: 1, max: 2 }],
    ['page_address', { min: 1, max: 1 }],
    ['set_memory_np', { min: 2, max: 2 }],
    ['set_direct_map_default_noflush', { min: 1, max: 1 }],
    ['set_direct_map_invalid_noflush', { min: 1, max: 1 }],
    ['set_pages_array_uc', { min: 1, max: Infinity }],
    ['__kernel_map_pages', { min: 3, max: 3 }],
    ['fail_alloc', { min: 1, max: 1 }],
    ['touch', { min: 1, max: 1 }],
  ]),
  constants: new Set(['ENOMEM', 'EINVAL']),
};

const parse = (text: string): Program => parseScenario(text, 's.js', KNOWN);

function mistake(text: string, known: KnownNames | undefined = KNOWN): InputError {
  try {
    parseScenario(text, 's.js', known);
  } catch (error) {
    if (error instanceof InputError) return error;
    throw error;
  }
  throw new Error('parsed without complaint');
}

/** The tree as a script again, with every operation in brackets. */
function show(node: Statement | Expression): string {
  switch (node.kind) {
    case 'const':
      return `const ${node.name} = ${show(node.value)}`;
    case 'call-statement':
      return show(node.call);
    case 'expect':
      return `expect(${show(node.call)}, ${show(node.value)})`;
    case 'for': {
      const sign = node.test.startsWith('<') ? '+=' : '-=';
      const head = `let ${node.name} = ${show(node.from)}; ${node.name} ${node.test} ${show(node.to)}`;
      return `for (${head}; ${node.name} ${sign} ${show(node.by)}) ${show(node.body)}`;
    }
    case 'cpu':
      return `cpu(${show(node.cpu)}, () => ${show(node.body)})`;
    case 'interleave':
      return `interleave('${scheduleText(node.schedule.turns)}', ${node.bodies.map((body) => `() => ${show(body)}`).join(', ')})`;
    case 'block':
      return `{ ${node.statements.map(show).join('; ')} }`;
    case 'integer':
      return String(node.value);
    case 'name':
      return node.name;
    case 'unary':
      return `[${node.operator}${show(node.operand)}]`;
    case 'binary':
      return `[${show(node.left)} ${node.operator} ${show(node.right)}]`;
    case 'parenthesised':
      return `(${show(node.inner)})`;
    case 'call':
      return `${node.name}(${node.arguments.map(showArgument).join(', ')})`;
  }
}

function showArgument(node: CallArgument): string {
  if (node.kind === 'string') return JSON.stringify(node.value);
  if (node.kind === 'array') return `[${node.elements.map(show).join(', ')}]`;
  return show(node);
}

const shown = (text: string): string[] => parse(text).statements.map(show);

function integerOf(literal: string): bigint {
  const [statement] = parse(`const x = ${literal}`).statements;
  if (statement?.kind !== 'const' || statement.value.kind !== 'integer') throw new Error('not an integer');
  return statement.value.value;
}

describe('a script that follows the rules', () => {
  test('becomes a tree of its statements', () => {
    expect(shown(LARGE_NP_LEAF)).toEqual([
      'const page = alloc_pages(9)',
      'expect(set_memory_np(page_address(page), 512), 0)',
      'fail_alloc(1)',
      'expect(set_direct_map_default_noflush([page + 5]), [-ENOMEM])',
      'touch([page + 5])',
      'cpu(1, () => { __kernel_map_pages(page, 1, 0) })',
      'for (let i = 0; i < 8; i += 1) { set_direct_map_invalid_noflush([page + i]) }',
    ]);
  });

  test('keeps the comments above its first statement as its citation', () => {
    expect(parse(LARGE_NP_LEAF).comments).toEqual([
      'Rick Edgecombe, 26 Oct 2020: "a new caller to set_memory_np() could result in large NP pages."',
    ]);
    expect(parse('/*\n * one\n *\n *   two\n */\n// three  \n\ntouch(1) // four').comments).toEqual([
      'one',
      '',
      '  two',
      'three',
    ]);
    expect(parse('/** one */').comments).toEqual(['one']);
  });

  test('may be empty', () => {
    expect(parse('')).toEqual({ fileName: 's.js', comments: [], header: {}, statements: [] });
    expect(parse('// nothing yet').comments).toEqual(['nothing yet']);
  });

  test('may have empty statements, which are dropped', () => {
    expect(shown('touch(1);; ; touch(2);')).toEqual(['touch(1)', 'touch(2)']);
    expect(shown('for (let i = 0; i < 1; i++);')).toEqual(['for (let i = 0; i < 1; i += 1) {  }']);
  });

  test('knows the place of every node', () => {
    const [first, second] = parse("({ cpus: 2 })\ntouch(\n  1 + 22)\n{ touch('x') }").statements;
    expect(first).toMatchObject({
      span: { line: 2, column: 1, start: 14, end: 30 },
      call: {
        span: { line: 2, column: 1, start: 14, end: 30 },
        arguments: [{ right: { span: { line: 3, column: 7, start: 27, end: 29 } } }],
      },
    });
    expect(second).toMatchObject({
      span: { line: 4, column: 1 },
      statements: [{ call: { arguments: [{ kind: 'string', value: 'x', span: { line: 4, column: 9 } }] } }],
    });
  });

  test('keeps the text of a call on one line, without its comments', () => {
    const [statement] = parse('touch(  // the page\n\t1 /* first */ +\r\n  2\n)').statements;
    expect(statement).toMatchObject({ call: { text: 'touch( 1 + 2 )' } });
  });

  test('keeps the text of a cpu() without its body', () => {
    const [statement] = parse('cpu( 1,\n () => {\n touch(1)\n})').statements;
    expect(statement).toMatchObject({ kind: 'cpu', text: 'cpu( 1, () => { ... })' });
  });

  test('keeps the schedule of an interleave() and its bodies, each with names of its own', () => {
    const text =
      "interleave('0*2 1',\n () => { const p = 1; touch(p) }, () => { const p = 2; expect(touch(p), 0) })";
    expect(shown(text)).toEqual([
      "interleave('0*2 1', () => { const p = 1; touch(p) }, () => { const p = 2; expect(touch(p), 0) })",
    ]);
    expect(parse(text).statements[0]).toMatchObject({
      span: { line: 1, column: 1 },
      text: "interleave('0*2 1', () => { ... }, () => { ... })",
      schedule: { span: { line: 1, column: 12 }, turns: [0, 0, 1] },
    });
  });

  test('groups operators as JavaScript does', () => {
    expect(shown('touch(1 + 2 * 3 << 4 & ~5 | -6 ^ +7 % 8 / 9 >> (10 - 11))')).toEqual([
      'touch([[[[1 + [2 * 3]] << 4] & [~5]] | [[-6] ^ [[[[+7] % 8] / 9] >> ([10 - 11])]]])',
    ]);
  });

  test('passes strings and arrays of integers to calls', () => {
    expect(shown("const p = 1; set_pages_array_uc([p, p + 1, touch(2)], 'wc', [])")).toEqual([
      'const p = 1',
      'set_pages_array_uc([p, [p + 1], touch(2)], "wc", [])',
    ]);
  });

  test.each([
    ['for (let i = 1; i <= 8; i += 2) touch(i)', 'for (let i = 1; i <= 8; i += 2) { touch(i) }'],
    ['for (let i = 8; i > 0; i--) { touch(i) }', 'for (let i = 8; i > 0; i -= 1) { touch(i) }'],
    ['for (let i = 8; i >= 0; i -= 1 + 1) {}', 'for (let i = 8; i >= 0; i -= [1 + 1]) {  }'],
    ['for (let i = 0; i < 4; ++i) {}', 'for (let i = 0; i < 4; i += 1) {  }'],
  ])('counts up and down: %s', (text, expected) => {
    expect(shown(text)).toEqual([expected]);
  });

  test('may use the name of a loop variable or of a block again once it is over', () => {
    const loop = 'for (let i = 0; i < 1; i++) { const a = i }';
    expect(parse(`${loop}\n${loop}\n{ const a = 1 }\nconst a = 2`).statements).toHaveLength(4);
  });

  test('may name the properties of every object without being misled', () => {
    expect(shown('const constructor = 1; const toString = constructor')).toEqual([
      'const constructor = 1',
      'const toString = constructor',
    ]);
  });
});

describe('an integer', () => {
  test.each([
    ['0', 0n],
    ['18446744073709551615', 2n ** 64n - 1n],
    ['0xffff_8880_0010_3000', 0xffff888000103000n],
    ['0XFFn', 255n],
    ['0o755', 0o755n],
    ['0b1010_1010', 0b10101010n],
    ['9007199254740993', 9007199254740993n],
    ['123n', 123n],
    ['true', 1n],
    ['false', 0n],
  ])('written %s is exact', (literal, value) => {
    expect(integerOf(literal)).toBe(value);
  });

  test('of 64 bits is read as it was printed, in every base', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (value) => {
        expect(integerOf(String(value))).toBe(value);
        expect(integerOf(`0x${value.toString(16)}`)).toBe(value);
        expect(integerOf(`0o${value.toString(8)}n`)).toBe(value);
        expect(integerOf(`0b${value.toString(2)}`)).toBe(value);
      }),
    );
  });
});

describe('the header', () => {
  test('keeps every value as data, with its place', () => {
    const { header } = parse(`({
      title: 'One page', kernel: 'v6.12', arch: 'arm64', cpus: 0x2, boot: 'rodata=full', levels: 5, geometry: 2,
      ram: [[0, 0x9ffff], ['1M', '4G']],
      'config': { CONFIG_DEBUG_PAGEALLOC: 'y', CONFIG_NR_CPUS: 64 },
    })`);
    expect(header).toMatchObject({
      title: { value: 'One page', span: { line: 2, column: 14 } },
      kernel: { value: 'v6.12' },
      arch: { value: 'arm64' },
      cpus: { value: 2 },
      boot: { value: 'rodata=full' },
      levels: { value: 5 },
      geometry: { value: 2, span: { line: 2, column: 111 } },
      ram: {
        value: [
          { start: 0n, end: 0x9ffffn, span: { line: 3, column: 13 } },
          { start: '1M', end: '4G' },
        ],
      },
      config: {
        value: [
          { name: 'CONFIG_DEBUG_PAGEALLOC', value: 'y', span: { line: 4, column: 19 } },
          { name: 'CONFIG_NR_CPUS', value: 64n },
        ],
      },
    });
  });

  test('lacks what the script does not say', () => {
    expect(Object.keys(parse(LARGE_NP_LEAF).header)).toEqual(['kernel', 'arch', 'ram']);
    expect(parse('touch(1)').header).toEqual({});
  });

  test.each([
    ['1:4: unknown header key "cpu_features"', "({ cpu_features: 'pse' })"],
    ['1:4: unknown header key "__proto__"', '({ __proto__: 1 })'],
  ])('has no other keys: %s', (message, text) => {
    const known =
      'title, kernel, arch, ram, cpus, config, boot, runs_on, levels, page_size, geometry, features';
    expect(mistake(text).message).toBe(`s.js:${message}\n  known: ${known}`);
  });

  test.each([
    ['({ kernel: v5 })', '1:12: kernel: found a name, `v5`, expected a string'],
    ['({ title: `x` })', '1:11: title: found a template literal, `\u0060x\u0060`, expected a string'],
    ['({ boot: 1 })', '1:10: boot: found an integer, `1`, expected a string'],
    ['({ cpus: 0 })', '1:10: cpus 0 is out of range: expected an integer from 1 to 8192'],
    ["({ cpus: '2' })", "1:10: cpus: found a string, `'2'`, expected an integer from 1 to 8192"],
    ['({ cpus: true })', '1:10: cpus: found a boolean, `true`, expected an integer from 1 to 8192'],
    ['({ levels: 6 })', '1:12: levels 6 is out of range: expected an integer from 2 to 5'],
    ['({ geometry: 1.5 })', '1:14: geometry: found a fraction, `1.5`, expected an integer from 1 to 13'],
    ['({ geometry: -1 })', '1:14: geometry: found the operator -, `-1`, expected an integer from 1 to 13'],
    [
      '({ ram: 4 })',
      "1:9: ram: found an integer, `4`, expected an amount such as '4G', or [[start, end], ...]",
    ],
    [
      '({ ram: [] })',
      "1:9: ram: found an array, `[]`, expected an amount such as '4G', or [[start, end], ...]",
    ],
    ['({ ram: [1] })', '1:10: range of ram: found an integer, `1`, expected [start, end], both inclusive'],
    ['({ ram: [,] })', '1:9: range of ram: found an array, `[,]`, expected [start, end], both inclusive'],
    ['({ ram: [[1]] })', '1:10: range of ram: found an array, `[1]`, expected [start, end], both inclusive'],
    [
      '({ ram: [[1, 2, 3]] })',
      '1:10: range of ram: found an array, `[1, 2, 3]`, expected [start, end], both inclusive',
    ],
    [
      '({ ram: [[1, x]] })',
      '1:14: end of a range of ram: found a name, `x`, expected an integer or a string',
    ],
    ['({ config: 1 })', "1:12: config: found an integer, `1`, expected { CONFIG_NAME: 'y', ... }"],
    [
      "({ config: { 'A B': 1 } })",
      "1:14: name in config: found a string, `'A B'`, expected { CONFIG_NAME: 'y', ... }",
    ],
    [
      '({ config: { CONFIG_X: true } })',
      "1:24: value in config: found a boolean, `true`, expected 'y', 'n', a string or an integer",
    ],
    [
      "({ config: { CONFIG_X: 'y', CONFIG_X: 'n' } })",
      "1:29: config: found a property, `CONFIG_X: 'n'`, expected `CONFIG_X` only once",
    ],
    ["({ arch: 'a', arch: 'b' })", "1:15: header: found a property, `arch: 'b'`, expected `arch` only once"],
    ['({ ...x })', '1:4: header: found a spread, `...x`, expected name: value'],
    ['({ kernel })', '1:4: header: found a property, `kernel`, expected name: value'],
    ['({ kernel() {} })', '1:4: header: found a property, `kernel() {}`, expected name: value'],
    ["({ ['kernel']: 1 })", "1:4: header: found a property, `['kernel']: 1`, expected name: value"],
    ['({ 1: 1 })', '1:4: header: found a property, `1: 1`, expected name: value'],
    [
      "touch(1)\n;({ arch: 'a' })",
      "2:3: header: found an object, `{ arch: 'a' }`, expected the header once, as the first statement",
    ],
  ])('is refused when it is %s', (text, message) => {
    expect(mistake(text).message).toBe(`s.js:${message}`);
  });
});

const STATEMENT = 'a const, a call, expect(), cpu(), a for loop or a block';
const EXPRESSION = 'an integer, a name, a call or arithmetic on them';
const LOOP = 'for (let i = A; i < B; i++), also <= and i += C, or > and >= with i-- and i -= C';

describe('a statement outside of the language is refused by name', () => {
  test.each([
    ['\n  while (1) { touch(1) }', '2:3: statement: found a while loop, `while (1) { touch(1) }`'],
    ['do {} while (1)', '1:1: statement: found a do-while loop, `do {} while (1)`'],
    ['for (const p of [1]) {}', '1:1: statement: found a for-of loop, `for (const p of [1]) {}`'],
    ['for (const p in {}) {}', '1:1: statement: found a for-in loop, `for (const p in {}) {}`'],
    ['if (1) touch(1)', '1:1: statement: found an if statement, `if (1) touch(1)`'],
    ['switch (1) {}', '1:1: statement: found a switch statement, `switch (1) {}`'],
    ['try {} finally {}', '1:1: statement: found a try statement, `try {} finally {}`'],
    ['throw 1', '1:1: statement: found a throw statement, `throw 1`'],
    ['debugger', '1:1: statement: found a debugger statement, `debugger`'],
    ['function f() {}', '1:1: statement: found a function declaration, `function f() {}`'],
    ['class A {}', '1:1: statement: found a class declaration, `class A {}`'],
    ['{ kernel: 1 }', '1:3: statement: found a labeled statement, `kernel: 1`'],
    ["'use strict'", "1:1: statement: found a string, `'use strict'`"],
    ['(touch(1))', '1:1: statement: found parentheses, `(touch(1))`'],
    ['1 + 2', '1:1: statement: found the operator +, `1 + 2`'],
    ['touch(1), touch(2)', '1:1: statement: found a sequence expression, `touch(1), touch(2)`'],
    ['new touch(1)', '1:1: statement: found a new expression, `new touch(1)`'],
    ['cpu(0, () => { return })', '1:16: statement: found a return statement, `return`'],
  ])('%s', (text, message) => {
    expect(mistake(text).message).toBe(`s.js:${message}, expected ${STATEMENT}`);
  });

  test('and quoted no longer than a line', () => {
    expect(mistake(`while (1) {\n${'  touch(1)\n'.repeat(99)}}`).message).toBe(
      `s.js:1:1: statement: found a while loop, \`while (1) { touch(1) touch(1) touch(1) t...\`, expected ${STATEMENT}`,
    );
  });
});

describe('an interleave() is refused', () => {
  test.each([
    ["interleave('0', () => {})", '1:1: interleave(): found 2 arguments, expected 3 to 65 arguments'],
    [
      'interleave(`0`, () => {}, () => {})',
      "1:12: first argument of interleave(): found a template literal, ``0``, expected a schedule such as '0*3 1*5 0'",
    ],
    ["interleave('0 2', () => {}, () => {})", '1:12: schedule: CPU 2 is out of range: expected 0 to 1'],
    ["interleave('0 x', () => {}, () => {})", '1:12: schedule: found "x", expected a CPU such as 0'],
    [
      "interleave('0', () => {}, touch)",
      '1:27: argument of interleave(): found a name, `touch`, expected () => { ... }',
    ],
    [
      "interleave('0', () => {}, () => { { cpu(0, () => {}) } })",
      '1:37: statement of interleave(): found a call, `cpu(0, () => {})`, expected any but cpu() and interleave()',
    ],
    [
      "interleave('0', () => { interleave('', () => {}, () => {}) }, () => {})",
      "1:25: statement of interleave(): found a call, `interleave('', () => {}, () => {})`, expected any but",
    ],
    ["touch(interleave('', () => {}, () => {}))", '1:7: expression: found a call, `interleave('],
  ])('%s', (text, message) => {
    expect(mistake(text).message).toContain(`s.js:${message}`);
  });

  test('inside of none but its own bodies', () => {
    const one = "interleave('', () => {}, () => {})";
    expect(parse(`${one}\ncpu(0, () => { ${one} })\ncpu(0, () => {})`).statements).toHaveLength(3);
  });
});

describe('an expression outside of the language is refused by name', () => {
  test.each([
    ['const x = 1.5', '1:11: expression: found a fraction, `1.5`'],
    ['const x = 1e3', '1:11: expression: found a fraction, `1e3`'],
    ['const x = 010', '1:11: expression: found an octal number of the old kind, `010`'],
    ["const x = 's'", "1:11: expression: found a string, `'s'`"],
    ['const x = [1]', '1:11: expression: found an array, `[1]`'],
    ["touch(1 + 's')", "1:11: expression: found a string, `'s'`"],
    ['touch([[1]])', '1:8: expression: found an array, `[1]`'],
    ["touch(['s'])", "1:8: expression: found a string, `'s'`"],
    ['touch([...1])', '1:8: expression: found a spread, `...1`'],
    ['touch([1, , 2])', '1:7: array with an empty place: found an array, `[1, , 2]`'],
    ['touch(...x)', '1:7: expression: found a spread, `...x`'],
    ['touch(`x`)', '1:7: expression: found a template literal, `\u0060x\u0060`'],
    ['touch(null)', '1:7: expression: found null, `null`'],
    ['touch(/x/)', '1:7: expression: found a regular expression, `/x/`'],
    ['touch(this)', '1:7: expression: found the word this, `this`'],
    ['touch(a.b)', '1:7: expression: found a property access, `a.b`'],
    ['touch(a?.b)', '1:7: expression: found optional chaining, `a?.b`'],
    ['touch({})', '1:7: expression: found an object, `{}`'],
    ['touch(() => 1)', '1:7: expression: found an arrow function, `() => 1`'],
    ['touch(function () {})', '1:7: expression: found a function, `function () {}`'],
    ['touch(1 ? 2 : 3)', '1:7: expression: found a conditional expression, `1 ? 2 : 3`'],
    ['touch(x = 1)', '1:7: expression: found an assignment, `x = 1`'],
    ['touch(x++)', '1:7: expression: found the operator ++, `x++`'],
    ['touch(!1)', '1:7: expression: found the operator !, `!1`'],
    ['touch(typeof 1)', '1:7: expression: found the operator typeof, `typeof 1`'],
    ['touch(1 && 2)', '1:7: expression: found the operator &&, `1 && 2`'],
    ["touch(import('x'))", "1:7: expression: found an import expression, `import('x')`"],
  ])('%s', (text, message) => {
    expect(mistake(text).message).toBe(`s.js:${message}, expected ${EXPRESSION}`);
  });

  test.each(['**', '>>>', '<', '==', '===', 'in', 'instanceof'])('the operator %s', (operator) => {
    expect(mistake(`touch(1 ${operator} 2)`).message).toBe(
      `s.js:1:7: expression: found the operator ${operator}, \`1 ${operator} 2\`, ` +
        'expected one of + - * / % << >> & | ^',
    );
  });

  test('a callee that is not a name', () => {
    expect(mistake('page.lock()').message).toBe(
      's.js:1:1: call: found a property access, `page.lock`, expected the name of a function',
    );
  });

  test.each(['18446744073709551616', '0x1_0000_0000_0000_0000', '36893488147419103232n'])(
    'an integer of more than 64 bits: %s',
    (literal) => {
      expect(mistake(`const x = ${literal}`).message).toBe(
        `s.js:1:11: the integer ${literal.replaceAll('_', '')} is out of range: expected at most 64 bits`,
      );
    },
  );
});

describe('a for loop that does not count is refused', () => {
  test.each([
    ['for (;;) {}', '1:1: for loop: found a for loop, `for (;;) {}`'],
    ['for (i = 0; i < 1; i++) {}', '1:6: for loop: found an assignment, `i = 0`'],
    ['for (const i = 0; i < 1; i++) {}', '1:6: for loop: found a const declaration, `const i = 0`'],
    ['for (let i; i < 1; i++) {}', '1:6: for loop: found a let declaration, `let i`'],
    ['for (let i = 0, j = 0; i < 1; i++) {}', '1:6: for loop: found a let declaration, `let i = 0, j = 0`'],
    ['for (let [i] = 0; i < 1; i++) {}', '1:10: for loop: found an array pattern, `[i]`'],
    ['for (let i = 0; ; i++) {}', '1:1: for loop: found a for loop, `for (let i = 0; ; i++) {}`'],
    ['for (let i = 0; 1; i++) {}', '1:17: for loop: found an integer, `1`'],
    ['for (let i = 0; 1 > i; i++) {}', '1:17: for loop: found the operator >, `1 > i`'],
    ['for (let i = 0; i != 1; i++) {}', '1:17: for loop: found the operator !=, `i != 1`'],
  ])('%s', (text, message) => {
    expect(mistake(text).message).toBe(`s.js:${message}, expected ${LOOP}`);
  });

  test.each([
    ['i < 1; ', '1:1', 'a for loop, `for (let i = 0; i < 1; ) {}`', 'i++ or i += C, as the test is <'],
    ['i < 1; i--', '1:24', 'the operator --, `i--`', 'i++ or i += C, as the test is <'],
    ['i <= 1; i -= 1', '1:25', 'an assignment, `i -= 1`', 'i++ or i += C, as the test is <='],
    ['i > 1; i++', '1:24', 'the operator ++, `i++`', 'i-- or i -= C, as the test is >'],
    ['i >= 1; i += 1', '1:25', 'an assignment, `i += 1`', 'i-- or i -= C, as the test is >='],
    ['i < 1; i *= 2', '1:24', 'an assignment, `i *= 2`', 'i++ or i += C, as the test is <'],
    ['i < 1; j++', '1:24', 'the operator ++, `j++`', 'i++ or i += C, as the test is <'],
  ])('with the head %s', (head, place, found, expected) => {
    expect(mistake(`for (let i = 0; ${head}) {}`).message).toBe(
      `s.js:${place}: step of the for loop: found ${found}, expected ${expected}`,
    );
  });
});

describe('expect() and cpu() are refused', () => {
  test.each([
    ['expect(touch(1))', '1:1: expect(): found 1 argument, expected 2 arguments'],
    ['expect(touch(1), 0, 0)', '1:1: expect(): found 3 arguments, expected 2 arguments'],
    ['expect(1, 0)', '1:8: first argument of expect(): found an integer, `1`, expected a call'],
    ['cpu(1)', '1:1: cpu(): found 1 argument, expected 2 arguments'],
    ['cpu(1, 2)', '1:8: second argument of cpu(): found an integer, `2`, expected () => { ... }'],
    [
      'cpu(1, (a) => {})',
      '1:8: second argument of cpu(): found an arrow function, `(a) => {}`, expected () => { ... }',
    ],
    [
      'cpu(1, () => touch(1))',
      '1:8: second argument of cpu(): found an arrow function, `() => touch(1)`, expected () => { ... }',
    ],
    [
      'cpu(1, async () => {})',
      '1:8: second argument of cpu(): found an arrow function, `async () => {}`, expected () => { ... }',
    ],
    [
      'expect(cpu(1, () => {}), 0)',
      '1:8: expression: found a call, `cpu(1, () => {})`, expected a call that gives a value',
    ],
    [
      'const x = expect(touch(1), 0)',
      '1:11: expression: found a call, `expect(touch(1), 0)`, expected a call that gives a value',
    ],
  ])('when written %s', (text, message) => {
    expect(mistake(text).message).toBe(`s.js:${message}`);
  });
});

describe('a name', () => {
  test.each([
    ['x = 3', '1:1: statement: found an assignment, `x = 3`, expected a new const: names do not change'],
    ['x++', '1:1: statement: found the operator ++, `x++`, expected a new const: names do not change'],
    [
      'let x = 1',
      '1:1: statement: found a let declaration, `let x = 1`, expected const: names do not change',
    ],
    [
      'var x = 1',
      '1:1: statement: found a var declaration, `var x = 1`, expected const: names do not change',
    ],
    ['const { x } = 1', '1:7: const: found an object pattern, `{ x }`, expected a name'],
    [
      'const a = 1, b = 2',
      '1:14: second name in a const: found a variable declarator, `b = 2`, expected a const of its own',
    ],
    [
      'const x = 1\nconst x = 2',
      "2:7: syntax: found Identifier 'x' has already been declared, `x = 2`, expected valid JavaScript",
    ],
    [
      'const x = 1\n{ const x = 2 }',
      '2:9: name that is already in use: found a name, `x`, expected a new name',
    ],
    [
      'const i = 1\nfor (let i = 0; i < 1; i++) {}',
      '2:10: name that is already in use: found a name, `i`, expected a new name',
    ],
    ['const touch = 1', '1:7: name that is already in use: found a name, `touch`, expected a new name'],
    ['const ENOMEM = 1', '1:7: name that is already in use: found a name, `ENOMEM`, expected a new name'],
    ['const cpu = 1', '1:7: name that is already in use: found a name, `cpu`, expected a new name'],
    [
      'touch(x)\n\nconst x = 1',
      '1:7: name before its declaration: found `x`, which line 3 declares, expected a name declared above',
    ],
    [
      '{ touch(x) }\nconst x = 1',
      '1:9: name before its declaration: found `x`, which line 2 declares, expected a name declared above',
    ],
    [
      'const x = x',
      '1:11: name before its declaration: found `x`, which line 1 declares, expected a name declared above',
    ],
  ])('is set once, above its use: %s', (text, message) => {
    expect(mistake(text).message).toBe(`s.js:${message}`);
  });

  test('that is not known is reported with those most like it', () => {
    expect(mistake('const page = 1\ntouch(pag + 1)').problem).toEqual({
      code: 'unknown-name',
      what: 'name',
      where: 's.js:2:7',
      found: 'pag',
      known: ['page', 'EINVAL', 'ENOMEM'],
    });
    expect(mistake('{ const a = 1 }\ntouch(a)').problem).toMatchObject({ code: 'unknown-name', found: 'a' });
    expect(mistake('for (let i = i; i < 1; i++) {}').problem).toMatchObject({
      where: 's.js:1:14',
      found: 'i',
    });
  });

  test('of a function that is not known is reported with the eight most like it', () => {
    const { problem } = mistake('set_direct_map_invalid_noflus(1)');
    expect(problem).toMatchObject({
      code: 'unknown-name',
      what: 'call',
      where: 's.js:1:1',
      found: 'set_direct_map_invalid_noflus',
    });
    const { known } = problem as typeof problem & { code: 'unknown-name' };
    expect(known.slice(0, 2)).toEqual(['set_direct_map_invalid_noflush', 'set_direct_map_default_noflush']);
    expect(known).toHaveLength(8);
    expect(mistake('eval("1")').problem).toMatchObject({ code: 'unknown-name', found: 'eval' });
    expect(mistake('constructor(1)').problem).toMatchObject({ code: 'unknown-name', found: 'constructor' });
  });

  test('is left for later when the caller does not say which are known', () => {
    expect(parseScenario('frobnicate(1, 2, ANYTHING)', 's.js').statements).toHaveLength(1);
  });

  test.each([
    ['touch()', '1:1: touch(): found 0 arguments, expected 1 argument'],
    ['\ttouch(1, 2)', '1:2: touch(): found 2 arguments, expected 1 argument'],
    ['set_memory_np(touch(1))', '1:1: set_memory_np(): found 1 argument, expected 2 arguments'],
    ['alloc_pages(1, 2, 3)', '1:1: alloc_pages(): found 3 arguments, expected 1 to 2 arguments'],
    ['set_pages_array_uc()', '1:1: set_pages_array_uc(): found 0 arguments, expected at least 1 argument'],
  ])('of a function goes with a number of arguments: %s', (text, message) => {
    expect(mistake(text).message).toBe(`s.js:${message}`);
  });
});

test('names are near each other by the letters to change, add and drop', () => {
  expect(nearestNames('kitten', ['sitting', 'mitten', 'kit', 'kitten'])).toEqual([
    'kitten',
    'mitten',
    'kit',
    'sitting',
  ]);
  expect(nearestNames('', ['bb', 'a'])).toEqual(['a', 'bb']);
  expect(nearestNames('x', [])).toEqual([]);
});

describe('what is not JavaScript is refused', () => {
  test.each([
    ['touch(1', '1:8: syntax: found Unexpected token, at the end of the script, expected valid JavaScript'],
    ['\n)', '2:1: syntax: found Unexpected token, `)`, expected valid JavaScript'],
    ["touch('\n')", "1:7: syntax: found Unterminated string constant, `' ')`, expected valid JavaScript"],
    ['touch(1) touch(2)', '1:10: syntax: found Unexpected token, `touch(2)`, expected valid JavaScript'],
    ['return', "1:1: syntax: found 'return' outside of function, `return`, expected valid JavaScript"],
    ['touch(@)', "1:7: syntax: found Unexpected character '@', `@)`, expected valid JavaScript"],
    ['/* open', '1:1: syntax: found Unterminated comment, `/* open`, expected valid JavaScript'],
  ])('%s', (text, message) => {
    expect(mistake(text).message).toBe(`s.js:${message}`);
  });
});

describe('a script too large is refused', () => {
  test('at more than 256 KiB, counted in bytes', () => {
    expect(parse(`//${' '.repeat(256 * 1024 - 2)}`).statements).toEqual([]);
    expect(mistake(`//${'\u20ac'.repeat(90_000)}`).message).toBe(
      's.js: the size of the script 270002 bytes is out of range: expected at most 262144 bytes',
    );
  });

  test('at more than 10,000 statements', () => {
    expect(parse('touch(1)\n'.repeat(10_000)).statements).toHaveLength(10_000);
    expect(mistake('touch(1)\n'.repeat(10_001)).message).toBe(
      's.js:10001:1: the number of statements 10001 is out of range: expected at most 10000',
    );
  });

  test('at more than 100 levels of nesting', () => {
    const nested = (depth: number) => '{'.repeat(depth) + '}'.repeat(depth);
    expect(parse(nested(100)).statements).toHaveLength(1);
    expect(mistake(nested(101)).message).toBe(
      's.js:1:101: the nesting level 101 is out of range: expected at most 100',
    );
    expect(mistake(`touch(${'~'.repeat(99)}1)`).message).toBe(
      's.js:1:106: the nesting level 101 is out of range: expected at most 100',
    );
    expect(mistake(`touch(1${' + 1'.repeat(99)})`).message).toBe(
      's.js:1:7: the nesting level 101 is out of range: expected at most 100',
    );
  });

  test.each(['(', '[', '{', '- ', '1 + ', 'if (1) ', 'touch(', 'a => ', '1 ? 1 : ', '`${'])(
    'when %s nests deeper than the stack',
    (piece) => {
      const { problem } = mistake(piece.repeat(60_000).slice(0, 256 * 1024));
      expect(problem).toEqual({
        code: 'out-of-range',
        what: 'the nesting of the script',
        where: 's.js',
        found: '(too deep to parse)',
        expected: 'at most 100 levels',
      });
    },
  );
});

test('a regular expression made to keep acorn busy for hours is refused at once', () => {
  const repeated = `/${'(?:(?<a>)|(?<a>)|(?<a>)|'.repeat(2000)}${')'.repeat(2000)}/`;
  expect(mistake(`touch(${repeated})`).problem).toMatchObject({ code: 'bad-format', where: 's.js:1:8' });
});

describe('parsing anything', () => {
  const refusesOrParses = (text: string) => {
    try {
      parse(text);
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      expect(error.problem.where).toMatch(/^s\.js:\d+:\d+$/);
    }
  };

  test('throws nothing but an InputError with a place, for random text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), refusesOrParses), { numRuns: 2000 });
  });

  test('throws nothing but an InputError with a place, for random tokens of JavaScript', () => {
    const tokens =
      "touch const let x i page 0 1n 0x1 07 1.5 's' `a` ( ) [ ] { } => , ; : . ... ?. = += ++ -- - ~ ! + * / % << >> >>> " +
      '& | ^ && ?? < <= > == for while if else function class async await yield return new this null true expect cpu ' +
      'import export typeof kernel ram config // /* */ <!-- --> # @ \\ \n';
    const token = fc.constantFrom(...tokens.split(' '));
    fc.assert(
      fc.property(fc.array(token, { maxLength: 40 }), (pieces) => refusesOrParses(pieces.join(' '))),
      { numRuns: 10_000 },
    );
  });

  test('throws nothing but an InputError with a place, for mutations of a valid script', () => {
    const tokens = LARGE_NP_LEAF.match(/\w+|\s+|[^\w\s]/g)!;
    const place = fc.nat(tokens.length - 1);
    const mutation = fc.tuple(fc.constantFrom('drop', 'double', 'swap', 'cut'), place, place);
    fc.assert(
      fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
        refusesOrParses(mutations.reduce<readonly string[]>(mutate, tokens).join(''));
      }),
      { numRuns: 5000 },
    );
  });
});

type Mutation = readonly [kind: 'drop' | 'double' | 'swap' | 'cut', at: number, other: number];

function mutate(tokens: readonly string[], [kind, at, other]: Mutation): readonly string[] {
  if (tokens.length === 0) return tokens;
  switch (kind) {
    case 'drop':
      return tokens.toSpliced(at, 1);
    case 'double':
      return tokens.toSpliced(at, 0, ...tokens.slice(at, at + 1));
    case 'swap':
      return tokens
        .with(at % tokens.length, tokens[other] ?? '')
        .with(other % tokens.length, tokens[at] ?? '');
    case 'cut':
      return tokens.slice(0, at);
  }
}
