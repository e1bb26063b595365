/** directmap inspect and diff, as a user has them. */

import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { buildKdump, flatten, type KdumpCompression } from '../support/kdump_writer.ts';
import { openCore } from '../support/open_core.ts';
import { directmap, expectMessage, ROOT, scratch } from './directmap.ts';

const CORES = 'test/data/cores/';
const DEBIAN = `${CORES}x86_64-6.1-debian.core.gz`;

function json(...args: string[]) {
  const { status, stdout, stderr } = directmap('inspect', ...args, '--json');
  expect(stderr).toBe('');
  return { status, ...JSON.parse(stdout) };
}

/** A core's pages as a file of raw memory: what is at `address` from byte `offset` on. */
function rawMemoryOf(
  core: string,
  pieces: readonly { address: number; offset: number; size: number }[],
): string {
  const path = scratch(`raw-${pieces.length}`, '');
  const file = openSync(path, 'r+');
  const elf = openCore(ROOT + core);
  for (const { start, size } of elf.segments) {
    for (let address = start; address < start + size; address += 4096) {
      const piece = pieces.find((each) => each.address <= address && address < each.address + each.size)!;
      writeSync(file, elf.readFrame(address / 4096)!, 0, 4096, piece.offset + address - piece.address);
    }
  }
  closeSync(file);
  return path;
}

describe('directmap inspect', () => {
  it('tells how the direct map is made, what could be larger, and which rules are broken', () => {
    const { status, stdout } = directmap('inspect', DEBIAN);
    expect(status).toBe(0);
    expect(stdout).toContain('x86_64, 4-level, Linux 6.1.0-');
    expect(stdout).toMatch(/direct map\s+4\.0 GiB at 0xffff888000000000 to 0xffff888140000000/);
    expect(stdout).toMatch(/1G +1 {2}1 GiB +rw nx/);
    expect(stdout).toMatch(/not present +3 {2}12 KiB +4K A D NX/);
    expect(stdout).toMatch(/left by secretmem/);
    expect(stdout).toMatch(/2M blocks +\d+ of 2,047 are mapped by smaller leaves/);
    expect(stdout).toMatch(/note {5}not-present: 3 pages in 2 places/);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(72);
  });

  it('counts the leaves of every recorded machine as they were counted when it was recorded', () => {
    const names = readdirSync(ROOT + CORES).filter((name) => name.endsWith('.json'));
    expect(names.length).toBeGreaterThan(20);
    for (const name of names) {
      const recorded = JSON.parse(readFileSync(ROOT + CORES + name, 'utf8'));
      const core = CORES + name.replace('.json', '.core.gz');
      const hash = name.includes('hash');
      const root =
        recorded.arch === 'riscv64' && recorded.kernel.startsWith('5.10') ? ['--root', recorded.root] : [];
      const { status, stdout } = directmap('inspect', core, '--json', ...root);
      expect([name, status]).toEqual([name, hash ? 3 : 0]);
      expect([name, JSON.parse(stdout).linearLeaves]).toEqual([name, recorded.linearLeaves]);
    }
  });

  it('explains an address: every entry, what is there, who else maps it, what the kernel says', () => {
    const { status, stdout } = directmap('inspect', DEBIAN, '0xffffffff81000000', 'pfn:0x1000');
    expect(status).toBe(0);
    expect(stdout).toMatch(/PMD at 0x[0-9a-f]+ +0x00000000010001e1 {2}P A D PSE G\n/);
    expect(stdout).toMatch(/so +2M leaf, ro x, to physical 0x1000000 \(pfn 0x1000\)/);
    expect(stdout).toMatch(/also at +0xffff888001000000, direct map: 2M ro nx/);
    expect(stdout).toMatch(/also at +0xffffffff81000000, kernel image: 2M ro x/);
    expect(stdout).toMatch(/kernel_page_present\(\): true; _PAGE_PRESENT/);
  });

  it('explains a page that is not present: its frame, and who leaves such entries', () => {
    const { findings } = json(DEBIAN);
    const { pfn } = findings.find(({ rule }: { rule: string }) => rule === 'not-present').places[0];
    const { addresses } = json(DEBIAN, `pfn:${pfn}`);
    expect(addresses).toHaveLength(1);
    expect(addresses[0]).toMatchObject({ present: false, pfn, kernelPagePresent: { answer: false } });
    expect(addresses[0].origins.map(({ who }: { who: string }) => who).join()).toContain('secretmem');
  });

  it('takes an address for what it looks like', () => {
    const frame = json(DEBIAN, '1000').addresses[0];
    expect(frame.address).toBe('0xffff888001000000');
    expect(json(DEBIAN, 'phys:0x1000000').addresses[0].address).toBe(frame.address);
    expect(json(DEBIAN, 'ffff888001000000').addresses[0].address).toBe(frame.address);
    expect(json(DEBIAN, '0x1000').addresses[0].address).toBe(frame.address);
  });

  it('explains the address that was asked for, not one near to it', () => {
    expect(json(DEBIAN, '0xffff888000098fff').addresses[0].pfn).toBe('0x98');
    for (const address of ['0x7fffdeadb000', '0xffffffff', 'phys:0x7fff000000000']) {
      expectMessage(directmap('inspect', DEBIAN, address), 2, 'out of range');
    }
  });

  it('refuses options that would not be heeded', () => {
    const refused = [
      ['0x1000', '--ranges'],
      ['--fail-on', ''],
      ['--output', 'same.html', '--html', 'same.html'],
      ['--arch', 'x86_64', '--phys-base', '0,0x1000@0x2000,0x1000@0x5000'],
    ];
    const both = directmap('inspect', DEBIAN, '--json', '--ranges');
    expect(both.status).toBe(2);
    expect(both.stderr).toContain("'--json' cannot be used with option '--ranges");
    for (const options of refused) expectMessage(directmap('inspect', DEBIAN, ...options), 2);
  });

  it('does not ask a running guest for what would stop it for long, or for ever', () => {
    expectMessage(directmap('inspect', 'gdb:127.0.0.1:1', '--scan'), 2, 'qmp:');
    for (const guest of ['gdb:127.0.0.1:1', 'qmp:127.0.0.1:1']) {
      expectMessage(directmap('diff', guest, guest), 2, 'the same running guest');
    }
  });

  it('exits with 3 where it found no direct map', () => {
    const found = directmap('inspect', DEBIAN, '--root', '0x123000');
    expect(found.status).toBe(3);
  });

  it('does not take a core for raw memory because of an option of raw memory', () => {
    expect(json(DEBIAN, '--phys-base', '0x1000').kind).toBe(json(DEBIAN).kind);
  });

  it('prints all ranges as text, CSV or one JSON object a line', () => {
    const text = directmap('inspect', DEBIAN, '--ranges').stdout;
    expect(text).toContain('---[ direct map at 0xffff888000000000 ]---');
    const [head, ...rows] = directmap('inspect', DEBIAN, '--ranges', 'csv').stdout.trim().split('\n');
    const lines = directmap('inspect', DEBIAN, '--ranges', 'json').stdout.trim().split('\n');
    expect(head).toBe('region,kind,address,end,pages,count,size,pfn,access,bits,names,why');
    expect(rows).toHaveLength(lines.length);
    const pages = lines.map((line) => JSON.parse(line)).filter(({ region }) => region === 'direct map');
    expect(pages.reduce((sum, range) => sum + range.pages, 0)).toBe(0x100000 - 0x20);
  });

  it('exits with 1 if a rule is broken that one asked for', () => {
    expect(directmap('inspect', DEBIAN, '--fail-on', 'writable-executable').status).toBe(0);
    expect(directmap('inspect', DEBIAN, '--fail-on', 'writable-executable,not-present').status).toBe(1);
    expect(directmap('inspect', DEBIAN, '--fail-on', 'error').status).toBe(0);
    expect(directmap('inspect', DEBIAN, '--fail-on', 'note').status).toBe(1);
    expectMessage(directmap('inspect', DEBIAN, '--fail-on', 'nonsense'), 2, 'unknown rule', 'text-writable');
  });

  it('writes to a file whole or not at all', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'directmap-out-')), 'map.csv');
    expect(directmap('inspect', DEBIAN, '--ranges', 'csv', '--output', file).status).toBe(0);
    expect(readFileSync(file, 'utf8')).toMatch(/^region,/);
    expectMessage(directmap('inspect', DEBIAN, '--json', '--output', '/nowhere/at/all'), 2, '--output');
  });

  it('gives one answer however a machine is written down', () => {
    const { linearLeaves, root } = json(DEBIAN);
    const [GIB, hole] = [2 ** 30, { address: 4 * 2 ** 30, offset: 3 * 2 ** 30, size: 2 ** 31 }];
    const whole = rawMemoryOf(DEBIAN, [{ address: 0, offset: 0, size: 8 * GIB }]);
    const asRaw = ['--arch', 'x86_64', '--root', root];
    expect(json(whole, ...asRaw)).toMatchObject({ linearLeaves, kind: 'raw memory' });
    const split = rawMemoryOf(DEBIAN, [{ address: 0, offset: 0, size: 3 * GIB }, hole]);
    expect(json(split, ...asRaw, '--phys-base', '0,0x100000000@0xc0000000')).toMatchObject({ linearLeaves });
    const unpacked = scratch('unpacked', gunzipSync(readFileSync(ROOT + DEBIAN)));
    expect(json(unpacked).linearLeaves).toEqual(linearLeaves);
    expect(json(scratch('twice.gz', gzipSync(gzipSync(readFileSync(unpacked))))).linearLeaves).toEqual(
      linearLeaves,
    );
  });

  it.each(['none', 'zlib', 'lzo', 'snappy', 'zstd'] satisfies KdumpCompression[])(
    'gives that answer from a kdump file, compressed by %s, flattened or not',
    (compression) => {
      const core = openCore(ROOT + DEBIAN);
      const pages = new Map<number, Uint8Array>();
      for (const { start, size } of core.segments) {
        for (let pfn = start / 4096; pfn < (start + size) / 4096; pfn++) pages.set(pfn, core.readFrame(pfn)!);
      }
      const kdump = buildKdump({ compression, pages, vmcoreinfo: core.vmcoreinfo!.text });
      const { linearLeaves } = json(DEBIAN);
      expect(json(scratch('kdump', kdump))).toMatchObject({ status: 0, linearLeaves });
      expect(json(scratch('kdump.flat', flatten(kdump)))).toMatchObject({ status: 0, linearLeaves });
    },
  );

  it('reads the text that a kernel prints of its tables', () => {
    const text = json(`${CORES}x86_64-5.10-custom.ptdump.txt.gz`);
    const tables = json(`${CORES}x86_64-5.10-custom.core.gz`);
    const sizes = ({ regions }: typeof text) => {
      const { leaves } = regions.find(({ name }: { name: string }) => name === 'direct map');
      const counts: Record<string, number> = {};
      for (const { size, access, count } of leaves) {
        counts[`${size} ${access}`] = (counts[`${size} ${access}`] ?? 0) + count;
      }
      return counts;
    };
    expect(sizes(text)).toEqual(sizes(tables));
    const asked = directmap('inspect', `${CORES}x86_64-5.10-custom.ptdump.txt.gz`, 'pfn:0x1');
    expectMessage(asked, 3, 'not modelled: the walk to an address');
  });

  it('says what is missing, what it found and which option helps', () => {
    expectMessage(directmap('inspect', 'nowhere'), 2, 'nowhere: cannot read', 'no such file');
    expectMessage(directmap('inspect', 'test'), 2, 'it is a directory');
    expectMessage(
      directmap('inspect', 'package.json'),
      2,
      'package.json: format',
      'an ELF core, a kdump file',
    );
    expectMessage(directmap('inspect', scratch('empty', '')), 2, 'empty');
    expectMessage(directmap('inspect', DEBIAN, 'here'), 2, 'found here, expected an address such as');
    expectMessage(directmap('inspect', DEBIAN, '--arch', 'vax'), 2, 'unknown architecture "vax"', 'riscv64');
    expectMessage(directmap('inspect', DEBIAN, '--arch', 'arm64'), 2, 'found arm64, expected x86_64');
    expectMessage(directmap('inspect', DEBIAN, '--root', '12'), 2, '--root');
    const old = `${CORES}riscv64-5.10-tiny.core.gz`;
    expectMessage(directmap('inspect', old), 2, 'VMCOREINFO is missing', '--root ADDRESS');
    expectMessage(directmap('inspect', 'gdb:/nowhere'), 2, 'gdb:/nowhere');
    expectMessage(directmap('inspect', 'qmp:/nowhere'), 2, 'qmp:/nowhere');
  });

  it('refuses the hash MMU, as data too', () => {
    const core = `${CORES}ppc64-6.12-p8-hash.core.gz`;
    expectMessage(directmap('inspect', core), 3, 'not modelled: the hash MMU');
    const { status, stdout } = directmap('inspect', core, '--json');
    expect(status).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ refused: { what: 'the hash MMU' }, linearLeaves: {} });
  });

  it('says of this machine what it may read, and why no more', () => {
    const { status, stdout } = directmap('inspect', 'live');
    expect(status).toBe(0);
    expect(stdout).toMatch(/direct map/);
  });
});

describe('directmap diff', () => {
  const END = `${CORES}x86_64-7.2-debian.end.core.gz`;
  const START = `${CORES}x86_64-7.2-debian.core.gz`;

  it('finds no difference between a dump and itself', () => {
    const { status, stdout } = directmap('diff', DEBIAN, DEBIAN);
    expect(status).toBe(0);
    expect(stdout).toBe('no difference\n');
  });

  it('tells what split, and what was made not present, by range', () => {
    const { status, stdout } = directmap('diff', START, END);
    expect(status).toBe(1);
    expect(stdout).toMatch(/split, made not present\n {4}2M rw nx \(P RW A D PSE G NX\) -> 4K not present/);
    expect(stdout).toMatch(/\n {2}split +[\d,]+ pages/);
    for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(72);
  });

  it('prints changes as JSON, a line each, and the totals last', () => {
    const lines = directmap('diff', START, END, '--json')
      .stdout.trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    const totals = lines.pop();
    expect(totals).toMatchObject({ schema: 'directmap-diff/1', differences: lines.length });
    const split = lines.filter(({ kinds }) => kinds.includes('split'));
    expect(totals.counts.find(({ kind }: { kind: string }) => kind === 'split').places).toBe(split.length);
  });

  it('compares only machines of one architecture', () => {
    expectMessage(directmap('diff', DEBIAN, `${CORES}s390x-6.12-edat.core.gz`), 2, 'found s390x', 'x86_64');
  });
});
