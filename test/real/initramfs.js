/** An initramfs for a real kernel, made without tools: busybox, an init, and a program that makes pages secret. */

/** @typedef {{ name: string, mode: number, content?: Uint8Array | string }} Entry Modes as of stat(2), with the type. */

const [DIRECTORY, PROGRAM] = [0o040755, 0o100755];

/** How many pages the program takes out of the direct map. */
export const SECRET_PAGES = 64;

/** What init prints when there is nothing more to come. */
export const READY = 'directmap: ready';

const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t devtmpfs dev /dev
[ -e /qemu_fw_cfg.ko ] && insmod /qemu_fw_cfg.ko
/secret &
sleep 1
uname -r
grep DirectMap /proc/meminfo
echo ${READY}
while :; do sleep 1000; done
`;

/**
 * The files, uncompressed, in the "newc" form of cpio.
 * @param {Uint8Array} busybox statically linked
 * @param {Uint8Array | undefined} module qemu_fw_cfg.ko, through which the kernel hands its VMCOREINFO to QEMU
 */
export function makeInitramfs(busybox, module) {
  /** @type {Entry[]} */
  const entries = [
    ...['bin', 'proc', 'dev'].map((name) => ({ name, mode: DIRECTORY })),
    { name: 'bin/busybox', mode: PROGRAM, content: busybox },
    { name: 'init', mode: PROGRAM, content: INIT },
    { name: 'secret', mode: PROGRAM, content: secretProgram() },
  ];
  if (module !== undefined) entries.push({ name: 'qemu_fw_cfg.ko', mode: PROGRAM, content: module });
  entries.push({ name: 'TRAILER!!!', mode: 0 });
  return Buffer.concat(entries.flatMap(cpioEntry));
}

/**
 * @param {Entry} entry
 * @param {number} index
 */
function cpioEntry({ name, mode, content = '' }, index) {
  const bytes = Buffer.from(content);
  const numbers = [index + 1, mode, 0, 0, 1, 0, bytes.length, 0, 0, 0, 0, name.length + 1, 0];
  const header = `070701${numbers.map((number) => number.toString(16).padStart(8, '0')).join('')}${name}\0`;
  return [padded(Buffer.from(header)), padded(bytes)];
}

/** @param {Buffer} bytes */
function padded(bytes) {
  return Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
}

/** For x86-64: memfd_secret(), ftruncate(), mmap(), a byte written to each of SECRET_PAGES pages, pause() for ever. */
function secretProgram() {
  const code = Buffer.from(
    [
      'b8bf010000 31ff 0f05', // eax = memfd_secret(0)
      '89c7 be00000400 b84d000000 0f05', // ftruncate(eax, 256 KiB)
      '4189f8 31ff ba03000000 41ba01000000 4531c9 b809000000 0f05', // rax = mmap(0, 256 KiB, rw, shared, fd, 0)
      'b940000000 c60001 480500100000 ffc9 75f3', // 64 times: *rax = 1, rax += 4096
      'b822000000 0f05 ebf7', // pause(), again and again
    ]
      .join('')
      .replaceAll(' ', ''),
    'hex',
  );
  const base = 0x400000n;
  const start = 64 + 56;
  const header = Buffer.alloc(start);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  header.writeUInt16LE(2, 16); // ET_EXEC
  header.writeUInt16LE(62, 18);
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(base + BigInt(start), 24);
  header.writeBigUInt64LE(64n, 32);
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  header.writeUInt32LE(1, 64); // PT_LOAD
  header.writeUInt32LE(5, 68); // readable, executable
  header.writeBigUInt64LE(base, 80);
  header.writeBigUInt64LE(BigInt(start + code.length), 96);
  header.writeBigUInt64LE(BigInt(start + code.length), 104);
  header.writeBigUInt64LE(4096n, 112);
  return Buffer.concat([header, code]);
}
