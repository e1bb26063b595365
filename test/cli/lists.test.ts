import { describe, expect, it } from 'vitest';
import { directmap, expectMessage } from './directmap.ts';

/** What stands of an architecture in a text of paragraphs. */
function paragraph(text: string, name: string): string {
  return text.split('\n\n').find((each) => each.startsWith(`${name}  `)) ?? '';
}

describe('directmap kernels', () => {
  it('lists every kernel of every architecture, with its number of changes', () => {
    const { stdout, status } = directmap('kernels');
    expect(stdout).toMatch(/^v5\.11 +x86_64 +\d+ changes +v5\.10\.223 and the four patches of the series/m);
    expect(stdout).toMatch(/^v7\.2\.13 +sparc64 /m);
    expect(stdout).not.toMatch(/^v5\.10\.223 +loongarch64 /m);
    expect(status).toBe(0);
  });

  it('lists those of one architecture, by any of its names', () => {
    const { stdout } = directmap('kernels', '--arch', 'loong64');
    const kernels = stdout.split('\n').filter((line) => line.startsWith('v'));
    expect(kernels.map((line) => line.split(/ +/).slice(0, 2))).toEqual([
      ['v6.1.192', 'loongarch64'],
      ['v6.12.107', 'loongarch64'],
      ['v7.2.13', 'loongarch64'],
    ]);
  });

  it('lists them for programs', () => {
    const all = JSON.parse(directmap('kernels', '--json').stdout);
    const x86 = JSON.parse(directmap('kernels', '--arch', 'x86_64', '--json').stdout);
    expect(x86.map(({ name }: { name: string }) => name)).toEqual([
      'v5.10.223',
      'v5.11',
      'v6.1.192',
      'v6.12.107',
      'v7.2.13',
    ]);
    expect(all).toEqual(expect.arrayContaining(x86));
    expect(x86[1]).toMatchObject({ changes: expect.arrayContaining(['hibernate-explicit-map']) });
  });
});

describe('directmap changes', () => {
  it('lists the differences between kernels, with the commit of each', () => {
    const { stdout, status } = directmap('changes');
    expect(stdout).toContain('cpa-collapse  (v6.15)');
    expect(stdout.split('\n').filter((line) => line.length > 72)).toEqual([]);
    expect(status).toBe(0);
  });

  it('lists those of another architecture: the shared ones and its own', () => {
    const { stdout } = directmap('changes', '--arch', 'arm64');
    expect(stdout).toMatch(/^linear-map-split {2}\(/m);
    expect(stdout).toMatch(/^hibernate-explicit-map {2}\(v5\.11\)$/m);
    expect(stdout).not.toContain('cpa-collapse');
  });

  it('lists them for programs, with the kernels that have each', () => {
    const changes = JSON.parse(directmap('changes', '--json').stdout);
    expect(changes).toContainEqual(expect.objectContaining({ name: 'cpa-collapse', kernels: ['v7.2.13'] }));
    const riscv = JSON.parse(directmap('changes', '--arch', 'riscv', '--json').stdout);
    expect(riscv).toContainEqual(
      expect.objectContaining({
        name: 'set-memory-splits',
        commit: '311cd2f6e253',
        kernels: ['v6.1.192', 'v6.12.107', 'v7.2.13'],
      }),
    );
  });
});

describe('directmap archs', () => {
  it('lists the architectures, what else they are called, and what machines and builds may have', () => {
    const { stdout, status } = directmap('archs');
    expect(paragraph(stdout, 'arm64')).toMatch(/^arm64 {2}\(also aarch64\)\n {2}feature /);
    expect(paragraph(stdout, 'arm64')).toMatch(/^ {2}feature bbml2=false: the boot CPU may /m);
    expect(paragraph(stdout, 'x86_64')).toMatch(/^ {2}config {2}X86_DIRECT_GBPAGES=y: /m);
    expect(paragraph(stdout, 'loongarch64')).toContain('no v5.10.223: loongarch came with v5.19');
    expect(stdout.split('\n').filter((line) => line.length > 72)).toEqual([]);
    expect(status).toBe(0);
  });

  it('lists them for programs', () => {
    const archs = JSON.parse(directmap('archs', '--json').stdout);
    expect(archs.map(({ name }: { name: string }) => name)).toEqual([
      ...['x86_64', 'arm64', 'riscv64', 's390x', 'ppc64', 'loongarch64', 'sparc64'],
    ]);
    expect(archs[3]).toMatchObject({
      aliases: ['s390'],
      features: { edat1: { default: true, meaning: expect.stringContaining('1M leaves') } },
      config: { HIBERNATION: { default: 'n', meaning: expect.any(String) } },
      missing: {},
      kernels: ['v5.10.223', 'v5.11', 'v6.1.192', 'v6.12.107', 'v7.2.13'],
    });
    expect(archs[5]).toMatchObject({
      missing: { 'v5.11': expect.stringContaining('v5.19') },
      kernels: ['v6.1.192', 'v6.12.107', 'v7.2.13'],
    });
  });
});

describe('bad input to the lists', () => {
  it.each(['kernels', 'changes'])('directmap %s lists the architectures that can be named', (command) => {
    expectMessage(directmap(command, '--arch', 'mips'), 2, '--arch', '"mips"', 'riscv64', 'sparc64');
  });
});
