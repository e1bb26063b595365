/**
 * Reads a scenario. Scripts are a small subset of JavaScript: acorn parses them, this file keeps what the language
 * has and refuses the rest by name and position. Nothing is ever evaluated as JavaScript, so that a script that
 * comes with a link is harmless.
 */

import * as acorn from 'acorn';
import { InputError } from '../errors.ts';
import {
  type ArrayLiteral,
  BINARY_OPERATORS,
  type Block,
  type Call,
  type CallArgument,
  type Expression,
  type Header,
  type Integer,
  LARGEST_INTEGER,
  LOOP_TESTS,
  type LoopTest,
  MAX_BODIES,
  type Program,
  placeOf,
  type Span,
  type Statement,
  UNARY_OPERATORS,
} from './ast.ts';
import { nearestNames } from './nearest_names.ts';
import { argumentCount, clip, inWords, plural, snippet, spanOf, squeeze } from './node_words.ts';
import { HeaderReader } from './parse_header.ts';
import { parseSchedule } from './schedule.ts';

/** What a script may name besides its own constants. `max` may be Infinity. */
export interface KnownNames {
  readonly calls: ReadonlyMap<string, { readonly min: number; readonly max: number }>;
  readonly constants: ReadonlySet<string>;
}

export const MAX_SCRIPT_BYTES = 256 * 1024;
export const MAX_NESTING = 100;
export const MAX_STATEMENTS = 10_000;

const SPECIAL_FORMS = ['expect', 'cpu', 'interleave'];
const STATEMENT_EXPECTED = 'a const, a call, expect(), cpu(), a for loop or a block';
const EXPRESSION_EXPECTED = 'an integer, a name, a call or arithmetic on them';
const LOOP_EXPECTED = 'for (let i = A; i < B; i++), also <= and i += C, or > and >= with i-- and i -= C';

/**
 * Parses a script, or throws an InputError that names the place and says what may stand there.
 * Without `known`, names that the script does not declare itself are left for the interpreter to look up.
 */
export function parseScenario(text: string, fileName: string, known?: KnownNames): Program {
  const bytes = new TextEncoder().encode(text).length;
  if (bytes > MAX_SCRIPT_BYTES) {
    const expected = `at most ${MAX_SCRIPT_BYTES} bytes`;
    throw outOfRange('the size of the script', fileName, `${bytes} bytes`, expected);
  }
  const comments: acorn.Comment[] = [];
  const tree = parseJavaScript(text, fileName, comments);
  const translator = new Translator(blankComments(text, comments), fileName, known);
  const headerNode = headerOf(tree.body[0]);
  return {
    fileName,
    comments: leadingLines(comments, tree.body[0]?.start ?? text.length),
    header: headerNode === undefined ? {} : translator.header(headerNode),
    statements: translator.block(headerNode === undefined ? tree.body : tree.body.slice(1)),
  };
}

/** ES2024: from ES2025 on, regular expressions may repeat group names, which acorn checks in cubic time. */
function parseJavaScript(text: string, fileName: string, onComment: acorn.Comment[]): acorn.Program {
  try {
    return acorn.parse(text, {
      ecmaVersion: 2024,
      sourceType: 'script',
      allowHashBang: false,
      locations: true,
      preserveParens: true,
      onComment,
    });
  } catch (error) {
    if (isStackOverflow(error)) {
      const expected = `at most ${MAX_NESTING} levels`;
      throw outOfRange('the nesting of the script', fileName, '(too deep to parse)', expected);
    }
    if (error instanceof SyntaxError) throw syntaxError(error, text, fileName);
    throw error;
  }
}

/** Where the stack ended is no place to report: acorn's own error for it has one, but it is never the same. */
function isStackOverflow(error: unknown): boolean {
  return (
    error instanceof RangeError || (error instanceof Error && error.message.startsWith('Not enough stack'))
  );
}

/** What acorn adds to its SyntaxErrors. */
interface AcornSyntaxError extends SyntaxError {
  readonly pos: number;
  readonly loc: acorn.Position;
}

function syntaxError(error: SyntaxError, text: string, fileName: string): InputError {
  const { message, pos, loc } = error as AcornSyntaxError;
  const reason = message.replace(/ \(\d+:\d+\)$/, '');
  const rest = snippet(text.slice(pos));
  const found = `${reason}, ${rest === '' ? 'at the end of the script' : `\`${rest}\``}`;
  const where = placeOf(fileName, { line: loc.line, column: loc.column + 1, start: pos, end: pos });
  return new InputError({ code: 'bad-format', what: 'syntax', where, found, expected: 'valid JavaScript' });
}

/** The script with its comments made blank, so that ranges of it stay what they are. */
function blankComments(text: string, comments: readonly acorn.Comment[]): string {
  const pieces: string[] = [];
  let end = 0;
  for (const comment of comments) {
    pieces.push(text.slice(end, comment.start), ' '.repeat(comment.end - comment.start));
    end = comment.end;
  }
  return pieces.join('') + text.slice(end);
}

function leadingLines(comments: readonly acorn.Comment[], before: number): string[] {
  return comments
    .filter((comment) => comment.end <= before)
    .flatMap(({ type, value }) =>
      type === 'Line' ? [value.replace(/^ /, '').trimEnd()] : blockLines(value),
    );
}

function blockLines(comment: string): string[] {
  const lines = comment.split('\n').map((line) => line.replace(/^\s*\*? ?/, '').trimEnd());
  return lines.filter((line, index) => line !== '' || (index > 0 && index < lines.length - 1));
}

function headerOf(first: acorn.Program['body'][number] | undefined): acorn.ObjectExpression | undefined {
  if (first?.type !== 'ExpressionStatement' || first.expression.type !== 'ParenthesizedExpression') return;
  const { expression } = first.expression;
  return expression.type === 'ObjectExpression' ? expression : undefined;
}

/** The names of one block: those declared so far, and those that it declares further down. */
interface Scope {
  readonly declared: Set<string>;
  readonly later: Map<string, Span>;
}

/** acorn's tree in, ours out. Keeps count of scopes, depth and statements on the way. */
export class Translator {
  private readonly code: string;
  private readonly fileName: string;
  private readonly known: KnownNames | undefined;
  private readonly scopes: Scope[] = [];
  private depth = 0;
  private interleaved = false;
  private statementCount = 0;

  constructor(code: string, fileName: string, known: KnownNames | undefined) {
    this.code = code;
    this.fileName = fileName;
    this.known = known;
  }

  header(object: acorn.ObjectExpression): Header {
    return new HeaderReader(this).read(object);
  }

  block(nodes: readonly acorn.AnyNode[]): Statement[] {
    return this.scoped(declarationsOf(nodes), () =>
      nodes.filter(({ type }) => type !== 'EmptyStatement').map((node) => this.statement(node)),
    );
  }

  // Statements

  private statement(node: acorn.AnyNode): Statement {
    this.statementCount++;
    if (this.statementCount > MAX_STATEMENTS) {
      const found = String(this.statementCount);
      throw this.outOfRange(node, 'the number of statements', found, `at most ${MAX_STATEMENTS}`);
    }
    return this.deeper(node, () => this.statementOfType(node));
  }

  private statementOfType(node: acorn.AnyNode): Statement {
    switch (node.type) {
      case 'VariableDeclaration':
        return this.constant(node);
      case 'ExpressionStatement':
        return this.expressionStatement(node);
      case 'ForStatement':
        return this.forLoop(node);
      case 'BlockStatement':
        return this.blockStatement(node);
      default:
        throw this.unexpected(node, 'statement', STATEMENT_EXPECTED);
    }
  }

  private constant(node: acorn.VariableDeclaration): Statement {
    if (node.kind !== 'const') throw this.unexpected(node, 'statement', 'const: names do not change');
    const [{ id, init }, second] = node.declarations as [acorn.VariableDeclarator, acorn.VariableDeclarator?];
    if (id.type !== 'Identifier') throw this.unexpected(id, 'const', 'a name');
    if (second !== undefined) throw this.unexpected(second, 'second name in a const', 'a const of its own');
    const value = this.expression(init!);
    this.declare(id);
    return { kind: 'const', span: spanOf(node), name: id.name, value };
  }

  private expressionStatement(node: acorn.ExpressionStatement): Statement {
    const { expression } = node;
    switch (expression.type) {
      case 'CallExpression':
        return this.callStatement(expression, spanOf(node));
      case 'AssignmentExpression':
      case 'UpdateExpression':
        throw this.unexpected(expression, 'statement', 'a new const: names do not change');
      case 'ParenthesizedExpression':
        if (expression.expression.type !== 'ObjectExpression') break;
        throw this.unexpected(expression.expression, 'header', 'the header once, as the first statement');
    }
    throw this.unexpected(expression, 'statement', STATEMENT_EXPECTED);
  }

  private callStatement(node: acorn.CallExpression, span: Span): Statement {
    switch (calleeName(node)) {
      case 'expect':
        return this.expectation(node, span);
      case 'cpu':
        return this.onCpu(node, span);
      case 'interleave':
        return this.interleave(node, span);
      default:
        return { kind: 'call-statement', span, call: this.call(node) };
    }
  }

  private expectation(node: acorn.CallExpression, span: Span): Statement {
    this.checkArgumentCount(node, 'expect', 2, 2);
    const [call, value] = node.arguments as [acorn.AnyNode, acorn.AnyNode];
    if (call.type !== 'CallExpression') throw this.unexpected(call, 'first argument of expect()', 'a call');
    return { kind: 'expect', span, call: this.call(call), value: this.expression(value) };
  }

  private onCpu(node: acorn.CallExpression, span: Span): Statement {
    this.checkNotInterleaved(node);
    this.checkArgumentCount(node, 'cpu', 2, 2);
    const [number, arrow] = node.arguments as [acorn.AnyNode, acorn.AnyNode];
    const cpu = this.expression(number);
    const block = this.functionBody(arrow, 'second argument of cpu()');
    const text = `${squeeze(this.code.slice(node.start, arrow.start))}() => { ... })`;
    return { kind: 'cpu', span, text, cpu, body: this.blockStatement(block) };
  }

  private interleave(node: acorn.CallExpression, span: Span): Statement {
    this.checkNotInterleaved(node);
    this.checkArgumentCount(node, 'interleave', 3, 1 + MAX_BODIES);
    const [first, ...arrows] = node.arguments as [acorn.AnyNode, ...acorn.AnyNode[]];
    if (first.type !== 'Literal' || typeof first.value !== 'string') {
      throw this.unexpected(first, 'first argument of interleave()', "a schedule such as '0*3 1*5 0'");
    }
    const turns = parseSchedule(first.value, arrows.length, this.where(first));
    const blocks = arrows.map((arrow) => this.functionBody(arrow, 'argument of interleave()'));
    const text = `interleave('${first.value}', ${arrows.map(() => '() => { ... }').join(', ')})`;
    this.interleaved = true;
    const bodies = blocks.map((block) => this.blockStatement(block));
    this.interleaved = false;
    return { kind: 'interleave', span, text, schedule: { span: spanOf(first), turns }, bodies };
  }

  private checkNotInterleaved(node: acorn.CallExpression): void {
    if (!this.interleaved) return;
    throw this.unexpected(node, 'statement of interleave()', 'any but cpu() and interleave()');
  }

  /** The block of `() => { ... }`. */
  private functionBody(arrow: acorn.AnyNode, what: string): acorn.BlockStatement {
    const plain = arrow.type === 'ArrowFunctionExpression' && arrow.params.length === 0 && !arrow.async;
    if (!plain || arrow.body.type !== 'BlockStatement') throw this.unexpected(arrow, what, '() => { ... }');
    return arrow.body;
  }

  private blockStatement(node: acorn.BlockStatement): Block {
    return { kind: 'block', span: spanOf(node), statements: this.block(node.body) };
  }

  // for loops

  private forLoop(node: acorn.ForStatement): Statement {
    const { id, init } = this.loopVariable(node);
    if (id.type !== 'Identifier') throw this.unexpected(id, 'for loop', LOOP_EXPECTED);
    const from = this.expression(init!);
    return this.scoped(new Map(), () => {
      this.declare(id);
      const { test, to } = this.loopTest(node, id.name);
      const by = this.loopStep(node, id.name, test);
      const body = this.loopBody(node.body);
      return { kind: 'for', span: spanOf(node), name: id.name, from, test, to, by, body };
    });
  }

  private loopVariable(node: acorn.ForStatement): acorn.VariableDeclarator {
    const { init } = node;
    if (init?.type !== 'VariableDeclaration') throw this.unexpected(init ?? node, 'for loop', LOOP_EXPECTED);
    const [variable, second] = init.declarations;
    if (init.kind !== 'let' || second !== undefined || variable?.init == null) {
      throw this.unexpected(init, 'for loop', LOOP_EXPECTED);
    }
    return variable;
  }

  private loopTest(node: acorn.ForStatement, name: string): { test: LoopTest; to: Expression } {
    const { test } = node;
    const understood = test?.type === 'BinaryExpression' && isName(test.left, name);
    if (!understood || !isOneOf(LOOP_TESTS, test.operator)) {
      throw this.unexpected(test ?? node, 'for loop', LOOP_EXPECTED);
    }
    return { test: test.operator, to: this.expression(test.right) };
  }

  private loopStep(node: acorn.ForStatement, name: string, test: LoopTest): Expression {
    const sign = test.startsWith('<') ? '+' : '-';
    const { update } = node;
    if (update?.type === 'UpdateExpression' && isName(update.argument, name)) {
      if (update.operator === sign + sign) return { kind: 'integer', span: spanOf(update), value: 1n };
    }
    if (update?.type === 'AssignmentExpression' && isName(update.left, name)) {
      if (update.operator === `${sign}=`) return this.expression(update.right);
    }
    const expected = `${name}${sign}${sign} or ${name} ${sign}= C, as the test is ${test}`;
    throw this.unexpected(update ?? node, 'step of the for loop', expected);
  }

  private loopBody(node: acorn.Statement): Block {
    if (node.type === 'BlockStatement') return this.blockStatement(node);
    return { kind: 'block', span: spanOf(node), statements: this.block([node]) };
  }

  // Expressions

  expression(node: acorn.AnyNode): Expression {
    return this.deeper(node, () => this.expressionOfType(node));
  }

  private expressionOfType(node: acorn.AnyNode): Expression {
    const span = spanOf(node);
    switch (node.type) {
      case 'Literal':
        return this.integer(node);
      case 'Identifier':
        this.checkName(node);
        return { kind: 'name', span, name: node.name };
      case 'UnaryExpression':
        if (!isOneOf(UNARY_OPERATORS, node.operator)) break;
        return { kind: 'unary', span, operator: node.operator, operand: this.expression(node.argument) };
      case 'BinaryExpression':
        return this.binary(node);
      case 'CallExpression':
        return this.call(node);
      case 'ParenthesizedExpression':
        return { kind: 'parenthesised', span, inner: this.expression(node.expression) };
    }
    throw this.unexpected(node, 'expression', EXPRESSION_EXPECTED);
  }

  private binary(node: acorn.BinaryExpression): Expression {
    const { operator } = node;
    if (!isOneOf(BINARY_OPERATORS, operator)) {
      throw this.unexpected(node, 'expression', `one of ${BINARY_OPERATORS.join(' ')}`);
    }
    const left = this.expression(node.left);
    return { kind: 'binary', span: spanOf(node), operator, left, right: this.expression(node.right) };
  }

  private call(node: acorn.CallExpression): Call {
    const name = calleeName(node);
    if (name === undefined) throw this.unexpected(node.callee, 'call', 'the name of a function');
    if (SPECIAL_FORMS.includes(name)) throw this.unexpected(node, 'expression', 'a call that gives a value');
    this.checkCall(node, name);
    const args = node.arguments.map((argument) => this.argument(argument));
    const text = squeeze(this.code.slice(node.start, node.end));
    return { kind: 'call', span: spanOf(node), name, text, arguments: args };
  }

  private argument(node: acorn.AnyNode): CallArgument {
    if (node.type === 'ArrayExpression') return this.deeper(node, () => this.array(node));
    if (node.type === 'Literal' && typeof node.value === 'string') {
      return { kind: 'string', span: spanOf(node), value: node.value };
    }
    return this.expression(node);
  }

  private array(node: acorn.ArrayExpression): ArrayLiteral {
    const elements = node.elements.map((element) => {
      if (element === null) throw this.unexpected(node, 'array with an empty place', EXPRESSION_EXPECTED);
      return this.expression(element);
    });
    return { kind: 'array', span: spanOf(node), elements };
  }

  /** Exact: from the text of the literal, not from the number that acorn made of it. */
  integer(node: acorn.Literal, what = 'expression', expected = EXPRESSION_EXPECTED): Integer {
    const span = spanOf(node);
    if (typeof node.value === 'boolean') return { kind: 'integer', span, value: node.value ? 1n : 0n };
    const digits = this.code.slice(node.start, node.end).replaceAll('_', '');
    if (!/^(0x[\da-f]+|0o[0-7]+|0b[01]+|0|[1-9]\d*)n?$/i.test(digits)) {
      throw this.unexpected(node, what, expected);
    }
    const value = BigInt(digits.replace(/n$/, ''));
    if (value > LARGEST_INTEGER) throw this.outOfRange(node, 'the integer', digits, 'at most 64 bits');
    return { kind: 'integer', span, value };
  }

  // Names

  private scoped<Result>(later: Map<string, Span>, translate: () => Result): Result {
    this.scopes.push({ declared: new Set(), later });
    const result = translate();
    this.scopes.pop();
    return result;
  }

  private declare(id: acorn.Identifier): void {
    const taken = this.isDeclared(id.name) || this.isKnown(id.name);
    if (taken) throw this.unexpected(id, 'name that is already in use', 'a new name');
    this.scopes.at(-1)!.declared.add(id.name);
  }

  private isDeclared(name: string): boolean {
    return this.scopes.some(({ declared }) => declared.has(name));
  }

  private isKnown(name: string): boolean {
    if (SPECIAL_FORMS.includes(name)) return true;
    return this.known !== undefined && (this.known.calls.has(name) || this.known.constants.has(name));
  }

  private checkName(node: acorn.Identifier): void {
    const { name } = node;
    if (this.isDeclared(name)) return;
    const later = this.scopes.map((scope) => scope.later.get(name)).findLast((span) => span !== undefined);
    if (later !== undefined) {
      const found = `\`${clip(name)}\`, which line ${later.line} declares`;
      throw this.badFormat(node, 'name before its declaration', found, 'a name declared above');
    }
    if (this.known === undefined || this.known.constants.has(name)) return;
    const declared = this.scopes.flatMap((scope) => [...scope.declared]);
    const names = [...declared, ...this.known.constants];
    throw this.unknownName(node, 'name', name, nearestNames(name, names));
  }

  private checkCall(node: acorn.CallExpression, name: string): void {
    if (this.known === undefined) return;
    const arity = this.known.calls.get(name);
    if (arity === undefined) {
      const names = [...this.known.calls.keys(), ...SPECIAL_FORMS];
      throw this.unknownName(node, 'call', name, nearestNames(name, names));
    }
    this.checkArgumentCount(node, name, arity.min, arity.max);
  }

  private checkArgumentCount(node: acorn.CallExpression, name: string, min: number, max: number): void {
    const count = node.arguments.length;
    if (count >= min && count <= max) return;
    throw this.badFormat(node, `${name}()`, plural(count, 'argument'), argumentCount(min, max));
  }

  // Limits and complaints

  private deeper<Result>(node: acorn.AnyNode, translate: () => Result): Result {
    this.depth++;
    if (this.depth > MAX_NESTING) {
      throw this.outOfRange(node, 'the nesting level', String(this.depth), `at most ${MAX_NESTING}`);
    }
    const result = translate();
    this.depth--;
    return result;
  }

  unexpected(node: acorn.Node, what: string, expected: string): InputError {
    const source = this.code.slice(node.start, node.end);
    return this.badFormat(node, what, `${inWords(node as acorn.AnyNode)}, \`${snippet(source)}\``, expected);
  }

  badFormat(node: acorn.Node, what: string, found: string, expected: string): InputError {
    return new InputError({ code: 'bad-format', what, where: this.where(node), found, expected });
  }

  unknownName(node: acorn.Node, what: string, found: string, known: readonly string[]): InputError {
    return new InputError({ code: 'unknown-name', what, where: this.where(node), found, known });
  }

  outOfRange(node: acorn.Node, what: string, found: string, expected: string): InputError {
    return outOfRange(what, this.where(node), found, expected);
  }

  private where(node: acorn.Node): string {
    return placeOf(this.fileName, spanOf(node));
  }
}

function declarationsOf(nodes: readonly acorn.AnyNode[]): Map<string, Span> {
  const declarators = nodes.flatMap((node) => (node.type === 'VariableDeclaration' ? node.declarations : []));
  const ids = declarators.map(({ id }) => id).filter((id) => id.type === 'Identifier');
  return new Map(ids.map((id) => [id.name, spanOf(id)]));
}

function calleeName({ callee }: acorn.CallExpression): string | undefined {
  return callee.type === 'Identifier' ? callee.name : undefined;
}

function isName(node: acorn.AnyNode, name: string): boolean {
  return node.type === 'Identifier' && node.name === name;
}

function isOneOf<Word extends string>(words: readonly Word[], word: string): word is Word {
  return (words as readonly string[]).includes(word);
}

function outOfRange(what: string, where: string, found: string, expected: string): InputError {
  return new InputError({ code: 'out-of-range', what, where, found, expected });
}
