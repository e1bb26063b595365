/**
 * A scenario as a tree: what remains of a script once acorn's tree is cut down to the few forms that the language
 * has. Plain data, and every node knows where it stands in the script.
 */

/** Where a piece of a script stands. Line and column count from 1, in UTF-16 units; `end` is exclusive. */
export interface Span {
  readonly line: number;
  readonly column: number;
  readonly start: number;
  readonly end: number;
}

/** A place in a script as the user writes it: `file:line:column`. */
export function placeOf(fileName: string, span: Span): string {
  return `${fileName}:${span.line}:${span.column}`;
}

export interface Program {
  readonly fileName: string;
  /** The comments above the first statement, line by line, without their marks: who asked, and what. */
  readonly comments: readonly string[];
  readonly header: Header;
  readonly statements: readonly Statement[];
}

/** The machine and kernel that a script asks for, as written; what is left out is not in it. */
export type Header = { readonly [Key in keyof HeaderValues]?: Placed<HeaderValues[Key]> };

export interface Placed<Value> {
  readonly value: Value;
  readonly span: Span;
}

export interface HeaderValues {
  title: string;
  kernel: string;
  arch: string;
  /** An amount ('4G'), or the ranges that hold RAM. */
  ram: string | readonly RamRange[];
  cpus: number;
  config: readonly ConfigOption[];
  boot: string;
  /** Where else all of the script's expectations are met. */
  runs_on: readonly Placed<string>[];
  levels: number;
  /** Bytes of a base page. */
  page_size: string | number;
  /** Index bits per page-table level. */
  geometry: number;
  /** What the machine has or lacks, by the architecture's names. */
  features: readonly Feature[];
}

/** Both ends are inclusive, as in the kernel's e820 print. */
export interface RamRange {
  readonly start: bigint | string;
  readonly end: bigint | string;
  readonly span: Span;
}

export interface Feature {
  readonly name: string;
  readonly value: boolean | number;
  readonly span: Span;
}

export interface ConfigOption {
  readonly name: string;
  readonly value: bigint | string;
  readonly span: Span;
}

export type Statement = Const | CallStatement | Expect | For | OnCpu | Interleave | Block;

/** `const name = value` */
export interface Const {
  readonly kind: 'const';
  readonly span: Span;
  readonly name: string;
  readonly value: Expression;
}

export interface CallStatement {
  readonly kind: 'call-statement';
  readonly span: Span;
  readonly call: Call;
}

/** `expect(call, value)` */
export interface Expect {
  readonly kind: 'expect';
  readonly span: Span;
  readonly call: Call;
  readonly value: Expression;
}

/** `for (let name = from; name test to; name += by)`. The test says which way it counts; `by` is positive. */
export interface For {
  readonly kind: 'for';
  readonly span: Span;
  readonly name: string;
  readonly from: Expression;
  readonly test: LoopTest;
  readonly to: Expression;
  readonly by: Expression;
  readonly body: Block;
}

/** `cpu(number, () => { ... })` */
export interface OnCpu {
  readonly kind: 'cpu';
  readonly span: Span;
  /** The source on one line, the body left out. */
  readonly text: string;
  readonly cpu: Expression;
  readonly body: Block;
}

/** `interleave('0*3 1', () => { ... }, () => { ... })`: the i-th body runs on CPU i. */
export interface Interleave {
  readonly kind: 'interleave';
  readonly span: Span;
  /** The source on one line, the bodies left out. */
  readonly text: string;
  readonly schedule: Schedule;
  readonly bodies: readonly Block[];
}

/** Which CPU takes each step, as far as the script says. */
export interface Schedule {
  readonly span: Span;
  readonly turns: readonly number[];
}

export interface Block {
  readonly kind: 'block';
  readonly span: Span;
  readonly statements: readonly Statement[];
}

export type Expression = Integer | Name | Unary | Binary | Call | Parenthesised;

/** A 64-bit integer, exact. `true` and `false` are 1 and 0. */
export interface Integer {
  readonly kind: 'integer';
  readonly span: Span;
  readonly value: bigint;
}

export interface Name {
  readonly kind: 'name';
  readonly span: Span;
  readonly name: string;
}

export interface Unary {
  readonly kind: 'unary';
  readonly span: Span;
  readonly operator: UnaryOperator;
  readonly operand: Expression;
}

export interface Binary {
  readonly kind: 'binary';
  readonly span: Span;
  readonly operator: BinaryOperator;
  readonly left: Expression;
  readonly right: Expression;
}

export interface Call {
  readonly kind: 'call';
  readonly span: Span;
  readonly name: string;
  /** The source on one line, without comments. */
  readonly text: string;
  readonly arguments: readonly CallArgument[];
}

export interface Parenthesised {
  readonly kind: 'parenthesised';
  readonly span: Span;
  readonly inner: Expression;
}

export type CallArgument = Expression | StringLiteral | ArrayLiteral;

export interface StringLiteral {
  readonly kind: 'string';
  readonly span: Span;
  readonly value: string;
}

export interface ArrayLiteral {
  readonly kind: 'array';
  readonly span: Span;
  readonly elements: readonly Expression[];
}

export const UNARY_OPERATORS = ['-', '~', '+'] as const;
export type UnaryOperator = (typeof UNARY_OPERATORS)[number];

export const BINARY_OPERATORS = ['+', '-', '*', '/', '%', '<<', '>>', '&', '|', '^'] as const;
export type BinaryOperator = (typeof BINARY_OPERATORS)[number];

export const LOOP_TESTS = ['<', '<=', '>', '>='] as const;
export type LoopTest = (typeof LOOP_TESTS)[number];

/** Integers run from -2^63 to 2^64 - 1: whatever 64 bits can mean, signed or not. */
export const SMALLEST_INTEGER = -(2n ** 63n);
export const LARGEST_INTEGER = 2n ** 64n - 1n;

/** The most bodies of an interleave(): as many CPUs as the model has. */
export const MAX_BODIES = 64;

/** The most CPUs that a scenario can number: the kernel's own NR_CPUS limit on x86. */
export const MAX_CPUS = 8192;
