import { describe, expect, it } from 'vitest';
import { directmap, expectMessage } from './directmap.ts';

describe('directmap ask', () => {
  it('tells where a call cannot fail and why, where it can, and who would notice', () => {
    const { stdout, stderr, status } = directmap(
      ...['ask', 'set_direct_map_default_noflush(page)', '--kernel', 'v5.10'],
    );
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^set_direct_map_default_noflush\(\) on x86_64 v5\.10\.223\n/);
    expect(stdout).toMatch(
      / {2}a 4K entry, not present: [\d,]+ calls\n +because {2}__change_page_attr\(\): /,
    );
    expect(stdout).toMatch(/^ {2}F1 {2}-ENOMEM: no page table for a split; no page is changed$/m);
    expect(stdout).toMatch(/^ {6}notices {2}return value$/m);
    const long = stdout.split('\n').filter((line) => line.length > 72 && !line.includes('directmap replay'));
    expect(long).toEqual([]);
    expect(status).toBe(1);
  });

  it('gives traces that can be replayed', () => {
    const { stdout } = directmap('ask', 'set_memory_np(addr, 1)', '--json');
    const { schema, failures } = JSON.parse(stdout);
    expect(schema).toBe('directmap-ask/1');
    const replayed = directmap('replay', failures[0].trace.id);
    expect(replayed.stdout).toContain(failures[0].failure);
    expect(replayed.status).toBe(1);
  });

  it('asks another architecture: riscv returned 0 and did nothing before v5.13', () => {
    const { stdout, status } = directmap(
      ...['ask', 'set_direct_map_invalid_noflush(page)', '--arch', 'riscv64', '--kernel', 'v5.10'],
    );
    expect(stdout).toMatch(/^set_direct_map_invalid_noflush\(\) on riscv64 v5\.10\.223\n/);
    expect(stdout).toMatch(/^ {2}F2 {2}returns 0, and nothing was done$/m);
    expect(stdout).not.toContain('does as asked');
    expect(status).toBe(1);
  });

  it('knows only the functions of the architecture that is asked', () => {
    expectMessage(directmap('ask', 'set_memory_np(addr, 1)', '--arch', 'arm64'), 2, '"set_memory_np"');
    expectMessage(directmap('ask', 'touch(page)', '--arch', 'mips'), 2, '--arch', '"mips"', 'arm64');
  });

  it('explains a call that it does not understand', () => {
    expectMessage(directmap('ask', 'set_memory_pn(addr, 1)'), 2, '"set_memory_pn"', 'set_memory_np');
    expectMessage(
      directmap('ask', 'set_memory_np('),
      2,
      'set_memory_np(',
      "such as 'set_memory_np(addr, 2)'",
    );
  });
});

describe('directmap bisect', () => {
  const CLAIM = 'cpa-updates-are-not-lost';

  it('names the change that turns a claim, and how to see it', () => {
    const { stdout, status } = directmap('bisect', CLAIM, '--from', 'v6.12', '--to', 'v7.2');
    expect(stdout).toMatch(
      /put into v6\.12\.107, this makes it "holds":\n {2}cpa-lock-exempts-pagealloc-only {2}\(/,
    );
    const [, command = ''] = /^ {2}directmap (check .*)$/m.exec(stdout) ?? [];
    expect(directmap(...command.split(' ')).status).toBe(0);
    expect(status).toBe(0);
  });

  it('finds the change of another architecture', () => {
    const { stdout, status } = directmap(
      ...['bisect', 'split-keeps-the-others', '--arch', 'riscv64', '--from', 'v5.10', '--to', 'v6.1'],
    );
    expect(stdout).toMatch(/put into v5\.10\.223, this makes it "holds":\n {2}set-memory-splits {2}\(/);
    expect(status).toBe(0);
  });

  it('says so if the verdict is the same', () => {
    const { stdout, status } = directmap('bisect', CLAIM, '--from', 'v5.10', '--to', 'v6.1');
    expect(stdout).toContain('no change turned it: refuted on both');
    expect(status).toBe(0);
  });

  it('says as JSON what it says as text', () => {
    const { schema, flips } = JSON.parse(directmap('bisect', CLAIM, '--from', 'v6.12', '--json').stdout);
    expect(schema).toBe('directmap-bisect/1');
    expect(flips[0].changes).toMatchObject([{ name: 'cpa-lock-exempts-pagealloc-only' }]);
  });

  it('explains bad input', () => {
    expectMessage(directmap('bisect', 'no-such', '--from', 'v5.10'), 2, 'unknown claim "no-such"');
    expectMessage(directmap('bisect', CLAIM, '--from', 'v1'), 2, '--from', 'unknown kernel "v1"');
    expectMessage(directmap('bisect', CLAIM, '--from', 'v7.2'), 2, 'two that differ');
    expectMessage(directmap('bisect', CLAIM, '--arch', 'mips', '--from', 'v5.10'), 2, '--arch', '"mips"');
    expect(directmap('bisect', CLAIM).status).toBe(2);
  });
});
