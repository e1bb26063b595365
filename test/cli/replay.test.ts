import { describe, expect, it } from 'vitest';
import { encodeTrace } from '../../src/check/trace/trace_id.ts';
import { directmap, expectMessage, scratch } from './directmap.ts';

const LEAF = {
  calls: [{ name: 'set_memory_np' }],
  first: 0,
  pages: 4,
  cpus: [0],
  exclusive: false,
  text: '',
};
const START = { claim: 'no-large-np-leaf', kernel: 'v7.2.13', geometry: 9 };
const BEGIN = { cpu: 0, action: LEAF, refused: [] };
const ID = encodeTrace(START, [BEGIN]);

describe('directmap replay', () => {
  it('prints the claim, the finding and the run, and exits with 1', () => {
    const { stdout, stderr, status } = directmap('replay', ID);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^no-large-np-leaf\n {2}"A new caller/);
    expect(stdout).toContain('\nRefuted on v7.2.13: a large leaf is not present');
    expect(stdout).toContain('\nF1  a page-table page was not to be had\nwho notices: nobody\n');
    expect(stdout).toMatch(/PMD 0xffff8880\w+ {2}P RW A D PSE G NX\n +-> - RW A D NX {3}2M, not present\n/);
    expect(stdout).toContain(`repeat               directmap replay '${ID}'\n`);
    expect(stdout).toContain(`see it               directmap serve '#r=${ID}'\n`);
    expect(status).toBe(1);
  });

  it('takes what directmap check printed', () => {
    const { results } = JSON.parse(
      directmap('check', 'cpa-updates-are-not-lost', '--kernel', 'v5.10', '--json').stdout,
    );
    const { stdout, status } = directmap('replay', results[0].trace.id, '--json');
    const { schema, finding, notices, trace, outcome } = JSON.parse(stdout);
    expect({ schema, finding, notices, trace }).toEqual({
      schema: 'directmap-replay/1',
      finding: results[0].finding,
      notices: results[0].notices,
      trace: results[0].trace,
    });
    expect(outcome).toMatchObject({ schema: 'directmap-run/1', expectationsFailed: 0 });
    expect(status).toBe(1);
  });

  it('with --scenario prints a file that directmap run takes', () => {
    const { stdout, status } = directmap('replay', ID, '--scenario');
    expect(status).toBe(1);
    expect(directmap('run', scratch('replayed.js', stdout)).status).toBe(0);
  });

  it('joins an id that a mail has broken, quoted or not, and finds it in a link', () => {
    const half = ID.length / 2;
    for (const args of [
      [ID.slice(0, half), ID.slice(half)],
      [`${ID.slice(0, half)}\n> ${ID.slice(half)}`],
      [`https://example.org/#${ID}`],
      [`https://example.org/directmap/#r=${ID}`],
    ]) {
      expect(directmap('replay', ...args).status).toBe(1);
    }
  });

  it('says of a trace that shows nothing that the claim holds on it, and exits with 0', () => {
    const one = { ...LEAF, pages: 1 };
    const { stdout, status } = directmap('replay', encodeTrace(START, [{ ...BEGIN, action: one }]));
    expect(stdout).toMatch(
      /\nOn v7\.2\.13 the claim holds on this trace\. .*the model\s+has changed since\.\n/,
    );
    expect(status).toBe(0);
  });
});

describe('an id that cannot be replayed is explained:', () => {
  const replaying = (start: Partial<typeof START> & { cpus?: number }, ...choices: object[]) =>
    encodeTrace({ ...START, ...start }, choices as never);

  const cases: [string, string, string][] = [
    ['cut off', ID.slice(0, -8), 'was it cut off'],
    ['cut at a semicolon by a shell', ID.slice(0, ID.indexOf(';')), 'the id must stand in'],
    ['mistyped', ID.replace('np,0,4', 'np,0,3'), 'a character was changed or lost'],
    ['nothing like an id', 'hello', 'claim@kernel;geometry:choices~check'],
    ['of an unknown claim', replaying({ claim: 'no-large-np-leaves' }, BEGIN), 'was it renamed?'],
    ['of an unknown kernel', replaying({ kernel: 'v4.4' }, BEGIN), 'unknown kernel "v4.4"'],
    ['of a geometry that there is not', replaying({ geometry: 5 }, BEGIN), 'geometry 1, 2, 3 or 9'],
    ['of too many CPUs', replaying({ cpus: 900 }, BEGIN), '1 to 4 CPUs'],
    [
      'with a call that the claim does not make',
      replaying({}, { ...BEGIN, action: { ...LEAF, calls: [{ name: 'set_memory_uc' }] } }),
      'this kernel lacks the function',
    ],
    ['on a CPU that the claim has not', replaying({}, { ...BEGIN, cpu: 3 }), 'CPU 0 for set_memory_np(page'],
    [
      'with a step of a CPU that has ended',
      replaying({}, { cpu: 0, refused: [] }),
      'a step is not possible there',
    ],
  ];
  it.each(cases)('%s', (_what, id, message) => {
    expectMessage(directmap('replay', id), 2, 'replay id', message);
  });
});
