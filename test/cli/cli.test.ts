import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { directmap, expectMessage, ROOT, SCRATCH, scratch } from './directmap.ts';

const CORE = 'scenarios/cores/x86_64-6.1-debian.core.gz';
const LEAF = 'scenarios/thread/large-np-leaf.js';
const ONE_PAGE = 'scenarios/history/s01-one-page-out-and-back.js';

function script(text: string): string {
  return scratch('script.js', text);
}

describe('every scenario of the library', () => {
  const files = ['thread', 'history'].flatMap((folder) =>
    readdirSync(`${ROOT}scenarios/${folder}`).map((name) => `scenarios/${folder}/${name}`),
  );

  it.each(files)('%s ends as it expects, and cites where it comes from', (file) => {
    const { status, stdout, stderr } = directmap('run', file);
    expect(stderr).toBe('');
    expect(status).toBe(0);
    expect(stdout).toMatch(/^# (S\d+|Rick Edgecombe|Mike Rapoport)/);
  });
});

describe('directmap run', () => {
  it('prints no line longer than 72 columns but for the command that repeats it', () => {
    const { stdout } = directmap('run', LEAF, '--cost');
    const long = stdout.split('\n').filter((line) => line.length > 72 && !line.startsWith('repeat'));
    expect(long).toEqual([]);
  });

  it('takes the kernel, config and boot parameters from the command line over the script', () => {
    const { stdout, status } = directmap(
      ...[
        'run',
        'scenarios/thread/debug-pagealloc-never-splits.js',
        '--kernel',
        'v7.2~cpa-mmap-lock',
        '--json',
      ],
    );
    expect(JSON.parse(stdout)).toMatchObject({ kernel: 'v7.2.13~cpa-mmap-lock', boot: 'debug_pagealloc=on' });
    expect(status).toBe(0);
  });

  it('takes the architecture from the command line, too, and says how to run it so again', () => {
    const { stdout, status } = directmap('run', ONE_PAGE, '--arch', 'arm64');
    expect(stdout).toMatch(/^arm64 v7\.2\.13, 4 GiB, 1 CPU, debug_pagealloc=off rodata=full$/m);
    expect(stdout).toMatch(/^ {5}PTE 0xffff0000[0-9a-f]{8} {2}VALID .*DIRTY\n +-> - /m);
    expect(stdout).toContain(`\nrepeat               directmap run ${ONE_PAGE} --arch arm64\n`);
    expect(status).toBe(0);
  });

  it('takes what the machine has from the command line: without BBML2, arm64 has no large leaf to edit', () => {
    const whole = 'scenarios/history/s46-invalid-block-found.js';
    const changed = (...args: string[]) => {
      const { steps } = JSON.parse(directmap('run', whole, ...args, '--json').stdout);
      return steps[1].changes.filter(({ effect }: { effect: string }) => effect === 'changed');
    };
    expect(changed()).toContainEqual(expect.objectContaining({ level: 'PMD', count: 1 }));
    expect(changed('--features', 'bbml2=n')).toEqual([expect.objectContaining({ level: 'PTE', count: 512 })]);
  });

  it('without debug_pagealloc the same scenario needs memory, and exits with 1', () => {
    const { stdout, status } = directmap(
      'run',
      'scenarios/thread/debug-pagealloc-never-splits.js',
      '--boot',
      '',
    );
    expect(stdout).toContain('EXPECTED 0');
    expect(status).toBe(1);
  });

  it('starts on the page tables of a real machine', () => {
    const { stdout, status } = directmap('run', LEAF, '--from', CORE, '--json');
    expect(status).toBe(0);
    const outcome = JSON.parse(stdout);
    expect(outcome).toMatchObject({
      schema: 'directmap-run/1',
      kernel: 'v6.1.192',
      startedOn: CORE,
      ended: 'died',
    });
    expect(outcome.steps[2]).toMatchObject({
      returned: '-ENOMEM',
      value: -12,
      changes: [],
      expected: { met: true },
    });
    expect(outcome.steps[1].changes).toEqual([
      expect.objectContaining({ level: 'PMD', size: '2M, not present', count: 1, effect: 'changed' }),
    ]);
  });

  it('finds what is free on a machine with debug_pagealloc by its entries', () => {
    const core = 'test/data/cores/x86_64-5.10-debug-pagealloc.core.gz';
    const { status, stdout } = directmap(
      'run',
      'scenarios/thread/debug-pagealloc-never-splits.js',
      '--from',
      core,
    );
    expect(stdout).toContain('512 MiB, 1 CPU, debug_pagealloc=on');
    expect(stdout).toContain('- A D NX\n         -> P RW A D NX   4K each');
    expect(status).toBe(0);
  });

  it('leaves the dump as it was', () => {
    const before = readFileSync(ROOT + CORE);
    directmap('run', LEAF, '--from', CORE);
    expect(readFileSync(ROOT + CORE).equals(before)).toBe(true);
  });

  it('runs the same code on a machine of 256K with two index bits per level', () => {
    const path = script("({ ram: '256K', geometry: 2 })\nset_memory_np(page_address(alloc_pages(2)), 4)\n");
    const { steps } = JSON.parse(directmap('run', path, '--json').stdout);
    expect(steps[1].changes[0]).toMatchObject({ level: 'PUD', size: '64K', effect: 'split' });
    expect(steps[1].changes).toContainEqual(expect.objectContaining({ size: '16K, not present', count: 1 }));
  });

  it('counts what a run costs', () => {
    const { stdout } = directmap('run', ONE_PAGE, '--cost');
    expect(stdout).toMatch(/^splits +1G 1, 2M 1$/m);
    expect(stdout).toMatch(/^page tables +2 allocated, 0 freed$/m);
  });
});

describe('bad input to directmap run', () => {
  it('an unknown kernel lists the known', () => {
    expectMessage(
      directmap('run', LEAF, '--kernel', 'v9.9'),
      2,
      '--kernel',
      '"v9.9"',
      'v5.10.223',
      'v7.2.13',
    );
  });

  it('an unknown architecture lists the known', () => {
    expectMessage(directmap('run', ONE_PAGE, '--arch', 'mips'), 2, '--arch', '"mips"', 'x86_64', 'sparc64');
  });

  it('a release in which there was no such architecture is refused with the reason', () => {
    const result = directmap('run', ONE_PAGE, '--arch', 'loongarch64', '--kernel', 'v5.10');
    expectMessage(result, 3, '--kernel', 'not modelled: loongarch64 v5.10.223', 'v5.19');
  });

  it('a feature that the architecture has not lists those that it has', () => {
    expectMessage(directmap('run', ONE_PAGE, '--features', 'bbml2=y'), 2, 'feature "bbml2"', 'gbpages');
    expectMessage(directmap('run', ONE_PAGE, '--features', 'gbpages'), 2, '--features', 'NAME=y');
  });

  it('an unknown change lists the known', () => {
    expectMessage(directmap('run', LEAF, '--kernel', 'v6.1+x'), 2, 'unknown change "x"', 'cpa-collapse');
  });

  it('an unknown config option lists the known', () => {
    expectMessage(directmap('run', LEAF, '--config', 'FOO=y'), 2, '--config', '"FOO"', 'DEBUG_PAGEALLOC');
  });

  it('a boot parameter that changes what is not modelled is refused', () => {
    expectMessage(directmap('run', LEAF, '--boot', 'nopat'), 3, 'not modelled: boot parameter nopat');
  });

  it('a page outside of RAM gives both numbers and the place', () => {
    const path = script("({ ram: '256M' })\nset_direct_map_invalid_noflush(0x40000)\n");
    expectMessage(directmap('run', path), 2, 'script.js:2:1', 'pfn 0x40000', 'RAM, which ends at pfn 0xffdf');
  });

  it('an address outside of RAM gives both numbers and the place', () => {
    const path = script("({ ram: '256M' })\nset_memory_np(0xffff888100000000, 1)\n");
    expectMessage(
      directmap('run', path),
      2,
      'script.js:2:1',
      'physical 0x100000000',
      'ends at physical 0xffdffff',
    );
  });

  it('a machine too small for its kernel is told so', () => {
    expectMessage(directmap('run', script("({ ram: '16M' })")), 2, 'script.js:1:9', '0x1000000', 'RAM where');
  });

  it('an address of user space is no kernel address', () => {
    expectMessage(
      directmap('run', script('set_memory_np(0x1000, 1)')),
      2,
      'script.js:1:1',
      '0xffff800000000000',
    );
  });

  const mistakes: [string, string, string][] = [
    ['a syntax error', 'set_memory_np(', 'script.js:1:15'],
    ['a function that there is not', 'set_memory_pn(0, 1)', 'script.js:1:1: unknown call "set_memory_pn"'],
    ['too few arguments', 'set_memory_np(1)', 'script.js:1:1'],
    ['a while loop', 'while (1) {}', 'script.js:1:1'],
    ['an unknown key in the header', "({ kernle: 'v6.1' })", 'script.js:1:4'],
    [
      'a kernel in the header that there is not',
      "({ kernel: 'v1.0' })",
      'script.js:1:12: unknown kernel "v1.0"',
    ],
    ['memory that is no size', "({ ram: 'lots' })", 'script.js:1:9'],
    ['a CPU that there is not', 'cpu(3, () => { flush_tlb_all() })', 'script.js:1:1: cpu 3 is out of range'],
  ];
  it.each(mistakes)('%s is told with line and column', (_name, text, message) => {
    expectMessage(directmap('run', script(text)), 2, message);
  });

  it('a function that the kernel lacks is refused with the reason', () => {
    const path = script("({ kernel: 'v6.1', ram: '256M' })\nset_direct_map_valid_noflush(0x1000, 1, 0)");
    expectMessage(
      directmap('run', path),
      3,
      'script.js:2:1',
      'v6.1.192 lacks the change set-direct-map-valid',
    );
  });

  it('a scenario that is not there is said to be so', () => {
    expectMessage(directmap('run', 'no/such.js'), 2, 'no/such.js', 'ENOENT');
    expectMessage(directmap('run', '/'), 2, 'cannot read');
  });

  it('a dump that is garbage, empty or cut short is told as such', () => {
    const core = gunzipSync(readFileSync(ROOT + CORE));
    for (const bytes of [
      Buffer.from('garbage'),
      Buffer.alloc(0),
      core.subarray(0, 5000),
      Buffer.from([0x1f, 0x8b, 8]),
    ]) {
      const result = directmap('run', LEAF, '--from', scratch('dump', bytes));
      expectMessage(result, 2, join(SCRATCH, 'dump'));
    }
  });

  it('a core without VMCOREINFO says which option gives the root, and works with it', () => {
    const core = gunzipSync(readFileSync(ROOT + CORE));
    core.write('XMCOREINFO', core.indexOf('VMCOREINFO'));
    const path = scratch('anonymous.core', core);
    expectMessage(directmap('run', LEAF, '--from', path), 2, 'VMCOREINFO is missing', '--root ADDRESS');
    expectMessage(directmap('run', LEAF, '--from', path, '--root', '0x123'), 2, '--root', 'page-aligned');
    expectMessage(
      directmap('run', LEAF, '--from', path, '--root', '0x5000', '--kernel', 'v6.1'),
      2,
      'top table',
    );
    const { status } = directmap('run', LEAF, '--from', path, '--root', '0x2a10000', '--kernel', 'v6.1');
    expect(status).toBe(0);
  });

  it('a dump of an architecture on whose dumps no script runs is refused as such', () => {
    const result = directmap('run', LEAF, '--from', 'test/data/cores/arm64-6.12.core.gz');
    expectMessage(result, 3, 'arm64-6.12.core.gz', 'not modelled: a run on a dump of arm64');
  });
});

describe('directmap conform', () => {
  const TRACE = 'test/data/traces/x86_64-6.1-debian.jsonl.gz';

  it('says in JSON that nothing differs', () => {
    const { stdout, status } = directmap('conform', TRACE, '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      calls: 212,
      entries: 34086,
      differ: 0,
      files: [{ name: TRACE }],
    });
    expect(status).toBe(0);
  });

  it('prints the first difference, decoded, and exits with 1', () => {
    const text = gunzipSync(readFileSync(ROOT + TRACE)).toString();
    const path = scratch('lie.jsonl', text.replace('"0x800ffffefdfff062"', '"0x800ffffefdfff060"'));
    const { stdout, status } = directmap('conform', path, '--cores', 'test/data/cores');
    expect(stdout).toContain('1 differ');
    expect(stdout).toMatch(/call 1 set_memory_np: PMD 0xffff888102000000 after/);
    expect(stdout).toMatch(/expected 0x800ffffefdfff060 - A D NX\n +found +0x800ffffefdfff062 - RW A D NX/);
    expect(status).toBe(1);
  });

  it('says where it looked for the core', () => {
    const text = gunzipSync(readFileSync(ROOT + TRACE)).toString();
    expectMessage(
      directmap('conform', scratch('lost.jsonl', text)),
      2,
      'x86_64-6.1-debian.core.gz',
      '--cores DIR',
    );
  });

  it('names the line of a broken recording', () => {
    expectMessage(directmap('conform', scratch('broken.jsonl', '{"format":"x"}\n')), 2, 'broken.jsonl:1');
  });
});

describe('usage', () => {
  it('of an unknown command or option exits with 2', () => {
    expect(directmap('fly').status).toBe(2);
    expect(directmap('run', LEAF, '--fly').status).toBe(2);
    expect(directmap('run').status).toBe(2);
  });

  it('is shown by --help, with the exit statuses', () => {
    const { stdout, status } = directmap('--help');
    expect(stdout).toContain('Exit status: 0 clean');
    expect(status).toBe(0);
  });

  it('a reader that goes away does not upset it', () => {
    const { stderr } = spawnSync('bash', ['-c', './bin/directmap changes | head -1'], {
      cwd: ROOT,
      encoding: 'utf8',
    });
    expect(stderr).toBe('');
  });
});
