import { describe, expect, it } from 'vitest';
import type { Bounds } from '../../src/check/claim.ts';
import type { Answer } from '../../src/check/jobs.ts';
import { coverageText, spaceText } from '../../src/report/bounds_text.ts';
import { checkText } from '../../src/report/check_text.ts';
import { progressText } from '../../src/report/progress_text.ts';

const BOUNDS: Bounds = {
  geometry: 2,
  pages: 4,
  calls: ['set_memory_np', 'set_memory_p'],
  cpus: 1,
  interleaved: false,
  refusals: 'any',
  states: 1312,
  transitions: 20_000,
  depth: 7,
  exhausted: true,
  collisions: 4.7e-14,
  seconds: 0.2,
  bytesPerState: 30,
};
const WORLD = { leaf: '2M', tlb: false, config: {}, boot: '' } as const;

function answer(kernel: string, parts: Partial<Answer>): Answer {
  return {
    claim: 'pages-come-back',
    sentence:
      '"What was unmapped can be mapped again, always, by everybody, and whatever else may be going on."',
    source: { who: 'Somebody', when: '1 Jan 2020', where: 'a mail' },
    arch: 'x86_64',
    kernel,
    verdict: 'holds',
    bounds: BOUNDS,
    world: WORLD,
    seen: ['a page comes back'],
    ...parts,
  };
}

function refuted(kernel: string): Answer {
  const { seen: _, ...base } = answer(kernel, {});
  return {
    ...base,
    verdict: 'refuted',
    finding: { text: 'a page is lost', failure: 'F1' },
    notices: ['return value', 'WARN'],
    trace: {
      id: `pages-come-back@${kernel};9:0*set_memory_np,0,4~abcd`,
      calls: ['set_memory_np(page, 4)', 'set_memory_p(page, 1)'],
      refusals: 1,
      switches: 0,
      fullSize: true,
      scenario: '',
    },
  };
}

describe('bounds in words', () => {
  it('say what was tried, on what, with what going wrong', () => {
    expect(spaceText(BOUNDS, WORLD)).toBe(
      'any sequence of these calls on the 4 pages of a 2M leaf, in tables of 4 entries; any allocation refused; 1 CPU',
    );
  });

  it('say where two CPUs may take turns, that no memory is refused, and that translations go stale', () => {
    const bounds: Bounds = { ...BOUNDS, cpus: 2, interleaved: true, refusals: 'none' };
    expect(spaceText(bounds, { ...WORLD, leaf: '4K', tlb: true })).toBe(
      'any interleaving of these calls on 4 pages in 4K entries, in tables of 4 entries; no allocation refused; ' +
        '2 CPUs, interleaved at every lock, entry and flush; stale translations used until they are flushed',
    );
    expect(spaceText({ ...BOUNDS, cpus: 2 }, WORLD)).toContain('2 CPUs, taking turns between calls');
  });

  it('say when few places stand for the pages of a full-size leaf', () => {
    const text = spaceText({ ...BOUNDS, geometry: 9 }, WORLD);
    expect(text).toContain('4 places in the 512 pages of a 2M leaf, in tables of 512 entries');
    const giant = spaceText({ ...BOUNDS, geometry: 9 }, { ...WORLD, leaf: '1G' });
    expect(giant).toContain('4 places in the 262,144 pages of a 1G leaf');
  });

  it('say that all was seen, and how likely a collision was', () => {
    expect(coverageText(BOUNDS, false)).toBe(
      '1,312 states, exhausted (any length), at most 7 calls from the first; chance of a hash collision < 1e-13',
    );
  });

  it('say that not all was seen', () => {
    const text = coverageText({ ...BOUNDS, exhausted: false, limit: 'more than 10 s' }, false);
    expect(text).toBe('1,312 states seen, not exhausted, at most 7 calls from the first');
  });
});

describe('verdicts as text', () => {
  it('tell once what all kernels have in common', () => {
    const text = checkText([answer('v5.11', {}), answer('v7.2.13', {})]);
    expect(text).toBe(`pages-come-back
  "What was unmapped can be mapped again, always, by everybody, and
  whatever else may be going on."
  Somebody, 1 Jan 2020: a mail

  explored   any sequence of these calls on the 4 pages of a 2M leaf, in
             tables of 4 entries; any allocation refused; 1 CPU
  calls      set_memory_np(), set_memory_p()
  seen       a page comes back

  v5.11      holds: 1,312 states, exhausted (any length), at most 7
             calls from the first; chance of a hash collision < 1e-13
  v7.2.13    holds: 1,312 states, exhausted (any length), at most 7
             calls from the first; chance of a hash collision < 1e-13

2 hold, 0 refuted, 0 undecided, 0 not modelled; less than 10 s
`);
  });

  it('tell beside a kernel what it has not in common with the others', () => {
    const other = answer('v7.2.13', {
      bounds: { ...BOUNDS, calls: ['set_memory_np', 'set_memory_rox'] },
      world: { ...WORLD, leaf: '4K', config: { DEBUG_PAGEALLOC: 'y' }, boot: 'debug_pagealloc=on' },
      seen: ['nothing much'],
    });
    const text = checkText([answer('v5.11', {}), other]);
    expect(text).toContain(
      'set_memory_np(), set_memory_p() (v5.11), set_memory_rox()\n             (v7.2.13)\n',
    );
    expect(text).toMatch(/explored: any sequence of these calls on 4 pages in 4K\n +entries, /);
    expect(text).toContain('kernel: built with CONFIG_DEBUG_PAGEALLOC=y, booted with\n');
    expect(text).toContain('seen: nothing much');
  });

  it('tell of what a kernel never does beside that kernel, unless none of them does', () => {
    const never = { texts: ['a leaf is split'], because: ['no call asks for memory'] };
    const line = 'never here';
    const all = checkText([answer('v5.10', { never }), answer('v7.2', { never }), refuted('v6.1')]);
    expect(all.split(line)).toHaveLength(2);
    expect(all).toMatch(/^ {2}never here a leaf is split \(no call asks for memory\)$/m);
    const one = checkText([answer('v5.10', { never }), answer('v7.2', {})]);
    expect(one.split(line)).toHaveLength(2);
    expect(one).toMatch(/^ {2}v5\.10 [\s\S]*never here: a leaf is split[\s\S]*^ {2}v7\.2 /m);
  });

  it('tell a refutation with calls, class, who notices, and the command that shows it again', () => {
    expect(checkText([refuted('v5.11')])).toContain(`
  v5.11      refuted: 2 calls, 1 allocation refused
             a page is lost
             1  set_memory_np(page, 4)
             2  set_memory_p(page, 1)
             F1  a page-table page was not to be had
             who notices: return value, WARN
             confirmed with tables of 512 entries
             found after 1,312 states
    directmap replay 'pages-come-back@v5.11;9:0*set_memory_np,0,4~abcd'
`);
  });

  it('tell of the same refutation on another kernel that it is the same', () => {
    const text = checkText([refuted('v5.11'), refuted('v7.2.13')]);
    expect(text).toContain('v7.2.13    refuted: as on v5.11\n');
    expect(text).toContain("directmap replay 'pages-come-back@v7.2.13;");
  });

  it('give the reason and the bounds of what is undecided, and the reason of what is not modelled', () => {
    const { bounds: _, seen: __, world: ___, ...bare } = answer('v6.1.192', {});
    const text = checkText([
      answer('v5.11', {
        verdict: 'undecided',
        because: 'more than 5 s',
        bounds: { ...BOUNDS, exhausted: false },
      }),
      { ...bare, verdict: 'not modelled', because: 'not modelled: it lacks set_memory_p()' },
    ]);
    expect(text).toContain('undecided: more than 5 s\n             1,312 states seen, not exhausted');
    expect(text).toContain('v6.1.192   not modelled: it lacks set_memory_p()\n');
    expect(text).toContain('0 hold, 0 refuted, 1 undecided, 1 not modelled;');
  });

  it('give a kernel with a long name a line of its own', () => {
    expect(checkText([answer('v6.1.192+cpa-collapse', {})])).toContain(
      '\n  v6.1.192+cpa-collapse\n             holds: 1,312 states',
    );
  });

  it('fit in a mail, but for the commands to copy', () => {
    const text = checkText([answer('v5.11', {}), refuted('v6.1.192+cpa-collapse'), refuted('v7.2.13')]);
    const long = text.split('\n').filter((line) => line.length > 72 && !line.includes('directmap replay'));
    expect(long).toEqual([]);
  });
});

describe('the line of progress', () => {
  const progress = { states: 12_345, transitions: 50_000, frontier: 88, bytes: 12 * 2 ** 20 };
  const running = [
    { claim: 'short', kernel: 'v5.11', seconds: 1, progress: undefined },
    { claim: 'long', kernel: 'v7.2.13', seconds: 4, progress },
  ];

  it('tells of the job that has run longest', () => {
    expect(progressText(3, 15, running, 100)).toBe(
      '3/15 done; long v7.2.13; 12,345 states, 3,086/s; 88 wait; 12 MiB',
    );
  });

  it('never wraps', () => {
    expect(progressText(3, 15, running, 20)).toHaveLength(19);
    expect(progressText(0, 1, [], 0)).toBe('');
  });
});
