/**
 * A guest of QEMU at its debugger port, asked for physical memory and control registers. It stands still while somebody
 * is attached. Facts from QEMU's gdbstub.c (gdbstub/ since v8.1), monitor/ and target/*.
 */

import { EM_AARCH64, EM_LOONGARCH, EM_PPC64, EM_RISCV, EM_S390, EM_X86_64 } from '../elf_machine.ts';
import type { ControlRegisters, PhysicalRange } from '../machine_memory.ts';
import { PAGE_SIZE } from '../physical_memory.ts';
import { DETACH, GdbConnection } from './gdb_connection.ts';
import { monitorRanges, monitorRegisters } from './qemu_monitor.ts';
import { connectTo, parseSocketAddress, unreadable } from './socket_address.ts';

/** What holds for the guest as long as it stands still. */
export interface GuestFacts {
  machine: number | undefined;
  littleEndian: boolean;
  cpus: ControlRegisters[];
  ranges: PhysicalRange[];
}

/** e_machine, by the name that GDB has for an architecture. */
const MACHINES: Readonly<Record<string, number>> = {
  'i386:x86-64': EM_X86_64,
  aarch64: EM_AARCH64,
  's390:64-bit': EM_S390,
  'powerpc:common64': EM_PPC64,
  'riscv:rv64': EM_RISCV,
  loongarch64: EM_LOONGARCH,
};

/** A stub takes at least this much in a packet, and never more than that, in bytes. */
const MIN_PACKET = 64;
const MAX_PACKET = 2 ** 14;
const MAX_XML = 2 ** 20;
/** QEMU's: the address cannot be read. */
const FAULT = 'E14';

export class GdbGuest {
  readonly facts: GuestFacts;
  readonly #connection: GdbConnection;
  /** Bytes to ask for in one request. */
  readonly #chunk: number;
  readonly #runOn: boolean;

  private constructor(connection: GdbConnection, facts: GuestFacts, chunk: number, runOn: boolean) {
    this.#connection = connection;
    this.facts = facts;
    this.#chunk = chunk;
    this.#runOn = runOn;
  }

  /**
   * Stops the guest. `address` is as of `parseSocketAddress`, `where` names it in errors. `leave` ends the wait for a
   * stub that has not begun to answer.
   * @throws InputError where nobody answers within `silence` milliseconds, or it is not QEMU with a whole machine. The
   * guest was let go then.
   */
  static async attach(
    address: string,
    where: string,
    silence: number,
    leave: AbortSignal = new AbortController().signal,
  ): Promise<GdbGuest> {
    const connecting = connectTo(parseSocketAddress(address, where), where, silence);
    const connection = new GdbConnection(await unlessAborted(connecting, leave, where), where, silence);
    leave.addEventListener('abort', () => connection.closeUnserved());
    let runOn = false;
    try {
      const packetSize = await readPacketSize(connection);
      runOn = await ranBefore(connection);
      const target = await readXml(connection, 'target.xml', packetSize);
      if ((await connection.request('Qqemu.PhyMemMode:1')) !== 'OK') {
        throw connection.unexpected(
          'debugger port',
          'one that does not read physical memory',
          'that of QEMU with a whole machine (Qqemu.PhyMemMode)',
        );
      }
      const facts = await readFacts(connection, target, packetSize);
      // Two digits for a byte, and $, # and the checksum around them; at most what a debugger of 4 KiB buffers asks for.
      return new GdbGuest(connection, facts, (packetSize - 4) >> 1, runOn);
    } catch (error) {
      await letGo(connection, runOn);
      throw error;
    }
  }

  /** @throws InputError where the stub stops answering. */
  async readFrame(pfn: number): Promise<Uint8Array | undefined> {
    const address = pfn * PAGE_SIZE;
    const requests: Promise<string>[] = [];
    for (let at = 0; at < PAGE_SIZE; at += this.#chunk) {
      const length = Math.min(this.#chunk, PAGE_SIZE - at);
      requests.push(this.#connection.request(`m${(address + at).toString(16)},${length.toString(16)}`));
    }
    const replies = await Promise.all(requests);
    if (replies.includes(FAULT)) return undefined;
    const digits = replies.join('');
    if (!/^[0-9a-f]*$/i.test(digits) || digits.length !== 2 * PAGE_SIZE) {
      const found = replies.find((reply) => /^E/.test(reply)) ?? `${digits.length} digits`;
      throw this.#connection.unexpected(
        `memory at 0x${address.toString(16)}`,
        found,
        `${2 * PAGE_SIZE} hexadecimal digits`,
      );
    }
    return Uint8Array.from(Buffer.from(digits, 'hex'));
  }

  /** Lets the guest run on, if it ran before, and takes no more requests. Does not throw. */
  async detach(): Promise<void> {
    await letGo(this.#connection, this.#runOn);
  }
}

async function letGo(connection: GdbConnection, runOn: boolean): Promise<void> {
  try {
    // QEMU keeps this for whoever attaches next.
    await connection.request('Qqemu.PhyMemMode:0');
    if (runOn) await connection.request(DETACH);
  } catch {
    // A guest that does not answer has nothing to be released from.
  } finally {
    connection.close();
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal, where: string): Promise<T> {
  const aborted = new Promise<never>((_, reject) => {
    signal.addEventListener('abort', () => reject(unreadable(where, 'it was closed')));
  });
  return Promise.race([promise, aborted]);
}

async function readPacketSize(connection: GdbConnection): Promise<number> {
  const features = await connection.request('qSupported:xmlRegisters=i386');
  const size = Number.parseInt(/(?:^|;)PacketSize=([0-9a-f]{1,8})(?:;|$)/i.exec(features)?.[1] ?? '', 16);
  if (size >= MIN_PACKET) return Math.min(size, MAX_PACKET);
  throw connection.unexpected('answer to qSupported', features, `PacketSize of at least ${MIN_PACKET}`);
}

/**
 * Whether the guest ran when it was attached to. Until v8.1 QEMU tells that it has stopped. Later ones tell only of a
 * reason to stand still other than a pause; a guest that was paused by its monitor runs on afterwards.
 */
async function ranBefore(connection: GdbConnection): Promise<boolean> {
  const [version, status] = await Promise.all([
    connection.monitor('info version'),
    connection.monitor('info status'),
  ]);
  if (connection.heardStop) return true;
  const [, major = '9', minor = '0'] = /^(\d+)\.(\d+)/.exec(version?.trim() ?? '') ?? [];
  if (Number(major) < 8 || (major === '8' && minor === '0')) return false;
  return status === undefined || /^VM status: (?:paused|running)\s*$/.test(status);
}

/** A file that the stub has of the guest. Stubs that have one and were not asked for it do not tell of registers. */
async function readXml(connection: GdbConnection, name: string, packetSize: number): Promise<string> {
  const length = (packetSize - 5).toString(16);
  let text = '';
  while (text.length <= MAX_XML) {
    const request = `qXfer:features:read:${name}:${text.length.toString(16)},${length}`;
    const reply = await connection.request(request);
    const isLast = reply.startsWith('l');
    if (!isLast && !(reply.startsWith('m') && reply.length > 1)) {
      throw connection.unexpected(`${name} of the debugger port`, reply, 'l or m, and text');
    }
    text += reply.slice(1);
    if (isLast) return text;
  }
  throw connection.unexpected(`${name} of the debugger port`, 'more', `at most ${MAX_XML} bytes`);
}

async function readFacts(connection: GdbConnection, target: string, packetSize: number): Promise<GuestFacts> {
  const machine = MACHINES[/<architecture>\s*([^<]*?)\s*<\/architecture>/.exec(target)?.[1] ?? ''];
  const registers = (await connection.monitor('info registers -a')) ?? '';
  const cpus = monitorRegisters(registers);
  if (machine === EM_AARCH64 && target.includes('"system-registers.xml"')) {
    cpus.push(await readSystemRegisters(connection, packetSize));
  }
  return {
    machine,
    littleEndian: machine !== EM_S390 && !(machine === EM_PPC64 && isBigEndianPowerpc(registers)),
    cpus: cpus.filter((cpu) => Object.keys(cpu).length > 0),
    ranges: monitorRanges((await connection.monitor('info mtree -f')) ?? ''),
  };
}

/** By MSR[LE] of the first CPU, bit 0. */
function isBigEndianPowerpc(registers: string): boolean {
  return /\bMSR [0-9a-f]{15}[02468ace]\b/i.test(registers);
}

/** The kernel's translation registers, of the first CPU only. QEMU numbers the registers in the file. */
async function readSystemRegisters(connection: GdbConnection, packetSize: number): Promise<ControlRegisters> {
  const xml = await readXml(connection, 'system-registers.xml', packetSize);
  const registers: Record<string, bigint> = {};
  for (const name of ['TTBR1_EL1', 'TCR_EL1', 'MAIR_EL1']) {
    const element = new RegExp(`<reg [^>]*name="${name}"[^>]*>`).exec(xml)?.[0] ?? '';
    const number = /regnum="(\d{1,6})"/.exec(element)?.[1];
    if (number === undefined) continue;
    const digits = await connection.request(`p${Number(number).toString(16)}`);
    if (/^[0-9a-f]{16}$/i.test(digits)) registers[name] = Buffer.from(digits, 'hex').readBigUInt64LE();
  }
  return registers;
}
