/** Pieces of JavaScript in words, for messages: what was found, and where. */

import type * as acorn from 'acorn';
import type { Span } from './ast.ts';

/** How much of a script a message quotes. */
const MAX_SNIPPET = 40;

/** Where a node stands. */
export function spanOf({ start, end, loc }: acorn.Node): Span {
  return { line: loc!.start.line, column: loc!.start.column + 1, start, end };
}

const WORDS: { readonly [Type in acorn.AnyNode['type']]?: string } = {
  ArrayExpression: 'an array',
  ArrowFunctionExpression: 'an arrow function',
  AssignmentExpression: 'an assignment',
  BlockStatement: 'a block',
  CallExpression: 'a call',
  ChainExpression: 'optional chaining',
  DoWhileStatement: 'a do-while loop',
  ForInStatement: 'a for-in loop',
  ForOfStatement: 'a for-of loop',
  ForStatement: 'a for loop',
  FunctionExpression: 'a function',
  Identifier: 'a name',
  MemberExpression: 'a property access',
  ObjectExpression: 'an object',
  ParenthesizedExpression: 'parentheses',
  SpreadElement: 'a spread',
  ThisExpression: 'the word this',
  WhileStatement: 'a while loop',
};

export function inWords(node: acorn.AnyNode): string {
  switch (node.type) {
    case 'Literal':
      return literalInWords(node);
    case 'UnaryExpression':
    case 'BinaryExpression':
    case 'LogicalExpression':
    case 'UpdateExpression':
      return `the operator ${node.operator}`;
    case 'VariableDeclaration':
      return withArticle(`${node.kind} declaration`);
    default:
      return WORDS[node.type] ?? withArticle(node.type.replaceAll(/\B[A-Z]/g, ' $&').toLowerCase());
  }
}

function literalInWords({ value, regex, raw = '' }: acorn.Literal): string {
  if (regex !== undefined) return 'a regular expression';
  if (value === null) return 'null';
  if (typeof value === 'number') return literalNumberInWords(raw);
  return withArticle(typeof value === 'bigint' ? 'integer' : typeof value);
}

function literalNumberInWords(raw: string): string {
  if (/^0\d/.test(raw)) return 'an octal number of the old kind';
  return /^\d+$|^0[xob]/i.test(raw) ? 'an integer' : 'a fraction';
}

function withArticle(words: string): string {
  return `${/^[aeiou]/.test(words) ? 'an' : 'a'} ${words}`;
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

export function argumentCount(min: number, max: number): string {
  if (min === max) return plural(min, 'argument');
  return max === Infinity ? `at least ${plural(min, 'argument')}` : `${min} to ${plural(max, 'argument')}`;
}

export function squeeze(text: string): string {
  return text.replaceAll(/[^\S ]\s*| \s+/g, ' ');
}

/** The start of a piece of source on one line, short enough to be quoted. */
export function snippet(source: string): string {
  return clip(squeeze(source.slice(0, 4 * MAX_SNIPPET)).trim());
}

export function clip(text: string): string {
  return text.length <= MAX_SNIPPET ? text : `${text.slice(0, MAX_SNIPPET)}...`;
}
