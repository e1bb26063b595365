import { describe, expect, test } from 'vitest';
import { InputError } from '../../../src/errors.ts';
import { type SyncRequest, urlSource } from '../../../web/reader/url_source.ts';
import { repetitive } from '../../support/repetitive.ts';

const BYTES = repetitive(50_000);

interface Answer {
  readonly status: number;
  readonly size?: string | null;
  readonly body?: Uint8Array<ArrayBuffer>;
}

/** A server of `BYTES`, but for what a test says it answers. */
class FakeRequest implements SyncRequest {
  responseType = '';
  status = 0;
  response: unknown;
  readonly #answer: (method: string, range: string) => Answer;
  #method = '';
  #range = '';
  #size: string | null = null;

  constructor(answer: (method: string, range: string) => Answer) {
    this.#answer = answer;
  }

  open(method: string, url: string, isAsync: false): void {
    expect([url, isAsync]).toEqual(['http://127.0.0.1:8011/file/vmcore', false]);
    this.#method = method;
  }

  setRequestHeader(name: string, value: string): void {
    expect(name).toBe('Range');
    this.#range = value;
  }

  getResponseHeader(name: string): string | null {
    return name === 'Content-Length' ? this.#size : null;
  }

  send(): void {
    const { status, size = null, body } = this.#answer(this.#method, this.#range);
    this.status = status;
    this.#size = size;
    this.response = body === undefined ? null : body.buffer;
  }
}

function serveBytes(method: string, range: string): Answer {
  if (method === 'HEAD') return { status: 200, size: String(BYTES.length) };
  const [, start, last] = /^bytes=(\d+)-(\d+)$/.exec(range)!;
  return { status: 206, body: BYTES.slice(Number(start), Number(last) + 1) };
}

const open = (answer: (method: string, range: string) => Answer) =>
  urlSource('http://127.0.0.1:8011/file/vmcore', 'vmcore', () => new FakeRequest(answer));

describe('urlSource', () => {
  test('asks for the parts that are read', () => {
    const ranges: string[] = [];
    const source = open((method, range) => {
      if (method === 'GET') ranges.push(range);
      return serveBytes(method, range);
    });
    expect(source.size).toBe(50_000);
    expect(source.read(10, 20)).toEqual(BYTES.subarray(10, 30));
    expect(source.read(49_990, 10)).toEqual(BYTES.subarray(49_990));
    expect(source.read(100, 40_000)).toEqual(BYTES.subarray(100, 40_100));
    expect(ranges).toEqual(['bytes=0-16383', 'bytes=49152-49999', 'bytes=100-40099']);
    expect(() => source.read(49_999, 2)).toThrow(InputError);
  });

  test.each<[string, Answer]>([
    ['the server answers 404', { status: 404, size: '4' }],
    ['the server answers 200', { status: 200 }],
    ['the server answers 200', { status: 200, size: 'many' }],
  ])('refuses what is no file: %s', (message, head) => {
    expect(() => open(() => head)).toThrow(`vmcore: cannot read the dump: ${message}`);
  });

  test.each<[string, Answer]>([
    ['the server answers 200 to a request for a part of it', { status: 200, body: BYTES }],
    ['the server answers 416', { status: 416 }],
    ['the server answers 206 to', { status: 206 }],
    ['50000 bytes came of 16384 from 0 on', { status: 206, body: BYTES }],
    ['0 bytes came of 16384 from 0 on', { status: 206, body: new Uint8Array() }],
  ])('refuses what is not the part that it asked for: %s', (message, part) => {
    const source = open((method, range) => (method === 'HEAD' ? serveBytes(method, range) : part));
    expect(() => source.read(0, 8)).toThrow(`vmcore: cannot read the dump: ${message}`);
  });

  test('says so when the server is gone', () => {
    const silent = () => {
      throw new Error('NetworkError');
    };
    expect(() => open(silent)).toThrow('vmcore: cannot read the dump: its server does not answer');
  });
});
