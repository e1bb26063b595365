/** The object literal at the top of a script. Its values stay data: what they mean is not known here. */

import type * as acorn from 'acorn';
import {
  type ConfigOption,
  type Feature,
  type Header,
  type HeaderValues,
  MAX_CPUS,
  type Placed,
  type RamRange,
} from './ast.ts';
import { clip, spanOf } from './node_words.ts';
import type { Translator } from './parse.ts';

const MAX_INDEX_BITS = 13;

type Readers = { readonly [Key in keyof HeaderValues]: (node: acorn.AnyNode) => HeaderValues[Key] };

/** Reads the header, with the translator's integers and messages. */
export class HeaderReader {
  private readonly translator: Translator;

  constructor(translator: Translator) {
    this.translator = translator;
  }

  private readonly readers: Readers = {
    title: (node) => this.string(node, 'title'),
    kernel: (node) => this.string(node, 'kernel'),
    arch: (node) => this.string(node, 'arch'),
    ram: (node) => this.ram(node),
    cpus: (node) => this.count(node, 'cpus', 1, MAX_CPUS),
    config: (node) => this.config(node),
    boot: (node) => this.string(node, 'boot'),
    runs_on: (node) => this.strings(node, 'runs_on', "'ARCH KERNELS: BOOT'"),
    levels: (node) => this.count(node, 'levels', 2, 5),
    page_size: (node) => this.pageSize(node),
    geometry: (node) => this.count(node, 'geometry', 1, MAX_INDEX_BITS),
    features: (node) => this.features(node),
  };

  read(object: acorn.ObjectExpression): Header {
    const header: { [Key in keyof HeaderValues]?: Placed<unknown> } = {};
    for (const { key, name, value } of this.properties(object, 'header')) {
      if (!this.isHeaderKey(name)) {
        throw this.translator.unknownName(key, 'header key', name, Object.keys(this.readers));
      }
      header[name] = { value: this.readers[name](value), span: spanOf(value) };
    }
    return header as Header;
  }

  private isHeaderKey(name: string): name is keyof HeaderValues {
    return Object.hasOwn(this.readers, name);
  }

  private properties(object: acorn.ObjectExpression, what: string) {
    const seen = new Set<string>();
    return object.properties.map((property) => {
      const name = propertyName(property);
      if (name === undefined || property.type !== 'Property') {
        throw this.translator.unexpected(property, what, 'name: value');
      }
      if (seen.has(name)) throw this.translator.unexpected(property, what, `\`${clip(name)}\` only once`);
      seen.add(name);
      return { key: property.key, name, value: property.value };
    });
  }

  private string(node: acorn.AnyNode, what: string): string {
    if (node.type === 'Literal' && typeof node.value === 'string') return node.value;
    throw this.translator.unexpected(node, what, 'a string');
  }

  private strings(node: acorn.AnyNode, what: string, each: string): Placed<string>[] {
    const expected = `[${each}, ...]`;
    if (node.type !== 'ArrayExpression') throw this.translator.unexpected(node, what, expected);
    return node.elements.map((element) => {
      if (element === null) throw this.translator.unexpected(node, what, expected);
      return { value: this.string(element, `part of ${what}`), span: spanOf(element) };
    });
  }

  private count(node: acorn.AnyNode, what: string, min: number, max: number): number {
    const expected = `an integer from ${min} to ${max}`;
    const value = this.scalar(node, what, expected);
    if (typeof value === 'string') throw this.translator.unexpected(node, what, expected);
    if (value < min || value > max) throw this.translator.outOfRange(node, what, String(value), expected);
    return Number(value);
  }

  private scalar(node: acorn.AnyNode, what: string, expected: string): bigint | string {
    if (node.type === 'Literal' && typeof node.value === 'string') return node.value;
    if (node.type !== 'Literal' || typeof node.value === 'boolean') {
      throw this.translator.unexpected(node, what, expected);
    }
    return this.translator.integer(node, what, expected).value;
  }

  private ram(node: acorn.AnyNode): string | RamRange[] {
    if (node.type === 'Literal' && typeof node.value === 'string') return node.value;
    if (node.type !== 'ArrayExpression' || node.elements.length === 0) {
      throw this.translator.unexpected(node, 'ram', "an amount such as '4G', or [[start, end], ...]");
    }
    return node.elements.map((element) => this.ramRange(element ?? node));
  }

  private ramRange(node: acorn.AnyNode): RamRange {
    const expected = '[start, end], both inclusive';
    if (node.type !== 'ArrayExpression') throw this.translator.unexpected(node, 'range of ram', expected);
    const [start, end, ...more] = node.elements;
    if (start == null || end == null || more.length > 0) {
      throw this.translator.unexpected(node, 'range of ram', expected);
    }
    return { start: this.address(start), end: this.address(end), span: spanOf(node) };
  }

  private address(node: acorn.AnyNode): bigint | string {
    return this.scalar(node, 'end of a range of ram', 'an integer or a string');
  }

  private pageSize(node: acorn.AnyNode): string | number {
    const value = this.scalar(node, 'page_size', "a size such as '16K'");
    return typeof value === 'string' ? value : Number(value);
  }

  private features(node: acorn.AnyNode): Feature[] {
    const expected = '{ name: true, ... }';
    if (node.type !== 'ObjectExpression') throw this.translator.unexpected(node, 'features', expected);
    return this.properties(node, 'features').map(({ key, name, value }) => {
      if (value.type === 'Literal' && typeof value.value === 'boolean')
        return { name, value: value.value, span: spanOf(key) };
      const number = this.scalar(value, 'value in features', 'true, false or an integer');
      if (typeof number === 'string')
        throw this.translator.unexpected(value, 'value in features', 'true, false or an integer');
      return { name, value: Number(number), span: spanOf(key) };
    });
  }

  private config(node: acorn.AnyNode): ConfigOption[] {
    const expected = "{ CONFIG_NAME: 'y', ... }";
    if (node.type !== 'ObjectExpression') throw this.translator.unexpected(node, 'config', expected);
    return this.properties(node, 'config').map(({ key, name, value }) => {
      if (!/^\w+$/.test(name)) throw this.translator.unexpected(key, 'name in config', expected);
      const setting = this.scalar(value, 'value in config', "'y', 'n', a string or an integer");
      return { name, value: setting, span: spanOf(key) };
    });
  }
}

function propertyName(node: acorn.Property | acorn.SpreadElement): string | undefined {
  const plain = node.type === 'Property' && node.kind === 'init' && !node.method;
  if (!plain || node.shorthand || node.computed) return;
  if (node.key.type === 'Identifier') return node.key.name;
  return node.key.type === 'Literal' && typeof node.key.value === 'string' ? node.key.value : undefined;
}
