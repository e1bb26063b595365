/**
 * The remote serial protocol of GDB (its manual, appendix "GDB Remote Serial Protocol"), as far as reading takes it.
 *
 *     $payload#checksum       the sum of the payload's bytes modulo 256, two hexadecimal digits; answered by a +
 *     } and a byte            in a payload: that byte xor 0x20
 *
 * Requests may be sent before earlier ones are answered: the answers come in the same order.
 */

import type { Socket } from 'node:net';
import { InputError } from '../../errors.ts';
import { reasonOf, unreadable } from './socket_address.ts';

/** Far more than a stub sends in a packet or, for one command, prints. */
const MAX_PACKET = 2 ** 16;
const MAX_TEXT = 2 ** 20;

const [PLUS, MINUS, DOLLAR, HASH, ESCAPE] = [0x2b, 0x2d, 0x24, 0x23, 0x7d];
/** Replies that say why the guest stands still. Nothing that is asked for here is answered so. */
const STOPPED = /^[TSWX]/;

/** Lets the guest run on. With the process: QEMU wants it if anybody before announced that he knows of several. */
export const DETACH = 'D;1';

interface Request {
  /** What it has printed so far, in hexadecimal. */
  printed: string;
  resolve(answer: { reply: string; printed: string }): void;
  reject(error: Error): void;
}

export class GdbConnection {
  readonly where: string;
  /** Whether the stub said, unasked, that the guest has stopped: it ran until somebody attached. */
  heardStop = false;
  /** Whether the stub has sent anything: until then another may be attached. */
  #served = false;
  readonly #socket: Socket;
  readonly #silence: number;
  readonly #waiting: Request[] = [];
  #received: Buffer = Buffer.alloc(0);
  #timer: NodeJS.Timeout | undefined;
  #failure: InputError | undefined;

  /** Every request has to be answered within `silence` milliseconds of the one before. */
  constructor(socket: Socket, where: string, silence: number) {
    this.where = where;
    this.#socket = socket;
    this.#silence = silence;
    socket.on('data', (bytes) => this.#hear(bytes));
    socket.on('error', (error) => this.#fail(unreadable(where, reasonOf(error))));
    socket.on('close', () => this.#fail(unreadable(where, 'the connection was closed')));
  }

  /**
   * What the stub replies: empty where it does not know the request, E and two digits for an error.
   * @throws InputError where it replies nothing, or what is not of the protocol.
   */
  async request(payload: string): Promise<string> {
    return (await this.#send(payload)).reply;
  }

  /** What a command of QEMU's monitor prints; undefined where there is no monitor. @throws InputError as `request`. */
  async monitor(command: string): Promise<string | undefined> {
    const { reply, printed } = await this.#send(`qRcmd,${Buffer.from(command).toString('hex')}`);
    return reply === 'OK' ? Buffer.from(printed, 'hex').toString() : undefined;
  }

  close(): void {
    this.#fail(unreadable(this.where, 'it was closed'));
  }

  /** Closes it, unless the stub has begun to answer. */
  closeUnserved(): void {
    if (!this.#served) this.close();
  }

  /** An answer that this request cannot have. */
  unexpected(what: string, found: string, expected: string): InputError {
    return new InputError({ code: 'bad-format', what, where: this.where, found, expected });
  }

  #send(payload: string): Promise<{ reply: string; printed: string }> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) {
        reject(this.#failure);
        return;
      }
      this.#waiting.push({ printed: '', resolve, reject });
      if (this.#waiting.length === 1) this.#watch();
      this.#socket.write(packet(payload));
    });
  }

  /** Gives the next request its time. */
  #watch(): void {
    clearTimeout(this.#timer);
    if (this.#waiting.length === 0) return;
    const silent = () => {
      const hint = this.#served ? '' : ' (a debugger port has one client at a time: is there another?)';
      this.#fail(unreadable(this.where, `no answer within ${this.#silence / 1000} s${hint}`));
    };
    this.#timer = setTimeout(silent, this.#silence);
  }

  #hear(bytes: Buffer): void {
    this.#served = true;
    try {
      this.#received = Buffer.concat([this.#received, bytes]);
      while (this.#failure === undefined) {
        const payload = this.#takePacket();
        if (payload === undefined) return;
        this.#answer(payload);
      }
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      this.#fail(error);
    }
  }

  #takePacket(): string | undefined {
    let start = 0;
    while (this.#received[start] === PLUS) start++;
    this.#received = this.#received.subarray(start);
    if (this.#received.length === 0) return undefined;
    const what = "the debugger port's packet";
    if (this.#received[0] === MINUS)
      throw this.unexpected(what, 'a request to send it again', 'no errors of transmission on a socket');
    if (this.#received[0] !== DOLLAR) {
      throw this.unexpected(what, this.#received.toString('latin1', 0, 20), '$: the protocol of GDB');
    }
    const hash = this.#received.indexOf(HASH);
    if (hash < 0 || this.#received.length < hash + 3) {
      if (this.#received.length <= MAX_PACKET) return undefined;
      throw this.unexpected(what, `${this.#received.length} bytes`, `at most ${MAX_PACKET} bytes`);
    }
    const body = this.#received.subarray(1, hash);
    const sum = this.#received.toString('latin1', hash + 1, hash + 3);
    const expected = checksum(body);
    if (sum.toLowerCase() !== expected) throw this.unexpected(`checksum of ${what}`, sum, expected);
    this.#received = this.#received.subarray(hash + 3);
    return unescaped(body);
  }

  #answer(payload: string): void {
    this.#socket.write('+');
    if (STOPPED.test(payload)) {
      this.heardStop = true;
      return;
    }
    const request = this.#waiting[0];
    if (request === undefined) throw this.unexpected('packet that nobody asked for', payload, 'none');
    if (/^O(?:[0-9a-f]{2})+$/i.test(payload)) {
      request.printed += payload.slice(1);
      if (request.printed.length <= MAX_TEXT) return;
      throw this.unexpected('text that a command prints', 'more', `at most ${MAX_TEXT / 2} bytes`);
    }
    this.#waiting.shift();
    this.#watch();
    request.resolve({ reply: payload, printed: request.printed });
  }

  #fail(error: InputError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    clearTimeout(this.#timer);
    // When the other client leaves, QEMU takes up this connection, closed or not, and stops the guest for it.
    if (!this.#served && this.#socket.writable) this.#socket.write(packet(DETACH));
    this.#socket.destroySoon();
    for (const request of this.#waiting.splice(0)) request.reject(error);
  }
}

/** A request as it is sent. It holds no byte that would have to be escaped. */
function packet(payload: string): string {
  return `$${payload}#${checksum(Buffer.from(payload, 'latin1'))}`;
}

function checksum(bytes: Uint8Array): string {
  let sum = 0;
  for (const byte of bytes) sum = (sum + byte) & 0xff;
  return sum.toString(16).padStart(2, '0');
}

function unescaped(body: Buffer): string {
  if (!body.includes(ESCAPE)) return body.toString('latin1');
  const bytes: number[] = [];
  for (let at = 0; at < body.length; at++) {
    bytes.push(body[at] === ESCAPE ? (body[++at] ?? 0) ^ 0x20 : body[at]!);
  }
  return Buffer.from(bytes).toString('latin1');
}
