/**
 * Runs a scenario's tree against a host. The language itself is here: names, loops, arithmetic, the order of things.
 * What a call does, what a CPU is and what becomes of an expectation is the host's business.
 */

import { InputError } from '../errors.ts';
import {
  type BinaryOperator,
  type Call,
  type CallArgument,
  type Const,
  type Expect,
  type Expression,
  type For,
  type Interleave,
  LARGEST_INTEGER,
  type LoopTest,
  MAX_CPUS,
  type Name,
  type OnCpu,
  type Program,
  placeOf,
  type Schedule,
  SMALLEST_INTEGER,
  type Span,
  type Statement,
  type UnaryOperator,
} from './ast.ts';
import { nearestNames } from './nearest_names.ts';

/** What a call is given. */
export type Argument = bigint | string | bigint[];

/** One call as it happens: the same place in a script, when a loop comes back to it, is another site. */
export interface CallSite {
  readonly name: string;
  /** The source of the call on one line. */
  readonly text: string;
  readonly line: number;
  readonly column: number;
  /** Calls are numbered from 1 in the order in which they begin; a cpu() or interleave() counts as one. */
  readonly step: number;
}

/** What a scenario runs on. `P` is what the host's calls yield: the points where the world decides. */
export interface Host<P> {
  readonly constants: ReadonlyMap<string, bigint>;
  /** Does the call. Returns undefined when it gives no value. */
  call(call: CallSite, args: readonly Argument[]): Generator<P, bigint | undefined, number>;
  /** What an expect() found. The site is the one that `call` was given. */
  expectation(site: CallSite, expected: bigint, found: bigint | undefined): void;
  /** Runs `body` on another CPU, now or, interleaved with what follows, later. */
  onCpu(cpu: number, body: () => Generator<P, void, number>, site: CallSite): Generator<P, void, number>;
  /** Runs `bodies` at once, the i-th on CPU i: in the order of the schedule, then in any that ends. */
  interleave(
    schedule: Schedule,
    bodies: readonly (() => Generator<P, void, number>)[],
    site: CallSite,
  ): Generator<P, void, number>;
  /** True once the machine is dead. Nothing more is called. */
  stopped(): boolean;
}

/** How much a run may evaluate before it is refused, so that every run ends. */
export interface Limits {
  readonly statements: number;
  readonly expressions: number;
}

export const DEFAULT_LIMITS: Limits = { statements: 1_000_000, expressions: 10_000_000 };

/**
 * Runs a program to its end, or until the host has stopped. Yields what the host yields, and passes the answers on.
 * A mistake that only shows at run time throws an InputError with its position.
 */
export function interpret<P>(
  program: Program,
  host: Host<P>,
  limits: Limits = DEFAULT_LIMITS,
): Generator<P, void, number> {
  return new Interpreter(program, host, limits).run();
}

/** Unwinds a run on a machine that has stopped. Never leaves this file. */
class MachineStopped extends Error {}

class Scope {
  private readonly values: Map<string, bigint> = new Map();
  private readonly outer: Scope | undefined;

  constructor(outer?: Scope) {
    this.outer = outer;
  }

  set(name: string, value: bigint): void {
    this.values.set(name, value);
  }

  get(name: string): bigint | undefined {
    return this.values.get(name) ?? this.outer?.get(name);
  }

  names(): string[] {
    return [...this.values.keys(), ...(this.outer?.names() ?? [])];
  }
}

class Interpreter<P> {
  private readonly program: Program;
  private readonly host: Host<P>;
  private readonly limits: Limits;
  private statementCount = 0;
  private expressionCount = 0;
  private step = 0;

  constructor(program: Program, host: Host<P>, limits: Limits) {
    this.program = program;
    this.host = host;
    this.limits = limits;
  }

  run(): Generator<P, void, number> {
    return this.untilStopped(this.program.statements, new Scope());
  }

  private *untilStopped(statements: readonly Statement[], scope: Scope): Generator<P, void, number> {
    try {
      yield* this.all(statements, scope);
    } catch (error) {
      if (!(error instanceof MachineStopped)) throw error;
    }
  }

  private *all(statements: readonly Statement[], scope: Scope): Generator<P, void, number> {
    for (const statement of statements) yield* this.statement(statement, scope);
  }

  private *statement(statement: Statement, scope: Scope): Generator<P, void, number> {
    this.begin(statement);
    switch (statement.kind) {
      case 'const':
        return yield* this.declare(statement, scope);
      case 'call-statement':
        yield* this.call(statement.call, scope);
        return;
      case 'expect':
        return yield* this.expect(statement, scope);
      case 'for':
        return yield* this.loop(statement, scope);
      case 'cpu':
        return yield* this.onCpu(statement, scope);
      case 'interleave':
        return yield* this.interleave(statement, scope);
      case 'block':
        return yield* this.all(statement.statements, new Scope(scope));
    }
  }

  private begin(statement: Statement): void {
    this.checkStopped();
    this.statementCount++;
    if (this.statementCount <= this.limits.statements) return;
    throw this.outOfRange(statement.span, 'statements run', this.statementCount, this.limits.statements);
  }

  private checkStopped(): void {
    if (this.host.stopped()) throw new MachineStopped();
  }

  private *declare({ name, value }: Const, scope: Scope): Generator<P, void, number> {
    scope.set(name, yield* this.evaluate(value, scope));
  }

  private *expect({ call, value }: Expect, scope: Scope): Generator<P, void, number> {
    const { site, result } = yield* this.call(call, scope);
    const expected = yield* this.evaluate(value, scope);
    this.host.expectation(site, expected, result);
  }

  /** Each turn has a variable of its own, as in JavaScript: the body of a cpu() may run when the loop is over. */
  private *loop(loop: For, scope: Scope): Generator<P, void, number> {
    let value = yield* this.evaluate(loop.from, scope);
    for (;;) {
      const turn = new Scope(scope);
      turn.set(loop.name, value);
      const to = yield* this.evaluate(loop.to, turn);
      if (!passes(loop.test, value, to)) return;
      yield* this.statement(loop.body, turn);
      value = yield* this.afterStep(loop, value, turn);
    }
  }

  private *afterStep({ by, test }: For, value: bigint, scope: Scope): Generator<P, bigint, number> {
    const distance = yield* this.evaluate(by, scope);
    if (distance <= 0n) throw this.outOfRange(by.span, 'the step of the for loop', distance, 'at least 1');
    return this.checked(test.startsWith('<') ? value + distance : value - distance, by.span);
  }

  private *onCpu({ cpu, body, text, span }: OnCpu, scope: Scope): Generator<P, void, number> {
    const number = yield* this.evaluate(cpu, scope);
    if (number < 0n || number >= MAX_CPUS) {
      throw this.outOfRange(cpu.span, 'the CPU', number, `0 to ${MAX_CPUS - 1}`);
    }
    this.checkStopped();
    const run = () => this.untilStopped([body], scope);
    yield* this.host.onCpu(Number(number), run, this.site('cpu', text, span));
  }

  private *interleave(
    { schedule, bodies, text, span }: Interleave,
    scope: Scope,
  ): Generator<P, void, number> {
    const runs = bodies.map((body) => () => this.untilStopped([body], scope));
    yield* this.host.interleave(schedule, runs, this.site('interleave', text, span));
  }

  private *call(
    { name, text, span, arguments: args }: Call,
    scope: Scope,
  ): Generator<P, { site: CallSite; result: bigint | undefined }, number> {
    const values: Argument[] = [];
    for (const argument of args) values.push(yield* this.argument(argument, scope));
    this.checkStopped();
    const site = this.site(name, text, span);
    return { site, result: yield* this.host.call(site, values) };
  }

  private site(name: string, text: string, { line, column }: Span): CallSite {
    this.step++;
    return { name, text, line, column, step: this.step };
  }

  private *argument(argument: CallArgument, scope: Scope): Generator<P, Argument, number> {
    if (argument.kind === 'string') return argument.value;
    if (argument.kind !== 'array') return yield* this.evaluate(argument, scope);
    const elements: bigint[] = [];
    for (const element of argument.elements) elements.push(yield* this.evaluate(element, scope));
    return elements;
  }

  private *evaluate(expression: Expression, scope: Scope): Generator<P, bigint, number> {
    this.expressionCount++;
    if (this.expressionCount > this.limits.expressions) {
      const { expressions } = this.limits;
      throw this.outOfRange(expression.span, 'expressions evaluated', this.expressionCount, expressions);
    }
    switch (expression.kind) {
      case 'integer':
        return expression.value;
      case 'name':
        return this.lookUp(expression, scope);
      case 'parenthesised':
        return yield* this.evaluate(expression.inner, scope);
      case 'call':
        return this.resultOf(expression, (yield* this.call(expression, scope)).result);
      case 'unary': {
        const operand = yield* this.evaluate(expression.operand, scope);
        return this.checked(unary(expression.operator, operand), expression.span);
      }
      case 'binary': {
        const left = yield* this.evaluate(expression.left, scope);
        const right = yield* this.evaluate(expression.right, scope);
        this.checkOperand(expression.operator, right, expression.right.span);
        return this.checked(binary(expression.operator, left, right), expression.span);
      }
    }
  }

  private lookUp({ name, span }: Name, scope: Scope): bigint {
    const value = scope.get(name) ?? this.host.constants.get(name);
    if (value !== undefined) return value;
    const known = nearestNames(name, [...scope.names(), ...this.host.constants.keys()]);
    throw new InputError({ code: 'unknown-name', what: 'name', where: this.where(span), found: name, known });
  }

  private resultOf({ text, span }: Call, result: bigint | undefined): bigint {
    if (result !== undefined) return result;
    this.checkStopped();
    throw new InputError({
      code: 'bad-format',
      what: 'value',
      where: this.where(span),
      found: `${text}, which gives none`,
      expected: 'a call that gives a value',
    });
  }

  private checkOperand(operator: BinaryOperator, right: bigint, span: Span): void {
    const divides = operator === '/' || operator === '%';
    if (divides && right === 0n) throw this.outOfRange(span, 'the divisor', right, 'anything else');
    const shifts = operator === '<<' || operator === '>>';
    if (shifts && (right < 0n || right > 63n))
      throw this.outOfRange(span, 'the shift count', right, '0 to 63');
  }

  private checked(value: bigint, span: Span): bigint {
    if (value >= SMALLEST_INTEGER && value <= LARGEST_INTEGER) return value;
    throw this.outOfRange(span, 'the result', value, '-2^63 to 2^64 - 1');
  }

  private outOfRange(
    span: Span,
    what: string,
    found: bigint | number,
    expected: string | number,
  ): InputError {
    const limit = typeof expected === 'number' ? `at most ${expected}` : expected;
    const where = this.where(span);
    return new InputError({ code: 'out-of-range', what, where, found: String(found), expected: limit });
  }

  private where(span: Span): string {
    return placeOf(this.program.fileName, span);
  }
}

function passes(test: LoopTest, value: bigint, end: bigint): boolean {
  switch (test) {
    case '<':
      return value < end;
    case '<=':
      return value <= end;
    case '>':
      return value > end;
    case '>=':
      return value >= end;
  }
}

function unary(operator: UnaryOperator, operand: bigint): bigint {
  switch (operator) {
    case '-':
      return -operand;
    case '~':
      return ~operand;
    case '+':
      return operand;
  }
}

function binary(operator: BinaryOperator, left: bigint, right: bigint): bigint {
  switch (operator) {
    case '+':
      return left + right;
    case '-':
      return left - right;
    case '*':
      return left * right;
    case '/':
      return left / right;
    case '%':
      return left % right;
    case '<<':
      return left << right;
    case '>>':
      return left >> right;
    case '&':
      return left & right;
    case '|':
      return left | right;
    case '^':
      return left ^ right;
  }
}
