/**
 * A debugger port as QEMU has one, of a guest whose memory is easy to foresee, and which can misbehave. In a process of
 * its own too, since those who read it synchronously sleep meanwhile:
 *
 *     node fake_gdb_stub.js SOCKET MODE
 */

import { rmSync } from 'node:fs';
import { createServer } from 'node:net';

/**
 * @typedef {'well' | 'old' | 'old, standing' | 'standing' | 'arm64' | 's390x' | 'no monitor' | 'no physical memory'
 *   | 'silent' | 'silent at memory' | 'slow' | 'slow to attach' | 'drips' | 'closes at memory' | 'bad checksum' | 'giant' | 'giant text'
 *   | 'endless text' | 'other protocol' | 'unasked packet' | 'short reply' | 'error reply' | 'no digits'
 *   | 'wants it again' | 'endless XML' | 'no packet size'} Mode
 */

const PAGE_SIZE = 4096;
/** Two pieces of RAM and one of ROM, and a device in between. */
const MTREE = `FlatView #0
 AS "I/O", root: io
 Root memory region: io
  0000000000000000-000000000000ffff (prio 0, i/o): io

FlatView #1
 AS "memory", root: system
 AS "cpu-memory-0", root: system
 Root memory region: system
  0000000000000000-0000000000003fff (prio 0, ram): ram0
  0000000000004000-0000000000004fff (prio 0, rom): ram0 @0000000000004000
  00000000fec00000-00000000fec00fff (prio 0, i/o): ioapic
  00000000fed00000-00000000fed00fff (prio 0, ramd): vfio
  0000000100000000-000000010000ffff (prio 0, ram): ram0 @0000000000005000
`;
const REGISTERS = `\r\nCPU#0\r\nRAX=0000000000000000\r\nCR0=80050033 CR2=00000000005794a9 CR3=0000000101b92000 CR4=00750ef0\r
\r\nCPU#1\r\nCR0=80050033 CR2=0 CR3=0000000000002000 CR4=00750ef0\r\n`;
const S390_REGISTERS = 'CPU#0\nC00=0000000014040012 C01=0000000002bac1c7 C02=0 C13=00000000013bc007\n';
const SYSTEM_REGISTERS = `<?xml version="1.0"?><feature name="org.qemu.gdb.arm.sys.regs">
<reg name="TTBR1_EL1" bitsize="64" regnum="101" group="cp_regs"/><reg name="TCR_EL1" bitsize="64" regnum="115"/>
<reg bitsize="64" regnum="118" name="MAIR_EL1"/></feature>`;

/** @param {number} address */
export function fakeByte(address) {
  return (Math.floor(address / PAGE_SIZE) * 7 + (address % PAGE_SIZE)) & 0xff;
}

/**
 * @param {string} path of the socket
 * @param {Mode} mode
 * @returns {Promise<{ requests: string[], close(): void }>} What was asked so far, without reads of memory.
 */
export async function serveFakeGdb(path, mode) {
  /** @type {string[]} */
  const requests = [];
  const server = createServer((socket) => {
    // What is sent slowly: some bytes at a time, not whole packets.
    let unsent = '';
    const sender = setInterval(() => {
      if (unsent !== '') socket.write(unsent.slice(0, 1999), 'latin1');
      unsent = unsent.slice(1999);
    }, 1);
    socket.on('close', () => clearInterval(sender));
    /** @param {string} payload */
    const say = (payload) => {
      let sum = 0;
      for (const byte of Buffer.from(payload, 'latin1')) sum = (sum + byte) & 0xff;
      if (mode === 'bad checksum' && payload.length > 500) sum ^= 1;
      const text = `$${payload}#${sum.toString(16).padStart(2, '0')}`;
      if (mode === 'slow') {
        unsent += text;
      } else if (mode === 'slow to attach' && payload.startsWith('PacketSize')) {
        console.log('asked');
        setTimeout(() => socket.write(text), 300);
      } else if (mode === 'drips') {
        socket.write(text.slice(0, 3), 'latin1');
        const timer = setInterval(() => socket.write('0'), 20);
        socket.on('close', () => clearInterval(timer));
      } else {
        socket.write(text, 'latin1');
      }
    };
    socket.on('error', () => {});
    if (mode === 'other protocol') socket.write('SSH-2.0-OpenSSH_9.2\r\n');
    if (mode === 'old') say('T02thread:p01.01;');
    if (mode === 'silent') {
      socket.on('data', (bytes) => requests.push(bytes.toString('latin1')));
      return;
    }
    let received = '';
    socket.on('data', (bytes) => {
      received += bytes.toString('latin1');
      for (;;) {
        const match = /^\+*\$([^#]*)#..(?:\+*)/.exec(received);
        if (match === null) return;
        received = received.slice(match[0].length);
        socket.write('+');
        answer(match[1] ?? '', say, socket);
      }
    });
  });

  /**
   * @param {string} request
   * @param {(payload: string) => void} say
   * @param {import('node:net').Socket} socket
   */
  function answer(request, say, socket) {
    if (request.startsWith('m')) {
      const [address = 0, length = 0] = request
        .slice(1)
        .split(',')
        .map((digits) => Number.parseInt(digits, 16));
      if (mode === 'silent at memory') return;
      if (mode === 'closes at memory') socket.destroy();
      else if (mode === 'giant') socket.write(`$${'0'.repeat(2 ** 20)}`);
      else if (mode === 'unasked packet') for (let i = 0; i < 9; i++) say('00');
      else if (mode === 'wants it again') socket.write('-');
      else if (mode === 'error reply' || length > 2048) say('E22');
      else if (address === 0x3000) say('E14');
      else if (mode === 'no digits') say('zz'.repeat(length));
      else {
        const bytes = Array.from({ length }, (_, index) => fakeByte(address + index));
        if (mode === 'short reply') bytes.pop();
        say(Buffer.from(bytes).toString('hex'));
      }
      return;
    }
    requests.push(request);
    if (request.startsWith('qRcmd,')) monitor(Buffer.from(request.slice(6), 'hex').toString(), say, socket);
    else if (request.startsWith('qSupported')) {
      say(mode === 'no packet size' ? 'vContSupported+' : 'PacketSize=1000;qXfer:features:read+');
    } else if (request.startsWith('qXfer:features:read:')) readXml(request, say);
    else if (request === 'Qqemu.PhyMemMode:1') say(mode === 'no physical memory' ? '' : 'OK');
    else if (request === 'p65') say('0000c34100000000');
    else if (request === 'p73') say('1000108510000000');
    else if (request === 'p76') say('ff440c0400ff0000');
    else if (request === 'D;1' || request === 'Qqemu.PhyMemMode:0') say('OK');
    else say('');
  }

  /**
   * @param {string} request
   * @param {(payload: string) => void} say
   */
  function readXml(request, say) {
    const [, , , name, range = ''] = request.split(':');
    const architecture = mode === 'arm64' ? 'aarch64' : mode === 's390x' ? 's390:64-bit' : 'i386:x86-64';
    const target = `<target><architecture>${architecture}</architecture>}<xi:include href="system-registers.xml"/></target>`;
    const text = name === 'target.xml' ? target : SYSTEM_REGISTERS;
    const at = Number.parseInt(range, 16);
    const part = mode === 'endless XML' ? 'x'.repeat(4000) : text.slice(at, at + 50).replaceAll('}', '}\x5d');
    say(`${at + 50 < text.length || mode === 'endless XML' ? 'm' : 'l'}${part}`);
  }

  /**
   * @param {string} command
   * @param {(payload: string) => void} say
   * @param {import('node:net').Socket} socket
   */
  function monitor(command, say, socket) {
    const old = mode.startsWith('old');
    /** @type {Record<string, string>} */
    const texts = {
      'info version': old ? '7.2.22Debian 1:7.2+dfsg-7\r\n' : '10.1.0\r\n',
      'info status': mode === 'standing' ? 'VM status: paused (prelaunch)\r\n' : 'VM status: paused\r\n',
      'info mtree -f': MTREE,
      'info registers -a': mode === 'arm64' ? ' PC=0\n' : mode === 's390x' ? S390_REGISTERS : REGISTERS,
    };
    const text = texts[command];
    if (mode === 'no monitor' || text === undefined) {
      say('');
      return;
    }
    if (mode === 'giant text') for (let i = 0; i < 300; i++) say(`O${'20'.repeat(4000)}`);
    if (mode === 'endless text') {
      const timer = setInterval(() => say('O20'), 5);
      socket.on('close', () => clearInterval(timer));
      return;
    }
    for (const line of text.split(/(?<=\n)/)) say(`O${Buffer.from(line).toString('hex')}`);
    say('OK');
  }

  rmSync(path, { force: true });
  await new Promise((resolve) => {
    server.listen(path, () => resolve(undefined));
  });
  return { requests, close: () => server.close() };
}

if (process.argv[1] === import.meta.filename) {
  const [, , path = '', mode = ''] = process.argv;
  const { requests } = await serveFakeGdb(path, /** @type {Mode} */ (mode));
  process.on('SIGTERM', () => {
    console.log(requests.at(-1));
    process.exit();
  });
  console.log('ready');
}
