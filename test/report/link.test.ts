import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeLink, encodeLink, type LinkState, replayLink } from '../../src/report/link.ts';

const SCRIPT = "({ ram: '2G' });\n\nconst page = alloc_pages(9);\nset_memory_np(page_address(page), 512);\n";

describe('a link', () => {
  it('is short and readable for a scenario of the library', async () => {
    const state = { scenario: 'thread/large-np-leaf.js', kernel: 'v7.2', refuse: '2,5', moment: 17 };
    expect(await encodeLink(state)).toBe('s=thread/large-np-leaf.js&k=v7.2&refuse=2,5&m=17');
  });

  it('holds a script that is in no library, packed', async () => {
    const link = await encodeLink({ script: SCRIPT });
    expect(link).toMatch(/^z=[\w-]+$/);
    expect(link.length).toBeLessThan(SCRIPT.length * 1.3);
    expect(await decodeLink(`https://example.org/directmap/#${link}`)).toEqual({ script: SCRIPT });
  });

  it('has no character that a mail or a quoted shell word breaks at', async () => {
    const link = await encodeLink({
      boot: "debug_pagealloc=on it's",
      schedules: ['', '0*3 1'],
      ask: 'f(a, 1)',
    });
    expect(link).not.toMatch(/[\s'"<>]/);
    expect(link).toContain('turns=.0*3_1');
  });

  it('is the same state after being read', async () => {
    const text = fc.string({ minLength: 1, maxLength: 60, unit: 'grapheme' });
    const states = fc.record(
      {
        view: fc.constantFrom('check' as const, 'inspect' as const),
        script: text,
        kernel: text,
        boot: text,
        config: text,
        claim: text,
        ask: text,
        schedules: fc.constantFrom(['0*3 1'], ['', '1 0*2']),
        moment: fc.nat(99_999),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(states, async (state) => {
        expect(await decodeLink(`#${await encodeLink(state as LinkState)}`)).toEqual(state);
      }),
      { numRuns: 200 },
    );
  });

  it('leads to a replay by its id', async () => {
    const id = 'no-large-np-leaf@v7.2.13;9:0*set_memory_np,0,4~k3f2';
    expect(await decodeLink(replayLink(id))).toEqual({ replay: id });
    expect(replayLink(id)).toBe(`r=${id}`);
  });

  it.each([
    ['x'.repeat(70_000), 'length of the link: 70000 characters is out of range: expected at most 65536'],
    ['z=AAAA', 'part z of the link: found AAAA, expected a script as the workbench packs it'],
    ['z=%%%', 'part z of the link: found %%%'],
    ['v=evil', 'unknown part of the workbench "evil"'],
    ['onload=alert(1)', 'unknown part of a link "onload"'],
    ['m=-1', 'part m of the link: found -1, expected a number of moments'],
    ['k=%E0%A4%A', 'part k of the link'],
    [`k=${'a'.repeat(5000)}`, 'k of the link: 5000 characters is out of range: expected at most 4096'],
  ])('that is none is refused: %s', async (link, message) => {
    await expect(decodeLink(link)).rejects.toThrow(message);
  });

  it('has no room for a script that it could not be read with', async () => {
    await expect(encodeLink({ script: ' '.repeat(70_000) })).rejects.toThrow('at most 65536 for a link');
    const random = Array.from({ length: 60_000 }, (_, i) => String.fromCharCode(33 + ((i * i * 7919) % 89)));
    const link = await encodeLink({ script: random.join('') });
    expect(await decodeLink(link)).toEqual({ script: random.join('') });
  });

  it('whose script would unpack to more than a script may have is refused', async () => {
    const bomb = await encodeLink({ script: ' '.repeat(60_000) });
    expect(bomb.length).toBeLessThan(200);
    const deflated = new Blob(['x'.repeat(10_000_000)])
      .stream()
      .pipeThrough(new CompressionStream('deflate-raw'));
    const bytes = new Uint8Array(await new Response(deflated).arrayBuffer());
    const text = Buffer.from(bytes).toString('base64url');
    await expect(decodeLink(`z=${text}`)).rejects.toThrow('at most');
  });
});
