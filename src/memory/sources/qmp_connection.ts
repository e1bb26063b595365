/**
 * QEMU's machine protocol (docs/interop/qmp-spec.txt of QEMU): a JSON object in a line, one answer to one command, and
 * events in between.
 */

import type { Socket } from 'node:net';
import { InputError } from '../../errors.ts';
import { connectTo, parseSocketAddress, reasonOf, unreadable } from './socket_address.ts';

/** Far more than any answer that is asked for here. */
const MAX_LINE = 2 ** 20;

type JsonObject = { readonly [key: string]: unknown };

interface Waiting {
  resolve(message: JsonObject): void;
  reject(error: InputError): void;
}

export class QmpConnection {
  readonly where: string;
  readonly #socket: Socket;
  readonly #silence: number;
  readonly #events = new Map<string, JsonObject>();
  #received = '';
  #waiting: Waiting | undefined;
  #failure: InputError | undefined;

  private constructor(socket: Socket, where: string, silence: number) {
    this.where = where;
    this.#socket = socket;
    this.#silence = silence;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => this.#hear(text));
    socket.on('error', (error) => this.#fail(unreadable(where, reasonOf(error))));
    socket.on('close', () => this.#fail(unreadable(where, 'the connection was closed')));
  }

  /**
   * Connects, and agrees on capabilities. `address` is as of `parseSocketAddress`, `where` names it in errors.
   * @throws InputError where nobody answers within `silence` milliseconds, or it is no QMP.
   */
  static async open(address: string, where: string, silence: number): Promise<QmpConnection> {
    const socket = await connectTo(parseSocketAddress(address, where), where, silence);
    const connection = new QmpConnection(socket, where, silence);
    try {
      const hint = ' (a QMP socket has one client at a time: is there another?)';
      const greeting = await connection.#next(`no greeting within ${silence / 1000} s${hint}`);
      if (!isObject(greeting.QMP)) throw connection.#unexpected(JSON.stringify(greeting), '{"QMP": ...}');
      await connection.execute('qmp_capabilities');
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /**
   * What a command returns. One at a time.
   * @throws InputError where QEMU refuses it, with QEMU's reason, or does not answer.
   */
  async execute(command: string, args?: JsonObject): Promise<unknown> {
    this.#socket.write(`${JSON.stringify({ execute: command, ...(args && { arguments: args }) })}\n`);
    const answer = await this.#next(`no answer to ${command} within ${this.#silence / 1000} s`);
    if ('return' in answer) return answer.return;
    const { error } = answer;
    if (isObject(error) && typeof error.desc === 'string') {
      throw unreadable(this.where, `QEMU refuses ${command}: ${error.desc}`);
    }
    throw this.#unexpected(JSON.stringify(answer), `the answer to ${command}`);
  }

  /** The data of the last event of a name, if there was one. */
  event(name: string): JsonObject | undefined {
    return this.#events.get(name);
  }

  close(): void {
    this.#fail(unreadable(this.where, 'it was closed'));
  }

  #next(silent: string): Promise<JsonObject> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      const timer = setTimeout(() => this.#fail(unreadable(this.where, silent)), this.#silence);
      this.#waiting = {
        resolve(message) {
          clearTimeout(timer);
          resolve(message);
        },
        reject(error) {
          clearTimeout(timer);
          reject(error);
        },
      };
    });
  }

  #hear(text: string): void {
    this.#received += text;
    const lines = this.#received.split('\n');
    this.#received = lines.pop()!;
    try {
      for (const line of lines) if (this.#failure === undefined) this.#take(line);
      if (this.#received.length > MAX_LINE) {
        throw this.#unexpected(`a line of ${this.#received.length} characters`, `at most ${MAX_LINE}`);
      }
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.#fail(error);
    }
  }

  #take(line: string): void {
    if (line.trim() === '') return;
    const message = parseObject(line);
    if (message === undefined) throw this.#unexpected(line, 'a JSON object in a line');
    if (typeof message.event === 'string') {
      this.#events.set(message.event, isObject(message.data) ? message.data : {});
      return;
    }
    const waiting = this.#waiting;
    if (waiting === undefined) throw this.#unexpected(line, 'silence until there is a command');
    this.#waiting = undefined;
    waiting.resolve(message);
  }

  #unexpected(found: string, expected: string): InputError {
    return new InputError({
      code: 'bad-format',
      what: 'message of QMP',
      where: this.where,
      found,
      expected,
    });
  }

  #fail(error: InputError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#socket.destroy();
    this.#waiting?.reject(error);
    this.#waiting = undefined;
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseObject(line: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
